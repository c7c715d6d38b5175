"""Saving the labels of one folder: the journal first, then h5, then CSV, each whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.storage import storage_error, sync_folder
from markerless.errors import LabelsError, MarkerlessError
from markerless.formats import dlc_labels
from markerless.project import journal, staged
from markerless.project.label_files import (
    DATA_FOLDER,
    KEPT,
    TABLE_PREFIX,
    LabelTable,
    compare_csv,
    differing_points,
    find_tables,
    own_table_name,
    with_pictures,
)

LEFT_BEHIND_S = 3600
WRITTEN_TOGETHER_S = 2  # a CSV that is newer than its h5 by more was edited by somebody


def write_table(folder: Path, name: str, labels: Labels) -> None:
    """Write `name`.h5 and `name`.csv in `folder`, the master first: a crash between the two leaves an older CSV.

    Raises:
        StorageError: a file cannot be written.
    """
    for suffix in (".h5", ".csv"):
        dlc_labels.write(labels, folder / f"{name}{suffix}")
    sync_folder(folder)  # before the journal says that they hold the clicks


def write_folder(
    root: Path, scorer: str, labels: tuple[Labels, Labels], video: str, removed: Collection[str] = ()
) -> None:
    """Bring the tables of `labeled-data/<video>` from one state of its labels to another.

    Args:
        root: The project's folder.
        scorer: The project's scorer, whose table takes every new and changed frame.
        labels: What the tables hold, as read, and what they shall hold.
        video: Name of the folder.
        removed: Images whose rows go with all they hold. Of others that are there no more, points of keypoints that the
            project does not know stay in the tables.

    Raises:
        LabelsError: an image does not lie in the folder.
        StorageError: a file cannot be written.
    """
    before, after = labels
    folder = root / DATA_FOLDER / video
    require_own_images(after, video)
    _sweep(folder)
    tables = find_tables(folder, scorer)
    name = own_table_name((table.name for table in tables), scorer)
    own = next((table for table in tables if table.name == name), None)
    theirs = _unchanged_of_others(before, after, own)
    gone = set(before.images) - set(after.images)
    emptied = gone.difference(removed)
    for table in tables:
        if table is not own:
            _drop_frames(table, gone, emptied, after.skeleton.keypoints)
    mine = [frame for frame in after.frames if frame.image not in theirs]
    raw = own.read() if own is not None else None
    if own is not None and raw is not None:
        _keep_edited(own, raw)
        mine += [replace(frame, instances=()) for frame in _of_foreign(raw, emptied, after.skeleton.keypoints)]
    if mine:
        write_table(folder, name, _with_foreign_keypoints(after, mine, raw, scorer))
    elif own is not None:
        _delete(own)


def of_known(labels: Labels, before: Labels | None = None) -> Labels:
    """Without animals of which nothing is known, nor frames of such alone: an empty row would say "no animal here".

    Args:
        labels: What shall be written.
        before: What was there. An animal of which nothing was known then stays: the table may hold points of it of
            keypoints that the project does not know.
    """
    unknown = {
        (frame.image, instance.individual)
        for frame in (before.frames if before is not None else ())
        for instance in frame.instances
        if not _is_known(instance)
    }
    frames = []
    for frame in labels.frames:
        stay = tuple(i for i in frame.instances if _is_known(i) or (frame.image, i.individual) in unknown)
        if stay or not frame.instances:
            frames.append(frame if len(stay) == len(frame.instances) else replace(frame, instances=stay))
    return replace(labels, frames=tuple(frames))


def _is_known(instance: Instance) -> bool:
    return bool((instance.visibility != Visibility.NOT_LABELED).any())


def _delete(table: LabelTable) -> None:
    for path in (table.csv, table.h5):
        if path is not None:
            path.unlink(missing_ok=True)  # an edited CSV has just been put aside


def _keep_edited(table: LabelTable, raw: Labels) -> None:
    """Put a CSV aside that somebody has edited since the h5 was written: what is in it is nowhere else.

    Args:
        table: About to be written.
        raw: What its h5 holds.
    """
    csv, h5 = table.csv, table.h5
    if csv is None or h5 is None or csv.stat().st_mtime - h5.stat().st_mtime <= WRITTEN_TOGETHER_S:
        return
    if compare_csv(table, raw) is None:
        return
    number, place = 1, csv.with_name(f"{csv.name}{KEPT}")
    while place.exists():
        number, place = number + 1, csv.with_name(f"{csv.name}{KEPT}{number + 1}")
    try:
        csv.rename(place)
    except OSError as error:
        raise storage_error(error, csv) from error


def _sweep(folder: Path) -> None:
    """Delete halves of tables that killed programs left; young ones may still be written."""
    for path in folder.glob(f".{TABLE_PREFIX}*.tmp.*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > LEFT_BEHIND_S:
                path.unlink()


def require_own_images(labels: Labels, video: str) -> None:
    """Refuse labels of pictures that do not lie in `labeled-data/<video>`.

    Raises:
        LabelsError: there is one.
    """
    for image in labels.images:
        parts = PurePosixPath(image).parts
        if len(parts) != 3 or parts[:2] != (DATA_FOLDER, video):
            raise LabelsError(
                f"expected images of {DATA_FOLDER}/{video}/, got {image}; save each video's labels on its own"
            )


def _unchanged_of_others(before: Labels, after: Labels, own: LabelTable | None) -> set[str]:
    """Images whose labels come from another person's table than `own` and stay there."""
    mine = set(own.read().images) if own is not None else set()
    old = {frame.image: frame for frame in before.frames}
    return {
        frame.image
        for frame in after.frames
        if frame.image in old and frame.image not in mine and _same_points(frame, old[frame.image])
    }


def _same_points(one: LabeledFrame, other: LabeledFrame) -> bool:
    left = {instance.individual: instance.xy for instance in one.instances}
    right = {instance.individual: instance.xy for instance in other.instances}
    return left.keys() == right.keys() and all(
        left[name].shape == right[name].shape and np.array_equal(left[name], right[name], equal_nan=True)
        for name in left
    )


def _drop_frames(table: LabelTable, gone: set[str], emptied: set[str], known: Sequence[str]) -> None:
    """Take the rows of `gone` out of somebody else's table; of `emptied` ones, unknown keypoints keep their points."""
    raw = table.read()
    if gone.isdisjoint(raw.images):
        return
    _keep_edited(table, raw)
    left = {frame.image: frame for frame in _of_foreign(raw, emptied, known)}
    kept = tuple(left.get(frame.image, frame) for frame in raw.frames if frame.image in left or frame.image not in gone)
    if kept:
        write_table(table.folder, table.name, replace(raw, frames=kept))
    else:
        _delete(table)


def _of_foreign(raw: Labels, images: Collection[str], known: Sequence[str]) -> list[LabeledFrame]:
    """The rows of `images` that hold points of other keypoints than the `known` ones, with those points alone."""
    foreign = np.array([name not in known for name in raw.skeleton.keypoints])
    found = []
    for frame in raw.frames:
        if frame.image in images:
            alone = (replace(i, xy=np.where(foreign[:, None], i.xy, np.nan)) for i in frame.instances)
            instances = tuple(instance for instance in alone if instance.n_points)
            found += [replace(frame, instances=instances)] if instances else []
    return found


def _with_foreign_keypoints(after: Labels, frames: Sequence[LabeledFrame], raw: Labels | None, scorer: str) -> Labels:
    """What goes into the table: keypoints of the table that the project does not know keep their columns and points."""
    known = after.skeleton.keypoints
    foreign = tuple(name for name in raw.skeleton.keypoints if name not in known) if raw is not None else ()
    mine = tuple(replace(frame, labeler=scorer) for frame in frames)
    if raw is None or not foreign:
        return replace(after, frames=mine)
    rows = {frame.image: frame for frame in raw.frames}
    source = [raw.skeleton.index(name) for name in foreign]
    wide = tuple(_widened(frame, rows.get(frame.image), source, len(known)) for frame in mine)
    individuals = (*after.individuals, *(name for name in raw.individuals if name not in after.individuals))
    return Labels(Skeleton(known + foreign), wide, individuals)


def _widened(frame: LabeledFrame, old: LabeledFrame | None, source: Sequence[int], n_known: int) -> LabeledFrame:
    """`frame` of `n_known` keypoints with those at `source` of its old row behind them; who has points there stays."""
    before = {instance.individual: instance for instance in old.instances} if old is not None else {}
    instances = [_widened_instance(i, before.pop(i.individual, None), source) for i in frame.instances]
    for left in before.values():
        if np.isfinite(left.xy[list(source)]).all(axis=-1).any():
            instances.append(_widened_instance(journal.nothing_known(left.individual, n_known), left, source))
    return replace(frame, instances=tuple(instances))


def _widened_instance(instance: Instance, old: Instance | None, source: Sequence[int]) -> Instance:
    n_more = len(source)
    xy = np.full((n_more, 2), np.nan) if old is None else old.xy[list(source)]
    visibility = np.full(n_more, Visibility.NOT_LABELED, np.int8) if old is None else old.visibility[list(source)]
    return replace(
        instance,
        xy=np.concatenate([instance.xy, xy]),
        visibility=np.concatenate([instance.visibility, visibility]).astype(np.int8),
        score=np.concatenate([instance.score, np.where(np.isnan(xy).any(axis=-1), np.nan, 1.0)]),
    )


def take(root: Path, table: LabelTable, source: Literal["csv", "h5"], who: str) -> int | None:
    """Rewrite the other file of `table` from `source`; a missing one is made.

    Returns:
        How many points have changed in the other file, 0 when it was missing; None when there was nothing to do.

    Raises:
        LabelsError: the source is malformed.
        StorageError: the other file cannot be written.
    """
    if _to_settle(table, source) is None:
        return None
    path = journal.journal_path(root, table.folder.name)
    with staged.writing(root, path, "tables"):  # and look again: clicks may just have been written into them
        found = _to_settle(table, source)
        if found is None:
            return None
        right, wrong = found
        if source == "csv" and wrong is not None:
            journal.append(path, journal.changes(wrong, right), who)
        dlc_labels.write(right, table.folder / f"{table.name}.{'h5' if source == 'csv' else 'csv'}")
    return differing_points(wrong, right) if wrong is not None else 0


def _to_settle(table: LabelTable, source: Literal["csv", "h5"]) -> tuple[Labels, Labels | None] | None:
    """Labels of the source and of the other file, None for one that is missing or damaged; None when both are alike."""
    path, other = (table.csv, table.h5) if source == "csv" else (table.h5, table.csv)
    if path is None:
        return None
    right = with_pictures(dlc_labels.read(path), table.folder)
    wrong = _read_or_nothing(other, table.folder)
    return None if wrong is not None and differing_points(wrong, right) == 0 else (right, wrong)


def _read_or_nothing(path: Path | None, folder: Path) -> Labels | None:
    """The labels in `path`; None when there is no such file or it is damaged, as it will be replaced anyway."""
    if path is None:
        return None
    try:
        return with_pictures(dlc_labels.read(path), folder)
    except MarkerlessError:
        return None
