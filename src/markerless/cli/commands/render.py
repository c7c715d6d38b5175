"""`markerless render VIDEO`: a labeled video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from markerless.cli import progress
from markerless.cli.options import PATH, cutoff_option, echo_written, gathered, start_option, stop_option, tracks_option


@dataclass(frozen=True)
class Choices:
    """How the user wants the video drawn."""

    trail: int
    cutoff: float
    skeleton: bool
    start: float | None
    stop: float | None


@click.command()
@click.argument("video", type=PATH)
@tracks_option
@click.option("--out", type=PATH, metavar="FILE", help="The video to write; default: <video><scorer>_labeled.mp4.")
@click.option("--trail", type=click.IntRange(min=0), default=0, metavar="N", help="Draw the path of the last N frames.")
@cutoff_option
@click.option("--skeleton/--no-skeleton", default=True, help="Draw lines between body parts.")
@start_option
@stop_option
@gathered("choices", Choices)
def command(video: Path, tracks: Path | None, out: Path | None, choices: Choices) -> None:
    """Draw trajectories into their VIDEO: dots, skeleton, trails.

    A confident point is solid, a doubtful one transparent. Without --tracks the newest result beside the video is
    drawn; --tracks takes the predictions of any tool.
    """
    from markerless.drawing import RenderSettings
    from markerless.pipeline.render import RenderOptions, render

    settings = RenderSettings(cutoff=choices.cutoff, trail=choices.trail, skeleton=choices.skeleton)
    options = RenderOptions(settings, choices.start, choices.stop)
    with progress.bar("rendering", unit="frames") as report:
        result = render(tracks, video, out, options, report)
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    echo_written(result.path)
