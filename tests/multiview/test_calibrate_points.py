"""Rigs without a board: known truth found again from an animal that walks about, and refusals with their reason."""

from __future__ import annotations

import numpy as np
import pytest

from made_rig import in_the_first, ring
from made_walk import Trouble, Walk, pose_errors, troubled, walk, walked
from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.affine_start import affine_starts
from markerless.multiview.calibrate_points import PointsRig, PointViews, calibrate_points
from markerless.multiview.point_links import link
from markerless.multiview.points_verdict import judge_points
from markerless.multiview.pose_spread import rig_size
from markerless.multiview.rig_of_points import spread_points
from markerless.multiview.rotation import vector_of


def found(made: Walk, known: bool = True) -> PointsRig:
    rig = calibrate_points(PointViews(made.cameras, (known,) * len(made.cameras), made.xy))
    judge_points(rig)
    return rig


def angle(a: FloatArray, b: FloatArray) -> float:
    return float(np.rad2deg(np.linalg.norm(vector_of(a @ b.T))))


def test_a_pair_of_cameras_in_spite_of_gross_errors() -> None:
    made = walk(2, trouble=Trouble(noise=0.2))
    pair = made.cameras[0], made.cameras[1]
    one = link(pair, made.xy.reshape(2, -1, 2), (0, 1))
    assert one is not None
    assert angle(one.rotation, made.cameras[1].rotation) < 3
    way = made.cameras[1].translation
    assert one.translation @ way / np.linalg.norm(way) > np.cos(np.deg2rad(5))
    assert one.front > 0.95
    assert one.sigma_px < 1
    assert link(pair, made.xy.reshape(2, -1, 2)[:, :20], (0, 1)) is None


def test_long_lenses_start_from_all_views_together() -> None:
    made = walk(3, trouble=Trouble(gross=0.05, away=0))
    far = []
    for camera in made.cameras:  # ten times as far away, with a lens ten times as long: the pictures stay alike
        matrix = camera.matrix * np.array([[10, 1, 1], [1, 10, 1], [1, 1, 1]])
        at = np.median(made.points.reshape(-1, 3), axis=0)
        back = camera.rotation @ (at + 10 * (camera.center - at))
        far.append(Camera(camera.name, camera.size, matrix, np.zeros(0), camera.rotation, -back))
    xy = np.stack([camera.project(made.points) for camera in far]).reshape(3, -1, 2)
    xy += np.random.default_rng(0).normal(0, 0.3, xy.shape)
    starts = affine_starts(far, xy)
    assert len(starts) == 2
    best = min(starts, key=lambda start: angle(start[1].rotation, far[1].rotation))
    assert all(angle(mine.rotation, true.rotation) < 5 for mine, true in zip(best, far, strict=True))
    ways = [np.linalg.norm(camera.center) for camera in best[1:]]
    true = [np.linalg.norm(camera.center - far[0].center) for camera in far[1:]]
    assert ways[0] / ways[1] == pytest.approx(true[0] / true[1], rel=0.05)


@pytest.mark.parametrize("n", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 4, 6))])
def test_an_animal_tells_where_the_cameras_stand(n: int) -> None:
    made = walk(n, 600 if n == 2 else 300)
    rig = found(made)
    place, turn = pose_errors(rig.calibration.cameras, made)
    assert place < 0.005
    assert turn < 0.3
    assert rig_size(rig.calibration.cameras) == pytest.approx(1)
    assert rig.calibration.unit == ""
    assert rig.noise_px == pytest.approx(0.63, rel=0.15)  # 0.5 px, as a mean distance
    assert not rig.by_length
    assert all(camera.spread is not None for camera in rig.calibration.cameras)
    # it says how well, beside the animal as `place` is taken: within a factor of 5, of what is one draw
    assert place / 2 < rig.beside.max() < 5 * place
    assert all(spread.place < 1.2 * beside for spread, beside in zip(rig.spreads, rig.beside, strict=True))
    # and among the cameras alone: within a factor of 3
    assert place / 3 < max(spread.place for spread in rig.spreads) < max(3 * place, 0.005)


@pytest.mark.slow
def test_focal_lengths_that_are_not_known() -> None:
    made = walk(4)
    rig = found(made, known=False)
    assert not rig.held
    for camera, true in zip(rig.calibration.cameras, made.cameras, strict=True):
        assert camera.matrix[0, 0] == pytest.approx(true.matrix[0, 0], rel=0.03)
    place, turn = pose_errors(rig.calibration.cameras, made)  # the bent lens is taken for a straight one
    assert place < 0.03
    assert turn < 2


@pytest.mark.slow
def test_two_lenses_that_are_not_known_are_too_many() -> None:
    with pytest.raises(CalibrationError, match=r"do not decide the focal length of .* give the lenses with --lenses"):
        found(walk(2), known=False)


@pytest.mark.slow
def test_a_camera_that_shares_moments_with_one_other_is_placed_by_the_lengths_of_the_animal() -> None:
    made = walk(3, 400, Trouble(away=0))
    made.xy[0, 200:], made.xy[2, :200] = np.nan, np.nan
    rig = found(made)
    assert len(rig.by_length) == 1
    place, turn = pose_errors(rig.calibration.cameras, made)
    assert place < 0.02
    assert turn < 1


def test_cameras_that_never_see_the_animal_together() -> None:
    made = walk(3, 300, Trouble(away=0))
    made.xy[:2, 150:], made.xy[2, :140] = np.nan, np.nan
    made.xy[2, 140:150, 2:] = np.nan
    with pytest.raises(CalibrationError, match="at least 30 points that camera 'cam2' sees at the same moment"):
        found(made)
    made = walk(4, 300, Trouble(away=0))
    made.xy[:2, 150:], made.xy[2:, :150] = np.nan, np.nan
    with pytest.raises(CalibrationError, match="one of 'cam0', 'cam1' and one of 'cam2', 'cam3' see at the same"):
        found(made)


def flat(n: int, keep: FloatArray) -> Walk:
    """The walk with all points at one height, or on a line."""
    cameras, first = in_the_first(ring(n)), ring(n)[0]
    points = (walked(300) * keep) @ first.rotation.T + first.translation
    return Walk(cameras, points, troubled(cameras, points, Trouble(), np.random.default_rng(0)))


def test_points_on_a_line_or_in_a_plane() -> None:
    with pytest.raises(CalibrationError, match="all points on a line"):
        found(flat(3, np.array([1.0, 0.0, 0.0])))
    with pytest.raises(CalibrationError, match="all points lie in a plane"):
        found(flat(2, np.array([1.0, 1.0, 0.0])))


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 4])
def test_flipped_pictures_are_named(n: int) -> None:
    made = walk(n)
    made.xy[1, ..., 0] = made.cameras[1].size[0] - 1 - made.xy[1, ..., 0]
    with pytest.raises(CalibrationError, match="camera 'cam1' sees the scene of the other cameras in a mirror"):
        found(made)


def test_points_are_chosen_fairly() -> None:
    xy = np.zeros((3, 1000, 2))
    xy[0, 900:], xy[2, :900] = np.nan, np.nan  # the first and the last never meet
    xy[1:, 990:] = np.nan  # seen by none, or one
    chosen = spread_points(xy, 100)
    assert 95 <= len(chosen) <= 100
    assert (chosen >= 900).sum() == 50
    assert chosen.max() < 990
    assert len(spread_points(xy[:, :50], 100)) == 50
