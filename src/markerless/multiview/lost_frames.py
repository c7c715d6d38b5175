"""Where exactly a camera lost frames: the jumps of its lag, to the frame where the animal moves enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.multiview.in_step import IndexArray, Lines
from markerless.multiview.lag_steps import JUMP, best_levels

_BESIDE = 6  # frames beside the levels of the windows that are tried
_BLOCK = 5  # moments
_CHUNK = 20_000  # moments at a time, for memory
_TEMPER = 0.7  # points that two cameras give lines for have one error
_WRONG = 6.0  # a point counts no more than that: it may be wrong altogether
_ABOUT = 400  # moments on either side of a jump in which it may be
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


def find_jumps(lines: Lines, frames: FloatArray, scale: float, near: IndexArray) -> list[Jump]:
    """Where the lag jumps.

    Args:
        lines: Where the others see the points.
        frames: `(M,)` frame of the camera at every moment, without any jumps.
        scale: Usual distance from the lines in px.
        near: Levels of the windows: the jumps are between these, or near to them.
    """
    levels = np.arange(int(near.min()) - _BESIDE, int(near.max()) + _BESIDE + 1)
    cost = _costs(lines, frames, levels, scale)
    edges = np.arange(0, len(frames), _BLOCK)
    level, _ = best_levels(_TEMPER * np.add.reduceat(cost, edges, axis=0), levels, JUMP)
    along = cost[np.arange(len(cost)), np.repeat(level - levels[0], _BLOCK)[: len(cost)]]
    cost *= _TEMPER / _memory(along)
    level, _ = best_levels(np.add.reduceat(cost, edges, axis=0), levels, JUMP)
    turns = np.flatnonzero(np.diff(level))
    total = np.vstack([np.zeros((1, len(levels))), np.cumsum(cost, axis=0)])
    usual = float(cost[np.arange(len(cost)), np.searchsorted(levels, np.repeat(level, _BLOCK)[: len(cost)])].mean())
    starts = [0, *(int(edges[turn + 1]) for turn in turns), len(frames)]
    jumps = []
    for number, turn in enumerate(turns):
        before, after = int(level[turn]), int(level[turn + 1])
        low = max(starts[number] + 1, starts[number + 1] - _ABOUT)
        high = min(starts[number + 2] - 1, starts[number + 1] + _ABOUT)
        columns = (before - int(levels[0]), after - int(levels[0]))
        jumps.append(_placed(total, columns, (low, high), usual))
    return jumps


def _placed(total: FloatArray, columns: tuple[int, int], within: tuple[int, int], usual: float) -> Jump:
    """The moment of a jump between the levels of two columns, from sums of costs up to each moment `(M + 1, L)`."""
    before, after = columns
    lost = max(before - after, 0)
    first = np.arange(within[0], max(within[1], within[0] + 1))
    then = np.minimum(first + lost, len(total) - 1)
    spent = total[first, before] + (total[-1, after] - total[then, after]) + usual * (then - first)
    well = first[spent <= spent.min() + _AS_WELL]
    return Jump(int(first[spent.argmin()]), after - before, (int(well.min()), int(well.max())))


def _costs(lines: Lines, frames: FloatArray, levels: IndexArray, scale: float) -> FloatArray:
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
            off = np.where(shared, (1 - share) * low + share * high, low) / np.float32(scale)
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
