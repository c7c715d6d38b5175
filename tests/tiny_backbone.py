"""A backbone of five convolutions, for tests that need a trained and exported network within seconds.

It comes through the door for plug-ins of others: see `make_run.tiny_backbone_known`.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from markerless.nn.backbones import Backbone, BackboneConfig, start_at_random

VARIANTS = ("tiny",)


class TinyBackbone(Backbone):
    """Maps at strides 4 and 8."""

    display_name = "Tiny"
    channels = (16, 24)
    strides = (4, 8)
    mean = (127.0, 127.0, 127.0)
    std = (128.0, 128.0, 128.0)

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 12, *self.channels)
        self.halvings = nn.ModuleList(
            nn.Conv2d(c_in, c_out, 3, stride=2, padding=1) for c_in, c_out in pairwise(widths)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        maps = [image]
        for halving in self.halvings:
            maps.append(functional.relu(halving(maps[-1])))
        return maps[2:]

    def parts(self) -> list[nn.Module]:
        return list(self.halvings)


def build(config: BackboneConfig) -> TinyBackbone:
    """Always at random: nobody has trained it."""
    model = TinyBackbone()
    start_at_random(model)
    return model
