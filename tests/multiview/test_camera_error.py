"""Expected errors of points whose cameras are not known exactly: the derivative, and what repeated rigs give."""

from __future__ import annotations

import numpy as np
import pytest

from made_board_views import Spoil, seen
from made_points import SPACE_MM, made_points
from made_rig import in_the_first, ring, waved
from made_walk import similarity
from markerless.core.instance import FloatArray
from markerless.multiview.boards import parse_board
from markerless.multiview.bundle import adjust
from markerless.multiview.calibrate import calibrate_views
from markerless.multiview.camera_error import places_beside_points, with_camera_error
from markerless.multiview.intrinsics import sightings_of
from markerless.multiview.lens_fit import Freedom, moved
from markerless.multiview.pose_spread import root, with_spread
from markerless.multiview.scene import RigidBoards
from markerless.multiview.small_matrices import expected_length
from markerless.multiview.triangulate import DISTANCE_PER_SD, triangulate

CHARUCO = parse_board("charuco:10x8:40:30:DICT_4X4_1000")
HALF_PX, TENTH_PX = 0.5 * DISTANCE_PER_SD, 0.1 * DISTANCE_PER_SD


def aligned(points: FloatArray, to: FloatArray) -> FloatArray:
    """Points `(P, 3)` turned and shifted onto others: where the axes of the world are is no error."""
    turn, _, _ = similarity(points, to)
    return (points - points.mean(axis=0)) @ turn.T + to.mean(axis=0)


def test_a_camera_that_sways_moves_the_points_by_as_much() -> None:
    made = made_points(3, 50, seed=2)
    made.xy[0, :20] = np.nan
    freedoms = [Freedom(pose=False, focal=1), Freedom(focal=1, center=True, distortion=2), Freedom()]
    sizes = [freedom.size for freedom in freedoms]
    pose = [2e-3, 2e-3, 2e-3, 2.0, 2.0, 2.0]
    likely = np.array([10, *pose, 10, 3, 3, 1e-2, 1e-2, *pose])
    direction = likely * np.random.default_rng(0).normal(size=sum(sizes))
    found = triangulate(made.cameras, made.xy, HALF_PX)
    step = 1e-3
    shifted = []
    for sign in (step, -step):
        parts = np.split(sign * direction, np.cumsum(sizes)[:-1])
        cameras = [moved(*each) for each in zip(made.cameras, freedoms, parts, strict=True)]
        shifted.append(triangulate(cameras, made.xy, HALF_PX).points)
    by_hand = (aligned(*shifted) - shifted[1]) / (2 * step)
    known = with_spread(made.cameras, freedoms, direction[:, None])
    told = with_camera_error(found, known, HALF_PX)
    expected = expected_length(found.covariance + by_hand[:, :, None] * by_hand[:, None, :])
    assert np.nanmedian(told.error / found.error) > 1.2  # else there would be nothing to see
    np.testing.assert_allclose(told.error, expected, rtol=0.02)
    np.testing.assert_array_equal(told.covariance, found.covariance)


@pytest.mark.parametrize("n", [2, 4])
def test_places_beside_the_points_are_what_is_left_once_the_points_lie_on_each_other(n: int) -> None:
    made = made_points(n, 200, seed=2)
    freedoms = [Freedom(pose=index > 0, focal=1) for index in range(n)]
    pose = [2e-3, 2e-3, 2e-3, 2.0, 2.0, 2.0]
    likely = np.array([10, *([*pose, 10] * (n - 1))])
    direction = likely * np.random.default_rng(1).normal(size=len(likely))
    found = triangulate(made.cameras, made.xy, HALF_PX)
    used = np.isfinite(found.reprojection)
    step, shifted, centers = 1e-3, [], []
    for sign in (step, -step):
        parts = np.split(sign * direction, np.cumsum([freedom.size for freedom in freedoms])[:-1])
        cameras = [moved(*each) for each in zip(made.cameras, freedoms, parts, strict=True)]
        shifted.append(triangulate(cameras, made.xy, HALF_PX).points)
        centers.append(np.stack([camera.center for camera in cameras]))
    known = np.isfinite(shifted[0]).all(axis=1) & np.isfinite(shifted[1]).all(axis=1)
    turn, scale, shift = similarity(shifted[0][known], shifted[1][known])
    by_hand = np.linalg.norm(scale * centers[0] @ turn.T + shift - centers[1], axis=1) / (2 * step)
    told = places_beside_points(
        with_spread(made.cameras, freedoms, direction[:, None]), found.points, used, np.full(used.shape, 0.5)
    )
    np.testing.assert_allclose(told, by_hand, rtol=0.05)


def test_cameras_that_say_nothing_change_nothing() -> None:
    made = made_points(3, 20)
    found = triangulate(made.cameras, made.xy, HALF_PX)
    assert with_camera_error(found, made.cameras, HALF_PX) is found


def test_what_one_camera_knows_of_itself_is_enough_and_missing_points_stay_missing() -> None:
    made = made_points(3, 20)
    made.xy[:, 3] = np.nan
    first = with_spread(made.cameras[:1], [Freedom(pose=False, focal=1)], np.array([[5.0]]))
    found = triangulate(made.cameras, made.xy, HALF_PX)
    told = with_camera_error(found, (*first, *made.cameras[1:]), HALF_PX)
    assert np.isnan(told.error[3])
    others = np.arange(20) != 3
    assert (told.error[others] > found.error[others]).all()


@pytest.mark.parametrize(("n", "boards"), [(2, 6), pytest.param(4, 8, marks=pytest.mark.slow)])
def test_rigs_of_few_boards_say_how_far_off_points_are(n: int, boards: int) -> None:
    true, first = in_the_first(ring(n)), ring(n)[0]
    freedoms = [Freedom(index > 0, 1, True, 4) for index in range(n)]
    rng = np.random.default_rng(5)
    points = rng.uniform(-1, 1, (200, 3)) * SPACE_MM @ first.rotation.T + first.translation
    actual, told = [], []
    for repeat in range(24):
        views = seen(CHARUCO, true, boards, Spoil(0.5, 0.0), repeat)
        world = waved(CHARUCO.points - CHARUCO.points.mean(axis=0), boards, repeat)
        shown = RigidBoards(
            world.shape, first.rotation @ world.rotation, world.translation @ first.rotation.T + first.translation
        )
        fit = adjust(true, freedoms, shown, sightings_of(views.corners, 0.5))
        rig = with_spread(fit.cameras, freedoms, root(fit.joint))
        xy = np.stack([camera.project(points) for camera in true])
        found = triangulate(rig, xy, TENTH_PX)  # exact pixels leave the errors of the cameras alone
        actual.append(np.nanmean((aligned(found.points, points) - points) ** 2) * 3)
        told.append(np.nanmean(with_camera_error(found, rig, TENTH_PX).error ** 2 - found.error**2))
    # a mean length squared is 0.64 (errors along a line) to 0.85 (alike in all directions) of the mean of squares
    assert 0.55 < np.mean(told) / np.mean(actual) < 1.0


@pytest.mark.slow
def test_a_lens_that_few_boards_leave_open_is_not_taken_for_known() -> None:
    true = in_the_first(ring(2))
    found = calibrate_views(CHARUCO, seen(CHARUCO, true, 6, Spoil(0.5, 0.0), 0))
    assert found.distortion == (1, 1)  # the true lens has four, and its center is not the middle
    cameras = found.calibration.cameras
    assert [camera.spread.free if camera.spread else None for camera in cameras] == [(0, 1, 1, 4), (1, 1, 1, 4)]
    for camera, truth in zip(cameras, true, strict=True):
        assert camera.spread is not None
        sd = np.linalg.norm(camera.spread.factor, axis=1)[-6:]  # center, distortion
        off = np.r_[(camera.matrix - truth.matrix)[:2, 2], (camera.distortion - truth.distortion)[:4]]
        assert (np.abs(off) < 3 * sd).all()
        assert sd[0] == pytest.approx(0.01 * 1280)


def test_points_that_no_cameras_agree_on_stay_as_they_are() -> None:
    made = made_points(2, 5)
    made.xy[1] = made.xy[1] + [0.0, 100.0]
    known = with_spread(made.cameras[:1], [Freedom(pose=False, focal=1)], np.array([[5.0]]))
    found = triangulate(made.cameras, made.xy, 1.0)
    assert np.isnan(with_camera_error(found, (*known, made.cameras[1]), 1.0).error).all()
