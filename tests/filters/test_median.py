"""The running median equals a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from filters.made import tracks_of
from markerless.config import load
from markerless.errors import SettingsError
from markerless.filters import median


@pytest.mark.parametrize("window", [1, 3, 7, 99])
def test_it_equals_a_loop(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(window)
    points = rng.normal(size=(40, 2, 2, 2))
    points[rng.random((40, 2, 2)) < 0.3] = np.nan
    expected = np.full_like(points, np.nan)
    for index in np.argwhere(np.isfinite(points)):
        t, n, k, d = index
        around = points[max(0, t - window // 2) : t + window // 2 + 1, n, k, d]
        expected[t, n, k, d] = np.median(around[np.isfinite(around)])
    config = median.Config(window=window)
    np.testing.assert_allclose(median.apply(tracks_of(points), config).points, expected, atol=1e-12)
    monkeypatch.setattr(median, "MOST_AT_ONCE", 100)  # in pieces
    np.testing.assert_allclose(median.apply(tracks_of(points), config).points, expected, atol=1e-12)


def test_an_even_window_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"filter\.window.*odd number of frames, for example 5"):
        load("filter", median.Config, {"window": "4"})
