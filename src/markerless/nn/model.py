"""The pose network: normalize, backbone, decoder, head; pixels in, keypoints out.

Everything that pixels need before the network (scale, mean, padding) is inside, so an exported model cannot be fed
wrongly scaled pixels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from markerless.config import Settings
from markerless.errors import SettingsError
from markerless.nn import backbones
from markerless.nn.backbones import Backbone, BackboneConfig
from markerless.nn.depthwise import DepthwiseConv2d
from markerless.nn.expected_error import ExpectedError
from markerless.nn.heads import Keypoints, score_map
from markerless.runtime.engine import FILL

FITTED = ("errors.", "head.prior.")  # names in the state that are fitted after the training; 0.1.0 had none
FEWEST_PX_TO_SHRINK = 96.0  # of an animal; found on one study (benchmarks/RESULTS.md)


class NetSettings(Settings):
    """The network; `--set net.<name>=<value>`."""

    backbone: str = Field("efficientnet_lite", description="Family of the feature extractor: a file of nn/backbones.")
    variant: str = Field("", description="Size within the family (lite0, lite1, lite2); empty takes the first.")
    weights: str = Field("imagenet", description="Start of the backbone: imagenet, none, or a state dict's path.")
    size: Literal["auto", "small", "large"] = Field(
        "auto",
        description="What the settings below are where not given; small is several times faster, and auto takes it "
        "for animals that are small in the frame.",
    )
    stride: int = Field(8, description="Pixels the backbone sees per cell of the score maps: 4, 8, 16 or 32.")
    shrink: int = Field(1, ge=1, le=8, description="Side of the square of pixels that is averaged into one before.")
    stages: int = Field(0, ge=0, description="First stages of the backbone that are used; 0 takes all.")
    width: int = Field(96, ge=8, le=1024, description="Channels of the decoder.")
    kernel: int = Field(5, description="Side of the decoder's smoothing convolutions: 3 or 5.")

    def resolved(self, animal_size_px: float, is_small: bool) -> NetSettings:
        """The same with every setting decided; those that were given stay.

        A small network sees each animal on about 50 pixels or more, and no more of the frame around a point than an
        animal's length or two: then a region around the animal gives what the whole frame gives.

        Args:
            animal_size_px: Median size of the labeled animals.
            is_small: Whether animals are small in the frame.
        """
        size = self.size if self.size != "auto" else "small" if is_small else "large"
        chosen: dict[str, object] = {"size": size}
        if size == "small":
            shrink = 2 if animal_size_px >= FEWEST_PX_TO_SHRINK else 1
            chosen |= {"shrink": shrink, "stride": 8 // shrink, "stages": 3, "width": 64, "kernel": 3}
        return self.model_copy(update={key: value for key, value in chosen.items() if not self._is_given(key)})

    def _is_given(self, key: str) -> bool:
        return key in self.model_fields_set and key != "size"


class Decoder(nn.Module):
    """Merges the backbone's maps from coarse to fine: upsample, add, smooth with separable convolutions."""

    def __init__(self, channels: tuple[int, ...], width: int, kernel: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(_conv_norm(c, width) for c in channels)
        self.smooth = nn.ModuleList(_separable(width, kernel) for _ in channels)
        self.last = _separable(width, kernel)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """`maps` finest first -> `(B, width, h, w)` on the grid of the finest."""
        x: Tensor | None = None
        for i in reversed(range(len(maps))):
            lateral = self.lateral[i](maps[i])
            x = lateral if x is None else lateral + functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = self.smooth[i](x)
        return self.last(x)


class PoseNet(nn.Module):
    """Keypoints of one animal per image.

    `forward` takes uint8 images `(B, H, W, 3)` of any size and gives `xy (B, K, 2)` in pixels of that image and
    `score (B, K)`; once its errors are calibrated, `expected_error (B, K)` in pixels as well, and the score is the
    probability of being within the tolerance.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, n_keypoints: int, settings: NetSettings, head: score_map.Config) -> None:
        super().__init__()
        if settings.stages:
            backbone.shorten(settings.stages)
        if settings.stride not in backbone.strides:
            raise SettingsError(f"net.stride: expected one of {backbone.strides}, got {settings.stride}")
        self.backbone = backbone
        self.first_map = backbone.strides.index(settings.stride)
        self.decoder = Decoder(backbone.channels[self.first_map :], settings.width, settings.kernel)
        self.shrink = settings.shrink
        self.head = score_map.build(settings.width, settings.shrink * settings.stride, n_keypoints, head)
        self.errors = ExpectedError(len(score_map.EVIDENCE), n_keypoints)
        self.multiple = settings.shrink * max(backbone.strides)
        self.register_buffer("mean", torch.tensor(backbone.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(backbone.std).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """uint8 `(B, H, W, 3)` -> xy `(B, K, 2)` px, score `(B, K)`, maybe expected error `(B, K)` px, all float32."""
        keypoints: Keypoints = self.head.decode(*self.maps(image))
        if not self.errors.is_fitted:
            return keypoints.xy, keypoints.score
        assert keypoints.evidence is not None
        expected, probability = self.errors(keypoints.evidence)
        return keypoints.xy, probability, expected

    def maps(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 `(B, H, W, 3)` -> logits `(B, K, h, w)`, refinement `(B, 2 K, h, w)` on the padded grid."""
        x = image.permute(0, 3, 1, 2).float()
        x = functional.pad(x, (0, -x.shape[3] % self.multiple, 0, -x.shape[2] % self.multiple), value=float(FILL))
        if self.shrink > 1:
            x = functional.avg_pool2d(x, self.shrink)
        x = (x - self.mean) / self.std
        maps = self.backbone(x.contiguous(memory_format=torch.channels_last))
        logits, refine = self.head(self.decoder(maps[self.first_map :]))
        return logits, refine


def build(n_keypoints: int, settings: NetSettings, head: score_map.Config, seed: int = 0) -> PoseNet:
    """A network as the settings say, its backbone with pretrained weights, the rest drawn from `seed`.

    Raises:
        SettingsError: unknown backbone, variant or weights.
    """
    weights: str | Path = settings.weights if settings.weights in ("imagenet", "none") else Path(settings.weights)
    torch.manual_seed(seed)
    config = BackboneConfig.model_validate({"variant": settings.variant, "weights": weights})
    backbone = backbones.registry.get(settings.backbone).build(config)
    model = PoseNet(backbone, n_keypoints, settings, head)
    for parameter in model.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return model


def _conv_norm(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out, momentum=0.05))


def _separable(width: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        DepthwiseConv2d(width, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(width, momentum=0.05),
        nn.ReLU6(),
        *_conv_norm(width, width),
        nn.ReLU6(),
    )
