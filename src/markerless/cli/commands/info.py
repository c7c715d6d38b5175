"""`markerless info`: what is this file?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from markerless.cli.options import PATH, echo_json, json_option

MOST_NAMES = 12


@click.command()
@click.argument("file", type=PATH)
@json_option
def command(file: Path, as_json: bool) -> None:
    """Tell what a file or folder is.

    FILE is a video, an image, a folder of images, labels or trajectories of any known format, a project, a run, a
    model, a checkpoint, a split, an evaluation, a calibration of cameras.
    """
    from markerless.pipeline.info import info

    found = info(file)
    if as_json:
        echo_json(found.to_json())
        return
    click.echo(f"{found.kind}: {found.path}")
    for name, value in found.facts.items():
        text = _text(value)
        if text:
            click.echo(f"  {name.removeprefix('n_').replace('_n_', '_').replace('_', ' ')}: {text}")
    for note in found.notes:
        click.echo(f"  note: {note}")


def _text(value: Any) -> str:
    """A fact in a few words; "" when there is nothing to say."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        more = f" and {len(value) - MOST_NAMES} more" if len(value) > MOST_NAMES else ""
        return ", ".join(str(item) for item in value[:MOST_NAMES]) + more
    return str(value)
