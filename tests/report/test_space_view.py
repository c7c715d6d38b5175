"""Pictures of points in space: what is higher is drawn higher, the box stays in the picture, gaps are no points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.drawing import SAFE_COLORS, palette
from markerless.report.space_box import SpaceBox
from markerless.report.space_view import Eye, SpacePainter, SpaceSettings

SIZE = (400, 360)
BOX = SpaceBox.of(np.array([[-50.0, -40, 0], [50, 40, 60]]), unit="mm")
STILL = SpaceSettings(turn_deg=0, azimuth_deg=0, trail=0)


def tracks(points: np.ndarray, edges: tuple[tuple[int, int], ...] = (), error: float | None = None) -> Tracks:
    """One animal; `points` `(T, K, 3)`."""
    names = tuple(f"k{k}" for k in range(points.shape[1]))
    score = np.ones((len(points), 1, points.shape[1]))
    errors = None if error is None else np.full(score.shape, error)
    return Tracks(Skeleton(names, edges), points[:, None].astype(np.float64), score, error=errors)


def dots(image: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """`(n, 2)` x and y of pixels of exactly a color, but for the list of keypoints at the top."""
    rows, columns = np.nonzero((image == color).all(axis=-1))
    found = np.stack([columns, rows], axis=-1)
    return found[found[:, 1] > 32]


def place(image: np.ndarray, k: int = 0) -> np.ndarray:
    found = dots(image, SAFE_COLORS[k])
    assert len(found) > 5
    return found.mean(axis=0)


@pytest.mark.parametrize(("step", "shift"), [((20, 0, 0), (1, 0)), ((0, 0, 20), (0, -1)), ((0, 20, 0), (0, -1))])
def test_right_back_and_up(step: tuple[int, int, int], shift: tuple[int, int]) -> None:
    """From the front and above: x goes right, y away and so higher in the picture, z up."""
    points = np.stack([np.zeros((1, 3)), np.array([step], dtype=np.float64)]) + np.array([0, 0, 20])
    painter = SpacePainter(tracks(points), BOX, SIZE, STILL)
    moved = place(painter.draw(1)) - place(painter.draw(0))
    assert np.sign(np.where(np.abs(moved) < 2, 0, moved)).tolist() == list(shift)


def test_dots_are_where_the_eye_puts_them() -> None:
    point = np.array([[[30.0, -10, 40]]])
    painter = SpacePainter(tracks(point), BOX, SIZE, STILL)
    xy, near = painter._eye(0.5).project(BOX.placed(point[0, 0]))
    np.testing.assert_allclose(place(painter.draw(0)), xy, atol=0.6)
    assert near > 1 - 0.3


@pytest.mark.parametrize("turn", [0.0, 50.0, 180.0, 360.0, -90.0])
def test_the_box_stays_in_the_picture_and_keeps_its_scale(turn: float) -> None:
    painter = SpacePainter(tracks(np.zeros((1, 1, 3))), BOX, SIZE, SpaceSettings(turn_deg=turn))
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * (BOX.high - BOX.low) + BOX.low
    seen = [painter._eye(progress) for progress in np.linspace(0, 1, 9)]
    for eye in seen:
        xy, _ = eye.project(corners)
        assert (xy >= 0).all() and (xy < SIZE).all()
    assert len({(eye.scale, eye.center) for eye in seen}) == 1
    span = np.concatenate([eye.project(corners)[0] for eye in seen])
    assert max(np.ptp(span, axis=0) / SIZE) > 0.6  # and fills it


def test_the_view_turns_only_when_asked_to() -> None:
    own = tracks(np.array([[[30.0, 20, 10]]]))
    still = SpacePainter(own, BOX, SIZE, SpaceSettings(turn_deg=0))
    np.testing.assert_array_equal(still.draw(0, 0.0), still.draw(0, 1.0))
    turning = SpacePainter(own, BOX, SIZE, SpaceSettings(turn_deg=60))
    assert np.linalg.norm(place(turning.draw(0, 0.0)) - place(turning.draw(0, 1.0))) > 10


def test_perspective_makes_near_things_larger() -> None:
    eye = Eye.at(BOX, 0.0, 0.0)
    near, far = BOX.middle - np.array([0, 30, 0]), BOX.middle + np.array([0, 30, 0])
    assert eye.project(near)[1] > 1 > eye.project(far)[1]
    np.testing.assert_allclose(eye.project(BOX.middle)[0], 0, atol=1e-9)


def test_missing_and_doubtful_points_are_not_drawn() -> None:
    points = np.full((3, 2, 3), 20.0)
    points[1] = np.nan
    own = tracks(points, ((0, 1),), error=5.0)
    score = own.score.copy()
    score[2] = 0.1
    painter = SpacePainter(replace(own, score=score), BOX, SIZE, STILL)
    assert len(dots(painter.draw(0), SAFE_COLORS[1])) > 5
    empty = painter.draw(1)
    assert not len(dots(empty, SAFE_COLORS[0])) and not len(dots(empty, SAFE_COLORS[1]))
    np.testing.assert_array_equal(empty, painter.draw(2))
    np.testing.assert_array_equal(empty, painter.draw(99))  # beyond the end


def test_trails_skeleton_and_expected_errors_add_ink() -> None:
    t = np.linspace(0, 1, 20)
    points = np.stack(
        [np.stack([80 * t - 40, 0 * t, 30 + 0 * t], axis=-1), np.stack([0 * t, 30 * t, 50 + 0 * t], -1)], 1
    )
    bare = SpacePainter(tracks(points), BOX, SIZE, STILL).draw(19)
    for own, settings in (
        (tracks(points), SpaceSettings(turn_deg=0, azimuth_deg=0, trail=15)),
        (tracks(points, ((0, 1),)), STILL),
        (tracks(points, error=12.0), STILL),
    ):
        assert (SpacePainter(own, BOX, SIZE, settings).draw(19) != bare).any(axis=-1).sum() > 60
    without = SpaceSettings(turn_deg=0, azimuth_deg=0, trail=0, skeleton=False)
    np.testing.assert_array_equal(SpacePainter(tracks(points, ((0, 1),)), BOX, SIZE, without).draw(19), bare)


def test_a_trail_has_gaps_where_points_are_missing() -> None:
    points = np.zeros((21, 1, 3)) + np.array([0, 0, 30])
    points[:, 0, 0] = np.linspace(-40, 40, 21)
    settings = SpaceSettings(turn_deg=0, azimuth_deg=0, trail=20)
    whole = SpacePainter(tracks(points), BOX, SIZE, settings).draw(20)
    points[8:13] = np.nan
    broken = SpacePainter(tracks(points), BOX, SIZE, settings).draw(20)
    changed = np.nonzero((whole != broken).any(axis=-1))
    assert len(changed[0]) > 30
    middle = painter_x(np.array([[[0.0, 0, 30]]]))
    assert abs(changed[1].mean() - middle) < 8


def test_points_below_the_cutoff_are_no_part_of_a_trail() -> None:
    points = np.zeros((21, 1, 3)) + np.array([0, 0, 30])
    points[:, 0, 0] = np.linspace(-40, 40, 21)
    settings = SpaceSettings(turn_deg=0, azimuth_deg=0, trail=20)
    own = tracks(points)
    score = own.score.copy()
    score[8:13] = 0.1
    gone = points.copy()
    gone[8:13] = np.nan
    doubtful, missing = (SpacePainter(one, BOX, SIZE, settings) for one in (replace(own, score=score), tracks(gone)))
    np.testing.assert_array_equal(doubtful.draw(20), missing.draw(20))


def test_the_box_begins_below_the_names() -> None:
    names = tuple(f"keypoint {k}" for k in range(12))
    own = Tracks(Skeleton(names), np.zeros((1, 1, 12, 3)), np.ones((1, 1, 12)))
    painter = SpacePainter(own, BOX, SIZE, SpaceSettings(turn_deg=0))
    lowest_name = max(dots_anywhere(painter.draw(0), tuple(int(c) for c in palette(12)[-1])))
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * (BOX.high - BOX.low) + BOX.low
    assert lowest_name > 60
    assert painter._eye(0.5).project(corners)[0][:, 1].min() > lowest_name


def dots_anywhere(image: np.ndarray, color: tuple[int, ...]) -> list[int]:
    """Rows of pixels of a color, but for the dots in the box, all of which lie in its middle."""
    rows = np.nonzero((image == color).all(axis=-1))[0]
    return [int(row) for row in rows if row < 0.6 * image.shape[0]]


def painter_x(point: np.ndarray) -> float:
    return float(place(SpacePainter(tracks(point), BOX, SIZE, STILL).draw(0))[0])


def test_many_keypoints_and_animals() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-40, 40, (12, 3, 20, 3)) + np.array([0, 0, 30])
    names = tuple(f"keypoint {k}" for k in range(20))
    own = Tracks(Skeleton(names, ((0, 1), (1, 2))), points, np.ones((12, 3, 20)), individuals=("a", "b", "c"))
    image = SpacePainter(own, BOX, SIZE, SpaceSettings(trail=10)).draw(11)
    assert image.shape == (SIZE[1], SIZE[0], 3) and image.std() > 5
