"""What an evaluation found, as a value: for programs as JSON, for people as lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.metrics import SplitErrors


@dataclass(frozen=True)
class Evaluation:
    """Errors by split.

    Attributes:
        run: Name of the run, or of the prediction file.
        labels: What it was measured on.
        animal_size_px: Median size of the labeled animals.
        splits: train, validation and test, or all; None for an empty split.
        precision: Arithmetic of the predictions, "" for a prediction file.
        report: The page that shows it, when one was written.
    """

    run: str
    labels: str
    animal_size_px: float
    splits: dict[str, SplitErrors | None]
    precision: str = ""
    report: Path | None = None

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
        splits = {name: errors.to_json() if errors else None for name, errors in self.splits.items()}
        return {
            "run": self.run,
            "labels": self.labels,
            "animal_size_px": self.animal_size_px,
            "precision": self.precision,
            "splits": splits,
        }

    def lines(self) -> list[str]:
        """A small table for people: a row per split, then the keypoints of the most telling one."""
        head = (
            f"{'split':<12}{'frames':>7}{'points':>8}{'mean px':>9}{'median':>8}{'95 %':>8}{'largest':>9}{'gross':>8}"
        )
        rows = [head]
        for name, e in self.splits.items():
            if e is None:
                continue
            rows.append(
                f"{name:<12}{e.n_frames:>7}{e.n_points:>8}{e.mean_px:>9.2f}{e.median_px:>8.2f}{e.p95_px:>8.1f}"
                f"{e.max_px:>9.1f}{100 * e.gross:>7.1f}%"
            )
        name, told = next(((n, self.splits[n]) for n in ("test", "all", "train") if self.splits.get(n)), ("", None))
        if told is not None:
            each = ", ".join(f"{k} {v:.2f}" for k, v in told.per_keypoint.items() if np.isfinite(v))
            rows.append(f"mean px by keypoint ({name}): {each}")
        return rows
