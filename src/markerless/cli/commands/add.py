"""`markerless add`: take more videos into a study."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from markerless.cli import options


@click.command()
@options.project_argument
@click.argument("videos", metavar="VIDEO...", nargs=-1, required=True)
@click.option("--copy", is_flag=True, help="Copy the videos instead of linking them.")
@options.json_option
def command(project: Path, videos: tuple[str, ...], copy: bool, as_json: bool) -> None:
    """Take videos into PROJECT: files, folders or globs.

    They are hard-linked into PROJECT/videos, else linked symbolically, else referred to where they are.
    """
    from markerless.pipeline.add import add
    from markerless.project import Project

    added = add(project, videos, copy)
    if as_json:
        options.echo_json({"videos": [asdict(item) for item in added]})
        return
    for item in added:
        click.echo(f"{item.path.name}: {item.how}, {item.width} x {item.height}")
    placed = [item.path for item in added if item.how not in ("already there", "referred to")]
    options.echo_written(*placed, Project(project).config_path)
