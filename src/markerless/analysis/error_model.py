"""How far off a point may be, learned from points whose error is known.

The expected error is a log-linear function of what the network's maps say of a point, with a term of its own for each
keypoint; errors divided by their expectation are taken to have one shape, log-logistic, for all points. So one number
per point tells everything: the mean error, the probability of being within any tolerance, and any bound.

The points must come from frames that their network was not trained on (cross-fitting): on its own training frames a
network is surer than it ought to be. The same holds for this model and the points it is fitted on, so its shape and its
bound are taken from points of frames that were left out of the fit (cross-conformal: Vovk, Annals of Mathematics and
Artificial Intelligence 74, 2015). Gamma regression: McCullagh and Nelder, Generalized Linear Models, 1989, chapter 8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from markerless.core.instance import FloatArray

FEWEST_POINTS = 30  # fewer say nothing of how errors are spread
BOUND = 0.9
N_FOLDS = 5
LEAST_SCALE = 1e-2  # of evidence: what hardly varies is not blown up
LEAST_PX = 0.05  # nobody clicks more exactly
PULL_WEIGHT = 2.0  # ridge on the weights of the (standardized) evidence, in points
PULL_KEYPOINT = 8.0  # ridge that draws a keypoint's own term to zero, in points
SHAPE_LEVELS = np.linspace(0.1, 0.95, 18)  # shares of points at whose errors the shape is fitted


@dataclass(frozen=True)
class ErrorModel:
    """Fitted: what `expected_error` and `probability_within` need.

    Attributes:
        weight: `(E,)` of the evidence.
        bias: `(K,)`.
        level: Of the log-logistic shape.
        slope: Likewise.
        most_px: No error is expected to be larger.
        upper_90: Nine of ten errors are at most this many times their expectation.
        n_points: Points it was fitted on.
    """

    weight: FloatArray
    bias: FloatArray
    level: float
    slope: float
    most_px: float
    upper_90: float
    n_points: int

    def expected_error(self, evidence: FloatArray) -> FloatArray:
        """`(..., K, E)` evidence -> `(..., K)` px."""
        log_expected = np.clip(evidence @ self.weight + self.bias, math.log(LEAST_PX), math.log(self.most_px))
        return np.asarray(np.exp(log_expected))

    def scaled(self, factor: float) -> ErrorModel:
        """The model of a network whose errors are `factor` times as large."""
        return replace(self, bias=self.bias + math.log(factor))

    def probability_within(self, tolerance_px: float, expected_error: FloatArray) -> FloatArray:
        """Probability that a point of that expected error (px) is within the tolerance; same shape."""
        return probability_within(tolerance_px, expected_error, self.level, self.slope)


def probability_within(tolerance_px: float, expected_error: FloatArray, level: float, slope: float) -> FloatArray:
    """The log-logistic share of errors below the tolerance, for each expected error in px."""
    return np.asarray(expit(level + slope * np.log(tolerance_px / expected_error)))


@dataclass(frozen=True)
class KnownErrors:
    """Points whose error is known.

    Attributes:
        error: `(n,)` px, finite.
        evidence: `(n, E)`.
        keypoint: `(n,)` index of the keypoint of each point.
        frame: `(n,)` index of its frame: points of one frame are alike.
    """

    error: FloatArray
    evidence: FloatArray
    keypoint: npt.NDArray[np.int64]
    frame: npt.NDArray[np.int64]


def fit(known: KnownErrors, n_keypoints: int, most_px: float) -> ErrorModel | None:
    """Learn from points whose error is known; None when they are fewer than 30.

    Args:
        known: The points.
        n_keypoints: K.
        most_px: No error is expected to be larger: the diagonal of a frame.
    """
    n_points = len(known.error)
    if n_points < FEWEST_POINTS:
        return None
    error = np.clip(known.error, LEAST_PX, most_px)
    center, scale = known.evidence.mean(0), np.maximum(known.evidence.std(0), LEAST_SCALE)
    x = (known.evidence - center) / scale
    weight, bias = _fit_expectation(error, x, known.keypoint, n_keypoints)
    left_out = np.empty(n_points)
    fold = known.frame % N_FOLDS
    for number in np.unique(fold):
        out = fold == number
        parts = (weight, bias)
        if not out.all():
            parts = _fit_expectation(error[~out], x[~out], known.keypoint[~out], n_keypoints)
        left_out[out] = x[out] @ parts[0] + parts[1][known.keypoint[out]]
    left_out = np.clip(left_out, math.log(LEAST_PX), math.log(most_px))
    level, slope = _fit_shape(error, left_out)
    ratio = np.sort(error / np.exp(left_out))
    upper = float(ratio[min(n_points - 1, math.ceil((n_points + 1) * BOUND) - 1)])
    bias = bias - float((center / scale) @ weight)
    return ErrorModel(weight / scale, bias, level, slope, most_px, upper, n_points)


def _fit_expectation(
    error: FloatArray, x: FloatArray, keypoint: npt.NDArray[np.int64], n_keypoints: int
) -> tuple[FloatArray, FloatArray]:
    """Weights `(E,)` and keypoint terms `(K,)` of the gamma regression with a logarithmic link."""
    n_evidence = x.shape[1]
    start = np.zeros(1 + n_evidence + n_keypoints)
    start[0] = math.log(float(error.mean()))

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        weight, own = parameters[1 : 1 + n_evidence], parameters[1 + n_evidence :]
        log_expected = parameters[0] + x @ weight + own[keypoint]
        ratio = error * np.exp(-log_expected)
        pull = PULL_WEIGHT * float(weight @ weight) + PULL_KEYPOINT * float(own @ own)
        value = float((ratio + log_expected).sum()) + pull / 2
        slope = 1 - ratio
        gradient = np.concatenate(
            (
                [slope.sum()],
                x.T @ slope + PULL_WEIGHT * weight,
                np.bincount(keypoint, slope, n_keypoints) + PULL_KEYPOINT * own,
            )
        )
        return value, gradient

    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return found[1 : 1 + n_evidence], found[0] + found[1 + n_evidence :]


def _fit_shape(error: FloatArray, log_expected: FloatArray) -> tuple[float, float]:
    """Level and slope of the log-logistic shape: the log loss of "within t" over many tolerances t at once."""
    tolerances = np.log(np.quantile(error, SHAPE_LEVELS))
    within = (np.log(error)[:, None] <= tolerances).astype(np.float64)
    relative = tolerances - log_expected[:, None]

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        slope = math.exp(parameters[1])
        logit = parameters[0] + slope * relative
        value = float((np.logaddexp(0, logit) - within * logit).mean())
        residual = (expit(logit) - within) / within.size
        return value, np.array([float(residual.sum()), slope * float((residual * relative).sum())])

    found = minimize(loss, np.array([0.5, 0.5]), jac=True, method="L-BFGS-B").x
    return float(found[0]), math.exp(found[1])
