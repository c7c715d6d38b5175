"""What a study brings into a merge: its labels of everybody, its journals, pictures and videos, read without a trace.

Labels are read from a copy of the tables and journals: there the clicks that the tables lack can be saved, and what is
read stays of one moment while people go on labeling.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from markerless.core.labels import Labels
from markerless.core.video import IMAGE_SUFFIXES, video_stem
from markerless.errors import MarkerlessError, StorageError
from markerless.project import config_file, journal, skeleton_settings
from markerless.project.clicks import Entry, Said
from markerless.project.create import UNIQUE
from markerless.project.journal import JOURNAL_FOLDER
from markerless.project.keypoint_entries import gone
from markerless.project.keypoints import as_spelled, settled, with_back
from markerless.project.label_book import LabelBook
from markerless.project.label_files import (
    DATA_FOLDER,
    TABLE_PREFIX,
    find_tables,
    label_folders,
    labeler_of,
    own_table_name,
)
from markerless.project.skeleton_settings import Drawn
from markerless.project.study import Project

Animal = tuple[str, str]  # image, individual


@dataclass(frozen=True)
class Folder:
    """One folder of labeled pictures.

    Attributes:
        name: In `labeled-data`.
        tables: Name of a table -> the labels in it, the table whose labels count first.
        known: Image and individual -> keypoint -> what readers know of it.
        entries: The journal.
        pictures: File name -> where the picture is.
        restored: Tables that have points here which on the disk the journal alone has, of removed keypoints.
    """

    name: str
    tables: Mapping[str, Labels] = field(default_factory=dict)
    known: Mapping[Animal, Mapping[str, Said]] = field(default_factory=dict)
    entries: Sequence[Entry] = ()
    pictures: Mapping[str, Path] = field(default_factory=dict)
    restored: frozenset[str] = frozenset()

    @property
    def images(self) -> tuple[str, ...]:
        """Every image that has a row or a picture."""
        rows = (image for labels in self.tables.values() for image in labels.images)
        return tuple(dict.fromkeys([*rows, *(f"{DATA_FOLDER}/{self.name}/{name}" for name in self.pictures)]))

    def shown(self) -> dict[str, str]:
        """Image -> the table whose labels of it count."""
        return {image: name for name in reversed(list(self.tables)) for image in self.tables[name].images}


@dataclass(frozen=True)
class Side:
    """A study that takes part.

    Attributes:
        name: Of its folder.
        scorer: Whose table counts first.
        keypoints: Names, in order.
        drawn: Edges, chosen mirror pairs and colors.
        paired: Mirror pairs, chosen or guessed.
        unique: Keypoints that are there once, of a study of several animals.
        individuals: Names of the animals; None of a study of one.
        folders: Name -> folder of labels.
        videos: Name without suffix -> where the video is.
        crops: Name of a video -> its crop by `config.yaml`; also of videos that are not there.
        runs: Names of its runs.
        doubles: File names of videos that are called as another one of `videos` but for the suffix.
    """

    name: str
    scorer: str
    keypoints: tuple[str, ...]
    drawn: Drawn
    paired: tuple[tuple[str, str], ...]
    unique: frozenset[str]
    individuals: tuple[str, ...] | None
    folders: Mapping[str, Folder]
    videos: Mapping[str, Path]
    crops: Mapping[str, str]
    runs: tuple[str, ...] = ()
    doubles: tuple[str, ...] = ()

    @property
    def points(self) -> dict[str, int]:
        """Labeler -> points in that person's tables."""
        counts: dict[str, int] = {}
        for folder in self.folders.values():
            for name, labels in folder.tables.items():
                counts[labeler_of(name)] = counts.get(labeler_of(name), 0) + labels.n_points
        return counts


def read_side(project: Project, back: Sequence[str] = ()) -> Side:
    """Everything of a study that can be merged.

    Args:
        project: The study; nothing in it is changed.
        back: Keypoints that the merge may add to it: what its journal has kept of such counts as known.

    Raises:
        LabelsError: a table is malformed, or its CSV is newer and differs.
    """
    with _copy_of(project) as copy:
        folders = {name: _folder(project, copy, name, back) for name in copy.label_folders()}
    key = "uniquebodyparts" if "uniquebodyparts" in project.config else "unique_bodyparts"
    sets = config_file.video_sets(project.config)
    videos = {video_stem(path): path for path in reversed(project.videos())}
    return Side(
        project.root.name,
        project.scorer,
        project.skeleton.keypoints,
        skeleton_settings.read(project),
        project.skeleton.names_of(project.skeleton.mirror_pairs),
        frozenset(config_file.texts(project.config.get(key))),
        _individuals(project, folders) if project.is_multi_animal else None,
        folders,
        videos,
        {config_file.stem(key): str(settings.get("crop") or "") for key, settings in sets.items()},
        project.runs(),
        tuple(path.name for path in project.videos() if videos[video_stem(path)] != path),
    )


@contextmanager
def _copy_of(project: Project) -> Iterator[Project]:
    """A study of the same labels, every click in its tables; gone afterwards. Pictures are there by name only."""
    with tempfile.TemporaryDirectory(prefix="markerless-merge-", ignore_cleanup_errors=True) as place:
        root = Path(place) / project.root.name
        try:
            _copy(project, root)
            copy = Project(root)
            for video in copy.label_folders():
                copy.save_clicks(video)
            yield copy
        except OSError as error:
            raise _told(error, project) from error
        except MarkerlessError as error:
            raise type(error)(str(error).replace(str(root), str(project.root))) from error


def _told(error: OSError, project: Project) -> StorageError:
    """Why a study cannot be looked at: one of its files, or the disk of temporary files."""
    path = Path(error.filename) if isinstance(error.filename, str) else project.root
    if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT) and path.is_relative_to(project.root):
        return StorageError(f"cannot read {path}: {error.strerror or error}; make it readable, then merge again")
    return StorageError(
        f"cannot copy the labels of {project.root} into {tempfile.gettempdir()} to look at them: "
        f"{error.strerror or error}; free some space, or set TMPDIR to another folder"
    )


def _copy(project: Project, root: Path) -> None:
    (root / JOURNAL_FOLDER).mkdir(parents=True)
    shutil.copy2(project.config_path, root / config_file.CONFIG_NAME)
    for folder in label_folders(project.root):
        path = journal.journal_path(project.root, folder.name)
        if path.is_file():  # before the tables: a click between the two is then in both, or in neither
            shutil.copy2(path, root / JOURNAL_FOLDER / path.name)
    for folder in label_folders(project.root):
        target = root / DATA_FOLDER / folder.name
        target.mkdir(parents=True)
        for entry in folder.iterdir():
            if entry.name.startswith(TABLE_PREFIX) and entry.is_file():
                shutil.copy2(entry, target / entry.name)  # with its time: a CSV may be newer than its h5
            elif entry.suffix.lower() in IMAGE_SUFFIXES:
                (target / entry.name).touch()


def _folder(project: Project, copy: Project, name: str, back: Sequence[str]) -> Folder:
    path = copy.root / DATA_FOLDER / name
    tables = {table.name: settled(table) for table in find_tables(path, project.scorer)}
    entries = tuple(journal.read(copy.journal_of(name)))
    known = {animal: dict(points) for animal, points in LabelBook(copy, name).known().items()}
    pictures = {
        entry.name: entry
        for entry in sorted((project.root / DATA_FOLDER / name).iterdir())
        if entry.suffix.lower() in IMAGE_SUFFIXES and not entry.name.startswith(".") and entry.is_file()
    }
    folder = Folder(name, tables, known, entries, pictures)
    names = [keypoint for keypoint in back if keypoint not in project.skeleton.keypoints]
    return _with_kept(folder, names, own_table_name(tables, project.scorer)) if names else folder


def _with_kept(folder: Folder, names: Sequence[str], own: str) -> Folder:
    """`folder` with what its journal has kept of removed keypoints."""
    kept, images = gone(folder.entries, own), set(folder.images)
    kept.keep(lambda key: key[2] in names and key[0] in images)
    tables = dict(folder.tables)
    in_tables = as_spelled(kept.in_tables, list(tables))
    for table in [table for table in in_tables if table in tables]:
        there = tables[table].skeleton
        wide = type(there)((*there.keypoints, *(name for name in names if name not in there.keypoints)))
        points = {key: said for key, said in in_tables[table].items() if key[0] in set(tables[table].images)}
        tables[table] = with_back(tables[table].matching(wide), points, labeler_of(table))
    known = {animal: dict(points) for animal, points in folder.known.items()}
    for (image, individual, keypoint), said in kept.shown.items():
        if (image, individual) in known:
            known[image, individual][keypoint] = said
    restored = frozenset(table for table in in_tables if table in tables)
    return replace(folder, tables=tables, known=known, restored=restored)


def _individuals(project: Project, folders: Mapping[str, Folder]) -> tuple[str, ...]:
    """Names of the animals: a config may still hold those that DeepLabCut starts with; then the tables know better."""
    tables = (labels for folder in folders.values() for labels in folder.tables.values())
    used = dict.fromkeys(name for labels in tables for name in labels.individuals if name != UNIQUE)
    if used and set(used).isdisjoint(project.individuals):
        return tuple(used)
    return tuple(dict.fromkeys([*project.individuals, *used]))
