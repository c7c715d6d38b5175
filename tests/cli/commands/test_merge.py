"""The verb merge as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from markerless.cli.main import main
from markerless.project import Project
from merged import add_film, contents, empty_study, label, moved


@pytest.fixture
def studies(tmp_path: Path) -> tuple[str, str]:
    ann, bo = empty_study(tmp_path / "one", "mouse", "Ann"), empty_study(tmp_path / "two", "mouse", "Bo")
    for study, name in ((ann, "day one"), (bo, "x")):
        add_film(study, f"{name}.mp4", 1)
    label(ann, "day one", range(4))
    label(bo, "x", range(2, 6), place=moved(3))
    return str(ann.root), str(bo.root)


def test_it_says_what_it_did_and_what_is_there_already(
    studies: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    ann, bo = studies
    assert main(["merge", ann, bo, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing was changed: this was a dry run"
    assert main(["merge", ann, bo]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "labeled frames: 4 -> 6" in lines and "  of Bo: 0 -> 12 points" in lines
    assert "mouse-Bo-2026-03-05/x: the same as day one, by the file" in lines
    assert "labeled differently: 6 points, 3.0 px apart (median), 3.0 px at most; no label is lost" in lines
    assert "  labeled-data/day one/img002.png nose: 3.0 px, by Ann and Bo; its own stays" in lines
    assert lines[-1] == f"wrote {ann}, {ann}/merge-conflicts.csv"
    before = contents(Path(ann))
    assert main(["merge", ann, bo, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["changed"] is False and told["n_conflicts"] == 6 and told["conflict_px"] == {"median": 3.0, "max": 3.0}
    assert contents(Path(ann)) == before and len(Project(ann).labels()) == 6


@pytest.mark.parametrize(
    ("others", "says"),
    [
        (["{ann}"], "name each once"),
        (["nowhere"], "no such project"),
        (["{bo}", "{bo}/config.yaml"], "name each once"),
        ([], "Missing argument 'OTHER...'"),
        (["{bo}", "--conflicts", "{bo}"], "expected a file for the table of conflicts, got the folder"),
        (["{bo}", "--conflicts", "{bo}/config.yaml/a.csv"], "cannot write"),
    ],
)
def test_bad_input_is_one_line(
    studies: tuple[str, str], others: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ann, bo = studies
    before = contents(Path(ann))
    assert main(["merge", ann, *(other.format(ann=ann, bo=bo) for other in others)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and says in line
    assert contents(Path(ann)) == before


def test_the_table_goes_where_it_is_asked_for(studies: tuple[str, str], tmp_path: Path) -> None:
    ann, bo = studies
    table = tmp_path / "apart" / "points.csv"
    assert main(["merge", ann, bo, "--conflicts", str(table), "--copy"]) == 0
    assert len(table.read_text(encoding="utf-8").splitlines()) == 7
    assert not (Path(ann) / "merge-conflicts.csv").exists()
