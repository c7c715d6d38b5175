"""`markerless calibrate`: cameras from a board, or from the animal's own points; also boards to print."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from markerless.cli import options
from markerless.cli.progress import bar

if TYPE_CHECKING:
    from markerless.multiview.files.views_toml import KnownLength


class Lenses(click.ParamType):
    """A file of lenses, or `WIDTHxHEIGHT` of the pictures where they are not known."""

    name = "lenses"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | tuple[int, int]:
        if isinstance(value, Path | tuple):
            return value
        size = re.fullmatch(r"([1-9]\d*)[xX]([1-9]\d*)", str(value))
        return Path(value) if size is None else (int(size[1]), int(size[2]))


@dataclass(frozen=True)
class FromBoard:
    """Options that only a board has."""

    board: str | None
    pattern: str | None
    cameras: str | None
    fisheye: bool
    floor: str | None


@dataclass(frozen=True)
class FromPoints:
    """Options that only points have."""

    lenses: Path | tuple[int, int] | None
    length: KnownLength | None


@dataclass(frozen=True)
class Out:
    """Where to write, and how to tell."""

    out: Path | None
    overwrite: bool
    print_to: Path | None
    as_json: bool


@click.command()
@click.argument("inputs", nargs=-1, metavar="FOLDER | CAMERA=FILE...")
@click.option(
    "--board",
    metavar="BOARD",
    help="charuco:8x11:24:18.75:DICT_4X4_1000 (squares, mm), checkerboard:9x6:30 (inner corners, mm), or a board.toml.",
)
@click.option("--pattern", metavar="TEXT", help="How files are named, for example '{camera}{index}.jpg'.")
@click.option("--cameras", metavar="A,B,...", help="Only these cameras; default: all.")
@click.option("--fisheye", is_flag=True, help="The lenses are fisheyes.")
@click.option("--floor", metavar="MOMENT", help="The board lay on the floor in this picture or frame: world axes.")
@click.option(
    "--lenses",
    type=Lenses(),
    metavar="FILE | WxH",
    help="Without a board: a calibration of the lenses, or, where they are not known, the size of the pictures.",
)
@click.option(
    "--length", type=options.Length(), metavar="A,B,L", help="Without a board: keypoints A and B are L mm apart."
)
@click.option(
    "--out",
    type=options.PATH,
    metavar="FILE",
    help="Where to write; default: calibration.toml in FOLDER, or beside FILE.",
)
@click.option("--overwrite", is_flag=True, help="Replace a calibration that another tool made.")
@click.option("--print", "print_to", type=options.PATH, metavar="FILE", help="Write the board as PDF or PNG to print.")
@options.json_option
@options.gathered("of_board", FromBoard)
@options.gathered("of_points", FromPoints)
@options.gathered("out", Out)
def command(inputs: tuple[str, ...], of_board: FromBoard, of_points: FromPoints, out: Out) -> int:
    """Find the cameras of a rig from pictures or videos of a board in FOLDER, or without a board.

    FOLDER holds a sub-folder of pictures or a video of each camera, or files that --pattern names. Without a board,
    CAMERA=FILE names what each camera saw of the animal at the same moments: labels or results of any tool. The result
    is in Anipose's layout; lengths are in mm.
    """
    if inputs and all("=" in one and not Path(one).is_dir() for one in inputs):
        if any((of_board.board, of_board.pattern, of_board.cameras, of_board.fisheye, of_board.floor, out.print_to)):
            raise click.UsageError("CAMERA=FILE is for cameras without a board; leave out what describes a board")
        return _from_points(inputs, of_points, out)
    if any((of_points.lenses, of_points.length)):
        raise click.UsageError("--lenses and --length are for cameras without a board: give CAMERA=FILE ...")
    if of_board.board is None:
        raise click.UsageError("expected --board BOARD, or CAMERA=FILE ... to calibrate without a board")
    if len(inputs) > 1:
        raise click.UsageError(f"expected one FOLDER, got {', '.join(inputs)}")
    return _from_board(Path(inputs[0]) if inputs else None, of_board, out)


def _from_board(folder: Path | None, of_board: FromBoard, out: Out) -> int:
    from markerless.pipeline.calibrate import CalibrateRequest, calibrate, print_board

    board, print_to = str(of_board.board), out.print_to
    if print_to is not None:
        print_board(board, print_to)
        if folder is None:
            if out.as_json:
                options.echo_json({"board": board, "printed": print_to})
            else:
                options.echo_written(print_to)
            return 0
    if folder is None:
        raise click.UsageError("expected the FOLDER of the pictures, or --print FILE to make a board")
    cameras = tuple(name.strip() for name in (of_board.cameras or "").split(",") if name.strip())
    request = CalibrateRequest(
        board, of_board.pattern, cameras, of_board.fisheye, out.out, out.overwrite, of_board.floor
    )
    with bar("looking for the board", "pictures") as progress:
        result = calibrate(folder, request, progress)
    if out.as_json:
        options.echo_json({**_as_json(result), "printed": print_to})
        return 0
    for verdict in result.cameras:
        click.echo(str(verdict))
    for camera, moment, off in result.dropped:
        click.echo(f"left out the board of {camera} at {moment}: {off:.1f} px from where the others see it")
    for note in result.notes:
        click.echo(note)
    click.echo(result.verdict)
    options.echo_written(result.path, result.coverage, *([print_to] if print_to else []))
    return 0


def _from_points(inputs: tuple[str, ...], of_points: FromPoints, out: Out) -> int:
    from markerless.pipeline.calibrate_from_points import PointsRequest, calibrate_from_points

    files = options.by_camera(tuple(options.CameraFile().convert(one, None, None) for one in inputs))
    lenses, size = of_points.lenses, None
    if isinstance(lenses, tuple):
        lenses, size = None, lenses
    request = PointsRequest(lenses, size, of_points.length, out=out.out, overwrite=out.overwrite)
    result = calibrate_from_points(files, request)
    if out.as_json:
        options.echo_json(_points_as_json(result))
        return 0
    for verdict in result.cameras:
        click.echo(str(verdict))
    for note in result.notes:
        click.echo(note)
    click.echo(result.verdict)
    if result.path is not None:
        options.echo_written(result.path)
    return 0


def _points_as_json(result: Any) -> dict[str, Any]:
    return {
        "verdict": result.verdict,
        "unit": result.calibration.unit,
        "rms_px": result.rms_px,
        "agree": result.agree,
        "cameras": [
            {
                "name": verdict.name,
                "verdict": verdict.word,
                "place_sd": verdict.spread.place,
                "place_sd_beside_animal": verdict.beside,
                "turn_sd_deg": verdict.spread.turn_deg,
                "focal_px": verdict.focal_px,
                "focal_sd": verdict.spread.focal,
                "expected_error_px": verdict.noise_px,
                "reach": verdict.reach,
                "center": camera.center.tolist(),
            }
            for verdict, camera in zip(result.cameras, result.calibration.cameras, strict=True)
        ],
        "notes": result.notes,
        "calibration": result.path,
    }


def _as_json(result: Any) -> dict[str, Any]:
    cameras = [
        {
            "name": verdict.name,
            "verdict": verdict.word,
            "why": verdict.why,
            "rms_px": verdict.rms_px,
            "boards": verdict.boards,
            "coverage": verdict.coverage,
            "empty": verdict.empty,
            "focal_px": [camera.matrix[0, 0], camera.matrix[1, 1]],
            "focal_sd": verdict.focal_sd,
            "center_mm": camera.center.tolist(),
        }
        for verdict, camera in zip(result.cameras, result.calibration.cameras, strict=True)
    ]
    return {
        "verdict": result.verdict,
        "rms_px": result.calibration.error_px,
        "cameras": cameras,
        "dropped": [{"camera": c, "moment": m, "off_px": off} for c, m, off in result.dropped],
        "notes": result.notes,
        "calibration": result.path,
        "coverage": result.coverage,
    }
