"""How far off the pixels of each view are, learned from how well the views agree.

Variance components, as in the adjustment of survey nets (Foerstner 1979): of a view's squared distances from the
fitted points, as much is expected as the fit leaves to that view. Gross errors do not enter, because only views that
agree are fitted. Two views tell only their sum, and are then taken to be equally good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.core.views import GOOD
from markerless.errors import CalibrationError
from markerless.multiview.point_fit import Observed, fit_points
from markerless.multiview.projection import project_with_slope
from markerless.multiview.triangulate import DISTANCE_PER_SD, Triangulated, triangulate

_ROUNDS = 12
_SETTLED = 0.01  # relative change of a standard deviation
_PRIOR = (
    200.0  # distances that a keypoint counts like its view, before it counts by itself: neighbors in time are alike
)
_BEST = (
    0.5  # of the median of the views: no view is taken to be better (two that agree by chance would rule the others)
)
_MOST_POINTS = 20_000
_SMALLEST_PX = 0.05
_NORMAL = 0.6745  # median of the distances of a normal distribution, over its standard deviation


@dataclass(frozen=True)
class Noise:
    """What was learned.

    Attributes:
        error: `(V, K)` px, expected error (a mean distance) of each keypoint in each view; or, where errors were given,
            by how much the given ones have to be multiplied.
        n_points: Points that it was learned from.
    """

    error: FloatArray
    n_points: int


def learn_noise(cameras: Sequence[Camera], xy: FloatArray) -> Noise:
    """Expected errors of pixels `(V, F, K, 2)`, of F moments and K keypoints, NaN where not seen.

    Raises:
        CalibrationError: no point is seen by two views that agree.
    """
    sample = _sample(xy)
    start = np.full(xy.shape[:1] + xy.shape[2:3], _first_guess(cameras, sample) * DISTANCE_PER_SD)
    return _settle(cameras, sample, np.ones(sample.shape[:-1]), start)


def check_noise(cameras: Sequence[Camera], xy: FloatArray, error: FloatArray) -> Noise:
    """Factors by which given expected errors `(V, F, K)` px fall short of how far the views disagree; at least 1.

    Errors that all views have in common cannot be seen from how well they agree: so none is ever made smaller.
    """
    frames = _frames(xy)
    sample, given = xy[:, frames], error[:, frames]
    noise = _settle(cameras, sample, given, np.ones((xy.shape[0], xy.shape[2])))
    return Noise(np.maximum(noise.error, 1.0), noise.n_points)


def _settle(cameras: Sequence[Camera], xy: FloatArray, given: FloatArray, factor: FloatArray) -> Noise:
    """Repeat fitting the points and comparing what is left of each view with what is expected to be left."""
    n_points = 0
    for _ in range(_ROUNDS):
        error = given * factor[:, None]
        fit = triangulate(cameras, xy, error)
        n_points = int((fit.state == GOOD).sum())
        if not n_points:
            break
        left, expected = _left(cameras, fit, error / DISTANCE_PER_SD)
        by_view = left.sum(axis=1, keepdims=True) / np.maximum(expected.sum(axis=1, keepdims=True), 1e-9)
        ratio = np.sqrt((left + _PRIOR * by_view) / (expected + _PRIOR))
        new = np.maximum(factor * ratio, _SMALLEST_PX * (given == 1).all())
        new = np.maximum(new, _BEST * np.median(new, axis=0))
        settled = np.abs(new / factor - 1).max() < _SETTLED
        factor = new
        if settled:
            break
    if not n_points:
        raise CalibrationError(
            "expected points that at least two cameras agree on, found none: the calibration does not belong to these "
            "videos, the files are assigned to the wrong cameras, or they do not run in step"
        )
    return Noise(factor, n_points)


def _left(cameras: Sequence[Camera], fit: Triangulated, sd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Squared distances over variances `(V, K)`, summed, and what is expected of them by the shape of the fits."""
    left, expected = np.zeros(sd.shape[::2]), np.zeros(sd.shape[::2])
    for view, camera in enumerate(cameras):
        use = fit.used[view]
        slope = project_with_slope(camera, fit.points)[1]
        taken = np.einsum("...ij,...jk,...ik->...", slope, fit.covariance, slope) / sd[view] ** 2
        left[view] = np.where(use, (fit.reprojection[view] / sd[view]) ** 2, 0.0).sum(axis=0)
        expected[view] = np.where(use, 2 - taken, 0.0).sum(axis=0)
    return left, expected


def _first_guess(cameras: Sequence[Camera], xy: FloatArray) -> float:
    """Standard deviation in px of the pixels, from the pairs of views that agree best (a whole view may be wrong)."""
    flat = xy.reshape(len(xy), -1, 2)
    observed = Observed.of(cameras, flat, np.ones(flat.shape[:-1]))
    spreads = []
    for a, b in combinations(range(len(cameras)), 2):
        both = np.zeros(flat.shape[:-1], dtype=bool)
        both[[a, b]] = True
        misfit = fit_points(observed, both & observed.seen[[a, b]].all(axis=0)).misfit
        misfit = misfit[np.isfinite(misfit) & (observed.seen[[a, b]].all(axis=0))]
        if len(misfit) >= 8:
            spreads.append(float(np.sqrt(np.median(misfit))) / _NORMAL)
    if not spreads:
        raise CalibrationError(
            "expected at least 8 points that two cameras see at the same time, found fewer: check that the files are "
            "of the same moments, and give expected errors if there really are so few"
        )
    return max(float(np.quantile(spreads, 0.25)), _SMALLEST_PX)


def _frames(xy: FloatArray) -> npt.NDArray[np.intp]:
    """Moments to learn from, evenly over all of them."""
    most = max(1, _MOST_POINTS // max(xy.shape[2], 1))
    return np.unique(np.linspace(0, xy.shape[1] - 1, min(most, xy.shape[1])).round().astype(np.intp))


def _sample(xy: FloatArray) -> FloatArray:
    return xy[:, _frames(xy)]
