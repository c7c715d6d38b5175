"""A camera's picture: dots where points were measured, rings where they should be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.view import View
from markerless.drawing import SAFE_COLORS, palette
from markerless.report.seen_picture import SeenBy, SeenPainter, shown_part

SIZE, LARGE = (100, 80), (300, 240)  # three times as large
SKELETON = Skeleton(("a", "b"), ((0, 1),))


def seen(measured: list[list[float]], expected: list[list[float]] | None = None) -> SeenBy:
    """One moment of one animal."""
    one = np.array(measured, dtype=np.float64)[None, None]
    other = None if expected is None else np.array(expected, dtype=np.float64)[None, None]
    return SeenBy("left", one, other, np.ones((1, 1, 2), dtype=bool))


def drawn(*cameras: SeenBy) -> np.ndarray:
    painter = SeenPainter(cameras, SKELETON, palette(2), (0, 0, *SIZE), LARGE)
    return painter.draw(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8), 0)


def center(image: np.ndarray, k: int) -> np.ndarray:
    rows, columns = np.nonzero((image == SAFE_COLORS[k]).all(axis=-1))
    return np.array([columns.mean(), rows.mean()])


def test_dots_are_at_the_measured_pixels_with_half_pixels_counted() -> None:
    image = drawn(seen([[50.0, 40.0], [20.0, 60.0]]))
    # the center of pixel 50 of a picture three times as large is 3 * 50.5 - 0.5
    np.testing.assert_allclose(center(image, 0), [151.0, 121.0], atol=0.6)
    np.testing.assert_allclose(center(image, 1), [61.0, 181.0], atol=0.6)


def test_rings_are_where_the_points_should_be_seen() -> None:
    nowhere = [[np.nan, np.nan]] * 2
    image = drawn(seen(nowhere, [[50.0, 40.0], [np.nan, np.nan]]))
    ring = np.asarray(
        (np.abs(image.astype(int) - SAFE_COLORS[0]) < 90).all(axis=-1)
    )  # thin, so it is blended with the picture
    assert ring.sum() > 10
    rows, columns = np.nonzero(ring)
    np.testing.assert_allclose([columns.mean(), rows.mean()], [151.0, 121.0], atol=1.5)
    assert not ring[119:124, 149:154].any()  # hollow
    blue = np.asarray((np.abs(image.astype(int) - SAFE_COLORS[1]) < 90).all(axis=-1))
    assert not blue[40:].any()


def test_measured_points_that_were_not_used_are_faint() -> None:
    whole = drawn(seen([[50.0, 40.0], [20.0, 60.0]]))
    used = np.array([[[False, True]]])
    faint = drawn(replace(seen([[50.0, 40.0], [20.0, 60.0]]), used=used))
    assert (whole == SAFE_COLORS[0]).all(axis=-1).any()
    assert not (faint == SAFE_COLORS[0]).all(axis=-1).any()
    assert (faint == SAFE_COLORS[1]).all(axis=-1).any()


def test_where_a_camera_has_no_picture_no_points_are_drawn() -> None:
    painter = SeenPainter((seen([[50.0, 40.0], [20.0, 60.0]]),), SKELETON, palette(2), (0, 0, *SIZE), LARGE)
    image = painter.draw(None, 0)
    assert image.shape == (240, 300, 3)
    for color in SAFE_COLORS[:2]:
        assert not (image == color).all(axis=-1).any()


def test_nothing_known_is_the_picture_with_a_name() -> None:
    image = drawn(SeenBy("left", None, None, np.ones((1, 1, 2), dtype=bool)))
    assert (image[60:] == 90).all()
    assert (image[:30, :60] != 90).any()


def test_each_view_of_one_picture_has_its_name_in_its_corner() -> None:
    nothing = np.ones((1, 1, 2), dtype=bool)
    image = drawn(
        SeenBy("side", None, None, nothing, View(0, 0, 100, 40)),
        SeenBy("below", None, None, nothing, View(0, 40, 100, 40)),
    )
    assert (image[:30, :60] != 90).any() and (image[122:150, :60] != 90).any()
    assert (image[60:110] == 90).all()


def test_the_part_that_is_shown_holds_the_points_and_has_the_proportions_of_the_frame() -> None:
    rng = np.random.default_rng(0)
    xy = rng.uniform([300, 200], [500, 300], (400, 1, 2, 2))
    xy[7] = 1e5  # one wrong point
    camera = SeenBy("left", xy, None, np.ones((400, 1, 2), dtype=bool))
    left, top, right, bottom = shown_part((camera,), (1280, 1024), slice(0, 400))
    assert 200 < left <= 300 and right >= 500 and top <= 200 and bottom >= 300
    assert (right - left) / (bottom - top) == pytest.approx(1280 / 1024, abs=0.01)
    assert right - left < 0.5 * 1280
    # the same around points in the corner, inside of the frame
    corner = replace(camera, measured=rng.uniform([0, 0], [20, 20], (400, 1, 2, 2)))
    assert shown_part((corner,), (1280, 1024), slice(0, 400)) == (0, 0, 256, 205)
    assert shown_part((camera, replace(camera, measured=xy + 700)), (1280, 1024), slice(0, 9)) == (0, 0, 1280, 1024)
    nothing = replace(camera, measured=np.full((400, 1, 2, 2), np.nan))
    assert shown_part((nothing,), (1280, 1024), slice(0, 400)) == (0, 0, 1280, 1024)


def test_points_are_drawn_where_they_are_in_the_part() -> None:
    camera = seen([[50.0, 40.0], [np.nan, np.nan]])
    painter = SeenPainter((camera,), SKELETON, palette(2), (40, 30, 90, 70), LARGE)
    image = painter.draw(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8), 0)  # six times as large
    np.testing.assert_allclose(center(image, 0), [62.5, 62.5], atol=0.6)  # 6 * (50 - 40 + 0.5) - 0.5
