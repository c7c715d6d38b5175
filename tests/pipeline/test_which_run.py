"""Which run is meant by a path, a project, or a run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from markerless.errors import ProjectError, RunError
from markerless.pipeline.which_run import project_or_run, run_and_project
from markerless.project import Project, Run
from pipeline.field import make_field


def test_a_path_is_a_project_or_a_run(tmp_path: Path) -> None:
    root = make_field(tmp_path).root
    assert isinstance(project_or_run(root), Project)
    assert isinstance(project_or_run(root / "config.yaml"), Project)
    assert isinstance(project_or_run(root / "runs" / "run1"), Run)
    with pytest.raises(ProjectError):
        project_or_run(tmp_path / "nowhere")


def test_a_run_knows_its_project_unless_it_was_carried_off(tmp_path: Path) -> None:
    project = make_field(tmp_path)
    run, found = run_and_project(project, None)
    assert (run.name, found) == ("run1", project)
    run, found = run_and_project(run, None)
    assert found is not None
    assert found.root == project.root
    shutil.copytree(run.folder, tmp_path / "alone")
    assert run_and_project(Run.open(tmp_path / "alone"), None)[1] is None
    with pytest.raises(RunError, match="run2"):
        run_and_project(project, "run2")
