"""`markerless plot VIDEO`: figures of trajectories."""

from __future__ import annotations

from pathlib import Path

import click

from markerless.cli.options import PATH, cutoff_option, echo_written, out_option, tracks_option


@click.command()
@click.argument("video", type=PATH)
@tracks_option
@out_option
@cutoff_option
def command(video: Path, tracks: Path | None, out: Path | None, cutoff: float) -> None:
    """Draw figures of the trajectories of a VIDEO: paths, positions, heat maps, speeds, confidence, jumps.

    Writes PNG files and one HTML page to plot-poses/<video>/ beside the video. Without --tracks the newest result
    beside the video is plotted; --tracks takes the predictions of any tool.

    Of points in space (S.nc of `triangulate`, given in place of VIDEO): lengths of bones over time, how far the cameras
    are from the points, positions with their expected errors.
    """
    from markerless.pipeline.space_result import SUFFIX

    if tracks is None and video.suffix.lower() == SUFFIX:
        from markerless.pipeline.plot_space import plot_space

        result = plot_space(video, out, cutoff)
    else:
        from markerless.pipeline.plot import plot

        result = plot(tracks, video, out, cutoff)
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    echo_written(*result.figures, result.page)
