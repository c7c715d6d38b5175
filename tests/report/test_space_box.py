"""The box around points in space: nothing is mirrored, one wrong point does not make it huge, ticks are true."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.errors import FormatError
from markerless.report.space_box import SpaceBox

UPS = [sign * np.eye(3)[axis] for axis in range(3) for sign in (1.0, -1.0)]


def cloud(n: int = 4000, seed: int = 0) -> np.ndarray:
    """Points in a box of 200 x 100 x 40 around (10, 20, 30)."""
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (n, 3)) * [200, 100, 40] + [10, 20, 30]


@pytest.mark.parametrize("up", UPS)
def test_up_is_up_and_nothing_is_mirrored(up: np.ndarray) -> None:
    box = SpaceBox.of(cloud(), up)
    np.testing.assert_allclose(box.turn @ up, [0, 0, 1])
    assert np.linalg.det(box.turn) == pytest.approx(1.0)
    for row, name in zip(box.turn, box.names, strict=True):
        assert "xyz"[int(np.abs(row).argmax())] == name


@pytest.mark.parametrize("up", UPS)
def test_ticks_stand_at_the_values_written_there(up: np.ndarray) -> None:
    box = SpaceBox.of(cloud(), up, "mm")
    for axis in range(3):
        ticks = box.ticks(axis)
        assert len(ticks) >= 1
        for place, text in ticks:
            assert box.low[axis] <= place <= box.high[axis]
            point = np.zeros(3)
            point["xyz".index(box.names[axis])] = float(text)
            assert box.placed(point)[axis] == pytest.approx(place)
        assert box.title(axis) == f"{box.names[axis]} (mm)"
    assert 4 <= max(len(box.ticks(axis)) for axis in range(3)) <= 12


def test_the_box_holds_the_points_and_one_wrong_point_does_not_make_it_huge() -> None:
    points = cloud()
    points[7] = 1e6
    points[8] = np.nan
    box = SpaceBox.of(points)
    placed = box.placed(np.delete(points, [7, 8], axis=0))
    assert ((placed >= box.low) & (placed <= box.high)).mean() > 0.99
    assert (box.high - box.low).max() < 250
    np.testing.assert_allclose(box.middle, [10, 20, 30], atol=5)


def test_points_in_a_plane_still_get_a_box() -> None:
    box = SpaceBox.of(cloud() * [1, 1, 0])
    assert (box.high - box.low).min() > 0.1 * (box.high - box.low).max()
    one = SpaceBox.of(np.ones((1, 3)))
    assert (one.high > one.low).all()


def test_no_point_is_told() -> None:
    with pytest.raises(FormatError, match="all are missing"):
        SpaceBox.of(np.full((5, 2, 3), np.nan))


def test_up_may_be_between_the_axes() -> None:
    up = np.array([0.2, -0.5, 0.7])
    box = SpaceBox.of(cloud(), up, "mm")
    np.testing.assert_allclose(box.turn @ up, [0, 0, np.linalg.norm(up)], atol=1e-12)
    np.testing.assert_allclose(box.turn @ box.turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(box.turn) == pytest.approx(1.0)
    assert box.title(2) == "up (mm)"
    assert all(place == pytest.approx(float(text)) for axis in range(3) for place, text in box.ticks(axis))
