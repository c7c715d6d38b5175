"""Clicks: changes of single points that are in the journal at once and in the label tables a moment later.

The journal is the log that is written first. A click is done when its line is on the disk; the tables, slow to write
where there are thousands of frames, follow. A mark in the journal says how many clicks the tables hold; those behind it
are pending, and whoever reads the labels sees them as if they were in the tables already.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.project import journal
from markerless.project.journal import SEEN, Key, Point, key_of, nothing_known
from markerless.project.label_files import DATA_FOLDER, FolderLabels, Note, count

POINT, SAVED, OVERRIDDEN = "point", "tables saved", "overridden"
Entry = Mapping[str, Any]  # of the journal


@dataclass(frozen=True)
class Said:
    """What is known of one keypoint in one frame.

    Attributes:
        to: x and y in pixels; None without a point.
        visibility: Whether it is seen, hidden, absent or not labeled.
        who: Who said so; "" when only the tables do.
        time: When, ISO 8601; "" likewise.
    """

    to: Point = None
    visibility: Visibility = Visibility.NOT_LABELED
    who: str = ""
    time: str = ""


@dataclass(frozen=True)
class SavedClicks:
    """What became of the tables of a folder when clicks were saved.

    Attributes:
        n_clicks: So many; 0 when there were none and nothing was written.
        before: Revision of the tables that the clicks were added to.
        after: Revision of the tables that were written.
        gaps: What the journal was told of gaps in them.
    """

    n_clicks: int = 0
    before: str = ""
    after: str = ""
    gaps: tuple[Entry, ...] = ()


def saved_mark(n_clicks: int) -> dict[str, Any]:
    """The line that says that the tables hold the first `n_clicks` clicks of the journal."""
    return {"change": SAVED, "clicks": n_clicks}


def is_click(entry: Mapping[str, Any]) -> bool:
    """True for a change of a point that came with an id of its own."""
    return entry.get("change") == POINT and isinstance(entry.get("id"), str)


def split_saved(entries: Iterable[Mapping[str, Any]]) -> tuple[int, list[Mapping[str, Any]]]:
    """How many clicks there are, and those that the tables do not hold yet, in the order they were made."""
    clicks: list[Mapping[str, Any]] = []
    n_saved = 0
    for entry in entries:
        if is_click(entry):
            clicks.append(entry)
        elif entry.get("change") == SAVED and isinstance(entry.get("clicks"), int):
            n_saved = max(n_saved, min(entry["clicks"], len(clicks)))
    return len(clicks), clicks[n_saved:]


def said_by(entry: Entry) -> Said:
    """What a change of a point says; an entry that makes no sense says that nothing is known."""
    point, seen = journal.said_in(entry)
    return Said(point, seen, str(entry.get("who", "")), str(entry.get("time", "")))


def said_in_tables(tables: FolderLabels, keypoints: Sequence[str]) -> dict[Key, Said]:
    """What the tables of a folder say of every keypoint of every animal that has a point."""
    state: dict[Key, Said] = {}
    for frame in tables.frames:
        for instance in frame.instances:
            # lists of Python's numbers: picking single ones out of arrays takes ten times as long
            rows = zip(keypoints, instance.xy.tolist(), instance.visibility.tolist(), strict=True)
            for name, (x, y), seen in rows:
                to = (x, y) if math.isfinite(x) and math.isfinite(y) else None
                state[frame.image, instance.individual, name] = Said(to, SEEN[seen], frame.labeler)
    return state


def current(
    tables: FolderLabels, entries: Sequence[Entry], pending: Sequence[Entry], skeleton: Skeleton, labeler: str
) -> FolderLabels:
    """The labels of a folder as they are now: what its tables hold, how people saw it, and the clicks behind the mark.

    Args:
        tables: As read, keypoints of `skeleton`.
        entries: The journal.
        pending: Those of its clicks that shall be added.
        skeleton: Of the project.
        labeler: Whose labels new frames are.
    """
    labels = journal.with_visibility(Labels(skeleton, tables.frames), entries)
    labels = with_clicks(labels, pending, tables.folder, labeler)
    in_clicks = {key_of(entry)[1] for entry in pending}
    more = tuple(name for name in labels.individuals if name in in_clicks and name not in tables.individuals)
    over = overridden(tables, pending, skeleton.keypoints)
    message = f"another program changed {count(len(over), 'point')} before clicks were in the tables; the clicks count"
    notes = (Note(f"{DATA_FOLDER}/{tables.folder.name}", message),) if over else ()
    return replace(
        tables,
        frames=tuple(_without_absent_animals(frame) for frame in labels.frames),
        individuals=(*tables.individuals, *more),
        notes=(*tables.notes, *notes),
    )


def overridden(tables: FolderLabels, pending: Sequence[Entry], keypoints: Sequence[str]) -> list[dict[str, Any]]:
    """Entries for the journal: points that another program has put elsewhere since the first of their pending clicks.

    Where the tables hold what a click found or left, nobody else was there: a crash may have come between the tables
    and the mark.
    """
    of_point: dict[Key, list[Entry]] = {}
    for entry in pending:
        of_point.setdefault(key_of(entry), []).append(entry)
    images = {image for image, _, _ in of_point}
    touched = replace(tables, frames=tuple(frame for frame in tables.frames if frame.image in images))
    state = said_in_tables(touched, keypoints)
    found = []
    for key, clicked in of_point.items():
        there = state.get(key, Said()).to
        expected = [journal.said_in({"to": clicked[0].get("from")})[0], *(said_by(entry).to for entry in clicked)]
        if not any(journal.same_point(there, point) for point in expected):
            names = dict(zip(("image", "individual", "keypoint"), key, strict=True))
            last = said_by(clicked[-1])
            found.append(
                {"change": OVERRIDDEN, **names, "from": there, "to": last.to, "visibility": int(last.visibility)}
            )
    return found


def unknown_keypoints(pending: Iterable[Entry], keypoints: Sequence[str]) -> tuple[str, ...]:
    """Keypoints of clicks that are not among `keypoints`: of a project that was given other names since."""
    return tuple(dict.fromkeys(name for _, _, name in map(key_of, pending) if name not in keypoints))


def with_clicks(labels: Labels, clicks: Sequence[Mapping[str, Any]], folder: Path, labeler: str) -> Labels:
    """`labels` of one folder after `clicks`. A frame whose last animal they unlabel is left out.

    Args:
        labels: Of one folder, visibility included.
        clicks: Changes of points in order; those of unknown keypoints are passed over.
        folder: `labeled-data/<video>`.
        labeler: Whose labels new frames are.
    """
    if not clicks:
        return labels
    latest = {key_of(entry): said_by(entry) for entry in clicks}
    by_image: dict[str, dict[tuple[str, str], Said]] = {}
    for (image, individual, keypoint), said in latest.items():
        by_image.setdefault(image, {})[individual, keypoint] = said
    frames = {frame.image: frame for frame in labels.frames}
    for image, points in by_image.items():
        path = folder / image.rpartition("/")[2]
        frame = frames.get(image) or LabeledFrame(image, (), labeler, path if path.is_file() else None)
        instances = _with_points(frame.instances, points, labels.skeleton.keypoints)
        frames[image] = replace(frame, instances=instances)
        if not instances:  # of one that is left nothing may be known: its points are of keypoints unknown here
            del frames[image]
    individuals = dict.fromkeys([*labels.individuals, *(individual for _, individual, _ in latest)])
    return replace(labels, frames=tuple(frames.values()), individuals=tuple(individuals))


def _with_points(
    instances: Sequence[Instance], points: Mapping[tuple[str, str], Said], keypoints: Sequence[str]
) -> tuple[Instance, ...]:
    found = {instance.individual: instance for instance in instances}
    for individual in dict.fromkeys(name for name, _ in points):
        known = found.get(individual) or nothing_known(individual, len(keypoints))
        xy, visibility = known.xy.copy(), known.visibility.copy()
        for k, keypoint in enumerate(keypoints):
            said = points.get((individual, keypoint))
            if said is not None:
                xy[k] = (np.nan, np.nan) if said.to is None else said.to
                visibility[k] = said.visibility
        score = np.where(np.isnan(xy).any(-1), np.nan, 1.0)
        changed = replace(known, xy=xy, visibility=visibility, score=score)
        found[individual] = changed
        if not (visibility != Visibility.NOT_LABELED).any():
            del found[individual]
    return tuple(found.values())


def _without_absent_animals(frame: LabeledFrame) -> LabeledFrame:
    """An animal of which everything is absent is not there; a frame without an animal has no instances."""
    there = tuple(i for i in frame.instances if not (i.visibility == Visibility.ABSENT).all())
    return frame if len(there) == len(frame.instances) else replace(frame, instances=there)
