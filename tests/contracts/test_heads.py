"""What every head owes: decode is the inverse of encode, and what nobody labeled has no loss."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from markerless.nn import heads
from markerless.nn.heads import Keypoints

N_KEYPOINTS, CELLS, STRIDES = 3, (12, 16), (4, 8)
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


def test_what_nobody_looked_for_has_no_loss(head: Any) -> None:
    xy = anywhere(head, 2)
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


def test_leveled_scores_keep_their_order(head: Any) -> None:
    heights = torch.tensor([-1.0, 0.5, 2.0])
    with torch.no_grad():
        head.level_scores(heights)
    logits = torch.full((1, N_KEYPOINTS, *CELLS), -20.0)
    logits[0, :, 2, 2] = heights
    score = head.decode(logits, torch.zeros(1, 2 * N_KEYPOINTS, *CELLS)).score[0]
    assert score[0] < score[1] < score[2]
    assert float(score[1]) == pytest.approx(0.95, abs=1e-3)  # the median of what it was leveled on
