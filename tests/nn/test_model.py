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


SMALL = NetSettings(weights="none", width=16, kernel=3, stages=3, shrink=2, stride=4)


@pytest.fixture(scope="module")
def small() -> PoseNet:
    model = networks.build(2, SMALL, score_map.Config(), seed=1).eval()
    torch.nn.init.normal_(model.head.score.weight, std=1.0)
    torch.nn.init.normal_(model.head.refine.weight, std=0.1)
    return model


class TestShrink:
    def test_the_grid_is_of_pixels_before_shrinking(self, small: PoseNet) -> None:
        """Two stages of stride 4 and 8 on half of the pixels: cells of 4 x 2, sizes in multiples of 8 x 2."""
        assert small.backbone.strides == (4, 8)
        assert (small.head.stride, small.multiple) == (8, 16)

    @pytest.mark.parametrize("size", [(64, 96), (65, 97), (66, 98), (79, 66), (95, 127), (33, 64)])
    def test_the_grid_is_the_same_at_every_size(self, small: PoseNet, size: tuple[int, int]) -> None:
        image = picture(*size)
        behind = [-side % 16 for side in size]
        padded = functional.pad(image, (0, 0, 0, behind[1], 0, behind[0]), value=127)
        with torch.no_grad():
            ours, theirs = small.maps(image), small.maps(padded)
        assert ours[0].shape[2:] == ((size[0] + behind[0]) // 8, (size[1] + behind[1]) // 8)
        for mine, reference in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, reference, rtol=0, atol=1e-5)

    @pytest.mark.parametrize("shift", [(16, 0), (0, 16), (48, 32)])
    @pytest.mark.parametrize("size", [(256, 288), (251, 283)])
    def test_a_shifted_input_has_its_points_shifted_by_as_much(
        self, small: PoseNet, size: tuple[int, int], shift: tuple[int, int]
    ) -> None:
        """By multiples of the grid; true far from the borders, so the points are those of the maps in the middle."""
        dx, dy = shift
        spot = picture(24, 24)
        canvas = torch.full((1, *size, 3), 127, dtype=torch.uint8)
        moved = canvas.clone()
        canvas[:, 96:120, 96:120] = spot
        moved[:, 96 + dy : 120 + dy, 96 + dx : 120 + dx] = spot
        with torch.no_grad():
            before, after = small.maps(canvas), small.maps(moved)
            # cells around the spot: 72 to 144 px
            found = small.head.decode(*cells_of(before, 9, 18))
            shifted = small.head.decode(*cells_of(after, 9, 18, dx // 8, dy // 8))
            unmoved = small.head.decode(*cells_of(after, 9, 18))
        torch.testing.assert_close(found.xy, shifted.xy, rtol=0, atol=1e-3)
        assert not torch.allclose(found.xy, unmoved.xy, rtol=0, atol=1)

    def test_squares_of_pixels_are_averaged(self, small: PoseNet) -> None:
        """Pixels may change places within their square of two, and not beyond it."""
        image = picture(64, 64)
        within = image.reshape(1, 32, 2, 32, 2, 3).flip(2).flip(4).reshape(1, 64, 64, 3)
        with torch.no_grad():
            ours, same, other = (small.maps(one)[0] for one in (image, within, image.roll(1, 1)))
        torch.testing.assert_close(same, ours, rtol=0, atol=1e-4)
        assert float((other - ours).abs().max()) > 0.01


class TestResolved:
    def test_a_large_network_stays_as_it_is(self) -> None:
        settings = NetSettings().resolved(50.0, is_small=False)
        assert settings.size == "large"
        assert settings.model_dump(exclude={"size"}) == NetSettings().model_dump(exclude={"size"})

    @pytest.mark.parametrize(
        ("animal_px", "shrink", "stride"), [(20.0, 1, 8), (95.9, 1, 8), (96.0, 2, 4), (400.0, 2, 4)]
    )
    def test_a_small_network_keeps_an_animal_on_about_50_pixels(
        self, animal_px: float, shrink: int, stride: int
    ) -> None:
        settings = NetSettings().resolved(animal_px, is_small=True)
        assert (settings.size, settings.shrink, settings.stride) == ("small", shrink, stride)
        assert (settings.stages, settings.width, settings.kernel) == (3, 64, 3)

    def test_what_was_given_stays(self) -> None:
        given = NetSettings(width=32, stride=4)
        settings = given.resolved(50.0, is_small=True)
        assert (settings.width, settings.stride, settings.stages, settings.kernel) == (32, 4, 3, 3)
        assert NetSettings(size="large").resolved(50.0, is_small=True).stages == 0
        assert NetSettings(size="small").resolved(50.0, is_small=False).stages == 3

    def test_resolved_twice_is_resolved_once(self) -> None:
        settings = NetSettings().resolved(50.0, is_small=True)
        assert settings.resolved(400.0, is_small=False) == settings

    def test_the_settings_of_a_run_give_its_network_again(self) -> None:
        """As they are kept in `run.toml`."""
        settings = NetSettings(weights="none").resolved(50.0, is_small=True)
        kept = NetSettings(**settings.model_dump(mode="json"))
        nets = [networks.build(2, one, score_map.Config()) for one in (settings, kept)]
        shapes = [[tuple(p.shape) for p in net.parameters()] for net in nets]
        assert shapes[0] == shapes[1]
        assert nets[0].backbone.strides == (4, 8)


@pytest.mark.parametrize(("backbone", "stages"), [("efficientnet_lite", 2), ("resnet", 1), ("efficientnet_lite", 8)])
def test_stages_that_a_backbone_does_not_have_are_refused(backbone: str, stages: int) -> None:
    with pytest.raises(SettingsError, match=rf"net\.stages: expected . to . for {backbone} .*got {stages}"):
        networks.build(2, NetSettings(backbone=backbone, weights="none", stages=stages), score_map.Config())


def test_a_stride_that_the_stages_left_do_not_have_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"net\.stride: expected one of \(4, 8\), got 16"):
        networks.build(2, NetSettings(weights="none", stages=3, stride=16), score_map.Config())


def cells_of(
    maps: tuple[torch.Tensor, torch.Tensor], first: int, last: int, right: int = 0, down: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cells `first` to `last - 1` both ways of score and refinement maps, moved to the right and down."""
    rows, columns = slice(first + down, last + down), slice(first + right, last + right)
    return maps[0][..., rows, columns], maps[1][..., rows, columns]
