"""The lag of a camera in whole frames, all along a recording: first from all that are possible, then near the best.

The recording is cut into windows; how badly each lag fits in each window makes a map, and the path through the map
that fits best, and moves from window to window no more than clocks and lost frames do, is the lag. Wrong measurements
do not decide, because the cost of a distance grows with its logarithm only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.multiview.in_step import IndexArray, Lines

WINDOW = 60  # moments at least
MOST_WINDOWS = 200
FEWEST_WINDOWS = 8
_VALUES_WIDE, _VALUES_NEAR = 12_000, 60_000  # of one lag: what a map is made of
NEAR = 16  # lags on either side of the first path that the second map has
_FIRST_SCALE = 2.0  # px
_TEMPER = 0.5  # neighbors in time are not independent: a value counts half
_CHANGE = 1.0  # what a change of the lag by one frame costs
_DRIFT = 0.004  # of a window: the lag may change by that much, and by the frames that are lost at once
_MOST_LOST = 8
_LEAST_VALID = 0.2


@dataclass(frozen=True)
class LagPath:
    """What was found.

    Attributes:
        edges: `(W + 1,)` moments at which the windows begin and end.
        lag: `(W,)` frames: at moment m of window w the camera's frame is m + lag[w].
        around: `(W, D)` cost of the path moved by `away` in each window, less that of the path itself.
        away: `(D,)` frames.
        scale: Usual distance from the lines in px (standard deviation, outliers aside) along the path.
        off: `(D,)` the same for the path moved by `away`.
    """

    edges: IndexArray
    lag: IndexArray
    around: FloatArray
    away: IndexArray
    scale: float
    off: FloatArray

    def of(self, moments: IndexArray) -> IndexArray:
        """The lag at moments."""
        window = np.clip(np.searchsorted(self.edges, moments, side="right") - 1, 0, len(self.lag) - 1)
        return np.asarray(self.lag[window])


def find_path(lines: Lines, lags: IndexArray) -> LagPath:
    """The best path through all `lags`, which rise by one."""
    edges = _edges(lines.n_moments)
    sample = _Sample.of(lines, edges, _VALUES_WIDE if len(lags) > 300 else _VALUES_NEAR)
    scale = _FIRST_SCALE
    for _ in range(2):
        wide, _ = _map(lines, sample, np.zeros(len(edges) - 1, dtype=np.intp), lags, scale)
        path = lags[_best_path(wide, _reach(edges))]
        sharp, old = _usual(lines, sample, path), scale
        scale = max(sharp, 0.25)
        if scale < 2 * old:
            break
    near = np.arange(-NEAR, NEAR + 1)
    sample = _Sample.of(lines, edges, _VALUES_NEAR)
    for _ in range(2):
        close, _ = _map(lines, sample, path, near, scale)
        path = path + near[_best_path(close, _reach(edges))]
        scale = max(_usual(lines, sample, path), 0.1)
    away = lags - int(np.median(path))
    cost, off = _map(lines, sample if len(away) <= 300 else _Sample.of(lines, edges, _VALUES_WIDE), path, away, scale)
    own = int(np.flatnonzero(away == 0)[0]) if (away == 0).any() else int(np.abs(away).argmin())
    return LagPath(edges, path, cost - cost[:, [own]], away, scale, off)


@dataclass(frozen=True)
class _Sample:
    """Moments that a map is made of, and their windows."""

    moments: IndexArray
    window: IndexArray
    n_windows: int

    @classmethod
    def of(cls, lines: Lines, edges: IndexArray, most: int) -> _Sample:
        n = max(len(edges) - 1, min(lines.n_moments, most // max(lines.x.shape[1], 1)))
        moments = np.unique(np.linspace(0, lines.n_moments - 1, n).round().astype(np.intp))
        window = np.searchsorted(edges, moments, side="right") - 1
        return cls(moments, np.clip(window, 0, len(edges) - 2), len(edges) - 1)


def _edges(n_moments: int) -> IndexArray:
    n = int(np.clip(n_moments // WINDOW, FEWEST_WINDOWS, MOST_WINDOWS))
    return np.linspace(0, n_moments, n + 1).round().astype(np.intp)


def _reach(edges: IndexArray) -> int:
    return int(np.ceil(_DRIFT * np.diff(edges).max())) + _MOST_LOST


def _map(
    lines: Lines, sample: _Sample, path: IndexArray, lags: IndexArray, scale: float
) -> tuple[FloatArray, FloatArray]:
    """Cost `(W, L)` of each lag beside the path in each window, and the usual distance `(L,)` in px at each."""
    total, count = np.zeros((2, sample.n_windows, len(lags)))
    off = np.full(len(lags), np.nan)
    start = sample.moments + path[sample.window]
    for index, lag in enumerate(lags):
        away = lines.off(sample.moments, start + lag)
        known = np.isfinite(away)
        cost = np.log1p(np.square(np.where(known, away, 0) / np.float32(scale)))
        total[:, index] = np.bincount(sample.window, cost.sum(axis=1), sample.n_windows)
        count[:, index] = np.bincount(sample.window, known.sum(axis=1), sample.n_windows)
        if known.any():
            off[index] = 1.4826 * float(np.median(np.abs(away[known])))
    most = count.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > _LEAST_VALID * most, total / count, np.nan)
    told = np.isfinite(mean).any(axis=1)
    usual = np.zeros((sample.n_windows, 1))
    usual[told] = np.nanmedian(mean[told], axis=1, keepdims=True)  # where nothing is known, nothing speaks for or against
    return _TEMPER * most * np.where(np.isfinite(mean), mean, usual), off


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
                tried = best[source] + _CHANGE * step
                better = tried < least[to]
                least[to] = np.where(better, tried, least[to])
                origin[to] = np.where(better, np.arange(n_lags)[source], origin[to])
        came[window], best = origin, least + cost[window]
    path = np.empty(n_windows, dtype=np.intp)
    path[-1] = int(best.argmin())
    for window in range(n_windows - 1, 0, -1):
        path[window - 1] = came[window, path[window]]
    return path


def _usual(lines: Lines, sample: _Sample, path: IndexArray) -> float:
    away = lines.off(sample.moments, sample.moments + path[sample.window])
    known = np.abs(away[np.isfinite(away)])
    return 1.4826 * float(np.median(known)) if known.size else float("nan")
