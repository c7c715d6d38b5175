"""How the views of several cameras made points in space: what was used, and how well it fits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.errors import LabelsError

STATES = ("good", "seen by fewer than two cameras", "contradictory", "undetermined")
"""What can be said of a point in space; only a good one has coordinates."""
GOOD, TOO_FEW, CONTRADICTORY, UNDETERMINED = range(len(STATES))


@dataclass(frozen=True)
class Views:
    """What the cameras say of the points of `Tracks` in space.

    Attributes:
        names: Of the cameras, length V.
        reprojection_px: `(V, T, N, K)` distance between what a camera saw and where it should have seen the point, in
            pixels; NaN where it saw nothing or there is no point.
        used: `(V, T, N, K)` whether the point was made of this view.
        state: `(T, N, K)` index of `STATES`.
        camera_frame: `(T, V)` the frame of each camera that belongs to each moment: whole where its points were taken
            as they are, with a fraction where they were made of two frames, NaN where it has none. When nothing was
            brought into step, or nothing is said, it is the number of the moment itself.
    """

    names: tuple[str, ...]
    reprojection_px: FloatArray
    used: npt.NDArray[np.bool_]
    state: npt.NDArray[np.int8]
    camera_frame: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        shape = (len(self.names), *self.state.shape)
        if self.reprojection_px.shape != shape or self.used.shape != shape or self.state.ndim != 3:
            raise LabelsError(
                f"expected reprojection and use of {shape}, got {self.reprojection_px.shape} and {self.used.shape}"
            )
        frames = (len(self.state), len(self.names))
        if self.camera_frame.size == 0:
            object.__setattr__(self, "camera_frame", identity_frames(*frames))
        if self.camera_frame.shape != frames:
            raise LabelsError(f"expected a frame of every camera and moment {frames}, got {self.camera_frame.shape}")

    def of_animal(self, index: int) -> Views:
        """What they say of one animal alone."""
        chosen = slice(index, index + 1)
        return replace(
            self,
            reprojection_px=self.reprojection_px[:, :, chosen],
            used=self.used[:, :, chosen],
            state=self.state[:, chosen],
        )


def identity_frames(n_moments: int, n_views: int) -> FloatArray:
    """`(T, V)` frames of cameras that run in step."""
    return np.repeat(np.arange(n_moments, dtype=np.float64)[:, None], n_views, axis=1)
