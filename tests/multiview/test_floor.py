"""The floor below an animal that lifts its paws, from points with errors; and where it is refused."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.floor import fit_floor
from markerless.multiview.rotation import matrix_of

TILT = matrix_of([0.4, -0.9, 0.3])
SHIFT = np.array([12.0, -40, 300])
SD = 0.8  # mm, each axis
ERROR = SD / 0.63


def steps(n: int, seed: int = 0, lifted: float = 0.4, reach: float = 90.0) -> FloatArray:
    """`(n, 3)`: a paw that goes about on z = 0 and is up to 12 mm above it in a share of the frames."""
    rng = np.random.default_rng(seed)
    points = np.zeros((n, 3))
    points[:, :2] = rng.uniform(-reach, reach, (n, 2))
    points[:, 2] = np.where(rng.random(n) < lifted, rng.uniform(0, 12, n), 0.0)
    return points + rng.normal(0, SD, (n, 3))


def world(points: FloatArray) -> FloatArray:
    return points @ TILT.T + SHIFT


ABOVE = world(np.array([[0.0, 0, 25]] * 100))
EYES = world(np.array([[300.0, 0, 400], [0, 300, 500]]))


@pytest.mark.parametrize("lifted", [0.0, 0.4, 0.6])
def test_paws_that_are_lifted_do_not_tilt_it(lifted: float) -> None:
    points = world(steps(600, lifted=lifted))
    floor = fit_floor(points, np.full(600, ERROR), ABOVE, EYES)
    assert np.degrees(np.arccos(floor.normal @ TILT[:, 2])) < 0.4
    assert abs(float(floor.height(SHIFT))) < 0.6
    assert float(floor.height(ABOVE[0])) == pytest.approx(25, abs=0.6)
    assert floor.rms == pytest.approx(SD, rel=0.25)
    assert floor.doubt_deg < 0.5
    if lifted:  # a plane through everything would be too high: the test can fail
        assert np.mean(floor.height(points)) > 1.2


def test_wild_points_below_do_not_pull_it_down() -> None:
    points = steps(600)
    points[::25, 2] -= 60
    floor = fit_floor(world(points), np.full(600, ERROR), ABOVE, EYES)
    assert np.degrees(np.arccos(floor.normal @ TILT[:, 2])) < 0.4
    assert not floor.standing[::25].any()


def test_up_is_where_the_animal_is_and_else_where_the_cameras_are() -> None:
    points = world(steps(300, lifted=0.0))
    below = world(np.array([[0.0, 0, -25]] * 100))
    for others, eyes, side in (
        (ABOVE, EYES, 1),
        (below, EYES, -1),
        (points, EYES, 1),
        (points, world(np.array([[0.0, 0, -400]])), -1),
    ):
        floor = fit_floor(points, np.full(300, ERROR), others, eyes)
        assert floor.normal @ TILT[:, 2] * side > 0.99


def test_how_well_it_is_known_is_said_truly() -> None:
    off, said = [], []
    for seed in range(30):
        points = world(steps(40, seed, reach=25.0))
        floor = fit_floor(points, np.full(40, ERROR), ABOVE, EYES)
        off.append(np.degrees(np.arccos(np.clip(floor.normal @ TILT[:, 2], -1, 1))))
        said.append(floor.doubt_deg)
    assert 0.6 < np.sqrt(np.mean(np.square(said))) / np.sqrt(np.mean(np.square(off))) < 2.5


def test_what_determines_no_floor_is_refused() -> None:
    error = np.full(300, ERROR)
    with pytest.raises(CalibrationError, match="at least 12 points of the floor in space, got 11"):
        fit_floor(world(steps(11)), error[:11], ABOVE, EYES)
    line = steps(300) * [1.0, 0.0, 0.0] + np.random.default_rng(1).normal(0, SD, (300, 3))
    with pytest.raises(CalibrationError, match="they lie on a line"):
        fit_floor(world(line), error, ABOVE, EYES)
    with pytest.raises(CalibrationError, match="all in one place or on one line"):
        fit_floor(np.tile(SHIFT, (300, 1)), error, ABOVE, EYES)
    cloud = np.random.default_rng(2).normal(0, 60, (300, 3))
    with pytest.raises(CalibrationError, match="do not agree on a floor"):
        fit_floor(cloud, error, cloud, EYES)
    # the same error in every frame of a resting animal: thousands of frames are no better than one
    rng = np.random.default_rng(3)
    resting = steps(300, reach=3.0, lifted=0.0) * [1, 1, 0] + rng.normal(0, 0.02, (300, 3))
    with pytest.raises(CalibrationError, match=r"known to \d+ degrees only"):
        fit_floor(world(resting), np.full(300, 6.0), ABOVE, EYES)
