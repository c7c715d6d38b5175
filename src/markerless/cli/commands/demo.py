"""`markerless demo`: the whole path on a made mouse."""

from __future__ import annotations

from pathlib import Path

import click

from markerless.cli import progress
from markerless.cli.options import PATH, echo_written


@click.command()
@click.option(
    "--out", type=PATH, default=Path("markerless-demo"), show_default=True, metavar="DIR", help="Where to make it."
)
@click.option(
    "--cameras",
    type=click.IntRange(2, 8),
    metavar="N",
    help="Film with N cameras, and go on to points in space; default: one camera.",
)
def command(out: Path, cameras: int | None) -> None:
    """Try everything on a made mouse whose true pose is known.

    Films two videos, labels one, trains, evaluates, analyzes the other, renders, plots, and says how far the result is
    from the truth. Takes about five minutes, with --cameras seven; a folder that holds a demo already is completed or
    reused.
    """
    if cameras is not None:
        from markerless.pipeline.space_demo import SpaceDemoSettings, space_demo

        in_space = space_demo(out, SpaceDemoSettings(cameras=cameras), bar=progress.bar)
        for line in in_space.lines():
            click.echo(line)
        echo_written(in_space.study.folder)
        return
    from markerless.pipeline.demo import demo

    result = demo(out, bar=progress.bar)
    for line in result.lines():
        click.echo(line)
    echo_written(result.folder)
