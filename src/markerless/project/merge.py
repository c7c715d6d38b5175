"""Several studies as one: videos by their content, frames, keypoints by name, everybody's labels, all or nothing.

Everything that is new is put in place as one change, which survives a computer that stops in between. The studies that
are merged are only read.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ruamel.yaml.comments import CommentedMap

from markerless.core.progress import Progress, silent
from markerless.core.storage import storage_error
from markerless.errors import StorageError, VideoError
from markerless.formats import dlc_labels
from markerless.project import config_file, journal, skeleton_settings, staged
from markerless.project.create import AddedVideo, add_to_config
from markerless.project.keypoints import Plan, clicks_in_tables
from markerless.project.label_files import DATA_FOLDER
from markerless.project.merge_match import Matcher
from markerless.project.merge_plan import Merge, plan_merge, read_others
from markerless.project.staged import Staged
from markerless.project.study import VIDEOS_FOLDER, Project
from markerless.video.images import image_size

MoreFiles = Callable[[Merge], Mapping[Path, str]]


def preview_merge(into: Project, others: Sequence[Project], progress: Progress = silent) -> Merge:
    """What `merge_projects` would do; nothing is written.

    Raises:
        ProjectError, LabelsError: as `merge_projects`.
    """
    return plan_merge(into, read_others(into, others), Matcher(progress))


def merge_projects(
    into: Project,
    others: Sequence[Project],
    more: MoreFiles | None = None,
    copy: bool = False,
    progress: Progress = silent,
) -> Merge:
    """Merge `others` into a study: all of it, or, where something goes wrong, nothing.

    Args:
        into: Takes everything in.
        others: Are only read.
        more: Gives texts to write as part of the same change, by their paths inside the project.
        copy: Copy videos instead of linking them.
        progress: Told of every picture that is compared.

    Raises:
        ProjectError: a study is named twice, is being changed, or is one of several animals and another of one.
        LabelsError: a table is malformed, or its CSV is newer and differs.
        StorageError: a file cannot be written.
    """
    matcher, root = Matcher(progress), into.root
    sides = read_others(into, others)
    plan_merge(into, sides, matcher)  # what takes long: nobody has to wait with labeling meanwhile
    staging = Staged(root)
    with staged.alone(root), clicks_in_tables(Project(into.config_path, finish=False)):
        now = Project(into.config_path, finish=False)
        merge = plan_merge(now, sides, matcher)
        if merge.is_nothing:
            return merge
        try:
            _stage(now, merge, staging, copy)
            for path, text in (more(merge) if more is not None else {}).items():
                staging.file_for(path).write_text(text, encoding="utf-8", newline="")
            staging.commit()
        except OSError as error:
            staging.abandon()
            raise _told(error, root) from error
        except BaseException:
            staging.abandon()
            raise
    return merge


def _told(error: OSError, root: Path) -> StorageError:
    """What went wrong while files were made ready; copying names the file that it reads when the disk is full."""
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else root
    if path.is_relative_to(root):
        return storage_error(error, path)
    if error.filename2 is not None or error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return storage_error(error, root)
    return StorageError(f"cannot read {path}: {error.strerror or error}; make it readable, then merge again")


def _stage(into: Project, merge: Merge, staging: Staged, copy: bool) -> None:
    root = into.root
    for image, path in merge.new_pictures.items():
        shutil.copyfile(path, staging.file_for(root / image))
    for folder, name in merge.changed_tables:
        labels = merge.after.folders[folder].tables[name]
        for suffix in (".h5", ".csv") if len(labels) else ():
            target = root / DATA_FOLDER / folder / f"{name}{suffix}"
            dlc_labels.write(labels, staging.file_for(target))
    for folder, lines in merge.lines.items():
        if lines:
            dated = journal.dated(lines, into.scorer or "markerless")
            text = b"".join(map(journal.line_of, dated))
            staging.lines_for(into.journal_of(folder)).write_bytes(b"\n" + text)  # a torn last line ends here
    for name, path in merge.new_videos.items():
        _stage_video(path, root / VIDEOS_FOLDER / f"{name}{path.suffix}", staging, copy)
    if merge.changes_config:
        config_file.save_config(staging.file_for(into.config_path), _config(into, merge))


def _stage_video(source: Path, target: Path, staging: Staged, copy: bool) -> None:
    """Bring a video in: hard link, else symbolic link, else a copy."""
    source = source.resolve()
    is_folder = source.is_dir()
    place = staging.file_for(target, is_link=is_folder or not copy)
    if not copy:
        for link in (os.link, os.symlink):
            with suppress(OSError):  # another disk, a folder, or a system without links
                link(source, place)
                return
    (shutil.copytree if is_folder else shutil.copyfile)(source, place)


def _config(into: Project, merge: Merge) -> CommentedMap:
    """`config.yaml` with what is new; comments and other keys stay."""
    side, present = merge.after, into.skeleton.keypoints
    more = side.keypoints[len(present) :]
    plan = Plan(side.keypoints, (*present, *(None for _ in more)))
    config = skeleton_settings.changed_config(into, plan, side.drawn, side.unique)
    if side.individuals is not None and side.individuals != merge.before.individuals:
        old = list(config_file.texts(config.get("individuals")))
        places = [old.index(name) if name in old else None for name in side.individuals]
        config_file.replace_list(config, "individuals", list(side.individuals), places)
    for name, crop in side.crops.items():
        width, height = _size(merge, name)
        if name in merge.before.crops or not (width or crop):
            continue
        video = into.root / VIDEOS_FOLDER / f"{name}{_suffix(merge, name)}"
        add_to_config(config, into.root, [AddedVideo(video, "already there", width, height)])
        if crop:
            config["video_sets"][str(video)]["crop"] = crop
    return config


def _suffix(merge: Merge, name: str) -> str:
    return merge.after.videos[name].suffix if name in merge.after.videos else ".mp4"


def _size(merge: Merge, name: str) -> tuple[int, int]:
    """Width and height of a new video; 0 where neither it nor a picture of it can be read."""
    from markerless.video.reader import open_video

    if name in merge.after.videos:
        with suppress(VideoError), open_video(merge.after.videos[name]) as reader:
            return reader.video.width, reader.video.height
    sizes = [(0, 0)]
    for path in merge.after.folders[name].pictures.values() if name in merge.after.folders else ():
        with suppress(VideoError):
            sizes.append(image_size(path))
    return max(width for width, _ in sizes), max(height for _, height in sizes)
