"""Rates: those that made the data are found again; few points and impossible splits do no harm."""

from __future__ import annotations

import numpy as np

from markerless.analysis.rates import rates


def test_rates_that_made_the_data_are_found() -> None:
    rng = np.random.default_rng(0)
    error = np.exp(rng.normal(1, 1, (4000, 2)))
    truth = 1 / (1 + np.exp(-(-2 + 1.5 * np.log(error) + np.array([0.0, 1.0]))))
    happened = (rng.random(truth.shape) < truth).astype(np.float64)
    found = rates(error, happened, np.ones(truth.shape, dtype=np.bool_), 1.0)
    assert np.abs(found - truth).max() < 0.06


def test_what_always_or_never_happens_is_no_trouble() -> None:
    error, known = np.full((30, 2), 3.0), np.ones((30, 2), dtype=np.bool_)
    assert rates(error, np.ones((30, 2)), known, 1.0).min() > 0.95
    assert rates(error, np.zeros((30, 2)), known, 1.0).max() < 0.05


def test_unknown_points_are_left_out_and_gaps_stay_gaps() -> None:
    error = np.array([[2.0, np.nan], [2.0, 4.0]])
    share = np.array([[0.0, 1.0], [0.0, 0.0]])
    found = rates(error, share, np.isfinite(error), 1.0)
    assert np.isnan(found[0, 1])
    assert found[0, 0] < 0.5
    nothing = rates(error, share, np.zeros((2, 2), dtype=np.bool_), 1.0)
    assert nothing[0, 0] == 0.5
