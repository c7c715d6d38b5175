"""Where the `config.yaml` of a study is, and what to say where there is none."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from markerless.errors import ProjectError
from markerless.project import config_file


def find_config(path: Path) -> Path:
    """The file of the project at `path`, its folder or the file itself.

    Raises:
        ProjectError: there is none.
    """
    if path.is_file() and path.suffix.lower() in (".yaml", ".yml"):
        return path
    if path.is_dir():
        config = path / config_file.CONFIG_NAME
        if config.is_file():
            return config
        if (path / "project.yaml").is_file():
            raise ProjectError(
                f"expected config.yaml in {path}, got a Lightning Pose project; make one of its labels: "
                f"markerless new NAME --labels {path / 'CollectedData.csv'}"
            )
        raise ProjectError(f"no project in {path}: expected config.yaml there; make one with 'markerless new'")
    if path.exists():
        raise ProjectError(f"expected a project folder or its config.yaml, got the file {path}")
    raise ProjectError(
        f"no such project: {path} does not exist; give the folder that holds config.yaml{_similar(path)}"
    )


def _similar(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if (entry / config_file.CONFIG_NAME).is_file()]
    except OSError:
        return ""
    close = get_close_matches(path.name, names, n=1)
    return f" (did you mean {close[0]}?)" if close else ""
