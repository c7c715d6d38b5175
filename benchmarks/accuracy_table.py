"""Results of `accuracy.py` in tables: every fold, the mean over folds with its interval, all test frames together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from markerless.analysis.calibration import StatedErrors, judge
from markerless.core.certainty import Interval, mean_interval
from markerless.core.instance import FloatArray
from markerless.errors import LabelsError

# Student's t, 97.5 %, by degrees of freedom: an interval of 95 % from a few folds
T_975 = (math.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
FIGURES = {"mean px": "mean_px", "median px": "median_px", "95 % px": "p95_px", "gross %": "gross"}


class Result:
    """One stored result; a KeyError when it is none."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.study, self.fold, self.seed = str(values["study"]), int(values["fold"]), int(values["seed"])
        self.commit, self.source, self.how = str(values["commit"]), str(values["source"]), str(values["how"])
        self.run, self.steps, self.n_train = str(values["run"]), int(values["steps"]), int(values["n_train"])
        self.measured = {name: Measure(measured) for name, measured in values["measured"].items()}
        if "test" not in self.measured:
            raise KeyError("test")

    @property
    def name(self) -> str:
        return f"{self.study}_fold{self.fold}"


class Measure:
    """A network on some test frames."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.errors: dict[str, Any] = values["evaluation"]["splits"]["test"]
        points = values["points"]
        self.images: list[str] = points["images"]
        self.videos: list[str] = points["videos"]
        self.error = _array(points["error_px"])
        stated = [points["score"], points["expected_error"], points["upper_90"]]
        self.stated: StatedErrors | None = None
        if points["tolerance_px"] is not None and None not in stated:
            score, expected, upper_90 = (_array(rows).ravel() for rows in stated)
            self.stated = StatedErrors(self.error.ravel(), score, float(points["tolerance_px"]), expected, upper_90)

    @property
    def interval(self) -> Interval | None:
        """Of the mean, by drawing frames again, and videos where there are several."""
        return mean_interval(self.error, self.videos)


@dataclass(frozen=True)
class OverFolds:
    """Mean of a figure over folds, and where it lies 95 times out of 100; NaN of a single fold."""

    mean: float
    low: float
    high: float

    @property
    def interval(self) -> str:
        """In words; "" of a single fold."""
        return "" if math.isnan(self.low) else f"{self.low:.2f} to {self.high:.2f}"


def over_folds(values: Sequence[float]) -> OverFolds:
    """Student's t interval. Folds share training frames, so that it is a little too narrow."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return OverFolds(mean, math.nan, math.nan)
    t = T_975[len(values) - 1] if len(values) <= len(T_975) else 1.96
    half = t * statistics.stdev(values) / math.sqrt(len(values))
    return OverFolds(mean, mean - half, mean + half)


def tables(results: Sequence[Result]) -> Iterator[str]:
    """Lines of Markdown: a section per study and commit."""
    groups: dict[tuple[str, str, str, int], list[Result]] = {}
    for result in results:
        groups.setdefault((result.study, result.commit, result.how, result.seed), []).append(result)
    for (study, commit, how, seed), members in groups.items():
        frames = sorted({result.n_train for result in members})
        trained = f"{frames[0]}" if len(frames) == 1 else f"{frames[0]} to {frames[-1]}"
        asked = members[0].values["asked"]
        others = [*asked["set"], *([f"{asked['minutes']:g} minutes"] if asked["minutes"] is not None else [])]
        with_settings = f", {', '.join(others)}" if how or others else ""
        yield f"### {study}: {trained} training frames, seed {seed}, at {commit}{with_settings}"
        yield ""
        yield from _folds(members)
        yield ""
        yield from _together([result.measured["test"] for result in members])
        yield from _remarks(members)
        yield ""


def _folds(results: Sequence[Result]) -> Iterator[str]:
    yield "| fold | on | steps | s | MB | frames | mean px | interval | median px | 95 % px | largest | gross % |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|"
    for result in results:
        seconds = result.values["whole_s"]
        for name, measure in result.measured.items():
            cells = [str(result.fold), name]
            took = "-" if seconds is None else f"{seconds:.0f}"
            once = [str(result.steps), took, str(result.values["peak_memory_mb"])]
            cells += once if name == "test" else ["", "", ""]
            errors = measure.errors
            cells += [str(errors["n_frames"]), f"{errors['mean_px']:.2f}", _interval(measure.interval)]
            cells += [f"{errors['median_px']:.2f}", f"{errors['p95_px']:.1f}", f"{errors['max_px']:.1f}"]
            yield _row([*cells, f"{100 * errors['gross']:.1f}"])


def _together(measures: Sequence[Measure]) -> Iterator[str]:
    """Over the folds, and over all their test frames."""
    yield f"| figure | mean over {len(measures)} fold{'s' if len(measures) > 1 else ''} | 95 % interval |"
    yield "|---|---|---|"
    for title, key in FIGURES.items():
        found = over_folds([(100 if key == "gross" else 1) * float(m.errors[key]) for m in measures])
        yield _row([title, f"{found.mean:.2f}", found.interval or "-"])
    keypoints = []
    for keypoint in measures[0].errors["per_keypoint"]:
        means = [m.errors["per_keypoint"][keypoint] for m in measures]
        if any(mean is not None for mean in means):
            found = over_folds([float(mean) for mean in means if mean is not None])
            keypoints.append(f"{keypoint} {found.mean:.2f}" + (f" ({found.interval})" if found.interval else ""))
    yield ""
    yield f"Mean px of each keypoint, over folds: {', '.join(keypoints)}."
    yield ""
    error, videos = pooled(measures)
    flat = error[np.isfinite(error)]
    yield (
        f"All {len(error)} test frames together: mean {flat.mean():.2f} px ({_interval(mean_interval(error, videos))} "
        f"by drawing frames again), median {np.median(flat):.2f}, 95 % {np.percentile(flat, 95):.1f}, largest "
        f"{flat.max():.1f} px."
    )
    stated = [m.stated for m in measures if m.stated is not None]
    if len(stated) == len(measures):
        for line in judge(StatedErrors.pooled(stated)).lines():
            yield f"Stated errors, all test frames together: {line}."


def pooled(measures: Sequence[Measure]) -> tuple[FloatArray, list[str]]:
    """Errors `(F, K)` px and videos of the test frames of all folds.

    Raises:
        LabelsError: a frame is a test frame of two folds, and would count twice.
    """
    images = [image for measure in measures for image in measure.images]
    twice = {image for image in images if images.count(image) > 1} if len(set(images)) < len(images) else set()
    if twice:
        raise LabelsError(f"expected folds without a common test frame, got {min(twice)} in two of them")
    videos = [video for measure in measures for video in measure.videos]
    return np.concatenate([measure.error for measure in measures]), videos


def _remarks(results: Sequence[Result]) -> Iterator[str]:
    """What makes numbers less comparable than they look."""
    steps = sorted({result.steps for result in results})
    if len(steps) > 1:
        yield (
            f"Note: networks were trained for {steps[0]} to {steps[-1]} steps, as the time allowed; "
            "--set train.steps=N makes them equal."
        )
    machines = {str(result.values["machine"]) for result in results}
    if len(machines) > 1:
        yield "Note: these results are of several machines; seconds and memory cannot be compared."
    if results[0].commit.endswith("-dirty"):
        yield "Note: of a tree with changes that are in no commit."


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _interval(interval: Interval | None) -> str:
    return "-" if interval is None else "{:.2f} to {:.2f}".format(*interval)


def _array(rows: list[list[float | None]]) -> FloatArray:
    """`(F, K)`, None becomes NaN."""
    return np.array([[math.nan if value is None else value for value in row] for row in rows], dtype=np.float64)
