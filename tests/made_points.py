"""Points in space with known truth, as cameras see them: noise, gross errors, gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from made_rig import ring
from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.projection import project_with_slope

SPACE_MM = np.array([150.0, 150.0, 60.0])


@dataclass(frozen=True)
class Made:
    """What cameras see of points.

    Attributes:
        cameras: V of them.
        points: `(P, 3)`, the truth.
        xy: `(V, P, 2)` px; NaN where not seen.
        sd: `(V,)` px, standard deviation of x and of y of each view.
        gross: `(V, P)` where a view is grossly wrong.
    """

    cameras: tuple[Camera, ...]
    points: FloatArray
    xy: FloatArray
    sd: FloatArray
    gross: npt.NDArray[np.bool_]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """`(V, P)` where a view sees the point, and is not grossly wrong."""
        return np.asarray(np.isfinite(self.xy).all(axis=-1) & ~self.gross)

    def least_error(self) -> FloatArray:
        """`(P,)` root mean square distance that no unbiased estimate from the right views falls below (Cramer, Rao)."""
        information = np.zeros((len(self.points), 3, 3))
        for camera, sd, right in zip(self.cameras, self.sd, self.right, strict=True):
            slope = project_with_slope(camera, self.points)[1] * right[:, None, None] / sd
            information += slope.transpose(0, 2, 1) @ slope
        bound = np.full(len(self.points), np.nan)
        known = self.right.sum(axis=0) >= 2
        bound[known] = np.sqrt(np.trace(np.linalg.inv(information[known]), axis1=1, axis2=2))
        return bound


def made_points(
    n_views: int, n_points: int = 3000, sd: float | FloatArray = 0.5, gross: float = 0.0, seed: int = 0
) -> Made:
    """Points on a table, seen by a ring of cameras; a share `gross` of the pixels is 20 to 200 px off."""
    rng = np.random.default_rng(seed)
    cameras = ring(n_views)
    points = rng.uniform(-1, 1, (n_points, 3)) * SPACE_MM
    spread = np.broadcast_to(np.asarray(sd, dtype=np.float64), (n_views,))
    xy = np.stack([camera.project(points) for camera in cameras])
    xy = xy + rng.normal(size=xy.shape) * spread[:, None, None]
    wrong = rng.uniform(size=xy.shape[:2]) < gross
    angle = rng.uniform(0, 2 * np.pi, wrong.shape)
    off = rng.uniform(20, 200, wrong.shape)[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return Made(cameras, points, np.where(wrong[..., None], xy + off, xy), spread, wrong)
