"""What every head owes: decode is the inverse of encode, and what nobody labeled has no loss."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from markerless.nn import heads
from markerless.nn.heads import Keypoints

N_KEYPOINTS, CELLS, STRIDES = 3, (12, 16), (4, 8, 16)
EACH = [(name, stride) for name in heads.registry.names() for stride in STRIDES]


@pytest.fixture(params=EACH, ids=[f"{name}-{stride}" for name, stride in EACH])
def head(request: pytest.FixtureRequest) -> Any:
    name, stride = request.param
    module = heads.registry.get(name)
    torch.manual_seed(0)
    return module.build(8, stride, N_KEYPOINTS, module.Config())


def anywhere(head: Any, n: int) -> Tensor:
    """`(n, K, 2)` places all over the map, its outermost half pixels included."""
    height, width = CELLS
    span = torch.tensor([width * head.stride, height * head.stride], dtype=torch.float32)
    return torch.rand(n, N_KEYPOINTS, 2, generator=torch.Generator().manual_seed(1)) * span - 0.5


def encode(head: Any, xy: Tensor, known: Tensor | None = None) -> Any:
    everything = torch.ones(xy.shape[:2], dtype=torch.bool) if known is None else known
    return head.encode(Keypoints(xy, torch.ones(xy.shape[:2])), everything, CELLS, 60.0)


def perfect_maps(targets: Any) -> tuple[Tensor, Tensor]:
    """What a network that has learned everything gives."""
    return torch.logit(targets.score, 1e-6), torch.cat((targets.refine[:, :, 0], targets.refine[:, :, 1]), 1)


def test_decode_is_the_inverse_of_encode_at_any_subpixel_place(head: Any) -> None:
    xy = anywhere(head, 300)
    decoded = head.decode(*perfect_maps(encode(head, xy)))
    assert float((decoded.xy - xy).abs().max()) < 0.1
    assert float(decoded.score.min()) > 0.4


def test_decode_is_the_inverse_of_encode_along_the_very_border(head: Any) -> None:
    """Corners, edges, the middles of border cells and the lines between cells: where neighbors are missing."""
    height, width = CELLS[0] * head.stride, CELLS[1] * head.stride
    steps = (-0.5, -0.25, 0.0, head.stride / 2 - 0.5, head.stride - 0.5)
    places = [(x, y) for x in steps for y in steps]
    places += [(width - 1 - x, height - 1 - y) for x, y in places if x > -0.5 and y > -0.5]
    xy = torch.tensor(places)[:, None].repeat(1, N_KEYPOINTS, 1)
    decoded = head.decode(*perfect_maps(encode(head, xy)))
    assert float((decoded.xy - xy).abs().max()) < 0.1


def test_a_cell_sits_where_the_convention_says(head: Any) -> None:
    """Cell (3, 5) of a stride-s map has its center at ((5 + 0.5) s - 0.5, (3 + 0.5) s - 0.5)."""
    logits = torch.full((1, N_KEYPOINTS, *CELLS), -20.0)
    logits[:, :, 3, 5] = 20.0
    decoded = head.decode(logits, torch.zeros(1, 2 * N_KEYPOINTS, *CELLS))
    expected = torch.tensor([5.5 * head.stride - 0.5, 3.5 * head.stride - 0.5])
    torch.testing.assert_close(decoded.xy[0, 0], expected)


def test_an_absent_keypoint_has_empty_targets_and_a_finite_loss(head: Any) -> None:
    xy = anywhere(head, 2)
    xy[0, 1] = torch.nan
    targets = encode(head, xy)
    assert not targets.score[0, 1].any()
    assert not targets.near[0, 1].any()
    assert float(targets.score[1, 1].max()) > 0.4
    losses = head.loss(*head(torch.randn(2, 8, *CELLS)), targets)
    assert all(torch.isfinite(value) for value in losses.values())


def test_nan_reaches_neither_loss_nor_gradient(head: Any) -> None:
    """Absent, unknown, outside of the image: each alone and all of them together."""
    missing, outside = [torch.nan, torch.nan], [-40.0, 5000.0]
    xy = torch.tensor([[missing, missing, outside], [[10.0, 10.0], missing, outside], [missing, missing, missing]])
    known = torch.tensor([[True, False, True], [True, False, True], [False, False, False]])
    for rows in ([0], [1], [2], [0, 1, 2]):
        logits = torch.randn(len(rows), N_KEYPOINTS, *CELLS, requires_grad=True)
        refine = torch.randn(len(rows), 2 * N_KEYPOINTS, *CELLS, requires_grad=True)
        targets = encode(head, xy[rows], known[rows])
        assert not targets.score[:, 1:].any()
        total = sum(head.loss(logits, refine, targets).values())
        total.backward()
        assert torch.isfinite(total)
        assert logits.grad is not None and refine.grad is not None
        assert torch.isfinite(logits.grad).all()
        assert torch.isfinite(refine.grad).all()
        assert not logits.grad[~known[rows]].any()


def test_what_nobody_looked_for_has_no_loss(head: Any) -> None:
    xy = anywhere(head, 2)
    xy[1, 1] = torch.nan
    known = torch.ones(2, N_KEYPOINTS, dtype=torch.bool)
    known[:, 1] = False
    logits = torch.zeros(2, N_KEYPOINTS, *CELLS, requires_grad=True)
    refine = torch.zeros(2, 2 * N_KEYPOINTS, *CELLS, requires_grad=True)
    sum(head.loss(logits, refine, encode(head, xy, known)).values()).backward()
    assert logits.grad is not None
    assert refine.grad is not None
    assert not logits.grad[:, 1].any()
    assert not refine.grad[:, [1, 1 + N_KEYPOINTS]].any()
    assert logits.grad[:, 0].any()


def test_the_loss_is_smaller_for_the_right_answer_than_for_any_neighbor(head: Any) -> None:
    xy = anywhere(head, 4).clamp(2 * head.stride, 8 * head.stride)
    targets = encode(head, xy)
    right = sum(head.loss(*perfect_maps(targets), targets).values())
    for dx, dy in ((1, 0), (0, 1), (-1, 1)):
        shifted = encode(head, xy + head.stride * torch.tensor([dx, dy], dtype=torch.float32))
        assert float(sum(head.loss(*perfect_maps(shifted), targets).values())) > float(right) + 0.1


def test_the_loss_falls_on_the_way_to_the_answer(head: Any) -> None:
    """Up to close by: the parts of a loss need not have their very lowest points at one place."""
    targets = encode(head, anywhere(head, 4))
    best_logits, best_refine = perfect_maps(targets)
    first_logits, first_refine = torch.full_like(best_logits, -4.0), torch.zeros_like(best_refine)
    losses = []
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        maps = torch.lerp(first_logits, best_logits, share), torch.lerp(first_refine, best_refine, share)
        losses.append({name: float(value) for name, value in head.loss(*maps, targets).items()})
    totals = [sum(loss.values()) for loss in losses]
    assert all(later < earlier for earlier, later in pairwise(totals[:-1]))
    assert totals[-1] < 0.5 * totals[0]
    assert all(losses[-1][name] < losses[0][name] for name in losses[0])


def test_the_score_is_the_height_of_the_map(head: Any) -> None:
    """sigmoid(0) = 1/2, sigmoid(ln 9) = 0.9, sigmoid(-ln 4) = 0.2."""
    logits = torch.full((1, N_KEYPOINTS, *CELLS), -20.0)
    logits[0, :, 2, 2] = torch.tensor([0.0, math.log(9), -math.log(4)])
    score = head.decode(logits, torch.zeros(1, 2 * N_KEYPOINTS, *CELLS)).score
    torch.testing.assert_close(score, torch.tensor([[0.5, 0.9, 0.2]]), rtol=0, atol=1e-6)


def test_decoding_does_not_depend_on_the_rest_of_the_batch(head: Any) -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(5, N_KEYPOINTS, *CELLS, generator=generator)
    refine = torch.randn(5, 2 * N_KEYPOINTS, *CELLS, generator=generator)
    together = head.decode(logits, refine)
    for i in range(5):
        alone = head.decode(logits[i : i + 1], refine[i : i + 1])
        torch.testing.assert_close(alone.xy[0], together.xy[i])
        torch.testing.assert_close(alone.score[0], together.score[i])


def test_leveled_scores_keep_their_order(head: Any) -> None:
    heights = torch.tensor([-1.0, 0.5, 2.0])
    with torch.no_grad():
        head.level_scores(heights)
    logits = torch.full((1, N_KEYPOINTS, *CELLS), -20.0)
    logits[0, :, 2, 2] = heights
    score = head.decode(logits, torch.zeros(1, 2 * N_KEYPOINTS, *CELLS)).score[0]
    assert score[0] < score[1] < score[2]
    assert float(score[1]) == pytest.approx(0.95, abs=1e-3)  # the median of what it was leveled on
