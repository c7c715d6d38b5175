"""What the table `[calibration]` of a run means for its results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from markerless.errors import RunError
from markerless.pipeline.calibration import calibration, likelihood_definition, spread, upper_90
from markerless.pipeline.run_files import write_toml
from markerless.project import Run
from pipeline.field import make_run

TABLE = {"tolerance_px": 6.125, "level": 0.5, "slope": 2.5, "upper_90": 2.25, "n_points": 280, "n_networks": 3}


def run_with(folder: Path, table: dict[str, Any] | None) -> Run:
    """A run whose file holds this table."""
    run = make_run(folder / "run1", {"train": []})
    tables = run.settings if table is None else {**run.settings, "calibration": table}
    write_toml(tables, run.folder / "run.toml")
    return Run.open(run.folder)


def test_of_a_calibrated_run_the_likelihood_is_a_probability(tmp_path: Path) -> None:
    run = run_with(tmp_path, TABLE)
    assert calibration(run) == TABLE
    assert likelihood_definition(run) == (
        "probability that the point lies within 6.125 px of where a person would label it, calibrated on frames that "
        "the network was not trained on"
    )
    learned = run_with(tmp_path / "absent", {**TABLE, "n_absent": 12})
    assert likelihood_definition(learned) == (
        f"{likelihood_definition(run)}; the 12 keypoints that were absent from such frames count as not within"
    )
    bound = upper_90(run, np.array([[2.0, np.nan]]))
    np.testing.assert_array_equal(bound, [[4.5, np.nan]])


@pytest.mark.parametrize("table", [None, {"uses_pose_prior": False}], ids=["no table", "too few points to learn from"])
def test_of_any_other_run_it_is_the_height_of_the_map(tmp_path: Path, table: dict[str, Any] | None) -> None:
    run = run_with(tmp_path, table)
    assert calibration(run) is None
    assert "score map" in likelihood_definition(run)
    assert "no probability" in likelihood_definition(run)
    assert upper_90(run, np.ones((2, 3))) is None


@pytest.mark.parametrize("key", ["tolerance_px", "upper_90"])
@pytest.mark.parametrize("value", ["wide", True, 0.0, -1, [2.0], None])
def test_numbers_that_are_none_are_one_line(tmp_path: Path, key: str, value: object) -> None:
    table = {name: number for name, number in {**TABLE, key: value}.items() if number is not None}
    with pytest.raises(RunError, match=rf"damaged: expected a number above 0 at 'calibration\.{key}' in .*train again"):
        likelihood_definition(run_with(tmp_path, table))


def test_what_is_told_of_errors() -> None:
    """Of 0, 1, ..., 100 the median is 50, and 95 of 100 are below 95."""
    errors = np.append(np.arange(101.0), [np.nan, np.nan])
    assert spread(np.random.default_rng(0).permutation(errors)) == {"median_px": 50.0, "p95_px": 95.0}
    assert json.dumps(spread(np.array([[[1 / 3]]]))) == '{"median_px": 0.333, "p95_px": 0.333}'
    assert spread(np.full((3, 1, 2), np.nan)) is None
