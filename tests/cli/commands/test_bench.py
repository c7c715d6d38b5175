"""The verb bench as a user types it, and the lines on what is chosen."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from markerless.cli.main import main
from markerless.cli.method_lines import method_lines
from markerless.pipeline import bench as module
from markerless.pipeline.bench import Row
from pipeline.field import make_field, write_film

WAYS = ("analyze.engine=openvino", "analyze.precision=f32", "analyze.batch_size=1", "analyze.region=off")
SETTINGS = [word for way in WAYS for word in ("--set", way)]
ROWS = {
    ("decode only", "", ""): Row("decode only", "", "", 500.0, math.nan, 2.0, 100.4),
    ("whole frame", "fast", "bf16"): Row("whole frame", "fast", "bf16", note="no bf16 here; use f32"),
    ("whole frame", "fast", "f32"): Row("whole frame", "fast", "f32", 123.46, 250.04, 7.126, 300.6),
}
REGION = {
    "use": "on",
    "why": "faster and as accurate",
    "size_px": [64, 48],
    "same_share": 0.998,
    "same_px": 1.0,
    "error_px": None,
    "error_whole_px": None,
    "n_labeled": 0,
    "labeled_are_unseen": True,
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project and a film; what would be measured for each row is known."""
    monkeypatch.chdir(tmp_path)
    make_field(tmp_path).root.rename("field")
    write_film(tmp_path / "film.mp4", 12)
    monkeypatch.setattr(module, "ENGINES", SimpleNamespace(names=lambda: ("fast",)))

    def known(task: Any) -> Row:
        return ROWS[(task.row.what, task.row.engine, task.row.precision)]

    monkeypatch.setattr(module, "_in_own_process", known)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_prints_a_row_for_each_way_and_what_analyze_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "field", "film.mp4", *SETTINGS]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("cores; film.mp4, 320 x 240 px")
    assert lines[1].split() == ["engine", "precision", "frames/s", "in", "memory/s", "latency", "ms", "memory", "MB"]
    assert lines[2].split() == ["decode", "only", "500.0", "-", "2.00", "100"]
    assert lines[3].split(maxsplit=4) == ["whole", "frame", "fast", "bf16", "no bf16 here; use f32"]
    assert lines[4].split() == ["whole", "frame", "fast", "f32", "123.5", "250.0", "7.13", "301"]
    assert len({len(lines[i]) for i in (1, 2, 4)}) == 1  # columns of numbers end at the same place
    assert lines[5] == "analyze takes: engine openvino, precision f32, batch 1"
    assert lines[6:] == ["region of interest: off (switched off)"]


@pytest.mark.usefixtures("here")
def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "field", "film.mp4", "--json", *SETTINGS]) == 0

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    values = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert (values["video"], values["size_px"]) == ("film.mp4", [320, 240])
    assert [row["frames_per_s"] for row in values["rows"]] == [500.0, None, 123.46]
    assert values["rows"][1]["note"] == "no bf16 here; use f32"
    assert values["chosen"]["engine"] == "openvino"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bench", "gone"], "no such project"),
        (["bench", "field"], "name one: markerless bench PROJECT VIDEO"),
        (["bench", "field", "gone.mp4"], "gone.mp4"),
        (["bench", "field", "film.mp4", "--run", "run7"], "run7"),
        (["bench", "field", "film.mp4", "--set", "analyze.engin=openvino"], "did you mean 'analyze.engine'"),
        (["bench", "field", "film.mp4", "--set", "live.seconds=3"], "unknown setting 'live.seconds'"),
    ],
)
def test_a_mistake_of_the_user_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert main(words) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert len(output.err.splitlines()) == 1


class TestMethodLines:
    def test_without_a_region_say_why(self) -> None:
        effect = {"bf16": None, "region": {"use": "off", "why": "the whole frame is as fast"}}
        assert method_lines(effect, math.nan) == ["region of interest: off (the whole frame is as fast)"]

    def test_tell_what_bf16_costs(self) -> None:
        errors = {"error_bf16_px": 1.234, "error_f32_px": 1.2, "n_labeled": 9, "labeled_are_unseen": True}
        effect = {"bf16": errors, "region": {"use": "off", "why": "why"}}
        frames = "9 labeled frames it was not trained on"
        line = f"precision: mean error on {frames} 1.23 px in bf16, 1.20 px in f32"
        assert method_lines(effect, math.nan)[0] == line

    def test_leave_out_what_was_not_measured(self) -> None:
        assert method_lines({"region": REGION}, math.nan) == [
            "region of interest: on, 64 x 48 px (faster and as accurate), 99.8 % of the points within 1 px of theirs"
        ]

    @pytest.mark.parametrize(
        ("are_unseen", "frames"),
        [(True, "30 labeled frames it was not trained on"), (False, "30 of the frames that trained it")],
    )
    def test_tell_all_that_was_measured(self, are_unseen: bool, frames: str) -> None:
        region = {**REGION, "labeled_are_unseen": are_unseen, "error_px": 2.0, "error_whole_px": 2.125, "n_labeled": 30}
        (line,) = method_lines({"region": region}, 3.14, 0.25)
        assert line.split(", ")[2:] == [
            "3.1 times as fast as whole frames",
            "99.8 % of the points within 1 px of theirs",
            f"mean error on {frames} 2.00 px (whole frame 2.12)",
            "fell back to the whole frame in 25.0 % of the frames",
        ]
