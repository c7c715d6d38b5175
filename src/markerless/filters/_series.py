"""Tracks as time series and back, and what every filter needs of them: gaps, lines across gaps, provenance."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator

from markerless.config import Settings
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks

BoolArray = npt.NDArray[np.bool_]
Value = TypeVar("Value", bound=np.generic)
HISTORY = "filters"  # in the provenance: what was applied, the first first


def _is_odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError(f"expected an odd number of frames, for example {value + 1}")
    return value


OddFrames = Annotated[int, AfterValidator(_is_odd)]  # a window has a middle


def series_of(points: FloatArray) -> FloatArray:
    """`(T, N, K, D)` -> `(N * K, T, D)`, one series per keypoint of an animal; a point without one axis has none."""
    n_frames, n_animals, n_keypoints, n_axes = points.shape
    series = points.reshape(n_frames, n_animals * n_keypoints, n_axes).transpose(1, 0, 2).astype(np.float64)
    series[~np.isfinite(series).all(axis=-1)] = np.nan
    return np.ascontiguousarray(series)


def points_of(series: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """The inverse of `series_of`; `shape` is `(T, N, K, D)`."""
    return np.ascontiguousarray(series.transpose(1, 0, 2)).reshape(shape)


def values_of(series: npt.NDArray[Value], shape: tuple[int, ...]) -> npt.NDArray[Value]:
    """`(N * K, T)` -> `(T, N, K)`."""
    return np.ascontiguousarray(series.T).reshape(shape)


def short_gaps(present: BoolArray, max_gap: int) -> BoolArray:
    """`(S, T)`: missing frames that lie in a gap of at most `max_gap` frames with a point before and after it."""
    before, after = neighbors_in_time(present)
    inside = (before >= 0) & (after < present.shape[1])
    return np.asarray(~present & inside & (after - before - 1 <= max_gap))


def neighbors_in_time(present: BoolArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """`(S, T)` the last frame with a point up to each frame, -1 where there is none, and the first from it, or T."""
    n_frames = present.shape[1]
    frames = np.arange(n_frames)
    before = np.maximum.accumulate(np.where(present, frames, -1), axis=1)
    after = np.minimum.accumulate(np.where(present, frames, n_frames)[:, ::-1], axis=1)[:, ::-1]
    return before, after


def lines_across(series: FloatArray, where: BoolArray) -> FloatArray:
    """The series with straight lines, even in time, at the frames `where` `(S, T)`, which lie inside gaps."""
    filled = series.copy()
    present = np.isfinite(series[..., 0])
    for s in np.flatnonzero(where.any(axis=1)):
        known, asked = np.flatnonzero(present[s]), np.flatnonzero(where[s])
        for d in range(series.shape[-1]):
            filled[s, asked, d] = np.interp(asked, known, series[s, known, d])
    return filled


def expected_distance(n_axes: int) -> float:
    """Mean length of a normal error of standard deviation 1 on each axis: 1.2533 in the plane, 1.5958 in space.

    It ties the `expected_error` of a point (the mean distance to the truth) to a standard deviation per axis.
    """
    return math.sqrt(2) * math.gamma((n_axes + 1) / 2) / math.gamma(n_axes / 2)


def filtered(tracks: Tracks, points: FloatArray, step: tuple[str, Settings], **changes: Any) -> Tracks:
    """The tracks with new points, and in their provenance the filter, its settings and what else it has to say.

    Args:
        tracks: As they came.
        points: `(T, N, K, D)`.
        step: Name of the filter, and its settings.
        changes: `error`: new expected errors; everything else goes to the provenance as it is.
    """
    error = changes.pop("error", tracks.error)
    name, config = step
    said = {"filter": name, **config.model_dump(mode="json"), **changes}
    provenance = {**tracks.provenance, HISTORY: [*tracks.provenance.get(HISTORY, ()), said]}
    return replace(tracks, points=points, error=error, provenance=provenance)
