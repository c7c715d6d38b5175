"""What every filter keeps: the shape, missing points that it does not fill, constants, a note of what it did."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from filters.made import restless, tracks_of
from markerless.config import Settings
from markerless.filters import FILTERS

FILLS = {"interpolate", "kalman"}
every = pytest.mark.parametrize("name", FILTERS.names())


def test_there_are_some() -> None:
    assert {"interpolate", "kalman", "median", "savgol"} <= set(FILTERS.names())


@every
@pytest.mark.parametrize("shape", [(90, 1, 1, 2), (90, 3, 4, 2), (90, 2, 2, 3)])
def test_shape_names_and_input_are_kept(name: str, shape: tuple[int, int, int, int]) -> None:
    module, tracks = FILTERS.get(name), restless(0, shape).tracks
    before = tracks.points.copy()
    found = module.apply(tracks, module.Config())
    assert found.points.shape == shape
    assert (found.individuals, found.skeleton, found.scorer) == (tracks.individuals, tracks.skeleton, tracks.scorer)
    np.testing.assert_array_equal(tracks.points, before)
    np.testing.assert_array_equal(found.score, tracks.score)
    assert issubclass(module.Config, Settings)


@every
def test_what_was_done_is_kept(name: str) -> None:
    module, tracks = FILTERS.get(name), restless(0, (60, 1, 2, 2)).tracks
    twice = module.apply(module.apply(tracks, module.Config()), module.Config())
    assert twice.provenance["source"] == "made"
    assert [said["filter"] for said in twice.provenance["filters"]] == [name, name]
    assert set(module.Config.model_fields) <= set(twice.provenance["filters"][0])
    assert "filters" not in tracks.provenance


@every
def test_constant_in_constant_out(name: str) -> None:
    module, points = FILTERS.get(name), np.full((60, 2, 2, 2), 123.5)
    points[20:25, 1, 1] = np.nan
    found = module.apply(tracks_of(points, np.full((60, 2, 2), 1.5)), module.Config()).points
    assert np.isfinite(found).sum() >= np.isfinite(points).sum()
    np.testing.assert_allclose(found[np.isfinite(found)], 123.5, atol=1e-6)


@every
def test_nothing_is_invented_in_long_gaps_and_beyond_the_ends(name: str) -> None:
    module = FILTERS.get(name)
    points = np.random.default_rng(0).normal(size=(200, 1, 1, 2))
    points[:10] = points[60:90] = points[-10:] = points[130:134] = np.nan
    points[40, 0, 0, 1] = np.nan  # a point without y is none
    found = module.apply(tracks_of(points), module.Config()).points
    assert np.isnan(found[[*range(10), *range(60, 90), *range(190, 200)]]).all()
    assert np.isnan(found[[40, *range(130, 134)]]).all() == (name not in FILLS)
    assert np.isfinite(found[130:134]).all() == (name in FILLS)


@every
@pytest.mark.parametrize("n_frames", [0, 1, 2, 3, 5])
def test_short_and_empty_tracks_pass_without_a_warning(name: str, n_frames: int) -> None:
    module = FILTERS.get(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for points in (
            np.full((n_frames, 2, 2, 2), np.nan),
            np.ones((n_frames, 1, 2, 3)),
            np.ones((n_frames, 0, 1, 2)),
        ):
            found = module.apply(tracks_of(points), module.Config()).points
            np.testing.assert_allclose(found, points, atol=1e-9)
