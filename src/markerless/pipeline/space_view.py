"""How a scene in space is looked at: which way is up, and what the cameras see of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray

_SNAP_DEG = 30.0  # an axis so near to the guess is what whoever chose the axes meant
_ROUND = 0.25  # how much cameras must look from different sides, from 0 to 1
_UPRIGHT = 0.1  # how far from upright they may be held, from 0 to 1
# What is known of cameras around a scene: right, forward and up of a picture against what is up, and how surely. They
# are held upright, and look down by 40 degrees, give or take 30.
_USUAL = ((0, 0.0, 0.25), (2, -0.6, 0.4), (1, -0.75, 0.4))
_DEFAULT_UP = np.array([0.0, 0.0, 1.0])


def up_of(cameras: Sequence[Camera]) -> FloatArray:
    """`(3,)`: which way is up in world axes, guessed; the nearest axis where one is near; z without cameras.

    What is to the right in the picture of an upright camera is level, so that up is at right angles to all of that.
    Cameras that are held aslant look down on a scene as most do; those that look the same way have it in pictures.
    """
    cameras = [camera for camera in cameras if not camera.mirrored] or cameras  # a mirror may be held in any way
    if not cameras:
        return _DEFAULT_UP
    axes = np.array([camera.rotation for camera in cameras])  # (C, 3, 3): right, down, forward
    up = _up_of_axes(axes)
    length = np.linalg.norm(up)
    if length < 0.1:  # cameras that are turned against each other
        return _DEFAULT_UP
    up = up / length
    axis = int(np.argmax(np.abs(up)))
    if abs(up[axis]) >= np.cos(np.deg2rad(_SNAP_DEG)):
        up = np.sign(up[axis]) * np.eye(3)[axis]
    return np.asarray(up, dtype=np.float64)


def _up_of_axes(axes: FloatArray) -> FloatArray:
    in_pictures: FloatArray = -axes[:, 1].mean(axis=0)
    _, size, level = np.linalg.svd(axes[:, 0])
    if len(size) < 2 or size[1] < _ROUND * size[0]:
        return in_pictures
    rows = np.concatenate([axes[:, axis] / sd for axis, _, sd in _USUAL])
    values = np.concatenate([np.full(len(axes), cosine / sd) for _, cosine, sd in _USUAL])
    usual: FloatArray = np.linalg.lstsq(rows, values, rcond=None)[0]
    if len(size) == 2 or size[2] < _UPRIGHT * size[0]:
        return np.asarray(level[2] if level[2] @ usual >= 0 else -level[2])
    return usual


def corners_of(camera: Camera) -> FloatArray:
    """`(4, 3)`: from the camera towards the corners of its picture, in world axes, one unit deep; lenses left out."""
    width, height = camera.size
    left, right, top, bottom = -0.5, width - 0.5, -0.5, height - 0.5
    corners = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]])
    rays = corners @ np.linalg.inv(camera.matrix).T
    return np.asarray(rays @ camera.rotation, dtype=np.float64)
