"""`metrics.csv` of a run: how the losses went while it trained. Written by `train`, read by reports and the browser."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markerless.core.storage import write_text

METRICS_FILE = "metrics.csv"
PARTS = ("location", "presence", "refine")
COLUMNS = ("step", "loss", *PARTS, "seconds_per_step")
EVERY = 10  # steps are averaged into a row


@dataclass(frozen=True)
class MetricsRow:
    """Means over the steps since the row before; `step` is the last of them."""

    step: int
    loss: float
    seconds_per_step: float


class MetricsWriter:
    """Rows of `metrics.csv`, one per ten steps; rows after the step that is resumed from are dropped."""

    def __init__(self, path: Path, first_step: int) -> None:
        self._recent: list[tuple[Mapping[str, float], float]] = []
        kept = [line for line, row in _rows(path) if row.step <= first_step] if first_step else []
        write_text(path, "\n".join([",".join(COLUMNS), *kept]) + "\n")
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")

    def __enter__(self) -> MetricsWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, step: int, total: int, losses: Mapping[str, float], seconds: float) -> None:
        """One step."""
        self._recent.append((losses, seconds))
        if step % EVERY and step != total:
            return
        n = len(self._recent)
        parts = [sum(losses[part] for losses, _ in self._recent) / n for part in PARTS]
        seconds = sum(seconds for _, seconds in self._recent) / n
        self._writer.writerow([step, f"{sum(parts):.5f}", *(f"{part:.5f}" for part in parts), f"{seconds:.4f}"])
        self._file.flush()
        self._recent = []


def read_metrics(path: Path) -> list[MetricsRow]:
    """The rows of a file, also while it is written; none where there is none."""
    return [row for _, row in _rows(path)]


def _rows(path: Path) -> list[tuple[str, MetricsRow]]:
    """Whole rows as text and value; half a row, as a killed training leaves it, is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return []
    found = []
    for line in lines[1:-1]:
        values: dict[str, Any] = dict(zip(COLUMNS, line.split(","), strict=False))
        try:
            row = MetricsRow(int(values["step"]), float(values["loss"]), float(values["seconds_per_step"]))
        except (KeyError, ValueError):
            continue
        found.append((line, row))
    return found
