"""Cameras that drifted, put back by the points they saw."""

from __future__ import annotations

import numpy as np
import pytest

from made_points import made_points
from made_rig import RING_MM, jolted
from markerless.core.camera import Calibration, Camera
from markerless.errors import CalibrationError
from markerless.multiview.repair import repair
from markerless.multiview.triangulate import DISTANCE_PER_SD, distances, triangulate

HALF_PX = 0.5 * DISTANCE_PER_SD


def test_a_camera_that_was_pushed_is_put_back() -> None:
    made = made_points(4, 800)
    (pushed,) = jolted(made.cameras[1:3], 0.02, 5.0)[1:]
    drifted = Calibration((*made.cameras[:2], pushed, made.cameras[3]), "mm")
    found, moves = repair(drifted, made.xy, np.full(made.xy.shape[:2], HALF_PX))
    off = [np.linalg.norm(a.center - b.center) for a, b in zip(found.cameras, made.cameras, strict=True)]
    assert np.linalg.norm(pushed.center - made.cameras[2].center) > 0.005 * RING_MM
    assert max(off) < 0.002 * RING_MM
    assert [move.name for move in moves] == list(found.names)
    assert max(moves, key=lambda move: move.angle_deg).name == "cam2"
    assert moves[0].angle_deg == pytest.approx(0, abs=1e-9)
    before = np.nanmedian(distances(drifted.cameras, made.points, made.xy))
    points = triangulate(found.cameras, made.xy, HALF_PX)
    assert np.nanmedian(points.reprojection) < 1 < before + 1
    assert np.nanmedian(np.linalg.norm(points.points - made.points, axis=-1)) < 0.002 * RING_MM


def test_cameras_in_place_stay_there_and_gross_errors_do_not_move_them() -> None:
    made = made_points(4, 800, gross=0.05)
    _, moves = repair(Calibration(made.cameras, "mm"), made.xy, np.full(made.xy.shape[:2], HALF_PX))
    assert max(move.angle_deg for move in moves) < 0.1
    assert max(move.distance for move in moves) < 0.002 * RING_MM


def test_the_scale_is_kept() -> None:
    made = made_points(3, 1500)
    drifted = Calibration(jolted(made.cameras, 0.01, 3.0), "mm")
    found, _ = repair(drifted, made.xy, np.full(made.xy.shape[:2], HALF_PX))

    def spread(cameras: tuple[Camera, ...]) -> float:
        centers = np.stack([camera.center for camera in cameras])
        return float(np.linalg.norm(centers[:, None] - centers, axis=-1).sum())

    assert spread(found.cameras) == pytest.approx(spread(drifted.cameras), rel=1e-6)


def test_a_camera_that_is_somewhere_else_entirely_is_refused() -> None:
    made = made_points(4, 400)
    xy = made.xy.copy()
    camera = made.cameras[3]
    angle = np.deg2rad(12)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    turned = camera.moved(turn @ camera.rotation, turn @ camera.translation)
    xy[3] = turned.project(made.points)
    with pytest.raises(CalibrationError, match=r"camera 'cam3' would have to be turned by 1\d\.\d degrees"):
        repair(Calibration(made.cameras, "mm"), xy, np.full(xy.shape[:2], HALF_PX))


def test_too_few_shared_points_are_refused() -> None:
    made = made_points(3, 100)
    xy = made.xy.copy()
    xy[1, 20:] = np.nan
    with pytest.raises(CalibrationError, match="at least 30 points that camera 'cam1' shares with another, got 20"):
        repair(Calibration(made.cameras, "mm"), xy, np.full(xy.shape[:2], HALF_PX))
