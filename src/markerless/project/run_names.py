"""Renamed keypoints in the runs of a study: the network stays as it is, what its outputs are called changes."""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from markerless.core.storage import atomic_path, write_text
from markerless.errors import ProjectError, RunError
from markerless.project import crossfit, staged
from markerless.project.run import EVALUATION_FILE, EVIDENCE_FILE, EXAMPLES_FILE, RUN_FILE, Run, is_at_work
from markerless.project.study import RUNS_FOLDER, Project

_LINE = re.compile(r"^keypoints = \[.*\]$", re.MULTILINE)


def rename_in_runs(
    project: Project, names: Mapping[str, str], staging: staged.Staged
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Stage the files of every run that knows a renamed keypoint.

    Args:
        project: The study.
        names: Present name -> new name.
        staging: Takes the new versions.

    Returns:
        Names of those runs, and remarks on runs that keep their names.

    Raises:
        ProjectError: one of them is being trained: its network would come out with the old names.
    """
    folder, done, notes = project.root / RUNS_FOLDER, [], []
    _require_none_begins(folder, names)
    for entry in sorted(folder.iterdir()) if names and folder.is_dir() else ():
        try:
            run = Run.open(entry)
        except RunError:
            continue  # not a run, or a damaged one
        new = [names.get(name, name) for name in run.skeleton.keypoints]
        if new == list(run.skeleton.keypoints):
            continue
        if len(set(new)) < len(new):
            notes.append(f"run '{entry.name}' keeps its names: it would have one twice")
            continue
        _require_idle(entry)
        text = _renamed_settings((entry / RUN_FILE).read_text(encoding="utf-8"), new)
        if text is None:
            notes.append(f"run '{entry.name}' keeps its names: {RUN_FILE} was edited by hand")
            continue
        write_text(staging.version_of(entry / RUN_FILE), text)
        _stage_others(entry, names, staging)
        done.append(entry.name)
    return tuple(done), tuple(notes)


def _require_idle(run: Path) -> None:
    if is_at_work(run):
        raise ProjectError(
            f"run '{run.name}' is being trained and its network would come out with the old names; wait until it has "
            "ended, or stop it, rename, and go on with it"
        )


def _require_none_begins(folder: Path, names: Mapping[str, str]) -> None:
    """Refuse while a training has not written yet what its keypoints are called."""
    for lock in folder.glob(".*.lock") if names else ():
        run = folder / lock.name.removeprefix(".").removesuffix(".lock")
        if not (run / RUN_FILE).is_file():
            _require_idle(run)


def _renamed_settings(text: str, keypoints: list[str]) -> str | None:
    """`run.toml` with other names of its keypoints; None when that cannot be done without losing something."""
    renamed, n = _LINE.subn(lambda _: f"keypoints = {json.dumps(keypoints, ensure_ascii=False)}", text)
    expected = tomllib.loads(text)
    expected["skeleton"]["keypoints"] = keypoints
    return renamed if n == 1 and tomllib.loads(renamed) == expected else None


def _stage_others(folder: Path, names: Mapping[str, str], staging: staged.Staged) -> None:
    """Cross-fitted predictions, evaluation, looks and evidence; a damaged one is left as it is."""
    _stage_looks(folder / EXAMPLES_FILE, names, staging)
    _stage_evidence(folder / EVIDENCE_FILE, names, staging)
    try:
        fitted = crossfit.read(folder / crossfit.CROSSFIT_FILE)
    except RunError:
        pass
    else:
        keypoints = tuple(names.get(name, name) for name in fitted.keypoints)
        crossfit.write(replace(fitted, keypoints=keypoints), staging.version_of(folder / crossfit.CROSSFIT_FILE))
    try:
        value = json.loads((folder / EVALUATION_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    renamed = json.dumps(_renamed_keys(value, names), ensure_ascii=False)
    write_text(staging.version_of(folder / EVALUATION_FILE), renamed + "\n")


def _stage_looks(path: Path, names: Mapping[str, str], staging: staged.Staged) -> None:
    """The first line names the keypoints of all others."""
    try:
        first, end, others = path.read_text(encoding="utf-8").partition("\n")
        head = json.loads(first)
        head["keypoints"] = [names.get(name, name) for name in head["keypoints"]]
    except (OSError, ValueError, KeyError, TypeError):
        return
    write_text(staging.version_of(path), json.dumps(head, ensure_ascii=False) + end + others)


def _stage_evidence(path: Path, names: Mapping[str, str], staging: staged.Staged) -> None:
    """What the maps of cross-fitted networks showed; an adaptation looks for it by name."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            kept = dict(arrays)
        kept["keypoints"] = np.array([names.get(name, name) for name in kept["keypoints"].tolist()])
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
        return
    with atomic_path(staging.version_of(path)) as temporary, temporary.open("wb") as out:
        np.savez(out, allow_pickle=False, **kept)


def _renamed_keys(value: object, names: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        renamed = {key: _renamed_keys(item, names) for key, item in value.items()}
        table = renamed.get("per_keypoint")
        if isinstance(table, dict):
            renamed["per_keypoint"] = {names.get(name, name): item for name, item in table.items()}
        return renamed
    return [_renamed_keys(item, names) for item in value] if isinstance(value, list) else value
