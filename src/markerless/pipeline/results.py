"""Finds and opens the trajectories that belong to a video: ours beside it, or a file of any tool."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from markerless.core.tracks import Tracks
from markerless.core.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES, Video, video_stem
from markerless.errors import FormatError
from markerless.project import Project, Run

# Ours first; the others may be of other tools.
RESULT_SUFFIXES = (".nc", ".h5", ".csv", ".slp", ".nwb", ".parquet")
TRACKS_ALONE = (".nc", ".h5", ".slp")  # seldom of anything else; a CSV may be any table, the others are exported
OTHER_KINDS = ("_skeleton", "_DLC_3D")  # end the names of DeepLabCut's files of limbs, and of points in space
SURE = 0.7  # a format claims what it can read more surely, and what only begins like its files less
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
    """The newest result beside the video, of its files the native one (`newest_tracks`).

    Where no file beside it holds tracks, the newest one all the same: who opens it is told what is wrong with it.
    Results are named `<video><scorer>.nc` (`.h5`, `.csv`). "mouse2DLC.nc" is of the video "mouse2" and not of "mouse"
    when both videos lie there.

    Raises:
        FormatError: there is none.
    """
    results = result_files(video)
    newest = newest_tracks(results) or newest_of(results)
    if newest is not None:
        return newest
    folder, stem = video.resolve().parent, video_stem(video)
    raise FormatError(
        f"no tracks of {video.name} in {folder}: expected {stem}<scorer>.nc; "
        f"run `markerless analyze PROJECT {video.name}` first, or name a file with --tracks"
    )


def newest_tracks(results: Sequence[Path]) -> Path | None:
    """`newest_of` those that hold tracks; of those that may hold some where no other is there.

    Recordings of another kind lie beside videos as well, and may be newer than the tracks. A damaged file is not passed
    over like them, but where its analysis has a sound one: who opens it is told, and does not see an older result.
    """
    newest = newest_of(results, lambda path: _surely_holds_tracks(path) or _is_damaged(path))
    if newest is None:
        return newest_of(results, holds_tracks)
    twins = [path for path in results if analysis_of(path) == analysis_of(newest)]
    return newest_of(twins, _surely_holds_tracks) or newest


def newest_of(results: Sequence[Path], accepts: Callable[[Path], bool] = lambda _: True) -> Path | None:
    """Of results, the newest first, the native file of the newest one that is accepted; None where there is none.

    A CSV alone, or what was exported for others, is taken only where there is nothing else: it may be a table of
    another kind, or newer than what it was made of. No more files are asked about than that takes.
    """
    alone_first = sorted(results, key=lambda path: path.suffix.lower() not in TRACKS_ALONE)
    newest = next(filter(accepts, alone_first), None)
    if newest is None:
        return None
    analysis = analysis_of(newest)
    same = sorted((path for path in results if analysis_of(path) == analysis), key=native_first)
    return next(path for path in same if path == newest or accepts(path))


def analysis_of(result: Path) -> Path:
    """What the files of one analysis, its h5, csv and nc, have in common: their path but for the suffix."""
    return result.absolute().parent.resolve() / result.stem


def native_first(result: Path) -> int:
    """A key that sorts files of one analysis: ours before those for other tools."""
    suffix = result.suffix.lower()
    return RESULT_SUFFIXES.index(suffix) if suffix in RESULT_SUFFIXES else len(RESULT_SUFFIXES)


def holds_tracks(path: Path, least: float = 0.0) -> bool:
    """Whether a file looks like tracks, of whatever tool: a format of tracks claims it, more surely than `least`."""
    # The readers of all formats cost a second to import.
    from markerless.formats import registry
    from markerless.formats._sniff import rank

    try:
        return any(score > least and registry.get(name).KIND == "tracks" for name, score in rank(path))
    except FormatError:
        return False


def _surely_holds_tracks(path: Path) -> bool:
    is_other = path.suffix.lower() != RESULT_SUFFIXES[0] and path.stem.endswith(OTHER_KINDS)  # a run may be called so
    return not is_other and holds_tracks(path, SURE)


def _is_damaged(path: Path) -> bool:
    """Whether a file that should be HDF5 by its name cannot be read as such; older netCDF is of another kind."""
    if path.suffix.lower() not in (".nc", ".h5"):
        return False
    from markerless.formats._hdf5 import look

    try:
        with path.open("rb") as file:
            is_older = file.read(3) == b"CDF"
    except OSError:  # who opens it says why
        return True
    return not is_older and look(path) == ({}, {})


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

    name = said_stem(text(look(result)[1].get("video")), result)
    return name if result.name.startswith(name) else ""


def said_stem(video: str, result: Path) -> str:
    """`video_stem` of what a result says its video is called, which need not be there: `Tracks.video`.

    A folder may be called "take.ts". Our results of it are "take.tsDLC...", and those of a file "takeDLC...".
    """
    said = Path(video.replace("\\", "/"))
    is_folder = result.name.startswith(f"{said.name}{SCORER}")
    return said.stem if said.suffix.lower() in VIDEO_SUFFIXES and not is_folder else said.name


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
    if source is not None and begins_with(source.stem, stem):
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
