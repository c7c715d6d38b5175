"""The projection of a camera with its derivatives, by the numbers of the camera that a fit may change.

Pixels here are those of the picture the lens makes (`Camera.to_picture`), so that a mirror is like any other camera.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.core.lens import LENSES
from markerless.multiview.rotation import cross_matrix, matrix_of, turning


@dataclass(frozen=True)
class Freedom:
    """Which numbers of a camera a fit may change.

    Attributes:
        pose: Rotation and translation.
        focal: 0: no focal length; 1: both by the same factor; 2: each.
        center: The principal point.
        distortion: How many distortion numbers, from the first on, in OpenCV's order.
    """

    pose: bool = True
    focal: int = 0
    center: bool = False
    distortion: int = 0

    @property
    def size(self) -> int:
        """How many numbers that is."""
        return 6 * self.pose + self.focal + 2 * self.center + self.distortion


def moved(camera: Camera, freedom: Freedom, step: FloatArray) -> Camera:
    """The camera after a step `(freedom.size,)`: rotation vector, translation, focal, center, distortion."""
    pose, inner = step[: 6 * freedom.pose], step[6 * freedom.pose :]
    if freedom.pose:
        camera = replace(
            camera,
            rotation=matrix_of(pose[:3]) @ camera.rotation,
            translation=camera.translation + pose[3:],
        )
    if not len(inner):
        return camera
    matrix, distortion = camera.matrix.copy(), camera.distortion.copy()
    if freedom.focal == 1:
        matrix[:2, :2] *= 1 + inner[0] / matrix[0, 0]
    elif freedom.focal == 2:
        matrix[[0, 1], [0, 1]] += inner[:2]
    if freedom.center:
        matrix[:2, 2] += inner[freedom.focal : freedom.focal + 2]
    if freedom.distortion:
        distortion[: freedom.distortion] += inner[-freedom.distortion :]
    return replace(camera, matrix=matrix, distortion=distortion)


def projection(
    camera: Camera, freedom: Freedom, step: FloatArray, points: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Where a camera after a step sees points, and how that changes.

    Args:
        camera: Before the step.
        freedom: What the step changes.
        step: `(freedom.size,)`.
        points: `(M, 3)` in world axes.

    Returns:
        Pixels of the picture `(M, 2)`, their derivative by the points `(M, 2, 3)` and by the step
        `(M, 2, freedom.size)`. NaN for points that are not in front of the camera.
    """
    after = moved(camera, freedom, step)
    lens = LENSES[camera.fisheye]
    seen = after.to_camera(points)
    z = np.where(seen[:, 2] > 0, seen[:, 2], np.nan)
    flat = seen[:, :2] / z[:, None]
    flattening = np.zeros((len(points), 2, 3))
    flattening[:, 0, 0] = flattening[:, 1, 1] = 1 / z
    flattening[:, :, 2] = -flat / z[:, None]
    linear = after.matrix[:2, :2]
    bent = lens.distort(flat, after.distortion)
    by_seen = linear @ lens.slope(flat, after.distortion) @ flattening
    by_step = np.zeros((len(points), 2, freedom.size))
    if freedom.pose:
        turned = seen - after.translation
        by_step[..., :3] = -by_seen @ cross_matrix(turned) @ turning(step[:3])
        by_step[..., 3:6] = by_seen
    at = 6 * freedom.pose
    if freedom.focal == 1:
        by_step[..., at] = bent @ camera.matrix[:2, :2].T / camera.matrix[0, 0]
    elif freedom.focal == 2:
        by_step[:, [0, 1], [at, at + 1]] = bent
    at += freedom.focal
    if freedom.center:
        by_step[:, [0, 1], [at, at + 1]] = 1
    if freedom.distortion:
        by_step[..., -freedom.distortion :] = linear @ lens.sway(flat, after.distortion)[..., : freedom.distortion]
    return bent @ linear.T + after.matrix[:2, 2], by_seen @ after.rotation, by_step
