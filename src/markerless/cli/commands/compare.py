"""`markerless compare`: two runs on the same labeled frames, before and after."""

from __future__ import annotations

from pathlib import Path

import click

from markerless.cli import options, progress


@click.command()
@options.project_argument
@click.argument("run_a", metavar="RUN_A")
@click.argument("run_b", metavar="RUN_B")
@options.json_option
def command(project: Path, run_a: str, run_b: str, as_json: bool) -> None:
    """Compare RUN_A (before) with RUN_B (after) on the labeled frames of PROJECT.

    Frames that neither was trained on decide; the interval of the difference says how sure it is. Nothing is written.
    """
    from markerless.pipeline.compare import compare
    from markerless.project import Project

    with progress.bar("comparing", unit="frames") as report:
        found = compare(Project(project), run_a, run_b, report)
    if as_json:
        options.echo_json(found.to_json())
        return
    click.echo(f"{found.before} and {found.after} on {found.labels}; animal size {found.animal_size_px:.0f} px")
    for line in found.lines():
        click.echo(line)
