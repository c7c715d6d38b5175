"""Points in space of made rigs: as exact as can be, honest about it, and missing where the views contradict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_rig import ring
from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.core.views import CONTRADICTORY, GOOD, TOO_FEW, UNDETERMINED
from markerless.errors import CalibrationError
from markerless.multiview.projection import project_with_slope
from markerless.multiview.rotation import matrix_of
from markerless.multiview.triangulate import DISTANCE_PER_SD, triangulate

NOISE_PX = 0.5
ERROR_PX = NOISE_PX * DISTANCE_PER_SD


@dataclass(frozen=True)
class Scene:
    """Points and what cameras see of them, some of it far off."""

    cameras: tuple[Camera, ...]
    points: FloatArray  # (P, 3)
    xy: FloatArray  # (V, P, 2)
    wrong: npt.NDArray[np.bool_]  # (V, P)

    def bound(self) -> FloatArray:
        """`(P,)` Cramer-Rao bound of the squared distance from the truth, of the views that are not wrong."""
        information = np.zeros((len(self.points), 3, 3))
        for camera, wrong in zip(self.cameras, self.wrong, strict=True):
            slope = project_with_slope(camera, self.points)[1] / NOISE_PX
            information += (slope.transpose(0, 2, 1) @ slope) * ~wrong[:, None, None]
        known = (~self.wrong).sum(axis=0) >= 2
        bound = np.full(len(self.points), np.nan)
        bound[known] = np.trace(np.linalg.inv(information[known]), axis1=1, axis2=2)
        return bound


def made(n_cameras: int, outliers: float = 0.1, n_points: int = 3000, seed: int = 0) -> Scene:
    rng = np.random.default_rng(seed)
    cameras = ring(n_cameras, seed=seed)
    points = rng.uniform(-150, 150, (n_points, 3))
    xy = np.stack([camera.project(points) for camera in cameras])
    xy += rng.normal(0, NOISE_PX, xy.shape)
    wrong = rng.random(xy.shape[:2]) < outliers
    way = rng.normal(size=(wrong.sum(), 2))
    xy[wrong] += way / np.linalg.norm(way, axis=1, keepdims=True) * rng.uniform(20, 200, (len(way), 1))
    return Scene(cameras, points, xy, wrong)


@pytest.mark.parametrize("n_cameras", [2, 3, 4, 5, 6, 8])
def test_points_reach_the_cramer_rao_bound_of_their_right_views(n_cameras: int) -> None:
    scene = made(n_cameras)
    found = triangulate(scene.cameras, scene.xy, ERROR_PX)
    enough = (~scene.wrong).sum(axis=0) >= min(3, n_cameras)
    off = ((found.points - scene.points) ** 2).sum(axis=-1)[enough]
    there = np.isfinite(off)
    assert there.mean() > 0.99
    assert np.sqrt(off[there].mean() / scene.bound()[enough][there].mean()) < 1.1


@pytest.mark.parametrize("n_cameras", [2, 3, 5])
def test_the_expected_error_is_the_mean_error(n_cameras: int) -> None:
    scene = made(n_cameras)
    found = triangulate(scene.cameras, scene.xy, ERROR_PX)
    enough = ((~scene.wrong).sum(axis=0) >= min(3, n_cameras)) & (found.state == GOOD)
    off = np.linalg.norm(found.points - scene.points, axis=-1)
    assert off[enough].mean() == pytest.approx(found.error[enough].mean(), rel=0.05)


def test_a_better_view_counts_more() -> None:
    scene = made(3, outliers=0)
    xy = scene.xy.copy()
    xy[0] += np.random.default_rng(5).normal(0, 8, xy[0].shape)
    error = np.array([8.0, NOISE_PX, NOISE_PX])[:, None] * DISTANCE_PER_SD
    weighted, alike = triangulate(scene.cameras, xy, error), triangulate(scene.cameras, xy, 6.0)
    off = [float(np.nanmean(np.linalg.norm(one.points - scene.points, axis=-1))) for one in (weighted, alike)]
    assert off[0] < 0.5 * off[1]
    assert off[0] == pytest.approx(np.nanmean(weighted.error), rel=0.05)


def test_wrong_views_are_named_and_their_distance_is_told() -> None:
    scene = made(5, outliers=0, n_points=50)
    xy = scene.xy.copy()
    xy[2, 7] += [60, -80]
    found = triangulate(scene.cameras, xy, ERROR_PX)
    assert not found.used[2, 7] and found.used[[0, 1, 3, 4], 7].all()
    assert found.reprojection[2, 7] == pytest.approx(100, abs=4)
    assert found.used[:, :7].all() and found.reprojection[:, :7].max() < 4


def test_two_views_that_contradict_give_no_point() -> None:
    scene = made(2, outliers=0, n_points=200)
    across = np.linalg.norm(scene.cameras[0].center - scene.cameras[1].center) > 0
    assert across
    xy = scene.xy.copy()
    xy[1, :, 1] += 40  # off the epipolar line, which lies along x
    found = triangulate(scene.cameras, xy, ERROR_PX)
    assert (found.state == CONTRADICTORY).all()
    assert np.isnan(found.points).all() and np.isnan(found.error).all() and not found.used.any()


def test_contradictory_pairs_give_no_point() -> None:
    cameras = ring(4)
    truth, other = np.array([[10.0, 20, 30]]), np.array([[-60.0, 50, 20]])
    xy = np.stack([camera.project(other if index < 2 else truth) for index, camera in enumerate(cameras)])
    found = triangulate(cameras, xy, ERROR_PX)
    assert found.state.tolist() == [CONTRADICTORY]
    assert np.isnan(found.points).all()


def test_missing_views_and_missing_errors() -> None:
    scene = made(4, outliers=0, n_points=4)
    xy, error = scene.xy.copy(), np.full((4, 4), ERROR_PX)
    xy[:3, 0] = np.nan  # one view left
    xy[0, 1, 0] = np.nan  # three left
    error[:2, 2] = np.nan  # two left
    error[:, 3] = 0
    found = triangulate(scene.cameras, xy, error)
    assert found.state.tolist() == [TOO_FEW, GOOD, GOOD, TOO_FEW]
    assert found.used.sum(axis=0).tolist() == [0, 3, 2, 0]
    assert np.isnan(found.points[[0, 3]]).all()


def test_cameras_side_by_side_do_not_know_the_depth() -> None:
    first = ring(2)[0]
    second = first.moved(first.rotation, first.translation + [0.01, 0, 0])
    xy = np.stack([camera.project([[0.0, 0, 0]]) for camera in (first, second)])
    found = triangulate([first, second], xy, ERROR_PX)
    assert found.state.tolist() == [UNDETERMINED]
    assert np.isnan(found.points).all()


def test_any_shape_and_no_points_at_all() -> None:
    scene = made(3, outliers=0, n_points=24)
    flat, shaped = (triangulate(scene.cameras, xy, ERROR_PX) for xy in (scene.xy, scene.xy.reshape(3, 4, 2, 3, 2)))
    np.testing.assert_array_equal(shaped.points.reshape(-1, 3), flat.points)
    assert shaped.covariance.shape == (4, 2, 3, 3, 3) and shaped.used.shape == (3, 4, 2, 3)
    assert triangulate(scene.cameras, np.empty((3, 0, 2))).points.shape == (0, 3)


@settings(max_examples=15)
@given(
    turn=st.tuples(*[st.floats(-3, 3)] * 3),
    shift=st.tuples(*[st.floats(-1000, 1000)] * 3),
    scale=st.floats(0.01, 100),
)
def test_a_moved_world_moves_the_points_likewise(
    turn: tuple[float, ...], shift: tuple[float, ...], scale: float
) -> None:
    scene = made(4, n_points=200)
    rotation = matrix_of(turn)
    moved = []
    for camera in scene.cameras:
        own = camera.rotation @ rotation.T
        moved.append(camera.moved(own, scale * camera.translation - own @ np.array(shift)))
    before, after = triangulate(scene.cameras, scene.xy, ERROR_PX), triangulate(moved, scene.xy, ERROR_PX)
    np.testing.assert_array_equal(after.used, before.used)
    expected = scale * before.points @ rotation.T + shift
    np.testing.assert_allclose(after.points, expected, atol=1e-3 * scale, equal_nan=True)
    np.testing.assert_allclose(after.error, scale * before.error, rtol=1e-3, equal_nan=True)


def test_what_is_not_pixels_of_these_cameras_is_refused() -> None:
    scene = made(3, n_points=5)
    with pytest.raises(CalibrationError, match="at least two cameras"):
        triangulate(scene.cameras[:1], scene.xy[:1])
    with pytest.raises(CalibrationError, match=r"expected pixels \(V=3, ..., 2\), got \(2, 5, 2\)"):
        triangulate(scene.cameras, scene.xy[:2])
