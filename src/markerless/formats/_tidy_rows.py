"""Tracks as a tidy table, one row per frame, animal and keypoint: both ways, whatever file holds the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import FormatError
from markerless.formats._table import SINGLE_ANIMAL
from markerless.formats._tracks_table import require_dense

# What others call the columns; the first name is ours.
NAMES = {
    "frame": ("frame", "frame_idx", "frame_number", "frame_index"),
    "individual": ("individual", "individuals", "animal", "track", "track_name", "id"),
    "keypoint": ("keypoint", "keypoints", "bodypart", "bodyparts", "node", "node_name"),
    "x": ("x",),
    "y": ("y",),
    "z": ("z",),
    "score": ("score", "likelihood", "confidence"),
    "expected_error": ("expected_error",),
    "time_s": ("time_s",),
}
NEEDED = ("frame", "keypoint", "x", "y")
TEXTS = ("individual", "keypoint")
FPS_TOLERANCE = 1e-9  # relative; times are frames divided by one rate, and that is how they are known


@dataclass(frozen=True)
class TidyColumns:
    """A tidy table by columns.

    Attributes:
        individual: Name of the animal per row.
        keypoint: Name of the keypoint per row.
        numbers: The other columns, our names, NaN where a cell is empty.
    """

    individual: Sequence[str]
    keypoint: Sequence[str]
    numbers: Mapping[str, FloatArray]


def own_names(header: Sequence[str]) -> dict[str, str]:
    """Our name of a column -> its name in the table."""
    lower = {name.lower(): name for name in reversed(header)}
    return {own: lower[other] for own, others in NAMES.items() for other in others[::-1] if other in lower}


def is_tidy(header: Sequence[str]) -> bool:
    """Whether a header has what a tidy table needs."""
    return own_names(header).keys() >= set(NEEDED)


def to_rows(tracks: Tracks) -> TidyColumns:
    """The rows of tracks: frames, animals, keypoints, the last the fastest; points that are missing have rows, too."""
    n_frames, n_individuals, n_keypoints, n_axes = tracks.points.shape
    n_rows = n_frames * n_individuals * n_keypoints
    numbers: dict[str, npt.NDArray[np.float64]] = {
        "frame": np.repeat(np.arange(n_frames), n_individuals * n_keypoints).astype(np.float64)
    }
    if np.isfinite(tracks.fps) and tracks.fps > 0:
        numbers["time_s"] = numbers["frame"] / tracks.fps
    for axis, name in enumerate("xyz"[:n_axes]):
        numbers[name] = tracks.points[..., axis].astype(np.float64).reshape(n_rows)
    numbers["score"] = tracks.score.astype(np.float64).reshape(n_rows)
    if tracks.error is not None:
        numbers["expected_error"] = tracks.error.astype(np.float64).reshape(n_rows)
    individual = [name for name in tracks.individuals for _ in range(n_keypoints)] * n_frames
    return TidyColumns(individual, list(tracks.skeleton.keypoints) * (n_individuals * n_frames), numbers)


def from_rows(path: Path, rows: TidyColumns) -> Tracks:
    """Tracks of a tidy table, whose rows may come in any order; what has no row is NaN.

    Raises:
        FormatError: a point twice, impossible frame numbers, or a table far too sparse.
    """
    names = tuple(dict.fromkeys(rows.individual)) or (SINGLE_ANIMAL,)
    keypoints = tuple(dict.fromkeys(rows.keypoint))
    frame = rows.numbers["frame"]
    if not (np.isfinite(frame).all() and (frame >= 0).all() and (frame == np.round(frame)).all()):
        raise FormatError(f"{path}, column frame: expected whole numbers from 0 on, got something else")
    if "" in keypoints or "" in names:
        raise FormatError(f"{path}: expected a name in every row, got an empty cell; fill it in")
    n_frames = int(frame.max()) + 1 if len(frame) else 0
    shape = (n_frames, len(names), len(keypoints))
    require_dense(path, shape, len(frame))
    n_of, k_of = {name: n for n, name in enumerate(names)}, {name: k for k, name in enumerate(keypoints)}
    n = np.array([n_of[name] for name in rows.individual], dtype=np.int64)
    k = np.array([k_of[name] for name in rows.keypoint], dtype=np.int64)
    t = frame.astype(np.int64)
    place = (t * shape[1] + n) * shape[2] + k
    _require_once(path, place)
    axes = _axes(rows.numbers)
    points = np.full((*shape, len(axes)), np.nan)
    points.reshape(-1, len(axes))[place] = np.stack([rows.numbers[axis] for axis in axes], axis=-1)
    points[np.isnan(points).any(axis=-1)] = np.nan
    has_error = "expected_error" in rows.numbers
    return Tracks(
        Skeleton(keypoints),
        points,
        _placed(shape, place, rows.numbers.get("score")),
        error=_placed(shape, place, rows.numbers["expected_error"]) if has_error else None,
        individuals=names,
        fps=_fps(frame, rows.numbers.get("time_s")),
    )


def _axes(numbers: Mapping[str, FloatArray]) -> list[str]:
    """Those that points have: a column z without a number, beside points in the picture, is none."""
    axes = [axis for axis in "xyz" if axis in numbers]
    is_flat = "z" in axes and np.isnan(numbers["z"]).all() and not np.isnan(numbers["x"] + numbers["y"]).all()
    return axes[:2] if is_flat else axes


def _placed(shape: tuple[int, int, int], place: npt.NDArray[np.int64], values: FloatArray | None) -> FloatArray:
    placed = np.full(shape, np.nan)
    if values is not None:
        placed.reshape(-1)[place] = values
    return placed


def _require_once(path: Path, place: npt.NDArray[np.int64]) -> None:
    order = np.argsort(place, kind="stable")
    again = np.flatnonzero(np.diff(place[order]) == 0)
    if len(again):
        first, second = sorted(order[[again[0], again[0] + 1]].tolist())
        raise FormatError(
            f"{path}: expected every point once, got rows {first + 1} and {second + 1} of the same frame, animal and "
            "keypoint; delete one"
        )


def _fps(frame: FloatArray, time_s: FloatArray | None) -> float:
    """Frames per second where the times say so evenly, else NaN."""
    if time_s is None or not len(frame) or not np.isfinite(time_s).all():
        return float("nan")
    last = int(np.argmax(frame))
    if frame[last] <= 0 or time_s[last] <= 0:
        return float("nan")
    fps = float(frame[last] / time_s[last])
    fits = np.allclose(time_s * fps, frame, rtol=FPS_TOLERANCE, atol=1e-6)
    return round(fps, 9) if fits else float("nan")
