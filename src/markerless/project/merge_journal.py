"""What the journal of a folder says of a merge: what is known now, what was said in the other study, what has lost.

Lines of the other study's journal become history: they keep who, when and what, and count no more. What they amount to
is said anew where it counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from markerless.core.instance import Visibility
from markerless.project import clicks, journal
from markerless.project.clicks import Entry, Said
from markerless.project.keypoint_entries import CHANGED, REMOVED, gone
from markerless.project.merge_labels import Conflict, Keypoints, MergedFolder
from markerless.project.merge_side import Animal, Folder

UNDATED = {"time": "", "who": ""}  # else whoever writes it into the journal would be the one who has said it, today
HISTORY, CONFLICT, MERGED = "before merging", "merge conflict", "merged"


def lines_of_merge(before: Folder, other: Folder, merged: MergedFolder, keypoints: Keypoints) -> list[dict[str, Any]]:
    """What shall be added to the journal; nothing for a merge that changes nothing.

    Args:
        before: The folder as it was.
        other: What was merged into it, named as here.
        merged: What came of it.
        keypoints: Of both studies.
    """
    entries = [
        *_history(before, other, merged.project),
        *(_lost(conflict) for conflict in merged.conflicts if conflict.table),
        *_kept(other, keypoints),
    ]
    known = {_canonical(entry) for entry in before.entries}
    new = [entry for entry in _once(entries) if _canonical(entry) not in known]
    if keypoints.added and (before.entries or before.known):
        names, n_old = list(keypoints.all), len(keypoints.into)
        was = [*names[:n_old], *(None for _ in keypoints.added)]
        new.insert(0, {"change": CHANGED, "keypoints": names, "was": was, "removed": []})
    return [*new, *_known_now(before, merged, set(keypoints.added))]


def mark_of_merge(project: str, folder: str) -> dict[str, Any]:
    """The line that says what was merged into a folder."""
    return {"change": MERGED, "project": project, "folder": folder}


def _history(before: Folder, other: Folder, project: str) -> Iterable[dict[str, Any]]:
    known = {_plain(entry) for entry in before.entries}
    for entry in other.entries:
        if entry.get("change") in (clicks.SAVED, journal.GAP, MERGED) or _plain(entry) in known:
            continue
        if "did" in entry:  # it was history there already
            yield dict(entry)
        else:
            yield {**UNDATED, **entry, "change": HISTORY, "did": entry.get("change"), "project": project}


def _plain(entry: Entry) -> str:
    """An entry as it was written first."""
    bare = {**UNDATED, **{key: value for key, value in entry.items() if key not in ("did", "project")}}
    return _canonical({**bare, "change": entry.get("did", entry.get("change"))})


def _canonical(entry: Entry) -> str:
    return json.dumps(entry, sort_keys=True, default=str)


def _once(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({_canonical(entry): entry for entry in entries}.values())


def _lost(conflict: Conflict) -> dict[str, Any]:
    """A point that is in no table any more."""
    said = conflict.points[1]
    return {
        "time": said.time,
        "who": said.who or conflict.labelers[1],
        "change": CONFLICT,
        "image": conflict.image,
        "individual": conflict.individual,
        "keypoint": conflict.keypoint,
        "to": list(said.to) if said.to is not None else None,
        "visibility": int(said.visibility),
        "table": conflict.table,
        "project": conflict.project,
    }


def _kept(other: Folder, keypoints: Keypoints) -> Iterable[dict[str, Any]]:
    """Points of keypoints that were removed in the other study, and come back when they are added here."""
    own = next(iter(other.tables), "")
    still = gone(other.entries, own).in_tables
    for entry in other.entries:
        table = entry.get("table", own)
        is_removed = entry.get("change") == REMOVED and isinstance(table, str)
        if is_removed and str(entry.get("keypoint")) not in keypoints.all:
            there = still.get(table, {}).get(journal.key_of(entry))
            if there is not None and there == clicks.said_by(entry):
                yield {**UNDATED, **entry, "table": table}


def _known_now(before: Folder, merged: MergedFolder, added: set[str]) -> Iterable[dict[str, Any]]:
    """What readers would not know from the tables and the journal that was."""
    placed = {
        (frame.image, instance.individual)
        for labels in merged.tables.values()
        for frame in labels.frames
        for instance in frame.instances
    }
    for animal, points in merged.known.items():
        taken, old = merged.taken.get(animal, {}), before.known.get(animal, {})
        for keypoint, said in points.items():
            there = old.get(keypoint) if keypoint not in added else None
            if _is_news(there, said, keypoint in taken, animal in placed):
                yield _entry(animal, keypoint, said)


def _is_news(there: Said | None, said: Said, is_taken: bool, is_placed: bool) -> bool:
    if there is not None and not is_taken:
        return False
    if there is not None and there.visibility == said.visibility and journal.same_point(there.to, said.to):
        return False
    if said.time:
        return True  # somebody's own word, with its date
    from_table = Visibility.VISIBLE if said.to is not None else Visibility.ABSENT
    return said.visibility != (from_table if is_placed else Visibility.NOT_LABELED)


def _entry(animal: Animal, keypoint: str, said: Said) -> dict[str, Any]:
    image, individual = animal
    entry: dict[str, Any] = {"time": said.time, "who": said.who, "change": clicks.POINT, "image": image}
    entry |= {"individual": individual, "keypoint": keypoint, "from": None, "to": said.to}
    entry["visibility"] = int(said.visibility)
    return {key: value for key, value in entry.items() if key not in ("time", "who") or value}
