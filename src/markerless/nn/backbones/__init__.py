"""Feature extractors, one file per family.

A backbone file provides:

    VARIANTS        names of its sizes, the default first
    build(config)   -> Backbone, with pretrained weights when `config.pretrained`
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from markerless.config import Settings
from markerless.registry import Registry

registry = Registry("backbone", "markerless.nn.backbones")


class BackboneConfig(Settings):
    """What to build.

    Attributes:
        variant: Size within the family; "" takes the family's default.
        weights: "imagenet" for the packaged weights, "none" for a random start, else the path of a state dict.
    """

    variant: str = ""
    weights: Literal["imagenet", "none"] | Path = "imagenet"


def start_at_random(model: nn.Module) -> None:
    """Draw weights so that signals keep their size through all layers (He et al. 2015): no norm restores it."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Backbone(nn.Module):
    """Maps a normalised image `(B, 3, H, W)`, H and W multiples of the largest stride, to a list of feature maps.

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

    def parts(self) -> list[nn.Module]:
        """The parts of the network from the pixels up, as units to freeze."""
        raise TypeError(f"{type(self).__name__} has no parts")
