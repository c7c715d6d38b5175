"""The journal of labels: `journal/<video>.jsonl`, one line for every change, only ever appended to.

Label tables hold coordinates alone. The journal adds who changed what and when, and whether a point is visible,
hidden or looked for in vain, which no DeepLabCut file can say.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock, Timeout

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.storage import storage_error
from markerless.errors import StorageError

JOURNAL_FOLDER = "journal"
SAME_POINT_PX = 1e-3
LOCKED_FOR_S = 60

Point = tuple[float, float] | None
Key = tuple[str, str, str]  # image, individual, keypoint


def journal_path(root: Path, video: str) -> Path:
    """Where the changes of the labels of `video` are written."""
    return root / JOURNAL_FOLDER / f"{video}.jsonl"


@contextmanager
def locked(path: Path, what: str = "journal") -> Iterator[None]:
    """Keep other processes and threads from appending to the journal at `path`, or from writing its `tables`.

    Raises:
        StorageError: the lock cannot be made, as on a read-only disk, or another program holds it for a minute.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.stem}.{what}.lock"), timeout=LOCKED_FOR_S, thread_local=False)
        with lock:
            yield
    except Timeout:
        raise StorageError(f"{path} has been locked by another program for {LOCKED_FOR_S} s; close it") from None
    except OSError as error:
        raise storage_error(error, path) from error


def append(path: Path, changes: Iterable[dict[str, Any]], who: str) -> None:
    """Append `changes`, each with who and when, and sync them to the disk.

    Raises:
        StorageError: the journal cannot be written.
    """
    entries = list(changes)
    if entries:
        with locked(path):
            append_locked(path, entries, who)


def append_locked(path: Path, changes: Iterable[dict[str, Any]], who: str) -> list[dict[str, Any]]:
    """The same for who holds the lock already; gives the entries as they were written.

    Raises:
        StorageError: the journal cannot be written.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    entries = [{"time": now, "who": who, **change} for change in changes]
    lines = [json.dumps(entry, ensure_ascii=False) for entry in entries]
    if not lines:
        return entries
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            if _ends_in_a_line(file):
                lines.insert(0, "")
            file.write(("\n".join(lines) + "\n").encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise storage_error(error, path) from error
    return entries


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The changes in the order they were made; a line torn by a crash is passed over."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                change = json.loads(line)
            except ValueError:
                continue
            if isinstance(change, dict):
                yield change


def read_from(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """The changes behind byte `offset`, and where the next ones begin; a line that is still being written waits.

    Raises:
        StorageError: the journal cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    except OSError as error:
        raise storage_error(error, path) from error
    whole = data[: data.rfind(b"\n") + 1]
    found = []
    for line in whole.decode("utf-8", "replace").split("\n"):
        try:
            change = json.loads(line)
        except ValueError:
            continue
        if isinstance(change, dict):
            found.append(change)
    return found, offset + len(whole)


def changes(before: Labels, after: Labels) -> list[dict[str, Any]]:
    """What happened between two versions of the same video's labels, one entry for a point or a whole frame."""
    old, new = _state(before), _state(after)
    entries: list[dict[str, Any]] = []
    kept = set(after.images)
    entries += [{"change": "frame removed", "image": image} for image in before.images if image not in kept]
    known = set(before.images)
    entries += [{"change": "frame added", "image": image} for image in after.images if image not in known]
    for key in [*old, *(key for key in new if key not in old)]:
        was, now = old.get(key, (None, Visibility.NOT_LABELED)), new.get(key, (None, Visibility.NOT_LABELED))
        if was[1] != now[1] or not same_point(was[0], now[0]):
            image, individual, keypoint = key
            entries.append(
                {
                    "change": "point",
                    "image": image,
                    "individual": individual,
                    "keypoint": keypoint,
                    "from": was[0],
                    "to": now[0],
                    "visibility": int(now[1]),
                }
            )
    return entries


def with_visibility(labels: Labels, entries: Iterable[Mapping[str, Any]]) -> Labels:
    """Labels with the visibility people gave; an entry counts while its point is still where the journal put it."""
    said: dict[Key, tuple[Point, int]] = {}
    for entry in entries:
        if entry.get("change") == "point":
            key = (str(entry.get("image")), str(entry.get("individual")), str(entry.get("keypoint")))
            said[key] = (entry.get("to"), int(entry.get("visibility", Visibility.VISIBLE)))
    if not said:
        return labels
    return replace(labels, frames=tuple(_frame_with(frame, labels, said) for frame in labels.frames))


def _ends_in_a_line(file: BinaryIO) -> bool:
    """True when the last line was torn by a crash."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read() != b"\n"


def _frame_with(frame: LabeledFrame, labels: Labels, said: dict[Key, tuple[Point, int]]) -> LabeledFrame:
    return replace(frame, instances=tuple(_instance_with(i, frame.image, labels, said) for i in frame.instances))


def _instance_with(instance: Instance, image: str, labels: Labels, said: dict[Key, tuple[Point, int]]) -> Instance:
    visibility = instance.visibility.copy()
    for k, name in enumerate(labels.skeleton.keypoints):
        entry = said.get((image, instance.individual, name))
        if entry is not None and same_point(entry[0], _point(instance, k)):
            visibility[k] = entry[1]
    return replace(instance, visibility=visibility)


def _state(labels: Labels) -> dict[Key, tuple[Point, int]]:
    """Point and visibility of every keypoint that somebody has said something about."""
    return {
        (frame.image, instance.individual, name): (_point(instance, k), int(instance.visibility[k]))
        for frame in labels.frames
        for instance in frame.instances
        for k, name in enumerate(labels.skeleton.keypoints)
    }


def _point(instance: Instance, k: int) -> Point:
    x, y = instance.xy[k]
    return (float(x), float(y)) if np.isfinite(x) and np.isfinite(y) else None


def same_point(one: Point, other: Point) -> bool:
    """True for the same place, or none in both; spreadsheets round."""
    if one is None or other is None:
        return one is other
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= SAME_POINT_PX
