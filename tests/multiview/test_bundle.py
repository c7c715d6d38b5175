"""Bundle adjustment: analytic derivatives against numeric ones, known truth found again, wrong sightings borne."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_rig import RING_MM, grid, in_the_first, jolted, ring, waved
from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.core.view import View
from markerless.errors import CalibrationError
from markerless.multiview.bundle import Problem, Sightings, adjust
from markerless.multiview.lens_fit import Freedom, moved
from markerless.multiview.rotation import vector_of
from markerless.multiview.scene import FreePoints, RigidBoards

ALL = Freedom(focal=2, center=True, distortion=4)
HELD = Freedom(pose=False)


def seen_by(cameras: tuple[Camera, ...], points: FloatArray, noise: float = 0.0, wrong: float = 0.0) -> Sightings:
    """Points `(F, P, 3)` in every camera, with noise and a share of gross errors."""
    rng = np.random.default_rng(4)
    projected = np.stack([camera.project(points) for camera in cameras])
    size = np.array(cameras[0].size)
    with np.errstate(invalid="ignore"):
        index = np.argwhere(((projected > 0) & (projected < size)).all(axis=-1))
    xy = projected[tuple(index.T)]
    xy += rng.normal(0, noise, xy.shape)
    off = rng.uniform(size=len(xy)) < wrong
    xy[off] = rng.uniform(0, size, (int(off.sum()), 2))
    camera, frame, point = index.T
    return Sightings(camera, frame, point, xy, np.full(len(xy), max(noise, 0.1)))


def board_points(boards: RigidBoards) -> FloatArray:
    return boards.shape @ boards.rotation.transpose(0, 2, 1) + boards.translation[:, None]


def pose_errors(found: tuple[Camera, ...], true: tuple[Camera, ...]) -> tuple[float, float]:
    """The largest error of a camera's place (as a share of the rig's size) and of its direction (radians)."""
    ways = [np.linalg.norm(a.center - b.center) for a, b in zip(found, true, strict=True)]
    turns = [np.linalg.norm(vector_of(a.rotation @ b.rotation.T)) for a, b in zip(found, true, strict=True)]
    return float(max(ways)) / RING_MM, float(max(turns))


@pytest.mark.parametrize("fisheye", [False, True])
@pytest.mark.parametrize("scene", ["points", "boards"])
@pytest.mark.parametrize("far", [0.0, 0.05])
def test_the_jacobian_is_the_derivative(fisheye: bool, scene: str, far: float) -> None:
    cameras = ring(3, fisheye)
    mirror = replace(cameras[2], region=View(50, 20, 1280, 1024), mirrored=True)
    full = 4 if fisheye else 8
    freedoms = (
        Freedom(pose=False, focal=1, distortion=1),
        replace(ALL, distortion=full),
        Freedom(focal=1, center=True),
    )
    boards = waved(grid(3, 2, 40.0), 3)
    looked_at = boards if scene == "boards" else FreePoints(board_points(boards))
    problem = Problem((*cameras[:2], mirror), freedoms, looked_at, seen_by(cameras, board_points(boards)))
    # relative to what a step may be: pixels, radians, millimeters
    at = far * np.random.default_rng(0).normal(size=problem.size)
    found = problem.jacobian(at).toarray()
    assert np.abs(found).max() > 100
    for column in range(problem.size):
        step = np.zeros(problem.size)
        step[column] = 1e-6
        expected = (problem.residuals(at + step) - problem.residuals(at - step)) / 2e-6
        np.testing.assert_allclose(found[:, column], expected, atol=2e-5 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("n", [2, 3, 6])
def test_boards_give_the_cameras_back(n: int) -> None:
    true = in_the_first(ring(n))
    world = waved(grid(9, 7, 40.0), 40)
    first = ring(n)[0]
    boards = RigidBoards(
        world.shape, first.rotation @ world.rotation, world.translation @ first.rotation.T + first.translation
    )
    sightings = seen_by(true, board_points(boards), noise=0.5, wrong=0.1)
    start = tuple(moved(camera, ALL, np.r_[np.zeros(6), 8, -8, 5, 5, 0.03, -0.02, 0, 0]) for camera in true)
    freedoms = (replace(ALL, pose=False), *[ALL] * (n - 1))
    found = adjust(jolted(start, 0.03, 15), freedoms, boards, sightings)
    way, turn = pose_errors(found.cameras, true)
    assert way < 0.01  # soft L1 alone, lenses unknown: the wrong sightings still pull a little
    assert turn < 0.01
    for camera, truth, covariance in zip(found.cameras[1:], true[1:], found.covariance[1:], strict=True):
        off = np.abs(camera.translation - truth.translation)
        assert (off < 4 * np.sqrt(np.diag(covariance)[3:6])).all()
    assert np.median(np.abs(found.off_px)) < 0.45


def test_an_animal_gives_the_cameras_back_up_to_scale() -> None:
    true = in_the_first(ring(3))
    rng = np.random.default_rng(3)
    first = ring(3)[0]
    points = rng.normal(0, 110, (80, 9, 3)) @ first.rotation.T + first.translation
    sightings = seen_by(true, points, noise=0.5)
    guess = FreePoints(points + rng.normal(0, 5, points.shape))
    found = adjust(jolted(true, 0.03, 15), (HELD, Freedom(), Freedom()), guess, sightings)
    scale = np.linalg.norm(true[1].center) / np.linalg.norm(found.cameras[1].center)
    assert scale == pytest.approx(1, abs=0.1)
    scaled = tuple(camera.moved(camera.rotation, camera.translation * scale) for camera in found.cameras)
    way, turn = pose_errors(scaled, true)
    assert way < 0.002
    assert turn < 0.002
    assert np.median(np.linalg.norm(found.scene.xyz * scale - points, axis=-1)) < 2.0
    assert found.rms_px == pytest.approx(0.5 * np.sqrt(2 * (1 - 3 / 6)), rel=0.03)  # 3 numbers for 6 measured


def test_the_covariance_is_what_repeated_noise_gives() -> None:
    true = in_the_first(ring(2))
    first = ring(2)[0]
    world = waved(grid(5, 4, 40.0), 8)
    boards = RigidBoards(
        world.shape, first.rotation @ world.rotation, world.translation @ first.rotation.T + first.translation
    )
    exact = seen_by(true, board_points(boards))
    freedoms = (HELD, Freedom(focal=1))
    rng = np.random.default_rng(5)
    focals, said = [], []
    for _ in range(60):
        noisy = replace(exact, xy=exact.xy + rng.normal(0, 0.5, exact.xy.shape), error_px=np.full(len(exact), 0.5))
        found = adjust(true, freedoms, boards, noisy)
        focals.append(found.cameras[1].matrix[0, 0])
        said.append(np.sqrt(found.covariance[1][6, 6]))
    assert found.covariance[0].shape == (0, 0)
    # 60 draws know a standard deviation within 10 %; the weights of the robust loss make it a little careful
    assert 0.75 < np.median(said) / np.std(focals) < 1.5


def test_a_point_seen_once_stays_where_nothing_moves_it() -> None:
    camera = ring(1)[0]
    points = np.array([[[0.0, 0.0, 0.0]]])
    xy = camera.project(points)[0] + [3.0, 0.0]
    first = np.zeros(1, dtype=np.intp)
    sightings = Sightings(first, first, first, xy, np.ones(1))
    found = adjust((camera,), (HELD,), FreePoints(points), sightings)
    np.testing.assert_allclose(found.off_px, 0, atol=1e-5)
    moved_by, view = found.scene.xyz[0, 0], -camera.center / np.linalg.norm(camera.center)
    assert np.linalg.norm(moved_by) > 2
    assert abs(moved_by @ view) < 0.5 * np.linalg.norm(moved_by)  # across the view, not along it


def test_what_is_behind_a_camera_is_borne() -> None:
    cameras = ring(3)
    points = np.random.default_rng(0).normal(0, 50, (20, 1, 3))
    sightings = seen_by(cameras, points)
    points[3] = cameras[0].center - 100 * cameras[0].rotation[2]
    found = adjust(cameras, (HELD, HELD, Freedom()), FreePoints(points), sightings)
    assert np.isfinite(found.cameras[2].matrix).all()
    assert np.abs(np.delete(found.scene.xyz, 3, axis=0) - np.delete(points, 3, axis=0)).max() < 0.5


def test_nothing_to_adjust_to_is_refused() -> None:
    nobody, first = np.zeros(0, dtype=np.intp), np.zeros(1, dtype=np.intp)
    none = Sightings(nobody, nobody, nobody, np.zeros((0, 2)), np.zeros(0))
    with pytest.raises(CalibrationError, match="got none"):
        adjust(ring(1), (HELD,), FreePoints(np.zeros((1, 1, 3))), none)
    with pytest.raises(CalibrationError, match="finite pixels"):
        Sightings(first, first, first, np.full((1, 2), np.nan), np.ones(1))
