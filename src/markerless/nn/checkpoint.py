"""One file that holds all a training needs to go on: weights, their running average, the optimizer, and where it
stands.

safetensors: plain arrays and a JSON header, so that opening somebody else's file can run no code. `save` and `load` are
inverse.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from markerless.core.storage import atomic_path, storage_error
from markerless.errors import RunError

GROUPS = ("weights", "average", "optimizer")
STEP = "step"


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training.

    Attributes:
        weights: Name -> tensor, the network as trained.
        average: Name -> tensor, the running average that becomes the result.
        optimizer: "<parameter>/<quantity>" -> tensor.
        state: Plain values: step, total steps, keypoints, settings.
    """

    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    state: dict[str, Any]


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint atomically.

    Raises:
        StorageError: disk full or folder not writable.
    """
    tensors = {}
    for group in GROUPS:
        for name, tensor in getattr(checkpoint, group).items():
            tensors[f"{group}.{name}"] = tensor.detach().cpu().contiguous().clone()
    with atomic_path(path) as temporary:
        try:
            save_file(tensors, temporary, metadata={"state": json.dumps(checkpoint.state)})
        except SafetensorError as error:
            raise storage_error(_operating_system_error(error), path) from error


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        RunError: missing or damaged.
    """
    groups: dict[str, dict[str, Tensor]] = {group: {} for group in GROUPS}
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            state = json.loads(file.metadata()["state"])
            keys: list[str] = file.keys()
            for key in keys:
                group, _, name = key.partition(".")
                groups[group][name] = file.get_tensor(key)
    except FileNotFoundError:
        raise RunError(f"no checkpoint at {path}; train the run again") from None
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise RunError(
            f"{path}: the checkpoint is damaged ({error}); restore the file, or delete it and train the run again"
        ) from None
    return Checkpoint(groups["weights"], groups["average"], groups["optimizer"], state)


def _operating_system_error(error: SafetensorError) -> OSError:
    """What the operating system said; safetensors gives its number only within the text of its own error."""
    told = re.search(r"os error (\d+)|code: (\d+)", str(error))
    number = int(told[1] or told[2]) if told else errno.EIO
    return OSError(number, os.strerror(number) if told else str(error), None, number)


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: Mapping[nn.Parameter, str]) -> dict[str, Tensor]:
    """The optimizer's memory as named tensors; inverse of `restore_optimizer`."""
    tensors = {}
    for parameter, name in names.items():
        for quantity, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{name}/{quantity}"] = torch.as_tensor(value)
    return tensors


def restore_optimizer(
    optimizer: torch.optim.Optimizer, names: Mapping[nn.Parameter, str], tensors: dict[str, Tensor]
) -> None:
    """Put saved memory back into a fresh optimizer, on the devices of its parameters.

    Only the count of steps stays on the CPU, where the optimizer keeps it whatever the device.
    """
    by_name = {name: parameter for parameter, name in names.items()}
    for key, value in tensors.items():
        name, _, quantity = key.rpartition("/")
        parameter = by_name[name]
        stored = value.to("cpu" if quantity == STEP else parameter.device, copy=True)
        if stored.shape == parameter.shape and stored.dim() == 4:
            stored = stored.contiguous(memory_format=torch.channels_last)
        optimizer.state[parameter][quantity] = stored
