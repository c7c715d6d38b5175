"""How fast points move: velocity, speed, acceleration, and how fast an angle turns.

A parabola is laid through the positions in a window around each frame by least squares; its slope is the velocity,
its second derivative the acceleration (Savitzky and Golay, Analytical Chemistry 1964). With the smallest window, three
frames, these are the central differences. There is no value where a frame of the window has no point: nothing is
derived across a gap, nor at its edges.
"""

from __future__ import annotations

import numpy as np

from markerless.analysis.kinematics_quantity import (
    Pace,
    Quantity,
    axis_deviation,
    expected,
    length_unit,
    seen_points,
)
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.errors import SettingsError

SMALLEST_WINDOW = 3


def velocity(tracks: Tracks, pace: Pace, window: int = SMALLEST_WINDOW) -> FloatArray:
    """`(T, N, K, D)` length units per unit of time; NaN where a frame of the window has no point.

    Args:
        tracks: Two- or three-dimensional.
        pace: Frames in a unit of time.
        window: Frames that a parabola is laid through, odd, at least 3.

    Raises:
        SettingsError: an impossible window.
    """
    slope, _ = parabola(window)
    return weighted(seen_points(tracks), slope) * pace.frames


def speed(tracks: Tracks, pace: Pace, window: int = SMALLEST_WINDOW) -> Quantity:
    """Length of the velocity of every keypoint; arguments and errors as in `velocity`.

    The expected error is that of the velocity along the way. Where a speed is not larger than that, it is noise.
    """
    slope, _ = parabola(window)
    length = np.linalg.norm(velocity(tracks, pace, window), axis=-1)
    unit = f"{length_unit(tracks)}/{pace.unit}"
    error = _error(tracks, slope * pace.frames, length)
    return Quantity("speed", tracks.skeleton.keypoints, length, unit, error)


def acceleration(tracks: Tracks, pace: Pace, window: int = SMALLEST_WINDOW) -> Quantity:
    """Length of the acceleration of every keypoint, turns included; arguments and errors as in `velocity`."""
    _, bend = parabola(window)
    weights = bend * pace.frames**2
    length = np.linalg.norm(weighted(seen_points(tracks), weights), axis=-1)
    unit = f"{length_unit(tracks)}/{pace.unit}²"
    return Quantity("acceleration", tracks.skeleton.keypoints, length, unit, _error(tracks, weights, length))


def turning(angle: Quantity, pace: Pace, window: int = SMALLEST_WINDOW) -> Quantity:
    """How fast a direction turns, signed as the direction is: degrees per unit of time.

    From one frame to the next a direction is taken to turn the short way round, by less than 180 degrees.
    """
    slope, _ = parabola(window)
    steps = (np.diff(angle.values, axis=0) + 180) % 360 - 180
    whole = np.concatenate([np.zeros_like(angle.values[:1]), np.nancumsum(steps, axis=0)])
    whole = np.where(np.isfinite(angle.values), whole, np.nan)
    values = weighted(whole, slope) * pace.frames
    error = None if angle.error is None else np.sqrt(weighted(angle.error**2, (slope * pace.frames) ** 2))
    return Quantity("turning", angle.of, values, f"{angle.unit}/{pace.unit}", error)


def path_length(speeds: Quantity, pace: Pace) -> FloatArray:
    """`(N, M)` length of the way in the frames whose speed is known; NaN where there is none."""
    known = np.isfinite(speeds.values).any(axis=0)
    return np.where(known, np.nansum(speeds.values, axis=0) / pace.frames, np.nan)


def parabola(window: int) -> tuple[FloatArray, FloatArray]:
    """`(window,)` weights of the slope and of the second derivative, per frame, of the parabola at its middle.

    Raises:
        SettingsError: the window is even or too small.
    """
    if window < SMALLEST_WINDOW or window % 2 == 0:
        raise SettingsError(f"expected an odd window of at least {SMALLEST_WINDOW} frames, got {window}")
    place = np.arange(window, dtype=np.float64) - window // 2
    square = place**2 - (place**2).mean()
    return place / (place**2).sum(), 2 * square / (square**2).sum()


def weighted(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Sums over a window around each of `values (T, ...)`; NaN where it has a NaN or reaches beyond the ends."""
    n, half = len(values), len(weights) // 2
    sums = np.full(values.shape, np.nan)
    if n >= len(weights):
        inner = np.zeros((n - 2 * half, *values.shape[1:]))
        for i, weight in enumerate(weights):  # a weight of 0 makes NaN of NaN as well, as it should
            inner += weight * values[i : i + len(inner)]
        sums[half : n - half] = inner
    return sums


def _error(tracks: Tracks, weights: FloatArray, length: FloatArray) -> FloatArray | None:
    deviation = axis_deviation(tracks)
    if deviation is None:
        return None
    return expected(np.where(np.isfinite(length), np.sqrt(weighted(deviation**2, weights**2)), np.nan))
