"""One animal in one frame."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from markerless.errors import LabelsError

FloatArray = npt.NDArray[np.float64]


class Visibility(IntEnum):
    """What is known of a keypoint in a frame; the numbers are those stored in the journal."""

    NOT_LABELED = 0
    OCCLUDED = 1
    VISIBLE = 2
    ABSENT = 3


@dataclass(frozen=True)
class Instance:
    """One animal in one frame.

    Attributes:
        xy: `(K, 2)` float64, pixels of the original frame, (0, 0) the center of the top-left pixel; NaN where there is
            no point.
        visibility: `(K,)` int8 of `Visibility`.
        score: `(K,)` float64 in 0..1, NaN for a missing point; 1 for human labels.
        individual: Name of the animal.
        source: Who placed the points.
    """

    xy: FloatArray
    visibility: npt.NDArray[np.int8]
    score: FloatArray
    individual: str = "individual_0"
    source: Literal["human", "model"] = "human"

    def __post_init__(self) -> None:
        n_keypoints = len(self.xy)
        if (
            self.xy.shape != (n_keypoints, 2)
            or self.visibility.shape != (n_keypoints,)
            or self.score.shape != (n_keypoints,)
        ):
            raise LabelsError(
                f"expected xy (K, 2), visibility (K,), score (K,), "
                f"got {self.xy.shape}, {self.visibility.shape}, {self.score.shape}"
            )

    @classmethod
    def from_xy(cls, xy: npt.ArrayLike, individual: str = "individual_0") -> Instance:
        """A human-labeled animal: NaN keypoints of an animal with other points are absent (DESIGN: DeepLabCut's rule).

        Args:
            xy: `(K, 2)` pixels, NaN where missing. A point with only one of x and y counts as missing.
            individual: Name of the animal.
        """
        points = np.array(xy, dtype=np.float64)
        missing = np.isnan(points).any(axis=-1)
        points[missing] = np.nan
        visibility = np.where(missing, np.int8(Visibility.ABSENT), np.int8(Visibility.VISIBLE)).astype(np.int8)
        return cls(points, visibility, np.where(missing, np.nan, 1.0), individual)

    @property
    def n_points(self) -> int:
        """Number of placed keypoints."""
        return int(np.isfinite(self.xy).all(axis=-1).sum())
