"""Errors drawn from a known law: the fitted model must say that law again."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.analysis.error_model import FEWEST_POINTS, LEAST_PX, ErrorModel, KnownErrors, fit, probability_within
from markerless.core.instance import FloatArray

SLOPE = 2.5
N_KEYPOINTS = 3
MOST_PX = 1e4


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


def known(error: FloatArray, evidence: FloatArray, keypoint: np.ndarray) -> KnownErrors:
    """Every point in a frame of its own."""
    return KnownErrors(error, evidence, keypoint, np.arange(len(error)))


def fitted(n: int = 6000) -> ErrorModel:
    error, evidence, keypoint, _ = draw(n)
    model = fit(known(error, evidence, keypoint), N_KEYPOINTS, MOST_PX)
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
    model = fit(known(error, np.concatenate((evidence, noise), 1), keypoint), N_KEYPOINTS, MOST_PX)
    assert model is not None
    assert abs(model.weight[2]) < 0.06 < abs(model.weight[0])


def test_a_keypoint_without_points_gets_what_all_have() -> None:
    error, evidence, keypoint, _ = draw(3000)
    model = fit(known(error, evidence, keypoint), N_KEYPOINTS + 1, MOST_PX)
    assert model is not None
    assert model.bias[:3].min() < model.bias[3] < model.bias[:3].max()


def test_few_points_give_no_model() -> None:
    error, evidence, keypoint, _ = draw(FEWEST_POINTS)
    assert fit(known(error, evidence, keypoint), N_KEYPOINTS, MOST_PX) is not None
    assert fit(known(error[1:], evidence[1:], keypoint[1:]), N_KEYPOINTS, MOST_PX) is None


def test_the_probability_by_hand() -> None:
    assert probability_within(2.0, np.array([2.0]), 0.0, 3.0) == pytest.approx(0.5)
    assert probability_within(4.0, np.array([2.0]), 0.0, 1.0) == pytest.approx(2 / 3)  # odds 4 / 2


def test_a_network_of_smaller_errors_is_sure_of_more() -> None:
    model = ErrorModel(np.array([1.0]), np.array([0.5, 2.0]), 0.3, 1.7, 100.0, 2.5, 50)
    evidence = np.array([[[0.3], [1.0]]])
    half = model.scaled(0.5)
    np.testing.assert_allclose(half.expected_error(evidence), model.expected_error(evidence) / 2)
    expected = model.expected_error(evidence)
    np.testing.assert_allclose(
        half.probability_within(4.0, half.expected_error(evidence)), model.probability_within(8.0, expected)
    )


def test_the_bound_holds_for_few_points_with_many_keypoints() -> None:
    """Where the fit bends to its points, errors of points that were left out tell the truth."""
    shares = []
    for seed in range(60):
        error, evidence, keypoint, _ = draw(36, seed)
        keypoint = np.arange(36) % 12
        model = fit(KnownErrors(error, evidence, keypoint, np.arange(36) // 3), 12, MOST_PX)
        assert model is not None
        new_error, new_evidence, _, _ = draw(1000, seed + 1000)
        expected = np.exp(new_evidence @ model.weight + model.bias[np.arange(1000) % 12])
        shares.append(np.mean(new_error <= model.upper_90 * expected))
    assert np.mean(shares) > 0.89


def test_no_error_is_expected_beyond_the_frame_or_below_a_click() -> None:
    error, evidence, keypoint, _ = draw(1000)
    model = fit(known(error, evidence, keypoint), N_KEYPOINTS, 600.0)
    assert model is not None
    strange = np.array([[[1e3, 5.0]] * N_KEYPOINTS, [[-1e3, 5.0]] * N_KEYPOINTS])
    np.testing.assert_allclose(model.expected_error(strange), [[600.0] * 3, [LEAST_PX] * 3])


def test_evidence_that_hardly_varies_is_not_blown_up() -> None:
    error, evidence, keypoint, _ = draw(200)
    constant = np.full((200, 1), 2.0) + np.random.default_rng(0).normal(0, 1e-9, (200, 1))
    model = fit(known(error, np.concatenate((evidence, constant), 1), keypoint), N_KEYPOINTS, MOST_PX)
    assert model is not None
    assert abs(model.weight[2]) < 1e-3
