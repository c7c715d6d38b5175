"""`check`: every kind of damage done to a small study is found, and an intact one is clean."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.errors import LabelsError, ProjectError
from markerless.formats import dlc_labels
from markerless.pipeline.check import CheckReport, check, take_labels
from markerless.project import NewProject, Project, create_project
from markerless.video.images import write_image
from markerless.video.writer import VideoWriter

NAMES = ("nose", "leftear", "rightear", "tail")
SHAPE = np.array([[12.0, 0.0], [6.0, 4.0], [6.0, -4.0], [-12.0, 0.0]])


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study without a fault: 24 frames of one video."""
    parent = tmp_path_factory.mktemp("pristine")
    video = parent / "day.mp4"
    rng = np.random.default_rng(1)
    with VideoWriter(video, 10.0, (96, 64)) as writer:
        for _ in range(3):
            writer.write(rng.integers(0, 255, (64, 96, 3), np.uint8))
    project = create_project(NewProject("mouse", "Ann", NAMES, day=date(2026, 3, 5)), parent, [video], copy=True)
    frames = []
    for f in range(24):
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        xy = SHAPE @ turn.T + rng.uniform((16, 16), (78, 46)) + rng.normal(0, 0.3, SHAPE.shape)
        image = f"labeled-data/day/img{f:02d}.png"
        write_image(project.root / image, rng.integers(0, 255, (64, 96, 3), np.uint8))
        frames.append(LabeledFrame(image, (Instance.from_xy(xy),), "Ann"))
    project.write_labels("day", Labels(project.skeleton, tuple(frames)))
    return project.root


@pytest.fixture
def study(pristine: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of it to spoil."""
    root = tmp_path / "study"
    shutil.copytree(pristine, root)
    yield Project(root)


def kinds(report: CheckReport) -> set[tuple[str, str]]:
    return {(finding.level, finding.kind) for finding in report.findings}


def found(report: CheckReport, kind: str) -> list[str]:
    return [f"{finding.where}: {finding.message}" for finding in report.findings if finding.kind == kind]


def relabel(study: Project, frame: int, xy: np.ndarray) -> None:
    labels = study.labels()
    frames = list(labels.frames)
    frames[frame] = replace(frames[frame], instances=(Instance.from_xy(xy),))
    study.write_labels("day", replace(labels, frames=tuple(frames)))


def edit(study: Project, old: str, new: str) -> None:
    text = study.config_path.read_text(encoding="utf-8")
    assert old in text
    study.config_path.write_text(text.replace(old, new), encoding="utf-8")


def test_an_intact_study_has_no_finding_and_is_not_changed(study: Project) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.root.rglob("*")}
    report = check(study.root)
    assert report.findings == ()
    assert report.suspects == ()
    assert (report.n_frames, report.n_points, report.n_videos, report.keypoints) == (24, 96, 1, NAMES)
    assert {path: path.stat().st_mtime_ns for path in study.root.rglob("*")} == before


def test_labels_outside_and_exchanged_axes(study: Project) -> None:
    relabel(study, 3, study.labels().xy()[3, 0] + (200, 0))
    relabel(study, 5, np.array([[20.0, 90.0], [21.0, 80.0], [25.0, 85.0], [30.0, 70.0]]))
    report = check(study.root)
    assert found(report, "outside image")[0].startswith("labeled-data/day/img03.png: nose at (")
    assert found(report, "swapped axes")[0].startswith("labeled-data/day/img05.png: x and y look exchanged: 4 of 4")


def test_exchanged_ears_are_a_warning_and_a_suspect(study: Project) -> None:
    relabel(study, 7, study.labels().xy()[7, 0][[0, 2, 1, 3]])
    report = check(study.root)
    assert found(report, "exchanged labels")[0].startswith("labeled-data/day/img07.png: leftear and rightear")
    assert report.suspects[0].image == "labeled-data/day/img07.png"


def test_missing_cut_off_and_equal_pictures(study: Project) -> None:
    folder = study.root / "labeled-data" / "day"
    (folder / "img01.png").unlink()
    whole = (folder / "img02.png").read_bytes()
    (folder / "img02.png").write_bytes(whole[: len(whole) // 2])
    shutil.copy(folder / "img03.png", folder / "img04.png")
    report = check(study.root)
    assert found(report, "missing image")[0].startswith("labeled-data/day/img01.png: labeled")
    assert found(report, "unreadable image")[0].startswith("labeled-data/day/img02.png: ")
    assert found(report, "same image")[0].startswith(
        "labeled-data/day/img04.png: the same picture as labeled-data/day/img03"
    )


def test_a_folder_twice_is_one_finding(study: Project) -> None:
    shutil.copytree(study.root / "labeled-data" / "day", study.root / "labeled-data" / "day copy")
    report = check(study.root)
    assert report.n_frames == 48
    (line,) = found(report, "same image")
    assert line.startswith("labeled-data/day copy: 24 pictures are also in labeled-data/day")
    assert found(report, "repeated labels") == []


def test_one_picture_in_two_folders(study: Project) -> None:
    other = study.root / "labeled-data" / "night"
    other.mkdir()
    shutil.copy(study.root / "labeled-data" / "day" / "img09.png", other / "img77.png")
    (line,) = found(check(study.root), "same image")
    assert line.startswith("labeled-data/night/img77.png: the same picture as labeled-data/day/img09.png")


def test_a_row_twice_and_text_in_a_number(study: Project) -> None:
    folder = study.root / "labeled-data" / "day"
    (folder / "CollectedData_Ann.h5").unlink()
    csv = folder / "CollectedData_Ann.csv"
    text = csv.read_text(encoding="utf-8")
    csv.write_text(text + text.splitlines()[5] + "\n", encoding="utf-8")
    report = check(study.root)
    assert ("error", "label table") in kinds(report)
    assert "img02.png again" in found(report, "label table")[0]
    csv.write_text(text.replace(text.splitlines()[4].split(",")[3], "abc"), encoding="utf-8")
    assert "line 5" in found(check(study.root), "label table")[0]


def test_csv_and_h5_that_differ(study: Project) -> None:
    csv = study.root / "labeled-data" / "day" / "CollectedData_Ann.csv"
    old = csv.read_text(encoding="utf-8").splitlines()[4].split(",")[3]
    csv.write_text(csv.read_text(encoding="utf-8").replace(old, "50.5"), encoding="utf-8")
    os.utime(csv, (2e9, 2e9))
    assert "newer than the h5, differs from the h5 in 1 point;" in found(check(study.root), "label file")[0]
    os.utime(csv, (1e9, 1e9))
    assert "differs from the h5 in 1 point;" in found(check(study.root), "csv differs")[0]
    (taken,) = take_labels(study.root, "csv")
    assert taken.where == "labeled-data/day/CollectedData_Ann.h5"
    assert {finding.kind for finding in check(study.root).findings} <= {"suspects"}
    assert Project(study.root).labels().xy()[1, 0, 0, 0] == 50.5
    assert take_labels(study.root, "h5") == []


def test_taking_from_a_damaged_file_is_refused(study: Project) -> None:
    csv = study.root / "labeled-data" / "day" / "CollectedData_Ann.csv"
    csv.write_text("scorer\n", encoding="utf-8")
    with pytest.raises(LabelsError):
        take_labels(study.root, "csv")


def test_other_scorers_and_other_tables(study: Project) -> None:
    folder = study.root / "labeled-data" / "day"
    labels = study.labels()
    theirs = replace(labels, frames=tuple(replace(frame, labeler="Bo") for frame in labels.frames[:2]))
    dlc_labels.write(theirs, folder / "CollectedData_Bo.csv")
    shutil.copy(folder / "CollectedData_Ann.h5", folder / "machinelabels-iter0.h5")
    report = check(study.root)
    assert any("2 frames by scorer 'Bo'" in line for line in found(report, "label file"))
    assert found(report, "no h5")[0].startswith("labeled-data/day/CollectedData_Bo.csv")
    assert found(report, "other table")[0].startswith("labeled-data/day/machinelabels-iter0.h5")


def test_config_oddities(study: Project) -> None:
    edit(study, "- tail\n", "- tail\n- whisker\n")
    edit(study, "skeleton: []", "skeleton: [[nose, ghost]]")
    edit(study, f"  {study.config['project_path']}/videos/day.mp4:", "  /gone/night.mp4:")
    edit(study, "cropping: false", "cropping: true")
    report = check(study.root)
    assert {
        ("warning", "never labeled"),
        ("warning", "config"),
        ("note", "video not found"),
        ("note", "folder without video"),
        ("note", "crop"),
    } == kinds(report)
    edit(study, "x2: 640", "x2: -1")
    assert ("error", "crop") in kinds(check(study.root))


def test_folders_pictures_videos_and_runs(study: Project) -> None:
    data = study.root / "labeled-data"
    (data / "empty").mkdir()
    (data / "todo").mkdir()
    write_image(data / "todo" / "a.png", np.zeros((9, 9, 3), np.uint8))
    write_image(data / "day" / "later.png", np.ones((9, 9, 3), np.uint8))
    (data / ".DS_Store").write_bytes(b"\0")
    (study.root / "videos" / "text.mp4").write_text("no video", encoding="utf-8")
    (study.root / "runs" / "run1").mkdir(parents=True)
    report = check(study.root)
    assert {
        ("note", "empty folder"),
        ("warning", "no label file"),
        ("note", "images without rows"),
        ("warning", "unreadable video"),
        ("warning", "run"),
    } == kinds(report)
    assert "1 of 25 pictures" in found(report, "images without rows")[0]


def test_no_labels_and_few_labels(study: Project) -> None:
    labels = study.labels()
    study.write_labels("day", replace(labels, frames=labels.frames[:19]))
    assert ("warning", "few frames") in kinds(check(study.root))
    study.write_labels("day", replace(labels, frames=labels.frames[:1]))
    assert ("error", "few frames") in kinds(check(study.root))
    study.write_labels("day", replace(labels, frames=()))
    assert ("error", "no labels") in kinds(check(study.root))


def test_several_animals_are_said_in_one_line(shared_data: Path) -> None:
    report = check(shared_data / "interop" / "dlc-multi" / "sleap-test-project" / "madlc_230_config.yaml")
    (line,) = found(report, "several animals")
    assert "later version" in line


def test_real_projects_are_checked(shared_data: Path) -> None:
    openfield = check(shared_data / "openfield-Pranav-2018-10-30")
    assert (openfield.counts["errors"], openfield.n_frames, openfield.n_points) == (0, 93, 372)
    reaching = check(shared_data / "Reaching-Mackenzie-2018-08-30")
    assert (reaching.counts["errors"], reaching.n_frames, reaching.n_points) == (0, 44, 185)
    assert "32 of 832 x 747, 12 of 640 x 470" in found(reaching, "several sizes")[0]


def test_json_is_plain(study: Project) -> None:
    values = check(study.root).to_json()
    assert values["project"] == str(study.root)
    assert (values["errors"], values["warnings"], values["notes"], values["findings"]) == (0, 0, 0, [])


def test_no_project_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProjectError):
        check(tmp_path)
