"""What an evaluation found, as a value: for programs as JSON, for people as lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from markerless.analysis.calibration import Calibration
from markerless.core.metrics import SplitErrors

CROSSFIT = "crossfit"  # frames that train, asked of networks that did not see them
TELLING = ("test", "all", CROSSFIT, "train")  # whose details are worth a line, the first that there is


@dataclass(frozen=True)
class Evaluation:
    """Errors by split.

    Attributes:
        run: Name of the run, or of the prediction file.
        labels: What it was measured on.
        animal_size_px: Median size of the labeled animals.
        splits: train, validation and test, or all; None for a split without a labeled point. `crossfit` where networks
            that did not see the training frames were asked about them.
        precision: Arithmetic of the predictions, "" for a prediction file.
        calibration: How true the stated errors of each split are; None where none are stated.
        report: The page that shows it, when one was written.
        notes: Which splits have frames and no labeled point, a line each.
        people: How far people are apart who have labeled the same frames, one line; "" where nobody has.
    """

    run: str
    labels: str
    animal_size_px: float
    splits: dict[str, SplitErrors | None]
    precision: str = ""
    calibration: Mapping[str, Calibration | None] = field(default_factory=dict)
    report: Path | None = None
    notes: tuple[str, ...] = ()
    people: str = ""

    @property
    def train(self) -> SplitErrors | None:
        return self.splits.get("train")

    @property
    def validation(self) -> SplitErrors | None:
        return self.splits.get("validation")

    @property
    def test(self) -> SplitErrors | None:
        return self.splits.get("test")

    @property
    def all(self) -> SplitErrors | None:
        return self.splits.get("all")

    def to_json(self) -> dict[str, Any]:
        """The object that `evaluate --json` prints."""
        splits: dict[str, dict[str, Any] | None] = {}
        for name, errors in self.splits.items():
            found = self.calibration.get(name)
            calibration = found.to_json() if found else None
            splits[name] = {**errors.to_json(), "calibration": calibration} if errors else None
        return {
            "run": self.run,
            "labels": self.labels,
            "animal_size_px": self.animal_size_px,
            "precision": self.precision,
            "splits": splits,
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """A small table for people: a row per split, then more of the most telling one and how sure it is."""
        rows = [
            f"{'split':<12}{'frames':>7}{'points':>8}{'mean px':>9}{'interval':>16}{'median':>8}{'95 %':>8}"
            f"{'largest':>9}{'gross':>8}"
        ]
        rows += [_row(name, errors) for name, errors in self.splits.items() if errors is not None]
        rows += self.notes
        name, told = next(((n, self.splits[n]) for n in TELLING if self.splits.get(n)), ("", None))
        if told is None:
            return rows
        found = self.calibration.get(name) if name != "train" else None
        if self.splits.get(CROSSFIT):
            rows.append(f"{CROSSFIT}: the training frames, asked of networks that trained shorter and without them")
        stated = [f"stated errors ({name}): {line}" for line in found.lines()] if found else []
        return [*rows, *_more(name, told), *stated, *([self.people] if self.people else [])]


def _row(name: str, e: SplitErrors) -> str:
    interval = "-" if e.mean_px_interval is None else "{:.2f} to {:.2f}".format(*e.mean_px_interval)
    return (
        f"{name:<12}{e.n_frames:>7}{e.n_points:>8}{e.mean_px:>9.2f}{interval:>16}{e.median_px:>8.2f}{e.p95_px:>8.1f}"
        f"{e.max_px:>9.1f}{100 * e.gross:>7.1f}%"
    )


def _more(name: str, e: SplitErrors) -> list[str]:
    """Keypoints, videos, and how far the mean can be trusted."""
    each = ", ".join(f"{keypoint} {mean:.2f}" for keypoint, mean in e.per_keypoint.items() if np.isfinite(mean))
    lines = [f"mean px by keypoint ({name}): {each}"]
    videos = [f"{video} {errors.mean_px:.2f}" for video, errors in e.per_video.items() if np.isfinite(errors.mean_px)]
    if videos:
        lines.append(f"mean px by video ({name}): {', '.join(videos)}")
    if name == "train":
        return [*lines, "these frames trained the network: expect larger errors on others"]
    if e.mean_px_interval is not None:
        low, high = e.mean_px_interval
        others = "other frames and videos" if videos else "other frames"
        lines.append(
            f"how sure ({name}): on {others} of the same kind the mean would be {low:.2f} to {high:.2f} px, "
            "95 times out of 100"
        )
    return [*lines, f"warning ({name}): {e.doubt}"] if e.doubt else lines
