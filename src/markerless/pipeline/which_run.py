"""Which run is meant: by a path, by a project, or by itself."""

from __future__ import annotations

from pathlib import Path

from markerless.project import Project, Run
from markerless.project.run import RUN_FILE


def project_or_run(path: Path) -> Project | Run:
    """The run in a folder that holds one, else the project.

    Raises:
        ProjectError, RunError: neither is there, or it is damaged.
    """
    return Run.open(path) if (path / RUN_FILE).is_file() else Project(path)


def run_and_project(source: Project | Run, name: str | None) -> tuple[Run, Project | None]:
    """The run to use and the project it belongs to; a run outside of a project has none.

    Args:
        source: A project, or a run.
        name: Name of the project's run; None is the newest finished one.

    Raises:
        RunError: there is no such finished run.
    """
    if isinstance(source, Run):
        home = source.folder.parent.parent
        return source, Project(home) if (home / "config.yaml").is_file() else None
    return source.run(name), source
