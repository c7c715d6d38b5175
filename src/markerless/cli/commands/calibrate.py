"""`markerless calibrate`: cameras from pictures or videos of a board; also boards to print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from markerless.cli import options
from markerless.cli.progress import bar


@click.command()
@click.argument("folder", type=options.PATH, required=False)
@click.option(
    "--board",
    required=True,
    metavar="BOARD",
    help="charuco:8x11:24:18.75:DICT_4X4_1000 (squares, mm), checkerboard:9x6:30 (inner corners, mm), or a board.toml.",
)
@click.option("--pattern", metavar="TEXT", help="How files are named, for example '{camera}{index}.jpg'.")
@click.option("--cameras", metavar="A,B,...", help="Only these cameras; default: all.")
@click.option("--fisheye", is_flag=True, help="The lenses are fisheyes.")
@click.option("--out", type=options.PATH, metavar="FILE", help="Where to write; default: FOLDER/calibration.toml.")
@click.option("--overwrite", is_flag=True, help="Replace a calibration that another tool made.")
@click.option("--print", "print_to", type=options.PATH, metavar="FILE", help="Write the board as PDF or PNG to print.")
@options.json_option
def command(folder: Path | None, print_to: Path | None, as_json: bool, **how: Any) -> int:
    """Find the cameras of a rig from pictures or videos of a board in FOLDER.

    FOLDER holds a sub-folder of pictures or a video of each camera, or files that --pattern names. The result is in
    Anipose's layout; lengths are in mm.
    """
    from markerless.pipeline.calibrate import CalibrateRequest, calibrate, print_board

    if print_to is not None:
        print_board(how["board"], print_to)
        if folder is None:
            if as_json:
                options.echo_json({"board": how["board"], "printed": print_to})
            else:
                options.echo_written(print_to)
            return 0
    if folder is None:
        raise click.UsageError("expected the FOLDER of the pictures, or --print FILE to make a board")
    cameras = tuple(name.strip() for name in (how.pop("cameras") or "").split(",") if name.strip())
    request = CalibrateRequest(cameras=cameras, **how)
    with bar("looking for the board", "pictures") as progress:
        result = calibrate(folder, request, progress)
    if as_json:
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
