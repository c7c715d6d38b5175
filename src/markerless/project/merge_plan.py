"""What merging studies comes to: everything is read and merged in memory, and nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from markerless.core.file_names import on_any_disk
from markerless.core.labels import Labels
from markerless.core.skeleton import Skeleton
from markerless.errors import ProjectError
from markerless.project import skeleton_settings, staged
from markerless.project.keypoints import Plan
from markerless.project.label_files import DATA_FOLDER, count, labeler_of, own_table_name
from markerless.project.merge_journal import lines_of_merge, mark_of_merge
from markerless.project.merge_labels import Conflict, FolderMerge, Keypoints, MergedFolder, in_columns, renamed
from markerless.project.merge_match import Matched, Matcher
from markerless.project.merge_side import Folder, Side, read_side
from markerless.project.skeleton_settings import Drawn, NamePair
from markerless.project.study import VIDEOS_FOLDER, Project


@dataclass(frozen=True)
class Merge:
    """What a merge comes to.

    Attributes:
        before: The study that takes everything in, as it was.
        after: As it is with everything.
        matched: For each study that was merged its name, and which its videos are here.
        conflicts: Points that two studies know differently.
        lines: Name of a folder -> what is added to its journal.
        notes: Remarks for the user.
    """

    before: Side
    after: Side
    matched: tuple[tuple[str, tuple[Matched, ...]], ...]
    conflicts: tuple[Conflict, ...]
    lines: dict[str, list[dict[str, Any]]]
    notes: tuple[str, ...]

    @property
    def new_pictures(self) -> dict[str, Path]:
        """Image -> the picture that is copied there."""
        return {
            f"{DATA_FOLDER}/{folder.name}/{name}": path
            for folder in self.after.folders.values()
            for name, path in folder.pictures.items()
            if name not in _folder(self.before, folder.name).pictures
        }

    @property
    def new_videos(self) -> dict[str, Path]:
        """Name without suffix -> the video that is taken in under it."""
        return {name: path for name, path in self.after.videos.items() if name not in self.before.videos}

    @property
    def changed_tables(self) -> list[tuple[str, str]]:
        """Folder and table that are written anew."""
        return [
            (folder.name, name)
            for folder in self.after.folders.values()
            for name in _changed_tables(_folder(self.before, folder.name), folder)
        ]

    @property
    def changes_config(self) -> bool:
        """Whether `config.yaml` has to say something else."""
        one, other = self.before, self.after
        named = {*one.crops, *one.videos}
        return (
            one.keypoints != other.keypoints
            or one.drawn != other.drawn
            or one.individuals != other.individuals
            or not named.issuperset(other.crops)
            or bool(self.new_videos)
        )

    @property
    def is_nothing(self) -> bool:
        """True when everything is there already."""
        return not (self.changes_config or self.changed_tables or self.new_pictures or any(self.lines.values()))


@dataclass
class _Growing:
    """The study while one after the other is merged into it."""

    side: Side
    conflicts: list[Conflict] = field(default_factory=list)
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_others(into: Project, others: Sequence[Project]) -> list[Side]:
    """What is merged into a study.

    Raises:
        ProjectError: a study is named twice, or is being changed.
        LabelsError: a table is malformed, or its CSV is newer and differs.
    """
    _require_different(into, others)
    return [read_side(other) for other in others]


def plan_merge(into: Project, sides: Sequence[Side], matcher: Matcher) -> Merge:
    """What merging others into a study comes to.

    Args:
        into: Takes everything in.
        sides: What is merged into it, one after the other.
        matcher: Compares videos and pictures; it remembers those that it has seen.

    Raises:
        ProjectError: one study is of several animals and another of one.
        LabelsError: a table is malformed, or its CSV is newer and differs.
    """
    before = read_side(into, tuple(dict.fromkeys(name for side in sides for name in side.keypoints)))
    for side in sides:
        _require_same_kind(before, side)
    matcher.expect(sum(len(folder.pictures) for side in (before, *sides) for folder in side.folders.values()))
    videos = into.root / VIDEOS_FOLDER
    taken = [entry.stem for entry in videos.iterdir()] if videos.is_dir() else []
    growing, matched = _Growing(before), []
    for side in sides:
        found = matcher.match(growing.side, side, taken)
        matched.append((side.name, tuple(found)))
        _take_in(growing, side, found)
    after = replace(growing.side, drawn=_drawn(into, sides, growing.side.keypoints))
    notes = (*dict.fromkeys(growing.notes), *_about_names(after.keypoints), *_about_runs(sides))
    return Merge(before, after, tuple(matched), tuple(growing.conflicts), growing.lines, notes)


def _require_different(into: Project, others: Sequence[Project]) -> None:
    seen = [into.root.resolve()]
    for other in others:
        if other.root.resolve() in seen:
            raise ProjectError(f"expected different projects to merge, got {other.root} twice; name each once")
        seen.append(other.root.resolve())
        if staged.is_under_way(other.root):
            raise ProjectError(
                f"a change of {other.root} was interrupted, or is being made; 'markerless check' finishes it, try again"
            )


def _require_same_kind(into: Side, other: Side) -> None:
    if (into.individuals is None) != (other.individuals is None):
        of_one = into if into.individuals is None else other
        of_many = other if of_one is into else into
        raise ProjectError(
            f"expected projects of one kind, got one animal in {of_one.name} and several in {of_many.name}: nobody "
            "knows which of them the one is; make projects of the same kind and merge those"
        )


def _take_in(growing: _Growing, other: Side, found: Sequence[Matched]) -> None:
    """Have `growing` hold what `other` holds."""
    side = growing.side
    keypoints = Keypoints(side.keypoints, other.keypoints)
    folders = dict(side.folders)
    touched: set[str] = set()
    there = [name for folder in side.folders.values() for name in folder.tables]
    incoming = [name for folder in other.folders.values() for name in folder.tables]
    spelled = told = _spelled_otherwise([own_table_name(there, side.scorer), *there], incoming)
    for match in found:
        if match.name not in other.folders:
            continue
        before, theirs = folders.get(match.into, Folder(match.into)), other.folders[match.name]
        here = {**spelled, **_spelled_otherwise(before.tables, theirs.tables)}  # either may spell a name in two ways
        told = {**told, **{name: here[name] for name in theirs.tables if name in here}}
        theirs = renamed(theirs, match.into, match.images, here)
        names = Keypoints(keypoints.all, keypoints.other) if match.into in touched else keypoints
        merged = FolderMerge(before, theirs, names, _own_table(side, before, theirs), other.name).run()
        lines = lines_of_merge(before, theirs, merged, names)
        grown = _grown(before, merged, lines, theirs.pictures)
        if lines or grown.pictures.keys() != before.pictures.keys() or _changed_tables(before, grown):
            lines = [mark_of_merge(other.name, match.name), *lines]
            grown = _grown(before, merged, lines, theirs.pictures)
        folders[match.into] = grown
        touched.add(match.into)
        growing.conflicts += merged.conflicts
        growing.lines.setdefault(match.into, []).extend(lines)
    for name in [name for name in folders if name not in touched and keypoints.added]:
        merged = in_columns(folders[name], keypoints)
        lines = lines_of_merge(folders[name], Folder(name), merged, keypoints)
        folders[name] = _grown(folders[name], merged, lines, {})
        growing.lines.setdefault(name, []).extend(lines)
    growing.notes += [*_about(found, other), *_about_spelling(told, other), *_about_missing(found, folders, other)]
    growing.side = replace(
        side,
        keypoints=keypoints.all,
        unique=side.unique | (other.unique & set(keypoints.added)),
        individuals=side.individuals and tuple(dict.fromkeys([*side.individuals, *(other.individuals or ())])),
        folders=folders,
        videos={**_new_videos(found, other), **side.videos},
        crops={**_new_crops(found, side, other), **side.crops},
    )


def _spelled_otherwise(ours: Collection[str], theirs: Collection[str]) -> dict[str, str]:
    """Table of `theirs` -> that of `ours` whose name Windows and macOS take for the same, so that one would be lost."""
    known = {on_any_disk(name): name for name in reversed(list(ours))}
    found: dict[str, str] = {}
    for name in dict.fromkeys(theirs):
        same = known.get(on_any_disk(name), name)
        if name not in ours and same != name and same not in theirs and same not in found.values():
            found[name] = same
    return found


def _own_table(side: Side, before: Folder, theirs: Folder) -> str:
    """What the table of the scorer of `side` is called in a folder, as it is or as it comes in."""
    own = own_table_name(before.tables, side.scorer)
    return own if own in before.tables else own_table_name(theirs.tables, side.scorer)


def _grown(
    before: Folder, merged: MergedFolder, lines: Sequence[dict[str, Any]], pictures: Mapping[str, Path]
) -> Folder:
    return replace(
        before,
        tables=merged.tables,
        known=merged.known,
        entries=[*before.entries, *lines],
        pictures={**pictures, **before.pictures},
    )


def _new_videos(found: Sequence[Matched], other: Side) -> dict[str, Path]:
    return {match.into: other.videos[match.name] for match in found if match.name in other.videos}


def _new_crops(found: Sequence[Matched], side: Side, other: Side) -> dict[str, str]:
    """Crops of what is new; DeepLabCut trains only on folders that have an entry among the videos."""
    return {
        match.into: other.crops.get(match.name, "")
        for match in found
        if match.into not in side.videos and (match.into not in side.folders or match.name in other.videos)
    }


def _drawn(into: Project, sides: Sequence[Side], keypoints: tuple[str, ...]) -> Drawn:
    """Edges, mirror pairs and colors of all; where they disagree, those of `into`."""
    present = into.skeleton.keypoints
    added = keypoints[len(present) :]
    plan = Plan(keypoints, (*present, *(None for _ in added)))
    drawn = skeleton_settings.after(into, plan) if added else skeleton_settings.read(into)
    for side in sides:
        known = {frozenset(edge) for edge in drawn.edges}
        edges = (*drawn.edges, *(edge for edge in side.drawn.edges if frozenset(edge) not in known))
        colors = {**side.drawn.colors, **drawn.colors}
        drawn = Drawn(edges, _mirror_pairs(drawn, side, keypoints, set(added)), colors)
    return drawn


def _mirror_pairs(drawn: Drawn, side: Side, keypoints: tuple[str, ...], added: set[str]) -> tuple[NamePair, ...] | None:
    if drawn.mirror_pairs is not None:
        paired = {name for pair in drawn.mirror_pairs for name in pair}
        more = [pair for pair in side.paired if paired.isdisjoint(pair) and not added.isdisjoint(pair)]
        return (*drawn.mirror_pairs, *more)
    if side.drawn.mirror_pairs is None:
        return None
    skeleton = Skeleton(keypoints).with_guessed_mirror_pairs()
    guessed = skeleton.names_of(skeleton.mirror_pairs)
    paired = {name for pair in side.drawn.mirror_pairs for name in pair}
    others = [pair for pair in guessed if paired.isdisjoint(pair) and not set(side.keypoints).issuperset(pair)]
    pairs = (*side.drawn.mirror_pairs, *others)
    return None if {frozenset(pair) for pair in pairs} == {frozenset(pair) for pair in guessed} else pairs


def _about(found: Sequence[Matched], other: Side) -> list[str]:
    notes = []
    for match in found:
        if match.is_doubtful:
            notes.append(
                f"nothing shows that '{match.name}' of {other.name} is the video of that name here: a video file is "
                f"missing, and no picture is in both; it is called '{match.into}' now. If it is the same, put the "
                "video into both projects before merging"
            )
        elif not match.by and match.into != match.name:
            notes.append(
                f"'{match.name}' of {other.name} is another video than the one of that name here; it is called "
                f"'{match.into}' now"
            )
        moved = [
            image for image in match.images if PurePosixPath(image).name != PurePosixPath(match.images[image]).name
        ]
        if match.by and moved:
            notes.append(
                f"{count(len(moved), 'picture')} of {other.name}/{match.name} (first {moved[0]}) are called otherwise "
                f"in {DATA_FOLDER}/{match.into}"
            )
    return notes


def _about_spelling(spelled: Mapping[str, str], other: Side) -> list[str]:
    return [
        f"labels of '{labeler_of(theirs)}' of {other.name} are those of '{labeler_of(ours)}' now: names that differ in "
        "upper and lower case alone are one file on Windows and macOS"
        for theirs, ours in spelled.items()
    ]


def _about_missing(found: Sequence[Matched], folders: Mapping[str, Folder], other: Side) -> list[str]:
    notes = [
        f"videos/{name} of {other.name} stays there: another video of it is called the same but for the suffix; rename "
        "one of them, and merge again"
        for name in other.doubles
    ]
    for match in found:
        there = folders[match.into].pictures if match.into in folders else {}
        missing = [image for image, new in match.images.items() if PurePosixPath(new).name not in there]
        if missing:
            notes.append(
                f"{count(len(missing), 'labeled picture')} of {other.name}/{match.name} cannot be found (first "
                f"{missing[0]}): the labels are taken in; put the pictures into {DATA_FOLDER}/{match.into}"
            )
    return notes


def _about_names(keypoints: Sequence[str]) -> list[str]:
    """Keypoints that are probably one."""
    bare: dict[str, str] = {}
    notes = []
    for name in keypoints:
        key = "".join(character for character in name.casefold() if character.isalnum())
        first = bare.setdefault(key, name)
        if first != name:
            notes.append(
                f"'{first}' and '{name}' are two keypoints now; if they are one, rename it in one of the projects with "
                "'markerless keypoints' before merging"
            )
    return notes


def _about_runs(sides: Sequence[Side]) -> list[str]:
    return [
        f"runs of {side.name} stay there ({', '.join(side.runs)}): they were trained on its labels alone"
        for side in sides
        if side.runs
    ]


def _folder(side: Side, name: str) -> Folder:
    return side.folders.get(name, Folder(name))


def _changed_tables(before: Folder, after: Folder) -> list[str]:
    return [
        name
        for name, labels in after.tables.items()
        if name in before.restored or not _same(labels, before.tables.get(name))
    ]


def _same(one: Labels, other: Labels | None) -> bool:
    """Whether a table says the same."""
    return (
        other is not None
        and one.skeleton.keypoints == other.skeleton.keypoints
        and one.individuals == other.individuals
        and one.images == other.images
        and np.array_equal(one.xy(), other.xy(), equal_nan=True)
    )
