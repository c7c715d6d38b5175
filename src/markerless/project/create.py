"""Making a study: an empty one for videos, one of labels that exist already, and videos added later.

A new folder is built beside its final place and renamed when it is complete, so nothing half-made is ever left.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Literal

from ruamel.yaml.comments import CommentedMap

from markerless.core.instance import Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.storage import atomic_path, storage_error
from markerless.core.video import fingerprint, video_stem
from markerless.errors import LabelsError, ProjectError
from markerless.formats._sniff import open_labels
from markerless.project import config_file, journal
from markerless.project.label_files import DATA_FOLDER, table_name
from markerless.project.label_writing import of_known, write_table
from markerless.project.study import ONE_ANIMAL, VIDEOS_FOLDER, Project

FOLDERS = (VIDEOS_FOLDER, DATA_FOLDER, "training-datasets", "dlc-models")  # what DeepLabCut makes
FORBIDDEN = '<>:"/\\|?*'  # in file names of one system or another
UNIQUE = "single"  # DeepLabCut's owner of the keypoints that are there once

How = Literal["copied", "hard-linked", "symlinked", "referred to", "already there"]


@dataclass(frozen=True)
class NewProject:
    """What a study to be made is called and measures.

    Attributes:
        name: Of the study; DeepLabCut's Task.
        scorer: Who labels. Empty: the scorer of the labels it is made of.
        keypoints: Body parts in order. Empty: those of the labels it is made of.
        edges: Pairs of names to draw lines between.
        day: Date in the folder's name.
    """

    name: str
    scorer: str = ""
    keypoints: tuple[str, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    day: date = field(default_factory=date.today)

    @property
    def folder_name(self) -> str:
        """`openfield-Pranav-2018-10-30`, as DeepLabCut names folders."""
        return f"{self.name}-{self.scorer}-{self.day.isoformat()}"


@dataclass(frozen=True)
class LabelSource:
    """Labels that exist already.

    Attributes:
        file: Labels in any known format: a table of DeepLabCut or Lightning Pose, COCO, SLEAP.
        images: Folder that the rows' image names are relative to, or that simply holds the pictures; default: beside
            the file.
    """

    file: Path
    images: Path | None = None


@dataclass(frozen=True)
class AddedVideo:
    """How a video came into a project: where it is now, and by which means."""

    path: Path
    how: How
    width: int
    height: int


def create_project(new: NewProject, parent: Path, videos: Sequence[Path] = (), copy: bool = False) -> Project:
    """Make an empty project folder in `parent`.

    Args:
        new: Name, scorer, keypoints.
        parent: Folder to make it in; made when missing.
        videos: Taken into `videos/` by hard link, else symbolic link, else left where they are and referred to.
        copy: Copy the videos instead.

    Raises:
        ProjectError: a name is impossible, or the folder exists already.
        VideoError: a video cannot be read.
        StorageError: the folder cannot be written.
    """
    _check_names(new)
    target = (parent / new.folder_name).absolute()
    with _under_construction(target) as folder:
        config = config_file.new_config(new.name, new.scorer, new.day, new.keypoints)
        config["skeleton"] = [list(pair) for pair in new.edges]
        _finish(folder, target, config, _take_videos(folder, videos, copy))
    return Project(target)


def create_from_labels(
    new: NewProject, source: LabelSource, parent: Path, videos: Sequence[Path] = (), copy: bool = False
) -> Project:
    """Make a project of a label table and its pictures.

    The pictures are copied to `labeled-data/<name of the table's folder>/` and keep their names. When the rows name
    pictures in several folders, each folder keeps its own name, as each is a video.

    Args:
        new: Name; scorer and keypoints default to those of the table.
        source: The table, and where its pictures are.
        parent: Folder to make the project in.
        videos: As in `create_project`.
        copy: As in `create_project`.

    Raises:
        LabelsError: the table is malformed, or pictures are missing.
        ProjectError: a name is impossible, or the folder exists already.
        VideoError: a picture or video cannot be read.
        StorageError: the folder cannot be written.
    """
    labels = open_labels(source.file)
    if not len(labels):
        raise LabelsError(f"expected labeled images in {source.file}, got no row; give a table with labels")
    scorer = new.scorer or next((frame.labeler for frame in labels.frames if frame.labeler), "")
    new = replace(new, scorer=scorer, keypoints=new.keypoints or labels.skeleton.keypoints)
    _check_names(new)
    pictures = find_pictures(labels, source)
    labels = labels.matching(Skeleton(new.keypoints))
    target = (parent / new.folder_name).absolute()
    with _under_construction(target) as folder:
        config = config_file.new_config(new.name, scorer, new.day, new.keypoints)
        config["skeleton"] = [list(pair) for pair in new.edges]
        if labels.individuals != ONE_ANIMAL:
            animals, unique = _owners(labels)
            names = [name for name in labels.individuals if name != UNIQUE]
            config_file.make_multi_animal(config, names, animals, unique)
        sizes = _write_labels(folder, labels, pictures, source, scorer)
        _finish(folder, target, config, _take_videos(folder, videos, copy), sizes)
    return Project(target)


def add_videos(project: Project, videos: Sequence[Path], copy: bool = False) -> list[AddedVideo]:
    """Take videos into a project: hard link, else symbolic link, else a reference in `config.yaml`.

    Either all of them are added or none.

    Raises:
        ProjectError: a video of that name is there already.
        VideoError: a video cannot be read.
        StorageError: the project cannot be written.
    """
    folder = project.root / VIDEOS_FOLDER
    before = set(folder.iterdir()) if folder.is_dir() else set()
    known = {config_file.stem(key): key for key in config_file.video_sets(project.config)}
    for video in videos:
        own = known.get(video_stem(video))
        place = folder / video.name
        there = project.video_sets().get(own) if own is not None else None
        if any(path is not None and path.exists() and not _same_video(video, path) for path in (there, place)):
            raise ProjectError(
                f"expected a new video, got {video.name}: {project.root.name} has another one of that name; "
                "rename the file first"
            )
    added: list[AddedVideo] = []
    try:
        added = _take_videos(project.root, videos, copy)
        add_to_config(project.config, project.root, added)
        project.save_config()
    except BaseException:
        for item in added:
            if item.path.parent == folder and item.path not in before:
                _remove(item.path)
        raise
    for item in added:
        (project.root / DATA_FOLDER / video_stem(item.path)).mkdir(parents=True, exist_ok=True)
    return added


def _check_names(new: NewProject) -> None:
    for what, name in (("project name", new.name), ("scorer", new.scorer)):
        bad = sorted({character for character in name if character in FORBIDDEN or not character.isprintable()})
        if not name.strip() or name != name.strip() or name.startswith(".") or name.endswith(".") or bad:
            why = f" (with {' '.join(map(repr, bad))})" if bad else ""
            raise ProjectError(
                f"expected a {what} that can be part of a file name, got {name!r}{why}; choose another with "
                f"{'NAME' if what == 'project name' else '--scorer'}"
            )
    if not new.keypoints:
        raise ProjectError("expected the body parts to measure, got none; give them with --keypoints snout,leftear,...")
    for name in new.keypoints:
        if not name or name != name.strip() or "," in name or name == config_file.MULTI:
            raise ProjectError(f"expected keypoint names without commas or blanks around them, got {name!r}; rename it")
    skeleton = Skeleton(new.keypoints)
    for name in {name for pair in new.edges for name in pair}:
        skeleton.index(name)


@contextmanager
def _under_construction(target: Path) -> Iterator[Path]:
    """A folder to build in, renamed to `target` at the end, removed when anything goes wrong."""
    parent = next((folder for folder in target.parents if folder.exists()), target.parent)
    if not parent.is_dir():
        raise ProjectError(f"expected a folder to make the project in, got the file {parent}; choose one with --dir")
    if target.exists():
        raise ProjectError(f"{target} exists already; choose another name, or --dir for another place")
    folder = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(folder, ignore_errors=True)  # of a killed process that had our number
    try:
        for name in FOLDERS:
            (folder / name).mkdir(parents=True)
        yield folder
        folder.rename(target)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise storage_error(error, target) from error
        raise


def _finish(
    folder: Path,
    target: Path,
    config: CommentedMap,
    added: Sequence[AddedVideo],
    sizes: dict[str, tuple[int, int]] | None = None,
) -> None:
    """Write the config of the folder that will be `target`.

    Args:
        folder: Where the project is built.
        target: Where it will be.
        config: Completed and written.
        added: The project's videos.
        sizes: Name of a folder of labeled pictures -> width and height. DeepLabCut trains only on folders whose name
            is that of a video in the config, so each gets one.
    """
    config["project_path"] = str(target)
    config["video_sets"] = CommentedMap()
    add_to_config(config, target, added)
    for name, (width, height) in (sizes or {}).items():
        if name not in {video_stem(item.path) for item in added}:
            key = str(target / VIDEOS_FOLDER / f"{name}.mp4")
            config["video_sets"][key] = {"crop": config_file.crop_text(width, height)}
    for item in added:
        (folder / DATA_FOLDER / video_stem(item.path)).mkdir(exist_ok=True)
    config_file.save_config(folder / config_file.CONFIG_NAME, config)


def _take_videos(root: Path, videos: Sequence[Path], copy: bool) -> list[AddedVideo]:
    """Bring `videos` into `root/videos`; nothing stays when one of them fails."""
    from markerless.video.reader import open_video

    stems: dict[str, Path] = {}
    sizes = []
    for video in videos:
        with open_video(video) as reader:
            sizes.append((reader.video.width, reader.video.height))
        other = stems.setdefault(video_stem(video), video)
        if other != video:
            raise ProjectError(f"expected videos of different names, got {other} and {video}; rename one of them")
    added: list[AddedVideo] = []
    try:
        for video, (width, height) in zip(videos, sizes, strict=True):
            path, how = _place(video.absolute(), root / VIDEOS_FOLDER, copy)
            added.append(AddedVideo(path, how, width, height))
    except BaseException:
        for item in added:
            if item.path.parent == root / VIDEOS_FOLDER and item.how != "already there":
                _remove(item.path)
        raise
    return added


def _remove(path: Path) -> None:
    """Remove what was put into `videos/`: a link, a copied file, a copied folder of images."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _place(video: Path, folder: Path, copy: bool) -> tuple[Path, How]:
    place = folder / video.name
    if place.exists():
        return place, "already there"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if copy:
            _copy(video, place)
            return place, "copied"
    except OSError as error:
        raise storage_error(error, place) from error
    source = video.resolve()
    if source.is_file():
        try:
            place.hardlink_to(source)
        except OSError:
            pass  # another disk, or a system without hard links
        else:
            return place, "hard-linked"
    try:
        place.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:
        return video, "referred to"
    return place, "symlinked"


def _copy(source: Path, place: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, place)
        return
    with atomic_path(place) as temporary:
        shutil.copyfile(source, temporary)


def _same_video(one: Path, other: Path) -> bool:
    """True for the same file, and for a copy of it."""
    return one.samefile(other) or fingerprint(one) == fingerprint(other)


def add_to_config(config: CommentedMap, root: Path, added: Sequence[AddedVideo]) -> None:
    sets = config.get("video_sets")
    if not isinstance(sets, CommentedMap):
        sets = config["video_sets"] = CommentedMap()
    sets.fa.set_block_style()
    stems = {config_file.stem(key) for key in sets}
    for item in added:
        inside = item.path.parent.name == VIDEOS_FOLDER and item.how != "referred to"
        key = str(root / VIDEOS_FOLDER / item.path.name if inside else item.path)
        if video_stem(item.path) not in stems:
            # ruamel hangs the comment below the map on its last entry, which therefore has to stay the last one
            place = len(sets) - 1 if _has_comment_below(sets) else len(sets)
            sets.insert(place, key, {"crop": config_file.crop_text(item.width, item.height)})


def _has_comment_below(sets: CommentedMap) -> bool:
    if not sets:
        return False
    last = list(sets)[-1]
    return last in sets.ca.items or (isinstance(sets[last], CommentedMap) and bool(sets[last].ca.items))


def find_pictures(labels: Labels, source: LabelSource) -> dict[str, Path]:
    """Where the picture of every row is.

    Raises:
        LabelsError: some are nowhere to be found.
    """
    bases = [source.images.absolute()] if source.images is not None else _bases(source.file.absolute())
    found: dict[str, Path] = {}
    for image in labels.images:
        parts = PurePosixPath(image).parts
        tails = [PurePosixPath(*parts[i:]) for i in range(len(parts))]
        candidates = (base / tail for tail in tails for base in bases)
        path = next((candidate for candidate in candidates if candidate.is_file()), None)
        if path is not None:
            found[image] = path
    missing = [image for image in labels.images if image not in found]
    if missing:
        where = source.images if source.images is not None else source.file.absolute().parent
        raise LabelsError(
            f"expected the pictures of {source.file}, did not find {len(missing)} of {len(labels)} in {where} "
            f"(first {missing[0]}); give their folder with --images"
        )
    return found


def _bases(file: Path) -> list[Path]:
    """Folders that the rows of `file` may be relative to: its own, and those above it up to the project's."""
    return [file.parent, *list(file.parent.parents)[:2], file.parent / DATA_FOLDER]


def _write_labels(
    folder: Path, labels: Labels, pictures: dict[str, Path], source: LabelSource, scorer: str
) -> dict[str, tuple[int, int]]:
    """Copy the pictures, write the tables; largest picture size of every folder by its name."""
    from markerless.video.images import image_size

    sizes: dict[str, tuple[int, int]] = {}
    frames: dict[str, list[LabeledFrame]] = {}
    for frame, name in zip(labels.frames, _folder_names(labels, source.file), strict=True):
        picture = pictures[frame.image]
        width, height = image_size(picture)
        most = sizes.get(name, (0, 0))
        sizes[name] = (max(most[0], width), max(most[1], height))
        place = folder / DATA_FOLDER / name / picture.name
        place.parent.mkdir(exist_ok=True)
        if place.exists():
            raise LabelsError(
                f"expected pictures of different names, got {picture.name} twice for {DATA_FOLDER}/{name}; rename one"
            )
        shutil.copyfile(picture, place)
        image = f"{DATA_FOLDER}/{name}/{picture.name}"
        frames.setdefault(name, []).append(replace(frame, image=image, labeler=scorer, path=None))
    for name, own in frames.items():
        table = of_known(replace(labels, frames=tuple(own), notes=()))
        if not table.frames:
            continue
        write_table(folder / DATA_FOLDER / name, table_name(scorer), table)
        if _says_more_than_a_table(table):
            entries = [*journal.changes(replace(table, frames=()), table), *journal.open_entries(table)]
            journal.append(journal.journal_path(folder, name), entries, scorer)
    return sizes


def _folder_names(labels: Labels, file: Path) -> list[str]:
    """For every frame the name of its folder in `labeled-data`."""
    parents = [PurePosixPath(image).parent for image in labels.images]
    if len(set(parents)) == 1:
        return [file.absolute().parent.name] * len(parents)
    names = {parent: parent.name or file.absolute().parent.name for parent in parents}
    if len(set(names.values())) < len(names):
        names = {parent: "_".join(parent.parts) or file.absolute().parent.name for parent in parents}
    return [names[parent] for parent in parents]


def _says_more_than_a_table(labels: Labels) -> bool:
    """True when a point is hidden, or not labeled beside others: label tables have no place for it, the journal has."""
    hidden = any((i.visibility == Visibility.OCCLUDED).any() for frame in labels.frames for i in frame.instances)
    return hidden or bool(journal.left_open(labels))


def _owners(labels: Labels) -> tuple[list[str], list[str]]:
    """Keypoints that the animals have, and those that belong to `single` alone."""
    of_single: set[int] = set()
    of_animals: set[int] = set()
    for frame in labels.frames:
        for instance in frame.instances:
            owned = (instance.visibility != Visibility.NOT_LABELED).nonzero()[0].tolist()
            (of_single if instance.individual == UNIQUE else of_animals).update(owned)
    names = labels.skeleton.keypoints
    unique = [name for k, name in enumerate(names) if k in of_single and k not in of_animals]
    return [name for name in names if name not in unique], unique
