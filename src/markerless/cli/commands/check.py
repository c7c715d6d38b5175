"""`markerless check`: what is wrong with a study?"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from markerless.cli import options, progress

if TYPE_CHECKING:
    from markerless.analysis.label_checks import Finding
    from markerless.pipeline.check import CheckReport

MOST_OF_A_KIND = 10
MOST_SUSPECTS = 30


@click.command()
@options.project_argument
@click.option("--suspects", "with_suspects", is_flag=True, help="Also rank the labels that are probably mistakes.")
@click.option(
    "--take",
    type=click.Choice(["csv", "h5"]),
    help="Where CSV and h5 of the labels differ, rewrite the other one from this one.",
)
@options.json_option
def command(project: Path, with_suspects: bool, take: Literal["csv", "h5"] | None, as_json: bool) -> None:
    """Find what is wrong with labels, pictures, videos and config of PROJECT.

    Nothing is changed, except by --take. The exit code is 0 whenever the project could be checked: count the errors
    in the last line, or in --json.
    """
    from markerless.pipeline.check import check, take_labels

    taken = take_labels(project, take) if take is not None else []
    with progress.bar("checking", unit="pictures") as report:
        result = check(project, report)
    if as_json:
        values = result.to_json()
        options.echo_json({**values, "taken": [finding.where for finding in taken]})
        return
    _echo_findings(result)
    if with_suspects:
        _echo_suspects(result)
    click.echo(", ".join(_count(number, noun) for noun, number in result.counts.items()))
    for finding in taken:
        click.echo(f"{finding.where}: {finding.message}")
    if taken:
        options.echo_written(*(result.project / finding.where for finding in taken))
    elif take is not None:
        click.echo(f"nothing to take from the {take}: nothing was written")


def _count(number: int, nouns: str) -> str:
    return f"{number} {nouns.removesuffix('s') if number == 1 else nouns}"


def _echo_findings(result: CheckReport) -> None:
    click.echo(
        f"{result.project.name}: {_count(result.n_frames, 'labeled frames')}, {_count(result.n_points, 'points')}, "
        f"{_count(len(result.keypoints), 'keypoints')}, {_count(result.n_videos, 'videos')}"
    )
    kinds: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in result.findings:
        kinds[finding.level, finding.kind].append(finding)
    for (level, kind), findings in kinds.items():
        for finding in findings[:MOST_OF_A_KIND]:
            click.echo(f"{level:7}  {finding.where}: {finding.message}")
        if len(findings) > MOST_OF_A_KIND:
            click.echo(f"{level:7}  {len(findings) - MOST_OF_A_KIND} more of '{kind}'; --json lists all")


def _echo_suspects(result: CheckReport) -> None:
    if not result.suspects:
        click.echo("no label looks like a mistake")
        return
    click.echo("labels that are probably mistakes, the most suspicious first:")
    for rank, suspect in enumerate(result.suspects[:MOST_SUSPECTS], start=1):
        animal = "" if suspect.individual == "individual_0" else f" ({suspect.individual})"
        click.echo(f"{rank:3}.  {suspect.image}{animal}: {suspect.message}")
    if len(result.suspects) > MOST_SUSPECTS:
        click.echo(f"{len(result.suspects) - MOST_SUSPECTS} more; --json lists all")
