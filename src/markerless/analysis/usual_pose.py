"""Where a keypoint is to be expected, given the trusted points of the same animal; learned from all animals.

Animals are laid on their usual shape (`usual_shape`), where a normal distribution of all coordinates, its correlations
shrunk, tells what goes with what: two views of one paw have the same x, ears lie on both sides of a line. How an animal
is turned, scaled and shifted is left open: any likeness is as likely as any other, so that points that hold an animal
badly (two ears, for its tail) do not promise more than they can. The place of a keypoint given the others is a Student
distribution, so that one odd pose does not weigh too much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from markerless.analysis.rates import Flags
from markerless.analysis.usual_shape import FLOOR, MIN_ANIMALS, MIN_POINTS, Complex, Fit, lay, lay_thoroughly
from markerless.core.instance import FloatArray

SHRINK = 0.05  # towards independent coordinates
FEW_PAIRS = 2.0  # animals: a correlation seen in that many counts half
LEAST_VARIANCE = 1e-3  # of a coordinate in spreads
ROBUST = 4.0  # spreads; what lies beyond is drawn there
LIKENESS = 1.0  # radii, radians, factors by which an animal may be shifted, turned, scaled
TAIL = 3.0  # degrees of freedom
WIDTH = 1.8  # radius of the place where a keypoint may be when nothing is known, in radii of the animal
MAD_TO_SPREAD = 1.4826


@dataclass(frozen=True)
class UsualPose:
    """The animals it was made of, and what they have in common.

    Attributes:
        away: `(F, 2 K)` trusted points on the usual shape from their middle (x and y of keypoint 0, of keypoint 1,
            ...), in radii of the animal; NaN where there is none.
        middle: `(2 K,)` in radii of the animal, NaN for a keypoint that is never there.
        covariance: `(2 K, 2 K)` of `away`, and of likenesses.
        fit: How each animal was laid on the shape.
    """

    away: FloatArray
    middle: FloatArray
    covariance: FloatArray
    fit: Fit

    def log_odds(self, f: int, k: int, xy: FloatArray, without: tuple[int, ...] = ()) -> float:
        """How much likelier keypoint `k` of frame `f` is to be at `xy` px than anywhere else, as a logarithm.

        0 where nothing can be said: a place of NaN, or fewer than two trusted points besides `k` and those left out.
        """
        own = np.array([2 * k, 2 * k + 1])
        left_out = [c for j in (k, *without) for c in (2 * j, 2 * j + 1)]
        given = np.setdiff1d(np.flatnonzero(np.isfinite(self.away[f])), left_out)
        if len(given) < 4 or not np.isfinite([*xy, *self.middle[own]]).all():
            return 0.0
        shared = self.covariance[np.ix_(given, own)]
        weight: FloatArray = np.linalg.solve(self.covariance[np.ix_(given, given)], shared)
        left = self.covariance[np.ix_(own, own)] - weight.T @ shared
        off: FloatArray = self._place(f, xy) - self.middle[own] - weight.T @ self.away[f, given]
        square = float(off @ np.linalg.solve(left, off))
        peak = math.log(WIDTH**2 / 2) - 0.5 * math.log(max(float(np.linalg.det(left)), 1e-300))
        return peak - (TAIL + 2) / 2 * math.log1p(square / TAIL)

    def _place(self, f: int, xy: FloatArray) -> FloatArray:
        point = complex(xy[0], xy[1])
        if self.fit.mirrored[f]:
            point = point.conjugate()
        place = complex(self.fit.factor[f, 0] * point + self.fit.shift[f, 0])
        return np.array([place.real, place.imag])


def usual_pose(labeled: FloatArray, trusted: Flags) -> UsualPose | None:
    """Learn from the trusted labels; None when there are fewer than ten animals of three trusted points.

    Args:
        labeled: `(F, K, 2)` px, NaN where there is no label.
        trusted: `(F, K)` bool.
    """
    points: Complex = np.where(trusted, labeled[..., 0] + 1j * labeled[..., 1], complex(np.nan, np.nan))
    enough = np.isfinite(points).sum(axis=1) >= MIN_POINTS
    if enough.sum() < MIN_ANIMALS:
        return None
    shape, _ = lay_thoroughly(points[enough])
    fit = lay(points, shape, thorough=True)
    places = fit.place(points)
    flat = np.stack([places.real, places.imag], axis=-1).reshape(len(points), -1)
    middle, spread = _middle_and_spread(flat[enough])
    away = flat - middle
    covariance = _correlation(away[enough] / spread) * np.outer(spread, spread) + _of_likenesses(middle)
    return UsualPose(away, middle, covariance, fit)


def _of_likenesses(middle: FloatArray) -> FloatArray:
    """Covariance of the coordinates of the mean shape when it is shifted, turned and scaled at will."""
    x, y = middle[::2], middle[1::2]
    one, none = np.ones_like(x), np.zeros_like(x)
    moves = [(one, none), (none, one), (-y, x), (x, y)]
    directions = np.array([np.stack(move, axis=-1).ravel() for move in moves])
    return LIKENESS**2 * np.asarray(directions.T @ directions)


def _middle_and_spread(flat: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of every coordinate, robustly; NaN for one that is never there."""
    middle, spread = np.full(flat.shape[1], np.nan), np.full(flat.shape[1], np.nan)
    for c, column in enumerate(flat.T):
        values = column[np.isfinite(column)]
        if len(values):
            middle[c] = np.median(values)
            away = values - middle[c]
            narrow = MAD_TO_SPREAD * float(np.median(np.abs(away)))
            clipped = np.clip(away, -ROBUST * narrow, ROBUST * narrow)
            spread[c] = max(narrow, float(np.sqrt(np.mean(clipped**2))), FLOOR)
    return middle, spread


def _correlation(standard: FloatArray) -> FloatArray:
    """Of all pairs of coordinates, shrunk and positive definite."""
    known = np.isfinite(standard).astype(np.float64)
    values = np.where(known > 0, np.clip(standard, -ROBUST, ROBUST), 0.0)
    n_pairs = known.T @ known
    raw = values.T @ values / np.maximum(n_pairs, 1)
    scale = np.sqrt(np.maximum(np.diagonal(raw), LEAST_VARIANCE))
    raw = raw / np.outer(scale, scale) * (n_pairs / (n_pairs + FEW_PAIRS))
    levels, directions = np.linalg.eigh((1 - SHRINK) * raw + SHRINK * np.eye(len(raw)))
    return np.asarray((directions * np.maximum(levels, SHRINK / 2)) @ directions.T)
