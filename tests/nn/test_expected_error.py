from __future__ import annotations

import numpy as np
import pytest
import torch

from markerless.nn.expected_error import ExpectedError

LIMITS = (0.05, 100.0)


def test_by_hand() -> None:
    """exp(1 * 2 + 0.5 * 0 + log 3 - 2) = 3 px; within 6 px at level 0, slope 2: odds (6 / 3) ** 2 = 4."""
    errors = ExpectedError(2, 2)
    errors.fill(np.array([1.0, 0.5]), np.array([0.0, np.log(3) - 2]), (0.0, 2.0, 6.0), LIMITS)
    evidence = torch.tensor([[[0.0, 0.0], [2.0, 0.0]]])
    expected, probability = errors(evidence)
    assert expected[0].tolist() == pytest.approx([1.0, 3.0])
    assert probability[0].tolist() == pytest.approx([36 / 37, 0.8])


def test_what_is_not_there_is_nowhere_within() -> None:
    """The points of the test above, there with odds of exp(2 * 2 - 3) = e and exp(0 + 1) = e: each times 0.731."""
    errors = ExpectedError(2, 2)
    there = np.array([2.0, 0.0]), np.array([1.0, -3.0])
    errors.fill(np.array([1.0, 0.5]), np.array([0.0, np.log(3) - 2]), (0.0, 2.0, 6.0), LIMITS, there)
    evidence = torch.tensor([[[0.0, 0.0], [2.0, 0.0]]])
    expected, probability = errors(evidence)
    assert expected[0].tolist() == pytest.approx([1.0, 3.0])
    share = np.e / (1 + np.e)
    assert probability[0].tolist() == pytest.approx([share * 36 / 37, share * 0.8])


def test_a_network_of_before_counts_all_as_there() -> None:
    older, now = ExpectedError(1, 1), ExpectedError(1, 1)
    older.fill(np.array([1.0]), np.array([0.0]), (0.0, 2.0, 6.0), LIMITS)
    state = {name: value for name, value in older.state_dict().items() if not name.startswith("presence")}
    now.load_state_dict(state, strict=False)
    evidence = torch.randn(5, 1, 1)
    assert torch.equal(now(evidence)[1], older(evidence)[1])


def test_it_is_fitted_once_it_is_filled_and_when_it_is_read_back() -> None:
    errors, other = ExpectedError(1, 1), ExpectedError(1, 1)
    seen = [errors.is_fitted]
    errors.fill(np.array([1.0]), np.array([0.0]), (0.0, 2.0, 6.0), LIMITS)
    seen.append(errors.is_fitted)
    for source in (errors, ExpectedError(1, 1)):
        other.load_state_dict(source.state_dict())
        seen.append(other.is_fitted)
    assert seen == [False, True, True, False]


def test_it_stays_within_its_limits() -> None:
    errors = ExpectedError(1, 1)
    errors.fill(np.array([1.0]), np.array([0.0]), (0.0, 1.0, 5.0), LIMITS)
    expected, probability = errors(torch.tensor([[[50.0]], [[-50.0]]]))
    assert expected.flatten().tolist() == pytest.approx([100.0, 0.05])
    assert probability.flatten().tolist() == pytest.approx([5 / 105, 100 / 101])  # odds of 5 / 100 and 5 / 0.05
