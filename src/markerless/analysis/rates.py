"""How often something happens to a point, given how sure the network is of it and which keypoint it is.

A logistic regression on the logarithm of the expected error with a term for each keypoint; both are drawn to zero, so
that few points say little.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray

Flags = npt.NDArray[np.bool_]

PULL_LEVEL, PULL_SLOPE = 1e-3, 0.5  # ridges, in points
N_STEPS = 25
LONGEST_STEP = 3.0  # logits; where everything or nothing happens, Newton's method runs away
ENOUGH = 1e-6  # logits
LEAST_BEND = 1e-6
MOST_LOGIT = 30.0


def rates(expected_error: FloatArray, share: FloatArray, known: Flags, pull_keypoint: float) -> FloatArray:
    """Probability for every point.

    Args:
        expected_error: `(F, K)` px, above 0.
        share: `(F, K)` how far it happened, 0..1; counts where `known`.
        known: `(F, K)` the points to learn from; `expected_error` is finite there.
        pull_keypoint: Ridge that draws the term of a keypoint to zero, in points.

    Returns:
        `(F, K)`, NaN where `expected_error` is.
    """
    log_error: FloatArray = np.log(expected_error)
    n_keypoints = log_error.shape[1]
    keypoint = np.broadcast_to(np.arange(n_keypoints), log_error.shape)
    if not known.any():
        return np.where(np.isfinite(log_error), 0.5, np.nan)
    center, scale = log_error[known].mean(), max(float(log_error[known].std()), 1e-6)
    x = (log_error - center) / scale
    pull = np.array([PULL_LEVEL, PULL_SLOPE, *[pull_keypoint] * n_keypoints])
    found = _fit(x[known], keypoint[known], share[known], pull)
    own = found[2:][keypoint]
    return np.asarray(_sigmoid(found[0] + found[1] * x + own))


def _fit(x: FloatArray, keypoint: npt.NDArray[np.int64], share: FloatArray, pull: FloatArray) -> FloatArray:
    """Level, slope and a term for each keypoint, by Newton's method."""
    weight = np.zeros(len(pull))
    n_keypoints = len(pull) - 2

    def sums(values: FloatArray) -> FloatArray:
        """By the keypoint, with the sum of all in front."""
        own = np.bincount(keypoint, values, n_keypoints)
        return np.array([own.sum(), *own])

    for _ in range(N_STEPS):
        p = _sigmoid(weight[0] + weight[1] * x + weight[2:][keypoint])
        level, along = sums(share - p), ((share - p) * x).sum()
        slope = np.array([level[0], along, *level[1:]]) - pull * weight
        bend = p * (1 - p) + LEAST_BEND
        zeroth, first, second = sums(bend), sums(bend * x), float((bend * x**2).sum())
        curvature = np.diag(np.array([zeroth[0], second, *zeroth[1:]]) + pull)
        curvature[0, 1] = curvature[1, 0] = first[0]
        curvature[0, 2:] = curvature[2:, 0] = zeroth[1:]
        curvature[1, 2:] = curvature[2:, 1] = first[1:]
        step = np.linalg.solve(curvature, slope)
        weight += step * min(1.0, LONGEST_STEP / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < ENOUGH:
            break
    return weight


def _sigmoid(logit: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -MOST_LOGIT, MOST_LOGIT))))
