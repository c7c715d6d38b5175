"""Tracks as the tables DeepLabCut and Lightning Pose share: both ways, in one file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import FormatError
from markerless.formats._table import LEVELS, MAX_EMPTY_SHARE, SINGLE_ANIMAL, KeypointTable, frame_numbers, sort_out

MOST_POINTS = 10_000_000  # of an array that may be nearly empty: 240 MB


def tracks_of(table: KeypointTable) -> Tracks:
    """A prediction table as tracks: one frame per number, or one per image in the order of the file.

    Raises:
        FormatError: no likelihood, a frame twice, a column missing.
    """
    table.require_unique_rows()
    axes = ("x", "y", "z") if "z" in table.coords else ("x", "y")
    if "likelihood" not in table.coords and "z" not in table.coords and not table.rows_are_frames:
        raise FormatError(
            f"expected columns x, y, likelihood in {table.path}, got {', '.join(sorted(table.coords))}; "
            "this is a label table, not a prediction"
        )
    poses = sort_out(table, axes)
    points, score = poses.xy(axes), poses.arrays.get("likelihood")
    if score is None:
        score = np.full(points.shape[:-1], np.nan)
    provenance: dict[str, Any] = {}
    if table.rows_are_frames:
        frames = frame_numbers(table)
        points, score = _spread(points, frames), _spread(score, frames)
    else:
        provenance["images"] = [row.name for row in table.rows]
    if table.sets is not None:
        provenance["sets"] = list(table.sets)
    skeleton = Skeleton(poses.keypoints)
    return Tracks(skeleton, points, score, individuals=poses.individuals, scorer=table.scorer, provenance=provenance)


def columns_of(tracks: Tracks, with_individuals: bool) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Names of the column levels, and the columns: individuals, keypoints, coordinates, the last the fastest."""
    scorer = tracks.scorer or "markerless"
    coords = ("x", "y", "likelihood") if tracks.points.shape[-1] == 2 else ("x", "y", "z")
    keypoints = tracks.skeleton.keypoints
    if not with_individuals:
        return ("scorer", "bodyparts", "coords"), [(scorer, k, c) for k in keypoints for c in coords]
    return LEVELS, [(scorer, n, k, c) for n in tracks.individuals for k in keypoints for c in coords]


def has_named_individuals(tracks: Tracks) -> bool:
    """Whether the table needs a level of animals: several, or one with a name of its own."""
    return tracks.individuals != (SINGLE_ANIMAL,)


def values_of(tracks: Tracks) -> FloatArray:
    """`(T, columns)` float64 in the order of `columns_of`."""
    is_planar = tracks.points.shape[-1] == 2
    parts = [tracks.points, tracks.score[..., None]] if is_planar else [tracks.points]
    together = np.concatenate(parts, axis=-1).astype(np.float64)
    return np.asarray(together.reshape(tracks.n_frames, int(np.prod(together.shape[1:]))))


def index_of(tracks: Tracks) -> range | list[tuple[str, ...]]:
    """Frame numbers, or the images a table was read with, three cells each where all have that depth."""
    images = tracks.provenance.get("images")
    if not isinstance(images, list) or len(images) != tracks.n_frames or not images:
        return range(tracks.n_frames)
    parts = [tuple(str(image).split("/")) for image in images]
    return parts if all(len(part) == 3 for part in parts) else [(str(image),) for image in images]


def _spread(values: FloatArray, frames: npt.NDArray[np.int64]) -> FloatArray:
    """`(T, ...)`: the rows at their frame numbers, NaN between them."""
    if np.array_equal(frames, np.arange(len(frames))):
        return values
    spread = np.full((int(frames.max()) + 1, *values.shape[1:]), np.nan)
    spread[frames] = values
    return spread


def require_dense(path: Path, shape: tuple[int, int, int], n_stored: int) -> None:
    """Make sure that a sparse file does not become an array far larger than it is.

    Args:
        path: The file.
        shape: Frames, animals and keypoints of the array.
        n_stored: Points the file holds.

    Raises:
        FormatError: the array would be enormous and nearly empty.
    """
    n_points = math.prod(shape)
    if n_points > max(MOST_POINTS, MAX_EMPTY_SHARE * n_stored):
        raise FormatError(
            f"expected trajectories that fill a table, got {n_stored} points for {shape[0]} frames of "
            f"{shape[1]} animals in {path}; the file is damaged, or its track fragments have to be joined first"
        )
