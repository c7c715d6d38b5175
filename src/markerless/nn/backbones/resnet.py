"""ResNet-50 (He et al. 2015, arXiv 1512.03385; stride in the 3 x 3 convolution), the network of the first DeepLabCut.

As in `efficientnet_lite`, batch norm is folded into the convolutions once the weights are loaded. No weights are
packaged on PyPI. `net.weights=FILE` loads a state dict with the usual names (`conv1.weight`, `layer1.0.conv1.weight`,
...).
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from markerless.errors import SettingsError
from markerless.nn.backbones import Backbone, BackboneConfig, read_state_dict, start_at_random, too_short

VARIANTS = ("resnet50",)

DEPTHS = (3, 4, 6, 3)
WIDTHS = (64, 128, 256, 512)
STRIDES = (4, 8, 16, 32)
FEWEST_STAGES = 2  # the maps at strides 4 and 8
EXPANSION = 4


class _Bottleneck(nn.Module):
    def __init__(self, c_in: int, width: int, stride: int) -> None:
        super().__init__()
        c_out = width * EXPANSION
        self.conv1 = nn.Conv2d(c_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        self.downsample: nn.Module | None = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        return functional.relu(self.bn3(self.conv3(y)) + shortcut)


class ResNet50(Backbone):
    """Maps at strides 4, 8, 16 and 32."""

    display_name = "Resnet50"
    mean = (123.675, 116.28, 103.53)
    std = (58.395, 57.12, 57.375)

    def __init__(self) -> None:
        super().__init__()
        self.channels = tuple(width * EXPANSION for width in WIDTHS)
        self.strides = STRIDES
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        c_in = 64
        for i, (depth, width) in enumerate(zip(DEPTHS, WIDTHS, strict=True), start=1):
            blocks = []
            for j in range(depth):
                blocks.append(_Bottleneck(c_in, width, stride=2 if i > 1 and j == 0 else 1))
                c_in = width * EXPANSION
            self.add_module(f"layer{i}", nn.Sequential(*blocks))

    def forward(self, image: Tensor) -> list[Tensor]:
        x = self.maxpool(functional.relu(self.bn1(self.conv1(image))))
        maps = []
        for i in range(1, len(self.strides) + 1):
            x = self.get_submodule(f"layer{i}")(x)
            maps.append(x)
        return maps

    def parts(self) -> list[nn.Module]:
        layers = [self.get_submodule(f"layer{i}") for i in range(1, len(self.strides) + 1)]
        return [nn.ModuleList([self.conv1, self.bn1]), *layers]

    def shorten(self, n_stages: int) -> None:
        if not FEWEST_STAGES <= n_stages <= len(self.strides):
            raise too_short("resnet", FEWEST_STAGES, len(self.strides), n_stages)
        for i in range(n_stages, len(self.strides)):
            delattr(self, f"layer{i + 1}")
        self.channels, self.strides = self.channels[:n_stages], self.strides[:n_stages]


def build(config: BackboneConfig) -> ResNet50:
    """A ResNet-50 with the weights that `config` points to.

    Raises:
        SettingsError: unknown variant, no weights given, or weights that do not fit.
    """
    if config.variant not in ("", *VARIANTS):
        raise SettingsError(f"net.variant for resnet: expected {VARIANTS[0]}, got '{config.variant}'")
    if config.weights == "imagenet":
        raise SettingsError(
            "no packaged weights exist for resnet; give a state dict with --set net.weights=FILE, or net.weights=none"
        )
    model = ResNet50()
    if config.weights == "none":
        start_at_random(model)
    else:
        _load_by_name(model, Path(config.weights))
    for block in [model, *(module for module in model.modules() if isinstance(module, _Bottleneck))]:
        _fold_batch_norm(block)
    return model


def _fold_batch_norm(block: nn.Module) -> None:
    """Fold `bn1` into `conv1` and so on; the norm's place is taken by an identity."""
    pairs = [(f"conv{i}", f"bn{i}", block) for i in (1, 2, 3) if hasattr(block, f"conv{i}")]
    if isinstance(getattr(block, "downsample", None), nn.Sequential):
        pairs.append(("0", "1", block.get_submodule("downsample")))
    for conv, norm, owner in pairs:
        convolution, batch_norm = owner.get_submodule(conv), owner.get_submodule(norm)
        if isinstance(convolution, nn.Conv2d) and isinstance(batch_norm, nn.BatchNorm2d):
            owner.add_module(conv, fuse_conv_bn_eval(convolution.eval(), batch_norm.eval()))
        owner.add_module(norm, nn.Identity())


def _load_by_name(model: ResNet50, path: Path) -> None:
    state = {key: value for key, value in read_state_dict(path).items() if not key.startswith("fc.")}
    own = model.state_dict()
    wrong = [key for key in own if key not in state or state[key].shape != own[key].shape]
    wrong = [key for key in wrong if not key.endswith("num_batches_tracked")]
    if wrong:
        raise SettingsError(f"{path}: expected the state dict of a ResNet-50, missing or of another shape: {wrong[0]}")
    model.load_state_dict(state, strict=False)
