"""Rigs of cameras with known truth, for the tests of calibration and of everything that comes after it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.boards import Board
from markerless.multiview.rotation import matrix_of
from markerless.multiview.scene import RigidBoards

SIZE = (1280, 1024)
RING_MM = 700.0


def looking_at(place: FloatArray, target: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rotation and translation of a camera at `place` that looks at `target`, world z up."""
    forward = (target - place) / np.linalg.norm(target - place)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return rotation, -rotation @ place


def ring(n: int, fisheye: bool = False, seed: int = 0) -> tuple[Camera, ...]:
    """`n` cameras on a half ring of radius `RING_MM` above a table, looking at its middle; lenses differ."""
    rng = np.random.default_rng(seed)
    cameras = []
    for index in range(n):
        angle = np.pi * (index + 0.5) / n if n > 2 else 0.6 * (index - 0.5)
        place = RING_MM * np.array([np.cos(angle), np.sin(angle), 0.9 + 0.2 * rng.uniform()])
        rotation, translation = looking_at(place, rng.normal(0, 15, 3))
        focal = rng.uniform(850, 1000)
        matrix = np.array([[focal, 0, 640 + rng.normal(0, 8)], [0, focal, 512 + rng.normal(0, 8)], [0, 0, 1]])
        numbers = [0.03, -0.01, 0.004, -0.001] if fisheye else [-0.25, 0.08, 5e-4, -4e-4]
        cameras.append(Camera(f"cam{index}", SIZE, matrix, np.array(numbers), rotation, translation, fisheye))
    return tuple(cameras)


def in_the_first(cameras: tuple[Camera, ...]) -> tuple[Camera, ...]:
    """The same rig in the axes of its first camera."""
    first = cameras[0]
    out = []
    for camera in cameras:
        turn = camera.rotation @ first.rotation.T
        out.append(camera.moved(turn, camera.translation - turn @ first.translation))
    return tuple(out)


def grid(columns: int, rows: int, step: float) -> FloatArray:
    """`(columns * rows, 3)`: points of a flat board, rows first, centered."""
    y, x = np.mgrid[:rows, :columns]
    flat = np.stack([x - (columns - 1) / 2, y - (rows - 1) / 2, 0 * x], axis=-1).reshape(-1, 3)
    return np.asarray(flat * step, dtype=np.float64)


def waved(shape: FloatArray, n: int, seed: int = 0) -> RigidBoards:
    """A board at `n` places around the middle of the table, printed side up, tilted at random."""
    rng = np.random.default_rng(seed)
    rotation = matrix_of(rng.normal(0, 1, (n, 3)) * [0.5, 0.5, 1.5]) @ np.diag([1.0, -1.0, -1.0])
    return RigidBoards(shape, rotation, rng.uniform(-1, 1, (n, 3)) * [260, 260, 120])


def jolted(cameras: tuple[Camera, ...], angle: float, way: float, seed: int = 0) -> tuple[Camera, ...]:
    """All cameras but the first, turned and moved at random: a start for a fit."""
    rng = np.random.default_rng(seed)
    moved = [
        camera.moved(matrix_of(rng.normal(0, angle, 3)) @ camera.rotation, camera.translation + rng.normal(0, way, 3))
        for camera in cameras[1:]
    ]
    return (cameras[0], *moved)


def without_lens(camera: Camera, focal: float) -> Camera:
    """The camera with a made-up focal length, a central principal point and no distortion."""
    middle = (np.array(camera.size) - 1) / 2
    matrix = np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]])
    return replace(camera, matrix=matrix, distortion=np.zeros(0))


def facing(board: Board, turn: npt.ArrayLike, distance: float) -> tuple[FloatArray, FloatArray]:
    """Rotation and translation of a board turned before a camera at the origin, its middle on the optical axis."""
    rotation = matrix_of(turn)
    return rotation, np.array([0.0, 0.0, distance]) - rotation @ board.points.mean(axis=0)
