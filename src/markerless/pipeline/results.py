"""Finds and opens the trajectories that belong to a video: ours beside it, or a file of any tool."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from markerless.core.tracks import Tracks
from markerless.core.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES, Video, video_stem
from markerless.errors import FormatError
from markerless.project import Project, Run

# Ours first; the others may be of other tools.
RESULT_SUFFIXES = (".nc", ".h5", ".csv", ".slp", ".nwb", ".parquet")
TRACKS_ALONE = (".nc", ".h5", ".slp")  # beside a video they hold nothing else
PLOTS_FOLDER = "plot-poses"  # of figures, as DeepLabCut calls it
TABLES = ("_kinematics", "_kinematics_summary", "_regions", "_visits")  # end the names of tables that are no tracks
SCORER = "DLC"  # begins the names of our networks, which follow the video's
LABELED = "_labeled"  # ends the name of a video with tracks drawn into it


def located(project: Project | None, video: str | Path) -> str | Path:
    """Where a video is: one of the study may be given by its name alone, from any folder."""
    given = Path(video)
    if project is None or given.exists() or given.name != str(video):
        return video
    return next((path for path in project.videos() if path.name == given.name), video)


def find_tracks(video: Path) -> Path:
    """The newest result beside the video, of its files the native one (`newest_of`).

    Results are named `<video><scorer>.nc` (`.h5`, `.csv`). "mouse2DLC.nc" is of the video "mouse2" and not of "mouse"
    when both videos lie there.

    Raises:
        FormatError: there is none.
    """
    newest = newest_of(result_files(video))
    if newest is not None:
        return newest
    folder, stem = video.resolve().parent, video_stem(video)
    raise FormatError(
        f"no tracks of {video.name} in {folder}: expected {stem}<scorer>.nc; "
        f"run `markerless analyze PROJECT {video.name}` first, or name a file with --tracks"
    )


def newest_of(results: Sequence[Path]) -> Path | None:
    """Of results, the newest first, the native file of the newest one; None where there is none.

    A CSV alone, or what was exported for others, is taken only where there is nothing else: it may be a table of
    another kind, or newer than what it was made of.
    """
    alone = (path for path in results if path.suffix.lower() in TRACKS_ALONE)
    newest = next(alone, None) or next(iter(results), None)
    if newest is None:
        return None
    same = [path for path in results if path.with_suffix("") == newest.with_suffix("")]
    return min(same, key=lambda path: RESULT_SUFFIXES.index(path.suffix.lower()))


def result_folders(video: Path) -> list[Path]:
    """Where results of a video lie: beside it, and, where it is a link, beside the link as well."""
    return list(dict.fromkeys((video.resolve().parent, video.absolute().parent.resolve())))


def result_files(video: Path) -> list[Path]:
    """The files beside the video that are named as its results are, the newest first; not all of them may be tracks."""
    results = [entry for entry in files_of(video) if entry.suffix.lower() in RESULT_SUFFIXES and not is_table(entry)]
    return sorted(results, key=lambda entry: (entry.stat().st_mtime_ns, entry.name), reverse=True)


def is_table(path: Path) -> bool:
    """Whether a file beside a video is named as the tables of `kinematics` are, which hold no tracks."""
    return path.suffix.lower() == ".csv" and path.stem.endswith(TABLES)


def video_of(source: Path) -> Path | None:
    """The video beside a file of tracks whose name begins the file's, the longest such name; None without one."""
    folder = source.resolve().parent
    beside = [
        entry
        for entry in (folder.iterdir() if folder.is_dir() else [])
        if entry.suffix.lower() in VIDEO_SUFFIXES
        and begins_with(source.name, entry.stem)
        and not entry.stem.endswith(LABELED)
    ]
    return max(beside, key=lambda entry: (len(entry.stem), entry.name), default=None)


def files_of(video: Path) -> list[Path]:
    """Everything beside the video whose name begins with the video's, and with that of no other video there.

    Other videos are files, folders of images, and those that are gone but that a result says it is of.
    """
    stem = video_stem(video)
    found = []
    for folder in result_folders(video):
        entries = [entry for entry in (folder.iterdir() if folder.is_dir() else []) if begins_with(entry.name, stem)]
        longer = {other for entry in entries if (other := _other_video(entry, stem)) and begins_with(other, stem)}
        found += [entry for entry in entries if not any(entry.name.startswith(other) for other in longer)]
    return found


def begins_with(name: str, stem: str) -> bool:
    """Whether a file may be named after the video `stem`: "m1DLC.nc" is after "m1", "m10DLC.nc" after another one."""
    return name.startswith(stem) and not (stem[-1:].isdigit() and name[len(stem) :][:1].isdigit())


def _other_video(entry: Path, stem: str) -> str:
    """Name of the video that an entry is, or is a result of, when that is another one than `stem`; else ""."""
    if entry.name == stem or entry.name.startswith(f"{stem}{SCORER}"):  # itself, or named as its results are
        return ""
    if entry.suffix.lower() in VIDEO_SUFFIXES or _has_images(entry):
        name = video_stem(entry)
    elif entry.suffix == RESULT_SUFFIXES[0]:
        name = _says_it_is_of(entry)
    else:
        return ""
    return "" if name == stem or name.endswith(LABELED) else name


def _has_images(folder: Path) -> bool:
    try:
        with os.scandir(folder) as inside:
            names = (Path(entry.name) for entry in inside if not entry.name.startswith("."))
            return any(name.suffix.lower() in IMAGE_SUFFIXES for name in names)
    except OSError:  # a file, or a folder that may not be read
        return False


def _says_it_is_of(result: Path) -> str:
    """Name of the video that a file of ours is of by its own account; "" where it was given another name since."""
    from markerless.formats._hdf5 import look, text

    name = said_stem(text(look(result)[1].get("video")))
    return name if result.name.startswith(name) else ""


def said_stem(video: str) -> str:
    """`video_stem` of what a result says its video is called, which need not be there: `Tracks.video`."""
    said = Path(video.replace("\\", "/"))
    return said.stem if said.suffix.lower() in VIDEO_SUFFIXES else said.name


def tracks_of_run(run: Run, video: Path) -> Path:
    """The result that `run` has of the video, beside it.

    Raises:
        FormatError: there is none.
    """
    stem = f"{video_stem(video)}{run.scorer}"
    for suffix in RESULT_SUFFIXES:
        for folder in result_folders(video):
            path = folder / f"{stem}{suffix}"
            if path.is_file():
                return path
    raise FormatError(
        f"no tracks of {video.name} by run {run.name}: expected {stem}.nc in {video.resolve().parent}; "
        f"run `markerless analyze PROJECT {video.name} --run {run.name}` first, or name a file with --tracks"
    )


def open_tracks(source: Tracks | Path | str | None, video: Path) -> tuple[Tracks, Path | None]:
    """The tracks given, read from a file of any tool, or found beside the video; and the file they came from.

    Raises:
        FormatError: no file, or one that is not tracks.
    """
    if isinstance(source, Tracks):
        return source, None
    # The readers of all formats cost a second to import, and tracks in memory need none of them.
    from markerless.formats._sniff import open_any

    path = Path(source) if source is not None else find_tracks(video)
    _, value = open_any(path, "tracks")
    if not isinstance(value, Tracks):
        raise FormatError(f"expected tracks, got {type(value).__name__.lower()} in {path}; give a file of predictions")
    return value, path


def result_name(tracks: Tracks, source: Path | None, video: Path) -> str:
    """What files made of these tracks are called: `<video><scorer>`, with what a filter added to the file's name."""
    stem = video_stem(video)
    if source is not None and source.stem.startswith(stem):
        return source.stem
    return f"{stem}{tracks.scorer}"


def length_note(tracks: Tracks, video: Video) -> str | None:
    """One line when tracks and video have different numbers of frames, else None."""
    if tracks.n_frames == video.n_frames:
        return None
    shared = min(tracks.n_frames, video.n_frames)
    return (
        f"the tracks have {tracks.n_frames} frames but {video.path.name} has {video.n_frames}: they are drawn "
        f"for the first {shared}; if they drift apart, analyze this very file again"
    )
