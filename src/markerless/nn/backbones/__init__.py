"""Feature extractors, one file per family.

A backbone file provides:

    VARIANTS        names of its sizes, the default first
    build(config)   -> Backbone, with the weights that `config` asks for
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from markerless.config import Settings
from markerless.core import unpickle
from markerless.errors import SettingsError
from markerless.registry import Registry

registry = Registry("backbone", "markerless.nn.backbones")

# what torch's reader of archives and its own unpickler meet in a file that is something else, or damaged
DAMAGED = (*unpickle.DAMAGED, RuntimeError, AssertionError, struct.error)


class BackboneConfig(Settings):
    """What to build.

    Attributes:
        variant: Size within the family; "" takes the family's default.
        weights: "imagenet" for the packaged weights, "none" for a random start, else the path of a state dict.
    """

    variant: str = ""
    weights: Literal["imagenet", "none"] | Path = "imagenet"


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a PyTorch state dict, by name; nothing in the file is run.

    Raises:
        SettingsError: no such file, or it holds something else.
    """
    if not path.is_file():
        raise SettingsError(f"net.weights: expected imagenet, none or the path of a state dict, got no file {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise SettingsError(f"net.weights: cannot read {path}: {error.strerror or error}") from None
    except DAMAGED as error:
        raise SettingsError(
            f"net.weights: expected a PyTorch state dict, got another kind of file ({type(error).__name__}): {path}"
        ) from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise SettingsError(
            f"net.weights: expected names and tensors alone, got something else in {path}; "
            "save it with torch.save(model.state_dict(), FILE)"
        )
    return state


def too_short(backbone: str, fewest: int, most: int, got: int) -> SettingsError:
    """The error for a number of stages that a backbone does not have."""
    return SettingsError(f"net.stages: expected {fewest} to {most} for {backbone} (0 takes all), got {got}")


def start_at_random(model: nn.Module) -> None:
    """Draw weights so that signals keep their size through all layers (He et al. 2015): no norm restores it."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Backbone(nn.Module):
    """Maps a normalized image `(B, 3, H, W)`, H and W multiples of the largest stride, to a list of feature maps.

    Attributes:
        display_name: As it stands in scorer names ("EfficientnetLite0").
        channels: Channels of each returned map, finest first.
        strides: Stride of each returned map in input pixels, finest first.
        mean: Per-channel mean on the 0..255 scale that the pretrained weights expect.
        std: Per-channel scale on 0..255, likewise.
    """

    display_name: str
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Feature maps, finest first; map i is `(B, channels[i], H / strides[i], W / strides[i])`."""
        raise TypeError(f"{type(self).__name__} has no forward")

    def shorten(self, n_stages: int) -> None:
        """Keep the first stages only; the last map of each stride among them is returned.

        Raises:
            SettingsError: there are fewer.
        """
        raise TypeError(f"{type(self).__name__} has no shorten")

    def parts(self) -> list[nn.Module]:
        """The parts of the network from the pixels up, as units to freeze."""
        raise TypeError(f"{type(self).__name__} has no parts")
