"""Least and largest values of columns."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.analysis.envelope import envelope


def test_columns_of_a_short_series_are_its_values() -> None:
    np.testing.assert_array_equal(envelope(np.array([3.0, np.nan, 1.0]), 10), [[3, 3], [np.nan, np.nan], [1, 1]])


def test_no_peak_is_lost() -> None:
    values = np.zeros(100_000)
    values[54_321] = 7.0
    values[54_322] = -2.0
    columns = envelope(values, 1000)
    assert columns.shape == (1000, 2)
    np.testing.assert_array_equal(columns[543], [-2, 7])
    assert np.count_nonzero(columns) == 2


@pytest.mark.parametrize(("n", "columns"), [(7, 3), (10, 4), (1001, 1000), (5, 5)])
def test_columns_are_stretches_as_described(n: int, columns: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    expected = [
        (part.min(), part.max()) for part in (values[n * c // columns : n * (c + 1) // columns] for c in range(columns))
    ]
    np.testing.assert_array_equal(envelope(values, columns), expected)


def test_missing_values_are_passed_over() -> None:
    values = np.array([np.nan, 2.0, np.nan, np.nan])
    np.testing.assert_array_equal(envelope(values, 2), [[2, 2], [np.nan, np.nan]])


def test_nothing_has_no_columns() -> None:
    assert envelope(np.empty(0), 10).shape == (0, 2)
