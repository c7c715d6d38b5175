"""Cameras: OpenCV's own projection, both lenses; the way back; mirrors and regions; impossible numbers refused."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from markerless.core.camera import Calibration, Camera, lens_numbers
from markerless.core.lens import LENSES
from markerless.core.view import View
from markerless.errors import CalibrationError

MATRIX = np.array([[800.0, 0, 320], [0, 810, 240], [0, 0, 1]])


def some_camera(fisheye: bool = False, seed: int = 0) -> Camera:
    rng = np.random.default_rng(seed)
    numbers = np.array([-0.1, 0.05, 0.02, -0.03] if fisheye else [-0.2, 0.05, 0.002, -0.003, 0.01, 0.02, 0.01, 0.003])
    rotation, _ = cv2.Rodrigues(rng.normal(0, 0.3, 3))
    return Camera("a", (640, 480), MATRIX, numbers, rotation, np.array([0.1, 0.2, 6.0]), fisheye)


def some_points() -> np.ndarray:
    return np.random.default_rng(1).uniform(-1.2, 1.2, (500, 3))


@pytest.mark.parametrize("fisheye", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_it_projects_as_opencv_does(fisheye: bool, seed: int) -> None:
    camera, points = some_camera(fisheye, seed), some_points()
    turn = cv2.Rodrigues(camera.rotation)[0]
    project = cv2.fisheye.projectPoints if fisheye else cv2.projectPoints
    expected, _ = project(points[:, None], turn, camera.translation, MATRIX, camera.distortion)
    np.testing.assert_allclose(camera.project(points), expected[:, 0], atol=1e-9)


@pytest.mark.parametrize("fisheye", [False, True])
def test_rays_undo_the_projection(fisheye: bool) -> None:
    camera, points = some_camera(fisheye), some_points()
    seen = camera.to_camera(points)
    np.testing.assert_allclose(camera.rays(camera.project(points)), seen[:, :2] / seen[:, 2:], atol=1e-10)


@pytest.mark.parametrize("fisheye", [False, True])
def test_the_slope_is_the_derivative(fisheye: bool) -> None:
    lens, numbers = LENSES[fisheye], some_camera(fisheye).distortion
    points: np.ndarray = np.vstack([np.random.default_rng(2).uniform(-0.5, 0.5, (100, 2)), [[0, 0], [1e-6, 0]]])
    for axis in (0, 1):
        step = np.eye(2)[axis] * 1e-6
        expected = (lens.distort(points + step, numbers) - lens.distort(points - step, numbers)) / 2e-6
        np.testing.assert_allclose(lens.slope(points, numbers)[..., axis], expected, atol=1e-8)


@pytest.mark.parametrize("fisheye", [False, True])
def test_the_sway_is_the_derivative_by_the_numbers(fisheye: bool) -> None:
    lens, numbers = LENSES[fisheye], some_camera(fisheye).distortion
    points: np.ndarray = np.vstack([np.random.default_rng(2).uniform(-0.5, 0.5, (100, 2)), [[0, 0], [1e-6, 0]]])
    found = lens.sway(points, numbers)
    for index in range(len(numbers)):
        step = np.eye(len(numbers))[index] * 1e-6
        expected = (lens.distort(points, numbers + step) - lens.distort(points, numbers - step)) / 2e-6
        np.testing.assert_allclose(found[..., index], expected, atol=1e-8)


def test_what_a_lens_cannot_show_has_no_ray() -> None:
    camera = replace(some_camera(), distortion=np.array([-0.3]))
    rays = camera.rays([[320.0, 240.0], [20000.0, 240.0], [np.nan, 1.0]])
    np.testing.assert_allclose(rays[0], 0, atol=1e-12)
    assert np.isnan(rays[1:]).all()


def test_nothing_behind_a_camera_is_seen() -> None:
    camera = some_camera()
    behind = camera.center - 3 * camera.rotation[2]
    assert np.isnan(camera.project([behind, [np.nan, 0, 0]])).all()


def test_a_mirror_is_a_flipped_region() -> None:
    plain = some_camera()
    mirror = replace(plain, region=View(100, 50, 640, 480), mirrored=True)
    seen, expected = mirror.project(some_points()), plain.project(some_points())
    np.testing.assert_allclose(seen, np.stack([100 + 639 - expected[:, 0], 50 + expected[:, 1]], axis=-1))
    np.testing.assert_allclose(mirror.rays(seen), plain.rays(expected), atol=1e-10)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rotation": np.diag([1.0, 1, -1])}, "expected a rotation"),
        ({"rotation": np.eye(3) * 2}, "expected a rotation"),
        ({"matrix": np.full((3, 3), np.nan)}, "expected matrix of finite numbers"),
        ({"translation": np.zeros(2)}, "expected translation"),
        ({"distortion": np.zeros(9)}, "at most 8 finite distortion numbers"),
        ({"distortion": np.zeros(5), "fisheye": True}, "at most 4 finite distortion numbers"),
    ],
)
def test_impossible_cameras_are_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(CalibrationError, match=says):
        replace(some_camera(), **change)


def test_a_calibration_knows_its_cameras() -> None:
    first = some_camera()
    rig = Calibration((first, replace(first, name="b")))
    assert rig.names == ("a", "b") and rig.camera("b").name == "b"
    with pytest.raises(CalibrationError, match="unknown camera 'c'; cameras of this calibration: a, b"):
        rig.camera("c")
    with pytest.raises(CalibrationError, match="'a' twice"):
        Calibration((first, first))
    with pytest.raises(CalibrationError, match="at least one camera"):
        Calibration(())


def test_zeros_of_terms_that_lenses_here_do_not_have_are_cut_and_others_are_kept() -> None:
    np.testing.assert_array_equal(lens_numbers(np.arange(1.0, 6)), np.arange(1.0, 6))
    np.testing.assert_array_equal(lens_numbers(np.pad(np.arange(1.0, 9), (0, 6))[None]), np.arange(1.0, 9))
    np.testing.assert_array_equal(lens_numbers([1, 2, 3, 4, 0], fisheye=True), [1, 2, 3, 4])
    assert len(lens_numbers([0.1] * 8 + [0, 0, 0, 1e-9])) == 12
    assert len(lens_numbers([0.1] * 8 + [float("nan")])) == 9
