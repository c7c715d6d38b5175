"""A lag that drifts, and jumps by whole frames where a camera lost some: told apart from lags in windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.multiview.in_step import IndexArray

JUMP = 12.0  # what a jump costs, in units of log likelihood
_DRIFT = 4.0  # what a rate of its own costs
MOST_DRIFT = 0.003  # clocks of cameras differ by less, unless their rates are different by design
_MOST = 8.0  # a window counts no more than that: it may be wrong altogether
_FLOOR = 0.08  # frames: no window is surer
_MOST_STEPS = 250
_ROUNDS = 6


@dataclass(frozen=True)
class Steps:
    """Lag `offset + drift * (moment - middle) + level` of each window.

    Attributes:
        offset: Frames.
        drift: Frames a moment.
        middle: Moment.
        level: `(W,)` whole frames.
        cost: What is left, with what jumps and a drift cost.
    """

    offset: float
    drift: float
    middle: float
    level: IndexArray
    cost: float


def find_steps(lag: FloatArray, sd: FloatArray, center: FloatArray) -> Steps:
    """The steps that explain the lags of the windows best.

    Args:
        lag: `(W,)` frames.
        sd: `(W,)` their standard errors, infinite where nothing is known.
        center: `(W,)` moments.
    """
    sd = np.hypot(sd, _FLOOR)
    middle = float(center.mean())
    found = [_fit(lag, sd, center - middle, slope) for slope in (0.0, *_slopes(lag, sd, center))]
    best = min(found, key=lambda steps: steps.cost)
    return Steps(best.offset, best.drift, middle, best.level, best.cost)


def _slopes(lag: FloatArray, sd: FloatArray, center: FloatArray) -> list[float]:
    """Rates that may be, from windows near to each other and far."""
    known = np.flatnonzero(sd < 1.0)
    out, apart = [], 1
    while apart < len(known):
        a, b = known[:-apart], known[apart:]
        rise = (lag[b] - lag[a]) / (center[b] - center[a])
        weight = (center[b] - center[a]) / np.hypot(sd[a], sd[b])
        order = np.argsort(rise)
        total = np.cumsum(weight[order])
        out.append(float(rise[order][np.searchsorted(total, total[-1] / 2)]))
        apart *= 2
    return [slope for slope in out if abs(slope) <= MOST_DRIFT]


def _fit(lag: FloatArray, sd: FloatArray, center: FloatArray, drift: float) -> Steps:
    free = drift != 0.0
    offset = _fraction(lag - drift * center, sd)
    level, cost = np.zeros(len(lag), dtype=np.intp), np.inf
    for _ in range(_ROUNDS):
        level, cost = _levels(lag - offset - drift * center, sd)
        left = lag - level
        z = (left - offset - drift * center) / sd
        weight = np.where(0.5 * z**2 < _MOST, 1 / sd**2, 0.0)
        if (weight > 0).sum() < 3:
            break
        mean, at = np.average(left, weights=weight), np.average(center, weights=weight)
        if free:
            drift = float(
                np.average((left - mean) * (center - at), weights=weight)
                / max(np.average((center - at) ** 2, weights=weight), 1e-9)
            )
            drift = float(np.clip(drift, -MOST_DRIFT, MOST_DRIFT))
        new = float(mean - drift * at)
        if abs(new - offset) < 1e-4:
            break
        offset = new
    return Steps(offset, drift, 0.0, level, cost + _DRIFT * free)


def _fraction(lag: FloatArray, sd: FloatArray) -> float:
    """A whole number near most lags, with the fraction that they have in common."""
    weight = 1 / sd**2
    turn = np.angle((weight * np.exp(2j * np.pi * lag)).sum()) / (2 * np.pi)
    order = np.argsort(lag)
    total = np.cumsum(weight[order])
    usual = lag[order][np.searchsorted(total, total[-1] / 2)]
    return float(np.round(usual - turn) + turn)


def _levels(left: FloatArray, sd: FloatArray) -> tuple[IndexArray, float]:
    """Whole frames of each window, with few jumps, and the cost."""
    sure = left[sd < 1.0]
    most = int(np.clip(np.abs(sure).max(initial=0) + 1, 1, _MOST_STEPS))
    levels = np.arange(-most, most + 1)
    cost = np.minimum(0.5 * ((left[:, None] - levels) / sd[:, None]) ** 2, _MOST)
    return best_levels(cost, levels, JUMP)


def best_levels(cost: FloatArray, levels: IndexArray, jump: float) -> tuple[IndexArray, float]:
    """`(B,)` the level of each block that makes `cost` `(B, L)` and the price of the jumps least, and that cost."""
    n_blocks = len(cost)
    stays = np.zeros(cost.shape, dtype=bool)
    from_ = np.zeros(n_blocks, dtype=np.intp)
    best = cost[0].copy()
    for block in range(1, n_blocks):
        least = int(best.argmin())
        from_[block] = least
        limit = best[least] + jump
        stays[block] = best <= limit
        best = np.minimum(best, limit) + cost[block]
    path = np.empty(n_blocks, dtype=np.intp)
    path[-1] = int(best.argmin())
    for block in range(n_blocks - 1, 0, -1):
        path[block - 1] = path[block] if stays[block, path[block]] else from_[block]
    return levels[path], float(best.min())
