"""Tables of the accuracy benchmark, against numbers worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from accuracy_table import Measure, Result, over_folds, pooled, tables
from markerless.core.metrics import split_errors
from markerless.errors import LabelsError


def measured(error: list[list[float]], images: list[str], stated: bool = False) -> dict[str, Any]:
    """What is stored of test frames whose two points `nose` and `tail` are off by `error` px; NaN is not labeled."""
    off = np.array(error)
    labeled = np.where(np.isnan(off)[..., None], np.nan, np.array([[100.0, 0.0], [300.0, 0.0]]))
    predicted = labeled + np.stack([np.zeros_like(off), off], axis=-1)
    found = split_errors(predicted, labeled, np.full(len(off), 1000.0), 200.0, ["nose", "tail"])
    assert found is not None
    rows = [[None if math.isnan(value) else value for value in row] for row in error]
    half = [[0.5 for _ in row] for row in error]
    return {
        "evaluation": {"splits": {"test": found.to_json()}},
        "points": {
            "images": images,
            "videos": [image.split("-")[0] for image in images],
            "keypoints": ["nose", "tail"],
            "error_px": rows,
            "score": half,
            "expected_error": half if stated else None,
            "upper_90": half if stated else None,
            "tolerance_px": 0.5 if stated else None,
        },
    }


def result(fold: int, test: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "commit": "abc123456", "source": "s", "study": "mice", "n_train": 10, "fold": fold, "seed": 0, "how": "",
        "asked": {"minutes": None, "set": []}, "run": f"f{fold}", "start": None, "steps": 800, "train_s": 60.2,
        "whole_s": 65.4, "peak_memory_mb": 812, "machine": {"processor": "x", "n_usable": 2}, "settings": {},
        "measured": {"test": test}, **changed,
    }  # fmt: skip


def test_interval_over_folds() -> None:
    """1, 2, 3, 4, 5: mean 3, standard error sqrt(2.5 / 5) = 0.7071, Student's t of 4 degrees of freedom 2.776."""
    found = over_folds([1, 2, 3, 4, 5])
    assert (found.mean, found.low, found.high) == pytest.approx((3, 3 - 2.776 * 0.70711, 3 + 2.776 * 0.70711), abs=1e-3)
    assert over_folds([2, 4]).high == pytest.approx(3 + 12.706)
    alone = over_folds([2.5])
    assert alone.mean == 2.5
    assert math.isnan(alone.low) and math.isnan(alone.high)
    assert over_folds([1.0, 3.0] * 50).high == pytest.approx(2 + 1.96 * 0.1005, abs=1e-3)


def test_a_section_has_folds_figures_and_all_frames() -> None:
    """Fold 0: 1, 3 | 1, 3 px; fold 1: 2, 4 px. Means 2 and 3; over folds 2.5 with +- 12.706 / 2."""
    first = measured([[1.0, 3.0], [1.0, 3.0]], ["a-1", "a-2"])
    second = measured([[2.0, 4.0]], ["a-3"])
    lines = list(tables([Result(result(0, first)), Result(result(1, second, whole_s=None))]))
    assert lines[0] == "### mice: 10 training frames, seed 0, at abc123456"
    assert "| 0 | test | 800 | 65 | 812 | 2 | 2.00 | 2.00 to 2.00 | 2.00 | 3.0 | 3.0 | 0.0 |" in lines
    assert "| 1 | test | 800 | - | 812 | 1 | 3.00 | - | 3.00 | 3.9 | 4.0 | 0.0 |" in lines
    assert "| figure | mean over 2 folds | 95 % interval |" in lines
    assert "| mean px | 2.50 | -3.85 to 8.85 |" in lines
    assert "Mean px of each keypoint, over folds: nose 1.50 (-4.85 to 7.85), tail 3.50 (-2.85 to 9.85)." in lines
    assert "| gross % | 0.00 | 0.00 to 0.00 |" in lines
    together = next(line for line in lines if line.startswith("All 3 test frames together"))
    assert "mean 2.33 px (2.00 to 3.00 by drawing frames again)" in together  # all three frames are one 1 draw in 27
    assert "median 2.50" in together and "largest 4.0 px" in together


def test_points_without_a_label_stay_out() -> None:
    values = measured([[1.0, math.nan], [3.0, math.nan]], ["a-1", "a-2"])
    lines = list(tables([Result(result(0, values))]))
    assert "Mean px of each keypoint, over folds: nose 2.00." in lines
    np.testing.assert_array_equal(Measure(values).error, [[1, math.nan], [3, math.nan]])


def test_results_of_other_commits_and_settings_have_sections_of_their_own() -> None:
    test = measured([[1.0, 3.0]], ["a-1"])
    quick = {"minutes": 2.0, "set": ["train.steps=600"]}
    lines = list(
        tables(
            [
                Result(result(0, test)),
                Result(result(0, test, commit="fff000000-dirty")),
                Result(result(0, test, how="1a2b3c", asked=quick)),
            ]
        )
    )
    assert [line for line in lines if line.startswith("###")] == [
        "### mice: 10 training frames, seed 0, at abc123456",
        "### mice: 10 training frames, seed 0, at fff000000-dirty",
        "### mice: 10 training frames, seed 0, at abc123456, train.steps=600, 2 minutes",
    ]
    assert lines.count("Note: of a tree with changes that are in no commit.") == 1


def test_an_adapted_network_is_shown_before_and_after() -> None:
    both = {"test": measured([[1.0, 3.0]], ["a-1"]), "test, before": measured([[5.0, 7.0]], ["a-1"])}
    lines = list(tables([Result(result(0, both["test"], measured=both))]))
    assert "| 0 | test, before |  |  |  | 1 | 6.00 | - | 6.00 | 6.9 | 7.0 | 0.0 |" in lines
    assert any("All 1 test frames together: mean 2.00" in line for line in lines), "what was before is not counted in"


def test_what_makes_folds_less_comparable_is_said() -> None:
    first, second = measured([[1.0, 3.0]], ["a-1"]), measured([[1.0, 3.0]], ["a-2"])
    other = {"processor": "y", "n_usable": 2}
    lines = list(tables([Result(result(0, first)), Result(result(1, second, steps=412, machine=other))]))
    assert any("trained for 412 to 800 steps" in line for line in lines)
    assert any("several machines" in line for line in lines)


def test_a_frame_that_is_tested_twice_is_refused() -> None:
    test = Measure(measured([[1.0, 3.0]], ["a-1"]))
    with pytest.raises(LabelsError, match="got a-1 in two of them"):
        pooled([test, test])


def test_stated_errors_are_judged_over_all_folds() -> None:
    """Of four points, two are within the tolerance of 0.5 px, as probable as stated; none is left out."""
    first = measured([[0.2, 3.0]], ["a-1"], stated=True)
    second = measured([[0.4, 4.0]], ["a-2"], stated=True)
    lines = list(tables([Result(result(0, first)), Result(result(1, second))]))
    told = [line for line in lines if line.startswith("Stated errors, all test frames together: ")]
    assert len(told) == 3
    assert "off by 0.000 on average (4 points)" in told[0]
    assert "50 % of the errors" in told[1]
    without = list(tables([Result(result(0, first)), Result(result(1, measured([[1.0, 1.0]], ["a-2"])))]))
    assert not any("Stated errors" in line for line in without), "half of the folds do not speak for all"
