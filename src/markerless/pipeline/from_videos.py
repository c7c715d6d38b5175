"""From videos to points in space in one go: the rig from pictures of a board, a network's points of every video.

What is there already is not made again: a calibration of the same board that is newer than its pictures, and results of
the same network, video and settings. What is left to do then is `triangulate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markerless.core.camera import Calibration
from markerless.core.progress import Bar, no_bar
from markerless.core.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES, video_stem
from markerless.errors import CalibrationError, FormatError, SettingsError, VideoError
from markerless.multiview.boards import parse_board
from markerless.multiview.calibration_file import FILE_NAME, read_calibration
from markerless.multiview.files import views_toml
from markerless.pipeline.analyze import Analysis, analyze
from markerless.pipeline.board_recordings import find_recordings
from markerless.pipeline.calibrate import CalibrateRequest, calibrate
from markerless.pipeline.results import LABELED, SCORER
from markerless.pipeline.space_files import Target, made_of, require_free, target_of
from markerless.pipeline.triangulate import ALL_VIEWS, InSpace, TriangulateOptions, triangulate

if TYPE_CHECKING:
    from markerless.project import Project, Run


@dataclass(frozen=True)
class FromVideos:
    """What makes points of videos.

    Attributes:
        board: The board in the pictures of the folder that is named in place of a calibration; None: there is one.
        network: A project, or one of its runs, that finds the keypoints in videos; None: the files are results.
        run: Name of the project's run; None is the newest finished one.
        render: Whether the points are drawn as a video, beside those of the cameras.
    """

    board: str | None = None
    network: Project | Run | None = None
    run: str | None = None
    render: bool = False


@dataclass(frozen=True)
class Prepared:
    """What `triangulate` needs.

    Attributes:
        calibration: The cameras' file.
        files: Camera -> results or labels.
        videos: Camera -> the video its results were made of, where they were made or found here.
        out: Where to write.
        told: What was done and what was there, one line each.
    """

    calibration: Path
    files: dict[str, Path]
    videos: dict[str, Path]
    out: Target | None
    told: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        files = {name: str(path) for name, path in self.files.items()}
        videos = {name: str(path) for name, path in self.videos.items()}
        return {"calibration": str(self.calibration), "files": files, "videos": videos, "told": list(self.told)}


def from_videos(
    calibration: Path | str,
    files: Mapping[str, Path | str],
    out: Path | str | None = None,
    options: TriangulateOptions | None = None,
    request: FromVideos = FromVideos(),
    bar: Bar = no_bar,
) -> InSpace:
    """Calibrate, analyze and triangulate, as far as it is not done already.

    Args:
        calibration: Of the cameras, as for `triangulate`; or with `request.board` a folder of pictures or videos of it.
        files: Camera -> its video, or results or labels of it; `{"all": FOLDER}` takes the videos in a folder by name.
        out: Where to write, without suffix; the calibration and the results of the videos go to the same folder then,
            else beside the pictures and the videos.
        options: How points in space are made.
        request: The board and the network.
        bar: Shows how far each part is.

    Raises:
        MarkerlessError: as `calibrate`, `analyze` and `triangulate`.
    """
    ready = prepare(calibration, files, out, request, bar)
    result = triangulate(ready.calibration, ready.files, ready.out, options or TriangulateOptions())
    result = replace(result, notes=(*ready.told, *result.notes))
    return rendered(result, ready, bar) if request.render else result


def rendered(result: InSpace, ready: Prepared, bar: Bar = no_bar) -> InSpace:
    """The result with a video of its points, which is written beside its files.

    Raises:
        VideoError: a camera's video cannot be read.
        StorageError: the video cannot be written.
    """
    from markerless.pipeline.render_space import render_space

    with bar("rendering", "frames") as progress:
        drawn = render_space(result.files[0], None, ready.videos or None, progress=progress)
    return replace(result, notes=(*result.notes, *drawn.notes), files=(*result.files, drawn.path))


def prepare(
    calibration: Path | str,
    files: Mapping[str, Path | str],
    out: Path | str | None = None,
    request: FromVideos = FromVideos(),
    bar: Bar = no_bar,
) -> Prepared:
    """Everything before `triangulate`; arguments as of `from_videos`.

    Raises:
        CalibrationError: no rig, or videos that belong to none of its cameras.
        SettingsError: videos without a network.
        StorageError: nothing can be written there, or a result of other videos would be replaced.
        VideoError: a video cannot be analyzed.
    """
    told: list[str] = []
    folder = None if out is None else Path(out).absolute()
    if folder is not None and not folder.is_dir():
        folder = folder.parent
    rig = _rig(Path(calibration), folder, request, bar, told)
    named = _by_camera({name: Path(path) for name, path in files.items()}, rig)
    videos = {name: path for name, path in named.items() if _is_video(path)}
    if videos and request.network is None:
        name, path = next(iter(videos.items()))
        raise SettingsError(
            f"expected results or labels of camera '{name}', got a video ({path.name}); name the project whose network "
            "finds the keypoints in it with --project, or give the results of 'markerless analyze'"
        )
    if request.network is not None and not videos:
        raise SettingsError(
            "expected videos for the project whose network is to look at them, got results or labels alone; leave "
            "--project out, or give CAMERA=VIDEO"
        )
    target = target_of(out, named)
    if target is not None:
        if _is_of(target.native, named):
            target = replace(target, may_replace=True)
        require_free(target, named, rig)
    results = _analyzed(videos, folder, request, bar, told)
    return Prepared(rig, {**named, **results}, videos, target, tuple(told))


def _rig(given: Path, folder: Path | None, request: FromVideos, bar: Bar, told: list[str]) -> Path:
    """The calibration: what is given, or what is made, or was made, of the board's pictures in a folder."""
    if request.board is None:
        if given.is_dir() and not (given / FILE_NAME).is_file():
            raise CalibrationError(
                f"no {FILE_NAME} in {given}; name the board in its pictures or videos with --board, for example "
                "--board charuco:8x11:24:18.75:DICT_4X4_1000 or --board checkerboard:9x6:30"
            )
        return given
    if not given.is_dir():
        raise CalibrationError(f"expected a folder of pictures or videos of the board with --board, got {given}")
    board = parse_board(request.board).name
    target = (folder or given) / FILE_NAME
    for path in dict.fromkeys((given / FILE_NAME, target)):
        if _is_up_to_date(path, given, board):
            told.append(
                f"calibration: {path} is of this board and newer than its pictures; delete it to calibrate anew"
            )
            return path
    with bar("looking for the board", "pictures") as progress:
        made = calibrate(given, CalibrateRequest(request.board, out=target), progress)
    told += [f"calibration: {verdict}" for verdict in made.cameras]
    told += [f"calibration: {line}" for line in (*made.notes, made.verdict)]
    told.append(f"calibration: wrote {made.path} and {made.coverage}")
    return made.path


def _is_up_to_date(path: Path, folder: Path, board: str) -> bool:
    """Whether a calibration was made here of the same board, after all pictures and videos of it were."""
    if not path.is_file():
        return False
    try:
        known = dict(read_calibration(path).provenance)
    except (CalibrationError, FormatError):
        return False
    if known.get("board") != board or not known.get("software", "").startswith("markerless"):
        return False
    recordings = find_recordings(folder)
    pictures = [each for one in recordings for each in (*one.pictures.values(), *([one.video] if one.video else []))]
    return all(picture.stat().st_mtime <= path.stat().st_mtime for picture in pictures)


def _is_video(path: Path) -> bool:
    """A video file, or a folder of its pictures."""
    if path.is_dir():
        return any(entry.suffix.lower() in IMAGE_SUFFIXES for entry in path.iterdir())
    return path.suffix.lower() in VIDEO_SUFFIXES


def _by_camera(files: dict[str, Path], rig: Path) -> dict[str, Path]:
    """A folder of videos stands for the video of each camera: the one whose name has the camera's in it."""
    if set(files) != {ALL_VIEWS} or not files[ALL_VIEWS].is_dir():
        return files
    folder = files[ALL_VIEWS]
    is_one_picture = views_toml.is_views_file(rig)
    videos = [] if is_one_picture else _videos_in(folder)  # a picture beside them does not make one video of all
    if not videos and _is_video(folder):
        return files
    if is_one_picture:
        raise CalibrationError(f"expected one video or file of all views of {rig.name}, got the folder {folder}")
    return _in_folder(folder, videos, read_calibration(rig))


def _videos_in(folder: Path) -> list[Path]:
    return sorted(
        entry
        for entry in folder.rglob("*")
        if entry.suffix.lower() in VIDEO_SUFFIXES and not entry.stem.endswith(LABELED) and entry.is_file()
    )


def _in_folder(folder: Path, videos: list[Path], cameras: Calibration) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name in sorted(cameras.names, key=len, reverse=True):  # "top2" before "top", which is part of it
        own = [video for video in videos if name.lower() in str(video.relative_to(folder)).lower()]
        own = [video for video in own if video not in found.values()]
        if len(own) > 1:
            names = ", ".join(str(video.relative_to(folder)) for video in own[:3])
            raise CalibrationError(
                f"expected one video of camera '{name}' in {folder}, got {names}; name the videos: {name}=FILE ..."
            )
        if own:
            found[name] = own[0]
    if len(found) < 2:
        raise CalibrationError(
            f"expected videos in {folder} whose names hold those of at least two cameras "
            f"({', '.join(cameras.names)}), got {', '.join(video.name for video in videos[:6]) or 'none'}; "
            "name them: CAMERA=FILE ..."
        )
    return {name: found[name] for name in cameras.names if name in found}


def _analyzed(
    videos: dict[str, Path], folder: Path | None, request: FromVideos, bar: Bar, told: list[str]
) -> dict[str, Path]:
    """Camera -> results of its video, made now or found."""
    if not videos or request.network is None:
        return {}
    with bar("analyzing", "frames") as progress:
        if folder is None or len({video.stem.lower() for video in videos.values()}) == len(videos):
            paths = list(dict.fromkeys(videos.values()))
            done = analyze(request.network, paths, run=request.run, out=folder, progress=progress)
            by_video = {analysis.video.absolute(): analysis for analysis in done}
            found = {name: by_video[video.absolute()] for name, video in videos.items()}
        else:  # videos of one name in different folders: their results would be one file
            found = {
                name: analyze(request.network, [video], run=request.run, out=folder / name, progress=progress)[0]
                for name, video in videos.items()
            }
    for name, analysis in found.items():
        told.append(_said(name, analysis))
    return {name: analysis.files[-1] for name, analysis in found.items()}


def _is_of(result: Path, files: Mapping[str, Path]) -> bool:
    """Whether a result was made of these files, or of results of these videos, perhaps of an older network."""
    paths = {path.resolve() for path in files.values()}
    begins = tuple(f"{video_stem(path)}{SCORER}" for path in files.values() if _is_video(path))
    older = made_of(result)
    return bool(older) and all(path is not None and (path in paths or path.name.startswith(begins)) for path in older)


def _said(name: str, analysis: Analysis) -> str:
    """One line of an analysis.

    Raises:
        VideoError: it failed.
    """
    if analysis.status == "failed":
        raise VideoError(f"camera '{name}': {analysis.error}")
    how = f"{analysis.rate:.0f} frames/s" if analysis.status == "analyzed" else "the results are up to date"
    notes = "".join(f"; {note}" for note in analysis.notes)
    return f"{name}: {analysis.video.name}, {analysis.n_frames} frames, {how}{notes}"
