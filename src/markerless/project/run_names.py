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
from markerless.errors import RunError
from markerless.project import crossfit, staged
from markerless.project.run import EVALUATION_FILE, EVIDENCE_FILE, RUN_FILE, Run
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
    """
    folder, done, notes = project.root / RUNS_FOLDER, [], []
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
        text = _renamed_settings((entry / RUN_FILE).read_text(encoding="utf-8"), new)
        if text is None:
            notes.append(f"run '{entry.name}' keeps its names: {RUN_FILE} was edited by hand")
            continue
        write_text(staging.version_of(entry / RUN_FILE), text)
        _stage_others(entry, names, staging)
        done.append(entry.name)
    return tuple(done), tuple(notes)


def _renamed_settings(text: str, keypoints: list[str]) -> str | None:
    """`run.toml` with other names of its keypoints; None when that cannot be done without losing something."""
    renamed, n = _LINE.subn(lambda _: f"keypoints = {json.dumps(keypoints, ensure_ascii=False)}", text)
    expected = tomllib.loads(text)
    expected["skeleton"]["keypoints"] = keypoints
    return renamed if n == 1 and tomllib.loads(renamed) == expected else None


def _stage_others(folder: Path, names: Mapping[str, str], staging: staged.Staged) -> None:
    """Cross-fitted predictions, what they were calibrated by, and the evaluation; a damaged one is left as it is."""
    try:
        fitted = crossfit.read(folder / crossfit.CROSSFIT_FILE)
    except RunError:
        pass
    else:
        keypoints = tuple(names.get(name, name) for name in fitted.keypoints)
        crossfit.write(replace(fitted, keypoints=keypoints), staging.version_of(folder / crossfit.CROSSFIT_FILE))
    _stage_evidence(folder / EVIDENCE_FILE, names, staging)
    try:
        value = json.loads((folder / EVALUATION_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    renamed = json.dumps(_renamed_keys(value, names), ensure_ascii=False)
    write_text(staging.version_of(folder / EVALUATION_FILE), renamed + "\n")


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
