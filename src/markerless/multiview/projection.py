"""Where a camera sees points, and how that changes as the points move: what every fit in space needs."""

from __future__ import annotations

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.core.lens import LENSES


def project_with_slope(camera: Camera, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pixels `(..., 2)` of world points `(..., 3)`, and their derivative `(..., 2, 3)` by the point.

    Both are NaN behind the camera and for NaN, as `Camera.project` has it.
    """
    flat = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    x, y, z = camera.to_camera(flat).T
    z = np.where(z > 0, z, np.nan)
    straight = np.stack([x / z, y / z], axis=-1)
    lens, focal = LENSES[camera.fisheye], camera.matrix[:2, :2]
    with np.errstate(over="ignore", invalid="ignore"):
        bent = lens.distort(straight, camera.distortion)
        bend = lens.slope(straight, camera.distortion)
    to_frame = camera.to_picture.inverse()
    pixels = to_frame.apply(bent @ focal.T + camera.matrix[:2, 2])
    step = (to_frame.matrix[:2, :2] @ focal) @ bend  # (P, 2, 2): pixels of the frame by x / z and y / z
    by_camera = np.empty((len(flat), 2, 3))
    by_camera[..., :2] = step
    by_camera[..., 2] = -(step[..., 0] * straight[:, :1] + step[..., 1] * straight[:, 1:])
    by_camera /= z[:, None, None]
    slope = (by_camera.reshape(-1, 3) @ camera.rotation).reshape(-1, 2, 3)
    shape = np.shape(points)[:-1]
    return pixels.reshape(*shape, 2), slope.reshape(*shape, 2, 3)
