"""Shared options: what they accept and what they refuse."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from markerless.cli.options import Crop, Seconds, crop_option, echo_json, gathered, start_option, stop_option


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("1:30", 90), ("0:01:30.5", 90.5), ("0", 0), ("2.25", 2.25)])
def test_times(text: str, seconds: float) -> None:
    assert Seconds().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["-1", "soon", "1:xx", "inf", "nan", ""])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected seconds"):
        Seconds().convert(text, None, None)


def test_crop_is_in_deeplabcuts_order() -> None:
    assert Crop().convert("10, 200,20,100", None, None) == (10, 200, 20, 100)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,x", "5,5,0,9", "0,9,7,3", "-1,5,0,9", "1.5,2,3,4"])
def test_crops_that_are_none(text: str) -> None:
    with pytest.raises(click.BadParameter, match="x1"):
        Crop().convert(text, None, None)


@dataclass(frozen=True)
class Part:
    start: float | None
    stop: float | None
    crop: tuple[int, int, int, int] | None


@click.command()
@click.argument("name")
@start_option
@stop_option
@crop_option
@gathered("part", Part)
def command(name: str, part: Part) -> None:
    click.echo(f"{name} {part}")


def test_options_can_be_gathered_into_one_value() -> None:
    result = CliRunner().invoke(command, ["x", "--start", "1:00", "--crop", "0,5,0,6"])
    assert result.output == f"x {Part(60.0, None, (0, 5, 0, 6))}\n"


def test_json_has_no_nan_and_shows_paths(capsys: pytest.CaptureFixture[str]) -> None:
    echo_json({"path": Path("a") / "b", "bad": float("nan"), "list": (1.5, float("inf")), "é": None})
    values = json.loads(capsys.readouterr().out)
    assert values == {"path": str(Path("a") / "b"), "bad": None, "list": [1.5, None], "é": None}
