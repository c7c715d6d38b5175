"""Errors drawn from a known law: the fitted model must say that law again."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.analysis.error_model import FEWEST_POINTS, ErrorModel, fit, probability_within
from markerless.core.instance import FloatArray

SLOPE = 2.5
N_KEYPOINTS = 3


def draw(n: int, seed: int = 0) -> tuple[FloatArray, FloatArray, np.ndarray, FloatArray]:
    """Error, evidence, keypoint and true expectation: log-logistic around `exp(1 + 0.8 e0 - 0.3 e1 + own)`."""
    rng = np.random.default_rng(seed)
    evidence = rng.normal(0, 1, (n, 2)) * [1.0, 3.0] + [0.0, 5.0]
    keypoint = rng.integers(0, N_KEYPOINTS, n)
    own = np.array([-0.5, 0.0, 0.7])[keypoint]
    expected = np.exp(1 + 0.8 * evidence[:, 0] - 0.1 * (evidence[:, 1] - 5) + own)
    shape = (1 / rng.uniform(0, 1, n) - 1) ** (-1 / SLOPE)
    mean_of_shape = (np.pi / SLOPE) / np.sin(np.pi / SLOPE)
    return expected * shape / mean_of_shape, evidence, keypoint, expected


def fitted(n: int = 6000) -> ErrorModel:
    error, evidence, keypoint, _ = draw(n)
    model = fit(error, evidence, keypoint, N_KEYPOINTS)
    assert model is not None
    return model


def test_the_expectation_is_found_again() -> None:
    _, evidence, keypoint, expected = draw(4000, seed=1)
    all_keypoints = np.repeat(evidence[:, None], N_KEYPOINTS, axis=1)
    found = fitted().expected_error(all_keypoints)[np.arange(len(keypoint)), keypoint]
    assert np.median(np.abs(np.log(found / expected))) < 0.1


def test_probabilities_and_bounds_hold_on_new_points() -> None:
    error, evidence, keypoint, _ = draw(8000, seed=2)
    model = fitted()
    expected = np.exp(evidence @ model.weight + model.bias[keypoint])
    assert np.mean(error <= model.upper_90 * expected) == pytest.approx(0.9, abs=0.015)
    for tolerance in (1.0, 3.0, 10.0):
        said = model.probability_within(tolerance, expected)
        for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
            among = (said >= low) & (said < high)
            assert np.mean(error[among] <= tolerance) == pytest.approx(said[among].mean(), abs=0.04)


def test_evidence_that_says_nothing_gets_no_weight() -> None:
    error, evidence, keypoint, _ = draw(3000)
    noise = np.random.default_rng(5).normal(0, 1, (3000, 1))
    model = fit(error, np.concatenate((evidence, noise), 1), keypoint, N_KEYPOINTS)
    assert model is not None
    assert abs(model.weight[2]) < 0.06 < abs(model.weight[0])


def test_a_keypoint_without_points_gets_what_all_have() -> None:
    error, evidence, keypoint, _ = draw(3000)
    model = fit(error, evidence, keypoint, N_KEYPOINTS + 1)
    assert model is not None
    assert model.bias[:3].min() < model.bias[3] < model.bias[:3].max()


def test_few_points_give_no_model() -> None:
    error, evidence, keypoint, _ = draw(FEWEST_POINTS)
    assert fit(error, evidence, keypoint, N_KEYPOINTS) is not None
    assert fit(error[1:], evidence[1:], keypoint[1:], N_KEYPOINTS) is None


def test_the_probability_by_hand() -> None:
    assert probability_within(2.0, np.array([2.0]), 0.0, 3.0) == pytest.approx(0.5)
    assert probability_within(4.0, np.array([2.0]), 0.0, 1.0) == pytest.approx(2 / 3)  # odds 4 / 2
