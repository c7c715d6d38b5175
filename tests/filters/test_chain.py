"""The banded posterior is the dense one."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.core.instance import FloatArray
from markerless.filters._chain import COEFFICIENTS, posterior


def dense(observed: FloatArray, weight: FloatArray, stiffness: FloatArray, order: int) -> tuple[FloatArray, ...]:
    """Mean, variance and variance of innovations of one series, by inverting the whole precision matrix."""
    n = len(weight)
    difference = np.zeros((n - order, n))
    for row in range(n - order):
        difference[row, row : row + order + 1] = COEFFICIENTS[order][::-1]
    precision = np.diag(weight) + difference.T @ np.diag(stiffness[order:]) @ difference
    covariance = np.linalg.inv(precision)
    steps = difference @ covariance @ difference.T
    return covariance @ (weight[:, None] * observed), np.diag(covariance), np.diag(steps)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("n_frames", [3, 4, 40])
def test_it_equals_the_dense_solution(order: int, n_frames: int) -> None:
    rng = np.random.default_rng(n_frames)
    observed = rng.normal(size=(4, n_frames, 3))
    weight = rng.uniform(0.1, 2, (4, n_frames))
    weight[:, 10:25] = 0
    weight[1, :1] = 0  # begins with a gap
    stiffness = 10 ** rng.uniform(-2, 2, (4, n_frames))
    found = posterior(observed, weight, stiffness, order)
    for s in range(4):
        mean, var, step_var = dense(observed[s], weight[s], stiffness[s], order)
        np.testing.assert_allclose(found.mean[s], mean, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(found.var[s], var, rtol=1e-3)
        np.testing.assert_allclose(found.step_var[s, order:], step_var, rtol=1e-3)
        c = COEFFICIENTS[order]
        steps = sum(c[i] * mean[order - i : n_frames - i] for i in range(order + 1))
        np.testing.assert_allclose(found.step[s, order:], steps, atol=1e-4)
    assert not np.allclose(found.mean, posterior(observed, weight, 2 * stiffness, order).mean, atol=1e-3)


def test_series_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(0)
    observed, weight, stiffness = rng.normal(size=(3, 30, 2)), np.ones((3, 30)), np.ones((3, 30))
    alone = posterior(observed[1:2], weight[1:2], stiffness[1:2], 2)
    among = posterior(observed, weight, stiffness, 2)
    np.testing.assert_allclose(among.mean[1], alone.mean[0], atol=1e-12)
    np.testing.assert_allclose(among.var[1], alone.var[0], atol=1e-12)
