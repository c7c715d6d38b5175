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
