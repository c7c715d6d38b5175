"""Boards as cameras of known truth see them: noise and gross errors, for the tests of calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from made_rig import SIZE, ring, waved
from markerless.core.camera import Camera
from markerless.multiview.boards import Board
from markerless.multiview.calibrate import BoardViews


@dataclass(frozen=True)
class Spoil:
    """What is wrong with the corners: noise in pixels, share of gross errors."""

    noise: float = 0.5
    gross: float = 0.1


def seen(board: Board, cameras: tuple[Camera, ...], n: int, spoil: Spoil, seed: int) -> BoardViews:
    """Boards waved before a rig that stands in the axes of its first camera."""
    rng = np.random.default_rng(seed)
    at_first = ring(len(cameras), cameras[0].fisheye, seed)[0]
    middle = board.points.mean(axis=0)
    boards = waved(board.points - middle, n, seed)
    world = boards.shape @ boards.rotation.transpose(0, 2, 1) + boards.translation[:, None]
    points = world @ at_first.rotation.T + at_first.translation
    corners = []
    for camera in cameras:
        xy = camera.project(points)
        outside = ((xy < 0) | (xy > np.array(SIZE) - 1)).any(axis=-1)
        xy = xy + rng.normal(0, spoil.noise, xy.shape)
        wrong = rng.uniform(size=xy.shape[:2]) < spoil.gross
        xy[wrong] = rng.uniform(0, 1, (int(wrong.sum()), 2)) * SIZE
        xy[outside] = np.nan
        corners.append(xy)
    names = tuple(camera.name for camera in cameras)
    return BoardViews(names, (SIZE,) * len(cameras), tuple(map(str, range(n))), np.stack(corners))
