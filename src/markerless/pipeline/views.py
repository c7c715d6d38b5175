"""The verb `views`: tell a study which of its videos, or which parts of its pictures, show the same scene; and have
pictures of the same moments in all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.progress import Progress, silent
from markerless.core.storage import atomic_path
from markerless.core.video import IMAGE_SUFFIXES, video_stem
from markerless.errors import CalibrationError, FormatError, MarkerlessError, ProjectError, StorageError
from markerless.multiview.calibration_file import FILE_NAME, read_calibration
from markerless.multiview.files import views_toml
from markerless.pipeline.extract import Extracted, extract_frames, picture_folder
from markerless.pipeline.study_views import (
    EXAMPLE,
    FILE,
    KEPT,
    FrameKey,
    StudyViews,
    read_study_views,
    toml_tables,
)
from markerless.pipeline.view_labels import moments_of, placed_of, rig_of
from markerless.project import Project
from markerless.project.label_files import DATA_FOLDER
from markerless.video.reader import open_video

_MOST_BYTES = 20_000_000  # of a calibration


@dataclass(frozen=True)
class Session:
    """Videos that ran together.

    Attributes:
        folders: View -> folder of `labeled-data`, whether or not it is there yet.
        n_moments: Moments of which at least one view has a picture.
        n_shared: Those of them that two or more views have.
        missing: View -> numbers of the moments that other views have as pictures, and it has not.
    """

    folders: Mapping[str, str]
    n_moments: int
    n_shared: int
    missing: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class ViewsReport:
    """The views of a study.

    Attributes:
        file: Where they are said.
        views: Their names.
        calibrated: Whether the cameras are given; else they are found from labels.
        keypoints: Names that two or more views share.
        sessions: Videos that ran together; none for the views of one picture.
        error_px: View -> what is expected of a label, median over keypoints; empty while the cameras are not known.
        n_points: Points in two or more views that this was learned from.
        notes: What is odd, one line each.
        extracted: Pictures that were made.
    """

    file: Path
    views: tuple[str, ...]
    calibrated: bool
    keypoints: tuple[str, ...]
    sessions: tuple[Session, ...]
    error_px: Mapping[str, float]
    n_points: int
    notes: tuple[str, ...] = ()
    extracted: tuple[Extracted, ...] = ()


def views(project: Project | Path | str, with_pictures: bool = False, progress: Progress = silent) -> ViewsReport:
    """What the views of a study are.

    Args:
        project: The study, its folder or its config.yaml.
        with_pictures: First make a picture of every moment in all views of its session, where one has it.
        progress: Told of every picture that is made.

    Raises:
        ProjectError: no such study, or it has no views.
        FormatError: its file of views is malformed.
        CalibrationError: its cameras cannot be read.
        VideoError: a video cannot be read.
    """
    study = project if isinstance(project, Project) else Project(project)
    found = read_study_views(study)
    if found is None:
        raise ProjectError(
            f"no {FILE} in {study.root}: it has no views yet; say which videos belong together: markerless views "
            f"PROJECT CALIBRATION --videos '{EXAMPLE}'"
        )
    extracted = extract_partners(study, found, progress) if with_pictures else []
    labels = study.combine([study.folder_labels(video) for video in study.label_folders()])  # none as yet is no error
    notes: list[str] = []
    error: dict[str, float] = {}
    n_points = 0
    try:
        rig = rig_of(found, moments_of(found, placed_of(labels), labels.individuals))
        error = {name: float(np.median(row)) for name, row in zip(found.names, rig.error, strict=True)}
        n_points = rig.n_points
        notes += rig.notes
    except CalibrationError as reason:  # a mirror without enough labels yet
        notes.append(str(reason))
    sessions = tuple(sessions_of(study, found))
    if not sessions and not found.is_one_picture:
        notes.append(
            f"no two videos or folders are named as 'videos' in {FILE} has it; correct it, or say in its table "
            "[cameras] how videos call the cameras"
        )
    calibrated = found.calibration is not None
    return ViewsReport(
        found.file, found.names, calibrated, found.keypoints, sessions, error, n_points, tuple(notes), tuple(extracted)
    )


def set_views(project: Project | Path | str, source: Path, videos: Sequence[str] = ()) -> list[Path]:
    """Tell a study what its views are: a copy of the calibration, or of the file of views, is kept in it.

    Args:
        project: The study, its folder or its config.yaml.
        source: A calibration of several cameras, or a file of the views in one picture. With a calibration, the tables
            [cameras] and [offsets] of a file of views that is there already are kept.
        videos: For several cameras: names of their videos, with {camera} and perhaps {session}.

    Returns:
        The files that were written.

    Raises:
        ProjectError: no such study, or it has another file of the calibration's name.
        FormatError: the file or a name is malformed; the study stays as it was.
        CalibrationError: the cameras cannot be read, or are impossible; the study stays as it was.
        StorageError: a file cannot be written.
    """
    study = project if isinstance(project, Project) else Project(project)
    if source.suffix.lower() == ".toml" and views_toml.is_views_file(source):
        if videos:
            raise FormatError(f"--videos is for several cameras; {source} is about the views in one picture")
        plan = views_toml.read(source)
        calibration = plan.calibration
        text = source.read_text(encoding="utf-8")
        if calibration is not None:
            text = _naming(text, calibration.name, source)
    else:
        calibration = source / FILE_NAME if source.is_dir() else source
        _require_other_name(calibration)
        read_calibration(calibration)
        if not videos:
            raise FormatError(f"expected --videos with the names of the cameras' videos, such as '{EXAMPLE}', got none")
        names = [_toml(name) for name in videos]
        listed = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
        text = f"calibration = {_toml(calibration.name)}\nvideos = {listed}\n"
        text += _kept_tables(study.root / FILE)
    return _write(study, text, calibration)


def extract_partners(
    project: Project, found: StudyViews, progress: Progress = silent, only: tuple[str, str] | None = None
) -> list[Extracted]:
    """Make a picture of every moment that one view has in all views of its session whose video is there.

    Args:
        project: The study.
        found: Its views.
        progress: Told of every picture.
        only: Folder and picture of the one moment to do this for; by default all of them.
    """
    videos = {video_stem(path): path for path in project.videos()}
    place = found.session_of(only[0]) if only is not None else None
    key = found.moment_of(place[1], only[1]) if only and place and place[1] is not None else None
    wanted: list[tuple[str, list[int]]] = []
    for session in sessions_of(project, found):
        if only is not None and only[0] not in session.folders.values():
            continue
        for view, missing in session.missing.items():
            number = found.names.index(view)
            chosen = [found.frame_of(number, moment) for moment in missing if only is None or moment == key]
            if chosen and session.folders[view] in videos:
                wanted.append((session.folders[view], chosen))
    done, total, results = 0, sum(len(frames) for _, frames in wanted), []
    for folder, frames in wanted:
        progress(done, total, folder)
        try:
            results.append(_extract(project, videos[folder], frames))
        except MarkerlessError as error:  # a broken video; the others are done all the same
            results.append(Extracted(videos[folder], picture_folder(project, videos[folder]), error=str(error)))
        done += len(frames)
    return results


def _extract(project: Project, video: Path, frames: Sequence[int]) -> Extracted:
    """Those of the frames that the video has; a note says how many it has not."""
    with open_video(video) as reader:
        n_frames = len(reader)
    inside = [frame for frame in frames if 0 <= frame < n_frames]
    without = len(frames) - len(inside)
    note = f"{without} of the moments are not in this video of {n_frames} frames" if without else ""
    done = extract_frames(project, video, inside) if inside else Extracted(video, picture_folder(project, video))
    return replace(done, notes=(*done.notes, note)) if note else done


def sessions_of(project: Project, found: StudyViews) -> list[Session]:
    """The sessions of two or more views, in the order of their first folder."""
    folders = list(dict.fromkeys([*project.label_folders(), *(video_stem(path) for path in project.videos())]))
    sessions, seen = [], set[str]()
    for folder in folders:
        partners = found.partners(folder, folders)
        if folder in seen or len(partners) < 2:
            continue
        seen |= set(partners.values())
        keys = {view: _moments(project, found, view, name) for view, name in partners.items()}
        every = set.union(*keys.values())
        shared = sum(sum(key in own for own in keys.values()) >= 2 for key in every)
        numbers = sorted(key for key in every if isinstance(key, int))
        missing = {found.names[view]: tuple(key for key in numbers if key not in own) for view, own in keys.items()}
        named = {found.names[view]: name for view, name in partners.items()}
        sessions.append(Session(named, len(every), shared, missing))
    return sessions


def _moments(project: Project, found: StudyViews, view: int, folder: str) -> set[FrameKey]:
    home = project.root / DATA_FOLDER / folder
    names = [entry.name for entry in home.iterdir()] if home.is_dir() else []
    shown = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")]
    return {found.moment_of(view, name) for name in shown}


def _kept_tables(file: Path) -> str:
    """What a study says already of its cameras by hand: their names in videos and their offsets."""
    try:
        tables = toml_tables(file) if file.is_file() else {}
    except FormatError:
        return ""  # a damaged file is what a new one mends
    kept = {key: tables[key] for key in KEPT if isinstance(tables.get(key), dict)}
    lines = [
        line
        for key, table in kept.items()
        for line in ("", f"[{key}]", *(f"{_toml(name)} = {_toml(value)}" for name, value in table.items()))
    ]
    return "\n".join([*lines, ""]) if lines else ""


def _toml(value: Any) -> str:
    """A text or a whole number; what is something else is refused when it is read."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _naming(text: str, name: str, source: Path) -> str:
    """A file of views that names its calibration in the same folder."""
    lines = text.splitlines()
    for place, line in enumerate(lines):
        if line.partition("=")[0].strip().strip("\"'") == "calibration":
            lines[place] = f"calibration = {_toml(name)}"
            return "\n".join(lines) + "\n"
    raise FormatError(f'expected a line calibration = "FILE" in {source}, found it written otherwise')


def _write(study: Project, text: str, calibration: Path | None) -> list[Path]:
    """Keep both files; they go back to what they were when the study cannot be read with them."""
    file = study.root / FILE
    contents: dict[Path, bytes] = {file: text.encode("utf-8")}
    if calibration is not None:
        copy = study.root / calibration.name
        contents[copy] = _bytes(calibration)
        _require_other_name(calibration)
        if copy.exists() and _bytes(copy) != contents[copy] and _named(file) != copy.name:
            raise ProjectError(f"expected no other {copy.name} in {study.root}; rename one of the two")
    before = {path: path.read_bytes() if path.exists() else None for path in contents}
    try:
        for path, content in reversed(contents.items()):
            _put(path, content)
        read_study_views(study)
    except MarkerlessError:
        for path, old in before.items():
            if old is None:
                path.unlink(missing_ok=True)
            else:
                _put(path, old)
        raise
    return list(contents)


def _require_other_name(calibration: Path) -> None:
    if calibration.name.lower() == FILE:  # such as that of another study
        raise ProjectError(
            f"expected a calibration of another name than {FILE}, got {calibration}; give the calibration that it "
            "names, or rename it"
        )


def _put(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _named(file: Path) -> Any:
    """The calibration that a study's file of views names already."""
    try:
        return toml_tables(file).get("calibration")
    except FormatError:
        return None


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FormatError(f"expected a calibration, got {path.stat().st_size:,} bytes in {path}")
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
