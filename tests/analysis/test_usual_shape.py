"""The usual shape: places on it and pixels are inverse to each other, for animals of both sides too."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.analysis.usual_shape import Complex, lay_thoroughly

SHAPE = np.array([40, 20 + 30j, -10 - 5j, -40 + 12j])


def animals(n: int, two_sided: bool) -> Complex:
    rng = np.random.default_rng(2)
    turned = SHAPE * np.exp(1j * rng.uniform(0, 2 * np.pi, (n, 1))) * rng.uniform(0.9, 1.1, (n, 1))
    points = turned + rng.uniform(100, 400, (n, 1)) * (1 + 1j)
    return np.where(two_sided & (rng.random((n, 1)) < 0.5), points.conj(), points)


@pytest.mark.parametrize("two_sided", [False, True])
def test_places_and_pixels_are_inverse(two_sided: bool) -> None:
    points = animals(20, two_sided)
    shape, fit = lay_thoroughly(points)
    assert shape.two_sided == two_sided
    places = fit.place(points)
    # every animal is the same shape, so that all lie on the mean one
    assert np.abs(places - shape.mean).max() < 1e-6
    back = [[fit.pixel(m, places[m, k]) for k in range(4)] for m in range(20)]
    assert np.abs(np.array(back) - points).max() < 1e-6
