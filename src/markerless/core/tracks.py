"""Dense predictions of one video."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError


@dataclass(frozen=True)
class Tracks:
    """Where every keypoint of every animal is in every frame of one video.

    Attributes:
        skeleton: Names and order of the keypoints.
        points: `(T, N, K, D)` float64; D = 2 pixels of the full frame, (0, 0) the center of the top-left pixel, or
            D = 3 in the unit of the calibration. NaN where there is no prediction.
        score: `(T, N, K)` float64 in 0..1; NaN where there is no prediction.
        error: `(T, N, K)` expected error in px (or the unit of the calibration), or None when the model gives none.
        individuals: Names of the animals, length N.
        fps: Frames per second, NaN when unknown.
        video: File name of the video, "" when unknown.
        scorer: Who made the predictions (DeepLabCut's scorer string).
        provenance: How the result was made: plain values only (JSON).
    """

    skeleton: Skeleton
    points: FloatArray
    score: FloatArray
    error: FloatArray | None = None
    individuals: tuple[str, ...] = ("individual_0",)
    fps: float = float("nan")
    video: str = ""
    scorer: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expected = (self.n_frames, len(self.individuals), self.skeleton.n_keypoints)
        if self.points.ndim != 4 or self.points.shape[:3] != expected or self.points.shape[3] not in (2, 3):
            raise LabelsError(f"expected points (T, N={expected[1]}, K={expected[2]}, 2 or 3), got {self.points.shape}")
        if self.score.shape != expected:
            raise LabelsError(f"expected score {expected}, got {self.score.shape}")
        if self.error is not None and self.error.shape != expected:
            raise LabelsError(f"expected error {expected}, got {self.error.shape}")

    @property
    def n_frames(self) -> int:
        return len(self.points)

    @property
    def n_individuals(self) -> int:
        return len(self.individuals)

    @property
    def share_present(self) -> float:
        """Points that are there, 0 to 1 of those that could be; NaN where none could.

        In a file of several animals some keypoints may be of one alone (DeepLabCut's unique bodyparts): that they are
        nowhere in the others is no loss. An animal or a keypoint that was never found at all is one.
        """
        present = self.present()
        known = np.any(present | np.isfinite(self.score), axis=0)
        counted = known | ~np.any(known, axis=0) | ~np.any(known, axis=1, keepdims=True)
        return float(present[:, counted].mean()) if present.size else float("nan")

    def present(self, min_score: float = 0.0) -> npt.NDArray[np.bool_]:
        """`(T, N, K)`: points that exist with a score of at least `min_score` (an unknown score counts as enough)."""
        exists = np.isfinite(self.points).all(axis=-1)
        return exists & ~(self.score < min_score)
