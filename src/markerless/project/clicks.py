"""Clicks: changes of single points that are in the journal at once and in the label tables a moment later.

The journal is the log that is written first. A click is done when its line is on the disk; the tables, slow to write
where there are thousands of frames, follow. A mark in the journal says how many clicks the tables hold; those behind it
are pending, and whoever reads the labels sees them as if they were in the tables already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.project.journal import Key, Point

POINT, SAVED = "point", "tables saved"
SEEN = {int(value): value for value in Visibility}  # much quicker than Visibility(number)


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


def key_of(entry: Mapping[str, Any]) -> Key:
    """Image, individual and keypoint of a change of a point."""
    return (str(entry.get("image")), str(entry.get("individual")), str(entry.get("keypoint")))


def said_by(entry: Mapping[str, Any]) -> Said:
    """What a change of a point says; an entry that makes no sense says that nothing is known."""
    to, visibility = entry.get("to"), entry.get("visibility", int(Visibility.VISIBLE))
    try:
        point = None if to is None else (float(to[0]), float(to[1]))
        seen = SEEN[visibility]
    except (TypeError, ValueError, LookupError):
        point, seen = None, Visibility.NOT_LABELED
    return Said(point, seen, str(entry.get("who", "")), str(entry.get("time", "")))


def with_clicks(labels: Labels, clicks: Sequence[Mapping[str, Any]], folder: Path, labeler: str) -> Labels:
    """`labels` of one folder after `clicks`. A frame of which nothing is known any more is left out.

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
        if not any((instance.visibility != Visibility.NOT_LABELED).any() for instance in instances):
            del frames[image]
    individuals = dict.fromkeys([*labels.individuals, *(individual for _, individual, _ in latest)])
    return replace(labels, frames=tuple(frames.values()), individuals=tuple(individuals))


def _with_points(
    instances: Sequence[Instance], points: Mapping[tuple[str, str], Said], keypoints: Sequence[str]
) -> tuple[Instance, ...]:
    found = {instance.individual: instance for instance in instances}
    for individual in dict.fromkeys(name for name, _ in points):
        known = found.get(individual) or _nothing(individual, len(keypoints))
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


def _nothing(individual: str, n_keypoints: int) -> Instance:
    unlabeled = np.full(n_keypoints, Visibility.NOT_LABELED, np.int8)
    return Instance(np.full((n_keypoints, 2), np.nan), unlabeled, np.full(n_keypoints, np.nan), individual)
