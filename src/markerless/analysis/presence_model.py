"""Whether a keypoint is there at all, learned from frames whose labels say that some are not.

Where a keypoint is hidden or outside the picture, the maps still have a highest place, and a network may be fairly sure
of it: how far off it is cannot be learned from labels, for there is none. That it is not there can: a logistic
regression on the same evidence as the expected error, with a term of its own for each keypoint. As with the errors, the
answers must come from networks that were not trained on the frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from markerless.analysis.error_model import LEAST_SCALE, N_FOLDS, PULL_KEYPOINT, PULL_WEIGHT
from markerless.core.instance import FloatArray

# Of five networks of two studies, ten absent keypoints gave 0.77 of that loss or less in 100 draws, five 0.84
# (benchmarks/RESULTS.md); evidence that says nothing gives 1 or more.
FEWEST_ABSENT = 10
WORTHWHILE = 0.9  # of the log loss of the keypoints' shares alone, on frames left out


@dataclass(frozen=True)
class PresenceModel:
    """Fitted: what `probability` needs.

    Attributes:
        weight: `(E,)` of the evidence.
        bias: `(K,)`.
        n_absent: Absent keypoints it was fitted on.
    """

    weight: FloatArray
    bias: FloatArray
    n_absent: int

    def probability(self, evidence: FloatArray) -> FloatArray:
        """`(..., K, E)` evidence -> `(..., K)` probability of being there, 0..1."""
        return np.asarray(expit(evidence @ self.weight + self.bias))


@dataclass(frozen=True)
class KnownPresence:
    """Points of which it is known whether the keypoint is there.

    Attributes:
        is_there: `(n,)`.
        evidence: `(n, E)`, finite.
        keypoint: `(n,)` index of the keypoint of each point.
        frame: `(n,)` index of its frame: points of one frame are alike.
    """

    is_there: npt.NDArray[np.bool_]
    evidence: FloatArray
    keypoint: npt.NDArray[np.int64]
    frame: npt.NDArray[np.int64]


def fit(known: KnownPresence, n_keypoints: int) -> PresenceModel | None:
    """Learn what absent keypoints look like.

    Args:
        known: The points.
        n_keypoints: K.

    Returns:
        The model; None with fewer than 10 absent points, or where the evidence does not tell them from others better
        than by how often each keypoint is absent.
    """
    there, keypoint = known.is_there.astype(np.float64), known.keypoint
    n_absent = int((~known.is_there).sum())
    if n_absent < FEWEST_ABSENT or n_absent == len(there):
        return None
    center, scale = known.evidence.mean(0), np.maximum(known.evidence.std(0), LEAST_SCALE)
    x = (known.evidence - center) / scale
    without = np.zeros((len(x), 0))
    if _left_out_loss(there, x, known, n_keypoints) > WORTHWHILE * _left_out_loss(there, without, known, n_keypoints):
        return None
    weight, bias = _fit_logistic(there, x, keypoint, n_keypoints)
    return PresenceModel(weight / scale, bias - float((center / scale) @ weight), n_absent)


def _left_out_loss(there: FloatArray, x: FloatArray, known: KnownPresence, n_keypoints: int) -> float:
    """Mean log loss on frames that were left out of the fit, in turns."""
    loss = np.empty(len(there))
    fold = known.frame % N_FOLDS
    for number in np.unique(fold):
        out = fold == number
        weight, bias = _fit_logistic(there[~out], x[~out], known.keypoint[~out], n_keypoints)
        logit = x[out] @ weight + bias[known.keypoint[out]]
        loss[out] = np.logaddexp(0, logit) - there[out] * logit
    return float(loss.mean())


def _fit_logistic(
    there: FloatArray, x: FloatArray, keypoint: npt.NDArray[np.int64], n_keypoints: int
) -> tuple[FloatArray, FloatArray]:
    """Weights `(E,)` and keypoint terms `(K,)`, both drawn to zero around one common term."""
    n_evidence = x.shape[1]

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        weight, own = parameters[1 : 1 + n_evidence], parameters[1 + n_evidence :]
        logit = parameters[0] + x @ weight + own[keypoint]
        pull = PULL_WEIGHT * float(weight @ weight) + PULL_KEYPOINT * float(own @ own)
        value = float((np.logaddexp(0, logit) - there * logit).sum()) + pull / 2
        slope = expit(logit) - there
        own_slope = np.bincount(keypoint, slope, n_keypoints) + PULL_KEYPOINT * own
        return value, np.concatenate(([slope.sum()], x.T @ slope + PULL_WEIGHT * weight, own_slope))

    found = minimize(loss, np.zeros(1 + n_evidence + n_keypoints), jac=True, method="L-BFGS-B").x
    return found[1 : 1 + n_evidence], found[0] + found[1 + n_evidence :]
