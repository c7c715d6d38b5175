"""From what the maps say of a point to its expected error in pixels and the probability that it is good.

The numbers are fitted by `analysis.error_model` and `analysis.presence_model` on frames that the network was not
trained on; here they are part of the network, so that every engine gives the same answer without a line of Python per
frame.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from markerless.core.instance import FloatArray

SURE = 30.0  # logit whose probability is 1 in float32


class ExpectedError(nn.Module):
    """`expected = exp(evidence @ weight + bias[keypoint])`, `within = sigmoid(level + slope * log(t / expected))`.

    The probability is `within * sigmoid(evidence @ presence_weight + presence_bias[keypoint])`: a keypoint that is not
    there is nowhere within the tolerance. Where no absent keypoints were labeled, every keypoint counts as there.

    The expected error is kept between two limits: without, it grows beyond any frame where there is no animal.

    Until `fill` it is unfitted and must not be called.
    """

    weight: Tensor
    bias: Tensor
    within: Tensor
    limits: Tensor
    presence_weight: Tensor
    presence_bias: Tensor

    def __init__(self, n_evidence: int, n_keypoints: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_evidence))
        self.register_buffer("bias", torch.zeros(n_keypoints))
        self.register_buffer("within", torch.zeros(3))  # level, slope, log of the tolerance in px; slope 0: unfitted
        self.register_buffer("limits", torch.zeros(2))  # logarithms of the least and the largest expected error in px
        self.register_buffer("presence_weight", torch.zeros(n_evidence))
        self.register_buffer("presence_bias", torch.full((n_keypoints,), SURE))
        self.is_fitted = False
        self.register_load_state_dict_post_hook(lambda module, _: module.refresh())

    def fill(
        self,
        weight: FloatArray,
        bias: FloatArray,
        within: tuple[float, float, float],
        limits_px: tuple[float, float],
        presence: tuple[FloatArray, FloatArray] | None = None,
    ) -> None:
        """Take what was fitted.

        Args:
            weight: `(E,)`.
            bias: `(K,)`.
            within: Level, slope and the tolerance in px.
            limits_px: Least and largest expected error.
            presence: Weight `(E,)` and bias `(K,)` of the probability of being there; None counts all as there.
        """
        n_evidence, n_keypoints = len(weight), len(bias)
        there, there_bias = presence or (np.zeros(n_evidence), np.full(n_keypoints, SURE))
        self.presence_weight.copy_(torch.from_numpy(there))
        self.presence_bias.copy_(torch.from_numpy(there_bias))
        level, slope, tolerance_px = within
        self.weight.copy_(torch.from_numpy(weight))
        self.bias.copy_(torch.from_numpy(bias))
        self.within.copy_(torch.tensor([level, slope, math.log(tolerance_px)]))
        self.limits.copy_(torch.tensor([math.log(limit) for limit in limits_px]))
        self.refresh()

    def refresh(self) -> None:
        """See from the numbers whether they were fitted."""
        self.is_fitted = bool(self.within[1] > 0)

    def forward(self, evidence: Tensor) -> tuple[Tensor, Tensor]:
        """`(B, K, E)` -> expected error in px, probability of being there and within the tolerance, each `(B, K)`."""
        log_expected = _linear(evidence, self.weight, self.bias)
        log_expected = torch.minimum(torch.maximum(log_expected, self.limits[0]), self.limits[1])
        within = torch.sigmoid(self.within[0] + self.within[1] * (self.within[2] - log_expected))
        return torch.exp(log_expected), within * torch.sigmoid(
            _linear(evidence, self.presence_weight, self.presence_bias)
        )


def _linear(evidence: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`(B, K, E)`, `(E,)`, `(K,)` -> `(B, K)`.

    The bias stands inside the sum: added behind it, OpenVINO 2026.4 gives image b of a batch the bias of keypoint b.
    """
    return (evidence * weight + bias[:, None] / evidence.shape[-1]).sum(-1)
