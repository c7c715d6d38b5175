"""What networks say of frames that they have not been trained on, as a value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.errors import RunError


@dataclass(frozen=True)
class CrossFit:
    """Cross-fitted predictions: each frame's come from a network that did not train on it.

    Attributes:
        images: F frames, as label files name them; each once.
        keypoints: K names.
        xy: `(F, K, 2)` px of the picture, NaN where there is no prediction.
        score: `(F, K)` probability of being within the tolerance, 0..1; NaN is allowed where `xy` is NaN.
        expected_error: `(F, K)` px, above 0; NaN is allowed where `xy` is NaN.
        tolerance_px: What the score is the probability of.
    """

    images: tuple[str, ...]
    keypoints: tuple[str, ...]
    xy: FloatArray
    score: FloatArray
    expected_error: FloatArray
    tolerance_px: float

    def __post_init__(self) -> None:
        for what, names in (("image", self.images), ("keypoint", self.keypoints)):
            twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
            if twice:
                raise RunError(f"expected every {what} once, got {min(twice)} twice in cross-fitted predictions")
        shape = (len(self.images), len(self.keypoints))
        for name, array, expected in (
            ("xy", self.xy, (*shape, 2)),
            ("score", self.score, shape),
            ("expected_error", self.expected_error, shape),
        ):
            if array.shape != expected:
                raise RunError(f"expected {name} of shape {expected} in cross-fitted predictions, got {array.shape}")
        here = np.isfinite(self.xy).all(-1)
        if not ((self.score >= 0) & (self.score <= 1))[here].all():
            raise RunError("expected scores from 0 to 1 for every cross-fitted prediction, got others")
        if not ((self.expected_error > 0) & np.isfinite(self.expected_error))[here].all():
            raise RunError("expected errors above 0 px for every cross-fitted prediction, got others")
        if not (math.isfinite(self.tolerance_px) and self.tolerance_px > 0):
            raise RunError(f"expected a tolerance above 0 px in cross-fitted predictions, got {self.tolerance_px}")
