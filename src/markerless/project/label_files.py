"""Label tables of one folder `labeled-data/<video>`: found, read with their pictures, compared.

A folder may hold the tables of several people, each as h5 and CSV. The h5 is the master of coordinates; every
person's table is read; where two people labeled the same picture, the scorer of config.yaml comes first.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from markerless.core.file_names import on_any_disk
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.video import natural_key
from markerless.errors import LabelsError, MarkerlessError
from markerless.formats import dlc_labels

DATA_FOLDER = "labeled-data"
TABLE_PREFIX = "CollectedData"
SAME_POINT_PX = 1e-3  # a CSV may have been rounded by a spreadsheet
KEPT = ".kept"  # ends the names of CSVs that somebody had edited when labels were saved over them


class Note(NamedTuple):
    """A remark about a file: where, as a path inside the project, and what, in one line."""

    where: str
    message: str


@dataclass(frozen=True)
class LabelTable:
    """One person's labels of one folder.

    Attributes:
        folder: `labeled-data/<video>`.
        name: Name of the files without suffix, `CollectedData_<scorer>`.
        h5: The master, when it exists.
        csv: The readable copy, when it exists.
    """

    folder: Path
    name: str
    h5: Path | None
    csv: Path | None

    @property
    def master(self) -> Path:
        """The file that labels are read from."""
        path = self.h5 or self.csv
        if path is None:
            raise LabelsError(f"expected {self.name}.h5 or {self.name}.csv in {self.folder}, got neither")
        return path

    @property
    def where(self) -> str:
        """The master as a path inside the project, for messages."""
        return f"{DATA_FOLDER}/{self.folder.name}/{self.master.name}"

    def read(self) -> Labels:
        """The labels of the master, images named as in this folder, pictures found.

        Raises:
            LabelsError: the table is malformed.
        """
        return with_pictures(dlc_labels.read(self.master), self.folder)

    @property
    def csv_is_newer(self) -> bool:
        """True when both files exist and the CSV was written last."""
        return self.h5 is not None and self.csv is not None and self.csv.stat().st_mtime > self.h5.stat().st_mtime


@dataclass(frozen=True)
class FolderLabels:
    """All labels of one folder.

    Attributes:
        folder: `labeled-data/<video>`.
        frames: With the keypoints of the project; one per image.
        individuals: Names of the animals in the tables.
        notes: Remarks for the user.
        revision: Content hash of the tables, empty when there is none.
    """

    folder: Path
    frames: tuple[LabeledFrame, ...] = ()
    individuals: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    revision: str = ""


def label_folders(root: Path) -> tuple[Path, ...]:
    """Folders of `labeled-data` in natural order, without hidden ones and check_labels' pictures (`*_labeled`)."""
    data = root / DATA_FOLDER
    if not data.is_dir():
        return ()
    folders = [entry for entry in data.iterdir() if entry.is_dir() and not _is_hidden(entry.name)]
    chosen = [entry for entry in folders if not entry.name.endswith("_labeled") or find_tables(entry, "")]
    return tuple(sorted(chosen, key=lambda entry: natural_key(entry.name)))


def find_tables(folder: Path, scorer: str) -> tuple[LabelTable, ...]:
    """The label tables in `folder`, that of `scorer` first."""
    found: dict[str, dict[str, Path]] = {}
    if folder.is_dir():
        # names first: among thousands of pictures, making a path of each takes longer than anything else
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.name.startswith(TABLE_PREFIX))
        for name in names:
            path = folder / name
            suffix = path.suffix.lower()
            if suffix in (".h5", ".csv"):
                found.setdefault(path.stem, {})[suffix] = path
    own = own_table_name(found, scorer)
    names = sorted(found, key=lambda name: (name != own, name))
    return tuple(LabelTable(folder, name, found[name].get(".h5"), found[name].get(".csv")) for name in names)


def table_name(scorer: str) -> str:
    """File name, without suffix, of the labels of `scorer`."""
    return f"{TABLE_PREFIX}_{scorer}"


def own_table_name(names: Iterable[str], scorer: str) -> str:
    """What the table of `scorer` is called among those of a folder: as it is spelled there.

    `CollectedData_Ann` and `CollectedData_ann` are one file on Windows and macOS: were they taken for the tables of two
    people, one would be written over the other.
    """
    own = table_name(scorer)
    same = sorted(name for name in names if on_any_disk(name) == on_any_disk(own))
    return own if own in same or not same else same[0]


def labeler_of(table: str) -> str:
    """Whose labels a table of that name holds: the other way around."""
    return table.removeprefix(table_name(""))


def revision_of(tables: Iterable[LabelTable]) -> str:
    """Content hash of the files of `tables`; empty when there are none.

    Raises:
        LabelsError: a file cannot be read.
    """
    digest = hashlib.sha256()
    any_file = False
    for table in tables:
        for path in (table.h5, table.csv):
            if path is not None:
                any_file = True
                digest.update(os.fsencode(path.name) + b"\0" + _content(path) + b"\0")
    return digest.hexdigest()[:32] if any_file else ""


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise LabelsError(f"cannot read the label table {path}: {reason}; close or replace it") from error


def read_folder(folder: Path, scorer: str, skeleton: Skeleton, with_notes: bool = True) -> FolderLabels:
    """Read every table of `folder` into the keypoints of `skeleton`; without notes in half the time.

    Raises:
        LabelsError: a table is malformed, or shares no keypoint name with `skeleton`.
    """
    tables = find_tables(folder, scorer)
    revision = revision_of(tables)  # before they are read: what changes in between is then noticed later
    frames: dict[str, LabeledFrame] = {}
    individuals: list[str] = []
    notes: list[Note] = []
    for table in tables:
        raw = table.read()
        notes += [Note(table.where, note.removeprefix(f"{table.master.name}: ")) for note in raw.notes]
        notes += _table_notes(table, raw, scorer, skeleton) if with_notes else []
        labels = _matching(raw, skeleton, table)
        twice = [frame.image for frame in labels.frames if frame.image in frames]
        if twice:
            first = frames[twice[0]].labeler
            message = f"{count(len(twice), 'frame')} also labeled by '{first}', whose labels are used"
            notes.append(Note(table.where, message))
        for frame in labels.frames:
            frames.setdefault(frame.image, frame)
        individuals += [name for name in labels.individuals if name not in individuals]
    notes += _kept_notes(folder) if with_notes else []
    return FolderLabels(folder, tuple(frames.values()), tuple(individuals), tuple(notes), revision)


def differing_points(one: Labels, other: Labels) -> int:
    """Number of points that are placed differently, or in only one of two tables; a whole row counts at least once."""
    left, right = _points(one), _points(other)
    moved = sum(
        1
        for key in left.keys() & right.keys()
        if max(abs(a - b) for a, b in zip(left[key], right[key], strict=True)) > SAME_POINT_PX
    )
    lonely = left.keys() ^ right.keys()
    rows = set(one.images) ^ set(other.images)
    bare_rows = rows - {image for image, _, _ in lonely}
    return moved + len(lonely) + len(bare_rows)


def with_pictures(labels: Labels, folder: Path) -> Labels:
    """The same labels with images named after the folder they were found in, and the path of every picture.

    The row's own spelling is not trusted: it may come from Windows, from before the folder was renamed, or from a
    disk that ignores case. A row belongs to the folder of its table, unless it names another folder of the project
    and the picture is only there.

    Raises:
        LabelsError: two rows turn out to be the same picture.
    """
    pictures = {on_any_disk(entry.name): entry.name for entry in folder.iterdir()}
    own = {on_any_disk(PurePosixPath(f.image).name) for f in labels.frames if _names_folder(f.image, folder)}
    frames = []
    for frame in labels.frames:
        name = PurePosixPath(frame.image).name
        key = on_any_disk(name)
        path: Path | None = folder / pictures[key] if key in pictures else None
        image = f"{DATA_FOLDER}/{folder.name}/{pictures.get(key, name)}"
        if not _names_folder(frame.image, folder) and (path is None or key in own):
            elsewhere = folder.parent / PurePosixPath(frame.image).parent.name / name
            if elsewhere.is_file():
                path, image = elsewhere, f"{DATA_FOLDER}/{elsewhere.parent.name}/{name}"
        frames.append(replace(frame, image=image, path=path))
    return replace(labels, frames=tuple(frames))


def count(number: int, noun: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def compare_csv(table: LabelTable, raw: Labels) -> Note | None:
    """How the CSV of `table` differs from its h5, of which `raw` was read; None when it does not."""
    if table.h5 is None or table.csv is None:
        return None
    where = f"{DATA_FOLDER}/{table.folder.name}/{table.csv.name}"
    age = "newer than the h5, " if table.csv_is_newer else ""
    try:
        n_points = differing_points(raw, with_pictures(dlc_labels.read(table.csv), table.folder))
    except MarkerlessError as error:
        return Note(where, f"{age}cannot be read ({error}); the h5 is used")
    if n_points == 0:
        return None
    settle = "settle it with 'markerless check PROJECT --take csv' or '--take h5'"
    return Note(where, f"{age}differs from the h5 in {count(n_points, 'point')}; the h5 is used; {settle}")


def _table_notes(table: LabelTable, raw: Labels, scorer: str, skeleton: Skeleton) -> list[Note]:
    notes = []
    people = sorted({frame.labeler for frame in raw.frames if frame.labeler and frame.labeler != scorer})
    if people:
        who = ", ".join(f"'{name}'" for name in people)
        message = f"{count(len(raw), 'frame')} by scorer {who} used as well; config.yaml names '{scorer}'"
        notes.append(Note(table.where, f"{message} (DeepLabCut would skip them)"))
    unknown = [name for name in raw.skeleton.keypoints if name not in skeleton.keypoints]
    if unknown:
        message = f"{', '.join(unknown)} not among the bodyparts of config.yaml, not used; add them there to use them"
        notes.append(Note(table.where, message))
    csv_note = compare_csv(table, raw) if table.csv_is_newer else None
    return [*notes, csv_note] if csv_note is not None else notes


def _kept_notes(folder: Path) -> list[Note]:
    """Edited CSVs that were put aside."""
    message = (
        "edits of a CSV that were not taken over before labels were saved; to use them copy what was edited into the "
        "CSV that is there now, run 'markerless check PROJECT --take csv', and delete this file (put back in place of "
        "that CSV it would remove all labels saved since)"
    )
    names = sorted(path.name for path in folder.glob(f"{TABLE_PREFIX}*{KEPT}*")) if folder.is_dir() else []
    return [Note(f"{DATA_FOLDER}/{folder.name}/{name}", message) for name in names]


def _matching(raw: Labels, skeleton: Skeleton, table: LabelTable) -> Labels:
    try:
        return raw.matching(skeleton)
    except LabelsError as error:
        raise LabelsError(f"{table.where} and the bodyparts of config.yaml: {error}") from error


def _points(labels: Labels) -> dict[tuple[str, str, str], tuple[float, float]]:
    """Placed points by image, individual and keypoint name."""
    points = {}
    for frame in labels.frames:
        for instance in frame.instances:
            for k in np.flatnonzero(np.isfinite(instance.xy).all(axis=-1)):
                key = (frame.image, instance.individual, labels.skeleton.keypoints[k])
                points[key] = (float(instance.xy[k, 0]), float(instance.xy[k, 1]))
    return points


def _names_folder(image: str, folder: Path) -> bool:
    """True when the row's image lies in `folder` by its own words, or names no folder of a project."""
    parts: Sequence[str] = PurePosixPath(image).parts
    return len(parts) < 3 or on_any_disk(parts[-2]) == on_any_disk(folder.name)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$"))
