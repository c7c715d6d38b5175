"""`markerless check`: what is wrong with a study?"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from markerless.cli import options, progress

if TYPE_CHECKING:
    from markerless.analysis.label_checks import Finding
    from markerless.pipeline.check import CheckReport
    from markerless.pipeline.check_views import ViewsCheck
    from markerless.pipeline.label_agreement import Labelers
    from markerless.pipeline.suspects import Ranking, SuspectRequest

MOST_OF_A_KIND = 10
MOST_FRAMES = 3


@dataclass(frozen=True)
class Asked:
    """What the options say about suspects and labelers."""

    with_suspects: bool
    with_labelers: bool
    run_name: str | None
    most: int | None

    def request(self) -> SuspectRequest | None:
        """None when suspects were not asked for."""
        from markerless.pipeline.suspects import MOST, SuspectRequest

        if self.with_suspects:
            return SuspectRequest(self.run_name, MOST if self.most is None else self.most)
        if self.run_name is not None or self.most is not None:
            raise click.UsageError("--run and --most say how suspects are ranked; give --suspects as well")
        return None


@dataclass(frozen=True)
class Seen:
    """What the cameras of a calibration saw: files after --labels, the first of them its value."""

    labels: tuple[tuple[str, Path], ...]
    more: tuple[tuple[str, Path], ...]

    def files(self) -> dict[str, Path]:
        """Camera -> file; empty when no calibration is checked."""
        if self.more and not self.labels:
            raise click.UsageError(f"unexpected extra argument: {self.more[0][1]}; files of cameras follow --labels")
        return options.by_camera((*self.labels, *self.more))


@click.command()
@options.project_argument
@click.option("--suspects", "with_suspects", is_flag=True, help="Also rank and show the labels that may be mistakes.")
@click.option("--labelers", "with_labelers", is_flag=True, help="Also compare people who labeled the same frames.")
@click.option(
    "--run",
    "run_name",
    metavar="NAME",
    help="With --suspects: the run whose predictions are used; default: the newest.",
)
@click.option(
    "--most", type=click.IntRange(1), metavar="N", help="With --suspects: propose at most N labels; default: 60."
)
@click.option(
    "--take",
    type=click.Choice(["csv", "h5"]),
    help="Where CSV and h5 of the labels differ, rewrite the other one from this one.",
)
@click.option(
    "--labels",
    type=options.CameraFile(),
    multiple=True,
    metavar="CAMERA=FILE...",
    help="PROJECT is a calibration: compare it with what its cameras saw, and say which one disagrees.",
)
@click.argument("more", type=options.CameraFile(), nargs=-1, metavar="")
@options.json_option
@options.gathered("asked", Asked)
@options.gathered("seen", Seen)
def command(project: Path, asked: Asked, take: Literal["csv", "h5"] | None, seen: Seen, as_json: bool) -> None:
    """Find what is wrong with labels, pictures, videos and config of PROJECT.

    Nothing is changed, except by --take. The exit code is 0 whenever the project could be checked: count the errors
    in the last line, or in --json. --suspects writes suspects.html, a picture of each, into the run's folder (without
    a run, into PROJECT); --labelers writes labelers.html and its tables into PROJECT.
    """
    from markerless.pipeline.check import check, take_labels

    if seen.files():
        _check_calibration(project, seen.files(), as_json)
        return
    request = asked.request()
    taken = take_labels(project, take) if take is not None else []
    with progress.bar("checking", unit="pictures") as report:
        result = check(project, report, request, asked.with_labelers)
    if as_json:
        values = result.to_json()
        options.echo_json({**values, "taken": [finding.where for finding in taken]})
        return
    _echo_findings(result)
    if result.ranking is not None:
        _echo_suspects(result.ranking)
    if asked.with_labelers:
        _echo_labelers(result.labelers)
    click.echo(", ".join(_count(number, noun) for noun, number in result.counts.items()))
    for finding in taken:
        click.echo(f"{finding.where}: {finding.message}")
    written = [result.project / finding.where for finding in taken]
    if take is not None and not taken:
        click.echo(f"nothing to take from the {take}: nothing was written")
    if result.ranking is not None and result.ranking.page is not None:
        written.append(result.ranking.page)
    written += result.labelers.written
    if written:
        options.echo_written(*written)


def _count(number: int, nouns: str) -> str:
    return f"{number} {nouns.removesuffix('s') if number == 1 else nouns}"


def _check_calibration(calibration: Path, files: dict[str, Path], as_json: bool) -> None:
    from markerless.pipeline.check_views import check_views

    result = check_views(calibration, files)
    if as_json:
        options.echo_json(result.to_json())
        return
    _echo_cameras(result)
    kinds: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in result.findings:
        kinds[finding.level, finding.kind].append(finding)
    _echo_kinds(kinds)
    if not kinds:
        click.echo("the cameras agree with their points")


def _echo_cameras(result: ViewsCheck) -> None:
    if result.together_px == result.together_px:
        click.echo(f"all cameras together: points lie {result.together_px:.1f} px (median) from where they are put")
    else:
        click.echo("too few points that two sound cameras see: the cameras are not compared")
    click.echo("camera        points   from where the others put them   the others among themselves")
    for one in result.cameras:
        off, others = (f"{px:.1f} px" if px == px else "-" for px in (one.off_px, one.others_px))
        click.echo(f"{one.name:12}  {one.n_points:6}   {off:>30}   {others:>27}")


def _echo_findings(result: CheckReport) -> None:
    click.echo(
        f"{result.project.name}: {_count(result.n_frames, 'labeled frames')}, {_count(result.n_points, 'points')}, "
        f"{_count(len(result.keypoints), 'keypoints')}, {_count(result.n_videos, 'videos')}"
    )
    kinds: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in result.findings:
        kinds[finding.level, finding.kind].append(finding)
    _echo_kinds(kinds)


def _echo_kinds(kinds: dict[tuple[str, str], list[Finding]]) -> None:
    for (level, kind), findings in kinds.items():
        for finding in findings[:MOST_OF_A_KIND]:
            click.echo(f"{level:7}  {finding.where}: {finding.message}")
        if len(findings) > MOST_OF_A_KIND:
            click.echo(f"{level:7}  {len(findings) - MOST_OF_A_KIND} more of '{kind}'; --json lists all")


def _echo_suspects(ranking: Ranking) -> None:
    from markerless.pipeline.suspects import how_likely

    for note in ranking.notes:
        click.echo(note)
    if not ranking.suspects:
        click.echo("no label looks like a mistake")
        return
    basis = f"by predictions of {ranking.run}" if ranking.run else "by the labels alone"
    click.echo(f"labels that may be mistakes, {basis}, the most suspicious first:")
    for rank, suspect in enumerate(ranking.suspects, start=1):
        animal = "" if suspect.individual == "individual_0" else f" ({suspect.individual})"
        click.echo(f"{rank:3}.  {suspect.image}{animal}{how_likely(suspect, ranking.run)}: {suspect.message}")


def _echo_labelers(people: Labelers) -> None:
    if not people.pairs:
        click.echo("no frame is labeled by two people: nobody can be compared")
        return
    for pair in people.pairs:
        one, other = pair.people
        click.echo(f"{one} and {other}, {_count(pair.n_frames, 'frames')} labeled by both; offsets are {other}'s:")
        width = max(len(point.keypoint) for point in (*pair.by_keypoint(), pair.all))
        click.echo(f"  {'':{width}}  points  median    mean    95 %  offset x, y px   only one")
        for point in (*pair.by_keypoint(), pair.all):
            x, y = point.offset_px
            mark = "*" if point.is_systematic else " "
            click.echo(
                f"  {point.keypoint:{width}}  {point.n_points:6}  {point.median_px:6.2f}  {point.mean_px:6.2f}  "
                f"{point.p95_px:6.2f}  {x:+6.2f}, {y:+6.2f}{mark}  {100 * point.share_only_one:7.1f} %"
            )
        if any(point.is_systematic for point in pair.by_keypoint()):
            click.echo("  * more than chance")
        for row in pair.worst()[:MOST_FRAMES]:
            apart = pair.distance_px[row]
            click.echo(f"  farthest apart: {pair.images[row]}, {max(apart[apart == apart]):.1f} px")
    for note in people.notes:
        click.echo(f"note: {note}")
