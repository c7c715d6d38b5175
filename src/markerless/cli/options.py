"""Options and arguments that several verbs share, so that the same thing is spelled the same everywhere.

A verb decorates its function: `@project_argument`, `@run_option`, `@json_option`, ... The line below each one names
the parameter that it fills.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from markerless.core.plain import plain

if TYPE_CHECKING:
    from markerless.multiview.files.views_toml import KnownLength

PATH = click.Path(path_type=Path)


class Seconds(click.ParamType):
    """A time in a video: `90`, `1:30` or `0:01:30.5`; a float of seconds."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            seconds = 0.0
            for part in str(value).split(":"):
                seconds = 60 * seconds + float(part)
        except ValueError:
            seconds = math.nan
        if not (math.isfinite(seconds) and seconds >= 0):
            self.fail(f"expected seconds (90) or minutes:seconds (1:30), got '{value}'", param, ctx)
        return seconds


class Crop(click.ParamType):
    """A region of the frame in pixels, `x1,x2,y1,y2` in DeepLabCut's order; a tuple of four ints."""

    name = "crop"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int, int, int]:
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if len(parts) != 4 or not all(part.isdigit() for part in parts):
            self.fail(f"expected four whole numbers x1,x2,y1,y2 in pixels, got '{value}'", param, ctx)
        x1, x2, y1, y2 = (int(part) for part in parts)
        if x1 >= x2 or y1 >= y2:
            self.fail(f"expected x1 < x2 and y1 < y2 (the order is x1,x2,y1,y2), got '{value}'", param, ctx)
        return x1, x2, y1, y2


class CameraFile(click.ParamType):
    """`CAMERA=FILE`, or a file alone for all views of one picture; a pair of name and path."""

    name = "camera=file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Path]:
        if isinstance(value, tuple):
            return value
        camera, equals, path = str(value).partition("=")
        if Path(value).exists() and not (equals and Path(path).exists()):
            return "all", Path(value)
        if not equals or not camera or not path:
            self.fail(f"expected CAMERA=FILE, for example back=back.h5, or an existing file, got '{value}'", param, ctx)
        return camera, Path(path)


class Length(click.ParamType):
    """`KEYPOINT,KEYPOINT,NUMBER`: a known length."""

    name = "length"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> KnownLength:
        from markerless.errors import FormatError
        from markerless.multiview.files.views_toml import known_length

        try:
            return known_length([part.strip() for part in str(value).split(",")], "--length")
        except FormatError:
            self.fail(f"expected two keypoints and their distance, for example nose,tail,80, got '{value}'", param, ctx)


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

project_argument: Decorator = click.argument("project", type=PATH)
"""Fills `project: Path`: the project folder or its config.yaml."""

run_option: Decorator = click.option(
    "--run", "run_name", metavar="NAME", help="The training run to use; default: the newest finished one."
)
"""Fills `run_name: str | None`."""

json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
"""Fills `as_json: bool`; print with `echo_json`."""

set_option: Decorator = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a setting, for example train.steps=500; repeatable.",
)
"""Fills `assignments: tuple[str, ...]` for `markerless.config.parse_assignments`."""

out_option: Decorator = click.option(
    "--out", type=PATH, metavar="DIR", help="Where to write; default: beside the input."
)
"""Fills `out: Path | None`."""

start_option: Decorator = click.option(
    "--start", type=Seconds(), metavar="S", help="Begin here: seconds, or minutes:seconds."
)
"""Fills `start: float | None` in seconds."""

stop_option: Decorator = click.option("--stop", type=Seconds(), metavar="S", help="End before this time.")
"""Fills `stop: float | None` in seconds."""

crop_option: Decorator = click.option(
    "--crop",
    type=Crop(),
    metavar="X1,X2,Y1,Y2",
    help="Look only at this region, in pixels; results stay in full-frame pixels.",
)
"""Fills `crop: tuple[int, int, int, int] | None` as x1, x2, y1, y2."""

tracks_option: Decorator = click.option(
    "--tracks", type=PATH, metavar="FILE", help="Trajectories of any tool; default: ours, beside the video."
)
"""Fills `tracks: Path | None`."""

cutoff_option: Decorator = click.option(
    "--cutoff",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    metavar="P",
    help="Leave out points whose confidence is lower.",
)
"""Fills `cutoff: float`."""


def gathered(name: str, cls: type[Any]) -> Decorator:
    """Hands the parameters named like the fields of the dataclass `cls` to the function as one argument `name`.

    It keeps the functions of verbs with many options within six parameters; put it directly above the function.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(**parameters: Any) -> Any:
            values = {field.name: parameters.pop(field.name) for field in dataclasses.fields(cls)}
            return function(**{name: cls(**values)}, **parameters)

        return call

    return decorate


def by_camera(files: tuple[tuple[str, Path], ...]) -> dict[str, Path]:
    """Camera -> file; a camera named twice is refused."""
    found: dict[str, Path] = {}
    for camera, path in files:
        if camera in found:
            raise click.UsageError(f"expected one file per camera, got two of '{camera}': {found[camera]} and {path}")
        found[camera] = path
    return found


def echo_json(value: Any) -> None:
    """Print `value` as JSON on stdout; paths become text, NaN becomes null (JSON has no NaN)."""
    click.echo(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def echo_written(*paths: Path) -> None:
    """The last line of a verb: what was written."""
    click.echo(f"wrote {', '.join(str(path) for path in paths)}")
