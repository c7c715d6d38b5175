"""Several runs' tracks of one video as one, with their disagreement as error, as the ensemble Kalman smoother has it.

Networks trained from different seeds, or on different parts of the labels, differ most where each is unsure (Biderman
et al., Lightning Pose, Nature Methods 21, 2024; the ensemble Kalman smoother takes the variance among them as noise).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.errors import LabelsError
from markerless.filters._series import BoolArray, expected_distance

KEY = "ensemble"  # in the provenance
PRIOR_RUNS = 2.0  # as many further runs, of the keypoint's usual disagreement, steady that of a single point


def together(runs: Sequence[Tracks]) -> Tracks:
    """The median of several runs, axis by axis; its expected error grows with their disagreement.

    A point is missing where more than half of the runs have none. The variance among the runs adds to the mean square
    of their expected errors where they have some, and stands alone where none has. Disagreement of a few runs is known
    poorly, so that of a single point is drawn towards the median of its keypoint. The variance is not divided by the
    number of runs: networks trained on the same labels share most of their errors.

    Args:
        runs: At least two, of the same video, animals and keypoints in the same order.

    Raises:
        LabelsError: fewer than two, or of different shapes or names.
    """
    if len(runs) < 2:
        raise LabelsError(f"expected tracks of at least two runs to compare, got {len(runs)}")
    first = runs[0]
    for other in runs[1:]:
        _require_alike(first, other)
    points = np.stack([np.where(run.present()[..., None], run.points, np.nan) for run in runs])  # (R, T, N, K, D)
    count = np.isfinite(points[..., 0]).sum(axis=0)
    enough = 2 * count >= len(runs)
    middle = np.where(enough[..., None], nan_median(points), np.nan)
    stated = _mean_square([run.error for run in runs if run.error is not None], enough)
    variance = np.where(enough, _disagreement(points, count), np.nan)
    square = expected_distance(first.points.shape[-1]) ** 2 * variance + (0.0 if stated is None else stated)
    scores = np.stack([run.score for run in runs])
    known = np.isfinite(scores).sum(axis=0)
    score = np.where(known > 0, np.nansum(scores, axis=0) / np.maximum(known, 1), np.nan)
    said = {"runs": [run.scorer for run in runs], "stated": stated is not None}
    provenance = {**first.provenance, KEY: said}
    return replace(first, points=middle, score=score, error=np.sqrt(square), provenance=provenance)


def is_relative(tracks: Tracks) -> bool:
    """Whether the expected errors are disagreement alone, which says where errors are larger, not how large."""
    said = tracks.provenance.get(KEY)
    return isinstance(said, dict) and said.get("stated") is False


def _require_alike(first: Tracks, other: Tracks) -> None:
    for name, one, two in (
        ("keypoints", first.skeleton.keypoints, other.skeleton.keypoints),
        ("animals", first.individuals, other.individuals),
        ("frames and axes", first.points.shape, other.points.shape),
    ):
        if one != two:
            who = f"{first.scorer or 'the first run'} and {other.scorer or 'another'}"
            raise LabelsError(
                f"expected runs of the same video with the same {name}, got {one} and {two} of {who}; "
                "give each its own command"
            )


def nan_median(points: FloatArray) -> FloatArray:
    """Median over the first axis of what is there; NaN where nothing is, without a warning."""
    ordered = np.sort(points, axis=0)  # NaN go last
    count = np.isfinite(points).sum(axis=0, keepdims=True)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(points) - 1)
    return np.asarray((np.take_along_axis(ordered, low, 0) + np.take_along_axis(ordered, high, 0))[0] / 2)


def _disagreement(points: FloatArray, count: np.ndarray) -> FloatArray:
    """`(T, N, K)` variance per axis among the runs."""
    n_axes = points.shape[-1]
    here = np.maximum(count, 1)
    mean = np.nansum(points, axis=0) / here[..., None]
    square = np.nansum((points - mean) ** 2, axis=(0, -1)) / n_axes  # times the runs less one
    freedom = np.maximum(count - 1, 0)
    variance = square / np.maximum(freedom, 1)
    usual = np.zeros(points.shape[3])
    for k in range(points.shape[3]):
        known = variance[:, :, k][freedom[:, :, k] > 0]
        usual[k] = np.median(known) if known.size else 0.0
    return np.asarray((PRIOR_RUNS * usual + square) / (PRIOR_RUNS + freedom))


def _mean_square(errors: Sequence[FloatArray], enough: BoolArray) -> FloatArray | None:
    """`(T, N, K)` mean over the runs of their squared expected errors; None where none states any."""
    if not errors:
        return None
    stack = np.stack(errors)
    count = np.isfinite(stack).sum(axis=0)
    if not (count[enough] > 0).any():
        return None
    mean = np.nansum(stack**2, axis=0) / np.maximum(count, 1)
    return np.where(count > 0, mean, np.median(mean[count > 0]))
