"""All runs at a glance: finished, interrupted, at work, damaged."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest

from make_model import COLORS
from markerless.pipeline import run_files, training_outlook
from markerless.pipeline.metrics_file import MetricsWriter
from markerless.pipeline.run_files import write_toml
from markerless.pipeline.run_overview import overviews
from markerless.pipeline.training_outlook import outlook
from markerless.project import Project

MakeStudy = Callable[..., Project]


def add_run(project: Project, name: str, finished: bool, age_s: int) -> None:
    folder = project.run_folder(name)
    folder.mkdir(parents=True)
    tables = {
        "run": {"name": name, "finished": finished, "start_from": "", "steps": 40},
        "skeleton": {"keypoints": list(COLORS), "edges": [], "mirror_pairs": []},
    }
    write_toml(tables, folder / "run.toml")
    os.utime(folder / "run.toml", (10_000 - age_s, 10_000 - age_s))
    (folder / "split.json").write_text(json.dumps({"train": ["a", "b"], "validation": ["c"], "test": []}), "utf-8")
    with MetricsWriter(folder / "metrics.csv", 0) as writer:
        for step in range(1, 21):
            writer.add(step, 40, dict.fromkeys(("location", "presence", "refine"), 0.1), 0.1)


def test_runs_of_every_kind(dot_study: MakeStudy) -> None:
    project = dot_study()
    assert overviews(project) == []
    add_run(project, "old", True, 300)
    add_run(project, "half", False, 200)
    add_run(project, "now", False, 100)
    errors = {"n_frames": 3, "n_points": 9, "mean_px": 2.5, "median_px": 2.0, "p95_px": 9.0}
    evaluation = {"splits": {"validation": errors, "test": None}}
    (project.run_folder("old") / "evaluation.json").write_text(json.dumps(evaluation), "utf-8")
    (project.run_folder("half") / "evaluation.json").write_text("{", "utf-8")
    project.run_folder("broken").mkdir()
    (project.run_folder("broken") / "run.toml").write_text("x = [", "utf-8")
    with run_files.at_work(project.run_folder("now")):
        found = {run.name: run for run in overviews(project)}
    assert list(found) == ["now", "half", "old", "broken"], "the newest first"
    assert {name: run.state for name, run in found.items()} == {
        "now": "training",
        "half": "unfinished",
        "old": "finished",
        "broken": "damaged",
    }
    assert (found["half"].step, found["half"].total, found["old"].step) == (20, 40, 40)
    assert found["old"].frames == {"train": 2, "validation": 1, "test": 0}
    assert found["old"].evaluation["validation"]["mean_px"] == 2.5
    assert found["half"].evaluation == {} and "run.toml" in found["broken"].problem


def test_what_there_is_to_train_on(dot_study: MakeStudy) -> None:
    told = outlook(dot_study(24))
    assert (told.n_frames, told.n_points, told.videos, told.problem) == (24, 72, {"m1": 24}, "")
    assert sum(len(images) for images in told.split.values()) == 24 and told.split["validation"]


@pytest.mark.parametrize(("n", "problem"), [(0, "no labels"), (1, "expected at least 2 labeled frames")])
def test_too_little_to_train_on(dot_study: MakeStudy, n: int, problem: str) -> None:
    project = dot_study(2)
    labels = project.labels()
    project.write_labels("m1", type(labels)(labels.skeleton, labels.frames[:n]))
    told = outlook(Project(project.root))
    assert told.n_frames == n and problem in told.problem


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert training_outlook.missing_libraries() == ()
    real = training_outlook.importlib.util.find_spec
    monkeypatch.setattr(
        training_outlook.importlib.util, "find_spec", lambda name: None if name in ("torch", "onnx") else real(name)
    )
    assert training_outlook.missing_libraries() == ("torch", "onnx")
