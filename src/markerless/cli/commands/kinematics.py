"""`markerless kinematics FILE...`: how tracked animals move, as tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from markerless.cli import options
from markerless.cli.outcomes import Words, tell

if TYPE_CHECKING:
    from markerless.pipeline.kinematics import Kinematics, KinematicsRequest
    from markerless.report.kinematics_tables import Row

MOST_SHOWN = 30
GROUP = "kinematics"
SHOWN = ("speed", "length", "distance", "angle", "heading")


class Keypoints(click.ParamType):
    """Names with commas between, `a,b`; a tuple of texts."""

    name = "names"

    def __init__(self, n: int) -> None:
        self.n = n

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else tuple(value)
        if len(names) != self.n or not all(names):
            self.fail(f"expected {self.n} names of keypoints with commas between, got '{value}'", param, ctx)
        return names


class Rate(click.ParamType):
    """Frames per second, or the word frame."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        if value == "frame" or isinstance(value, float):
            return value
        try:
            return float(value)
        except ValueError:
            self.fail(f"expected frames per second, or 'frame' for measures per frame, got '{value}'", param, ctx)


@dataclass(frozen=True)
class Asked:
    """What the options say."""

    distances: tuple[tuple[str, str], ...]
    angles: tuple[tuple[str, str, str], ...]
    heading: tuple[str, str] | None
    regions: tuple[str, ...]
    scale: str | None
    pace: float | str | None

    def request(self) -> KinematicsRequest:
        from markerless.pipeline.kinematics import KinematicsRequest
        from markerless.pipeline.region_file import regions_of
        from markerless.pipeline.scale_text import parse_scale

        scale = parse_scale(self.scale) if self.scale is not None else None
        return KinematicsRequest(self.distances, self.angles, self.heading, regions_of(self.regions), scale, self.pace)


@click.command()
@click.argument("files", nargs=-1, required=True, type=options.PATH, metavar="FILE...")
@click.option(
    "--distance",
    "distances",
    type=Keypoints(2),
    multiple=True,
    metavar="A,B",
    help="Distance between two keypoints; repeatable.",
)
@click.option(
    "--angle", "angles", type=Keypoints(3), multiple=True, metavar="A,B,C", help="Angle at the keypoint B; repeatable."
)
@click.option(
    "--heading",
    type=Keypoints(2),
    metavar="BACK,FRONT",
    help="Direction of the animal by two keypoints, and how fast it turns.",
)
@click.option(
    "--region",
    "regions",
    multiple=True,
    metavar="REGION",
    help="Circle food=x,y,radius, polygon arm=x1,y1,x2,y2,x3,y3,... in pixels, or a TOML file; repeatable.",
)
@click.option(
    "--scale",
    metavar="SCALE",
    help="Measure in real units: 12.5px/mm, or a known length: leftear,rightear=18mm or x1,y1,x2,y2=400mm.",
)
@click.option(
    "--fps",
    "pace",
    type=Rate(),
    metavar="FPS",
    help="Frames per second where the file does not know them; 'frame' measures per frame.",
)
@options.out_option
@options.set_option
@options.json_option
@options.gathered("asked", Asked)
def command(
    files: tuple[Path, ...], asked: Asked, out: Path | None, assignments: tuple[str, ...], as_json: bool
) -> int:
    """Measure how tracked animals move: speed, acceleration, lengths, angles, heading, time in regions.

    FILE is a file of trajectories of any tool, or a video with results beside it. Writes <stem>_kinematics.csv, a
    summary, with regions <stem>_regions.csv and <stem>_visits.csv, and figures with one HTML page in plot-poses/.
    """
    from markerless.config import load, parse_assignments
    from markerless.pipeline.kinematics import KinematicsSettings, kinematics

    values = parse_assignments(assignments, {GROUP: KinematicsSettings})[GROUP]
    results = kinematics(files, asked.request(), load(GROUP, KinematicsSettings, values), out)
    words = Words("files", _as_plain, lambda result: str(result.source), _show, _tables)
    return tell(results, words, as_json)


def _tables(result: Kinematics) -> list[Path]:
    """The files but for figures, which are on the page."""
    return [path for path in result.files if path.suffix != ".png"]


def _show(result: Kinematics) -> None:
    from markerless.report.kinematics_tables import region_rows, summary

    if result.motion is None:
        return
    motion = result.motion
    click.echo(f"{result.source}: {motion.tracks.n_frames} frames")
    several = len(motion.tracks.individuals) > 1
    rows = summary(motion.quantities, motion.tracks.individuals, motion.pace)
    ways = {(row["individual"], row["of"]): f"{row['total']:.4g} {row['unit']}" for row in rows if "total" in row}
    _print_rows([_measured(row, ways) for row in rows if row["quantity"] in SHOWN], several)
    _print_rows([_stay(row) for row in region_rows(motion.stays, motion.pace)], several)
    for note in result.notes:
        click.echo(f"  note: {note}")


def _print_rows(rows: Sequence[tuple[str, str, str]], several: bool) -> None:
    named = [f"{individual} {what}" if several else what for individual, what, _ in rows[:MOST_SHOWN]]
    width = max((len(name) for name in named), default=0)
    for name, (_, _, says) in zip(named, rows, strict=False):
        click.echo(f"  {name:<{width}}  {says}")
    if len(rows) > MOST_SHOWN:
        click.echo(f"  {len(rows) - MOST_SHOWN} more; they are in the tables")


def _measured(row: Row, ways: Mapping[tuple[str, str], str]) -> tuple[str, str, str]:
    what = f"{row['quantity']} {row['of']}"
    if not row["n_frames"]:
        return row["individual"], what, "not known"
    if row["quantity"] == "heading":
        return row["individual"], what, f"mean {row['mean']:.1f} {row['unit']}"
    error = f", expected error {row['median_error']:.3g}" if row["median_error"] == row["median_error"] else ""
    says = f"median {row['median']:.4g} {row['unit']}, 90 % in {row['p05']:.4g} to {row['p95']:.4g}{error}"
    if row["quantity"] == "speed":
        says += f"; way {ways[row['individual'], row['of']]}"
    return row["individual"], what, says


def _stay(row: Row) -> tuple[str, str, str]:
    time = next(f"{value:.4g} {key.removeprefix('time_')}" for key, value in row.items() if key.startswith("time_"))
    entries = f"{row['n_entries']} {'entry' if row['n_entries'] == 1 else 'entries'}"
    share = f"{100 * row['share']:.1f} %" if row["n_seen"] else "never seen"
    return row["individual"], f"{row['keypoint']} in {row['region']}", f"{time} ({share}), {entries}"


def _as_plain(result: Kinematics) -> dict[str, Any]:
    from markerless.report.kinematics_tables import region_rows, summary

    motion = result.motion
    return {
        "tracks": result.source,
        "n_frames": motion.tracks.n_frames if motion else None,
        "px_per_unit": motion.scale.px_per_unit if motion and motion.scale else None,
        "summary": summary(motion.quantities, motion.tracks.individuals, motion.pace) if motion else [],
        "regions": region_rows(motion.stays, motion.pace) if motion else [],
        "files": list(result.files),
        "notes": list(result.notes),
        "error": result.error or None,
    }
