"""The projection with its slope: the camera's own pixels, and a derivative that finite steps confirm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_rig import ring
from markerless.core.view import View
from markerless.multiview.projection import project_with_slope


@pytest.mark.parametrize("fisheye", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_slope_is_the_derivative(fisheye: bool, mirrored: bool) -> None:
    camera = ring(3, fisheye)[1]
    if mirrored:
        camera = replace(camera, region=View(10, 20, *camera.size), mirrored=True)
    points = np.random.default_rng(0).uniform(-150, 150, (4, 50, 3))
    pixels, slope = project_with_slope(camera, points)
    np.testing.assert_allclose(pixels, camera.project(points), atol=1e-9)
    for axis in range(3):
        step = np.eye(3)[axis] * 1e-4
        expected = (camera.project(points + step) - camera.project(points - step)) / 2e-4
        np.testing.assert_allclose(slope[..., axis], expected, atol=1e-6)


def test_behind_the_camera_is_nothing() -> None:
    camera = ring(2)[0]
    pixels, slope = project_with_slope(camera, camera.center - 10 * camera.rotation[2])
    assert np.isnan(pixels).all() and np.isnan(slope).all()
