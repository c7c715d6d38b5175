from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from markerless.errors import SettingsError
from markerless.nn import model as networks
from markerless.nn.heads import score_map
from markerless.nn.model import NetSettings, PoseNet


@pytest.fixture(scope="module")
def net() -> PoseNet:
    model = networks.build(2, NetSettings(weights="none"), score_map.Config(), seed=1).eval()
    torch.nn.init.normal_(model.head.score.weight, std=1.0)
    return model


def picture(height: int, width: int) -> torch.Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (1, height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (79, 66), (95, 127), (33, 64)])
def test_the_grid_is_the_same_at_every_size(net: PoseNet, size: tuple[int, int]) -> None:
    """An image of any size gives the maps of the same image with mean gray added behind, up to a multiple of 32."""
    image = picture(*size)
    behind = [-side % 32 for side in size]
    padded = functional.pad(image, (0, 0, 0, behind[1], 0, behind[0]), value=127)
    with torch.no_grad():
        ours, theirs = net.maps(image), net.maps(padded)
    for mine, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, reference, rtol=0, atol=1e-5)


def test_the_padding_of_every_backbone_is_that_gray() -> None:
    """ResNet's pixels have another mean than 127; the padding still is the gray that training fills views with."""
    other = networks.build(2, NetSettings(backbone="resnet", weights="none", width=16), score_map.Config()).eval()
    image = picture(40, 64)
    padded = functional.pad(image, (0, 0, 0, 0, 0, 24), value=127)
    with torch.no_grad():
        torch.testing.assert_close(other.maps(image), other.maps(padded), rtol=0, atol=1e-5)


@pytest.mark.parametrize("stride", [4, 8])  # at coarser ones the borders reach into the middle of the picture
def test_content_moved_by_32_pixels_moves_the_maps_by_as_much(stride: int) -> None:
    """True far from the borders only, so the content is a small picture on gray."""
    moving = networks.build(2, NetSettings(weights="none", width=16, stride=stride), score_map.Config(), seed=1).eval()
    torch.nn.init.normal_(moving.head.score.weight, std=1.0)
    side = 384 if stride < 16 else 640
    canvas = torch.full((1, side, side, 3), 127, dtype=torch.uint8)
    moved = canvas.clone()
    spot, at = picture(16, 16), side // 2 - 16
    canvas[:, at : at + 16, at : at + 16] = spot
    moved[:, at : at + 16, at + 32 : at + 48] = spot
    with torch.no_grad():
        before, after = moving.maps(canvas)[0], moving.maps(moved)[0]
    low, high, shift = (side // 2 - 32) // stride, (side // 2 + 32) // stride, 32 // stride
    content = before[..., low:high, low:high]
    near = 1e-3 * float(content.abs().max())
    assert float((after[..., low:high, low + shift : high + shift] - content).abs().max()) < near
    assert float((after[..., low:high, low:high] - content).abs().max()) > 10 * near  # it did move


@pytest.mark.parametrize("size", [(64, 96), (65, 97)])
def test_keypoints_come_in_pixels_of_the_image(net: PoseNet, size: tuple[int, int]) -> None:
    with torch.no_grad():
        xy, score = net(picture(*size).expand(3, -1, -1, -1))
    assert xy.shape == (3, 2, 2)
    assert score.shape == (3, 2)
    assert xy.dtype == score.dtype == torch.float32
    assert torch.equal(xy[0], xy[2])
    assert ((score >= 0) & (score <= 1)).all()


def test_settings_that_fit_no_network_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"net\.stride"):
        networks.build(2, NetSettings(weights="none", stride=5), score_map.Config())
    with pytest.raises(SettingsError, match="unknown backbone"):
        networks.build(2, NetSettings(backbone="efficientnet"), score_map.Config())


def test_the_seed_decides_the_weights() -> None:
    nets = [networks.build(2, NetSettings(weights="none"), score_map.Config(), seed) for seed in (5, 5, 6)]
    states = [net.head.score.weight for net in nets]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
