"""Anipose's table of points in space: one row a frame, `<keypoint>_x, _y, _z, _error, _ncams, _score` and `fnum`.

`_error` is the mean distance in pixels of the views that were used, `_ncams` their number, as Anipose has them. The
matrix `M_..` and `center_.` say how world axes were turned and shifted afterwards: here not at all. The movement
package reads the file with `from_anipose_file`. A table holds one animal.
"""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np

from markerless.core.skeleton import Skeleton
from markerless.core.storage import write_text
from markerless.core.tracks import Tracks
from markerless.core.views import GOOD, TOO_FEW, Views
from markerless.errors import FormatError

SUFFIXES = (".csv",)

_ENDS = ("_x", "_y", "_z", "_error", "_ncams", "_score")


def write(tracks: Tracks, views: Views, path: Path, individual: int = 0) -> None:
    """Write the points of one animal, atomically.

    Raises:
        StorageError: the file cannot be written.
    """
    points, score = tracks.points[:, individual], tracks.score[:, individual]
    used = views.used[:, :, individual]
    n_used = used.sum(axis=0)
    total = np.where(used, views.reprojection_px[:, :, individual], 0.0).sum(axis=0)
    error = np.where(n_used > 0, total / np.maximum(n_used, 1), np.nan)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    after = [f"M_{i}{j}" for i in range(3) for j in range(3)] + [f"center_{i}" for i in range(3)]
    table.writerow([name + end for name in tracks.skeleton.keypoints for end in _ENDS] + after + ["fnum"])
    axes = [_text(value) for value in [*np.eye(3).ravel(), *np.zeros(3)]]
    for frame in range(tracks.n_frames):
        row: list[str] = []
        for keypoint in range(tracks.skeleton.n_keypoints):
            row += [_text(value) for value in points[frame, keypoint]]
            row += [_text(error[frame, keypoint]), _text(float(n_used[frame, keypoint])), _text(score[frame, keypoint])]
        table.writerow([*row, *axes, str(frame)])
    write_text(path, text.getvalue())


def read(path: Path) -> tuple[Tracks, Views]:
    """Points of a table, Anipose's or ours; of the views only their mean distance and number are known.

    Raises:
        FormatError: not such a table; the message names what is missing.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            header, *rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise FormatError(f"expected Anipose's table of 3D points, cannot read {path}: {error}") from error
    names = [name.removesuffix("_ncams") for name in header if name.endswith("_ncams")]
    place = {name: index for index, name in enumerate(header)}
    missing = [name + end for name in names for end in _ENDS if name + end not in place]
    if not names or missing:
        what = f"without column {missing[0]}" if missing else f"whose header begins with {','.join(header[:3])!r}"
        raise FormatError(f"expected <keypoint>_x, _y, _z, _error, _ncams, _score in {path}, got a table {what}")
    try:
        cells = np.array([[float(cell) if cell else math.nan for cell in row] for row in rows], dtype=np.float64)
        values = cells.reshape(len(rows), len(header))
    except ValueError as error:
        raise FormatError(f"expected numbers in every row of {path}: {' '.join(str(error).split())[:200]}") from error
    chosen = {end: values[:, [place[name + end] for name in names]] for end in _ENDS}
    points = np.stack([chosen["_x"], chosen["_y"], chosen["_z"]], axis=-1)[:, None]
    there = np.asarray(np.isfinite(points).all(axis=-1))
    views = Views(
        ("mean of all",),
        chosen["_error"][None, :, None],
        there[None],
        np.where(there, GOOD, TOO_FEW).astype(np.int8),
    )
    return Tracks(Skeleton(tuple(names)), points, chosen["_score"][:, None]), views


def _text(value: float) -> str:
    """Shortest text that reads back as the same number; empty for NaN, as pandas writes it."""
    return "" if math.isnan(value) else repr(float(value))
