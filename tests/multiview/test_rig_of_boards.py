"""Rigs of known truth found again from the corners of boards: any number of cameras, gross errors, lenses, chains."""

from __future__ import annotations

import numpy as np
import pytest

from made_board_views import Spoil, seen
from made_rig import in_the_first, ring
from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.boards import parse_board
from markerless.multiview.calibrate import BoardViews, Calibrated, calibrate_views

CHARUCO = parse_board("charuco:10x8:40:30:DICT_4X4_1000")
TURNING = parse_board("checkerboard:9x7:40")


def pose_error(found: Calibrated, true: tuple[Camera, ...]) -> float:
    """The largest error of a camera's place as a share of the rig's size, world axes put on each other.

    The axes are those of one camera; what it errs in its own direction turns the whole rig, and tells nothing of it. Of
    two cameras this is the length of the baseline alone. In the axes of the first camera 0.2 % cannot be asked of 30
    boards: the Cramer-Rao bound of a place is 0.33 % for two cameras and 0.21 % for three (lens and boards unknown).
    """
    places: FloatArray = np.array([camera.center for camera in found.calibration.cameras])
    truth: FloatArray = np.array([camera.center for camera in true])
    size = np.linalg.norm(truth[:, None] - truth, axis=-1).max()
    a, b = places - places.mean(axis=0), truth - truth.mean(axis=0)
    left, _, right = np.linalg.svd(a.T @ b)
    turn = left @ np.diag([1, 1, np.sign(np.linalg.det(left @ right))]) @ right
    return float(np.linalg.norm(a @ turn - b, axis=1).max() / size)


SLOW = [pytest.param(n, marks=pytest.mark.slow) for n in (4, 5, 6)]


@pytest.mark.parametrize("n", [2, 3, *SLOW])
def test_poses_are_within_a_five_hundredth_of_the_rig(n: int) -> None:
    true = in_the_first(ring(n))
    found = calibrate_views(CHARUCO, seen(CHARUCO, true, 30, Spoil(), 0))
    assert pose_error(found, true) < 0.002
    assert found.rms_px() == pytest.approx(0.5 * np.sqrt(2), rel=0.05)  # the noise, and no gross error
    for camera, truth in zip(found.calibration.cameras, true, strict=True):
        assert camera.matrix[0, 0] == pytest.approx(truth.matrix[0, 0], rel=0.01)


def test_fisheyes() -> None:
    true = in_the_first(ring(2, fisheye=True))
    views = seen(CHARUCO, true, 25, Spoil(0.3, 0.02), 0)
    found = calibrate_views(CHARUCO, views, fisheye=True)
    assert all(camera.fisheye for camera in found.calibration.cameras)
    assert pose_error(found, true) < 0.002
    assert found.rms_px() == pytest.approx(0.3 * np.sqrt(2), rel=0.05)


def test_a_board_that_looks_the_same_turned_is_turned_to_where_cameras_agree() -> None:
    true = in_the_first(ring(3))
    views = seen(TURNING, true, 24, Spoil(0.3, 0.0), 0)
    rng = np.random.default_rng(1)
    corners = views.corners.copy()
    turned = rng.uniform(size=corners.shape[:2]) < 0.5
    corners[turned] = corners[turned][:, ::-1]
    assert TURNING.turns
    found = calibrate_views(TURNING, BoardViews(views.names, views.sizes, views.moments, corners))
    assert pose_error(found, true) < 0.002
    assert found.rms_px() == pytest.approx(0.3 * np.sqrt(2), rel=0.05)


def test_neighbors_that_share_boards_join_cameras_that_share_none() -> None:
    true = in_the_first(ring(3))
    views = seen(CHARUCO, true, 36, Spoil(0.3, 0.0), 0)
    corners = views.corners.copy()
    corners[0, 18:], corners[2, :18] = np.nan, np.nan  # the first and the last never see the same board
    found = calibrate_views(CHARUCO, BoardViews(views.names, views.sizes, views.moments, corners))
    assert pose_error(found, true) < 0.003  # half of the pictures are gone


def test_a_board_of_another_moment_is_dropped_and_named() -> None:
    true = in_the_first(ring(2))
    views = seen(CHARUCO, true, 20, Spoil(0.3, 0.0), 0)
    corners = views.corners.copy()
    corners[1, 7] = views.corners[1, 12]
    found = calibrate_views(CHARUCO, BoardViews(views.names, views.sizes, views.moments, corners))
    assert pose_error(found, true) < 0.002
    dropped = {(camera, moment) for camera, moment, _ in found.dropped}
    assert dropped & {("cam0", "7"), ("cam1", "7")}
    assert {moment for _, moment in dropped} == {"7"}
    assert not found.used[:, 7].all()
