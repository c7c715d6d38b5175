"""`markerless filter FILE...`: cleaner trajectories."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from markerless.cli import options
from markerless.cli.outcomes import Words, tell

if TYPE_CHECKING:
    from markerless.pipeline.filter import FilteredFile, FilterRequest


@dataclass(frozen=True)
class Asked:
    """What the options say."""

    methods: tuple[str, ...]
    ensemble: bool
    out: Path | None
    overwrite: bool
    assignments: tuple[str, ...]

    def request(self) -> FilterRequest:
        from markerless.config import parse_assignments
        from markerless.pipeline.filter import GROUP, FilterRequest, settings_class

        settings = parse_assignments(self.assignments, {GROUP: settings_class(self.methods)})[GROUP]
        return FilterRequest(self.methods, settings, self.ensemble, self.out, self.overwrite)


@click.command()
@click.argument("files", nargs=-1, required=True, type=options.PATH, metavar="FILE...")
@click.option(
    "--method",
    "methods",
    multiple=True,
    default=("kalman",),
    metavar="NAME",
    help="kalman (default), median, savgol or interpolate; repeated, they are applied in this order.",
)
@click.option("--ensemble", is_flag=True, help="The files are several runs' results of one video; filter them as one.")
@options.out_option
@click.option("--overwrite", is_flag=True, help="Replace whatever is there, instead of refusing.")
@options.set_option
@options.json_option
@options.gathered("asked", Asked)
def command(files: tuple[Path, ...], asked: Asked, as_json: bool) -> int:
    """Make trajectories cleaner: fill short gaps, take out wild points, smooth.

    FILE is a result of any tool, or a video, which stands for its newest result. The filtered result is written beside
    it as h5, csv and nc, its name ends in _filtered. kalman uses the expected error of each point where there is one.

    A filtered result of the same points is replaced; anything else of that name is not without --overwrite.
    """
    from markerless.pipeline.filter import filter_files

    words = Words("files", _as_plain, _name, _show, lambda result: result.written)
    return tell(filter_files(files, asked.request()), words, as_json)


def _name(result: FilteredFile) -> str:
    return ", ".join(path.name for path in result.sources)


def _show(result: FilteredFile) -> None:
    effect = result.effect
    if effect is None:
        return
    dropped = f", {effect.n_dropped} taken out" if effect.n_dropped else ""
    moves = (effect.far, effect.median_move, effect.largest_move)
    far, median, largest = (f"{move:.3g} {effect.unit}" for move in moves)
    click.echo(
        f"{_name(result)}: {effect.n_points} points, {effect.n_filled} filled{dropped}, {effect.n_moved} moved by more "
        f"than {far} (median move {median}, largest {largest})"
    )
    for note in result.notes:
        click.echo(f"  note: {note}")


def _as_plain(result: FilteredFile) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "sources": list(result.sources),
        "effect": asdict(result.effect) if result.effect is not None else None,
        "written": list(result.written),
        "notes": list(result.notes),
        "error": result.error or None,
    }
