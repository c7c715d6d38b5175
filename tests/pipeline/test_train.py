from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from make_model import color_finder
from markerless.cli.main import main
from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError, RunError, SettingsError, StorageError
from markerless.formats import dlc_labels
from markerless.nn import checkpoint as checkpoints
from markerless.pipeline.train import notes, train
from markerless.pipeline.training_plan import Resolved, TrainRequest, is_small_in, make_plan
from markerless.project import Project, Run
from markerless.project.keypoints import Plan, change_keypoints
from markerless.project.skeleton_settings import Drawn
from markerless.video.images import write_image

MakeStudy = Callable[..., Project]
QUICK: dict[str, dict[str, object]] = {
    "train": {"steps": 3, "batch_size": 2, "precision": "f32", "crossfits": 0},
    "net": {"weights": "none", "width": 16},
    "data": {"crop": 64},
}


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter takes ten seconds and is tested for itself; here a file is enough."""

    def export(model: object, keypoints: object, path: Path) -> None:
        path.write_bytes(b"exported")

    monkeypatch.setattr("markerless.pipeline.train.export_onnx", export)


def quick(**train: object) -> dict[str, dict[str, object]]:
    return {**QUICK, "train": {**QUICK["train"], **train}}


@pytest.mark.usefixtures("no_export")
def test_a_training_that_diverges_is_never_finished(dot_study: MakeStudy) -> None:
    """A smaller rate is another run; the same one goes on where it was, and says the same."""
    project = dot_study()
    for _ in range(2):
        with pytest.raises(RunError, match=r"expected numbers as loss.*run1 diverged and is left unfinished"):
            train(project, settings=quick(steps=12, lr=1e30))
    assert not project.runs()
    assert not (project.run_folder("run1") / "model.onnx").exists()
    assert train(project, settings=QUICK).name == "run2"


@pytest.mark.usefixtures("no_export")
def test_a_run_has_all_its_files_and_opens_again(dot_study: MakeStudy) -> None:
    project = dot_study()
    told: list[tuple[int, int]] = []
    run = train(project, settings=QUICK, progress=lambda done, total, message: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert run.name == "run1"
    assert run.finished
    assert run.scorer == "DLC_EfficientnetLite0_dotsJan2_run1"
    assert run.skeleton.keypoints == project.skeleton.keypoints
    assert run.split == {"train": list(project.labels().images), "validation": [], "test": []}
    assert run.settings["run"]["steps"] == 3
    assert run.settings["train"]["seed"] == 0
    assert {path.name for path in run.folder.iterdir()} == {
        "run.toml", "split.json", "metrics.csv", "examples.jsonl", "checkpoint.safetensors", "model.onnx",
    }  # fmt: skip
    rows = (run.folder / "metrics.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("step,loss,")
    assert rows[-1].startswith("3,")
    assert "no test frames" in " ".join(notes(run))
    assert project.runs() == ("run1",)


@pytest.mark.usefixtures("no_export")
def test_names_count_on_and_a_finished_run_is_given_back(dot_study: MakeStudy) -> None:
    project = dot_study()
    first = train(project, settings=QUICK)
    made = (first.folder / "checkpoint.safetensors").stat().st_mtime_ns
    assert train(project, request=TrainRequest(run="run1"), settings=QUICK).name == "run1"
    assert (first.folder / "checkpoint.safetensors").stat().st_mtime_ns == made
    assert train(project, settings=QUICK).name == "run2"
    with pytest.raises(RunError, match="run 'run1' is finished and was trained on other"):
        train(project, request=TrainRequest(run="run1"), settings=quick(seed=5))


@pytest.mark.usefixtures("no_export")
def test_an_unfinished_run_is_gone_on_with(dot_study: MakeStudy) -> None:
    project = dot_study()

    def stop(done: int, total: int, message: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(project, settings=QUICK, progress=stop)
    assert not Run.open(project.run_folder("run1")).finished
    with pytest.raises(RunError, match="unfinished"):
        train(project, request=TrainRequest(run="run1"), settings=quick(seed=5))
    told: list[int] = []
    run = train(project, settings=QUICK, progress=lambda done, total, message: told.append(done))
    assert run.name == "run1"
    assert told == [3]
    whole = train(project, request=TrainRequest(run="whole"), settings=QUICK)
    resumed, straight = (checkpoints.load(r.checkpoint).average for r in (run, whole))
    assert all(np.array_equal(resumed[name].numpy(), straight[name].numpy()) for name in straight)


@pytest.mark.usefixtures("no_export")
def test_time_that_is_not_used_is_said(dot_study: MakeStudy, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that is finished, and one that goes on with the steps it began with."""
    project = dot_study()
    told: list[str] = []

    def stop(done: int, total: int, message: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(project, 60, settings=QUICK, progress=stop, tell=told.append)
    assert told == []
    run = train(project, 60, settings=QUICK, tell=told.append)
    assert told == ["run 'run1' goes on with the 3 steps it began with; --minutes changes nothing"]
    color_finder(run.folder / "model.onnx")
    assignments = [f"--set={group}.{key}={value}" for group, keys in QUICK.items() for key, value in keys.items()]
    assert main(["train", str(project.root), "--run", "run1", "--minutes", "60", *assignments]) == 0
    note = "note: run 'run1' is finished; nothing was trained; another --run NAME trains anew"
    assert note in capsys.readouterr().err.splitlines()


@pytest.mark.usefixtures("no_export")
def test_time_that_is_not_used_is_said_before_the_training(
    dot_study: MakeStudy, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    project = dot_study()
    words = ["train", str(project.root), "--minutes", "60"]
    words += [f"--set={group}.{key}={value}" for group, keys in QUICK.items() for key, value in keys.items()]
    with monkeypatch.context() as patch:
        patch.setattr("markerless.nn.train.SAVE_EVERY_S", 0.0)
        patch.setattr("markerless.pipeline.train.cross_fit", interrupted)  # after the first network's training
        assert main(words) == 130
    capsys.readouterr()
    monkeypatch.setattr("markerless.pipeline.train.Trainer.run", interrupted)
    assert main(words) == 130
    said = "note: run 'run1' goes on with the 3 steps it began with; --minutes changes nothing"
    assert said in capsys.readouterr().err.splitlines()


@pytest.mark.usefixtures("no_export")
def test_a_training_without_minutes_goes_on_without_a_word(dot_study: MakeStudy) -> None:
    project = dot_study()
    told: list[str] = []

    def stop(done: int, total: int, message: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(project, settings=QUICK, progress=stop)
    train(project, settings=QUICK, tell=told.append)
    assert told == []


@pytest.mark.usefixtures("no_export")
def test_a_network_without_its_settings_is_not_overwritten(dot_study: MakeStudy) -> None:
    project = dot_study()
    run = train(project, request=TrainRequest(run="a"), settings=QUICK)
    (run.folder / "run.toml").write_text("damaged [", encoding="utf-8")
    before = run.checkpoint.read_bytes()
    with pytest.raises(RunError, match=r"readable run\.toml beside the network in .* choose another --run name"):
        train(project, request=TrainRequest(run="a"), settings=QUICK)
    assert run.checkpoint.read_bytes() == before


@pytest.mark.usefixtures("no_export")
def test_the_checkpoint_of_another_training_is_not_gone_on_with(dot_study: MakeStudy) -> None:
    project = dot_study()
    other = train(project, request=TrainRequest(run="other"), settings=quick(seed=5))

    def stop(done: int, total: int, message: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(project, request=TrainRequest(run="a"), settings=QUICK, progress=stop)
    (project.run_folder("a") / "checkpoint.safetensors").write_bytes(other.checkpoint.read_bytes())
    with pytest.raises(RunError, match="expected the checkpoint of this training, got another one's"):
        train(project, request=TrainRequest(run="a"), settings=QUICK)


@pytest.mark.usefixtures("no_export")
def test_new_labels_make_a_new_run(dot_study: MakeStudy) -> None:
    project = dot_study()
    train(project, settings=QUICK)
    labels = project.labels()
    moved = Instance.from_xy(labels.frames[0].instances[0].xy + 1)
    frames = (replace(labels.frames[0], instances=(moved,)), *labels.frames[1:])
    project.write_labels("m1", replace(labels, frames=frames))
    with pytest.raises(RunError, match="other labels"):
        train(Project(project.root), request=TrainRequest(run="run1"), settings=QUICK)


@pytest.mark.usefixtures("no_export")
def test_another_run_can_be_the_start(dot_study: MakeStudy) -> None:
    project = dot_study()
    train(project, settings=QUICK)
    second = train(project, request=TrainRequest(start_from="run1"), settings=QUICK)
    assert second.name == "run2"
    assert second.settings["run"]["start_from"] == "run1"
    with pytest.raises(RunError, match="run9"):
        train(project, request=TrainRequest(start_from="run9"), settings=QUICK)


def test_a_split_decides_which_frames_train(dot_study: MakeStudy, tmp_path: Path) -> None:
    project = dot_study()
    images = project.labels().images
    split = tmp_path / "split.json"
    split.write_text(json.dumps({"train": ["img01.png", "img02.png"], "test": [images[0]]}), encoding="utf-8")
    plan = make_plan(project, TrainRequest(split=split), QUICK)
    assert plan.split == {"train": [images[1], images[2]], "validation": [], "test": [images[0]]}
    assert make_plan(project, TrainRequest(split="all"), QUICK).split["train"] == list(images)
    fingerprints = {make_plan(project, TrainRequest(split=s), QUICK).fingerprint for s in (split, "all")}
    assert len(fingerprints) == 2


def test_what_cannot_be_trained_is_said(dot_study: MakeStudy, tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match=r"at least 2 labeled frames .* got 1"):
        make_plan(dot_study(1, "one"), TrainRequest(), QUICK)
    project = dot_study()
    with pytest.raises(SettingsError, match=r"did you mean 'train\.steps'"):
        make_plan(project, TrainRequest(), {"train": {"step": 3}})
    with pytest.raises(SettingsError, match=r"train\.lr"):
        make_plan(project, TrainRequest(), {"train": {"lr": "fast"}})


def test_several_animals_come_later(dot_study: MakeStudy) -> None:
    project = dot_study()
    labels = project.labels()
    two = tuple(
        replace(frame, instances=tuple(replace(frame.instances[0], individual=name) for name in ("mouse1", "mouse2")))
        for frame in labels.frames
    )
    table = project.root / "labeled-data" / "m1" / "CollectedData_Ann.csv"
    table.with_suffix(".h5").unlink()
    dlc_labels.write(replace(labels, frames=two, individuals=("mouse1", "mouse2")), table)
    with pytest.raises(LabelsError, match=r"several animals at once comes in a later version.*mouse1, mouse2") as told:
        train(Project(project.root), settings=QUICK)
    assert "\n" not in str(told.value)
    assert not (project.root / "runs").exists()


def test_without_labels_or_pictures_nothing_is_begun(dot_study: MakeStudy) -> None:
    project = dot_study()
    folder = project.root / "labeled-data" / "m1"
    (folder / "img03.png").unlink()
    with pytest.raises(LabelsError, match=r"img03\.png") as told:
        train(project, settings=QUICK)
    assert "\n" not in str(told.value)
    for table in folder.glob("CollectedData_*"):
        table.unlink()
    with pytest.raises(LabelsError, match="label") as told:
        train(Project(project.root), settings=QUICK)
    assert "\n" not in str(told.value)
    assert not (project.root / "runs").exists()


def test_an_export_that_failed_is_made_up_for(dot_study: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk after the last step costs no training: the same call only exports."""
    project = dot_study()
    results: list[dict[str, Tensor]] = []

    def export(model: nn.Module, keypoints: object, path: Path) -> None:
        results.append({name: value.clone() for name, value in model.state_dict().items()})
        if len(results) == 1:
            raise StorageError("no space left")
        path.write_bytes(b"exported")

    monkeypatch.setattr("markerless.pipeline.train.export_onnx", export)
    with pytest.raises(StorageError):
        train(project, settings=QUICK)
    assert not Run.open(project.run_folder("run1")).finished
    told: list[int] = []
    run = train(project, settings=QUICK, progress=lambda done, total, message: told.append(done))
    assert (run.name, run.finished, told) == ("run1", True, [])
    assert all(torch.equal(value, results[1][name]) for name, value in results[0].items())
    rows = (run.folder / "metrics.csv").read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "3"]


@pytest.mark.usefixtures("no_export")
def test_minutes_become_steps_that_are_kept_with_the_run(dot_study: MakeStudy) -> None:
    """Without settings of steps, the budget decides once; an interrupted run keeps what was decided."""
    project = dot_study(2)
    settings = {**quick(steps=0), "data": {"crop": 32}}

    def stop(done: int, total: int, message: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(project, 0.1, settings=settings, progress=stop)  # no time at all: the least there is
    planned = Run.open(project.run_folder("run1")).settings["run"]["steps"]
    assert planned == 20
    run = train(project, 600, settings=settings)
    assert run.name == "run1"
    assert run.settings["run"]["steps"] == planned
    assert checkpoints.load(run.checkpoint).state["step"] == planned


def test_equal_plans_have_equal_fingerprints(dot_study: MakeStudy) -> None:
    project = dot_study()
    plan = make_plan(project, TrainRequest(), QUICK)
    assert plan.fingerprint == make_plan(Project(project.root), TrainRequest(), QUICK).fingerprint
    assert plan.fingerprint != make_plan(project, TrainRequest(), quick(seed=1)).fingerprint
    first = project.labels().frames[0]
    begun_with = plan.fingerprint
    write_image(first.picture, np.zeros((64, 96, 3), np.uint8))  # another picture under the same name
    assert plan.fingerprint == begun_with
    black = make_plan(Project(project.root), TrainRequest(), QUICK).fingerprint
    assert plan.fingerprint != black
    data = first.picture.read_bytes()
    first.picture.write_bytes(bytes([*data[:-20], 255 - data[-20], *data[-19:]]))  # and of the same size
    assert make_plan(Project(project.root), TrainRequest(), QUICK).fingerprint != black


def test_a_training_goes_on_after_keypoints_were_renamed_but_not_with_other_mirror_pairs(dot_study: MakeStudy) -> None:
    project = dot_study()
    before = make_plan(project, TrainRequest(), QUICK).fingerprint
    names = project.skeleton.keypoints
    renamed = Plan(tuple(f"{name} 2" for name in names), names)
    change_keypoints(project, renamed)
    assert make_plan(Project(project.root), TrainRequest(), QUICK).fingerprint == before
    project = Project(project.root)
    same = Plan(project.skeleton.keypoints, project.skeleton.keypoints)
    change_keypoints(project, same, Drawn((), ((same.keypoints[0], same.keypoints[1]),)))
    assert make_plan(Project(project.root), TrainRequest(), QUICK).fingerprint != before


@pytest.mark.usefixtures("no_export")
def test_an_interrupted_training_is_gone_on_with_under_new_names(dot_study: MakeStudy) -> None:
    project = dot_study()

    def stop(done: int, total: int, message: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(project, settings=QUICK, progress=stop)
    first, *others = project.skeleton.keypoints
    done = change_keypoints(project, Plan(("renamed", *others), (first, *others)))
    assert done.runs == ("run1",)
    run = train(Project(project.root), settings=QUICK)
    assert (run.name, run.finished, run.skeleton.keypoints) == ("run1", True, ("renamed", *others))


class TestSizeOfTheNetwork:
    """Taken from the labels where the settings leave it open."""

    @staticmethod
    def labels(folder: Path, frame: tuple[int, int] = (640, 480)) -> Labels:
        """Two pictures with an animal of 40 x 30 (size 50) and one of 20 x 48 (size 52)."""
        frames = []
        for i, (width, height) in enumerate(((40, 30), (20, 48))):
            write_image(folder / f"{i}.png", np.zeros((frame[1], frame[0], 3), np.uint8))
            animal = Instance.from_xy([[10, 10], [10 + width, 10 + height]])
            frames.append(LabeledFrame(f"v/{i}.png", (animal,), path=folder / f"{i}.png"))
        return Labels(Skeleton(("nose", "tail")), tuple(frames))

    @pytest.mark.parametrize(("frame", "small"), [((140, 120), True), ((139, 120), False), ((640, 480), True)])
    def test_an_animal_is_small_when_its_region_is_a_quarter_of_the_frame(
        self, frame: tuple[int, int], small: bool
    ) -> None:
        """40 x 30 and 0.3 of its size of 50 on each side are 70 x 60: a quarter of 140 x 120."""
        assert is_small_in(np.array(frame), np.array([[40, 30]]), 50.0) is small

    def test_where_no_animal_has_an_extent_none_is_small(self) -> None:
        assert not is_small_in(np.array([640, 480]), np.zeros((0, 2)), 64.0)

    def test_one_animal_of_a_hundred_is_allowed_to_be_larger(self) -> None:
        extents = np.repeat([[40.0, 30.0]], 100, axis=0)
        extents[0] = 600
        assert is_small_in(np.array([640, 480]), extents, 50.0)
        extents[:5] = 600
        assert not is_small_in(np.array([640, 480]), extents, 50.0)

    def test_small_animals_get_a_small_network_that_sees_more_background(self, tmp_path: Path) -> None:
        plain = Resolved.load({})
        resolved = plain.for_labels(self.labels(tmp_path))
        assert (resolved.net.size, resolved.net.stages, resolved.net.shrink) == ("small", 3, 1)
        assert resolved.data.background == 0.25 != plain.data.background
        assert resolved.head.reach_px == 52.8  # 1.1 times 48, the longest side
        assert resolved.train == plain.train

    def test_large_ones_get_the_large_one(self, tmp_path: Path) -> None:
        """Of sizes 50 and 52 the region is 40 x 48 and 0.6 of 51 px: more than a quarter of 120 x 120."""
        plain = Resolved.load({})
        resolved = plain.for_labels(self.labels(tmp_path, (120, 120)))
        assert (resolved.net.size, resolved.net.stages) == ("large", 0)
        assert resolved.data == plain.data
        assert resolved.head.reach_px == 52.8

    def test_what_was_given_stays(self, tmp_path: Path) -> None:
        given = {"net": {"width": "40", "size": "small"}, "data": {"background": "0.1"}, "head": {"reach_px": "80"}}
        resolved = Resolved.load(given).for_labels(self.labels(tmp_path, (120, 120)))
        assert (resolved.net.width, resolved.net.size, resolved.net.stages) == (40, "small", 3)
        assert resolved.data.background == 0.1
        assert resolved.head.reach_px == 80
        large = Resolved.load({"net": {"size": "large"}}).for_labels(self.labels(tmp_path))
        assert (large.net.size, large.net.stages, large.data) == ("large", 0, Resolved.load({}).data)

    def test_without_an_animal_of_two_points_nothing_is_known_of_its_reach(self, tmp_path: Path) -> None:
        labels = self.labels(tmp_path)
        one = Instance.from_xy([[10, 10], [np.nan, np.nan]])
        labels = replace(labels, frames=tuple(replace(frame, instances=(one,)) for frame in labels.frames))
        resolved = Resolved.load({}).for_labels(labels)
        assert (resolved.head.reach_px, resolved.net.size) == (0, "large")

    @staticmethod
    def run_of(folder: Path, net: dict[str, object]) -> Run:
        return Run(folder, "run1", {"run": {}, "net": net}, Skeleton(("nose", "tail")), {})

    def test_a_start_decides_the_network(self, tmp_path: Path) -> None:
        """Whatever the labels say now; only what is asked for is another."""
        start = Resolved.load({"net": {"width": 24}}).for_labels(self.labels(tmp_path))
        run = self.run_of(tmp_path, start.net.model_dump(mode="json"))
        again = Resolved.load({}).like(run).for_labels(self.labels(tmp_path, (120, 120)))
        assert again.net == start.net
        wider = Resolved.load({"net": {"width": 32}}).like(run).for_labels(self.labels(tmp_path))
        assert wider.net == start.net.model_copy(update={"width": 32})

    def test_a_start_of_before_there_were_sizes_is_large(self, tmp_path: Path) -> None:
        old: dict[str, object] = {
            "backbone": "efficientnet_lite",
            "weights": "none",
            "stride": 8,
            "width": 96,
            "gone": 1,
        }
        resolved = Resolved.load({}).like(self.run_of(tmp_path, old)).for_labels(self.labels(tmp_path))
        assert (resolved.net.size, resolved.net.stages, resolved.net.shrink) == ("large", 0, 1)
        assert resolved.net.weights == "none"
        assert Resolved.load({}).for_labels(self.labels(tmp_path)).net.size == "small"  # without the start
