"""`markerless filter` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from markerless.cli.main import main
from markerless.formats import dlc
from pipeline.test_filter import made


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / "mouseDLC.h5"
    dlc.write(made(), path)
    return path


def test_it_says_what_was_done_and_what_was_written(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["filter", str(result)]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("mouseDLC.h5: ")
    assert " filled" in first
    assert " moved by more than " in first
    assert last.startswith("wrote ")
    assert last.endswith("mouseDLC_filtered.nc")


def test_json_methods_and_settings(result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--method", "interpolate", "--method", "median", "--set", "filter.window=3", "--out", str(tmp_path / "o")]
    assert main(["filter", str(result), *words, "--json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert file["error"] is None
    assert file["effect"]["n_filled"] > 0
    assert Path(file["written"][0]) == tmp_path / "o" / "mouseDLC_filtered.h5"


def test_a_file_that_is_not_there_fails_and_the_others_are_done(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["filter", str(result.with_name("no.h5")), str(result)]) == 2
    out, err = capsys.readouterr()
    assert "failed: no.h5: no such file" in err
    assert "mouseDLC_filtered.nc" in out


@pytest.mark.parametrize("words", [["--method", "kalmn"], ["--set", "filter.widow=3"], ["--set", "filter.max_gap"]])
def test_what_is_not_known_is_one_line(result: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["filter", str(result), *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
