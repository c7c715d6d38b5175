"""The journal of labels: `journal/<video>.jsonl`, one line for every change, only ever appended to.

Label tables hold coordinates alone. The journal adds who changed what and when, and whether a point is visible,
hidden or looked for in vain, which no DeepLabCut file can say.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock, Timeout

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.storage import error_of_own_file, storage_error, sync_folder
from markerless.errors import StorageError
from markerless.formats import dlc_labels

JOURNAL_FOLDER = "journal"
SAME_POINT_PX = 1e-3
SEEN = {int(value): value for value in Visibility}  # much quicker than Visibility(number)
LOCKED_FOR_S = 60
GAP = "gap"  # of a table, where nobody has looked: no change that somebody made
OF_POINTS = ("point", GAP)  # entries that say what is known of a keypoint

Point = tuple[float, float] | None
Key = tuple[str, str, str]  # image, individual, keypoint


def journal_path(root: Path, video: str) -> Path:
    """Where the changes of the labels of `video` are written."""
    return root / JOURNAL_FOLDER / f"{video}.jsonl"


@contextmanager
def locked(path: Path, what: str = "journal") -> Iterator[None]:
    """Keep other processes and threads from appending to the journal at `path`, or from writing its `tables`.

    Raises:
        StorageError: the lock cannot be made, as on a read-only disk, or another program holds it for a minute; or what
            is done with it fails, which names the file in hand.
    """
    lock = FileLock(path.with_name(f".{path.stem}.{what}.lock"), timeout=LOCKED_FOR_S, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise StorageError(f"{path} has been locked by another program for {LOCKED_FOR_S} s; close it") from None
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        yield
    except Timeout:  # of another lock
        raise
    except OSError as error:
        raise error_of_own_file(error, path) from error
    finally:
        lock.release()


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
    entries = dated(changes, who)
    if entries:
        _append(path, b"".join(line_of(entry) for entry in entries))
    return entries


def dated(changes: Iterable[dict[str, Any]], who: str) -> list[dict[str, Any]]:
    """The changes with who and when, where they do not say so themselves."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return [{"time": now, "who": who, **change} for change in changes]


def end_last_line(path: Path) -> None:
    """End a line that a crash has torn, so that it counts from now on if it is whole and is passed over if it is not.

    Who decides by what the journal holds calls this first, with the lock held: a line that is whole but for its end
    would else be written a second time.

    Raises:
        StorageError: the journal cannot be written.
    """
    try:
        with path.open("rb") as file:
            is_torn = _is_torn(file)
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, path) from error
    if is_torn:
        _append(path, b"")


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The changes in the order they were made, without lines that a crash tore, or a last one that lacks its end.

    Raises:
        StorageError: the journal cannot be read.
    """
    yield from read_from(path, 0)[0]


def identity(path: Path) -> tuple[int, int, int]:
    """Which file the journal is, and its size; zeros when there is none. A backup that is put back is another file.

    Raises:
        StorageError: the journal cannot be looked at.
    """
    try:
        stat = path.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    except OSError as error:
        raise storage_error(error, path) from error
    return (stat.st_dev, stat.st_ino, stat.st_size)


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
    return _entries(whole), offset + len(whole)


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


def open_entries(labels: Labels, entries: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """What the journal has to say before a table of `labels` is written: which of its gaps are not labeled.

    A table says "absent" of every keypoint without a point of an animal that has another one. Where the last of
    `entries` about a keypoint says that it is not labeled already, nothing is added: it gets one line, however often
    labels are saved. What is absent, as a gap that was read from a table, gets none.
    """
    gaps, nothing = left_open(labels), Visibility.NOT_LABELED
    said = last_said(entries) if gaps else {}
    undated = {"time": "", "who": "", "change": GAP}
    return [
        {**undated, "image": image, "individual": individual, "keypoint": keypoint, "visibility": int(nothing)}
        for image, individual, keypoint in gaps
        if said.get((image, individual, keypoint), (None, None))[1] != nothing
    ]


def append_open(path: Path, labels: Labels, known: tuple[Sequence[Mapping[str, Any]], int]) -> list[dict[str, Any]]:
    """Append the `open_entries` of `labels`, but for points that somebody has clicked on since the journal was read.

    Args:
        path: The journal.
        labels: What the tables shall hold.
        known: The journal as it was read, and where it went on then (`read_from`).

    Returns:
        What was appended.

    Raises:
        StorageError: the journal cannot be read or written.
    """
    entries, end = known
    found = open_entries(labels, entries)
    if found:
        with locked(path):
            end_last_line(path)
            since = last_said(read_from(path, end)[0])
            found = [entry for entry in found if key_of(entry) not in since]
            append_locked(path, found, who="")
    return found


def key_of(entry: Mapping[str, Any]) -> Key:
    """Image, individual and keypoint of a change of a point."""
    return (str(entry.get("image")), str(entry.get("individual")), str(entry.get("keypoint")))


def said_in(entry: Mapping[str, Any]) -> tuple[Point, Visibility]:
    """Where a change of a point puts it, and how it is seen; one that makes no sense says that nothing is known."""
    to = entry.get("to")
    try:
        point = None if to is None else (float(to[0]), float(to[1]))
        return point, SEEN[entry.get("visibility", int(Visibility.VISIBLE))]
    except (TypeError, ValueError, LookupError):
        return None, Visibility.NOT_LABELED


def last_said(entries: Iterable[Mapping[str, Any]]) -> dict[Key, tuple[Point, Visibility]]:
    """Where the last entry about each point puts it, and how it is seen."""
    return {key_of(entry): said_in(entry) for entry in entries if entry.get("change") in OF_POINTS}


def with_visibility(labels: Labels, entries: Iterable[Mapping[str, Any]]) -> Labels:
    """Labels with the visibility people gave; an entry counts while its point is still where the journal put it.

    An animal that has no point in a frame, but of which somebody said that a keypoint is absent, comes back: a row of a
    table that is empty cannot tell one absent keypoint from a frame without the animal.
    """
    said = last_said(entries)
    if not said:
        return labels
    unplaced: dict[str, dict[str, None]] = {}
    for (image, individual, _), (_, visibility) in said.items():
        if visibility == Visibility.ABSENT:
            unplaced.setdefault(image, {})[individual] = None
    frames = [_frame_with(frame, labels, said, unplaced.get(frame.image, {})) for frame in labels.frames]
    return replace(labels, frames=tuple(frames))


def _append(path: Path, lines: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        with path.open("ab+") as file:
            file.write((b"\n" if _is_torn(file) else b"") + lines)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_folder(path.parent)
    except OSError as error:
        raise storage_error(error, path) from error


def _entries(data: bytes) -> list[dict[str, Any]]:
    lines = [line for line in data.split(b"\n") if line.strip()]
    try:  # all at once, in half the time
        found = json.loads(b"[" + b",".join(lines) + b"]")
    except ValueError:
        found = []
    if len(found) != len(lines):  # some are torn
        found = [_entry_in(line) for line in lines]
    return [entry for entry in found if isinstance(entry, dict)]


def _entry_in(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8", "replace"))
    except ValueError:
        return None


def line_of(entry: Mapping[str, Any]) -> bytes:
    """An entry as it is stored; names that are no valid text, which Linux allows for files, are escaped."""
    try:
        text = json.dumps(entry, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(entry).encode("ascii")
    return text + b"\n"


def _is_torn(file: BinaryIO) -> bool:
    """True when the last line was torn by a crash."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read() != b"\n"


def _frame_with(
    frame: LabeledFrame, labels: Labels, said: Mapping[Key, tuple[Point, Visibility]], unplaced: Iterable[str]
) -> LabeledFrame:
    there = {instance.individual for instance in frame.instances}
    more = [nothing_known(name, labels.skeleton.n_keypoints) for name in unplaced if name not in there]
    known = [_instance_with(instance, frame.image, labels, said) for instance in frame.instances]
    back = [_instance_with(instance, frame.image, labels, said) for instance in more]
    known += [instance for instance in back if (instance.visibility != Visibility.NOT_LABELED).any()]
    return replace(frame, instances=tuple(known))


def nothing_known(individual: str, n_keypoints: int) -> Instance:
    """An animal of which nothing is labeled."""
    unlabeled = np.full(n_keypoints, Visibility.NOT_LABELED, np.int8)
    return Instance(np.full((n_keypoints, 2), np.nan), unlabeled, np.full(n_keypoints, np.nan), individual)


def _instance_with(
    instance: Instance, image: str, labels: Labels, said: Mapping[Key, tuple[Point, Visibility]]
) -> Instance:
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


def left_open(labels: Labels) -> list[Key]:
    """Keypoints that nobody has looked for, of animals of which others are placed or absent: a table calls them absent.

    An animal of which all others are absent may have points of keypoints that the project does not know.
    """
    owned = dict(zip(labels.individuals, dlc_labels.owned_keypoints(labels), strict=True))
    return [
        (frame.image, instance.individual, labels.skeleton.keypoints[k])
        for frame in labels.frames
        for instance in frame.instances
        if instance.n_points or (instance.visibility == Visibility.ABSENT).any()
        for k in np.flatnonzero((instance.visibility == Visibility.NOT_LABELED) & owned[instance.individual])
    ]


def _point(instance: Instance, k: int) -> Point:
    x, y = instance.xy[k]
    return (float(x), float(y)) if np.isfinite(x) and np.isfinite(y) else None


def same_point(one: Point, other: Point) -> bool:
    """True for the same place, or none in both; spreadsheets round."""
    if one is None or other is None:
        return one is other
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= SAME_POINT_PX
