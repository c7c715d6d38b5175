"""The labels of a folder of two studies as one: point by point, and everybody's in a table of their own.

What only one side knows is taken in. Where both know a point, that of the study that takes everything in stays. Points
that would be lost by that are listed, and the journal keeps them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import numpy as np

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.project import journal
from markerless.project.clicks import Entry, Said
from markerless.project.label_files import labeler_of
from markerless.project.merge_side import Animal, Folder

SAME_PERSON, TWO_PEOPLE, SEEN = "same person", "two people", "visibility"
Points = Mapping[str, Said]


@dataclass(frozen=True)
class Conflict:
    """A point that two studies know differently.

    Attributes:
        project: The study that was merged.
        image: The frame, as it is called after the merge.
        individual: The animal.
        keypoint: The body part.
        what: "same person" (one labeler, two places), "two people", or "visibility" (a point, and somebody who looked
            and found none, or hidden and seen).
        labelers: Who labeled it in the study that takes everything in, and in the other one.
        points: What either of them says.
        kept: Whose is shown from now on: "into" or "other".
        table: Name of the table that has lost a point; "" where both are in tables.
    """

    project: str
    image: str
    individual: str
    keypoint: str
    what: str
    labelers: tuple[str, str]
    points: tuple[Said, Said]
    kept: str
    table: str = ""

    @property
    def distance_px(self) -> float:
        """Between the two points; NaN where one of them is none."""
        one, other = (said.to for said in self.points)
        return math.nan if one is None or other is None else math.dist(one, other)


@dataclass(frozen=True)
class Keypoints:
    """Names of the study that takes everything in, of the other one, and of both together."""

    into: tuple[str, ...]
    other: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.into, *self.added)

    @property
    def added(self) -> tuple[str, ...]:
        """Those that only the other one has."""
        return tuple(name for name in self.other if name not in self.into)


@dataclass
class MergedFolder:
    """A folder after the merge.

    Attributes:
        tables: Name -> labels, the table whose labels count first.
        known: What readers know from now on.
        taken: Image and individual -> keypoint -> what the other side has said, where that counts now.
        conflicts: Points that both know differently.
        project: Name of the study that the other side is of.
    """

    tables: dict[str, Labels]
    known: dict[Animal, dict[str, Said]] = field(default_factory=dict)
    taken: dict[Animal, dict[str, Said]] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    project: str = ""


class FolderMerge:
    """Merges `other`, its images renamed already, into the folder `into`."""

    def __init__(self, into: Folder, other: Folder, keypoints: Keypoints, own: str, project: str) -> None:
        self._into, self._other, self._keypoints, self._project = into, other, keypoints, project
        names = dict.fromkeys([own, *sorted([*into.tables, *other.tables])])
        self._names = [name for name in names if name in into.tables or name in other.tables]
        self._shown = (into.shown(), other.shown())
        first: dict[str, str] = {}
        for name in self._names:
            for labels in (into.tables.get(name), other.tables.get(name)):
                for image in labels.images if labels is not None else ():
                    first.setdefault(image, name)
        self._first = first
        self._animals = (_by_image(into), _by_image(other))
        self._merged = MergedFolder({}, project=project)

    def run(self) -> MergedFolder:
        """The folder of both."""
        for name in self._names:
            self._merged.tables[name] = self._table(name)
        for animal in [*self._into.known, *self._other.known]:  # of which there is no row
            if animal not in self._merged.known:
                said = self._into.known.get(animal, {}), self._other.known.get(animal, {})
                self._merged.known[animal] = self._filled(*said, animal, "")
        self._compare_people()
        return self._merged

    def _table(self, name: str) -> Labels:
        tables = (self._into.tables.get(name), self._other.tables.get(name))
        there = [labels for labels in tables if labels is not None]
        names = dict.fromkeys([*self._keypoints.all, *(k for labels in there for k in labels.skeleton.keypoints)])
        skeleton = Skeleton(tuple(names))
        wide = [labels.matching(skeleton) if labels is not None else None for labels in tables]
        rows = [{frame.image: frame for frame in labels.frames} if labels is not None else {} for labels in wide]
        individuals = tuple(dict.fromkeys(individual for labels in there for individual in labels.individuals))
        frames = tuple(
            self._row(name, image, (rows[0].get(image), rows[1].get(image)), skeleton.keypoints)
            for image in dict.fromkeys([*rows[0], *rows[1]])
        )
        return Labels(skeleton, frames, individuals)

    def _row(
        self, table: str, image: str, rows: tuple[LabeledFrame | None, LabeledFrame | None], columns: Sequence[str]
    ) -> LabeledFrame:
        """One frame of one table, of both sides."""
        is_shown = self._first[image] == table
        said = [self._said(side, table, image, row, columns) for side, row in enumerate(rows)]
        instances = []
        for individual in dict.fromkeys([*said[0], *said[1]]):
            animal = image, individual
            into, other = said[0].get(individual, {}), said[1].get(individual, {})
            points = self._filled(into, other, animal, table)
            if is_shown:
                self._merged.known[animal] = {k: p for k, p in points.items() if k in self._keypoints.all}
            if any(point.to is not None for point in points.values()):
                instances.append(_instance(points, individual, columns))
        labeler = next((row.labeler for row in rows if row is not None and row.labeler), labeler_of(table))
        return LabeledFrame(image, tuple(instances), labeler)

    def _said(
        self, side: int, table: str, image: str, row: LabeledFrame | None, columns: Sequence[str]
    ) -> dict[str, dict[str, Said]]:
        """Individual -> keypoint -> what one side says in a table; the journal speaks of the rows that are shown."""
        folder = (self._into, self._other)[side]
        names = (self._keypoints.into, self._keypoints.other)[side]
        instances = row.instances if row is not None else ()
        labeler = row.labeler if row is not None else ""
        said = {instance.individual: _of_row(instance, columns, labeler) for instance in instances}
        if self._shown[side].get(image) != table:
            return said
        for individual in self._animals[side].get(image, ()):
            known = folder.known[image, individual]
            unknown = {k: p for k, p in said.get(individual, {}).items() if k not in names and p.to is not None}
            said[individual] = {**unknown, **known}
        return said

    def _filled(self, into: Points, other: Points, animal: Animal, table: str) -> dict[str, Said]:
        """What is known of one animal from now on."""
        points: dict[str, Said] = {}
        is_away = bool(into or other) and all(
            said.visibility == Visibility.ABSENT for said in [*into.values(), *other.values()]
        )
        unseen = Said(visibility=Visibility.ABSENT if is_away else Visibility.NOT_LABELED)
        for keypoint in dict.fromkeys([*self._keypoints.all, *into, *other]):
            pair = into.get(keypoint), other.get(keypoint)
            what, takes_other = _decide(*pair)
            points[keypoint] = (pair[1] if takes_other else pair[0]) or unseen
            if takes_other and pair[1] is not None and self._first.get(animal[0], "") == table:
                self._merged.taken.setdefault(animal, {})[keypoint] = pair[1]
            if what and pair[0] is not None and pair[1] is not None:
                labeler = labeler_of(table)
                names = (pair[0].who or labeler, pair[1].who or labeler) if what == SEEN else (labeler, labeler)
                lost = table if pair[1].to is not None or what == SEEN else ""
                said = pair[0], pair[1]
                conflict = Conflict(self._project, *animal, keypoint, what, names, said, "into", lost)
                self._merged.conflicts.append(conflict)
        return points

    def _compare_people(self) -> None:
        """Points that readers of the two studies saw in the tables of two people."""
        for image, table in self._shown[0].items():
            other = self._shown[1].get(image, table)
            if other == table:
                continue
            kept = "into" if self._first[image] == table else "other"
            for individual in self._animals[1].get(image, ()):
                mine, theirs = self._into.known.get((image, individual), {}), self._other.known[image, individual]
                for keypoint in [keypoint for keypoint in mine if keypoint in theirs]:
                    pair = mine[keypoint], theirs[keypoint]
                    if None not in (pair[0].to, pair[1].to) and not journal.same_point(pair[0].to, pair[1].to):
                        names = labeler_of(table), labeler_of(other)
                        where = self._project, image, individual, keypoint
                        self._merged.conflicts.append(Conflict(*where, TWO_PEOPLE, names, pair, kept))


def in_columns(folder: Folder, keypoints: Keypoints) -> MergedFolder:
    """A folder that the other study does not have, with the keypoints of both."""
    return FolderMerge(folder, Folder(folder.name), keypoints, next(iter(folder.tables), ""), "").run()


def renamed(folder: Folder, name: str, images: Mapping[str, str], spelled: Mapping[str, str]) -> Folder:
    """`folder` as it is called in the other study; `spelled` has the tables that are called otherwise there."""
    tables = {spelled.get(table, table): _renamed(labels, name, images) for table, labels in folder.tables.items()}
    for table in set(spelled.values()) & set(tables):
        whose = tuple(replace(frame, labeler=labeler_of(table)) for frame in tables[table].frames)
        tables[table] = replace(tables[table], frames=whose)
    known = {(_new(image, name, images), animal): points for (image, animal), points in folder.known.items()}
    entries = [
        {**entry, "image": _new(str(entry["image"]), name, images)} if "image" in entry else entry
        for entry in (_spelled(entry, spelled) for entry in folder.entries)
    ]
    pictures = {
        PurePosixPath(_new(image, name, images)).name: folder.pictures[PurePosixPath(image).name]
        for image in folder.images
        if PurePosixPath(image).name in folder.pictures
    }
    return Folder(name, tables, known, entries, pictures)


def _spelled(entry: Entry, spelled: Mapping[str, str]) -> Entry:
    table = entry.get("table")
    return {**entry, "table": spelled[table]} if isinstance(table, str) and table in spelled else entry


def _renamed(labels: Labels, name: str, images: Mapping[str, str]) -> Labels:
    frames = (replace(frame, image=_new(frame.image, name, images), path=None) for frame in labels.frames)
    return replace(labels, frames=tuple(frames))


def _new(image: str, name: str, images: Mapping[str, str]) -> str:
    path = PurePosixPath(image)
    return images.get(image) or f"{path.parent.parent}/{name}/{path.name}"


def _decide(into: Said | None, other: Said | None) -> tuple[str, bool]:
    """What two sides disagree in, "" in nothing; whether the other one's counts."""
    if into is None or other is None:
        return "", into is None
    if into.to is not None and other.to is not None:
        if not journal.same_point(into.to, other.to):
            return SAME_PERSON, False
        is_news = bool(other.time) and not into.time and other.visibility != into.visibility
        return (SEEN if into.time and other.time and into.visibility != other.visibility else ""), is_news
    if into.to is not None:
        return (SEEN if _looked(other) else ""), False
    if other.to is not None:
        return (SEEN, False) if _looked(into) else ("", True)
    knows_more = into.visibility == Visibility.NOT_LABELED and other.visibility == Visibility.ABSENT
    return "", bool(other.time) and (knows_more or not into.time) and other.visibility != into.visibility


def _looked(said: Said) -> bool:
    """Whether somebody has said that the keypoint is not there; the gap of a table may be a point that was left out."""
    return said.visibility == Visibility.ABSENT and bool(said.time)


def _by_image(folder: Folder) -> dict[str, list[str]]:
    """Image -> the animals that something is known of."""
    found: dict[str, list[str]] = {}
    for image, individual in folder.known:
        found.setdefault(image, []).append(individual)
    return found


def _of_row(instance: Instance, columns: Sequence[str], labeler: str) -> dict[str, Said]:
    """What a row of a table says; nothing of columns that the table did not have."""
    said = {}
    for keypoint, (x, y), seen in zip(columns, instance.xy.tolist(), instance.visibility.tolist(), strict=True):
        to = (x, y) if math.isfinite(x) and math.isfinite(y) else None
        if to is not None or seen != Visibility.NOT_LABELED:
            said[keypoint] = Said(to, Visibility(seen), labeler)
    return said


def _instance(points: Points, individual: str, columns: Sequence[str]) -> Instance:
    said = [points.get(keypoint, Said()) for keypoint in columns]
    xy = np.array([point.to or (math.nan, math.nan) for point in said], dtype=np.float64).reshape(-1, 2)
    seen = np.array([int(point.visibility) for point in said], dtype=np.int8)
    return Instance(xy, seen, np.where(np.isnan(xy).any(-1), np.nan, 1.0), individual)
