"""The shape of the animal: which of two equal peaks is the right one, from where the partner is."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from markerless.core.instance import FloatArray
from markerless.nn import pose_prior
from markerless.nn.heads import score_map
from markerless.nn.heads.score_map import Head

SIZE = (20, 24)
SURE, LESS = 6.0, 5.5


def shapes(n: int = 40) -> FloatArray:
    """Keypoint 1 is 80 px right of keypoint 0, give or take 3; keypoint 2 is anywhere."""
    rng = np.random.default_rng(0)
    first = rng.uniform(0, 100, (n, 2))
    second = first + np.array([80.0, 0.0]) + rng.normal(0, 3, (n, 2))
    return np.stack((first, second, rng.uniform(0, 300, (n, 2))), 1)


def test_the_partner_is_the_one_with_the_narrowest_offset() -> None:
    found = pose_prior.fit(shapes(), 100.0)
    assert found.partner[:2].tolist() == [1, 0]
    np.testing.assert_allclose(found.offset[:2], [[-80, 0], [80, 0]], atol=1.5)
    spread = np.linalg.inv(found.precision[1])
    np.testing.assert_allclose(np.diag(spread), 3**2 + 1.5**2, rtol=0.5)


def test_too_few_labels_of_both_make_no_partner() -> None:
    xy = shapes()
    xy[7:, 0] = np.nan
    found = pose_prior.fit(xy, 100.0)
    assert found.partner[1] == 2
    assert not found.precision[0].any()


def head_with(prior: bool) -> Head:
    head = Head(4, 8, 3, score_map.Config())
    head.prior.fill(pose_prior.fit(shapes(), 100.0) if prior else None)
    return head


def peaks(*cells: tuple[int, int, int, float]) -> tuple[Tensor, Tensor]:
    """Maps that are low but for (keypoint, row, column, height)."""
    logits = torch.full((1, 3, *SIZE), -6.0)
    for keypoint, row, column, height in cells:
        logits[0, keypoint, row, column] = height
    return logits, torch.zeros(1, 6, *SIZE)


def columns(head: Head, maps: tuple[Tensor, Tensor]) -> list[int]:
    xy = head.decode(*maps).xy[0]
    return [round((float(x) + 0.5) / 8 - 0.5) for x in xy[:, 0]]


def test_of_two_peaks_the_one_beside_the_partner_wins() -> None:
    maps = peaks((0, 5, 2, SURE), (1, 5, 20, SURE), (1, 5, 12, LESS), (2, 3, 3, SURE))  # 80 px are ten cells
    assert columns(head_with(prior=False), maps) == [2, 20, 3]
    assert columns(head_with(prior=True), maps) == [2, 12, 3]


def test_an_unsure_partner_says_nothing() -> None:
    maps = peaks((0, 5, 2, -4.0), (1, 5, 20, SURE), (1, 5, 12, LESS))
    assert columns(head_with(prior=True), maps)[1] == 20


def test_a_peak_that_stands_out_is_believed_against_the_shape() -> None:
    maps = peaks((0, 5, 2, SURE), (1, 5, 20, SURE), (1, 5, 12, SURE - pose_prior.MOST - 1))
    assert columns(head_with(prior=True), maps)[1] == 20


def test_only_offsets_matter_so_a_crop_gives_the_same() -> None:
    """Everything five cells further right and three further down."""
    maps = peaks((0, 5, 2, SURE), (1, 5, 17, SURE), (1, 5, 12, LESS))
    moved = peaks((0, 8, 7, SURE), (1, 8, 22, SURE), (1, 8, 17, LESS))
    head = head_with(prior=True)
    shift = head.decode(*moved).xy[0, :2] - head.decode(*maps).xy[0, :2]
    np.testing.assert_allclose(shift.numpy(), [[40, 24]] * 2, atol=1e-3)


def test_it_is_used_once_filled_and_read_back() -> None:
    head, other = head_with(prior=True), head_with(prior=False)
    assert (head.prior.is_used, other.prior.is_used) == (True, False)
    other.load_state_dict(head.state_dict())
    assert other.prior.is_used
