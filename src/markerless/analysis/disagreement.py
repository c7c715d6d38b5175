"""Where a label and a prediction disagree: who is wrong? From their distance and the network's own record alone.

Two stories are compared for every labeled point. Either the label is right and the network is off; how often that
happens to a point of this expected error, and how often it then takes this other keypoint for that one, is learned from
all the disagreements there are, so a network that mixes up two paws in many frames accuses nobody. Or the network is
right, up to its expected error, and the label lies anywhere, or on another keypoint. Mistakes in labels are rare, so
nearly every disagreement is the network's.

The mixture is fitted by expectation and maximization; what is learned for a frame leaves that frame out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from markerless.analysis.rates import Flags, rates
from markerless.analysis.usual_shape import RAYLEIGH_MEDIAN
from markerless.core.instance import FloatArray

TAIL = 3.0  # degrees of freedom of the errors of a network that is right
LEAST_SPREAD = 0.003  # of the animal: nobody clicks more exactly
NARROWEST = 0.3  # of the usual ratio of distance and expected error: a keypoint's own ratio counts down to this
FEW_LABELS = 5  # of a keypoint: it has no ratio of its own
LEAST_OFF, MOST_OFF, FIRST_OFF = 0.005, 0.9, 0.05  # probability that a network is off
PRIOR_ELSEWHERE, PRIOR_ON_ANOTHER = 1.0, 1.0  # disagreements that were seen before any: anywhere, on another keypoint
ON_ANOTHER = 0.3  # share of wrong labels that lie on another keypoint
BOTH_AT_ONCE = 0.5  # probability that a network exchanges two keypoints when it takes one for the other
PULL_KEYPOINT = 4.0  # points
N_ROUNDS = 8
AGREEMENT = 0.2  # probability that the network is off, below which a label is trusted


@dataclass(frozen=True)
class Disagreement:
    """What labels and predictions of F frames and K keypoints say of each other.

    Attributes:
        distance: `(F, K)` px between label and prediction, NaN unless both are there.
        log_ratio: `(F, K)` how much likelier it is that the label is wrong, as a logarithm, before asking how rare
            wrong labels are; NaN unless both are there.
        agree: `(F, K)` the label is trusted.
        off: `(F, K)` probability that the network is off at a point of this expected error.
    """

    distance: FloatArray
    log_ratio: FloatArray
    agree: Flags
    off: FloatArray
    _right: FloatArray
    _near: FloatArray
    _taken_for: FloatArray

    def log_ratio_of_exchange(self, f: int, a: int, b: int) -> float:
        """The same for "the labels of `a` and `b` are exchanged" in frame `f`; minus infinity where nothing says so."""
        exchanged = self._near[f, a, b] * self._near[f, b, a]
        if not exchanged > 0:
            return -math.inf
        once = max(self.off[f, a] * self._taken_for[f, a, b], self.off[f, b] * self._taken_for[f, b, a])
        right = self._right[f, a] * self._right[f, b] + BOTH_AT_ONCE * once * exchanged
        return float(np.log(exchanged) - np.log(right))


def compare(
    labeled: FloatArray, predicted: FloatArray, expected_error: FloatArray, animal_size_px: float
) -> Disagreement:
    """Compare labels with predictions of networks that have not seen them.

    Args:
        labeled: `(F, K, 2)` px, NaN where there is no label.
        predicted: `(F, K, 2)` px, NaN where there is no prediction.
        expected_error: `(F, K)` px, above 0 where there is a prediction.
        animal_size_px: Usual size of the animal, above 0.
    """
    n_keypoints = labeled.shape[1]
    # axes: frame, keypoint predicted, keypoint labeled
    distances = np.linalg.norm(predicted[:, :, None] - labeled[:, None], axis=-1)
    distance = np.ascontiguousarray(np.diagonal(distances, axis1=1, axis2=2))
    both = np.isfinite(distance)
    spread = _spread(distance, expected_error, animal_size_px)
    near = np.nan_to_num(_density(distances, spread[:, :, None]))
    anywhere = 4 / (math.pi * animal_size_px**2)  # density of a point that may be anywhere on the animal
    others = near * (1 - np.eye(n_keypoints))
    fits = np.diagonal(near, axis1=1, axis2=2)
    off = np.full(distance.shape, FIRST_OFF)
    guilt = np.zeros_like(distance)  # the network's, by the point
    taken_for = _shares(np.zeros_like(near), guilt)
    for _ in range(N_ROUNDS):
        elsewhere = _elsewhere(taken_for, others, anywhere)
        guilt = np.where(both, off * elsewhere / (off * elsewhere + (1 - off) * fits), 0.0)
        off = np.clip(rates(expected_error, guilt, both, PULL_KEYPOINT), LEAST_OFF, MOST_OFF)
        taken_for = _shares(guilt[..., None] * taken_for * others / elsewhere[..., None], guilt)
    right = (1 - off) * fits + off * _elsewhere(taken_for, others, anywhere)
    on_another = others.sum(axis=1) / max(1, n_keypoints - 1)  # by the keypoint labeled
    wrong = (1 - ON_ANOTHER) * anywhere + ON_ANOTHER * on_another
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.where(both, np.log(wrong) - np.log(right), np.nan)
    agree = both & (guilt < AGREEMENT) & (log_ratio < 0)
    return Disagreement(distance, log_ratio, agree, off, right, near, taken_for)


def _elsewhere(taken_for: FloatArray, others: FloatArray, anywhere: float) -> FloatArray:
    """`(F, K)` density of the prediction of a network that is off: on another keypoint's label, or anywhere."""
    return np.asarray((1 - taken_for.sum(axis=2)) * anywhere + (taken_for * others).sum(axis=2))


def _shares(on_another: FloatArray, guilt: FloatArray) -> FloatArray:
    """`(F, K, K)` shares of the network's mistakes at a keypoint that land on another one, seen in the other frames."""
    n_others = max(1, on_another.shape[1] - 1)
    seen = on_another.sum(axis=0) - on_another + PRIOR_ON_ANOTHER / n_others * (1 - np.eye(on_another.shape[1]))
    n_seen = guilt.sum(axis=0) - guilt + PRIOR_ELSEWHERE + PRIOR_ON_ANOTHER
    return np.asarray(seen / n_seen[..., None])


def _spread(distance: FloatArray, expected_error: FloatArray, animal_size_px: float) -> FloatArray:
    """`(F, K)` px along one axis of the errors of a network that is right.

    Expected errors are taken in each keypoint's own measure: where labels usually lie at twice the expected error,
    twice the expected error is nothing special.
    """
    ratio = distance / expected_error
    known = np.isfinite(ratio)
    usual = float(np.median(ratio[known])) if known.any() else 1.0
    own = np.full(ratio.shape[1], usual)
    for k in np.flatnonzero(known.sum(axis=0) >= FEW_LABELS).tolist():
        own[k] = np.median(ratio[known[:, k], k])
    widening = np.maximum(own, NARROWEST * usual) / RAYLEIGH_MEDIAN
    return np.maximum(expected_error * widening, LEAST_SPREAD * animal_size_px)


def _density(distance: FloatArray, spread: FloatArray) -> FloatArray:
    """Of a Student distribution in two dimensions, at a distance from its center."""
    return np.asarray((1 + distance**2 / (TAIL * spread**2)) ** (-(TAIL + 2) / 2) / (2 * math.pi * spread**2))
