"""`extract`: frames of videos as pictures in `labeled-data/<video>/`, named by their index as DeepLabCut names them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from markerless.core.progress import Progress, silent
from markerless.core.storage import atomic_path
from markerless.core.video import video_stem
from markerless.errors import FormatError, MarkerlessError, VideoError
from markerless.pipeline.analyze_settings import AnalyzeSettings
from markerless.pipeline.frames_to_label import frames_to_label
from markerless.pipeline.results import find_tracks, open_tracks
from markerless.pipeline.scene import crop_of, view_of
from markerless.project import Project
from markerless.project.label_files import DATA_FOLDER
from markerless.video.images import write_image
from markerless.video.reader import VideoReader, open_video
from markerless.video.sampling import METHODS, Sampling, away_from, choose_frames, free_frames, usable_near

MODEL = "model"  # chooses what a network is unsure of; the others look at pictures alone
ALL_METHODS = (*METHODS, MODEL)
PICTURE = re.compile(r"img0*(\d+)\.(?:png|jpe?g|bmp|tiff?)", re.IGNORECASE)


@dataclass(frozen=True)
class ExtractRequest:
    """What to extract.

    Attributes:
        n: Frames of each video.
        method: "kmeans", "uniform", "motion", or "model" for what the newest trajectories are least sure of.
        start_s: Begin here, seconds.
        stop_s: End before this time, seconds.
        seed: Another seed chooses other frames.
    """

    n: int = 20
    method: str = "kmeans"
    start_s: float | None = None
    stop_s: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Extracted:
    """What was extracted from a video.

    Attributes:
        video: It.
        folder: Where the pictures are.
        frames: Indices of the new ones, ascending.
        notes: What was odd, one line each.
        error: Why nothing came of it; "" when something did.
    """

    video: Path
    folder: Path
    frames: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""


def extract(
    project: Project | Path | str,
    videos: Sequence[str | Path] = (),
    request: ExtractRequest | None = None,
    progress: Progress = silent,
) -> list[Extracted]:
    """Choose frames of videos of a study and write them as pictures; frames that are pictures already are left alone.

    Args:
        project: The study, its folder or its config.yaml.
        videos: Names or paths of videos of the study; none: all of them.
        request: How many, and how they are chosen.
        progress: Told frame by frame, for each video anew.

    Returns:
        One for each video; a video that cannot be read has its `error`, and the others are done all the same.

    Raises:
        ProjectError: no such project.
        VideoError: the study has no such video, or none at all.
    """
    study = project if isinstance(project, Project) else Project(project)
    request = request or ExtractRequest()
    if request.method not in ALL_METHODS:
        raise VideoError(f"expected one of the methods {', '.join(ALL_METHODS)}, got '{request.method}'")
    results = []
    chosen = videos_of_study(study, videos)
    for video in chosen:
        told = progress if len(chosen) == 1 else _naming(video.name, progress)
        try:
            results.append(_of_video(study, video, request, told))
        except MarkerlessError as error:
            results.append(Extracted(video, picture_folder(study, video), error=str(error)))
    return results


def extract_frames(project: Project, video: Path, indices: Sequence[int]) -> Extracted:
    """Write these frames of a video as pictures; for a broken one the nearest whole one is taken, and that is said.

    Raises:
        VideoError: the video cannot be read, has no such frame, or all are broken and so is what is around them.
        StorageError: a picture cannot be written.
    """
    with open_video(video) as reader:
        return _write(project, reader, indices)


def videos_of_study(project: Project, names: Sequence[str | Path] = ()) -> list[Path]:
    """Videos of the study by name or path; all of them without names.

    Raises:
        VideoError: there is no such video, or none at all.
    """
    known = project.videos()
    if not known:
        raise VideoError(f"no videos in {project.root}; take some in with 'markerless add PROJECT VIDEO...'")
    if not names:
        return list(known)
    return [_named(Path(name), known, project) for name in names]


def picture_folder(project: Project, video: Path) -> Path:
    """Where the pictures of a video are."""
    return project.root / DATA_FOLDER / video_stem(video)


def extracted_frames(project: Project, video: Path) -> dict[int, str]:
    """Index -> file name of the frames of a video that are pictures already, ascending."""
    folder = picture_folder(project, video)
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    found = {int(match[1]): name for name in sorted(names) if (match := PICTURE.fullmatch(name))}
    return dict(sorted(found.items()))


def picture_name(index: int, n_frames: int) -> str:
    """`img0812.png`: as wide as DeepLabCut makes it, so that names sort as frames do."""
    return f"img{index:0{math.ceil(math.log10(max(n_frames, 2)))}d}.png"


def _named(name: Path, known: Sequence[Path], project: Project) -> Path:
    for video in known:
        if name.name == str(name) and name.name in (video.name, video.stem):
            return video
        if name.exists() and video.exists() and name.resolve() == video.resolve():
            return video
    there = ", ".join(video.name for video in known)
    raise VideoError(f"no video {name} in {project.root}; its videos: {there}; take others in with 'markerless add'")


def _of_video(project: Project, video: Path, request: ExtractRequest, progress: Progress) -> Extracted:
    taken = extracted_frames(project, video)
    with open_video(video) as reader:
        part = _frame_at(reader, request.start_s, 0), _frame_at(reader, request.stop_s, len(reader))
        if request.method == MODEL:
            indices = _unsure(reader, request.n, part, taken)
        else:
            method = next(method for method in METHODS if method == request.method)
            view = view_of(reader.video, crop_of(video, project, AnalyzeSettings()), strict=False)
            indices = choose_frames(reader, Sampling(request.n, method, *part, request.seed, view), taken, progress)
        result = _write(project, reader, indices, progress)
    if len(result.frames) < request.n:
        lacks = "trajectories" if request.method == MODEL else "something to see"
        note = f"{len(result.frames)} frames instead of {request.n}: there are no more with {lacks}"
        return replace(result, notes=(*result.notes, note))
    return result


def _naming(name: str, progress: Progress) -> Progress:
    def told(done: int, total: int, message: str) -> None:
        progress(done, total, f"{name}: {message}")

    return told


def _unsure(reader: VideoReader, n: int, part: tuple[int, int], taken: dict[int, str]) -> list[int]:
    video = reader.video.path
    try:
        source = find_tracks(video)
    except FormatError as error:
        raise VideoError(
            f"the method '{MODEL}' needs trajectories of {video.name}, of which there are none; analyze it first"
        ) from error
    tracks, _ = open_tracks(source, video)
    free = free_frames(reader, part, taken)
    return frames_to_label(tracks, n, away_from(free, taken, n))


def _frame_at(reader: VideoReader, time_s: float | None, default: int) -> int:
    """The first frame that is shown at a time or later, as `analyze` counts."""
    if time_s is None:
        return default
    times = reader.times_s
    if not np.isfinite(times).all():
        raise VideoError(f"{reader.video.path.name} is a folder of pictures, which have no times; leave out the times")
    return int(np.searchsorted(times, time_s))


def _write(project: Project, reader: VideoReader, indices: Sequence[int], progress: Progress = silent) -> Extracted:
    video = reader.video.path
    folder, taken = picture_folder(project, video), set(extracted_frames(project, video))
    for index in indices:
        if not 0 <= index < len(reader):
            raise VideoError(f"expected frames from 0 to {len(reader) - 1} of {video.name}, got {index}")
    wanted, frames, notes = set(indices) - taken, [], []
    for done, index in enumerate(sorted(wanted), 1):
        near = usable_near(reader, index, taken | (wanted - {index}))
        progress(done, len(wanted), "writing")
        if near is None:
            notes.append(f"frame {index} and all around it are broken")
            continue
        if near != index:
            notes.append(f"frame {index} is broken; {near} was taken")
        with atomic_path(folder / picture_name(near, len(reader))) as temporary:
            write_image(temporary, reader[near])
        taken.add(near)
        frames.append(near)
    if notes and not frames:
        raise VideoError(f"{notes[0]} in {video.name}; choose another one")
    return Extracted(video, folder, tuple(sorted(frames)), tuple(notes))
