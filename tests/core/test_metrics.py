"""Errors of predictions, against numbers worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from markerless.core.metrics import gross_errors, nothing_measured, point_errors, split_errors

NAN = float("nan")
DIAGONAL = np.array([100.0, 100.0, 100.0])
LABELED = np.array([[[10, 10], [50, 50]], [[20, 20], [NAN, NAN]], [[30, 30], [60, 60]]], dtype=float)
# errors: 5 (3-4-5), 1 | missing -> 100, no label | 0, 2
PREDICTED = np.array([[[13, 14], [50, 51]], [[NAN, NAN], [70, 70]], [[30, 30], [62, 60]]], dtype=float)
ERRORS = [5, 1, 100, 0, 2]


def test_a_missing_prediction_counts_as_the_diagonal_and_a_missing_label_not_at_all() -> None:
    np.testing.assert_allclose(point_errors(PREDICTED, LABELED, DIAGONAL), [[5, 1], [100, NAN], [0, 2]])


def test_half_a_prediction_is_a_missing_one() -> None:
    predicted = np.array([[[10, NAN]]])
    np.testing.assert_allclose(point_errors(predicted, np.array([[[10.0, 10.0]]]), np.array([500.0])), [[500]])


def test_figures_of_a_split() -> None:
    errors = split_errors(PREDICTED, LABELED, DIAGONAL, 20.0, ["nose", "tail"])
    assert errors is not None
    assert (errors.n_frames, errors.n_points) == (3, 5)
    assert errors.mean_px == pytest.approx(108 / 5)
    assert errors.median_px == 2
    assert errors.rmse_px == pytest.approx(math.sqrt((25 + 1 + 10000 + 0 + 4) / 5))
    assert errors.p95_px == pytest.approx(5 + 0.8 * 95)  # rank 0.95 * 4 = 3.8, between 5 and 100
    assert errors.max_px == 100
    assert errors.gross == pytest.approx(1 / 5)  # only the missing one is beyond 5 % of 100 px; 5 px is not
    assert errors.per_keypoint == {"nose": pytest.approx(105 / 3), "tail": pytest.approx(1.5)}
    # thresholds 1, 2 and 4 px
    assert errors.pck == {"0.05": pytest.approx(2 / 5), "0.1": pytest.approx(3 / 5), "0.2": pytest.approx(3 / 5)}


def test_a_point_on_another_keypoints_label_is_gross_however_near() -> None:
    labeled = np.array([[[10, 10], [13, 10]]], dtype=float)
    predicted = np.array([[[12, 10], [13, 10]]], dtype=float)  # 2 px from its own label, 1 px from the other
    np.testing.assert_array_equal(gross_errors(predicted, labeled, np.array([1000.0])), [[True, False]])
    at_midpoint = np.array([[[11.5, 10], [13, 10]]])
    np.testing.assert_array_equal(gross_errors(at_midpoint, labeled, np.array([1000.0])), [[False, False]])


def test_farther_than_five_percent_of_the_diagonal_is_gross() -> None:
    labeled = np.array([[[0, 0]], [[0, 0]]], dtype=float)
    predicted = np.array([[[50, 0]], [[50.1, 0]]])
    np.testing.assert_array_equal(gross_errors(predicted, labeled, np.array([1000.0, 1000.0])), [[False], [True]])


def test_errors_by_video_where_there_are_several() -> None:
    """Errors 5 and 1 | 100 | 0 and 2: videos a (first and last frame), b."""
    errors = split_errors(PREDICTED, LABELED, DIAGONAL, 20.0, ["nose", "tail"], ["a", "b", "a"])
    assert errors is not None
    a, b = errors.per_video["a"], errors.per_video["b"]
    assert (a.n_frames, a.n_points, a.mean_px, a.median_px) == (2, 4, 2.0, 1.5)
    assert a.p95_px == pytest.approx(2 + 0.85 * 3)  # rank 0.95 * 3 = 2.85, between 2 and 5
    assert (b.n_frames, b.n_points, b.mean_px, b.median_px, b.p95_px) == (1, 1, 100, 100, 100)
    one = split_errors(PREDICTED, LABELED, DIAGONAL, 20.0, ["nose", "tail"], ["a", "a", "a"])
    assert one is not None
    assert one.per_video == {}


def test_how_sure_the_mean_is() -> None:
    """Three frames with the sums 6, 100 and 2 of 2, 1 and 2 points: the smallest mean that can be drawn is 1, the
    largest 100, and three frames allow no conclusion.
    """
    errors = split_errors(PREDICTED, LABELED, DIAGONAL, 20.0, ["nose", "tail"])
    assert errors is not None
    assert errors.mean_px_interval == pytest.approx((1, 100))  # 1 draw in 27 is each of these: more than 2.5 %
    assert "3 labeled frames: too few" in errors.doubt
    values = errors.to_json()
    assert values["mean_px_interval"] == pytest.approx([1, 100])
    assert values["doubt"] == errors.doubt


def test_an_empty_split_has_no_figures() -> None:
    assert split_errors(np.zeros((0, 2, 2)), np.zeros((0, 2, 2)), np.zeros(0), 10, ["a", "b"]) is None


def test_a_split_without_a_labeled_point_has_no_figures() -> None:
    nothing = np.full((2, 1, 2), np.nan)
    assert split_errors(np.zeros((2, 1, 2)), nothing, np.ones(2), 10, ["a"]) is None
    assert nothing_measured("test", 2) == "test: no labeled points in 2 frames; nothing measured"
    assert nothing_measured("test", 1) == "test: no labeled points in 1 frame; nothing measured"


def test_json_has_no_nan() -> None:
    labeled = LABELED.copy()
    labeled[:, 1] = np.nan
    labeled[1] = np.nan
    errors = split_errors(PREDICTED, labeled, DIAGONAL, 20.0, ["nose", "tail"], ["a", "b", "a"])
    assert errors is not None
    values = json.loads(json.dumps(errors.to_json(), allow_nan=False))
    assert values["per_keypoint"]["tail"] is None
    assert values["n_points"] == 2
    assert values["per_video"]["b"] == {
        "n_frames": 1,
        "n_points": 0,
        "mean_px": None,
        "median_px": None,
        "p95_px": None,
    }
    alone = split_errors(PREDICTED[:1], LABELED[:1], DIAGONAL[:1], 20.0, ["nose", "tail"])
    assert alone is not None
    assert alone.to_json()["mean_px_interval"] is None
