"""`calibrate`: a folder of pictures or videos of a board to `calibration.toml`, with a verdict and a coverage map."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from markerless.core.camera import Calibration
from markerless.core.progress import Progress, silent
from markerless.core.storage import atomic_path
from markerless.errors import CalibrationError
from markerless.multiview.boards import Board, parse_board
from markerless.multiview.calibrate import BoardViews, Calibrated, calibrate_views
from markerless.multiview.calibration_file import FILE_NAME
from markerless.multiview.files import anipose_toml
from markerless.multiview.verdict import CameraVerdict, judge, overall
from markerless.pipeline.board_floor import axes_of_moment
from markerless.pipeline.board_recordings import find_recordings
from markerless.pipeline.board_views import find_boards
from markerless.version import VERSION

SOFTWARE = "markerless"


@dataclass(frozen=True)
class CalibrateRequest:
    """What to calibrate.

    Attributes:
        board: As on the command line (`boards.parse_board`).
        pattern: Of the files, with `{camera}` and `{index}`; None: sub-folders or videos are cameras.
        cameras: Only these; all when none is named.
        fisheye: Whether the lenses are fisheyes.
        out: Where to write; None: `FOLDER/calibration.toml`.
        overwrite: Whether a calibration of another tool may be replaced.
        floor: The moment at which the board lay on the floor, which gives the world axes; None: the first camera's.
    """

    board: str
    pattern: str | None = None
    cameras: tuple[str, ...] = ()
    fisheye: bool = False
    out: Path | None = None
    overwrite: bool = False
    floor: str | None = None


@dataclass(frozen=True)
class CalibrateResult:
    """What came of it.

    Attributes:
        calibration: The cameras; lengths in mm, world axes those of the first camera or of the board on the floor.
        verdict: Of the rig, one line.
        cameras: A verdict of each.
        dropped: Boards left out: camera, moment, distance in pixels.
        notes: What was odd, one line each.
        path: The calibration.
        coverage: The coverage map.
    """

    calibration: Calibration
    verdict: str
    cameras: tuple[CameraVerdict, ...]
    dropped: tuple[tuple[str, str, float], ...]
    notes: tuple[str, ...]
    path: Path
    coverage: Path


def calibrate(folder: Path | str, request: CalibrateRequest | str, progress: Progress = silent) -> CalibrateResult:
    """Find the cameras of a rig from pictures or videos of a board.

    Args:
        folder: Holds a sub-folder of pictures or a video of each camera, or files that `request.pattern` names.
        request: Which board, and what of the folder; a text is the board alone.
        progress: Told picture by picture.

    Raises:
        CalibrationError: the board is not found, too rarely, not by all cameras together, or the fit is too bad.
        VideoError: a file cannot be read.
        StorageError: the result cannot be written.
    """
    folder = Path(folder)
    request = CalibrateRequest(request) if isinstance(request, str) else request
    board = parse_board(request.board)
    path = request.out or folder / FILE_NAME
    refuse_to_replace(path, request.overwrite)
    recordings = find_recordings(folder, request.pattern, request.cameras)
    found = find_boards(board, recordings, progress)
    fitted = calibrate_views(board, found.views, request.fisheye)
    verdicts = judge(fitted, found.views)
    calibration = replace(
        fitted.calibration, provenance=(("software", f"{SOFTWARE} {VERSION}"), *fitted.calibration.provenance)
    )
    notes = list(found.notes)
    if request.floor is not None:
        axes = axes_of_moment(fitted, found.views, request.floor)
        calibration = axes.calibration(calibration)
        notes.append(axes.how)
    if fitted.n_wrong:
        notes.append(f"left out {fitted.n_wrong} single corners that disagree with all others")
    anipose_toml.write(calibration, path)
    coverage = path.with_name(f"{path.stem}-coverage.png")
    _draw(coverage, fitted, found.views, verdicts)
    return CalibrateResult(
        calibration,
        overall(verdicts, fitted.rms_px()),
        tuple(verdicts),
        fitted.dropped,
        tuple(notes),
        path,
        coverage,
    )


def print_board(text: str, path: Path) -> Board:
    """Write a board as a file to print, PDF or PNG, to scale.

    Raises:
        CalibrationError: `text` names no board, or the file is neither PDF nor PNG.
        StorageError: the file cannot be written.
    """
    from markerless.multiview.board_print import write_board

    board = parse_board(text)
    write_board(board, path)
    return board


def refuse_to_replace(path: Path, overwrite: bool) -> None:
    """Make sure that a calibration may be written there.

    Raises:
        CalibrationError: it is no TOML file, or one that markerless did not make.
    """
    if path.suffix.lower() != ".toml":
        raise CalibrationError(f"expected a file name that ends in .toml to write the calibration to, got {path.name}")
    if overwrite or not path.exists():
        return
    try:
        metadata = tomllib.loads(path.read_text(encoding="utf-8")).get("metadata", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        metadata = {}
    if not (isinstance(metadata, dict) and str(metadata.get("software", "")).startswith(SOFTWARE)):
        raise CalibrationError(
            f"{path} is there already and was not made by markerless; keep it and give another name with --out, or "
            "replace it with --overwrite"
        )


def _draw(path: Path, fitted: Calibrated, views: BoardViews, verdicts: list[CameraVerdict]) -> None:
    from markerless.report.board_coverage import coverage_figure
    from markerless.report.page import figure_png

    data = figure_png(coverage_figure(fitted, views, verdicts))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
