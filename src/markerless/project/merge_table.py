"""The table of what studies disagreed in when they were merged: `merge-conflicts.csv`, one line for a point."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from markerless.core.instance import Visibility
from markerless.project.clicks import Said
from markerless.project.merge_labels import Conflict

FILE_NAME = "merge-conflicts.csv"
HEADER = (
    "project",
    "image",
    "individual",
    "keypoint",
    "distance_px",
    "what",
    "kept",
    "into_labeler",
    "into_x",
    "into_y",
    "into_visibility",
    "other_labeler",
    "other_x",
    "other_y",
    "other_visibility",
)
SEEN = {
    Visibility.NOT_LABELED: "not labeled",
    Visibility.OCCLUDED: "hidden",
    Visibility.VISIBLE: "visible",
    Visibility.ABSENT: "absent",
}


def conflict_table(conflicts: Sequence[Conflict], earlier: str = "") -> str:
    """The table, the largest distances first.

    Args:
        conflicts: Of this merge.
        earlier: A table of earlier merges, whose lines stay above.
    """
    old = [row for row in csv.reader(io.StringIO(earlier)) if row and row[0] != HEADER[0]]
    known = {tuple(row) for row in old}
    new = [row for row in map(_row, ranked(conflicts)) if row not in known]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *old, *new])
    return text.getvalue()


def ranked(conflicts: Sequence[Conflict]) -> list[Conflict]:
    """The largest distances first, then those without one."""
    return sorted(conflicts, key=lambda one: -one.distance_px if math.isfinite(one.distance_px) else math.inf)


def _row(conflict: Conflict) -> tuple[str, ...]:
    return (
        conflict.project,
        conflict.image,
        conflict.individual,
        conflict.keypoint,
        _number(conflict.distance_px),
        conflict.what,
        conflict.kept,
        *(cell for who, said in zip(conflict.labelers, conflict.points, strict=True) for cell in _cells(who, said)),
    )


def _cells(who: str, said: Said) -> tuple[str, ...]:
    x, y = said.to or (math.nan, math.nan)
    return who, _number(x), _number(y), SEEN[said.visibility]


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else ""
