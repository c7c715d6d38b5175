"""Affine maps between pixel frames, the only place where resize, crop, flip and rotation meet.

Convention: (0, 0) is the center of the top-left pixel. Hence resize is `x' = (x + 0.5) * s - 0.5`, crop
`x' = x - left`, mirror `x' = W - 1 - x`. `Affine.matrix[:2]` goes into `cv2.warpAffine` as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray


@dataclass(frozen=True)
class Affine:
    """A map `x' = A x + t` of 2D points, stored as a 3 x 3 matrix.

    `first.then(second)` applies `first`, then `second`.
    """

    matrix: FloatArray

    @classmethod
    def identity(cls) -> Affine:
        return cls(np.eye(3))

    @classmethod
    def resize(cls, scale_x: float, scale_y: float | None = None) -> Affine:
        """Resize by the given factors: pixel edges map to pixel edges."""
        sx, sy = scale_x, scale_x if scale_y is None else scale_y
        return cls(np.array([[sx, 0, 0.5 * sx - 0.5], [0, sy, 0.5 * sy - 0.5], [0, 0, 1.0]]))

    @classmethod
    def crop(cls, left: float, top: float) -> Affine:
        """Coordinates inside a crop whose top-left pixel is (left, top)."""
        return cls(np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]))

    @classmethod
    def mirror(cls, width: float) -> Affine:
        """Left-right flip of an image `width` pixels wide."""
        return cls(np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1.0]]))

    @classmethod
    def rotation(cls, angle_rad: float, center: tuple[float, float]) -> Affine:
        """Rotation about `center`; a positive angle turns x towards y (clockwise on the screen)."""
        c, s = np.cos(angle_rad), np.sin(angle_rad)
        turn = cls(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]))
        return cls.crop(*center).then(turn).then(cls.crop(-center[0], -center[1]))

    def then(self, after: Affine) -> Affine:
        """This map followed by `after`."""
        return Affine(after.matrix @ self.matrix)

    def inverse(self) -> Affine:
        return Affine(np.asarray(np.linalg.inv(self.matrix), dtype=np.float64))

    def apply(self, xy: npt.ArrayLike) -> FloatArray:
        """Map points `(..., 2)`; NaN stays NaN."""
        points = np.asarray(xy, dtype=np.float64)
        mapped: FloatArray = points @ self.matrix[:2, :2].T + self.matrix[:2, 2]
        return mapped

    @property
    def scale(self) -> float:
        """Length of a unit vector after the map (square root of the area factor)."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:2, :2]))))
