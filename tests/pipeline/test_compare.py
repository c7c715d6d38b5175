"""Two runs on the same frames: who has seen what, and numbers that can be calculated by hand."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from markerless.cli.main import main
from markerless.core.crossfit import CrossFit
from markerless.core.instance import Instance
from markerless.errors import LabelsError, RunError
from markerless.pipeline.compare import compare, groups_of, standing_of
from markerless.pipeline.comparison import Comparison, Group
from markerless.project import Project, crossfit
from recalled import Known, add_run, pictures_of

MakeStudy = Callable[..., Project]
N = 24


@pytest.fixture
def study(dot_study: MakeStudy) -> Project:
    """24 labeled pictures of 96 x 64 px with three keypoints."""
    return dot_study(N)


def truth_of(project: Project) -> np.ndarray:
    """`(F, 3, 2)` px."""
    return np.asarray(project.labels().xy()[:, 0])


def add(project: Project, name: str, off: np.ndarray | tuple[float, float], train: list[str], start: str = "") -> None:
    """A run whose answers are off by `off` (broadcast over frames and keypoints), trained on `train`."""
    known = Known(pictures_of(project), truth_of(project) + np.asarray(off, float))
    add_run(project, name, known, {"train": train}, start)


def group(found: Comparison, name: str) -> Group:
    told = found.groups[name]
    assert told is not None
    return told


def test_the_numbers_are_those_of_a_calculation_by_hand(study: Project) -> None:
    """Before all points are off by (3, 4), which is 5 px. After, red is off by (0, 2), green by (5, 12), blue by 0,
    so the mean is 15 / 3 = 5 px again, and in the last frame blue is missing and counts as the diagonal.
    """
    images = list(study.labels().images)
    add(study, "run1", (3.0, 4.0), images[:2])
    off = np.broadcast_to(np.array([[0.0, 2], [5, 12], [0, 0]]), (N, 3, 2)).copy()
    off[-1, 2] = np.nan
    add(study, "run2", off, images[:2])
    found = compare(study, "run1", "run2")
    told, diagonal = group(found, "unseen"), math.hypot(96, 64)
    assert (told.change.n_frames, told.change.n_points) == (22, 66)
    assert told.change.before_px == pytest.approx(5, abs=1e-4)
    assert told.change.after_px == pytest.approx((22 * 15 + diagonal) / 66, abs=1e-4)
    each = {name: change for name, change in told.per_keypoint.items() if change is not None}
    assert {name: change.after_px for name, change in each.items()} == pytest.approx(
        {"red": 2, "green": 13, "blue": diagonal / 22}, abs=1e-4
    )
    assert {name: change.verdict for name, change in each.items()} == {
        "red": "better",
        "green": "worse",
        "blue": "unclear",
    }
    assert each["red"].interval == pytest.approx((-3, -3), abs=1e-4)
    assert told.medians_px == pytest.approx((5, 2), abs=1e-4)
    seen = group(found, "seen")
    assert (seen.change.n_frames, seen.verdict) == (2, "unclear")
    assert found.telling is told
    frames = found.frames()
    assert len(frames) == N
    assert (frames[0].image, frames[0].much) == (images[-1], "worse")
    assert frames[0].change_px == pytest.approx((15 + diagonal) / 3 - 5, abs=1e-4)
    assert {frame.much for frame in frames[1:]} == {""}


def test_frames_are_told_apart_by_who_has_seen_them(study: Project) -> None:
    """run3 goes back over run2 to run1, so what run1 trained on is not unseen to it, whatever its own split says."""
    images = list(study.labels().images)
    add(study, "run1", (9.0, 0.0), images[:4])
    add(study, "run2", (6.0, 0.0), images[4:6], "run1")
    add(study, "run3", (3.0, 0.0), images[6:8], "run2")
    groups = groups_of(study.labels(), standing_of(study, "run2"), standing_of(study, "run3"))
    assert groups == {"unseen": images[8:], "new": [], "seen": images[:8]}
    groups = groups_of(study.labels(), standing_of(study, "run1"), standing_of(study, "run2"))
    assert groups["unseen"] == images[6:]


def test_new_frames_are_asked_of_networks_that_have_not_seen_them(study: Project) -> None:
    """run2 knows its ten new frames by heart, 0 px; its cross-fitted networks are 4 px off there, and only they count.
    The order of their keypoints is another one, and for one frame they have no answer: it counts as the diagonal.
    """
    images, truth = list(study.labels().images), truth_of(study)
    new = images[2:14]
    add(study, "run1", (0.0, 6.0), images[:2])
    add(study, "run2", (0.0, 0.0), images[:14], "run1")
    answers = truth[2:13][:, [2, 0, 1]] + [4.0, 0.0]
    answers[0, 1] = np.nan  # red of the first
    names = ("blue", "red", "green")
    score = np.where(np.isnan(answers[..., 0]), np.nan, 0.9)
    held_out = CrossFit(tuple(new[:11]), names, answers, score, 0 * score + 1, 3.0)
    crossfit.write(held_out, study.run_folder("run2") / "crossfit.json")
    found = compare(study, "run1", "run2")
    told = group(found, "new")
    assert told.change.n_frames == 11
    assert told.change.before_px == pytest.approx(6, abs=1e-4)
    red = told.per_keypoint["red"]
    assert red is not None
    assert red.after_px == pytest.approx((10 * 4 + math.hypot(96, 64)) / 11, abs=1e-4)
    green = told.per_keypoint["green"]
    assert green is not None
    assert green.after_px == pytest.approx(4, abs=1e-4)
    assert green.verdict == "better"
    assert group(found, "seen").change.n_frames == 3  # and the new frame that nobody else was asked about
    assert group(found, "unseen").change.after_px == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(("n_unseen", "teller"), [(10, "unseen"), (9, "new"), (0, "new")])
def test_new_frames_decide_where_unseen_ones_are_too_few(study: Project, n_unseen: int, teller: str) -> None:
    images, truth = list(study.labels().images), truth_of(study)
    trained = images[: N - n_unseen]
    add(study, "run1", (0.0, 6.0), images[:2])
    add(study, "run2", (0.0, 0.0), trained, "run1")
    rows = slice(2, len(trained))
    score = np.full((len(trained) - 2, 3), 0.9)
    held_out = CrossFit(tuple(trained[2:]), study.skeleton.keypoints, truth[rows] + [1.0, 0], score, score, 3.0)
    crossfit.write(held_out, study.run_folder("run2") / "crossfit.json")
    found = compare(study, "run1", "run2")
    assert found.telling.name == teller
    assert found.telling.verdict == "better"
    assert found.words().startswith("run2 is better")


@pytest.mark.parametrize(
    ("by", "verdict", "title"),
    [
        ((-50.0, 0.0), "partly better", "run2 is better in 1 of 2 videos (m1)"),
        ((0.0, 6.0), "partly worse", "run2 is worse in 1 of 2 videos (m2)"),
        ((-2.0, 1.0), "mixed", "run2 is better in 1 of 2 videos (m1), and worse in 1 of 2 videos (m2)"),
        ((-2.0, -1.0), "better", "run2 is better"),
        ((0.0, 0.0), "unclear", "no clear difference"),
    ],
)
def test_videos_are_told_apart(study: Project, by: tuple[float, float], verdict: str, title: str) -> None:
    """12 frames of each of two videos, all better by so many px in one, and in the other.

    Whether another video would be better is not known when one of two is, however much it is; of these two it is.
    """
    labels = study.labels()
    shutil.copytree(study.root / "labeled-data" / "m1", study.root / "labeled-data" / "m2")
    for table in (study.root / "labeled-data" / "m2").glob("CollectedData_*"):
        table.unlink()
    moved = [replace(f, image=f.image.replace("/m1/", "/m2/"), path=None) for f in labels.frames[12:]]
    study.write_labels("m2", replace(labels, frames=tuple(moved)))
    study.write_labels("m1", replace(labels, frames=labels.frames[:12]))
    project = Project(study.root)
    random = 60 + np.random.default_rng(0).uniform(-3, 3, (N, 1, 1))  # so that frames differ
    shift = np.repeat(by, 12)[:, None, None]
    add(project, "run1", random * [1.0, 0.0], [])
    add(project, "run2", (random + shift) * [1.0, 0.0], [])
    found = compare(project, "run1", "run2")
    told = group(found, "unseen")
    assert list(told.per_video) == ["m1", "m2"]
    assert [change.change_px for change in told.per_video.values()] == pytest.approx(by, abs=1e-3)
    assert (told.verdict, found.title()) == (verdict, title)
    assert found.to_json()["verdict"] == verdict
    assert any(line.startswith("m2 ") for line in found.lines())


def test_frames_learned_by_heart_decide_nothing(study: Project) -> None:
    images = list(study.labels().images)
    add(study, "run1", (0.0, 6.0), images)
    add(study, "run2", (0.0, 0.0), images, "run1")
    found = compare(study, "run1", "run2")
    assert (found.telling.name, found.telling.verdict) == ("seen", "unclear")
    assert found.telling.change.verdict == "better"  # of these frames it is true
    assert "learned by heart" in found.words()


def test_only_keypoints_that_both_know_are_compared(study: Project) -> None:
    images = list(study.labels().images)
    add(study, "run1", (1.0, 0.0), images[:2])
    add(study, "run2", (2.0, 0.0), images[:2])
    toml = study.run_folder("run1") / "run.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace('"red"', '"nose"'), encoding="utf-8")
    found = compare(study, "run1", "run2")
    assert found.keypoints == ("green", "blue")
    assert found.notes == ("red: not known to both runs, left out",)
    assert group(found, "unseen").change.after_px == pytest.approx(2, abs=1e-4)
    text = toml.read_text(encoding="utf-8").replace('"green"', '"a"').replace('"blue"', '"b"')
    toml.write_text(text, encoding="utf-8")
    with pytest.raises(LabelsError, match="share no keypoint"):
        compare(study, "run1", "run2")


def test_frames_without_labels_or_pictures_are_left_out(study: Project) -> None:
    images = list(study.labels().images)
    add(study, "run1", (1.0, 0.0), images[:2])
    add(study, "run2", (2.0, 0.0), images[:2])
    labels = study.labels()
    empty = Instance.from_xy(np.full((3, 2), np.nan))
    frames = [replace(frame, instances=(empty,)) if frame.image == images[-1] else frame for frame in labels.frames]
    study.write_labels("m1", replace(labels, frames=tuple(frames)))
    (study.root / images[-2]).unlink()
    found = compare(Project(study.root), "run1", "run2")
    assert group(found, "unseen").change.n_frames == N - 4
    assert images[-1] not in {frame.image for frame in found.frames()}
    assert "1 frame without a picture: left out" in found.notes


def test_a_run_is_not_compared_with_itself_nor_with_one_that_is_not_there(study: Project) -> None:
    add(study, "run1", (1.0, 0.0), list(study.labels().images[:2]))
    with pytest.raises(RunError, match="two different runs"):
        compare(study, "run1", "run1")
    with pytest.raises(RunError, match="no run 'run9'"):
        compare(study, "run1", "run9")


def test_progress_goes_once_over_the_frames_of_both(study: Project) -> None:
    images = list(study.labels().images)
    add(study, "run1", (1.0, 0.0), images[:2])
    add(study, "run2", (2.0, 0.0), images[:2])
    told: list[tuple[int, int]] = []
    compare(study, "run1", "run2", lambda done, total, _text: told.append((done, total)))
    assert {total for _, total in told} == {2 * N}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == 2 * N


def test_the_verb_prints_the_same(study: Project, capsys: pytest.CaptureFixture[str]) -> None:
    images = list(study.labels().images)
    add(study, "run1", (0.0, 6.0), images[:2])
    add(study, "run2", (0.0, 1.0), images[:2])
    assert main(["compare", str(study.root), "run1", "run2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["told_by"]) == ("better", "unseen")
    assert told["groups"]["new"] is None
    assert told["groups"]["unseen"]["per_keypoint"]["red"]["change_px"] == pytest.approx(-5, abs=1e-4)
    assert len(told["frames"]) == N
    assert main(["compare", str(study.root), "run1", "run2"]) == 0
    out = capsys.readouterr().out
    assert "run2 is better: on 22 frames that neither run was trained on" in out
    assert "-5.00" in out
    assert main(["compare", str(study.root), "run1", "run1"]) == 2
