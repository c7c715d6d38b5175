"""Other keypoints for a study: added, renamed, reordered, removed, and everything of the study goes along.

`config.yaml`, the label tables of everybody, the journal and the runs are changed as one. What a removed keypoint's
labels were stays in the journal, and comes back when a keypoint of that name is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError, ProjectError
from markerless.formats import dlc_labels
from markerless.project import clicks, config_file, journal, skeleton_settings, staged
from markerless.project.clicks import Said
from markerless.project.journal import Key
from markerless.project.label_book import LabelBook
from markerless.project.label_files import DATA_FOLDER, LabelTable, compare_csv, find_tables, table_name
from markerless.project.run_names import rename_in_runs
from markerless.project.skeleton_settings import Drawn
from markerless.project.study import Project

CHANGED, REMOVED = "keypoints", "keypoint removed"  # entries of the journal
MOST_TRIES = 20  # to find a moment without a click on its way to the tables
MOST_CHARACTERS = 100

__all__ = ["Changed", "Drawn", "Plan", "change_keypoints", "plan"]


@dataclass(frozen=True)
class Plan:
    """The keypoints a study shall have.

    Attributes:
        keypoints: Their names, in their new order.
        was: The present name of each; None for a new one. Those of the study that are missing here are removed.
    """

    keypoints: tuple[str, ...]
    was: tuple[str | None, ...]

    @property
    def renamed(self) -> dict[str, str]:
        """Present name -> new name, of those that change it."""
        return {old: new for new, old in zip(self.keypoints, self.was, strict=True) if old is not None and old != new}

    @property
    def added(self) -> tuple[str, ...]:
        """Names of the new ones."""
        return tuple(new for new, old in zip(self.keypoints, self.was, strict=True) if old is None)

    def removed_from(self, present: Sequence[str]) -> tuple[str, ...]:
        """Those of the present keypoints that are removed."""
        return tuple(name for name in present if name not in self.was)


@dataclass(frozen=True)
class Changed:
    """What a change of keypoints did.

    Attributes:
        keypoints: As they are now.
        n_frames: Labeled frames that went along.
        kept: Removed keypoint -> points of it that the journal keeps.
        restored: Added keypoint -> points that came back from the journal.
        runs: Runs whose keypoints were renamed.
        notes: Remarks for the user.
    """

    keypoints: tuple[str, ...]
    n_frames: int
    kept: dict[str, int]
    restored: dict[str, int]
    runs: tuple[str, ...]
    notes: tuple[str, ...]


def plan(
    project: Project,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    order: Sequence[str] | None = None,
) -> Plan:
    """The keypoints of `project` after some steps; `order` names all of them by their new names.

    Raises:
        ProjectError: a name is unknown, or there twice, or cannot be one.
    """
    present, names = project.skeleton.keypoints, rename or {}
    for name in [*remove, *names]:
        _require_known(name, present)
    kept = [(names.get(name, name), name) for name in present if name not in remove]
    pairs: list[tuple[str, str | None]] = [*kept, *((name, None) for name in add)]
    if order is not None:
        if sorted(order) != sorted(name for name, _ in pairs):
            have = ", ".join(name for name, _ in pairs)
            raise ProjectError(f"expected all keypoints in their new order ({have}), got {', '.join(order)}")
        pairs.sort(key=lambda pair: list(order).index(pair[0]))
    return Plan(tuple(name for name, _ in pairs), tuple(old for _, old in pairs))


def change_keypoints(project: Project, new: Plan, drawn: Drawn | None = None, who: str = "") -> Changed:
    """Give a study other keypoints, or other edges, mirror pairs and colors of them.

    Args:
        project: The study, freshly opened.
        new: Its keypoints.
        drawn: Their edges, mirror pairs and colors, by their new names; by default those of now.
        who: Name for the journal, by default the project's scorer.

    Raises:
        ProjectError: the plan makes no sense. Nothing is changed.
        LabelsError: a table is malformed, or its CSV is newer and differs. Nothing is changed.
        StorageError: a file cannot be written.
    """
    _require_sensible(new, project)
    drawn = drawn or skeleton_settings.after(project, new)
    drawn.require_known(new.keypoints)
    who = who or project.scorer or "markerless"
    root, present = project.root, project.skeleton.keypoints
    staging = staged.Staged(root)
    with staged.alone(root), ExitStack() as locks:
        if Project(root, finish=False).skeleton.keypoints != present:
            raise ProjectError(f"the keypoints of {root} have just been changed by somebody else; open it again")
        is_same = new.keypoints == present and new.was == present
        folders = [] if is_same else _quiet_folders(project, locks)
        try:
            counted = [_stage_folder(project, folder, new, staging, who) for folder in folders]
            runs, notes = rename_in_runs(project, new.renamed, staging)
            config_file.save_config(
                staging.version_of(project.config_path), skeleton_settings.changed_config(project, new, drawn)
            )
        except BaseException:
            staging.abandon()
            raise
        staging.commit()
    total = _summed(counted)
    return Changed(new.keypoints, total.n_frames, dict(total.kept), dict(total.restored), runs, notes)


@dataclass
class _Counted:
    """What happens in the folders of a study: frames, and points by keypoint."""

    n_frames: int
    kept: dict[str, int]
    restored: dict[str, int]


def _summed(counted: Iterable[_Counted]) -> _Counted:
    total = _Counted(0, {}, {})
    for one in counted:
        total.n_frames += one.n_frames
        for mine, theirs in ((total.kept, one.kept), (total.restored, one.restored)):
            for name, n_points in theirs.items():
                mine[name] = mine.get(name, 0) + n_points
    return total


def _require_known(name: str, present: Sequence[str]) -> None:
    if name not in present:
        close = get_close_matches(name, present, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise ProjectError(f"no keypoint '{name}'; {hint}the study has {', '.join(present)}")


def _require_sensible(new: Plan, project: Project) -> None:
    present = project.skeleton.keypoints
    for name in new.keypoints:
        if not name or name != name.strip() or len(name) > MOST_CHARACTERS or not name.isprintable() or "," in name:
            raise ProjectError(
                f"expected a name of 1 to {MOST_CHARACTERS} characters without commas or blanks around it, got {name!r}"
            )
        if name in ("single", config_file.MULTI):
            raise ProjectError(f"'{name}' has a meaning of its own in DeepLabCut; choose another name")
    try:
        Skeleton(new.keypoints)
        Skeleton(tuple(name for name in new.was if name is not None))
    except LabelsError as error:
        raise ProjectError(str(error)) from error
    if not new.keypoints:
        raise ProjectError("expected at least one keypoint, got none; a study cannot lose all of them")
    for old in new.was:
        if old is not None:
            _require_known(old, present)


def _quiet_folders(project: Project, locks: ExitStack) -> list[str]:
    """The folders with labels, locked, every click of them in the tables."""
    folders = [video for video in project.label_folders() if _has_labels(project, video)]
    for video in folders:
        path = project.journal_of(video)
        for _ in range(MOST_TRIES):
            project.save_clicks(video)
            trying = ExitStack()
            trying.enter_context(journal.locked(path, "tables"))
            trying.enter_context(journal.locked(path))
            if not clicks.split_saved(journal.read(path))[1]:
                locks.push(trying)
                break
            trying.close()
        else:
            raise ProjectError(f"labels of {DATA_FOLDER}/{video} are being changed all the time; try again")
    return folders


def _has_labels(project: Project, video: str) -> bool:
    return bool(project.label_tables(video)) or project.journal_of(video).is_file()


def _stage_folder(project: Project, video: str, new: Plan, staging: staged.Staged, who: str) -> _Counted:
    folder = project.root / DATA_FOLDER / video
    known = _known(LabelBook(project, video))
    path = project.journal_of(video)
    entries, counted = _entries(known, journal.read(path), new, project.skeleton.keypoints)
    back = {journal.key_of(entry): clicks.said_by(entry) for entry in entries if entry["change"] == clicks.POINT}
    tables = {table.name: _settled(table) for table in find_tables(folder, project.scorer)}
    own = table_name(project.scorer)
    for name, raw in {own: Labels(project.skeleton, (), project.individuals), **tables}.items():
        labels = _changed_labels(raw, new, project.skeleton.keypoints, back)
        if name == own:
            rows = {image for table in tables.values() for image in table.images}
            labels = _with_frames(labels, {key: said for key, said in back.items() if key[0] not in rows}, own)
        _stage_table(labels, folder / name, staging)
    lines = b"".join(map(journal.line_of, journal.dated(entries, who)))
    staging.lines_for(path).write_bytes(b"\n" + lines)  # a torn last line ends here
    return counted


def _known(book: LabelBook) -> dict[tuple[str, str], dict[str, Said]]:
    """(image, individual) -> keypoint -> what is known."""
    found: dict[tuple[str, str], dict[str, Said]] = {}
    for picture in book.counts():
        for individual, points in book.frame(picture).items():
            found[f"{DATA_FOLDER}/{book.video}/{picture}", individual] = points
    return found


def _entries(
    known: Mapping[tuple[str, str], Mapping[str, Said]],
    before: Iterable[Mapping[str, Any]],
    new: Plan,
    present: Sequence[str],
) -> tuple[list[dict[str, Any]], _Counted]:
    """What the journal of a folder shall say of the change, and how much there is of it."""
    removed = new.removed_from(present)
    entries: list[dict[str, Any]] = [
        {"change": CHANGED, "keypoints": list(new.keypoints), "was": list(new.was), "removed": list(removed)}
    ]
    counted = _Counted(len({image for image, _ in known}), dict.fromkeys(removed, 0), dict.fromkeys(new.added, 0))
    gone = _gone(before)
    for (image, individual), points in known.items():
        where = {"image": image, "individual": individual}
        for name in removed:
            said = points.get(name, Said())
            if said.visibility != Visibility.NOT_LABELED:
                counted.kept[name] += said.to is not None
                entries.append({**_said_entry(said), **where, "change": REMOVED, "keypoint": name, "from": said.to})
        unseen = Visibility.ABSENT if _is_away(points) else Visibility.NOT_LABELED
        for name, old in zip(new.keypoints, new.was, strict=True):
            if old == name:
                continue
            if old is None:
                said = gone.get((image, individual, name), Said(visibility=unseen))
                counted.restored[name] += said.to is not None
            else:
                said = points.get(old, Said())
            entries.append({**_said_entry(said), **where, "keypoint": name})
    entries += _come_back(gone, known, new, counted)
    return entries, counted


def _come_back(
    gone: Mapping[Key, Said], known: Mapping[tuple[str, str], object], new: Plan, counted: _Counted
) -> list[dict[str, Any]]:
    """What the journal says of animals that had nothing but removed keypoints, which are added again."""
    entries = []
    for image, individual in dict.fromkeys((key[0], key[1]) for key in gone if key[2] in new.added):
        if (image, individual) in known:
            continue
        for name in new.keypoints:
            said = gone.get((image, individual, name), Said()) if name in new.added else Said()
            entries.append({**_said_entry(said), "image": image, "individual": individual, "keypoint": name})
            if name in new.added:
                counted.restored[name] += said.to is not None
    return entries


def _is_away(points: Mapping[str, Said]) -> bool:
    """True for an animal that somebody said is not in the frame."""
    return bool(points) and all(said.visibility == Visibility.ABSENT for said in points.values())


def _said_entry(said: Said) -> dict[str, Any]:
    entry = {"change": clicks.POINT, "from": None, "to": said.to, "visibility": int(said.visibility)}
    given = {"who": said.who, "time": said.time}
    return entry | {key: value for key, value in given.items() if value}


def _gone(entries: Iterable[Mapping[str, Any]]) -> dict[Key, Said]:
    """What was known of removed keypoints when they were removed last."""
    gone: dict[Key, Said] = {}
    for entry in entries:
        if entry.get("change") == CHANGED and isinstance(entry.get("removed"), list):
            gone = {key: said for key, said in gone.items() if key[2] not in entry["removed"]}
        elif entry.get("change") == REMOVED:
            gone[journal.key_of(entry)] = clicks.said_by(entry)
    return gone


def _settled(table: LabelTable) -> Labels:
    """The labels of one person.

    Raises:
        LabelsError: malformed, or h5 and CSV differ and it is not settled which counts.
    """
    raw = table.read()
    differs = compare_csv(table, raw) if table.csv_is_newer else None
    if differs is not None:
        raise LabelsError(f"{differs.where}: {differs.message}")
    return raw


def _stage_table(labels: Labels, path: Path, staging: staged.Staged) -> None:
    """The new versions of one person's h5 and CSV; a table without a row goes."""
    for target in (path.with_name(f"{path.name}.h5"), path.with_name(f"{path.name}.csv")):
        if len(labels):
            dlc_labels.write(labels, staging.version_of(target))
        elif target.is_file():
            staging.remove(target)


def _with_frames(labels: Labels, said: Mapping[Key, Said], scorer: str) -> Labels:
    """`labels` with frames that come back: nothing but removed keypoints had been labeled in them."""
    frames: dict[str, dict[str, Instance]] = {}
    for (image, individual, name), point in said.items():
        if point.to is not None and name in labels.skeleton.keypoints:
            nothing = journal.nothing_known(individual, labels.skeleton.n_keypoints)
            instance = frames.setdefault(image, {}).get(individual, nothing)
            frames[image][individual] = _with_said(instance, image, [(labels.skeleton.index(name), name)], said)
    more = tuple(LabeledFrame(image, tuple(there.values()), scorer) for image, there in frames.items())
    return replace(labels, frames=(*labels.frames, *more))


def _changed_labels(raw: Labels, new: Plan, present: Sequence[str], said: Mapping[Key, Said]) -> Labels:
    """A table's labels with the new keypoints; columns that the study does not know stay, behind them."""
    theirs = raw.skeleton.keypoints
    # an added keypoint takes up a column of its name that the study did not know
    source = [new_name if old is None else old for new_name, old in zip(new.keypoints, new.was, strict=True)]
    unknown = [name for name in theirs if name not in present and name not in new.keypoints]
    columns = [
        theirs.index(name) if name in theirs and _is_free(name, k, new, present) else -1
        for k, name in enumerate(source)
    ] + [theirs.index(name) for name in unknown]
    names = (*new.keypoints, *unknown)
    added = [(k, name) for k, name in enumerate(new.keypoints) if new.was[k] is None and columns[k] < 0]
    frames = []
    for frame in raw.frames:
        instances = tuple(_with_columns(instance, columns) for instance in frame.instances)
        back = tuple(_with_said(instance, frame.image, added, said) for instance in instances)
        there = tuple(instance for instance in back if instance.n_points)
        if there or not frame.instances:  # a row that has lost its only points would say that there is no animal
            frames.append(replace(frame, instances=there))
    return Labels(Skeleton(names), tuple(frames), raw.individuals)


def _is_free(name: str, k: int, new: Plan, present: Sequence[str]) -> bool:
    """False where an added keypoint has the name of one that is renamed or removed in the same step."""
    return new.was[k] is not None or name not in present


def _with_columns(instance: Instance, columns: Sequence[int]) -> Instance:
    places = np.array(columns)
    is_there = places >= 0
    return replace(
        instance,
        xy=np.where(is_there[:, None], instance.xy[places], np.nan),
        visibility=np.where(is_there, instance.visibility[places], np.int8(Visibility.NOT_LABELED)).astype(np.int8),
        score=np.where(is_there, instance.score[places], np.nan),
    )


def _with_said(instance: Instance, image: str, added: Sequence[tuple[int, str]], said: Mapping[Key, Said]) -> Instance:
    xy, score, visibility = instance.xy.copy(), instance.score.copy(), instance.visibility.copy()
    for k, name in added:
        point = said.get((image, instance.individual, name), Said())
        visibility[k] = point.visibility
        if point.to is not None:
            xy[k], score[k] = point.to, 1.0
    return replace(instance, xy=xy, score=score, visibility=visibility)
