"""Points in space: as exact as they can be, honest about it, and missing where the views contradict each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_points import Made, made_points
from made_rig import RING_MM, looking_at, ring
from markerless.core.view import View
from markerless.core.views import CONTRADICTORY, GOOD, TOO_FEW, UNDETERMINED
from markerless.errors import CalibrationError
from markerless.multiview.rotation import matrix_of
from markerless.multiview.triangulate import DISTANCE_PER_SD, distances, triangulate

HALF_PX = 0.5 * DISTANCE_PER_SD  # expected error of noise with a standard deviation of 0.5 px


def off(made: Made, points: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(points - made.points, axis=-1))


@pytest.mark.parametrize("n_views", [2, 3, 4, 5, 6])
def test_as_exact_as_the_right_views_allow(n_views: int) -> None:
    made = made_points(n_views, gross=0.1 if n_views > 2 else 0.0)
    found = triangulate(made.cameras, made.xy, HALF_PX)
    enough = made.right.sum(axis=0) >= min(n_views, 3)
    assert enough.mean() > 0.7
    error = off(made, found.points)[enough]
    there = np.isfinite(error)
    assert there.mean() > 0.997  # the others are refused: 1 in 1000 by chance
    bound = made.least_error()[enough]
    assert np.sqrt((error[there] ** 2).sum() / (bound[there] ** 2).sum()) <= 1.1
    assert error[there].max() < 6 * bound.max()  # not one with a gross error in it
    assert not (found.used & made.gross)[:, enough].any()


@pytest.mark.parametrize("n_views", [2, 3, 5])
def test_the_expected_error_is_the_error(n_views: int) -> None:
    made = made_points(n_views, gross=0.1 if n_views > 2 else 0.0)
    found = triangulate(made.cameras, made.xy, HALF_PX)
    good = (found.state == GOOD) & (made.right.sum(axis=0) >= min(n_views, 3))
    assert 0.95 < off(made, found.points)[good].mean() / found.error[good].mean() < 1.05
    # and point by point: the exact half of them is better than the other
    order = np.argsort(found.error[good])
    first, second = np.array_split(off(made, found.points)[good][order], 2)
    assert first.mean() < second.mean()
    away = (found.points - made.points)[good]
    squared = np.einsum("pi,pij,pj->p", away, np.linalg.inv(found.covariance[good]), away)
    assert 2.8 < squared.mean() < 3.2  # chi squared of three numbers


def test_a_view_counts_as_much_as_it_is_exact() -> None:
    made = made_points(3, sd=np.array([0.3, 0.3, 6.0]))
    weighted = triangulate(made.cameras, made.xy, made.sd[:, None] * DISTANCE_PER_SD)
    alike = triangulate(made.cameras, made.xy, np.full((3, 1), 6.0 * DISTANCE_PER_SD))
    rms = [np.sqrt(np.nanmean(off(made, found.points) ** 2)) for found in (weighted, alike)]
    assert rms[0] < 1.1 * np.sqrt(np.mean(made.least_error() ** 2))
    assert rms[1] > 2 * rms[0]


def test_more_cameras_than_subsets_can_be_tried_of() -> None:
    made = made_points(9, 500, gross=0.2)
    found = triangulate(made.cameras, made.xy, HALF_PX)
    enough = made.right.sum(axis=0) >= 5
    error = off(made, found.points)[enough]
    assert np.isfinite(error).mean() > 0.99
    there = np.isfinite(error)
    assert np.sqrt((error[there] ** 2).sum() / (made.least_error()[enough][there] ** 2).sum()) <= 1.1


def test_two_views_that_contradict_each_other_give_nothing() -> None:
    made = made_points(2, 100)
    xy = made.xy.copy()
    step = made.cameras[1].project(made.points + 30 * made.cameras[0].rotation[1]) - made.cameras[1].project(
        made.points
    )
    xy[1, :50] += step[:50]  # across the plane in which both rays would have to lie
    found = triangulate(made.cameras, xy, HALF_PX)
    assert (found.state[:50] == CONTRADICTORY).all()
    assert np.isnan(found.points[:50]).all()
    assert np.isnan(found.error[:50]).all()
    assert not found.used[:, :50].any()
    assert (found.state[50:] == GOOD).mean() > 0.95


def test_views_that_agree_on_two_places_give_neither() -> None:
    cameras = ring(4)
    here, there = np.array([[0.0, 0.0, 0.0]]), np.array([[60.0, 40.0, 20.0]])
    xy = np.stack([camera.project(here if index < 2 else there) for index, camera in enumerate(cameras)])
    found = triangulate(cameras, xy, HALF_PX)
    assert found.state[0] == CONTRADICTORY
    assert np.isnan(found.points).all()


def test_a_wrong_view_is_named_by_its_distance() -> None:
    made = made_points(4, 200)
    xy = made.xy.copy()
    xy[2] += [60.0, 80.0]
    found = triangulate(made.cameras, xy, HALF_PX)
    good = found.state == GOOD
    assert good.mean() > 0.97
    assert not found.used[2, good].any()
    assert found.used[[0, 1, 3]][:, good].all()
    assert np.abs(found.reprojection[2, good] - 100).max() < 5
    assert np.median(found.reprojection[0, good]) < 1


def test_missing_views_and_points_of_any_shape() -> None:
    made = made_points(4, 600)
    xy = made.xy.copy()
    xy[0, :200] = np.nan
    xy[1:, :100] = np.nan
    xy[:3, 100:150] = np.nan
    error = np.full(xy.shape[:2], HALF_PX)
    error[1, 300:] = np.nan  # an unknown error: not used
    error[2, 400:] = 0.0
    found = triangulate(made.cameras, xy.reshape(4, 20, 30, 2), error.reshape(4, 20, 30))
    assert found.points.shape == (20, 30, 3)
    assert found.covariance.shape == (20, 30, 3, 3)
    assert found.reprojection.shape == found.used.shape == (4, 20, 30)
    state, used = found.state.ravel(), found.used.reshape(4, -1)
    assert (state[:150] == TOO_FEW).all()
    assert (state[150:] == GOOD).mean() > 0.99
    assert not used[0, :200].any()
    assert not used[1, 300:].any()
    assert not used[2, 400:].any()
    reprojection = found.reprojection.reshape(4, -1)
    assert np.isnan(reprojection[0, :200]).all()
    assert triangulate(made.cameras, np.zeros((4, 0, 2))).points.shape == (0, 3)


def test_moving_the_world_moves_the_points() -> None:
    made = made_points(4, 400, gross=0.1)
    turn, shift = matrix_of(np.array([0.4, -1.1, 2.0])), np.array([1e3, -2e3, 500.0])
    moved = [
        camera.moved(camera.rotation @ turn.T, camera.translation - camera.rotation @ turn.T @ shift)
        for camera in made.cameras
    ]
    first, second = (triangulate(cameras, made.xy, HALF_PX) for cameras in (made.cameras, moved))
    np.testing.assert_array_equal(first.state, second.state)
    np.testing.assert_allclose(second.points, first.points @ turn.T + shift, atol=1e-3)
    np.testing.assert_allclose(second.error, first.error, rtol=1e-3)


def test_the_order_of_the_cameras_does_not_matter() -> None:
    made = made_points(4, 400, gross=0.1)
    order = [2, 0, 3, 1]
    first = triangulate(made.cameras, made.xy, HALF_PX)
    second = triangulate([made.cameras[index] for index in order], made.xy[order], HALF_PX)
    np.testing.assert_allclose(second.points, first.points, atol=1e-3)
    np.testing.assert_array_equal(second.used, first.used[order])


def test_a_mirrored_camera_is_one_like_any_other() -> None:
    made = made_points(3, 300)
    flipped = replace(made.cameras[1], region=View(100, 50, 1280, 1024), mirrored=True)
    xy = made.xy.copy()
    xy[1] = np.stack([100 + 1279 - xy[1, :, 0], 50 + xy[1, :, 1]], axis=-1)
    cameras = (made.cameras[0], flipped, made.cameras[2])
    first = triangulate(made.cameras, made.xy, HALF_PX)
    second = triangulate(cameras, xy, HALF_PX)
    np.testing.assert_allclose(second.points, first.points, atol=1e-3)
    np.testing.assert_allclose(second.covariance, first.covariance, rtol=1e-2, atol=1e-3)


def test_a_depth_that_nobody_knows_is_no_depth() -> None:
    first = ring(1)[0]
    rotation, translation = looking_at(first.center + np.array([0.0, 1.0, 0.0]), np.zeros(3))
    beside = replace(first, name="beside", rotation=rotation, translation=translation)
    points = np.random.default_rng(0).uniform(-100, 100, (50, 3))
    xy = np.stack([camera.project(points) for camera in (first, beside)])
    found = triangulate((first, beside), xy, 5.0)
    assert (found.state == UNDETERMINED).all()
    assert np.isnan(found.points).all()
    sure = triangulate((first, beside), xy, 0.01)  # negative control: the same pixels, known better
    assert (sure.state == GOOD).all()
    assert np.linalg.norm(sure.points - points, axis=-1).max() < 0.02 * RING_MM


def test_what_lies_behind_the_cameras_is_no_point() -> None:
    cameras = ring(2)
    # rays that meet behind both: each camera sees the point to the side away from the other
    xy = np.array([[[1200.0, 100.0]], [[80.0, 100.0]]])
    found = triangulate(cameras, xy, 1.0)
    swapped = triangulate(cameras, xy[::-1], 1.0)
    assert np.isnan(found.points).all() or np.isnan(swapped.points).all()


def test_distances_are_those_in_pixels() -> None:
    camera = ring(1)[0]
    seen = camera.project(np.zeros((1, 3))) + np.array([3.0, 4.0])
    np.testing.assert_allclose(distances((camera,), np.zeros((1, 3)), seen[None]), [[5.0]])


def test_what_is_no_set_of_views_is_refused() -> None:
    with pytest.raises(CalibrationError, match="at least two cameras to triangulate from, got 1"):
        triangulate(ring(1), np.zeros((1, 5, 2)))
    with pytest.raises(CalibrationError, match=r"pixels \(V=2, ..., 2\), got \(3, 5, 2\)"):
        triangulate(ring(2), np.zeros((3, 5, 2)))
    with pytest.raises(CalibrationError, match=r"got \(2, 5, 3\)"):
        triangulate(ring(2), np.zeros((2, 5, 3)))
