"""Left and right that change places: each of a pair goes on from where the other was.

The two are often close to each other, so that neither step is long enough for a jump.
"""

from __future__ import annotations

import numpy as np

from markerless.analysis.animal_track import AnimalTrack, Signs
from markerless.core.instance import FloatArray

CROSSED = 0.4  # the crossed steps together, as a share of the uncrossed ones
SHARE = 0.05  # of the animal: nearer pairs change places by noise


def swaps(animal: AnimalTrack) -> Signs:
    """Mirror pairs of keypoints (by their names, where the skeleton has none) that exchange their places."""
    skeleton = animal.skeleton if animal.skeleton.mirror_pairs else animal.skeleton.with_guessed_mirror_pairs()
    severity = np.zeros(animal.score.shape, np.float32)
    partner = dict(skeleton.mirror_pairs) | {b: a for a, b in skeleton.mirror_pairs}
    for a, b in skeleton.mirror_pairs:
        one, other = animal.points[:, a], animal.points[:, b]
        stay = _steps(one, one) + _steps(other, other)
        cross = _steps(one, other) + _steps(other, one)
        apart = np.hypot(*(one - other).T)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = cross / stay
            clear = np.minimum(apart[1:], apart[:-1]) > SHARE * animal.size_px
            found = np.where(clear & (share < CROSSED), 1 - share, 0).astype(np.float32)
        for k in (a, b):
            severity[1:, k] = np.maximum(severity[1:, k], found)

    def say(_t: int, k: int) -> str:
        first, second = sorted((k, partner[k]))
        return f"{skeleton.keypoints[first]} and {skeleton.keypoints[second]} seem to change places"

    return Signs("swap", severity, say)


def _steps(before: FloatArray, after: FloatArray) -> FloatArray:
    """`(T - 1,)` px from each point of one track to the next one of the other."""
    return np.asarray(np.hypot(*(after[1:] - before[:-1]).T))
