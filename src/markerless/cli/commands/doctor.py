"""`markerless doctor`: what is right and wrong with this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from markerless.cli.options import PATH, json_option

if TYPE_CHECKING:
    from markerless.pipeline.doctor import Finding

UNHEALTHY = 2
COLORS = {"ok": "green", "note": "yellow", "problem": "red"}


@click.command()
@click.argument("folder", type=PATH, default=Path())
@json_option
@click.pass_context
def command(ctx: click.Context, folder: Path, as_json: bool) -> None:
    """Say what is right and wrong with this machine, with fixes.

    FOLDER is where you are going to work; default: the current one. The exit code is 2 when something stops markerless
    from working, and 0 when there are only notes.
    """
    from markerless.cli.options import echo_json
    from markerless.pipeline.doctor import doctor

    diagnosis = doctor(folder)
    if as_json:
        echo_json(diagnosis.to_json())
    else:
        for finding in diagnosis.findings:
            _show(finding)
        problems = [finding.name for finding in diagnosis.findings if finding.status == "problem"]
        click.echo(f"problems: {', '.join(problems)}" if problems else "markerless can work here")
    ctx.exit(0 if diagnosis.is_healthy else UNHEALTHY)


def _show(finding: Finding) -> None:
    status = click.style(f"{finding.status:8}", fg=COLORS[finding.status])
    click.echo(f"{status}{finding.name}: {finding.found}")
    if finding.fix:
        click.echo(f"        fix: {finding.fix}")
