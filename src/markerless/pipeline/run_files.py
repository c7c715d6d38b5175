"""The files of `runs/<name>/` as `train` writes them, and a quick look at runs that may be unfinished or damaged."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markerless.core.storage import write_text
from markerless.core.video import natural_key
from markerless.project.run import RUN_FILE

RUNS_FOLDER = "runs"


@dataclass(frozen=True)
class RunState:
    """What decides whether a run can be gone on with."""

    finished: bool
    fingerprint: str


def peek(folder: Path) -> RunState | None:
    """The state of a run, or None when there is no readable one in `folder`."""
    try:
        tables = tomllib.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
        return RunState(bool(tables["run"]["finished"]), str(tables["data"]["fingerprint"]))
    except (OSError, KeyError, TypeError, ValueError):
        return None


def peek_all(project: Path) -> dict[str, RunState]:
    """Name -> state of every readable run of a project, in natural order."""
    folder = project / RUNS_FOLDER
    names = (
        sorted((entry.name for entry in folder.iterdir() if entry.is_dir()), key=natural_key) if folder.is_dir() else []
    )
    states = {name: peek(folder / name) for name in names}
    return {name: state for name, state in states.items() if state is not None}


def write_toml(tables: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Write tables of plain values (text, numbers, yes/no, lists of these) as TOML; `tomllib` reads them back equal.

    Raises:
        StorageError: the file cannot be written.
    """
    lines = []
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items()), ""]
    write_text(path, "\n".join(lines))


def _toml(value: object) -> str:
    # a JSON text, number, truth value or list of these is a TOML one too, but for surrogate pairs, hence ensure_ascii
    return json.dumps(value, ensure_ascii=False)
