"""Renamed keypoints in a study's file of views: its tables name keypoints, and its patterns tell them apart."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markerless.core.storage import write_text
from markerless.errors import FormatError, ProjectError
from markerless.multiview.files import views_toml
from markerless.multiview.files.views_toml import ViewsFile
from markerless.project import staged

if TYPE_CHECKING:
    from markerless.project.keypoints import Plan

VIEWS_FILE = "views.toml"
_STRING = re.compile(r""""(?:[^"\\\n]|\\.)*"(?!\s*=)|'[^'\n]*'(?!\s*=)""")
_LENGTH = re.compile(r"\s*known_length\s*=")

Shared = dict[str, tuple[str, ...]]
"""What views share -> the keypoints that show it, one per view that has it."""


def rename_in_views(root: Path, present: Sequence[str], new: Plan, staging: staged.Staged) -> list[str]:
    """Stage the file of views with other names of keypoints, where it names any.

    Args:
        root: The study.
        present: Its keypoints.
        new: Those that it shall have.
        staging: Takes the new version.

    Returns:
        Remarks: what views no longer share, and what else is to be corrected by hand.

    Raises:
        ProjectError: a table names a keypoint that is removed, or is written in a way that cannot be changed here.
    """
    path = root / VIEWS_FILE
    if not views_toml.is_views_file(path):
        return []  # none, or about several cameras: names no keypoints
    try:
        plan = views_toml.read(path)
        text = path.read_text(encoding="utf-8")
    except FormatError as error:
        return [f"{VIEWS_FILE} was left as it is: {error}"]
    names = {old: name for name, old in zip(new.keypoints, new.was, strict=True) if old is not None}
    tables = _renamed_tables(plan, names, present)
    before, after = _shared(plan.keypoints, present), _shared(tables, new.keypoints)
    bases = _followed(before, after, names)
    changed = _changed_text(text, plan, names, bases)
    if changed != text:
        write_text(staging.version_of(path), changed)
    return _remarks(plan, bases, before, after, names)


def _renamed_tables(
    plan: ViewsFile, names: Mapping[str, str], present: Sequence[str]
) -> dict[str, str | Mapping[str, str]]:
    tables: dict[str, str | Mapping[str, str]] = {}
    for view, table in plan.keypoints.items():
        if isinstance(table, str):
            tables[view] = table
            continue
        gone = [name for name in table.values() if name in present and name not in names]
        if gone:
            raise ProjectError(
                f"keypoint '{gone[0]}' is one of [views.{view}] in {VIEWS_FILE}; take it out there before you remove it"
            )
        tables[view] = {base: names.get(name, name) for base, name in table.items()}
    return tables


def _shared(tables: Mapping[str, str | Mapping[str, str]], keypoints: Sequence[str]) -> Shared:
    shown = [views_toml.renamed(keypoints, table) for table in tables.values()]
    bases = dict.fromkeys(base for table in shown for base in table)
    found = {base: tuple(keypoints[table[base]] for table in shown if base in table) for base in bases}
    return {base: theirs for base, theirs in found.items() if len(theirs) > 1}


def _followed(before: Shared, after: Shared, names: Mapping[str, str]) -> dict[str, str]:
    """Shared name -> what it is called from now on, of those that the same keypoints go on to share."""
    now = {theirs: base for base, theirs in after.items()}
    moved = {base: tuple(names.get(name, "") for name in theirs) for base, theirs in before.items()}
    return {base: now[theirs] for base, theirs in moved.items() if theirs in now}


def _changed_text(text: str, plan: ViewsFile, names: Mapping[str, str], bases: Mapping[str, str]) -> str:
    expected = tomllib.loads(text)
    for view, table in plan.keypoints.items():
        if not isinstance(table, str):
            expected["views"][view]["keypoints"] = {base: names.get(name, name) for base, name in table.items()}
    if plan.known_length is not None:
        first, second, length = expected["known_length"]
        expected["known_length"] = [bases.get(first, first), bases.get(second, second), length]
    if expected == tomllib.loads(text):
        return text
    lines = text.splitlines(keepends=True)
    changed = "".join(_replaced(line, bases if _LENGTH.match(line) else names) for line in lines)
    try:
        if tomllib.loads(changed) == expected:
            return changed
    except tomllib.TOMLDecodeError:
        pass
    raise ProjectError(
        f"expected names of keypoints in {VIEWS_FILE} as plain strings, each line by itself; it is written otherwise: "
        "give them their new names there, then rename again"
    )


def _replaced(line: str, names: Mapping[str, str]) -> str:
    return _STRING.sub(lambda match: _literal(match[0], names), line)


def _literal(text: str, names: Mapping[str, str]) -> str:
    try:
        value: Any = tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text  # within a comment
    new = names.get(value, value)
    return text if new == value else '"' + new.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _remarks(
    plan: ViewsFile, bases: Mapping[str, str], before: Shared, after: Shared, names: Mapping[str, str]
) -> list[str]:
    still = {name for theirs in after.values() for name in theirs}
    stay = [names[name] for theirs in before.values() for name in theirs if name in names]
    lost = [name for name in stay if name not in still]
    remarks = []
    if lost:
        remarks.append(
            f"no longer in two views: {', '.join(lost)}; the patterns in {VIEWS_FILE} say which belong together"
        )
    known = plan.known_length
    gone = [name for name in (known.first, known.second) if name in before and name not in bases] if known else []
    if gone:
        remarks.append(
            f"known_length of {VIEWS_FILE} names {' and '.join(gone)}, which views no longer share; correct it there"
        )
    return remarks
