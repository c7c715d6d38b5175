"""Other keypoints for a study: added, renamed, reordered, removed, and everything of the study goes along.

`config.yaml`, the label tables of everybody, the journal and the runs are changed as one. What a removed keypoint's
labels were stays in the journal, and comes back when a keypoint of that name is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from markerless.core.file_names import on_any_disk
from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError, ProjectError
from markerless.formats import dlc_labels
from markerless.project import clicks, config_file, journal, skeleton_settings, staged
from markerless.project.clicks import Said
from markerless.project.create import UNIQUE
from markerless.project.journal import Key
from markerless.project.keypoint_entries import Counted, entries_of, gone
from markerless.project.label_book import LabelBook
from markerless.project.label_files import (
    DATA_FOLDER,
    LabelTable,
    compare_csv,
    find_tables,
    labeler_of,
    own_table_name,
)
from markerless.project.run_names import rename_in_runs
from markerless.project.skeleton_settings import Drawn
from markerless.project.study import Project
from markerless.project.view_names import rename_in_views

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
    staging, total = staged.Staged(root), Counted()
    is_same = new.keypoints == present and new.was == present
    with staged.alone(root), ExitStack() as pause:
        project.require_same_keypoints()
        try:
            for folder in () if is_same else pause.enter_context(clicks_in_tables(project)):
                total.add(_stage_folder(project, folder, new, staging, who))
            runs, notes = rename_in_runs(project, new.renamed, staging)
            notes = (*notes, *rename_in_views(root, present, new, staging))
            unique = {name for name, owners in total.owners.items() if owners == {UNIQUE}}
            config = skeleton_settings.changed_config(project, new, drawn, unique)
            config_file.save_config(staging.version_of(project.config_path), config)
            staging.commit()
        except BaseException:
            staging.abandon()
            raise
    now = Project(project.config_path).skeleton.keypoints
    return Changed(now, total.n_frames, dict(total.kept), dict(total.restored), runs, notes)


def _require_known(name: str, present: Sequence[str]) -> None:
    if name not in present:
        close = get_close_matches(name, present, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise ProjectError(f"no keypoint '{name}'; {hint}the study has {', '.join(present)}")


def _require_sensible(new: Plan, project: Project) -> None:
    present = project.skeleton.keypoints
    for name in (name for name, old in zip(new.keypoints, new.was, strict=True) if name != old):
        if not name or name != name.strip() or len(name) > MOST_CHARACTERS or not name.isprintable() or "," in name:
            raise ProjectError(
                f"expected a name of 1 to {MOST_CHARACTERS} characters without commas or blanks around it, got {name!r}"
            )
        if name in (UNIQUE, config_file.MULTI) or name.startswith("Unnamed:"):  # pandas' word for an empty cell
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


@contextmanager
def clicks_in_tables(project: Project) -> Iterator[list[str]]:
    """The folders of labels, every click of them in the tables, while nobody can make another one.

    The tables are about to get a column for every keypoint: the journal says where nobody has looked.
    """
    with staged.paused(project.root):
        folders = list(project.label_folders())
        for video in folders:
            path = project.journal_of(video)
            if clicks.split_saved(journal.read(path))[1]:
                project.save_clicks_alone(video)
            journal.append_open(path, project.labels_of(video), journal.read_from(path, 0))
        yield folders


def _stage_folder(project: Project, video: str, new: Plan, staging: staged.Staged, who: str) -> Counted:
    folder, path = project.root / DATA_FOLDER / video, project.journal_of(video)
    tables = {table.name: settled(table) for table in find_tables(folder, project.scorer)}
    own = own_table_name(tables, project.scorer)
    rows = {image for table in tables.values() for image in table.images}
    back = gone(journal.read(path), own)
    back.keep(lambda key: key[2] in new.added and (key[0] in rows or (project.root / key[0]).is_file()))
    present = project.skeleton.keypoints
    entries, counted = entries_of(LabelBook(project, video).known(), tables, back, new, present)
    kept = as_spelled(back.in_tables, [own, *tables])
    for name in dict.fromkeys([own, *tables, *kept]):
        raw = tables.get(name, Labels(project.skeleton, (), project.individuals))
        labels = _changed_labels(raw, new, present)
        _stage_table(with_back(labels, kept.get(name, {}), labeler_of(name)), folder / name, staging)
    lines = b"".join(map(journal.line_of, journal.dated(entries, who)))
    staging.lines_for(path).write_bytes(b"\n" + lines)  # a torn last line ends here
    return counted


def as_spelled(in_tables: Mapping[str, Mapping[Key, Said]], names: Sequence[str]) -> dict[str, dict[Key, Said]]:
    """What was kept for each table, by the table's name as it is spelled among `names` where it is there."""
    spelled = {on_any_disk(name): name for name in reversed(names)}
    found: dict[str, dict[Key, Said]] = {}
    for name, said in in_tables.items():
        found.setdefault(name if name in names else spelled.get(on_any_disk(name), name), {}).update(said)
    return found


def settled(table: LabelTable) -> Labels:
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


def with_back(labels: Labels, back: Mapping[Key, Said], labeler: str) -> Labels:
    """`labels` with points of added keypoints that the table had before; a row or an animal that it lost comes back."""
    frames = {frame.image: frame for frame in labels.frames}
    of_animal: dict[tuple[str, str], list[tuple[str, Said]]] = {}
    for (image, individual, name), said in back.items():
        of_animal.setdefault((image, individual), []).append((name, said))
    for (image, individual), points in of_animal.items():
        frame = frames.get(image, LabeledFrame(image, (), labeler))
        there = {instance.individual: instance for instance in frame.instances}
        instance = there.get(individual, journal.nothing_known(individual, labels.skeleton.n_keypoints))
        there[individual] = _with_points(instance, [(labels.skeleton.index(name), said) for name, said in points])
        frames[image] = replace(frame, instances=tuple(there.values()))
    individuals = dict.fromkeys([*labels.individuals, *(individual for _, individual in of_animal)])
    return replace(labels, frames=tuple(frames.values()), individuals=tuple(individuals))


def _changed_labels(raw: Labels, new: Plan, present: Sequence[str]) -> Labels:
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
    frames = []
    for frame in raw.frames:
        instances = tuple(_with_columns(instance, columns) for instance in frame.instances)
        there = tuple(instance for instance in instances if instance.n_points)
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


def _with_points(instance: Instance, points: Iterable[tuple[int, Said]]) -> Instance:
    """`instance` with points where it has none."""
    xy, score, visibility = instance.xy.copy(), instance.score.copy(), instance.visibility.copy()
    for k, said in points:
        if said.to is not None and np.isnan(xy[k]).any():
            xy[k], score[k], visibility[k] = said.to, 1.0, said.visibility
    return replace(instance, xy=xy, score=score, visibility=visibility)
