"""Points of one animal are near each other: `reach_px`."""

from __future__ import annotations

import math
from pathlib import Path

import openvino
import pytest
import torch
from torch import Tensor, nn

from markerless.nn.heads import Keypoints
from markerless.nn.heads.score_map import COARSE, Config, Head, build
from markerless.runtime.region import FEWEST_CELLS

STRIDE = 8
LOW = -6.0
SIZES = [(24, 32), (22, 30), (23, 29)]  # rows and columns, also such that coarse cells are cut off


def head(reach_px: float, n_keypoints: int = 3) -> Head:
    return build(8, STRIDE, n_keypoints, Config(reach_px=reach_px))


def peaks(size: tuple[int, int], *found: tuple[int, int, int, float], n_keypoints: int = 3) -> Tensor:
    """Logits `(1, K, h, w)` that are low but for peaks (keypoint, row, column, height)."""
    logits = torch.full((1, n_keypoints, *size), LOW)
    for keypoint, row, column, height in found:
        logits[0, keypoint, row, column] = height
    return logits


def decoded(head: Head, logits: Tensor) -> Keypoints:
    _, k, h, w = logits.shape
    return head.decode(logits, torch.zeros(len(logits), 2 * k, h, w))


def cells(found: Keypoints) -> list[tuple[int, int]]:
    """Row and column of each point of the first image."""
    return [(int(y // STRIDE), int(x // STRIDE)) for x, y in found.xy[0].tolist()]


@pytest.mark.parametrize("size", SIZES)
def test_a_higher_peak_far_away_loses_against_a_lower_one_near_the_others(size: tuple[int, int]) -> None:
    far = peaks(size, (0, 4, 4, 3.0), (1, 6, 7, 3.0), (2, 5, 5, 1.0), (2, 20, 27, 4.0))
    assert cells(decoded(head(40), far)) == [(4, 4), (6, 7), (5, 5)]
    assert cells(decoded(head(0), far)) == [(4, 4), (6, 7), (20, 27)]  # nothing is known of its size
    assert cells(decoded(head(400), far)) == [(4, 4), (6, 7), (20, 27)]  # it may be that large
    score = decoded(head(40), far).score[0]
    torch.testing.assert_close(score, torch.sigmoid(torch.tensor([3.0, 3.0, 1.0])))


def test_the_most_points_win_and_not_the_highest() -> None:
    """Twice sigmoid(2) = 0.88 against once sigmoid(9) = 1."""
    logits = peaks((24, 32), (0, 4, 4, 2.0), (1, 6, 7, 2.0), (2, 20, 27, 9.0), (2, 5, 5, -1.0))
    assert cells(decoded(head(40), logits))[2] == (5, 5)


def test_one_keypoint_has_no_others() -> None:
    logits = peaks((24, 32), (0, 4, 4, 3.0), (0, 20, 27, 4.0), n_keypoints=1)
    assert cells(decoded(head(40, 1), logits)) == [(20, 27)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("reach_px", [20.0, 64.0, 65.0, 100.0])
def test_an_animal_as_large_as_the_reach_is_never_cut(size: tuple[int, int], reach_px: float) -> None:
    """Anywhere, corners included: points at the ends of its reach, in both directions."""
    generator = torch.Generator().manual_seed(3)
    h, w = size
    span = math.floor(reach_px / STRIDE)  # cells that far apart are within reach
    places = []
    for _ in range(60):
        top = int(torch.randint(0, h - span, (1,), generator=generator))
        left = int(torch.randint(0, w - span, (1,), generator=generator))
        places.append((top, left))
    places += [(0, 0), (h - 1 - span, w - 1 - span), (0, w - 1 - span), (h - 1 - span, 0)]
    for top, left in places:
        expected = [(top, left + span), (top + span, left), (top, left)]
        logits = peaks(size, *((k, *cell, 2.0) for k, cell in enumerate(expected)))
        assert cells(decoded(head(reach_px), logits)) == expected


def test_a_square_is_at_most_two_coarse_cells_wider_than_the_reach() -> None:
    """Points farther apart than that cannot be of one animal: the lower one gives way."""
    span = math.ceil(40 / STRIDE) + 3 * COARSE
    logits = peaks((24, 32), (0, 2, 2, 3.0), (1, 2, 3, 3.0), (2, 2, 2 + span, 3.0), (2, 3, 3, -1.0))
    assert cells(decoded(head(40), logits)) == [(2, 2), (2, 3), (3, 3)]


def test_nothing_changes_where_every_peak_is_near_the_others() -> None:
    generator = torch.Generator().manual_seed(7)
    logits = peaks((24, 32))
    logits[:, :, 8:12, 12:16] = torch.randn(1, 3, 4, 4, generator=generator)
    refine = 0.3 * torch.randn(1, 6, 24, 32, generator=generator)
    near, anywhere = (head(reach).decode(logits, refine) for reach in (40.0, 0.0))
    assert torch.equal(near.xy, anywhere.xy)
    assert torch.equal(near.score, anywhere.score)


def test_images_of_a_batch_know_nothing_of_each_other() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(6, 3, 22, 30, generator=generator)
    together = decoded(head(50), logits)
    assert not torch.equal(together.xy, decoded(head(0), logits).xy)
    for i in range(6):
        alone = decoded(head(50), logits[i : i + 1])
        torch.testing.assert_close(alone.xy[0], together.xy[i])
        torch.testing.assert_close(alone.score[0], together.score[i])


class Places(nn.Module):
    """Where the points are, as a network is exported."""

    def __init__(self, reach_px: float) -> None:
        super().__init__()
        self.head = head(reach_px)

    def forward(self, logits: Tensor, refine: Tensor) -> Tensor:
        return self.head.decode(logits, refine).xy


@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_openvino_takes_maps_smaller_than_a_coarse_cell(tmp_path: Path) -> None:
    """Of 1 to 3 cells a side, and of larger ones, that are cut off or not."""
    decoder, path = Places(40.0).eval(), tmp_path / "decode.onnx"
    example = torch.zeros(2, 3, 20, 24), torch.zeros(2, 6, 20, 24)
    sides = dict.fromkeys((2, 3), torch.export.Dim.DYNAMIC)
    torch.onnx.export(decoder, example, path, dynamic_shapes=(sides, sides), dynamo=True, verbose=False)
    generator = torch.Generator().manual_seed(5)
    for size in ((1, 1), (2, 3), (3, 40), (9, 2), *SIZES):
        logits = 3 * torch.randn(2, 3, *size, generator=generator)
        refine = 0.3 * torch.randn(2, 6, *size, generator=generator)
        model = openvino.Core().read_model(path)
        model.reshape(dict(zip(model.inputs, (list(logits.shape), list(refine.shape)), strict=True)))
        exact = {"INFERENCE_PRECISION_HINT": "f32"}
        found = openvino.Core().compile_model(model, "CPU", exact)([logits.numpy(), refine.numpy()])[0]
        torch.testing.assert_close(torch.from_numpy(found), decoder(logits, refine), atol=1e-3, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 40), (9, 2), *SIZES])
def test_coarse_cells_that_are_cut_off_count_as_they_did(size: tuple[int, int]) -> None:
    """Against the same pool with cut windows instead of padding, of a network as earlier versions exported it."""
    logits = 3 * torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(5))
    pooled = torch.nn.functional.max_pool2d(torch.sigmoid(logits), COARSE, ceil_mode=True)
    support = torch.nn.functional.max_pool2d(pooled, 3, 1, 1).sum(1)  # a reach of 40 px: one coarse cell to each side
    for image, votes in zip(head(40)._near_each_other(logits), support, strict=True):
        row, column = divmod(int(votes.argmax()), votes.shape[1])
        near = (image > -1000).all(0).nonzero()
        assert near.amin(0).tolist() == [COARSE * max(row - 1, 0), COARSE * max(column - 1, 0)]
        ends = [COARSE * (row + 2) - 1, COARSE * (column + 2) - 1]
        assert near.amax(0).tolist() == [min(end, n - 1) for end, n in zip(ends, size, strict=True)]


def test_regions_are_no_smaller_than_a_coarse_cell() -> None:
    assert FEWEST_CELLS == COARSE
