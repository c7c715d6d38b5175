"""Learned expected errors against those that points were drawn with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_rig import ring
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.noise import check_noise, learn_noise
from markerless.multiview.triangulate import DISTANCE_PER_SD


def seen(n_cameras: int, noise: FloatArray, seed: int = 0) -> FloatArray:
    """`(V, 400, 5, 2)` pixels with noise of `(V,)` standard deviations, one in twenty far off."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-150, 150, (400, 5, 3))
    xy = np.stack([camera.project(points) for camera in ring(n_cameras)])
    xy += rng.normal(size=xy.shape) * noise[:, None, None, None]
    wrong = rng.random(xy.shape[:-1]) < 0.05
    xy[wrong] += rng.normal(0, 200, (wrong.sum(), 2))
    return xy


@pytest.mark.parametrize("noise", [(1.0, 1.0, 1.0), (1.0, 2.0, 1.5, 3.0), (4.0, 4.0, 9.0, 5.0, 7.0)])
def test_the_noise_of_every_view_is_found(noise: tuple[float, ...]) -> None:
    found = learn_noise(ring(len(noise)), seen(len(noise), np.array(noise)))
    np.testing.assert_allclose(found.error.mean(axis=1) / DISTANCE_PER_SD, noise, rtol=0.15)


def test_two_views_are_taken_to_be_alike() -> None:
    found = learn_noise(ring(2), seen(2, np.array([2.0, 2.0])))
    np.testing.assert_allclose(found.error / DISTANCE_PER_SD, 2, rtol=0.2)


def test_given_errors_that_are_too_small_are_told_by_how_much() -> None:
    xy = seen(4, np.array([1.0, 1.0, 3.0, 1.0]))
    given = np.full(xy.shape[:-1], DISTANCE_PER_SD)
    np.testing.assert_allclose(check_noise(ring(4), xy, given).error.mean(axis=1), [1, 1, 3, 1], rtol=0.15)


def test_given_errors_are_never_made_smaller() -> None:
    xy = seen(4, np.full(4, 0.5))
    assert (check_noise(ring(4), xy, np.full(xy.shape[:-1], 5.0)).error == 1).all()


def test_a_camera_that_is_wrong_does_not_spoil_the_others() -> None:
    cameras = list(ring(4))
    cameras[2] = replace(cameras[2], rotation=cameras[3].rotation, translation=cameras[3].translation + 5.0)
    found = learn_noise(cameras, seen(4, np.full(4, 1.0)))
    np.testing.assert_allclose(found.error[[0, 1, 3]].mean() / DISTANCE_PER_SD, 1, rtol=0.3)


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(CalibrationError, match="at least 8 points that two cameras see"):
        learn_noise(ring(3), np.full((3, 10, 2, 2), np.nan))
