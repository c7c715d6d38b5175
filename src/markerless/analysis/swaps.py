"""Left and right that change places: each of a pair goes on from where the other was.

The two are often close to each other, so that neither step is long enough for a jump.
"""

from __future__ import annotations

import numpy as np

from markerless.analysis.animal_track import AnimalTrack, Signs

CROSSED = 0.4  # how far from one to the other: 0 when exactly turned round, 1 for a quarter turn
SHARE = 0.05  # of the animal: nearer pairs change places by noise


def swaps(animal: AnimalTrack) -> Signs:
    """Mirror pairs of keypoints (by their names, where the skeleton has none) that exchange their places."""
    skeleton = animal.skeleton if animal.skeleton.mirror_pairs else animal.skeleton.with_guessed_mirror_pairs()
    severity = np.zeros(animal.score.shape, np.float32)
    partner = dict(skeleton.mirror_pairs) | {b: a for a, b in skeleton.mirror_pairs}
    for a, b in skeleton.mirror_pairs:
        apart = animal.points[:, a] - animal.points[:, b]  # moving and turning with the animal, this goes on smoothly
        stay, cross = apart[1:] - apart[:-1], apart[1:] + apart[:-1]
        lengths = np.hypot(*apart.T)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.hypot(*cross.T) / np.hypot(*stay.T)
            clear = np.minimum(lengths[1:], lengths[:-1]) > SHARE * animal.size_px
            found = np.where(clear & (share < CROSSED), 1 - share, 0).astype(np.float32)
        for k in (a, b):
            severity[1:, k] = np.maximum(severity[1:, k], found)

    def say(_t: int, k: int) -> str:
        first, second = sorted((k, partner[k]))
        return f"{skeleton.keypoints[first]} and {skeleton.keypoints[second]} seem to change places"

    return Signs("swap", severity, say)
