"""`train --from RUN`: which frames, which settings, and what is taken over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from make_model import color_finder
from make_run import TINY, one_thread, tiny_backbone_known
from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.nn import checkpoint as checkpoints
from markerless.nn.train import TrainSettings
from markerless.pipeline import adaptation, kept_answers
from markerless.pipeline.cross_fit import HeldOut
from markerless.pipeline.evaluate import evaluate
from markerless.pipeline.seen_tests import seen_note
from markerless.pipeline.train import notes, train
from markerless.pipeline.training_plan import TrainRequest, make_plan
from markerless.project import Project, Run, crossfit

MakeStudy = Callable[..., Project]
MakeAdapted = Callable[..., tuple[Project, list[str], list[str]]]
Settings = dict[str, dict[str, object]]
SETTINGS: Settings = {
    "train": {"steps": 4, "batch_size": 2, "precision": "f32", "crossfit_steps": 2},
    "net": {"backbone": TINY, "weights": "none", "width": 16},
    "data": {"crop": 64},
}
N_OLD, N_FRAMES = 12, 18


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A backbone of five convolutions; the exporter takes ten seconds and is tested for itself."""
    monkeypatch.setattr("markerless.pipeline.train.export_onnx", lambda model, names, path: path.write_bytes(b"x"))
    with tiny_backbone_known(), one_thread():
        yield


@pytest.fixture
def study(dot_study: MakeStudy, tmp_path: Path) -> MakeAdapted:
    """A project whose run1 was trained on its first frames; the images that are old, and those that are new."""

    def make(**parts: list[int]) -> tuple[Project, list[str], list[str]]:
        project = dot_study(N_FRAMES)
        images = list(project.labels().images)
        wanted = {part: [images[i] for i in which] for part, which in parts.items()} or {"train": images[:N_OLD]}
        train(project, request=TrainRequest(split=split_file(tmp_path, **wanted)), settings=SETTINGS)
        old = [image for some in wanted.values() for image in some]
        return Project(project.root), old, [image for image in images if image not in old]

    return make


def split_file(folder: Path, **parts: list[str]) -> Path:
    path = folder / "split.json"
    path.write_text(json.dumps(parts), encoding="utf-8")
    return path


class TestFrames:
    def test_what_the_run_was_trained_on_is_replayed(self, study: MakeAdapted, tmp_path: Path) -> None:
        project, old, new = study()
        plan = make_plan(project, TrainRequest(start_from="run1", split=split_file(tmp_path, train=new[:4])), SETTINGS)
        assert plan.split == {"train": [*new[:4], *old], "validation": [], "test": []}
        assert plan.n_new == 4
        assert plan.seen == set(old)

    def test_a_frame_that_the_split_names_stays_what_it_is_there(self, study: MakeAdapted, tmp_path: Path) -> None:
        project, old, new = study()
        split = split_file(tmp_path, train=[old[3], *new[:2]], test=[old[0], new[2]])
        plan = make_plan(project, TrainRequest(start_from="run1", split=split), SETTINGS)
        assert plan.split["train"] == [old[3], *new[:2], *(image for image in old[1:] if image != old[3])]
        assert plan.split["test"] == [old[0], new[2]]
        assert plan.n_new == 2

    def test_what_is_gone_is_not_replayed(self, study: MakeAdapted) -> None:
        project, old, new = study()
        labels = project.labels()
        gone, unpictured = old[0], old[1]
        left = replace(labels, frames=tuple(
            replace(f, path=None) if f.image == unpictured else f for f in labels.frames if f.image != gone
        ))  # fmt: skip
        split = adaptation.with_replay({"train": new, "validation": [], "test": []}, project.run("run1"), left)
        assert split["train"] == [*new, *old[2:]]

    def test_without_a_split_frames_stay_what_they_were(self, study: MakeAdapted) -> None:
        """So that the old test frames tell what was lost, and no frame that was trained on is tested."""
        project, _, new = study(train=list(range(9)), validation=[9], test=[10, 11])
        images = project.labels().images
        plan = make_plan(project, TrainRequest(start_from="run1"), SETTINGS)
        assert plan.split == {"train": [*images[:9], *new], "validation": [images[9]], "test": [*images[10:12]]}

    def test_keypoints_that_came_later_are_unknown_in_old_frames(self) -> None:
        def frame(name: str, second: tuple[float, float]) -> LabeledFrame:
            return LabeledFrame(name, (Instance.from_xy([(1, 1), second]),))

        missing = (np.nan, np.nan)
        labels = Labels(Skeleton(("nose", "ear")), (frame("a", missing), frame("b", (3, 3)), frame("c", missing)))
        run = Run(Path("x"), "x", {"run": {}}, Skeleton(("nose",)), {"train": ["a", "b"], "validation": [], "test": []})
        seen = [f.instances[0].visibility.tolist() for f in adaptation.with_unknown(labels, run).frames]
        assert seen == [
            [Visibility.VISIBLE, Visibility.NOT_LABELED],  # nobody looked
            [Visibility.VISIBLE, Visibility.VISIBLE],  # labeled since
            [Visibility.VISIBLE, Visibility.ABSENT],  # a new frame: looked for, and not there
        ]
        same = replace(run, skeleton=labels.skeleton)
        assert adaptation.with_unknown(labels, same) is labels


class TestSettings:
    def test_fewer_networks_calibrate_unless_it_is_said_how_many(self) -> None:
        assert adaptation.brief(TrainSettings()).crossfits < TrainSettings().crossfits
        assert adaptation.brief(TrainSettings(crossfits=3)).crossfits == 3

    def test_views_and_head_are_those_of_the_run(self, study: MakeAdapted) -> None:
        project, _, _ = study()
        settings = {"train": {"steps": 1}, "data": {"scale": 1.2}}
        plan = make_plan(project, TrainRequest(start_from="run1"), settings)
        assert (plan.settings.data.crop, plan.settings.data.scale) == (64, 1.2)
        assert plan.settings.net.width == 16


def test_it_is_calibrated_on_new_and_on_old_frames(study: MakeAdapted, tmp_path: Path) -> None:
    project, old, new = study()
    first = project.run("run1")
    request = TrainRequest(start_from="run1", split=split_file(tmp_path, train=new[:4]))
    run = train(project, request=request, settings=SETTINGS)
    assert run.split["train"] == [*new[:4], *old]
    kept, before = (crossfit.read(r.folder / crossfit.CROSSFIT_FILE) for r in (run, first))
    assert set(kept.images) == {*new[:4], *old}
    for image in old:  # the network has seen them: what is kept are the answers of those that had not
        assert np.array_equal(kept.xy[kept.images.index(image)], before.xy[before.images.index(image)])
    assert run.settings["calibration"]["n_points"] == 3 * 16
    assert "adapted from run 'run1': 4 new frames, and 12 of its own by turns" in notes(run)
    again = train(project, request=TrainRequest(start_from=run.name, split="all"), settings=SETTINGS)
    assert again.settings["data"]["n_new"] == 2  # too few to hold some of them out; the rest is taken over once more
    assert set(crossfit.read(again.folder / crossfit.CROSSFIT_FILE).images) == set(kept.images)


def test_test_frames_that_trained_an_ancestor_are_said(study: MakeAdapted, tmp_path: Path) -> None:
    """run1 was trained on old frames, run2 goes on from it on new ones, and run3 is tested on both and on others."""
    project, old, new = study()
    settings = {**SETTINGS, "train": {**SETTINGS["train"], "crossfits": 0}}

    def adapted(start: str, **split: list[str]) -> Run:
        return train(
            project, request=TrainRequest(start_from=start, split=split_file(tmp_path, **split)), settings=settings
        )

    second = adapted("run1", train=[*old[2:], *new[:2]], test=[new[4], *old[:2]])
    note = "2 of 3 test frames trained the network this one starts from ('run1'); their errors are too small"
    assert note in notes(Run.open(second.folder))
    third = adapted(second.name, train=new[:3], test=[old[0], new[4]])
    assert any(line.startswith("1 of 2 test frames trained the network") for line in notes(third))
    unseen = adapted("run1", train=new[:3], test=new[4:])
    assert seen_note(unseen) is None
    color_finder(second.folder / "model.onnx")
    report = evaluate(second).report
    assert report is not None and "2 of 3 test frames trained" in report.read_text(encoding="utf-8")


def test_without_new_frames_what_was_kept_calibrates(study: MakeAdapted, tmp_path: Path) -> None:
    project, old, _ = study()
    run = train(project, request=TrainRequest(start_from="run1", split=split_file(tmp_path, train=old)),
                settings=SETTINGS)  # fmt: skip
    assert set(crossfit.read(run.folder / crossfit.CROSSFIT_FILE).images) == set(old)
    settings = {**SETTINGS, "train": {**SETTINGS["train"], "crossfits": 0}}
    bare = train(project, request=TrainRequest(start_from="run1", split=split_file(tmp_path, train=old)),
                 settings=settings)  # fmt: skip
    assert "calibration" not in bare.settings


@pytest.mark.parametrize("last", [2, 5])
def test_a_killed_adaptation_ends_with_the_same_weights(study: MakeAdapted, tmp_path: Path, last: int) -> None:
    """Stopped in the network itself, and in the first of those that calibrate it."""
    project, _, new = study()
    request = TrainRequest(start_from="run1", split=split_file(tmp_path, train=new))

    def stop(done: int, total: int, message: str) -> None:
        if done == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(project, request=request, settings=SETTINGS, progress=stop)
    resumed = train(project, request=request, settings=SETTINGS)
    straight = train(project, request=replace(request, run="straight"), settings=SETTINGS)
    assert resumed.name == "run2"
    assert resumed.settings["calibration"] == straight.settings["calibration"]
    one, other = (checkpoints.load(r.checkpoint).average for r in (resumed, straight))
    assert all(np.array_equal(one[name].numpy(), other[name].numpy()) for name in one)


class TestKeptAnswers:
    def test_it_is_read_back_by_name(self, study: MakeAdapted, tmp_path: Path) -> None:
        project, old, new = study()
        plan = make_plan(project, TrainRequest(start_from="run1", split=split_file(tmp_path, train=new)), SETTINGS)
        before = kept_answers._load(project.run("run1").folder / kept_answers.EVIDENCE_FILE)
        assert before is not None
        kept = kept_answers.with_kept(None, plan)
        assert kept is not None
        assert set(kept.labels.images) == set(old)
        assert np.array_equal(kept.xy, before.xy)
        reordered = HeldOut(kept.labels, kept.xy, kept.evidence, kept.uses_prior)
        labels = replace(kept.labels, skeleton=Skeleton(("z", *reversed(kept.labels.skeleton.keypoints))))
        kept_answers.save(reordered, plan.start.folder / kept_answers.EVIDENCE_FILE if plan.start else tmp_path)
        matched = kept_answers._matched(kept.xy, list(kept.labels.skeleton.keypoints), labels.skeleton.keypoints)
        assert np.isnan(matched[:, 0]).all()
        assert np.array_equal(matched[:, 1:], kept.xy[:, ::-1])

    @pytest.mark.parametrize("change", ["empty", "no archive", "gone", *kept_answers.ARRAYS])
    def test_a_damaged_file_or_one_of_another_version_is_as_none(
        self, study: MakeAdapted, tmp_path: Path, change: str
    ) -> None:
        project, _, new = study()
        path = project.run("run1").folder / kept_answers.EVIDENCE_FILE
        plan = make_plan(project, TrainRequest(start_from="run1", split=split_file(tmp_path, train=new)), SETTINGS)
        assert kept_answers.with_kept(None, plan) is not None
        with np.load(path) as whole:
            arrays = dict(whole)
        if change in arrays:
            np.savez(path, **{**arrays, change: arrays[change][np.newaxis]})
        elif change == "gone":
            path.unlink()
        else:
            path.write_bytes({"empty": b"", "no archive": b"PK\x03\x04 no archive"}[change])
        assert kept_answers.with_kept(None, plan) is None

    def test_evidence_of_another_kind_is_not_taken(self, study: MakeAdapted, tmp_path: Path) -> None:
        project, _, new = study()
        path = project.run("run1").folder / kept_answers.EVIDENCE_FILE
        with np.load(path) as whole:
            arrays = dict(whole)
        np.savez(path, **{**arrays, "kinds": np.array([f"{kind} of old" for kind in arrays["kinds"]])})
        plan = make_plan(project, TrainRequest(start_from="run1", split=split_file(tmp_path, train=new)), SETTINGS)
        assert kept_answers.with_kept(None, plan) is None
