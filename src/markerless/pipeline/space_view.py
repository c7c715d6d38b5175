"""How a scene in space is looked at: which way is up, and what the cameras see of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray

_SNAP_DEG = 30.0  # an axis so near to the guess is what whoever chose the axes meant
_ROUND = 0.15  # how much cameras must look from different sides, from 0 to 1
_ROLLED = 0.35  # how far from upright they may be held
_DEFAULT_UP = np.array([0.0, 0.0, 1.0])


def up_of(cameras: Sequence[Camera]) -> FloatArray:
    """`(3,)`: which way is up in world axes, guessed: cameras are held upright, so that what is to the right in their
    pictures is level, and up is at right angles to all of that; where they look the same way, up in their pictures.
    The nearest axis where one is near; z without cameras."""
    cameras = [camera for camera in cameras if not camera.mirrored] or cameras  # a mirror may be held in any way
    if not cameras:
        return _DEFAULT_UP
    up = -np.mean([camera.rotation[1] for camera in cameras], axis=0)  # y of a picture goes down
    _, size, axes = np.linalg.svd([camera.rotation[0] for camera in cameras])
    if len(size) > 1 and size[1] > _ROUND * size[0] and (len(size) < 3 or size[2] < _ROLLED * size[0]):
        up = axes[2] if axes[2] @ up >= 0 else -axes[2]
    length = np.linalg.norm(up)
    if length < 0.1:  # cameras that are turned against each other
        return _DEFAULT_UP
    up = up / length
    axis = int(np.argmax(np.abs(up)))
    if abs(up[axis]) >= np.cos(np.deg2rad(_SNAP_DEG)):
        up = np.sign(up[axis]) * np.eye(3)[axis]
    return np.asarray(up, dtype=np.float64)


def corners_of(camera: Camera) -> FloatArray:
    """`(4, 3)`: from the camera towards the corners of its picture, in world axes, one unit deep; lenses left out."""
    width, height = camera.size
    left, right, top, bottom = -0.5, width - 0.5, -0.5, height - 0.5
    corners = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]])
    rays = corners @ np.linalg.inv(camera.matrix).T
    return np.asarray(rays @ camera.rotation, dtype=np.float64)
