"""People who labeled the same frames are compared by `check`: page, tables, figure, and what stays out."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from markerless.cli.main import main
from markerless.core.instance import Visibility
from markerless.pipeline.evaluate import evaluate
from markerless.pipeline.label_agreement import compare_labelers, people_apart
from markerless.pipeline.merge import merge
from markerless.project import Project
from markerless.project.label_book import LabelBook, PointChange
from markerless.project.label_writing import write_table
from merged import ONE, add_film, contents, empty_study, label, moved


@pytest.fixture
def study(tmp_path: Path) -> Project:
    """Ann and Bo have both labeled frames 2 to 9; Bo 3 px to the right, and the right ear not at all in frame 9."""
    made = empty_study(tmp_path, "mouse", "Ann")
    label(made, "v", range(10))
    nan = float("nan")
    label(made, "v", range(2, 10), place=lambda f, k: (nan, nan) if (f, k) == (9, 2) else moved(3)(f, k), scorer="Bo")
    return Project(made.root)


def test_the_page_and_the_tables_say_what_was_planted(study: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(study.root), "--labelers"]) == 0
    out = capsys.readouterr().out
    assert "Ann and Bo, 8 frames labeled by both; offsets are Bo's:" in out
    assert "note: nose: Bo places it 3.0 px right of where Ann does, on average" in out
    assert out.splitlines()[-1].startswith("wrote ") and "labelers.html" in out.splitlines()[-1]
    page = (study.root / "labelers.html").read_text(encoding="utf-8")
    assert "8 frames labeled by more than one of Ann, Bo" in page and "v/img002.png" in page
    assert (study.root / "labelers.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((study.root / "labelers.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["keypoint"], row["n_points"], row["only_one"], row["only_other"]) for row in rows] == [
        ("nose", "8", "0", "0"),
        ("left ear", "8", "0", "0"),
        ("right ear", "7", "1", "0"),
        ("all", "23", "1", "0"),
    ]
    assert {float(row["median_px"]) for row in rows} == {3.0} and rows[0]["systematic"] == "yes"
    points = list(csv.DictReader((study.root / "labelers-points.csv").read_text(encoding="utf-8").splitlines()))
    assert len(points) == 24 and sum(row["distance_px"] == "" for row in points) == 1


def test_without_being_asked_it_is_one_note_and_writes_nothing(
    study: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(study.root)
    assert main(["check", str(study.root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (note,) = [finding["message"] for finding in told["findings"] if finding["kind"] == "labelers"]
    assert note == "8 frames labeled more than once, 3.0 px apart (median); '--labelers' compares them"
    (pair,) = told["labelers"]
    assert pair["people"] == ["Ann", "Bo"] and pair["per_keypoint"]["nose"]["offset_px"] == [3.0, 0.0]
    assert contents(study.root) == before
    assert people_apart(study).startswith("people who labeled the same frames are 3.00 px apart (mean of 23 points")


def test_a_keypoint_that_came_by_merging_is_nobodys_disagreement(study: Project, tmp_path: Path) -> None:
    other = empty_study(tmp_path / "two", "other", "Bo", ("nose", "tail"))
    label(other, "v", (0, 1))
    merge(study.root, [other.root])
    now = Project(study.root)
    (pair,) = compare_labelers(now, write=False).pairs
    assert pair.n_frames == 10 and "tail" not in [point.keypoint for point in pair.by_keypoint()]
    placed = (Visibility.NOT_LABELED, Visibility.VISIBLE)
    change = PointChange("1", "img005.png", ONE, "tail", (None, placed[0]), (9.0, 9.0), placed[1])
    assert LabelBook(now, "v").apply([change], "Ann")[0].state == "done"
    now.save_clicks("v")
    (pair,) = compare_labelers(now, write=False).pairs
    tail = next(point for point in pair.by_keypoint() if point.keypoint == "tail")
    assert (tail.n_points, tail.n_only) == (0, (1, 0))  # in frames 0 and 1 Ann has not looked for Bo's tail


def test_one_persons_two_answers_are_compared_after_merging(study: Project, tmp_path: Path) -> None:
    other = empty_study(tmp_path / "two", "again", "Ann")
    label(other, "v", range(5), place=moved(2))
    merge(study.root, [other.root])
    pairs = {pair.people: pair for pair in compare_labelers(Project(study.root), write=False).pairs}
    assert set(pairs) == {("Ann", "Bo"), ("Ann", "Ann again")}
    again = pairs["Ann", "Ann again"].all
    assert (again.n_points, again.offset_px, again.n_only) == (15, (2.0, 0.0), (0, 0))


def test_copied_labels_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = empty_study(tmp_path, "mouse", "Ann")
    label(made, "v", range(4))
    label(made, "v", range(4), scorer="Bo")
    assert main(["check", str(made.root), "--labelers"]) == 0
    assert "12 of 12 points of Ann and Bo lie at the very same place" in capsys.readouterr().out


def test_one_person_alone_is_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = empty_study(tmp_path, "mouse", "Ann")
    add_film(made, "v.mp4", 1)
    label(made, "v", range(3))
    assert main(["check", str(made.root), "--labelers"]) == 0
    assert "no frame is labeled by two people" in capsys.readouterr().out
    assert not (made.root / "labelers.html").exists() and people_apart(made) == ""


def test_evaluate_says_it_beside_the_network(
    dot_study: Callable[..., Project], with_run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    study = dot_study(4)
    labels = study.labels()
    with_run(study, {"train": list(labels.images[:3]), "validation": [], "test": list(labels.images[3:])})
    assert "people" not in "\n".join(evaluate(study).lines())
    (video,) = study.label_folders()
    moved_by = [replace(i, xy=i.xy + np.array([3.0, 4.0])) for frame in labels.frames for i in frame.instances]
    frames = [replace(f, instances=(i,), labeler="Bo") for f, i in zip(labels.frames, moved_by, strict=True)]
    write_table(study.root / "labeled-data" / video, "CollectedData_Bo", replace(labels, frames=tuple(frames)))
    assert main(["evaluate", str(study.root)]) == 0
    line = "people who labeled the same frames are 5.00 px apart (mean of 12 points, median 5.00)"
    assert line in capsys.readouterr().out
    assert line in (study.root / "runs" / "run1" / "report.html").read_text(encoding="utf-8")
