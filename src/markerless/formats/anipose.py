"""Anipose's triangulated tables (`pose-3d/*.csv`): one animal in three dimensions.

Columns per keypoint: `<name>_x`, `_y`, `_z` in the unit of the calibration, `_error` (mean distance in pixels of the
views that were used), `_ncams` (their number), `_score`; then world axes and the frame `fnum`. Error and number of
cameras are written where it is known what the cameras say; they have no place in tracks: an error in pixels is not one
in the calibration's unit. What is not known is an empty cell. `fnum` is the frame of the first camera, or the number in
the name of the picture, where that is known, else the row; `read` puts rows there.

World axes: with `M_00` to `M_22` (row, column) and `center_0` to `center_2` a point of the calibration became
`M @ point - center`; so `M.T @ (point + center)` is the point in the axes of the cameras in `calibration.toml` again.
In tracks they are `provenance["axes"]`, a rotation and a translation, which is minus the center.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.storage import atomic_path
from markerless.core.tracks import Tracks
from markerless.core.views import Views
from markerless.errors import FormatError
from markerless.formats._csv_table import cell_texts
from markerless.formats._flat_table import read_columns, read_header, to_numbers
from markerless.formats._table import MAX_EMPTY_SHARE
from markerless.formats._tracks_table import MOST_POINTS, require_dense
from markerless.formats._writable import require_holds, require_suffix

SUFFIXES = (".csv",)
KIND = "tracks"
NEEDS = 3  # dimensions
HOLDS_VIEWS = True

_PARTS = ("x", "y", "z", "error", "ncams", "score")
_ROTATION = [f"M_{row}{column}" for row in range(3) for column in range(3)]
_CENTER = [f"center_{axis}" for axis in range(3)]
_NOT_MOVED = [*np.eye(3).ravel().tolist(), 0.0, 0.0, 0.0]


def sniff(path: Path) -> float:
    """How surely the file is a table of Anipose, 0 to 1."""
    header = set(read_header(path))
    return 0.95 if "fnum" in header and keypoints_of(header) else 0.0


def keypoints_of(header: Any) -> list[str]:
    """Names that have x, y and z, in the order of the header."""
    known = set(header)
    names = [match[1] for name in header if (match := re.fullmatch(r"(.+)_x", name))]
    return [name for name in names if {f"{name}_y", f"{name}_z"} <= known]


def read(path: Path) -> Tracks:
    """The trajectories of a table, rows at their frame numbers.

    Raises:
        FormatError: malformed; the message names the place.
    """
    path = Path(path)
    columns = read_columns(path)
    names = keypoints_of(columns)
    if not names or "fnum" not in columns:
        raise FormatError(f"expected columns <keypoint>_x, _y, _z and fnum in {path}, got {', '.join(columns)[:120]}")
    number = {name: to_numbers(path, name, cells) for name, cells in columns.items()}
    frames = number["fnum"]
    if not (np.isfinite(frames).all() and (frames == np.round(frames)).all() and (frames >= 0).all()):
        raise FormatError(f"{path}, column fnum: expected frame numbers, got something else")
    if len(np.unique(frames)) != len(frames):
        raise FormatError(f"{path}, column fnum: expected every frame once, got one twice; delete one of the rows")
    n_frames = int(frames.max()) + 1 if len(frames) else 0
    require_dense(path, (n_frames, 1, len(names)), len(frames) * len(names))
    points, score = np.full((n_frames, 1, len(names), 3), np.nan), np.full((n_frames, 1, len(names)), np.nan)
    rows = frames.astype(np.int64)
    for k, name in enumerate(names):
        points[rows, 0, k] = np.stack([number[f"{name}_{axis}"] for axis in "xyz"], axis=-1)
        if f"{name}_score" in number:
            score[rows, 0, k] = number[f"{name}_score"]
    points[np.isnan(points).any(axis=-1)] = np.nan
    return Tracks(Skeleton(tuple(names)), points, score, provenance=_provenance(number))


def write(tracks: Tracks, path: Path, views: Views | None = None) -> None:
    """Write one animal in three dimensions; with `views`, also what the cameras say of its points.

    Raises:
        FormatError: several animals, two dimensions, or a suffix other than .csv.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    require_suffix(path, SUFFIXES)
    require_holds(tracks, "a table of Anipose", "DeepLabCut's format or tidy", n_axes=3, n_individuals=1)
    names = tracks.skeleton.keypoints
    header = [f"{name}_{part}" for name in names for part in _PARTS] + [*_ROTATION, *_CENTER, "fnum"]
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(_quoted(name) for name in header) + "\n")
        for cells in _rows(tracks, views):
            file.write(",".join(cells) + "\n")


def _rows(tracks: Tracks, views: Views | None) -> Iterator[list[str]]:
    says = _says(tracks, views)
    numbers = np.concatenate([tracks.points[:, 0], says, tracks.score[:, 0, :, None]], axis=-1)
    fixed = cell_texts(_moved(tracks.provenance.get("axes")))
    frames = frame_numbers(tracks, views).tolist()
    for frame, row in zip(frames, numbers.reshape(len(numbers), -1).tolist(), strict=True):
        if not math.isnan(frame):
            yield [*cell_texts(row), *fixed, str(int(frame))]


def frame_numbers(tracks: Tracks, views: Views | None) -> FloatArray:
    """`(T,)` the number of each moment's row; NaN for a moment in which the first camera has no frame, and so no row.

    Labeled pictures have the numbers in their names. What would be nearly empty by such numbers is counted.
    """
    for frames in (_of_pictures(tracks), _of_first_camera(views)):
        known = frames[np.isfinite(frames)]
        n_keypoints = tracks.skeleton.n_keypoints
        most = max(MOST_POINTS, MAX_EMPTY_SHARE * len(known) * n_keypoints)
        if len(known) and (known.max() + 1) * n_keypoints <= most:
            return frames
    return np.arange(tracks.n_frames, dtype=np.float64)


def _of_pictures(tracks: Tracks) -> FloatArray:
    """The last number in each picture's name; empty where there are no pictures, or names that do not count up."""
    images = tracks.provenance.get("images")
    if not isinstance(images, list) or len(images) != tracks.n_frames:
        return np.zeros(0)
    found = [re.findall(r"\d+", PurePosixPath(str(image)).stem, flags=re.ASCII) for image in images]
    frames = np.array([float(numbers[-1]) if numbers else np.nan for numbers in found])
    return frames if (np.diff(frames) > 0).all() and np.isfinite(frames).all() else np.zeros(0)


def _of_first_camera(views: Views | None) -> FloatArray:
    """Its frame nearest to each moment; of moments that are nearest to the same frame only one has it."""
    if views is None or not views.names:
        return np.zeros(0)
    exact = views.camera_frame[:, 0]
    frames = np.where(exact >= 0, np.rint(exact), np.nan)
    order = np.lexsort((np.abs(exact - frames), frames))  # NaN last
    again = order[1:][frames[order[1:]] == frames[order[:-1]]]
    frames[again] = np.nan
    return frames


def _says(tracks: Tracks, views: Views | None) -> FloatArray:
    """`(T, K, 2)`: mean distance in pixels of the views that were used, and their number; NaN where not known."""
    if views is None:
        return np.full((*tracks.score[:, 0].shape, 2), np.nan)
    used = views.used[:, :, 0]
    n_used = used.sum(axis=0)
    total = np.where(used, views.reprojection_px[:, :, 0], 0.0).sum(axis=0)
    return np.stack([np.where(n_used > 0, total / np.maximum(n_used, 1), np.nan), n_used], axis=-1)


def _moved(axes: Any) -> list[float]:
    """Rotation by rows and center, of the provenance of tracks; those of no movement where it says nothing usable."""
    if not isinstance(axes, dict):
        return _NOT_MOVED
    try:
        rotation = np.array(axes["rotation"], dtype=np.float64).reshape(9)
        center = -np.array(axes["translation"], dtype=np.float64).reshape(3)
    except (KeyError, TypeError, ValueError):  # from a file that another program changed
        return _NOT_MOVED
    return [*rotation.tolist(), *center.tolist()]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"\n\r') else name


def _provenance(number: dict[str, Any]) -> dict[str, Any]:
    """Rotation and shift, when they are the same in all rows and not nothing."""
    names = [*_ROTATION, *_CENTER]
    if not all(name in number and len(number[name]) for name in names):
        return {}
    values = np.stack([number[name] for name in names])
    if np.isnan(values).any() or (values != values[:, :1]).any() or values[:, 0].tolist() == _NOT_MOVED:
        return {}
    return {"axes": {"rotation": values[:9, 0].reshape(3, 3).tolist(), "translation": (-values[9:, 0]).tolist()}}
