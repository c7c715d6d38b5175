"""Points that jump: a step that neither goes on from the one before nor is gone on with by the one after.

A running animal makes large steps too, one after another. The part of a step that its neighbors in time do not
share is small even then, and has a scale of its own for every keypoint.
"""

from __future__ import annotations

import numpy as np

from markerless.analysis.animal_track import AnimalTrack, Signs, beyond, quantiles
from markerless.core.instance import FloatArray

QUANTILE = 0.9  # of the unshared parts of a keypoint's steps: their scale, which one jump in ten frames does not move
SCALES = 6.0  # beyond which it is a jump
SHARE = 0.12  # of the animal: a smaller jump is none
LESS_SURE = 0.15  # score that tells which end of a jump is the wrong one


def jumps(animal: AnimalTrack) -> Signs:
    """Steps larger than the keypoint's own motion allows, put down to the less confident of the two frames."""
    steps = np.diff(animal.points, axis=0)
    lengths = np.hypot(steps[..., 0], steps[..., 1])  # (T - 1, K)
    alone = unshared(steps)
    both = animal.trusted[1:] & animal.trusted[:-1]
    scale = quantiles(alone, both, (QUANTILE,))[0]
    usual = quantiles(lengths, both, (0.99,))[0]
    found = beyond(alone, np.fmax(SCALES * scale, SHARE * animal.size_px))
    with np.errstate(invalid="ignore"):
        first_is_wrong = animal.score[:-1] < animal.score[1:] - LESS_SURE
    severity = np.zeros(animal.score.shape, np.float32)
    severity[1:] = np.where(first_is_wrong, 0, found)
    severity[:-1] = np.maximum(severity[:-1], np.where(first_is_wrong, found, 0))
    longest = _longest_near(lengths)

    def say(t: int, k: int) -> str:
        name = animal.skeleton.keypoints[k]
        return f"{name} moves {longest[t, k]:.0f} px from one frame to the next, usually below {usual[k]:.0f}"

    return Signs("jump", severity, say)


def unshared(steps: FloatArray) -> FloatArray:
    """`(T - 1, K)` px: what the steps `(T - 1, K, 2)` have that neither neighbor in time has; NaN where a step is."""
    alone = np.hypot(steps[..., 0], steps[..., 1])
    change = np.diff(steps, axis=0)
    change = np.hypot(change[..., 0], change[..., 1])
    result = alone.copy()
    result[1:] = np.fmin(result[1:], change)
    result[:-1] = np.fmin(result[:-1], change)
    return np.asarray(np.where(np.isnan(alone), np.nan, result))


def _longest_near(lengths: FloatArray) -> FloatArray:
    """`(T, K)`: the longer of the steps to and from each frame."""
    longest = np.full((len(lengths) + 1, lengths.shape[1]), np.nan)
    longest[1:] = lengths
    longest[:-1] = np.fmax(longest[:-1], lengths)
    return longest
