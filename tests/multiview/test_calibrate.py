"""Rigs from boards: lenses found again, and what cannot be put together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_rig import ring, waved
from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.boards import Board, parse_board
from markerless.multiview.calibrate import BoardViews, calibrate_views
from markerless.multiview.intrinsics import fit_lens
from markerless.multiview.verdict import judge

BOARD = parse_board("charuco:9x7:40:30:DICT_5X5_50")
NOISE = 0.5


def views(
    cameras: tuple[Camera, ...], board: Board = BOARD, n: int = 40, noise: float = NOISE, wrong: float = 0.0
) -> BoardViews:
    """A board waved over the table, with noise and a share of gross errors; seen where it is whole in the picture."""
    rng = np.random.default_rng(7)
    middle = board.points.mean(axis=0)
    world = waved(board.points - middle, n)
    points = world.shape @ world.rotation.transpose(0, 2, 1) + world.translation[:, None]
    corners = np.stack([camera.project(points) for camera in cameras])
    inside = ((corners > 0) & (corners < np.array(cameras[0].size) - 1)).all(axis=(-1, -2))
    corners += rng.normal(0, noise, corners.shape)
    off = rng.uniform(size=corners.shape[:-1]) < wrong
    corners[off] += rng.uniform(-200, 200, (int(off.sum()), 2))
    corners[~inside] = np.nan
    names, sizes = tuple(camera.name for camera in cameras), tuple(camera.size for camera in cameras)
    return BoardViews(names, sizes, tuple(str(i) for i in range(n)), corners)


def test_as_much_distortion_as_the_boards_ask_for() -> None:
    bent, seen = ring(1)[0], views(ring(1), noise=0.2)
    plain = replace(bent, distortion=np.zeros(0))
    few = fit_lens("a", bent.size, BOARD.points, views((plain,), noise=0.2).corners[0])
    many = fit_lens("a", bent.size, BOARD.points, seen.corners[0])
    assert few.freedom.distortion <= 1
    assert many.freedom.distortion >= 2
    np.testing.assert_allclose(few.camera.distortion, 0, atol=0.01)
    corners = np.array([[100.0, 100], [1180, 100], [640, 900]])
    np.testing.assert_allclose(many.camera.rays(corners), bent.rays(corners), atol=0.005)


def test_a_board_that_cannot_be_placed_does_not_matter() -> None:
    lens = ring(1)[0]
    corners = views((lens,), noise=0.2).corners[0]
    seen = np.flatnonzero(np.isfinite(corners[..., 0]).all(axis=1))
    corners[seen[3], 3:] = np.nan  # three corners do not say where it is
    fitted = fit_lens("a", lens.size, BOARD.points, corners)
    assert fitted.camera.matrix[0, 0] == pytest.approx(lens.matrix[0, 0], rel=0.01)


def test_too_noisy_is_refused() -> None:
    seen = views(ring(2), noise=4.0)
    with pytest.raises(CalibrationError, match=r"refused: the boards of camera 'cam0' are \d\.\d px from where"):
        judge(calibrate_views(BOARD, seen), seen)


def only(seen: BoardViews, keep: FloatArray) -> BoardViews:
    """What `keep (V, F)` names."""
    return replace(seen, corners=np.where(keep[..., None, None] > 0, seen.corners, np.nan))


def test_what_cannot_be_put_together_is_refused() -> None:
    seen, frames = views(ring(3)), np.arange(40)
    early = np.stack([frames < 20, frames < 20, frames >= 20]).astype(np.float64)
    with pytest.raises(CalibrationError, match="by one of 'cam0', 'cam1' and one of 'cam2'"):
        calibrate_views(BOARD, only(seen, early))
    with pytest.raises(CalibrationError, match=r"at least \d pictures of camera 'cam0'"):
        calibrate_views(BOARD, only(seen, np.stack([frames < 1] * 3).astype(np.float64)))
    shifted = seen.corners.copy()
    shifted[2] = np.roll(shifted[2], 7, axis=0)
    with pytest.raises(CalibrationError, match="same moments"):
        calibrate_views(BOARD, replace(seen, corners=shifted))
    square = parse_board("checkerboard:7x7:40")
    with pytest.raises(CalibrationError, match="quarter turn"):
        calibrate_views(square, views(ring(2), square))
