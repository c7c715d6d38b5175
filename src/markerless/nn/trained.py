"""A trained network read back from its run folder, to run in torch what `model.onnx` holds for the other engines.

`model.onnx` says what it is in its metadata, `run.toml` how the network is built, `checkpoint.safetensors` holds the
weights. The three have to be of one training.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError
from torch import Tensor

from markerless.config import load as load_settings
from markerless.errors import RunError, SettingsError
from markerless.nn import checkpoint as checkpoints
from markerless.nn import model as networks
from markerless.nn.deploy import deployed
from markerless.nn.export import metadata
from markerless.nn.heads import score_map
from markerless.nn.model import FITTED, NetSettings, PoseNet
from markerless.runtime.engine import check_contract, damaged

RUN_FILE = "run.toml"
CHECKPOINT_FILE = "checkpoint.safetensors"
# What the graph holds as it is; no two trainings end with equal ones.
HEAD = ("head.score.weight", "head.score.bias", "head.refine.weight", "head.refine.bias", "head.score_shift")


def load(model: Path) -> PoseNet:
    """The network that was exported to `model`, weight by weight as it stands there; on the CPU, for evaluation.

    Args:
        model: `model.onnx` of a run folder.

    Raises:
        RunError: a file is missing or damaged, or they are not of one training.
    """
    proto = _read_exported(model)
    tables = _read_tables(model)
    keypoints = _keypoints(tables, model)
    net = _build(tables, len(keypoints), model)
    said = {entry.key: entry.value for entry in proto.metadata_props}
    for key, value in metadata(net, keypoints).items():
        if said.get(key, value) != value:
            raise _mismatch(model, RUN_FILE, f"{key} is {said[key]} and {value}")
    _fill(net, checkpoints.load(_beside(model, CHECKPOINT_FILE)).average, model)
    stored = {onnx.numpy_helper.to_array(tensor).tobytes() for tensor in proto.graph.initializer}
    for form in (deployed(net), net.eval()):  # markerless 0.1.0 exported networks as they were trained
        if _has_head(form, stored):
            return form
    raise _mismatch(model, CHECKPOINT_FILE, "the weights of the head differ")


def _read_exported(model: Path) -> onnx.ModelProto:
    try:
        proto = onnx.load(model, load_external_data=False)  # ours hold everything; no other file is read
    except (OSError, DecodeError) as error:
        raise damaged(model, error) from error
    said = {entry.key: entry.value for entry in proto.metadata_props}
    inputs, outputs = ({value.name for value in side} for side in (proto.graph.input, proto.graph.output))
    check_contract(model, said, inputs, outputs)
    return proto


def _read_tables(model: Path) -> dict[str, Any]:
    path = _beside(model, RUN_FILE)
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, no TOML
        reason = " ".join(str(error).split())
        raise RunError(f"expected the settings of a run, cannot read {path} ({reason}); train again") from error


def _keypoints(tables: Mapping[str, Any], model: Path) -> list[str]:
    skeleton = tables.get("skeleton")
    keypoints = skeleton.get("keypoints") if isinstance(skeleton, dict) else None
    if not isinstance(keypoints, list) or not keypoints:
        raise RunError(
            f"expected a list of names at skeleton.keypoints, got {keypoints!r}, in {model.with_name(RUN_FILE)}; "
            "train again"
        )
    return [str(name) for name in keypoints]


def _build(tables: Mapping[str, Any], n_keypoints: int, model: Path) -> PoseNet:
    """The network of the tables `net` and `head`, without the weights that its training started from."""
    net, head = tables.get("net"), tables.get("head")
    path = model.with_name(RUN_FILE)
    if not isinstance(net, dict) or not isinstance(head, dict):
        raise RunError(f"expected the tables net and head in {path}, got {', '.join(tables)}; train again")
    try:
        with torch.random.fork_rng(devices=[]):  # building seeds torch, and a caller's chance is his own
            return networks.build(
                n_keypoints,
                load_settings("net", NetSettings, {**net, "weights": "none"}),
                load_settings("head", score_map.Config, head),
            )
    except SettingsError as error:
        raise RunError(
            f"expected a network that this markerless can build, got another one in {path} ({error}); "
            "use the version that trained it, or train again"
        ) from error


def _fill(net: PoseNet, average: dict[str, Tensor], model: Path) -> None:
    own = {name: value for name, value in net.state_dict().items() if name in average or not name.startswith(FITTED)}
    for name in sorted(own.keys() | average.keys()):
        if name not in own or name not in average or own[name].shape != average[name].shape:
            raise _mismatch(model.with_name(RUN_FILE), CHECKPOINT_FILE, f"{name} does not fit")
    net.load_state_dict(average, strict=False)


def _has_head(net: PoseNet, stored: set[bytes]) -> bool:
    """Whether the head's weights are among those of a graph; zeros need not be, for adding them can be left out."""
    state = net.state_dict()
    return all(state[name].numpy().tobytes() in stored for name in HEAD if state[name].any())


def _beside(model: Path, name: str) -> Path:
    path = model.with_name(name)
    if not path.is_file():
        raise RunError(
            f"expected {path} for the engine torch, found none; "
            "copy the whole run folder, or use another analyze.engine"
        )
    return path


def _mismatch(one: Path, other: str, difference: str) -> RunError:
    return RunError(
        f"expected {one} and its {other} of one training, got two ({difference}); copy the whole run folder, "
        "or use another analyze.engine"
    )
