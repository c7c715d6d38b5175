"""Cameras that moved are put back by points alone; what is no drift is refused."""

from __future__ import annotations

import numpy as np
import pytest

from made_rig import jolted, ring
from markerless.core.camera import Calibration
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.repair import repair


def seen(noise: float = 0.5) -> FloatArray:
    rng = np.random.default_rng(0)
    points = rng.uniform(-200, 200, (600, 3))
    xy = np.stack([camera.project(points) for camera in ring(4)])
    xy += rng.normal(0, noise, xy.shape)
    wrong = rng.random(xy.shape[:2]) < 0.05
    xy[wrong] += rng.normal(0, 100, (wrong.sum(), 2))
    return xy


def test_cameras_that_moved_are_found_again() -> None:
    moved = Calibration(jolted(ring(4), 0.01, 4.0))
    xy = seen()
    found, moves = repair(moved, xy, np.full(xy.shape[:2], 0.6))
    first = ring(4)[0]
    for truth, before, after in zip(ring(4)[1:], moved.cameras[1:], found.cameras[1:], strict=True):
        ways = [np.linalg.norm(camera.center - first.center) for camera in (truth, after)]
        assert ways[1] == pytest.approx(ways[0], rel=0.01)
        turned = [np.arccos((np.trace(camera.rotation.T @ truth.rotation) - 1) / 2) for camera in (before, after)]
        assert turned[1] < 0.1 * turned[0]
    assert moves[0].angle_deg == pytest.approx(0, abs=1e-9)
    assert all(move.angle_deg > 0.2 for move in moves[1:])


def test_a_rig_in_order_stays_where_it_is() -> None:
    xy = seen()
    _, moves = repair(Calibration(ring(4)), xy, np.full(xy.shape[:2], 0.6))
    assert max(move.angle_deg for move in moves) < 0.05
    assert max(move.distance for move in moves) < 1


def test_what_is_no_drift_is_refused() -> None:
    with pytest.raises(CalibrationError, match="would have to be turned by .* calibrate anew"):
        repair(Calibration(jolted(ring(4), 0.12, 30.0)), seen(), np.full((4, 600), 0.6))
    few = seen()
    few[2, 20:] = np.nan
    with pytest.raises(CalibrationError, match="at least 30 points that camera 'cam2' shares with another, got"):
        repair(Calibration(ring(4)), few, np.full((4, 600), 0.6))
