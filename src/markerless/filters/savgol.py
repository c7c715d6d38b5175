"""The filter of Savitzky and Golay: a polynomial through the points around each point."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from markerless.config import Settings
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.filters._series import BoolArray, OddFrames, filtered, points_of, series_of


class Config(Settings):
    """Settings of the filter `savgol`."""

    window: OddFrames = Field(default=7, ge=3, le=9999, description="Frames that each polynomial is fitted to; odd.")
    degree: int = Field(default=2, ge=0, le=5, description="Degree of the polynomials; less than the window.")

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.degree >= self.window:
            raise ValueError(f"expected a degree below the window of {self.window} frames, got {self.degree}")
        return self


def apply(tracks: Tracks, config: Config) -> Tracks:
    """Replace every point by the value of the polynomial that fits the points around it best, axis by axis.

    Missing points stay missing; the polynomial is fitted to those that exist in the window (Savitzky and Golay,
    Analytical Chemistry 36, 1964, where none is missing). A point with no more points around it than the polynomial
    has coefficients stays as it is. Expected errors stay those of the points as they were measured.
    """
    series = series_of(tracks.points)
    if not series.size:
        return filtered(tracks, tracks.points.copy(), ("savgol", config))
    present = np.isfinite(series[..., 0])
    total = np.where(present[..., None], series, 0.0).sum(axis=1, keepdims=True)
    center = total / np.maximum(present.sum(axis=1), 1)[:, None, None]
    smooth = _smooth(np.where(present[..., None], series - center, 0.0), present, config) + center
    enough = _windows(present.astype(np.float64), config.window).sum(axis=-1) > config.degree + 1
    result = np.where((present & enough)[..., None], smooth, series)
    return filtered(tracks, points_of(result, tracks.points.shape), ("savgol", config))


def _windows(values: FloatArray, window: int) -> FloatArray:
    """`(S, T, ...)` -> `(S, T, ..., window)`, zero beyond the ends."""
    half = window // 2
    padded = np.pad(values, [(0, 0), (half, half)] + [(0, 0)] * (values.ndim - 2))
    return np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)


def _smooth(series: FloatArray, present: BoolArray, config: Config) -> FloatArray:
    """`(S, T, D)` values of the polynomials; `series` is 0 where it is not `present` `(S, T)`."""
    half = config.window // 2
    ahead = np.arange(-half, half + 1) / half  # time in units of half a window
    powers = ahead[:, None] ** np.arange(config.degree + 1)  # (window, degree + 1)
    whole = np.linalg.pinv(powers)[0]  # the value in the middle, as a sum over a whole window
    result = np.asarray(_windows(series, config.window) @ whole)
    weight = _windows(present.astype(np.float64), config.window)
    odd = np.argwhere(present & (weight.sum(axis=-1) < config.window))
    at = (odd[:, 0], odd[:, 1])
    moments = np.einsum("nw,wi,wj->nij", weight[at], powers, powers, optimize=True)
    values = np.einsum("ndw,wi->nid", _windows(series, config.window)[at], powers, optimize=True)
    first = np.linalg.pinv(moments, hermitian=True)[:, 0]  # singular where there are too few points
    result[at] = np.einsum("ni,nid->nd", first, values)
    return result
