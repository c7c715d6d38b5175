"""Watching a training: it sees a few frames become better, takes hardly any time, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from make_model import COLORS
from markerless.nn import checkpoint as checkpoints
from markerless.nn.train import StepReport, Trainer
from markerless.pipeline import examples
from markerless.pipeline.evaluate import _learning
from markerless.pipeline.example_file import read_examples
from markerless.pipeline.examples import SHARE, Watching
from markerless.pipeline.train import _trainer, train
from markerless.pipeline.training_plan import Plan, TrainRequest, make_plan
from markerless.project import Project, Run
from markerless.project.run import EXAMPLES_FILE

MakeStudy = Callable[..., Project]
QUICK: dict[str, dict[str, object]] = {
    "train": {"steps": 4, "batch_size": 2, "precision": "f32", "crossfits": 0},
    "net": {"weights": "none", "width": 16},
    "data": {"crop": 64},
}


@pytest.fixture(autouse=True)
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter takes ten seconds and is tested for itself; here a file is enough."""
    monkeypatch.setattr("markerless.pipeline.train.export_onnx", lambda model, names, path: path.write_bytes(b"x"))


class Clock:
    """Every reading is a second later: a look takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def watched(project: Project, folder: Path, **clock: Clock) -> tuple[Watching, Plan, Trainer]:
    plan = make_plan(project, TrainRequest(), QUICK)
    trainer = _trainer(plan, folder)
    return Watching(plan, trainer, folder / EXAMPLES_FILE, **clock), plan, trainer


def steps(folder: Path) -> list[int]:
    found = read_examples(folder / EXAMPLES_FILE)
    assert found is not None
    return [look.step for look in found.looks]


def test_a_training_ends_with_the_same_weights_whether_it_is_watched_or_not(
    dot_study: MakeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = dot_study(24)
    seen = train(project, request=TrainRequest(run="seen"), settings=QUICK)
    assert steps(seen.folder) == [1, 4], "the first, and the last; looking takes longer than these steps"
    monkeypatch.setattr(Watching, "on_step", lambda self, report: None)
    unseen = train(project, request=TrainRequest(run="unseen"), settings=QUICK)
    assert steps(unseen.folder) == []
    ours, theirs = (checkpoints.load(run.checkpoint) for run in (seen, unseen))
    for group in ("weights", "average", "optimizer"):
        one, other = getattr(ours, group), getattr(theirs, group)
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name].numpy(), other[name].numpy()) for name in one), group
    # where validation frames were looked at, their errors are in the report
    rows = [row for row in _learning(seen.folder) if np.isfinite(row[2])]
    assert [row[0] for row in rows] == [1, 4] and all(row[2] > 0 for row in rows)


def test_validation_frames_are_looked_at(dot_study: MakeStudy, tmp_path: Path) -> None:
    watching, plan, trainer = watched(dot_study(64), tmp_path)
    watching.on_step(StepReport(1, 1, {}, 0.1))
    found = read_examples(tmp_path / EXAMPLES_FILE)
    assert found is not None and found.part == "validation" and found.keypoints == tuple(COLORS)
    assert len(found.frames) == 6 and {frame.image for frame in found.frames} <= set(plan.split["validation"])
    (look,) = found.looks
    labeled = np.stack([frame.label for frame in found.frames])
    errors = np.linalg.norm(look.xy - labeled, axis=-1)  # the look is rounded to hundredths of a pixel
    assert look.mean_px == pytest.approx(float(errors.mean()), abs=0.01)
    assert look.xy.shape == (6, 3, 2) and ((look.score >= 0) & (look.score <= 1)).all()
    assert trainer.model.training


def test_the_average_of_the_weights_is_what_is_looked_at(dot_study: MakeStudy, tmp_path: Path) -> None:
    watching, _, trainer = watched(dot_study(24), tmp_path)
    watching.on_step(StepReport(1, 2, {}, 0.1))
    bias = trainer.average["head.refine.bias"]
    bias += 3.0  # every point moves by three strides
    watching.on_step(StepReport(2, 2, {}, 1e6))
    found = read_examples(tmp_path / EXAMPLES_FILE)
    assert found is not None
    stride = trainer.model.head.stride
    np.testing.assert_allclose(found.looks[1].xy - found.looks[0].xy, 3.0 * stride, atol=0.02)
    own = trainer.model.state_dict()["head.refine.bias"]
    np.testing.assert_allclose(bias - own, 3.0, atol=1e-6)  # the network itself stays as it was


def test_few_labels_are_looked_at_themselves(dot_study: MakeStudy, tmp_path: Path) -> None:
    _, plan, _ = watched(dot_study(4), tmp_path)
    found = read_examples(tmp_path / EXAMPLES_FILE)
    assert found is not None and found.part == "train"
    assert [frame.image for frame in found.frames] == plan.split["train"]


def test_of_large_pictures_fewer_are_looked_at(
    dot_study: MakeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "MOST_PIXELS", 2 * 96 * 64)
    watched(dot_study(6), tmp_path)
    found = read_examples(tmp_path / EXAMPLES_FILE)
    assert found is not None and len(found.frames) == 2
    monkeypatch.setattr(examples, "MOST_PIXELS", 1)
    watched(dot_study(6, "again"), tmp_path)
    found = read_examples(tmp_path / EXAMPLES_FILE)
    assert found is not None and len(found.frames) == 1


def test_looking_takes_a_hundredth_of_the_time(dot_study: MakeStudy, tmp_path: Path) -> None:
    watching, _, _ = watched(dot_study(2), tmp_path, clock=Clock())
    total, step_s = 1200, 0.5
    for step in range(1, total + 1):
        watching.on_step(StepReport(step, total, {}, step_s))
    # a look takes a second here: after the first, one for every 100 seconds, which are 200 steps, and the last one
    assert steps(tmp_path) == [20, 200, 400, 600, 800, 1000, 1200]
    assert len(steps(tmp_path)) - 2 <= SHARE * total * step_s


def test_looks_after_the_checkpoint_are_taken_again(dot_study: MakeStudy) -> None:
    project = dot_study(24)

    def stop(done: int, total: int, message: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(project, settings=QUICK, progress=stop)
    folder = project.run_folder("run1")
    assert steps(folder) == [1] and not Run.open(folder).finished
    text = (folder / EXAMPLES_FILE).read_text(encoding="utf-8")
    later = text.splitlines()[1].replace('"step": 1,', '"step": 3,')  # as a training that was killed leaves it
    (folder / EXAMPLES_FILE).write_text(f"{text}{later}\n", encoding="utf-8")
    assert steps(folder) == [1, 3]
    train(project, settings=QUICK)
    assert steps(folder) == [1, 3, 4]
    lines = (folder / EXAMPLES_FILE).read_text(encoding="utf-8").splitlines()
    assert later not in lines
