"""`markerless render VIDEO`: a labeled video; of points in space, a view of the scene beside the cameras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from markerless.cli import options, progress
from markerless.cli.options import PATH, cutoff_option, echo_written, gathered, start_option, stop_option, tracks_option

if TYPE_CHECKING:
    from markerless.core.progress import Progress
    from markerless.pipeline.render import Rendering

_TURN_DEG = 50.0


@dataclass(frozen=True)
class Choices:
    """How the user wants the video drawn."""

    trail: int | None
    cutoff: float
    skeleton: bool
    start: float | None
    stop: float | None
    turn: float | None


@click.command()
@click.argument("video", type=PATH)
@click.argument("videos", type=options.CameraFile(), nargs=-1, metavar="[CAMERA=VIDEO]...")
@tracks_option
@click.option("--out", type=PATH, metavar="FILE", help="The video to write; default: <video><scorer>_labeled.mp4.")
@click.option(
    "--trail",
    type=click.IntRange(min=0),
    metavar="N",
    help="Draw the path of the last N frames; default: none, in space those of 0.4 s.",
)
@cutoff_option
@click.option("--skeleton/--no-skeleton", default=True, help="Draw lines between body parts.")
@start_option
@stop_option
@click.option(
    "--turn",
    type=click.FloatRange(-360, 360),
    metavar="DEG",
    help=f"Points in space: turn the view by so much from beginning to end; default: {_TURN_DEG:g}, 0 keeps it still.",
)
@gathered("choices", Choices)
def command(
    video: Path, videos: tuple[tuple[str, Path], ...], tracks: Path | None, out: Path | None, choices: Choices
) -> None:
    """Draw trajectories into their VIDEO: dots, skeleton, trails.

    A confident point is solid, a doubtful one transparent. Without --tracks the newest result beside the video is
    drawn; --tracks takes the predictions of any tool.

    Points in space (S.nc of `triangulate`, given in place of VIDEO) are drawn in a view of the scene, beside the
    videos of the cameras with what was measured there and where the points should be seen. CAMERA=VIDEO names a
    video that is not found, or one VIDEO that is of all cameras.
    """
    from markerless.pipeline.space_result import SUFFIX

    in_space = tracks is None and video.suffix.lower() == SUFFIX
    if not in_space and (videos or choices.turn is not None):
        what = f"'{videos[0][1]}' beside it; draw one video at a time" if videos else "--turn"
        raise click.UsageError(f"expected points in space (S.nc of triangulate), got {video} and {what}")
    by_camera = options.by_camera(videos)
    with progress.bar("rendering", unit="frames") as report:
        if in_space:
            result = _space(video, by_camera, out, choices, report)
        else:
            result = _pixels(video, tracks, out, choices, report)
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    echo_written(result.path)


def _pixels(video: Path, tracks: Path | None, out: Path | None, choices: Choices, report: Progress) -> Rendering:
    from markerless.drawing import RenderSettings
    from markerless.pipeline.render import RenderOptions, render

    settings = RenderSettings(cutoff=choices.cutoff, trail=choices.trail or 0, skeleton=choices.skeleton)
    return render(tracks, video, out, RenderOptions(settings, choices.start, choices.stop), report)


def _space(source: Path, videos: dict[str, Path], out: Path | None, choices: Choices, report: Progress) -> Rendering:
    from markerless.pipeline.render_space import SpaceOptions, render_space
    from markerless.report.space_view import SpaceSettings

    settings = SpaceSettings(
        cutoff=choices.cutoff,
        trail=-1 if choices.trail is None else choices.trail,
        skeleton=choices.skeleton,
        turn_deg=_TURN_DEG if choices.turn is None else choices.turn,
    )
    return render_space(source, out, videos, SpaceOptions(settings, choices.start, choices.stop), report)
