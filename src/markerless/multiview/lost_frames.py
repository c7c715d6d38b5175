"""Where exactly a camera lost frames: the jumps of its lag, to the frame where the animal moves enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.multiview.coarse_lag import vote
from markerless.multiview.in_step import IndexArray, Lines, Single, column_scale
from markerless.multiview.lag_steps import JUMP, best_levels

_BESIDE = 6  # frames beside the levels of the windows that are tried
_BLOCK = 5  # moments
_CHUNK = 20_000  # moments at a time, for memory
_TEMPER = 0.7  # points that two cameras give lines for have one error
_WITNESSES = 4000  # moments on either side of a jump
_SURE = 3.0  # standard errors
_WRONG = 6.0  # a point counts no more than that: it may be wrong altogether
_ABOUT = 400  # moments on either side of a jump in which it may be
_SOME = 20_000  # moments
_AS_WELL = 3.0  # log likelihood: a place that is worse by less may be the right one


@dataclass(frozen=True)
class Jump:
    """A jump of the lag.

    Attributes:
        moment: The first moment after which it is the new one (of a camera that lost frames: the first it lacks).
        frames: By how many frames; negative when the camera lost them, positive when the others did.
        between: First and last moment that would do as well.
    """

    moment: int
    frames: int
    between: tuple[int, int]


def find_jumps(lines: Lines, frames: FloatArray, near: IndexArray) -> tuple[int, list[Jump]]:
    """The level of the lag at first, and where it jumps.

    Args:
        lines: Where the others see the points.
        frames: `(M,)` frame of the camera at every moment, without any jumps.
        near: `(M,)` levels at about which the lag is.
    """
    levels = np.arange(int(near.min()) - _BESIDE, int(near.max()) + _BESIDE + 1)
    cost = _costs(lines, frames, levels, _scale(lines, frames + near))
    level, cost = _levels(cost, levels, JUMP)
    price, jumps = JUMP, _jumps(cost, level, levels)
    while not _are_sure(cost, int(level[0] - levels[0]), jumps):
        price *= 2
        level, _ = _levels(cost, levels, price, tempered=True)
        jumps = _jumps(cost, level, levels)
    return int(level[0]), jumps


def _levels(
    cost: FloatArray, levels: IndexArray, price: float, tempered: bool = False
) -> tuple[IndexArray, FloatArray]:
    """The level `(M,)` of each moment, and the costs, tempered for errors that last."""
    edges = np.arange(0, len(cost), _BLOCK)
    factor = 1.0 if tempered else _TEMPER
    level, _ = best_levels(factor * np.add.reduceat(cost, edges, axis=0), levels, price)
    level = np.repeat(level, _BLOCK)[: len(cost)]
    if tempered:
        return level, cost
    cost = cost * (_TEMPER / _memory(cost[np.arange(len(cost)), level - levels[0]]))
    return _levels(cost, levels, price, tempered=True)


def _jumps(cost: FloatArray, level: IndexArray, levels: IndexArray) -> list[Jump]:
    """The jumps of a level, each at its best moment."""
    total = np.vstack([np.zeros((1, len(levels))), np.cumsum(cost, axis=0)])
    usual = float(cost[np.arange(len(cost)), level - levels[0]].mean())
    turns = np.flatnonzero(np.diff(level)) + 1
    starts = [0, *turns.tolist(), len(level)]
    found = []
    for number, turn in enumerate(turns):
        columns = (int(level[turn - 1] - levels[0]), int(level[turn] - levels[0]))
        low = max(starts[number] + 1, int(turn) - _ABOUT)
        high = min(starts[number + 2] - 1, int(turn) + _ABOUT)
        found.append(_placed(total, columns, (low, high), usual))
    return found


def _are_sure(cost: FloatArray, first: int, jumps: list[Jump]) -> bool:
    """Whether on both sides of every jump many moments speak for it, not a few of them only."""
    edges = [0, *(jump.moment for jump in jumps), len(cost)]
    column = first
    for index, jump in enumerate(jumps):
        gain = cost[:, column + jump.frames] - cost[:, column]
        column += jump.frames
        left = gain[max(edges[index], jump.moment - _WITNESSES) : jump.moment]
        right = -gain[jump.moment : min(edges[index + 2], jump.moment + _WITNESSES)]
        if not len(left) or not len(right) or min(vote(left[None]), vote(right[None])) < _SURE:
            return False
    return True


def _placed(total: FloatArray, columns: tuple[int, int], within: tuple[int, int], usual: float) -> Jump:
    """The moment of a jump between the levels of two columns, from sums of costs up to each moment `(M + 1, L)`."""
    before, after = columns
    lost = max(before - after, 0)
    first = np.arange(within[0], max(within[1], within[0] + 1))
    then = np.minimum(first + lost, len(total) - 1)
    spent = total[first, before] + (total[-1, after] - total[then, after]) + usual * (then - first)
    well = first[spent <= spent.min() + _AS_WELL]
    return Jump(int(first[spent.argmin()]), after - before, (int(well.min()), int(well.max())))


def _scale(lines: Lines, frames: FloatArray) -> Single:
    some = np.flatnonzero(np.isfinite(frames))
    some = some[:: max(1, len(some) // _SOME)]
    return column_scale(lines.off(some, np.rint(frames[some]).astype(np.intp)))


def _costs(lines: Lines, frames: FloatArray, levels: IndexArray, scale: Single) -> FloatArray:
    """`(M, L)` of the positions moved by each level; what is not known speaks for none of them."""
    out = np.zeros((len(frames), len(levels)))
    for start in range(0, len(frames), _CHUNK):
        moments = np.arange(start, min(start + _CHUNK, len(frames)))
        place = np.where(np.isfinite(frames[moments]), frames[moments], -1e6)
        whole = np.floor(place).astype(np.intp)
        share = (place - whole)[:, None].astype(np.float32)
        shared = share > 0.02
        cost = np.empty((len(levels), len(moments), lines.x.shape[1]), dtype=np.float32)
        low = lines.off(moments, whole + int(levels[0]))
        for index, level in enumerate(levels):
            high = lines.off(moments, whole + int(level) + 1)
            off = np.where(shared, (1 - share) * low + share * high, low) / scale
            cost[index] = np.minimum(0.5 * off * off, _WRONG)
            low = high
        known = np.isfinite(cost)
        count = known.sum(axis=0)
        mean = np.where(known, cost, 0).sum(axis=0) / np.maximum(count, 1)
        out[moments] = np.where(known, cost, mean).sum(axis=2).T
    return out


def _memory(cost: FloatArray) -> float:
    """For how many moments an error lasts: 1 when each has its own."""
    around = cost - cost.mean()
    spread = float((around**2).mean())
    if len(cost) < 10 or spread <= 0:
        return 1.0
    alike = float((around[1:] * around[:-1]).mean()) / spread
    return float(np.clip((1 + alike) / max(1 - alike, 1e-3), 1.0, 20.0))
