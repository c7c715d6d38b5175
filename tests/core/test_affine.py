"""Affine maps: hand-computed points, and inverses and compositions over random maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markerless.core.affine import Affine

coordinates = st.floats(-3000, 3000, allow_nan=False)
scales = st.floats(0.05, 20)


@st.composite
def affines(draw: st.DrawFn) -> Affine:
    """Any map training builds: crop, turn, resize, perhaps a flip."""
    moved = Affine.crop(draw(coordinates), draw(coordinates))
    turned = moved.then(Affine.rotation(draw(st.floats(-math.pi, math.pi)), (draw(coordinates), draw(coordinates))))
    resized = turned.then(Affine.resize(draw(scales), draw(scales)))
    return resized.then(Affine.mirror(draw(st.integers(1, 3000)))) if draw(st.booleans()) else resized


@given(affines(), coordinates, coordinates)
def test_inverse_undoes_the_map(affine: Affine, x: float, y: float) -> None:
    back = affine.inverse().apply(affine.apply([[x, y]]))
    np.testing.assert_allclose(back, [[x, y]], atol=1e-5)


@given(affines(), affines(), coordinates, coordinates)
def test_then_applies_the_first_map_first(first: Affine, second: Affine, x: float, y: float) -> None:
    together = first.then(second).apply([[x, y]])
    np.testing.assert_allclose(together, second.apply(first.apply([[x, y]])), rtol=1e-9, atol=1e-5)


@given(affines(), affines(), affines())
def test_composition_is_associative(a: Affine, b: Affine, c: Affine) -> None:
    left, right = a.then(b).then(c).matrix, a.then(b.then(c)).matrix
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-4)


def test_order_of_crop_and_resize_matters() -> None:
    crop, double = Affine.crop(10, 20), Affine.resize(2)
    # pixel (12, 23) is (2, 3) in the crop, then (2 + 0.5) * 2 - 0.5 = 4.5 and 6.5
    np.testing.assert_allclose(crop.then(double).apply([[12, 23]]), [[4.5, 6.5]])
    # the other way round: 24.5 - 10 and 46.5 - 20
    np.testing.assert_allclose(double.then(crop).apply([[12, 23]]), [[14.5, 26.5]])


def test_resize_with_two_factors() -> None:
    np.testing.assert_allclose(Affine.resize(2, 0.5).apply([[3, 3]]), [[6.5, 1.25]])


def test_rotation_turns_x_towards_y_about_its_center() -> None:
    quarter = Affine.rotation(math.pi / 2, (10, 20))
    np.testing.assert_allclose(quarter.apply([[10, 20], [13, 20], [10, 24]]), [[10, 20], [10, 23], [6, 20]], atol=1e-12)


def test_mirror_swaps_the_outer_pixel_columns() -> None:
    np.testing.assert_allclose(Affine.mirror(640).apply([[0, 5], [639, 5], [319.5, 5]]), [[639, 5], [0, 5], [319.5, 5]])


def test_mirror_twice_is_identity() -> None:
    twice = Affine.mirror(641).then(Affine.mirror(641))
    np.testing.assert_allclose(twice.matrix, Affine.identity().matrix)


def test_nan_stays_nan_and_does_not_spread_to_other_points() -> None:
    mapped = Affine.resize(3).apply([[np.nan, np.nan], [1, 1]])
    assert np.isnan(mapped[0]).all()
    np.testing.assert_allclose(mapped[1], [4, 4])


def test_any_leading_shape_is_kept() -> None:
    assert Affine.crop(1, 1).apply(np.zeros((2, 5, 3, 2))).shape == (2, 5, 3, 2)


@pytest.mark.parametrize(
    ("affine", "scale"),
    [
        (Affine.identity(), 1),
        (Affine.resize(3), 3),
        (Affine.resize(2, 8), 4),
        (Affine.mirror(100), 1),
        (Affine.rotation(1.0, (3, 4)), 1),
    ],
)
def test_scale_is_the_root_of_the_area_factor(affine: Affine, scale: float) -> None:
    assert affine.scale == pytest.approx(scale)
