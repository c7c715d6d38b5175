"""Cross-fitted predictions that cannot be are refused when they are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from markerless.core.crossfit import CrossFit
from markerless.errors import RunError

GOOD: dict[str, Any] = {
    "images": ("a.png", "b.png"),
    "keypoints": ("nose", "tail", "ear"),
    "xy": np.ones((2, 3, 2)),
    "score": np.full((2, 3), 0.5),
    "expected_error": np.ones((2, 3)),
    "tolerance_px": 4.0,
}


def test_a_point_that_is_not_predicted_needs_no_numbers() -> None:
    xy, score, error = GOOD["xy"].copy(), GOOD["score"].copy(), GOOD["expected_error"].copy()
    xy[1, 2], score[1, 2], error[1, 2] = np.nan, np.nan, np.nan
    assert CrossFit(**{**GOOD, "xy": xy, "score": score, "expected_error": error}).images == ("a.png", "b.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": ("a.png", "a.png")}, "a.png twice"),
        ({"keypoints": ("nose", "nose", "ear")}, "nose twice"),
        ({"xy": np.ones((2, 3))}, "xy of shape"),
        ({"score": np.ones((3, 2))}, "score of shape"),
        ({"score": np.full((2, 3), 1.5)}, "0 to 1"),
        ({"score": np.full((2, 3), np.nan)}, "0 to 1"),
        ({"expected_error": np.zeros((2, 3))}, "above 0"),
        ({"expected_error": np.full((2, 3), np.inf)}, "above 0"),
        ({"tolerance_px": 0.0}, "tolerance"),
        ({"tolerance_px": np.nan}, "tolerance"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RunError, match=message):
        CrossFit(**{**GOOD, **change})
