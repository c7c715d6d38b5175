"""Inverses of many matrices, and mean lengths of errors against drawn ones."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.multiview.small_matrices import expected_length, inverse


def test_the_inverse_is_numpys_and_a_singular_matrix_harms_no_other() -> None:
    half = np.random.default_rng(0).normal(size=(20, 3, 3))
    matrices = half @ half.transpose(0, 2, 1)
    matrices[3] = 0
    found = inverse(matrices)
    others = np.delete(np.arange(20), 3)
    np.testing.assert_allclose(found[others], np.linalg.inv(matrices[others]), rtol=1e-6)
    assert not np.isfinite(found[3]).any()


@pytest.mark.parametrize("spread", [(1.0, 1.0, 1.0), (1.0, 2.0, 5.0), (1.0, 1e-4, 1e-4), (0.1, 0.1, 20.0)])
def test_the_expected_length_is_that_of_drawn_errors(spread: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    errors = (rng.normal(size=(400_000, 3)) * spread) @ turn.T
    covariance = turn @ np.diag(np.square(spread)) @ turn.T
    assert expected_length(covariance) == pytest.approx(np.linalg.norm(errors, axis=1).mean(), rel=0.005)


def test_one_axis_alike_is_known_exactly() -> None:
    # the mean of a Maxwell distribution is 2 sqrt(2 / pi)
    assert expected_length(np.eye(3)) == pytest.approx(2 * np.sqrt(2 / np.pi), rel=1e-9)
    assert np.isnan(expected_length(np.full((3, 3), np.nan)))
