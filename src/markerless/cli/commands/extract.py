"""`markerless extract`: choose frames to label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from markerless.cli import options
from markerless.cli.progress import bar


@click.command()
@options.project_argument
@click.argument("videos", metavar="[VIDEO]...", nargs=-1)
@click.option("-n", "n", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Frames of each video.")
@click.option(
    "--method",
    type=click.Choice(["kmeans", "uniform", "motion", "model"]),
    default="kmeans",
    show_default=True,
    help="Different pictures, even in time, where much moves, or what the network is unsure of.",
)
@options.start_option
@options.stop_option
@options.json_option
def command(project: Path, videos: tuple[str, ...], as_json: bool, **how: Any) -> int:
    """Choose frames of the VIDEOs of PROJECT to label; of all its videos when none is named.

    They become pictures in PROJECT/labeled-data/VIDEO. What is there stays; asking again adds other frames.
    """
    from markerless.pipeline.extract import ExtractRequest, extract

    request = ExtractRequest(how["n"], how["method"], how["start"], how["stop"])
    with bar("extracting", "frames") as progress:
        results = extract(project, videos, request, progress)
    if as_json:
        rows = [
            {"video": r.video, "folder": r.folder, "frames": r.frames, "notes": r.notes, "error": r.error or None}
            for r in results
        ]
        options.echo_json({"videos": rows})
    else:
        for result in results:
            if result.error:
                click.echo(f"error: {result.video.name}: {result.error}", err=True)
                continue
            click.echo(f"{result.video.name}: {len(result.frames)} frames, chosen by {request.method}")
            for note in result.notes:
                click.echo(f"  {note}")
        options.echo_written(*(result.folder for result in results if result.frames))
    return 2 if any(result.error for result in results) else 0
