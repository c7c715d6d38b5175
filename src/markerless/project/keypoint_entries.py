"""What the journal of a folder says when keypoints change: what each is from now on, and what removed ones were.

A table holds one person's points; where several have labeled the same picture, readers see those of the first. The
journal keeps the points of a removed keypoint of all of them, so that they all come back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from markerless.core.instance import Visibility
from markerless.core.labels import Labels
from markerless.project import clicks, journal
from markerless.project.clicks import Said
from markerless.project.journal import Key
from markerless.project.label_files import DATA_FOLDER, TABLE_PREFIX

if TYPE_CHECKING:
    from markerless.project.keypoints import Plan

CHANGED, REMOVED = "keypoints", "keypoint removed"  # entries of the journal
FRAME_REMOVED = "frame removed"
Known = Mapping[tuple[str, str], Mapping[str, Said]]  # (image, individual) -> keypoint -> what is known


@dataclass
class Counted:
    """What happens in a folder, or in all of them.

    Attributes:
        n_frames: Labeled frames.
        kept: Removed keypoint -> points of it that the journal keeps.
        restored: Added keypoint -> points that come back.
        owners: Added keypoint -> animals that its points come back to.
    """

    n_frames: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    restored: dict[str, int] = field(default_factory=dict)
    owners: dict[str, set[str]] = field(default_factory=dict)

    def add(self, other: Counted) -> None:
        """Count what happens in another folder, too."""
        self.n_frames += other.n_frames
        for mine, theirs in ((self.kept, other.kept), (self.restored, other.restored)):
            for name, n_points in theirs.items():
                mine[name] = mine.get(name, 0) + n_points
        for name, individuals in other.owners.items():
            self.owners.setdefault(name, set()).update(individuals)

    def _restore(self, name: str, individual: str, said: Said) -> None:
        if said.to is not None:
            self.restored[name] += 1
            self.owners.setdefault(name, set()).add(individual)


@dataclass
class Gone:
    """What was known of removed keypoints when they were removed last.

    Attributes:
        shown: What readers of the labels saw.
        in_tables: Name of a table -> the points it had.
    """

    shown: dict[Key, Said] = field(default_factory=dict)
    in_tables: dict[str, dict[Key, Said]] = field(default_factory=dict)

    def keep(self, is_kept: Callable[[Key], bool]) -> None:
        """Forget the others."""
        self.shown = {key: said for key, said in self.shown.items() if is_kept(key)}
        self.in_tables = {
            table: {key: said for key, said in points.items() if is_kept(key)}
            for table, points in self.in_tables.items()
        }

    def drop(self, what: Literal["image", "keypoint"], names: Collection[str]) -> None:
        """Forget what belongs to some pictures or keypoints."""
        place = 0 if what == "image" else 2
        self.keep(lambda key: key[place] not in names)


def gone(entries: Iterable[Mapping[str, Any]], own: str) -> Gone:
    """What a journal has kept of keypoints that are not there now; `own` names the table of older entries."""
    found = Gone()
    for entry in entries:
        change = entry.get("change")
        if change == CHANGED:
            found.drop("keypoint", _began_or_ended(entry))
        elif change == FRAME_REMOVED:
            found.drop("image", {str(entry.get("image"))})
        elif change == REMOVED and _is_sensible(entry, table := entry.get("table", own)):
            key, said = journal.key_of(entry), clicks.said_by(entry)
            if entry.get("shown", True):
                found.shown[key] = said
            if said.to is not None:
                found.in_tables.setdefault(table, {})[key] = said
    return found


def _began_or_ended(entry: Mapping[str, Any]) -> set[str]:
    """The names of which a change of keypoints ends what was kept: those it removes anew, and those it gave back."""
    added = {name for name, old in _pairs(entry) if old is None}
    return added | {str(name) for name in _list(entry, "removed")}


def names_begun(entry: Mapping[str, Any]) -> list[str]:
    """The names that stand for another keypoint from a change of keypoints on; none for any other entry."""
    return [name for name, old in _pairs(entry) if old != name] if entry.get("change") == CHANGED else []


def _pairs(entry: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Name, and name until then, of every keypoint of a change."""
    names, was = _list(entry, "keypoints"), _list(entry, "was")
    return [(str(name), old) for name, old in zip(names, was, strict=False)]


def _list(entry: Mapping[str, Any], key: str) -> list[Any]:
    value = entry.get(key)
    return value if isinstance(value, list) else []


def _is_sensible(entry: Mapping[str, Any], table: object) -> bool:
    """False for what would lead out of the folder: a journal may be of somebody else's making."""
    parts = PurePosixPath(str(entry.get("image"))).parts
    is_table = isinstance(table, str) and table.startswith(TABLE_PREFIX) and not {"/", "\\", "\0"} & set(table)
    return is_table and len(parts) == 3 and parts[0] == DATA_FOLDER and ".." not in parts


def entries_of(
    known: Known, tables: Mapping[str, Labels], back: Gone, new: Plan, present: Sequence[str]
) -> tuple[list[dict[str, Any]], Counted]:
    """What the journal of a folder shall say of a change of keypoints, and how much there is of it.

    Args:
        known: What is known in the folder.
        tables: Its tables by name, the project's own first.
        back: What was kept of keypoints that were removed before.
        new: The change.
        present: The keypoints until now.
    """
    removed = new.removed_from(present)
    counted = Counted(len({image for image, _ in known}), dict.fromkeys(removed, 0), dict.fromkeys(new.added, 0))
    table_of = {image: name for name in reversed(list(tables)) for image in tables[name].images}
    entries: list[dict[str, Any]] = [
        {"change": CHANGED, "keypoints": list(new.keypoints), "was": list(new.was), "removed": list(removed)}
    ]
    for (image, individual), points in known.items():
        where = {"image": image, "individual": individual}
        for name in removed:
            said = points.get(name, Said())
            if said.visibility != Visibility.NOT_LABELED:
                counted.kept[name] += said.to is not None
                table = {"table": table_of[image]} if image in table_of else {}
                entries.append({**_entry(said), **where, "change": REMOVED, "keypoint": name, "from": said.to, **table})
        entries += [{**_entry(said), **where, "keypoint": name} for name, said in _now(points, where, back, new)]
        for name in new.added:
            counted._restore(name, individual, back.shown.get((image, individual, name), Said()))
    entries += _behind(tables, table_of, removed)
    entries += _come_back(back.shown, known, new, counted)
    return entries, counted


def _now(points: Mapping[str, Said], where: Mapping[str, str], back: Gone, new: Plan) -> list[tuple[str, Said]]:
    """What is known from now on of the keypoints of one animal whose names are new."""
    unseen = Said(visibility=Visibility.ABSENT if _is_away(points) else Visibility.NOT_LABELED)
    key = where["image"], where["individual"]
    pairs = zip(new.keypoints, new.was, strict=True)
    return [
        (name, back.shown.get((*key, name), unseen) if old is None else points.get(old, Said()))
        for name, old in pairs
        if old != name
    ]


def _behind(tables: Mapping[str, Labels], table_of: Mapping[str, str], removed: Sequence[str]) -> list[dict[str, Any]]:
    """Points of removed keypoints that readers did not see, as another table has the same picture."""
    entries = []
    for table, labels in tables.items():
        columns = [(labels.skeleton.index(name), name) for name in removed if name in labels.skeleton.keypoints]
        for frame in labels.frames if columns else ():
            for instance in frame.instances if table_of[frame.image] != table else ():
                for k, name in columns:
                    if np.isfinite(instance.xy[k]).all():
                        x, y = instance.xy[k].tolist()
                        said = Said((x, y), Visibility.VISIBLE, frame.labeler)
                        where = {"image": frame.image, "individual": instance.individual, "keypoint": name}
                        kept = {"change": REMOVED, "from": (x, y), "table": table, "shown": False}
                        entries.append({**_entry(said), **where, **kept})
    return entries


def _come_back(gone: Mapping[Key, Said], known: Known, new: Plan, counted: Counted) -> list[dict[str, Any]]:
    """What the journal says of animals that had nothing but removed keypoints, which are added again."""
    entries = []
    for image, individual in dict.fromkeys((key[0], key[1]) for key in gone if key[2] in new.added):
        if (image, individual) in known:
            continue
        for name in new.keypoints:
            said = gone.get((image, individual, name), Said()) if name in new.added else Said()
            entries.append({**_entry(said), "image": image, "individual": individual, "keypoint": name})
            if name in new.added:
                counted._restore(name, individual, said)
    return entries


def _is_away(points: Mapping[str, Said]) -> bool:
    """True for an animal that somebody said is not in the frame."""
    return bool(points) and all(said.visibility == Visibility.ABSENT for said in points.values())


def _entry(said: Said) -> dict[str, Any]:
    entry = {"change": clicks.POINT, "from": None, "to": said.to, "visibility": int(said.visibility)}
    given = {"who": said.who, "time": said.time}
    return entry | {key: value for key, value in given.items() if value}
