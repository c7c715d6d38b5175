"""The lag of a camera to a small part of a frame, and how sure it is.

Gauss and Newton's steps on the distances from the lines, interpolated between frames (Catmull and Rom's cubic). The
noise of interpolated points is smallest halfway between two frames and would draw every lag there; what it adds, known
from the differences of neighbors that no smooth movement makes, is taken off again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from markerless.core.instance import FloatArray
from markerless.multiview.in_step import IndexArray, Lines, column_scale

_STEPS = 8
_LARGEST = 0.7  # frames: more at once is beyond what a cubic knows
_SMALL = 1e-4
_TUNING = 2.3849  # Cauchy's weights: 95 % efficient on normal errors
_WILD = 5.0  # of the usual jerk: a jump there and back is an error, whatever the lag
_FAR = 3.5  # standard deviations: beyond that a point is wrong
_SOFT = 3  # steps
_LEAST_MOTION = 0.12  # of what noise adds: with less, the speed itself is not known
_IN_COMMON = 0.05  # of the noise: so much of it may be the same all along, and is taken for a lag
_MOST_ALIKE = 8  # windows over which an error may last
_MOST_VALUES = 200_000


@dataclass(frozen=True)
class Windows:
    """The window `of` each moment, how many there are, and whether only what changes within them counts."""

    of: IndexArray
    count: int
    centered: bool = False

    def means(self, lines: Lines, frames: FloatArray) -> FloatArray:
        """`(M, Q)` for each moment the median distance from the lines in its window, 0 where there is none."""
        out = np.zeros((len(frames), lines.x.shape[1]))
        known = np.isfinite(frames)
        off = lines.off(
            np.arange(len(frames)), np.where(known, np.rint(np.where(known, frames, 0)), -1).astype(np.intp)
        )
        edges = np.searchsorted(self.of, np.arange(self.count + 1))
        for first, last in pairwise(edges):
            count = np.isfinite(off[first:last]).sum(axis=0)
            middle = np.take_along_axis(np.sort(off[first:last], axis=0), np.maximum(count - 1, 0)[None] // 2, axis=0)
            out[first:last] = np.where(count > 0, middle, 0.0)
        return out


@dataclass(frozen=True)
class Sums:
    """What the moments of each window say of a change of the lag.

    Attributes:
        slope: `(W,)` of half the cost (squared standard deviations), by a move in frames.
        curve: `(W,)` its derivative: how much the window knows; may be below zero where nothing moves.
        scale: Usual distance from the lines in px.
        count: Distances that it is founded on.
        taken_off: What noise alone was taken to add to `curve`, summed over the windows.
    """

    slope: FloatArray
    curve: FloatArray
    scale: float
    count: int
    taken_off: float


def sums(lines: Lines, frames: FloatArray, window: Windows, soft: bool) -> Sums:
    """Sums over windows at the positions `frames` `(M,)` of the camera; NaN positions are left out.

    `soft` weighs far points little (to find the place), else they are left out (what noise adds is then known exactly).
    """
    stride = max(1, len(frames) * lines.x.shape[1] // _MOST_VALUES)
    kept = np.flatnonzero(np.isfinite(frames))[::stride]
    frames = frames[kept]
    whole = np.floor(frames).astype(np.intp)
    taps, slopes = _cubic(frames - whole)
    four = np.stack([lines.off(kept, whole + step) for step in (-1, 0, 1, 2)])
    off = np.einsum("nj,jnq->nq", taps, four)
    rise = np.einsum("nj,jnq->nq", slopes, four)
    jerk = four[3] - 3 * four[2] + 3 * four[1] - four[0]
    known = np.isfinite(off)
    if not known.any():
        return Sums(np.zeros(window.count), np.zeros(window.count), float("nan"), 0, 0.0)
    of = window.of[kept]
    if window.centered:
        off, rise = _centered(off, rise, of, window.count)
    scale = column_scale(off)
    calm = known & (np.abs(np.where(known, jerk, 0)) <= _WILD * column_scale(jerk))
    off, rise, jerk = (np.where(calm, one, 0.0) for one in (off, rise, jerk))
    near = 1 / (1 + np.square(off / (_TUNING * scale))) if soft else np.abs(off) <= _FAR * scale
    weight = np.where(calm, near, 0.0) / scale**2
    noise = (weight * jerk**2).sum(axis=0) / (20 * np.maximum(weight.sum(axis=0), 1e-12))
    own, cross = (slopes**2).sum(axis=1)[:, None], (taps * slopes).sum(axis=1)[:, None]
    slope = (weight * (off * rise - noise * cross)).sum(axis=1)
    curve = (weight * (rise**2 - noise * own)).sum(axis=1)
    typical = 1.4826 * float(np.median(np.abs(off[calm]))) if calm.any() else float("nan")
    sloped, curved = (np.asarray(np.bincount(of, one, window.count), dtype=np.float64) for one in (slope, curve))
    return Sums(sloped, curved, typical, int((weight > 0).sum()), float((weight * noise * own).sum()))


def _centered(off: FloatArray, rise: FloatArray, of: IndexArray, n_windows: int) -> tuple[FloatArray, FloatArray]:
    """Both less their means in each window and column, far values aside."""
    n_columns = off.shape[1]
    place = of[:, None] * n_columns + np.arange(n_columns)
    for _ in range(2):
        near = np.isfinite(off) & (np.abs(off) <= _FAR * column_scale(off))
        count = np.maximum(np.bincount(place[near], minlength=n_windows * n_columns), 1)
        off, rise = (
            one - (np.bincount(place[near], one[near], n_windows * n_columns) / count)[place] for one in (off, rise)
        )
    return off, rise


def local_lags(lines: Lines, frames: FloatArray, windows: Windows) -> tuple[FloatArray, FloatArray]:
    """By how many frames the camera's positions are to be moved in each window `(W,)`, and the standard error `(W,)`.

    Windows in which nothing moves have an infinite error.
    """
    moved = np.zeros(windows.count)
    for turn in range(_SOFT + 2):
        found = sums(lines, frames + moved[windows.of], windows, turn < _SOFT)
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

    def at(self, moment: float) -> float:
        """The offset at a moment."""
        return self.offset + self.drift * (moment - self.middle)


def straight(lines: Lines, frames: FloatArray, windows: Windows, with_drift: bool) -> Line:
    """The one change of offset, and of rate if asked for, that fits all windows best."""
    n_windows, moments = windows.count, np.arange(len(frames))
    center = np.bincount(windows.of, moments, n_windows) / np.maximum(np.bincount(windows.of, minlength=n_windows), 1)
    middle = float(center.mean())
    design = np.stack([np.ones(n_windows), center - middle], axis=-1)[:, : 1 + with_drift]
    found = np.zeros(design.shape[1])
    for turn in range(_STEPS):
        moved = np.append(found, 0.0)[:2]
        place = frames + moved[0] + moved[1] * (moments - middle)
        said = sums(lines, place, windows, turn < _SOFT)
        curve = np.maximum(said.curve, 0)
        normal = design.T @ (curve[:, None] * design)
        known = curve.sum() > _LEAST_MOTION * said.taken_off
        if not known or not np.isfinite(normal).all() or np.linalg.matrix_rank(normal) < len(normal):
            return Line(0.0, 0.0, np.full((2, 2), np.inf), middle, said.scale)
        step = -np.linalg.solve(normal, design.T @ said.slope)
        step *= min(1.0, _LARGEST / max(float(np.abs(design @ step).max()), 1e-12))
        found = found + step
        if turn >= _SOFT and float(np.abs(design @ step).max()) < _SMALL:
            break
    inverse = np.linalg.inv(normal)
    spread = _spread(design * said.slope[:, None])
    small = n_windows / max(n_windows - len(found), 1)
    covariance = np.full((2, 2), 0.0)
    covariance[: len(found), : len(found)] = small * inverse @ spread @ inverse
    covariance[0, 0] += _IN_COMMON**2 * said.count / float(curve.sum())
    moved = np.append(found, 0.0)[:2]
    return Line(float(moved[0]), float(moved[1]), covariance, middle, said.scale)


def _spread(scores: FloatArray) -> FloatArray:
    """Covariance of the sum of scores `(W, n)` of which neighbors are alike (Newey and West, 1987).

    Of few windows it is known badly itself, and mostly too small; so it is made larger by as much as 95 % need then
    (Kiefer and Vogelsang, 2005).
    """
    reach = int(np.clip(len(scores) // 4, 2, _MOST_ALIKE))
    total = scores.T @ scores
    for step in range(1, reach + 1):
        beside = scores[step:].T @ scores[:-step]
        total = total + (1 - step / (reach + 1)) * (beside + beside.T)
    share = min((reach + 1) / len(scores), 1.0)
    needed = 1 + (2.9694 * share + 0.4160 * share**2 - 0.5324 * share**3) / 1.96
    return np.asarray(total * needed**2)


def _cubic(share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """`(n, 4)` weights of the frames before, at, after and second after; and their derivatives."""
    f = share[:, None]
    taps = 0.5 * np.hstack([-(f**3) + 2 * f**2 - f, 3 * f**3 - 5 * f**2 + 2, -3 * f**3 + 4 * f**2 + f, f**3 - f**2])
    slopes = 0.5 * np.hstack([-3 * f**2 + 4 * f - 1, 9 * f**2 - 10 * f, -9 * f**2 + 8 * f + 1, 3 * f**2 - 2 * f])
    return taps, slopes
