"""The running median: takes single wild points out, keeps sudden moves."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from markerless.config import Settings
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.filters._series import OddFrames, filtered, points_of, series_of

MOST_AT_ONCE = 4_000_000  # numbers in memory


class Config(Settings):
    """Settings of the filter `median`."""

    window: OddFrames = Field(
        default=5, ge=1, le=9999, description="Frames that the median is taken over; an odd number."
    )


def apply(tracks: Tracks, config: Config) -> Tracks:
    """Replace every point by the median of the points around it, axis by axis.

    Missing points stay missing and do not count: the median is over those that exist in the window, which at the ends
    and beside gaps are fewer. Expected errors stay those of the points as they were measured.
    """
    series = series_of(tracks.points)
    n_series, n_frames, _ = series.shape
    half = min(config.window // 2, max(n_frames - 1, 0))
    result = np.empty_like(series)
    at_once = max(1, MOST_AT_ONCE // max(1, n_series * (2 * half + 1)))
    for start in range(0, n_frames, at_once):
        stop = min(start + at_once, n_frames)
        result[:, start:stop] = _medians(series, start, stop, half)
    result[np.isnan(series)] = np.nan
    return filtered(tracks, points_of(result, tracks.points.shape), ("median", config))


def _medians(series: FloatArray, start: int, stop: int, half: int) -> FloatArray:
    """`(S, stop - start, D)` medians of what exists within `half` frames; NaN where nothing does."""
    n_frames = series.shape[1]
    piece = series[:, max(start - half, 0) : stop + half]
    padding = (max(half - start, 0), max(stop + half - n_frames, 0))
    piece = np.pad(piece, ((0, 0), padding, (0, 0)), constant_values=np.nan)
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(piece, 2 * half + 1, axis=1), axis=-1)  # NaN go last
    count = np.isfinite(windows).sum(axis=-1, keepdims=True)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, windows.shape[-1] - 1)
    middle = [np.take_along_axis(windows, index, axis=-1)[..., 0] for index in (low, high)]
    return np.asarray((middle[0] + middle[1]) / 2)
