"""What a run knows of its own errors: the table `[calibration]` of `run.toml`, and what it means for results."""

from __future__ import annotations

from typing import Any

import numpy as np

from markerless.core.instance import FloatArray
from markerless.errors import RunError
from markerless.project import Run
from markerless.project.run import RUN_FILE
from markerless.runtime.region import SEEN_FROM

UNCALIBRATED = (
    "height of the network's score map at the keypoint, 0 to 1, shifted so that a typical labeled point has 0.95; "
    "not calibrated, no probability"
)
CALIBRATED = (
    "probability that the point lies within {tolerance_px:g} px of where a person would label it, calibrated on frames "
    "that the network was not trained on"
)
ABSENT = "; the {n_absent} keypoints that were absent from such frames count as not within"
FACTORS = ("tolerance_px", "upper_90")


def calibration(run: Run) -> dict[str, Any] | None:
    """The table as it stands in the run's file; None for a run whose errors are not calibrated.

    Raises:
        RunError: its numbers are none.
    """
    table = run.settings.get("calibration")
    if not isinstance(table, dict) or not any(key in table for key in FACTORS):
        return None
    for key in FACTORS:
        value = table.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < np.inf:
            raise RunError(
                f"run '{run.name}' is damaged: expected a number above 0 at 'calibration.{key}' in "
                f"{run.folder / RUN_FILE}, got {value!r}; train again"
            )
    return dict(table)


def seen_from(run: Run) -> float:
    """The score from which on a point counts as seen."""
    table = calibration(run)
    value = SEEN_FROM if table is None else table.get("seen_from", SEEN_FROM)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise RunError(
            f"run '{run.name}' is damaged: expected a number from 0 to 1 at 'calibration.seen_from' in "
            f"{run.folder / RUN_FILE}, got {value!r}; train again"
        )
    return float(value)


def likelihood_definition(run: Run) -> str:
    """What the scores of a run's network mean."""
    table = calibration(run)
    if table is None:
        return UNCALIBRATED
    n_absent = table.get("n_absent")
    learned = isinstance(n_absent, int) and n_absent > 0
    return (CALIBRATED + ABSENT if learned else CALIBRATED).format(**table)


def upper_90(run: Run, expected_error: FloatArray) -> FloatArray | None:
    """What nine in ten errors do not exceed, in px, of the shape of `expected_error`; None where it was not learned."""
    table = calibration(run)
    return None if table is None else np.asarray(table["upper_90"] * expected_error)


def spread(expected_error: FloatArray) -> dict[str, float] | None:
    """`median_px`, and `p95_px`, below which 95 % of the points are; NaN is left out, None when all are NaN."""
    known = expected_error[np.isfinite(expected_error)]
    if not known.size:
        return None
    return {"median_px": round(float(np.median(known)), 3), "p95_px": round(float(np.percentile(known, 95)), 3)}
