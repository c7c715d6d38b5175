"""All runs of a project at a glance, also those that are trained now, were interrupted, or are damaged; no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from markerless.core.video import natural_key
from markerless.errors import RunError
from markerless.pipeline import run_files
from markerless.pipeline.metrics_file import METRICS_FILE, read_metrics
from markerless.project import Project, Run
from markerless.project.run import EVALUATION_FILE, RUN_FILE, is_at_work

State = Literal["finished", "unfinished", "training", "damaged"]
SHOWN = ("n_frames", "n_points", "mean_px", "median_px", "mean_px_interval", "doubt")


@dataclass(frozen=True)
class RunOverview:
    """A run at a glance.

    Attributes:
        name: Of its folder.
        state: "training" when a process is at it now, "unfinished" when it can be gone on with.
        start_from: Run whose weights it began with; "" for none.
        step: Steps that are done.
        total: Steps in all; 0 before that is known.
        frames: Part of the split -> number of frames.
        written_s: When its settings were last written, seconds since 1970.
        evaluation: Part of the split -> its errors, for those that were measured.
        problem: What is damaged, one line; "" for nothing.
    """

    name: str
    state: State
    start_from: str = ""
    step: int = 0
    total: int = 0
    frames: dict[str, int] = field(default_factory=dict)
    written_s: float = 0.0
    evaluation: dict[str, dict[str, Any]] = field(default_factory=dict)
    problem: str = ""


def overviews(project: Project) -> list[RunOverview]:
    """Every run of a project, the newest first."""
    folder = project.root / run_files.RUNS_FOLDER
    entries = [entry for entry in folder.iterdir() if _is_run(entry)] if folder.is_dir() else []
    found = [overview(entry) for entry in sorted(entries, key=lambda entry: natural_key(entry.name))]
    return sorted(found, key=lambda run: run.written_s, reverse=True)


def overview(folder: Path) -> RunOverview:
    """The run in a folder."""
    is_trained = is_at_work(folder)
    try:
        run = Run.open(folder)
        table = run.settings["run"]
        total = int(table.get("steps", 0))
        written_s = (folder / RUN_FILE).stat().st_mtime
    except (RunError, OSError, ValueError, TypeError) as error:
        if is_trained:  # it has not written its settings yet
            return RunOverview(folder.name, "training", written_s=float("inf"))
        return RunOverview(folder.name, "damaged", problem=str(error))
    state: State = "training" if is_trained else "finished" if run.finished else "unfinished"
    rows = [] if run.finished else read_metrics(folder / METRICS_FILE)
    step = total if run.finished else rows[-1].step if rows else 0
    frames = {part: len(images) for part, images in run.split.items()}
    start = str(table.get("start_from", ""))
    return RunOverview(folder.name, state, start, step, total, frames, written_s, _evaluation(folder))


def _is_run(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")


def _evaluation(folder: Path) -> dict[str, dict[str, Any]]:
    """The errors that `evaluate` wrote down; nothing where it did not, or not whole."""
    try:
        splits = json.loads((folder / EVALUATION_FILE).read_text(encoding="utf-8"))["splits"]
        return {
            str(part): {key: errors.get(key) for key in SHOWN} for part, errors in splits.items() if errors is not None
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
