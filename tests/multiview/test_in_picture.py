"""Calibrated cameras as views of one picture: pixels of the picture are those of the views, shifted and mirrored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_rig import ring
from markerless.core.camera import Calibration
from markerless.core.view import View
from markerless.errors import CalibrationError
from markerless.multiview.in_picture import in_picture
from markerless.multiview.mirror import Part

RIG = Calibration(ring(2))
WIDTH, HEIGHT = RIG.cameras[0].size
LEFT, RIGHT = View(0, 0, WIDTH, HEIGHT), View(WIDTH, 0, WIDTH, HEIGHT)
PICTURE = (2 * WIDTH, HEIGHT)
POINTS = np.array([[0.0, 0, 0], [20, -30, 10]])


def test_a_camera_without_a_region_gets_that_of_its_view() -> None:
    placed = in_picture(RIG, [Part("cam0", LEFT), Part("cam1", RIGHT, mirrored=True)], PICTURE)
    np.testing.assert_allclose(placed.cameras[0].project(POINTS), RIG.cameras[0].project(POINTS))
    own = RIG.cameras[1].project(POINTS)
    # mirrored within its view, which begins at column WIDTH
    expected = np.stack([WIDTH + (WIDTH - 1 - own[:, 0]), own[:, 1]], axis=-1)
    np.testing.assert_allclose(placed.cameras[1].project(POINTS), expected)
    assert in_picture(placed, [Part("cam0", LEFT), Part("cam1", RIGHT, True)], PICTURE).cameras == placed.cameras
    assert in_picture(RIG, [Part("other", LEFT)], PICTURE).cameras == RIG.cameras


def test_a_camera_of_the_whole_picture_stays_as_it_is() -> None:
    whole = replace(RIG.cameras[0], size=PICTURE)
    assert in_picture(replace(RIG, cameras=(whole,)), [Part("cam0", RIGHT)], PICTURE).cameras == (whole,)


def test_what_contradicts_the_calibration_is_refused() -> None:
    placed = replace(RIG.cameras[0], region=LEFT)
    for part in (Part("cam0", RIGHT), Part("cam0", LEFT, mirrored=True)):
        with pytest.raises(CalibrationError, match="expected view 'cam0' where the calibration has it"):
            in_picture(replace(RIG, cameras=(placed,)), [part], PICTURE)
    turned = replace(RIG.cameras[0], mirrored=True)
    with pytest.raises(CalibrationError, match="expected view 'cam0' to be mirrored as it is in the calibration"):
        in_picture(replace(RIG, cameras=(turned,)), [Part("cam0", LEFT)], PICTURE)
    smaller = Part("cam0", View(0, 0, WIDTH - 1, HEIGHT))
    with pytest.raises(CalibrationError, match=rf"calibrated in pictures of its view, {WIDTH - 1} x {HEIGHT} px"):
        in_picture(RIG, [smaller], PICTURE)
    mirror = Part("cam0", RIGHT, mirrored=True)
    with pytest.raises(CalibrationError, match="calibrated in pictures of its view"):
        in_picture(replace(RIG, cameras=(replace(RIG.cameras[0], size=PICTURE),)), [mirror], PICTURE)
