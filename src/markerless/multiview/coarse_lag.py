"""The lag of a camera in whole frames, all along a recording: first from all that are possible, then near the best.

The recording is cut into windows; how badly each lag fits in each window makes a map, and the path through the map
that fits best, and moves from window to window no more than clocks and lost frames do, is the lag. Wrong measurements
do not decide, because the cost of a distance grows with its logarithm only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.multiview.in_step import IndexArray, Lines, Single, column_scale

WINDOW = 40  # moments at least
MOST_WINDOWS = 200
FEWEST_WINDOWS = 10
_VALUES_WIDE, _VALUES_NEAR = 8_000, 60_000  # of one lag: what a map is made of
NEAR = 16  # lags on either side of the first path that the second map has
_MANY = 300  # lags
_FIRST_SCALE = 2.0  # px
_TEMPER = 0.5  # neighbors in time are not independent: a value counts half
_CHANGE, _STEP = 25.0, 1.0  # what a change of the lag costs, and each frame of it
_DRIFT = 0.004  # of a window: the lag may change by that much, and by the frames that are lost at once
_MOST_LOST = 8
_LEAST_VALID = 0.2
_MOST_IN_A_ROW, _MOST_ROWS, _LONGEST = 60, 40, 30.0
_VALUES_COMPARED = 200_000
_BLOCK, _VOTE = 8, 4.0
_MOVING = 0.8


@dataclass(frozen=True)
class LagPath:
    """What was found.

    Attributes:
        edges: `(W + 1,)` moments at which the windows begin and end.
        lag: `(W,)` frames: at moment m of window w the camera's frame is m + lag[w].
        around: `(D,)` cost of the path moved by `away`, less that of the path itself.
        away: `(D,)` frames.
        centered: Whether only changes within windows counted.
    """

    edges: IndexArray
    lag: IndexArray
    around: FloatArray
    away: IndexArray
    centered: bool

    def of(self, moments: IndexArray) -> IndexArray:
        """The lag at moments."""
        window = np.clip(np.searchsorted(self.edges, moments, side="right") - 1, 0, len(self.lag) - 1)
        return np.asarray(self.lag[window])


def find_path(lines: Lines, lags: IndexArray, centered: bool = False) -> LagPath:
    """The best path through all `lags`, which rise by one.

    With `centered`, only how the distances from the lines change within a window counts: where labels or cameras are
    off by more than the animal moves in a few frames, that tells the lag better.
    """
    edges = _edges(lines.n_moments)
    sample = _sample(lines, edges, _VALUES_WIDE if len(lags) > _MANY else _VALUES_NEAR)
    still = np.zeros(len(edges) - 1, dtype=np.intp)
    scale, memory = np.full(lines.x.shape[1], _FIRST_SCALE, dtype=np.float32), 1.0
    for _ in range(2):
        wide = _map(lines, sample, still, lags, _How(scale, centered)) / memory
        found = _best_path(wide, _reach(edges))
        scale, old = _scale(lines, sample, lags[found], centered), scale
        memory = _memory(lines, edges, lags[found], centered)
        if memory < 2 and np.all((scale > 0.5 * old) & (scale < 2 * old)):
            break
    around, away = _beside(wide, found)
    path, near = lags[found], np.arange(-NEAR, NEAR + 1)
    sample = _sample(lines, edges, _VALUES_NEAR)
    for _ in range(2):
        close = _map(lines, sample, path, near, _How(scale, centered)) / memory
        path = path + near[_best_path(close, _reach(edges))]
        scale = _scale(lines, sample, path, centered)
    return LagPath(edges, path, around.sum(axis=0), away, centered)


def compare(lines: Lines, path: LagPath, away: int) -> tuple[float, float, float]:
    """By how many standard errors the path fits better than moved by `away` frames; and the px off of both, in the
    fifth of the points where they differ most: elsewhere nothing moves.

    Short blocks vote, each by how much it prefers one of the two but none by more than a few times another: so neither
    a single burst of movement nor a single stretch of errors decides.
    """
    sample = _sample(lines, path.edges, _VALUES_COMPARED)
    start = (sample + path.lag[:, None]).ravel()
    both = [lines.off(sample.ravel(), start + step).reshape(*sample.shape, -1) for step in (0, away)]
    if path.centered:
        both = [off - _middle(off) for off in both]
    px = _where_it_moves(both[0], both[1])
    scale = column_scale(both[0].reshape(sample.size, -1))
    own, other = (np.log1p(np.square(off / scale)) for off in both)
    gain = other - own
    gain = np.where(np.isfinite(gain), gain, 0.0).sum(axis=2)
    return vote(gain), px[0], px[1]


def _where_it_moves(own: Single, other: Single) -> tuple[float, float]:
    """Usual distances in px of two lags."""
    apart = np.abs(own - other)
    known = np.isfinite(apart)
    if not known.any():
        return float("nan"), float("nan")
    most = known & (np.where(known, apart, 0) >= np.quantile(apart[known], _MOVING))
    first, second = (1.4826 * float(np.median(np.abs(off[most]))) for off in (own, other))
    return first, second


def vote(gain: FloatArray) -> float:
    """By how many standard errors one of two fits better, from its gain at each moment `(W, S)`, in log likelihood."""
    n_blocks = max(1, gain.shape[1] // _BLOCK)
    votes = np.add.reduceat(gain, np.arange(n_blocks) * _BLOCK, axis=1).ravel()
    votes = votes / np.hypot(votes, max(_VOTE, _VOTE * float(np.median(np.abs(votes)))))
    return float(votes.sum() / max(np.sqrt((votes**2).sum()), 1.0))


@dataclass(frozen=True)
class _How:
    """Scale `(Q,)` of the cost in px, and whether the windows are centered."""

    scale: Single
    centered: bool


def _scale(lines: Lines, sample: IndexArray, path: IndexArray, centered: bool) -> Single:
    """`(Q,)` px, usual distance of each column along a path."""
    off = lines.off(sample.ravel(), (sample + path[:, None]).ravel()).reshape(*sample.shape, -1)
    if centered:
        off = off - _middle(off)
    return column_scale(off.reshape(sample.size, -1))


def _memory(lines: Lines, edges: IndexArray, path: IndexArray, centered: bool) -> float:
    """For how many moments an error lasts: 1 when each has its own."""
    each = min(int(np.diff(edges).min()), _MOST_IN_A_ROW)
    some = np.unique(np.linspace(0, len(path) - 1, min(len(path), _MOST_ROWS)).round().astype(np.intp))
    sample = edges[some][:, None] + np.arange(each)
    off = lines.off(sample.ravel(), (sample + path[some, None]).ravel()).reshape(*sample.shape, -1)
    if centered:
        off = off - _middle(off)
    cost = np.log1p(np.square(off / column_scale(off.reshape(sample.size, -1))))
    cost -= np.nanmean(cost) if np.isfinite(cost).any() else 0.0
    first, second = cost[:, :-1], cost[:, 1:]
    known = np.isfinite(first * second)
    if not known.any():
        return 1.0
    alike = float((first[known] * second[known]).mean() / max(float((first[known] ** 2).mean()), 1e-9))
    return float(np.clip((1 + alike) / max(1 - alike, 1e-3), 1.0, _LONGEST))


def _beside(cost: FloatArray, path: IndexArray) -> tuple[FloatArray, IndexArray]:
    """Costs `(W, D)` of the path moved by `away` `(D,)`, less its own; what lies beyond the map costs the usual."""
    n_lags = cost.shape[1]
    away = np.arange(-int(np.median(path)), n_lags - int(np.median(path)))
    place = path[:, None] + away
    inside = (place >= 0) & (place < n_lags)
    rows = np.arange(len(path))[:, None]
    moved = np.where(inside, cost[rows, np.clip(place, 0, n_lags - 1)], np.median(cost, axis=1, keepdims=True))
    return moved - cost[rows, path[:, None]], away


def _sample(lines: Lines, edges: IndexArray, most: int) -> IndexArray:
    """`(W, S)` moments that a map is made of, evenly over each window."""
    n_windows = len(edges) - 1
    each = max(4, min(int(np.diff(edges).max()), most // (n_windows * max(lines.x.shape[1], 1))))
    share = (np.arange(each) + 0.5) / each
    return np.asarray((edges[:-1, None] + share * np.diff(edges)[:, None]).astype(np.intp))


def _edges(n_moments: int) -> IndexArray:
    n = int(np.clip(n_moments // WINDOW, min(FEWEST_WINDOWS, n_moments), MOST_WINDOWS))  # a window has a moment
    return np.linspace(0, n_moments, n + 1).round().astype(np.intp)


def _reach(edges: IndexArray) -> int:
    return int(np.ceil(_DRIFT * np.diff(edges).max())) + _MOST_LOST


def _map(lines: Lines, sample: IndexArray, path: IndexArray, lags: IndexArray, how: _How) -> FloatArray:
    """Cost `(W, L)` of each lag beside the path in each window."""
    total, count = np.zeros((2, len(sample), len(lags)))
    start = (sample + path[:, None]).ravel()
    part = lines.take(sample.ravel())
    every = np.arange(sample.size)
    for index, lag in enumerate(lags):
        off = part.off(every, start + lag).reshape(*sample.shape, -1)
        if how.centered:
            off -= _middle(off)
        off /= how.scale
        known = np.isfinite(off)
        total[:, index] = np.log1p(np.where(known, off * off, 0)).sum(axis=(1, 2))
        count[:, index] = known.sum(axis=(1, 2))
    most = count.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > _LEAST_VALID * most, total / count, np.nan)
    told = np.isfinite(mean).any(axis=1)
    usual = np.zeros((len(sample), 1))
    usual[told] = np.nanmedian(mean[told], axis=1, keepdims=True)  # what is not known speaks neither for nor against
    return _TEMPER * most * np.where(np.isfinite(mean), mean, usual)


def _middle(off: Single) -> Single:
    """`(W, 1, Q)` median of each window and column; NaN where nothing is known."""
    count = np.isfinite(off).sum(axis=1, keepdims=True)
    return np.take_along_axis(np.sort(off, axis=1), np.maximum(count - 1, 0) // 2, axis=1)


def _best_path(cost: FloatArray, reach: int) -> IndexArray:
    """`(W,)` index of the lag in each window, by dynamic programming."""
    n_windows, n_lags = cost.shape
    came = np.zeros((n_windows, n_lags), dtype=np.intp)
    best = cost[0].copy()
    for window in range(1, n_windows):
        least, origin = best.copy(), np.arange(n_lags)
        for step in range(1, min(reach, n_lags - 1) + 1):
            for sign in (1, -1):
                to = slice(step, None) if sign > 0 else slice(None, -step)
                source = slice(None, -step) if sign > 0 else slice(step, None)
                tried = best[source] + _CHANGE + _STEP * step
                better = tried < least[to]
                least[to] = np.where(better, tried, least[to])
                origin[to] = np.where(better, np.arange(n_lags)[source], origin[to])
        came[window], best = origin, least + cost[window]
    path = np.empty(n_windows, dtype=np.intp)
    path[-1] = int(best.argmin())
    for window in range(n_windows - 1, 0, -1):
        path[window - 1] = came[window, path[window]]
    return path
