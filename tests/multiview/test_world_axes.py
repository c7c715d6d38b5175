"""World axes: proper rotations, cameras that go along with the points, and a refusal where nothing determines them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_rig import ring
from markerless.core.camera import Calibration, CameraSpread
from markerless.errors import CalibrationError
from markerless.multiview.rotation import matrix_of
from markerless.multiview.world_axes import WorldAxes, axes_of_board, axes_of_plane, axes_of_points

NAMES = ("o", "x", "y")
CORNERS = np.array([[10.0, 20, 30], [10, 70, 30], [-90, 25, 30]])  # y of the world is x here, and -x is y


def assert_proper(axes: WorldAxes) -> None:
    np.testing.assert_allclose(axes.rotation @ axes.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes.rotation) == pytest.approx(1.0)


def test_three_points_by_hand() -> None:
    axes = axes_of_points(CORNERS, np.full(3, 0.1), NAMES)
    assert_proper(axes)
    np.testing.assert_allclose(axes.rotation, [[0, 1, 0], [-1, 0, 0], [0, 0, 1]], atol=1e-12)
    np.testing.assert_allclose(axes.points(CORNERS), [[0, 0, 0], [50, 0, 0], [5, 100, 0]], atol=1e-12)
    assert "origin at o, x towards x, y at y > 0" in axes.how
    # named clockwise, z is down
    down = axes_of_points(CORNERS[[0, 2, 1]], np.full(3, 0.1), NAMES)
    assert_proper(down)
    np.testing.assert_allclose(down.rotation[2], [0, 0, -1], atol=1e-12)


def test_everything_moves_and_nothing_changes() -> None:
    rig = Calibration(ring(4), "mm", 0.3, (("software", "x"), ("axes", "older")))
    axes = axes_of_points(CORNERS, np.zeros(3), NAMES)
    points = np.random.default_rng(0).normal(0, 80, (50, 3))
    points[7] = np.nan
    moved, cameras = axes.points(points), axes.calibration(rig)
    assert np.isnan(moved[7]).all()
    for before, after in zip(rig.cameras, cameras.cameras, strict=True):
        np.testing.assert_allclose(after.project(moved), before.project(points), atol=1e-8)
        np.testing.assert_allclose(after.center, axes.points(before.center), atol=1e-9)
    ways = [np.linalg.norm(each[:, None] - each[None], axis=-1) for each in (points, moved)]
    np.testing.assert_allclose(ways[1], ways[0], atol=1e-10)
    assert cameras.error_px == rig.error_px
    assert cameras.provenance == (("software", "x"), ("axes", axes.how))
    assert np.abs(moved - points)[0].max() > 1  # not the identity


def test_how_well_a_camera_is_known_goes_along() -> None:
    """A small change of the pose by the factor does to pixels the same in either axes."""
    axes = axes_of_points(CORNERS, np.zeros(3), NAMES)
    factor = 1e-5 * np.random.default_rng(1).normal(0, 1, (7, 7)) * np.array([[1.0] * 3 + [300.0] * 3 + [1.0]]).T
    spread = CameraSpread((1, 1, 0, 0), factor)
    before = replace(ring(3)[1], spread=spread)
    after = axes.calibration(Calibration((before,))).cameras[0]
    assert after.spread is not None
    points = np.random.default_rng(0).normal(0, 80, (20, 3))
    for column in range(7):
        steps = []
        for camera, own, seen in ((before, factor, points), (after, after.spread.factor, axes.points(points))):
            turn = matrix_of(own[:3, column])
            changed = camera.moved(turn @ camera.rotation, camera.translation + own[3:6, column])
            steps.append(changed.project(seen) - camera.project(seen))
        np.testing.assert_allclose(steps[1], steps[0], atol=1e-5)
        assert np.abs(steps[0]).max() > 1e-3
    np.testing.assert_array_equal(after.spread.factor[6], factor[6])
    lens = CameraSpread((0, 1, 0, 0), np.ones((1, 1)))
    assert axes.calibration(Calibration((replace(before, spread=lens),))).cameras[0].spread == lens


@pytest.mark.parametrize(
    ("third", "doubt"),
    [
        ([10.0, 120, 30], 0.1),  # on the line
        ([10.0, 20, 30], 0.1),  # at the origin
        ([14.0, 120, 30], 3.0),  # 4 mm off it, 3 mm unsure
        ([np.nan, 120, 30], 0.1),
    ],
)
def test_points_that_determine_nothing_are_refused(third: list[float], doubt: float) -> None:
    places = np.array([CORNERS[0], CORNERS[1], third])
    with pytest.raises(CalibrationError, match=r"do not determine axes: 'y' is|expected point 'y' of the axes"):
        axes_of_points(places, np.full(3, doubt), NAMES)
    with pytest.raises(CalibrationError, match="do not determine axes"):
        axes_of_points(CORNERS[[0, 0, 1]], np.full(3, 0.1), NAMES)


def test_a_plane_takes_its_x_from_what_the_camera_has_on_its_right() -> None:
    camera = ring(3)[0]
    normal = np.array([0.0, 0.0, 1.0])
    axes = axes_of_plane(normal, camera)
    assert_proper(axes)
    np.testing.assert_allclose(axes.rotation[2], normal)
    np.testing.assert_allclose(axes.points(np.zeros(3)), 0, atol=1e-12)
    seen = axes.calibration(Calibration((camera,))).cameras[0]
    left, right = seen.project(np.array([[0.0, 0, 0], [40, 0, 0]]))
    assert right[0] - left[0] > 20
    # a camera on its side
    tilted = camera.moved(matrix_of([0.0, 0, np.pi / 2]) @ camera.rotation, camera.translation)
    assert_proper(axes_of_plane(normal, tilted))
    assert_proper(axes_of_plane(camera.rotation[0], camera))


def test_a_board_on_the_floor_has_z_out_of_its_print() -> None:
    rotation = matrix_of([0.3, -0.2, 1.0]) @ np.diag([1.0, -1, -1])
    axes = axes_of_board(rotation, np.array([1.0, 2, 3]), "how")
    assert_proper(axes)
    board = np.array([[0.0, 0, 0], [30, 0, 0], [0, 30, 0], [0, 0, -10]])  # 10 mm above the print
    np.testing.assert_allclose(
        axes.points(board @ rotation.T + [1.0, 2, 3]), [[0, 0, 0], [30, 0, 0], [0, -30, 0], [0, 0, 10]], atol=1e-12
    )
