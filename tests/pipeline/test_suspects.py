"""`check --suspects`: predictions of a run are used where there are some, and said where there are none."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from markerless.core.crossfit import CrossFit
from markerless.errors import RunError
from markerless.pipeline.check import CheckReport, check
from markerless.pipeline.suspects import Ranking, SuspectRequest, suspects_at_hand
from markerless.project import Project
from markerless.project import crossfit as crossfits
from markerless.synthetic.label_mistakes import with_points

N_FRAMES = 24
MakeStudy = Callable[..., Project]
AddRun = Callable[[Project, dict[str, list[str]]], None]


@pytest.fixture
def study(dot_study: MakeStudy, with_run: AddRun) -> Project:
    """A study with a run that trained on all but the last six frames, and has good predictions of them all."""
    project = dot_study(N_FRAMES)
    labels = project.labels()
    # at the top of each dot, which is what the network of the run finds
    project.write_labels("m1", with_points(labels, labels.xy()[:, 0] - (0, 5)))
    labels = project.labels()
    train = list(labels.images[:-6])
    with_run(project, {"train": train, "validation": list(labels.images[-6:-3]), "test": list(labels.images[-3:])})
    shape = (len(train), 3)
    xy = labels.xy()[: len(train), 0] + np.random.default_rng(0).normal(0, 0.5, (*shape, 2))
    score = np.random.default_rng(1).uniform(0.8, 0.99, shape)
    made = CrossFit(tuple(train), labels.skeleton.keypoints, xy, score, 1.5 - score, 3.0)
    crossfits.write(made, project.run_folder("run1") / crossfits.CROSSFIT_FILE)
    return project


def spoil(project: Project, f: int) -> tuple[str, str]:
    """Move the label of the dot that is farthest from the others, and not to another one; image and keypoint."""
    labels = project.labels()
    points = labels.xy()[:, 0]
    apart = np.linalg.norm(points[f, :, None] - points[f], axis=-1) + 1e3 * np.eye(3)
    k = int(np.argmax(apart.min(axis=1)))
    moved = points[f, k] + np.array([[30.0, 0.0], [-30.0, 0.0]])
    nearest = np.linalg.norm(moved[:, None] - points[f], axis=-1).min(axis=1)
    points[f, k] = moved[int(np.argmax(nearest))]
    project.write_labels("m1", with_points(labels, points))
    return labels.images[f], labels.skeleton.keypoints[k]


def ranking_of(report: CheckReport) -> Ranking:
    assert report.ranking is not None
    return report.ranking


@pytest.mark.parametrize("f", [4, N_FRAMES - 5, N_FRAMES - 1], ids=["train", "validation", "test"])
def test_a_wrong_label_is_first_whatever_its_frame_was_for(study: Project, f: int) -> None:
    before = study.labels()
    image, name = spoil(study, f)
    report = check(study.root, suspects=SuspectRequest())
    ranking = ranking_of(report)
    first = ranking.proposals[0]
    assert (first.rank, first.image, first.keypoint, ranking.run) == (1, image, name, "run1")
    place = before.xy()[f, 0, before.skeleton.index(name)]
    assert np.hypot(*(np.array(report.suspects[0].suggested[0]) - place)) < 3
    assert all(suspect.score < report.suspects[0].score / 2 for suspect in report.suspects[1:])
    assert ranking.page == study.run_folder("run1") / "suspects.html"
    assert ranking.page is not None and image.rpartition("/")[2] in ranking.page.read_text(encoding="utf-8")


def test_labels_newer_than_the_run_are_compared_as_they_are_and_that_is_said(study: Project) -> None:
    path = study.run_folder("run1") / crossfits.CROSSFIT_FILE
    os.utime(path, (2e9, 2e9))
    assert not any("newer" in note for note in ranking_of(check(study.root, suspects=SuspectRequest())).notes)
    image, _ = spoil(study, 3)
    os.utime(path, (1e9, 1e9))
    ranking = ranking_of(check(study.root, suspects=SuspectRequest()))
    assert any("newer than run1" in note for note in ranking.notes)
    assert ranking.proposals[0].image == image


def test_at_most_so_many_labels_are_proposed(study: Project) -> None:
    for f in (1, 5, 9):
        spoil(study, f)
    report = check(study.root, suspects=SuspectRequest(most=2))
    assert len(ranking_of(report).proposals) == 2
    assert len(report.suspects) <= 2
    values = report.to_json()
    assert values["suspects_run"] == "run1"
    assert [proposal["rank"] for proposal in values["proposals"]] == [1, 2]
    assert values["pictures"].endswith("suspects.html")


def test_without_predictions_the_labels_alone_are_looked_at_and_that_is_said(dot_study: MakeStudy) -> None:
    project = dot_study(N_FRAMES)
    ranking = ranking_of(check(project.root, suspects=SuspectRequest()))
    assert ranking.run is None
    assert ranking.page == project.root / "suspects.html"
    (note,) = ranking.notes
    assert "markerless train" in note


def test_a_run_without_predictions_is_passed_over_unless_it_is_asked_for(study: Project, with_run: AddRun) -> None:
    older = study.run_folder("run1").rename(study.run_folder("kept"))
    with_run(study, {"train": list(study.labels().images), "validation": [], "test": []})
    os.utime(older / "run.toml", (1e9, 1e9))
    assert ranking_of(check(study.root, suspects=SuspectRequest())).page == older / "suspects.html"
    asked = ranking_of(check(study.root, suspects=SuspectRequest("run1")))
    assert asked.run is None
    assert "run 'run1' has no crossfit.json" in asked.notes[0]
    with pytest.raises(RunError, match="no run 'gone'"):
        check(study.root, suspects=SuspectRequest("gone"))


def test_a_damaged_file_is_an_error_and_a_damaged_network_a_note(study: Project) -> None:
    (study.run_folder("run1") / "model.onnx").write_bytes(b"no network")
    (note,) = [n for n in ranking_of(check(study.root, suspects=SuspectRequest())).notes if "that did not train" in n]
    assert "6 frames" in note
    (study.run_folder("run1") / crossfits.CROSSFIT_FILE).write_text("{}", encoding="utf-8")
    with pytest.raises(RunError, match=r"crossfit\.json"):
        check(study.root, suspects=SuspectRequest())


def test_missing_pictures_and_empty_rows_are_no_trouble(study: Project) -> None:
    labels = study.labels()
    (study.root / labels.images[2]).unlink()
    (study.root / labels.images[-1]).unlink()
    points = labels.xy()[:, 0]
    points[7] = np.nan
    study.write_labels("m1", with_points(labels, points))
    report = check(study.root, suspects=SuspectRequest())
    assert [s.kind for s in report.suspects if s.image == labels.images[7]] == ["missing"] * 3
    assert any("1 frame without predictions" in note for note in ranking_of(report).notes)


def test_a_keypoint_that_the_run_does_not_know_is_said(study: Project) -> None:
    path = study.run_folder("run1") / crossfits.CROSSFIT_FILE
    made = crossfits.read(path)
    crossfits.write(replace(made, keypoints=("red", "green", "azure")), path)
    notes = ranking_of(check(study.root, suspects=SuspectRequest())).notes
    assert any("does not predict blue" in note for note in notes)


def test_nothing_is_written_unless_suspects_are_asked_for(study: Project) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.root.rglob("*")}
    assert check(study.root).ranking is None
    assert {path: path.stat().st_mtime_ns for path in study.root.rglob("*")} == before


def test_a_page_that_cannot_be_written_is_said_and_the_list_is_there(study: Project) -> None:
    image, _ = spoil(study, 4)
    (study.run_folder("run1") / "suspects.html").mkdir()
    ranking = ranking_of(check(study.root, suspects=SuspectRequest()))
    assert ranking.page is None
    assert "no page of pictures: cannot write" in ranking.notes[-1]
    assert ranking.proposals[0].image == image


def test_a_study_without_labels_has_nothing_to_rank(study: Project) -> None:
    labels = study.labels()
    study.write_labels("m1", replace(labels, frames=()))
    ranking = ranking_of(check(study.root, suspects=SuspectRequest()))
    assert (ranking.suspects, ranking.proposals) == ((), ())


def test_at_hand_are_the_predictions_that_are_kept_and_nothing_is_written(study: Project) -> None:
    trained = set(study.labels().images[:-6])
    before = {path for path in study.root.rglob("*") if path.is_file()}
    run, found = suspects_at_hand(study, study.labels())
    assert (run, [suspect for suspect in found if suspect.image in trained]) == ("run1", [])
    assert {path for path in study.root.rglob("*") if path.is_file()} == before
    image, keypoint = spoil(study, 4)
    run, found = suspects_at_hand(Project(study.root), Project(study.root).labels())
    (suspect,) = [suspect for suspect in found if suspect.image in trained]
    assert (suspect.image, suspect.keypoints) == (image, (keypoint,))
    crossfits_file = study.run_folder("run1") / crossfits.CROSSFIT_FILE
    crossfits_file.unlink()
    assert suspects_at_hand(study, study.labels())[0] is None
