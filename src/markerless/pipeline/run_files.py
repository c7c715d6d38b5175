"""The files of `runs/<name>/` as `train` writes them, and a quick look at runs that may be unfinished or damaged."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from markerless.core.storage import storage_error, write_text
from markerless.core.video import natural_key
from markerless.errors import RunError
from markerless.project.run import RUN_FILE, lock_of

RUNS_FOLDER = "runs"
WAIT_S = 1.0  # for somebody who only looks whether the run is at work


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


def free_name(project: Path, taken: Collection[str] = ()) -> str:
    """The first of run1, run2, ... that is no run of the project yet, nor in `taken`."""
    number = 1
    while f"run{number}" in taken or (project / RUNS_FOLDER / f"run{number}").exists():
        number += 1
    return f"run{number}"


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Keep every other process from training the run in `folder` meanwhile; a process that is killed lets go of it.

    Raises:
        RunError: another process trains it.
        StorageError: the folder cannot be written.
    """
    lock = FileLock(lock_of(folder), timeout=WAIT_S)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise RunError(
            f"run '{folder.name}' is being trained by another process; wait until it has ended, stop it, or choose "
            "another --run name"
        ) from None
    except RuntimeError:  # what filelock raises on a file system without locks
        yield
        return
    except OSError as error:
        raise storage_error(error, folder) from error
    try:
        yield
    finally:
        lock.release()


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
