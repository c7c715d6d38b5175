from __future__ import annotations

import shutil
import tomllib
from copy import deepcopy as copy_of
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from make_model import COLORS
from make_run import MadeRun, random_dots
from markerless.core.storage import write_text
from markerless.errors import RunError
from markerless.nn import checkpoint as checkpoints
from markerless.nn import export, trained
from markerless.nn import model as networks
from markerless.nn.heads import score_map
from markerless.nn.model import NetSettings


@pytest.fixture
def copy(made_run: MadeRun, tmp_path: Path) -> Path:
    """`model.onnx` of a run folder that may be damaged."""
    folder = tmp_path / "run"
    shutil.copytree(made_run.model.parent, folder)
    return folder / "model.onnx"


def refused(model: Path) -> str:
    with pytest.raises(RunError) as caught:
        trained.load(model)
    message = str(caught.value)
    assert message.startswith("expected ") or "damaged" in message
    assert "\n" not in message
    assert str(model.parent) in message
    return message


def test_it_is_the_network_that_was_exported(made_run: MadeRun) -> None:
    """The weights of the group `average`; those of the group `weights` are zero here."""
    net = trained.load(made_run.model)
    assert not net.training
    own = made_run.net.state_dict()
    assert net.state_dict().keys() == own.keys()
    assert all(torch.equal(value, own[name]) for name, value in net.state_dict().items())
    assert float(net.head.score_shift) != 0


@pytest.mark.parametrize("name", ["run.toml", "checkpoint.safetensors"])
def test_a_run_without_one_of_its_files(copy: Path, name: str) -> None:
    copy.with_name(name).unlink()
    message = refused(copy)
    assert f"{name} for the engine torch, found none; copy the whole run folder" in message


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[net\n", b"[net]\nstride = 8\n"])
def test_settings_that_are_damaged(copy: Path, content: bytes) -> None:
    copy.with_name("run.toml").write_bytes(content)
    assert "run.toml" in refused(copy)


def test_a_checkpoint_that_is_damaged(copy: Path) -> None:
    path = copy.with_name("checkpoint.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    assert "the checkpoint is damaged" in refused(copy)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('["red", "green", "blue"]', '["red", "blue", "green"]', "markerless.keypoints is"),
        ('["red", "green", "blue"]', "[]", "expected a list of names at skeleton.keypoints, got []"),
        ('["red", "green", "blue"]', '["red", "green"]', "markerless.keypoints is"),
        ("stride = 8", "stride = 4", "markerless.stride is 8 and 4"),
        ("width = 24", "width = 32", "does not fit"),
        ("width = 24", "width = 24\nnovel = 1", "unknown setting 'net.novel'"),
        ('backbone = "tiny"', 'backbone = "huge"', "unknown backbone 'huge'"),
        ('backbone = "tiny"', 'backbone = "resnet"', "markerless.net is Tiny and Resnet50"),
        ("[head]", "[tail]", "expected the tables net and head"),
    ],
)
def test_settings_of_another_network(copy: Path, old: str, new: str, expected: str) -> None:
    path = copy.with_name("run.toml")
    text = path.read_text(encoding="utf-8")
    assert old in text
    write_text(path, text.replace(old, new))
    assert expected in refused(copy)


@pytest.mark.parametrize("name", trained.HEAD)
def test_weights_of_another_training(copy: Path, name: str) -> None:
    """One training more, and the head is not what was exported."""
    path = copy.with_name("checkpoint.safetensors")
    saved = checkpoints.load(path)
    average = {key: value * 1.01 if key == name else value for key, value in saved.average.items()}
    checkpoints.save(replace(saved, average=average), path)
    assert "of one training, got two (the weights of the head differ)" in refused(copy)


def test_an_older_export_that_says_less_is_taken(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = trained.metadata
    monkeypatch.setattr(trained, "metadata", lambda net, names: {**ours(net, names), "markerless.novel": "1"})
    assert not trained.load(copy).training


@pytest.mark.slow
def test_a_network_exported_as_it_was_trained(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As markerless 0.1.0 did: the same numbers as its graph gives, not those of rounded weights."""
    tables = tomllib.loads(copy.with_name("run.toml").read_text(encoding="utf-8"))
    net = networks.build(3, NetSettings(**tables["net"]), score_map.Config(**tables["head"])).eval()
    net.load_state_dict(checkpoints.load(copy.with_name("checkpoint.safetensors")).average)
    monkeypatch.setattr(export, "deployed", lambda net: net)
    export.export_onnx(net, COLORS, copy)
    images = torch.from_numpy(random_dots(4, 0)[0])
    with torch.no_grad():
        torch.testing.assert_close(trained.load(copy)(images), net(images), rtol=0, atol=1e-6)


def test_layers_of_zeros_need_not_be_in_the_graph(made_run: MadeRun) -> None:
    net = copy_of(made_run.net)
    stored = {value.numpy().tobytes() for name, value in net.state_dict().items() if name != "head.refine.bias"}
    assert not trained._has_head(net, stored)
    torch.nn.init.zeros_(net.head.refine.bias)
    assert trained._has_head(net, stored)
