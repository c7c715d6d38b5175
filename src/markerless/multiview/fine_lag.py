"""The lag of a camera to a small part of a frame, and how sure it is.

Gauss and Newton's steps on the distances from the lines, interpolated between frames (Catmull and Rom's cubic). The
noise of interpolated points is smallest halfway between two frames and would draw every lag there; what it adds, known
from the differences of neighbors that no smooth movement makes, is taken off again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.multiview.in_step import IndexArray, Lines

_STEPS = 8
_LARGEST = 0.7  # frames: more at once is beyond what a cubic knows
_SMALL = 1e-4
_TUNING = 2.3849  # Cauchy's weights: 95 % efficient on normal errors
_WILD = 5.0  # of the usual jerk: a jump there and back is an error, whatever the lag
_FAR = 3.5  # standard deviations: beyond that a point is wrong
_FEWEST = 20  # values of a column that tell how far it is off
_SOFT = 3  # steps
_MOST_VALUES = 600_000


@dataclass(frozen=True)
class _Windows:
    """The window `of` each moment, and how many there are."""

    of: IndexArray
    count: int


@dataclass(frozen=True)
class Sums:
    """What the moments of each window say of a change of the lag.

    Attributes:
        slope: `(W,)` of half the cost (squared standard deviations), by a move in frames.
        curve: `(W,)` its derivative: how much the window knows; may be below zero where nothing moves.
        scale: Usual distance from the lines in px.
    """

    slope: FloatArray
    curve: FloatArray
    scale: float


def sums(lines: Lines, moments: IndexArray, frames: FloatArray, window: _Windows, soft: bool) -> Sums:
    """Sums over windows at the positions `frames` `(n,)` of the camera at `moments` `(n,)`; NaN positions are left out.

    `soft` weighs far points little (to find the place), else they are left out (what noise adds is then known exactly).
    """
    stride = max(1, len(moments) * lines.x.shape[1] // _MOST_VALUES)
    kept = np.flatnonzero(np.isfinite(frames))[::stride]
    moments, frames = moments[kept], frames[kept]
    whole = np.floor(frames).astype(np.intp)
    taps, slopes = _cubic(frames - whole)
    four = np.stack([lines.off(moments, whole + step) for step in (-1, 0, 1, 2)])
    off = np.einsum("nj,jnq->nq", taps, four)
    rise = np.einsum("nj,jnq->nq", slopes, four)
    jerk = four[3] - 3 * four[2] + 3 * four[1] - four[0]
    known = np.isfinite(off)
    if not known.any():
        return Sums(np.zeros(window.count), np.zeros(window.count), float("nan"))
    scale = _usual(off, known)
    calm = known & (np.abs(np.where(known, jerk, 0)) <= _WILD * _usual(jerk, known))
    off, rise, jerk = (np.where(calm, one, 0.0) for one in (off, rise, jerk))
    near = 1 / (1 + np.square(off / (_TUNING * scale))) if soft else np.abs(off) <= _FAR * scale
    weight = np.where(calm, near, 0.0) / scale**2
    noise = (weight * jerk**2).sum(axis=0) / (20 * np.maximum(weight.sum(axis=0), 1e-12))
    own, cross = (slopes**2).sum(axis=1)[:, None], (taps * slopes).sum(axis=1)[:, None]
    slope = (weight * (off * rise - noise * cross)).sum(axis=1)
    curve = (weight * (rise**2 - noise * own)).sum(axis=1)
    typical = 1.4826 * float(np.median(np.abs(off[calm]))) if calm.any() else float("nan")
    of = window.of[kept]
    return Sums(np.bincount(of, slope, window.count), np.bincount(of, curve, window.count), typical)


def _usual(values: FloatArray, known: npt.NDArray[np.bool_]) -> FloatArray:
    """`(Q,)` standard deviation of each column, outliers aside."""
    size = np.where(known, np.abs(values), np.nan)
    told = known.sum(axis=0) >= _FEWEST
    out = np.full(size.shape[1], 1.4826 * float(np.median(size[known])))
    out[told] = 1.4826 * np.nanmedian(size[:, told], axis=0)
    return np.maximum(out, 1e-3)


def local_lags(
    lines: Lines, moments: IndexArray, frames: FloatArray, window: IndexArray, n_windows: int
) -> tuple[FloatArray, FloatArray]:
    """By how many frames the camera's positions are to be moved in each window `(W,)`, and the standard error `(W,)`.

    Windows in which nothing moves have an infinite error.
    """
    moved, windows = np.zeros(n_windows), _Windows(window, n_windows)
    for turn in range(_SOFT + 2):
        found = sums(lines, moments, frames + moved[window], windows, turn < _SOFT)
        step = np.where(found.curve > 0, -found.slope / np.where(found.curve > 0, found.curve, 1), 0.0)
        moved = np.clip(moved + np.clip(step, -_LARGEST, _LARGEST), -2.5, 2.5)
    variance = 1 / np.where(found.curve > 0, found.curve, np.nan)
    return moved, np.where(np.isfinite(variance), np.sqrt(variance), np.inf)


@dataclass(frozen=True)
class Line:
    """The lag as a straight line over the moments.

    Attributes:
        offset: Frames, to add to the positions at `middle`.
        drift: Frames a moment, to add.
        covariance: `(2, 2)` of both, from how much the windows differ.
        middle: The moment at which the offset holds.
        scale: Usual distance from the lines in px.
    """

    offset: float
    drift: float
    covariance: FloatArray
    middle: float
    scale: float


def straight(lines: Lines, moments: IndexArray, frames: FloatArray, window: IndexArray, with_drift: bool) -> Line:
    """The one change of offset, and of rate if asked for, that fits all windows best."""
    n_windows = int(window.max()) + 1
    center = np.bincount(window, moments, n_windows) / np.maximum(np.bincount(window, minlength=n_windows), 1)
    middle = float(center.mean())
    design = np.stack([np.ones(n_windows), center - middle], axis=-1)[:, : 1 + with_drift]
    found = np.zeros(design.shape[1])
    for turn in range(_STEPS):
        moved = np.append(found, 0.0)[:2]
        place = frames + moved[0] + moved[1] * (moments - middle)
        said = sums(lines, moments, place, _Windows(window, n_windows), turn < _SOFT)
        curve = np.maximum(said.curve, 0)
        normal = design.T @ (curve[:, None] * design)
        if not np.isfinite(normal).all() or np.linalg.matrix_rank(normal) < len(normal):
            return Line(0.0, 0.0, np.full((2, 2), np.inf), middle, said.scale)
        step = -np.linalg.solve(normal, design.T @ said.slope)
        step *= min(1.0, _LARGEST / max(float(np.abs(design @ step).max()), 1e-12))
        found = found + step
        if turn >= _SOFT and float(np.abs(design @ step).max()) < _SMALL:
            break
    inverse = np.linalg.inv(normal)
    spread = (design * said.slope[:, None]).T @ (design * said.slope[:, None])
    small = n_windows / max(n_windows - len(found), 1)
    covariance = np.full((2, 2), 0.0)
    covariance[: len(found), : len(found)] = small * inverse @ spread @ inverse
    moved = np.append(found, 0.0)[:2]
    return Line(float(moved[0]), float(moved[1]), covariance, middle, said.scale)


def _cubic(share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """`(n, 4)` weights of the frames before, at, after and second after; and their derivatives."""
    f = share[:, None]
    taps = 0.5 * np.hstack([-(f**3) + 2 * f**2 - f, 3 * f**3 - 5 * f**2 + 2, -3 * f**3 + 4 * f**2 + f, f**3 - f**2])
    slopes = 0.5 * np.hstack([-3 * f**2 + 4 * f - 1, 9 * f**2 - 10 * f, -9 * f**2 + 8 * f + 1, 3 * f**2 - 2 * f])
    return taps, slopes
