"""Calibration of made-up models whose truth is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from markerless.analysis.calibration import StatedErrors, judge
from markerless.errors import LabelsError

NAN = float("nan")
TOLERANCE = 3.0


def exponential(n: int, seed: int, swagger: float = 1.0) -> StatedErrors:
    """Errors drawn from exponential distributions of different means, each stated; `swagger` below 1 understates them.

    Of an exponential distribution of mean m, the share within t is 1 - exp(-t / m), and 90 % are below m ln 10.
    """
    rng = np.random.default_rng(seed)
    true_mean = rng.uniform(0.5, 8, n)
    stated = swagger * true_mean
    return StatedErrors(
        error=rng.exponential(true_mean),
        probability=1 - np.exp(-TOLERANCE / stated),
        tolerance=TOLERANCE,
        expected=stated,
        upper_90=stated * np.log(10),
    )


def test_a_model_that_is_right_is_found_right() -> None:
    told = judge(exponential(20_000, seed=1))
    assert told.calibration_error < 0.01
    assert told.is_as_by_chance
    assert told.within_upper_90 == pytest.approx(0.9, abs=0.007)
    np.testing.assert_allclose(told.expected.found, told.expected.stated, rtol=0.05)
    np.testing.assert_array_equal(told.reliability.count, 4000)
    assert np.all(np.diff(told.reliability.stated) > 0.05)


def test_a_model_that_boasts_is_found_out() -> None:
    """Halved expected errors: the bound m ln(10) / 2 holds for 1 - 10^-0.5 = 68.4 %, and means are twice as large."""
    told = judge(exponential(20_000, seed=1, swagger=0.5))
    assert not told.is_as_by_chance
    assert told.calibration_error > 0.1
    assert np.all(told.reliability.found < told.reliability.stated)
    assert told.within_upper_90 == pytest.approx(1 - 10**-0.5, abs=0.01)
    np.testing.assert_allclose(told.expected.found, 2 * told.expected.stated, rtol=0.05)


def test_by_hand() -> None:
    """Ten points in five groups of two: stated 0.05, 0.25, 0.45, 0.65, 0.85, found 0, 0.5, 0.5, 1, 1."""
    probability = np.arange(10) / 10
    error = np.array([9, 9, 9, 1, 9, 1, 1, 1, 1, 1], dtype=float)
    expected = np.arange(10, 0, -1, dtype=float)
    shuffled = np.array([3, 7, 0, 9, 1, 4, 2, 8, 6, 5])
    told = judge(
        StatedErrors(error[shuffled], probability[shuffled], 2.0, expected[shuffled], np.full(10, 5.0)[shuffled])
    )
    np.testing.assert_allclose(told.reliability.stated, [0.05, 0.25, 0.45, 0.65, 0.85])
    np.testing.assert_allclose(told.reliability.found, [0, 0.5, 0.5, 1, 1])
    np.testing.assert_array_equal(told.reliability.count, 2)
    assert told.calibration_error == pytest.approx((0.05 + 0.25 + 0.05 + 0.35 + 0.15) / 5)
    assert told.within_upper_90 == pytest.approx(0.6)
    np.testing.assert_allclose(told.expected.stated, [1.5, 3.5, 5.5, 7.5, 9.5])
    np.testing.assert_allclose(told.expected.found, [1, 1, 5, 5, 9])
    # dropping the least certain fifth leaves 9, 1, 9 and five times 1; half of the points leaves 1 px only
    dropped = dict(zip(np.round(told.risk.kept, 6), zip(told.risk.mean_px, told.risk.p95_px, strict=True), strict=True))
    assert dropped[1.0] == pytest.approx((4.2, 9))
    assert dropped[0.8] == pytest.approx((3, 9))
    assert dropped[0.5] == pytest.approx((1, 1))
    assert told.p95_lowered == pytest.approx(0)


def test_what_a_perfect_model_shows_by_chance() -> None:
    """One group of n points stated at 0.5: the share found is binomial, whose mean distance from 0.5 is
    sqrt(2 / pi) * 0.5 / sqrt(n), and is exceeded by 1.96 * 0.5 / sqrt(n) 5 times out of 100.
    """
    n = 400
    told = judge(StatedErrors(np.zeros(n), np.full(n, 0.5), 1.0, np.ones(n), np.ones(n)))
    assert told.reliability.count.tolist() == [n]
    assert told.perfect_mean == pytest.approx(np.sqrt(2 / np.pi) * 0.5 / 20, rel=0.1)
    assert told.perfect_95 == pytest.approx(1.96 * 0.5 / 20, rel=0.1)
    np.testing.assert_allclose(told.by_chance, [[0.5 - 0.049, 0.5 + 0.049]], atol=0.006)
    assert told.calibration_error == pytest.approx(0.5)  # all errors are 0, all points within
    assert not told.is_as_by_chance


def test_a_right_model_is_seldom_called_wrong() -> None:
    """5 of 100 by construction, on as few points as a small test set has."""
    called = sum(not judge(exponential(76, seed)).is_as_by_chance for seed in range(100))
    assert 0 <= called <= 13  # P(more than 13 of 100 at 5 %) < 0.001


def test_certainty_lowers_the_worst_errors_only_where_it_knows_them() -> None:
    known = judge(exponential(5000, seed=2))
    assert known.p95_lowered > 0.1
    assert np.all(np.diff(known.risk.mean_px) < 0)
    points = exponential(5000, seed=2)
    blind = np.random.default_rng(3).permutation(points.expected)
    told = judge(StatedErrors(points.error, points.probability, TOLERANCE, blind, points.upper_90))
    assert told.p95_lowered == pytest.approx(0, abs=0.05)


def test_equal_statements_stay_together_and_order_does_not_matter() -> None:
    """Seven points at 0.9 and three at 0.2 are two groups, whichever comes first."""
    probability = np.array([0.9] * 7 + [0.2] * 3)
    error = np.array([1.0] * 5 + [5.0] * 4 + [1.0])
    expected = np.where(probability > 0.5, 1.0, 4.0)
    forward = StatedErrors(error, probability, 2.0, expected, 2 * expected)
    backward = StatedErrors(error[::-1], probability[::-1], 2.0, expected[::-1], 2 * expected[::-1])
    told = judge(forward)
    np.testing.assert_allclose(told.reliability.found, [1 / 3, 5 / 7])
    assert told.reliability.count.tolist() == [3, 7]
    np.testing.assert_allclose(np.unique(told.risk.kept), [0.7, 1])
    assert judge(backward).to_json() == told.to_json()


def test_points_of_which_something_is_unknown_are_left_out() -> None:
    points = exponential(50, seed=4)
    more = StatedErrors(
        np.concatenate([points.error, [1.0] * 3]),
        np.concatenate([points.probability, [1.0] * 3]),
        TOLERANCE,
        np.concatenate([points.expected, [NAN, 1, 1]]),
        np.concatenate([points.upper_90, [1, NAN, 1]]),
    )
    more.error[-1] = NAN
    assert judge(more).to_json() == judge(points).to_json()
    with pytest.raises(LabelsError, match="got none"):
        judge(StatedErrors(np.full(2, NAN), np.ones(2), 1.0, np.ones(2), np.ones(2)))
    with pytest.raises(LabelsError, match=r"expected upper_90 of every judged point, got \(3,\)"):
        StatedErrors(np.ones(2), np.ones(2), 1.0, np.ones(2), np.ones(3))


def test_models_are_pooled_each_with_its_own_tolerance() -> None:
    one = StatedErrors(np.array([1.0, 2.0]), np.full(2, 0.5), 1.5, np.ones(2), np.ones(2))
    two = StatedErrors(np.array([1.0, NAN]), np.full(2, 0.5), 0.5, np.ones(2), np.ones(2))
    told = judge(StatedErrors.pooled([one, two]))
    assert told.n_points == 3
    np.testing.assert_allclose(told.reliability.found, [1 / 3])
    assert told.tolerance_px == 1.5


def test_json_and_words() -> None:
    told = judge(exponential(200, seed=6))
    values = json.loads(json.dumps(told.to_json(), allow_nan=False))
    assert set(values) == {
        "n_points", "tolerance_px", "calibration_error", "calibration_error_if_perfect", "reliability",
        "within_upper_90", "expected_error", "risk_coverage", "p95_lowered_by_dropping_20", "absent",
    }  # fmt: skip
    assert sum(row["n_points"] for row in values["reliability"]) == 200
    assert set(values["expected_error"][0]) == {"expected_px", "actual_px", "n_points"}
    first, second, third = told.lines()
    assert "within 3.0 px" in first and "200 points" in first and "no more than chance gives" in first
    assert "within their 90 % bound" in second
    assert third.startswith("without the least certain 20 % of the points, 95 % of the others are within")
    assert "more than chance gives" in judge(exponential(2000, seed=6, swagger=0.5)).lines()[0]


def test_drawing_in_parts_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    points = exponential(60, seed=8)
    whole = judge(points)
    monkeypatch.setattr("markerless.analysis.calibration.MOST_AT_ONCE", 60 * 7)
    assert judge(points).to_json() == whole.to_json()


def test_what_is_said_of_absent_keypoints() -> None:
    """Of 0.1, 0.2, 0.6 and nothing the median is 0.15, and one of the four is at least one half."""
    told = judge(exponential(200, seed=6), np.array([0.1, 0.2, 0.6, NAN]))
    assert told.to_json()["absent"] == {"n_points": 4, "median": pytest.approx(0.15), "sure": 0.25}
    assert told.lines()[-1] == (
        "of 4 keypoints that are absent the median probability is 0.150, and 25 % have one of 0.5 or more"
    )
    none = judge(exponential(200, seed=6), np.empty(0))
    assert none.to_json()["absent"] is None
    assert none.lines() == told.lines()[:-1]
