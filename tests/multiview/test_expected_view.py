"""Where a view should see a point, from what the others see of it: made rigs with bent lenses, and a mirror."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from made_mirror import DISTANCE, FOCAL, PARTS, SIZE, mirror_scene
from made_points import Made, made_points
from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.expected_view import expected_line, expected_places, is_in_picture
from markerless.multiview.mirror import fit_mirrors
from markerless.multiview.triangulate import DISTANCE_PER_SD


def of_made(made: Made, view: int = 0) -> tuple[FloatArray, FloatArray]:
    """Pixels without errors of `view`, and expected errors `(V, P)`."""
    error = np.broadcast_to(made.sd[:, None] * DISTANCE_PER_SD, made.xy.shape[:2])
    return made.cameras[view].project(made.points), error


def to_line(xy: FloatArray, line: FloatArray) -> float:
    """Distance of a point from a line of straight pieces, piece by piece."""
    nearest = np.inf
    for start, end in itertools.pairwise(line):
        way = end - start
        share = np.clip((xy - start) @ way / (way @ way), 0, 1)
        nearest = min(nearest, float(np.linalg.norm(xy - start - share * way)))
    return nearest


@pytest.mark.parametrize("n_views", [3, 4, 5])
def test_places_are_off_by_as_much_as_expected(n_views: int) -> None:
    made = made_points(n_views, 2000, sd=2.0)
    truth, error = of_made(made)
    found = expected_places(made.cameras, made.xy, error, 0)
    good = np.isfinite(found.xy).all(axis=-1)
    assert good.mean() > 0.99
    off = np.linalg.norm(found.xy - truth, axis=-1)[good]
    assert off.mean() == pytest.approx(found.error[good].mean(), rel=0.05)
    own = np.linalg.norm(found.xy - made.xy[0], axis=-1)[good]
    assert own.mean() == pytest.approx(found.spread[good].mean(), rel=0.05)
    assert not found.used[0].any()


def test_the_view_itself_does_not_enter() -> None:
    made = made_points(4, 50, sd=1.0)
    _, error = of_made(made)
    before = expected_places(made.cameras, made.xy, error, 0).xy
    elsewhere = made.xy.copy()
    elsewhere[0] += 300
    assert np.array_equal(before, expected_places(made.cameras, elsewhere, error, 0).xy, equal_nan=True)


def test_others_that_contradict_each_other_say_so_and_a_third_one_settles_it() -> None:
    made = made_points(4, 200, sd=0.5)
    truth, error = of_made(made)
    wrong = made.xy.copy()
    wrong[1] += [0.0, 120.0]
    two = expected_places(made.cameras[:3], wrong[:3], error[:3], 0)
    assert two.torn.mean() > 0.95
    assert np.isnan(two.xy[two.torn]).all()
    three = expected_places(made.cameras, wrong, error, 0)
    settled = ~three.torn & np.isfinite(three.xy[:, 0]) & ~three.used[1]
    assert settled.mean() > 0.8
    assert np.linalg.norm(three.xy - truth, axis=-1)[settled].max() < 5


def test_nothing_is_expected_of_one_other_view() -> None:
    made = made_points(3, 5)
    _, error = of_made(made)
    xy = made.xy.copy()
    xy[2] = np.nan
    found = expected_places(made.cameras, xy, error, 0)
    assert np.isnan(found.xy).all()
    assert not found.torn.any()


@pytest.mark.parametrize("pair", [(0, 1), (1, 2), (2, 0)])
def test_the_line_of_another_view_passes_through_the_point_though_lenses_bend(pair: tuple[int, int]) -> None:
    made = made_points(3, 60, sd=0.0)
    camera, other = (made.cameras[index] for index in pair)
    for point in made.points:
        line = expected_line(camera, other, other.project(point), (1.0, 1.0))
        assert is_in_picture(camera, line.xy).all()
        assert to_line(camera.project(point), line.xy) < 0.25
        for end in line.xy[[0, -1]]:
            place = camera.to_picture.apply(end)
            border = np.minimum(place + 0.5, np.array(camera.size) - 0.5 - place).min()
            infinity = np.linalg.norm(camera.project(other.center + 1e5 * (point - other.center)) - end)
            assert border < 30 or infinity < 30  # it runs from border to border, or to where the ray ends
        straight = line.xy[0] + np.linspace(0, 1, 40)[:, None] * (line.xy[-1] - line.xy[0])
        bent = max(to_line(one, straight) for one in line.xy)
        assert bent < 200
    assert bent > 0.5  # the lens of the rig bends it


def test_distances_from_the_line_are_as_large_as_expected() -> None:
    made = made_points(2, 400, sd=3.0, seed=4)
    (camera, other), error = made.cameras, 3.0 * DISTANCE_PER_SD
    off, told = [], []
    for here, there in zip(*made.xy, strict=True):
        line = expected_line(camera, other, there, (error, error))
        off.append(to_line(here, line.xy))
        told.append(line.spread[np.linalg.norm(line.xy - here, axis=-1).argmin()])
    assert np.mean(off) == pytest.approx(np.mean(told), rel=0.08)


def test_a_mirror_is_a_view_like_any_other() -> None:
    scene = mirror_scene(200, noise=0.0)
    cameras = fit_mirrors(PARTS, SIZE, scene.xy, np.ones(scene.xy.shape[:2])).cameras
    for direct, mirrored in zip(*scene.xy[:, :40], strict=True):
        below = expected_line(cameras[1], cameras[0], direct, (1.0, 1.0))
        assert (below.xy[:, 1] >= 239.5).all()  # it stays in its part of the picture
        assert to_line(mirrored, below.xy) < 0.5
        side = expected_line(cameras[0], cameras[1], mirrored, (1.0, 1.0))
        assert (side.xy[:, 1] <= 239.5).all()
        assert to_line(direct, side.xy) < 0.5


def test_what_is_behind_a_camera_or_beyond_its_lens_gives_no_line_and_no_place() -> None:
    matrix = np.array([[FOCAL, 0, 319.5], [0, FOCAL, 239.5], [0, 0, 1.0]])
    front = Camera("front", SIZE, matrix, np.zeros(0), np.eye(3), np.zeros(3))
    back = Camera("back", SIZE, matrix, np.zeros(0), np.diag([-1.0, 1.0, -1.0]), np.array([0, 0, -DISTANCE]))
    same = front.moved(np.eye(3), np.zeros(3))
    assert not len(expected_line(front, back, np.array([10.0, 10.0]), (1.0, 1.0)).xy)
    assert not len(expected_line(front, same, np.array([10.0, 10.0]), (1.0, 1.0)).xy)
    assert not len(expected_line(front, back, np.array([np.nan, 10.0]), (1.0, 1.0)).xy)
