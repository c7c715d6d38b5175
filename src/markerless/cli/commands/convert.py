"""`markerless convert IN OUT`: labels and trajectories in another tool's format."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from markerless.cli.options import PATH, echo_json, echo_written, json_option


@click.command()
@click.argument("source", type=PATH, metavar="IN")
@click.argument("target", type=PATH, metavar="OUT")
@click.option(
    "--to", metavar="FORMAT", help="Name of the format to write, such as tidy; default: the suffix of OUT decides."
)
@click.option("--overwrite", is_flag=True, help="Replace OUT when it exists, instead of refusing.")
@json_option
def command(source: Path, target: Path, to: str | None, overwrite: bool, as_json: bool) -> None:
    """Convert labels or trajectories of any known format: read IN, write OUT.

    Without --to, .h5 and .csv become DeepLabCut's, .analysis.h5 SLEAP's, .tidy.csv a plain table, .slp SLEAP's, .nwb
    NWB, .json COCO, .nc movement's, .parquet a plain table. What the new file does not hold is told, line by line.
    A file that exists is not replaced without --overwrite.
    """
    from markerless.pipeline.convert import convert

    made = convert(source, target, to, overwrite)
    if as_json:
        echo_json(asdict(made))
        return
    for note in made.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"read {made.n_frames} frames of {made.kind} ({made.source_format})")
    for line in made.lost:
        click.echo(f"not kept by {made.format}: {line}")
    echo_written(made.path)
