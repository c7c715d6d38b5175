"""Test frames that have trained the network which a training starts from: their errors are too small to be believed."""

from __future__ import annotations

from markerless.pipeline.compare import trained_on
from markerless.pipeline.splits import Split
from markerless.project import Project, Run

KEY = "n_test_seen"  # in the table [data] of `run.toml`


def count_seen(split: Split, start: Run | None, project: Project) -> int:
    """How many test frames of the split trained `start`, or a run that it goes back to."""
    return len(set(split["test"]) & trained_on(project, start)) if start else 0


def seen_note(run: Run) -> str | None:
    """One line when a run has test frames that trained the network it was started from; else None."""
    n_seen = run.settings.get("data", {}).get(KEY, 0)
    if not n_seen:
        return None
    start = run.settings["run"].get("start_from", "")
    return (
        f"{n_seen} of {len(run.split['test'])} test frames trained the network this one starts from ('{start}'); "
        "their errors are too small"
    )
