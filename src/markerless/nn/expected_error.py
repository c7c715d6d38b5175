"""From what the maps say of a point to its expected error in pixels and the probability that it is good.

The numbers are fitted by `analysis.error_model` on frames that the network was not trained on; here they are part of
the network, so that every engine gives the same answer without a line of Python per frame.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from markerless.core.instance import FloatArray


class ExpectedError(nn.Module):
    """`expected = exp(evidence @ weight + bias[keypoint])`, `probability = sigmoid(level + slope * log(t / expected))`.

    The expected error is kept between two limits: without, it grows beyond any frame where there is no animal.

    Until `fill` it is unfitted and must not be called.
    """

    weight: Tensor
    bias: Tensor
    within: Tensor
    limits: Tensor

    def __init__(self, n_evidence: int, n_keypoints: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_evidence))
        self.register_buffer("bias", torch.zeros(n_keypoints))
        self.register_buffer("within", torch.zeros(3))  # level, slope, log of the tolerance in px; slope 0: unfitted
        self.register_buffer("limits", torch.zeros(2))  # logarithms of the least and the largest expected error in px
        self.is_fitted = False
        self.register_load_state_dict_post_hook(lambda module, _: module.refresh())

    def fill(
        self,
        weight: FloatArray,
        bias: FloatArray,
        within: tuple[float, float, float],
        limits_px: tuple[float, float],
    ) -> None:
        """Take what was fitted.

        Args:
            weight: `(E,)`.
            bias: `(K,)`.
            within: Level, slope and the tolerance in px.
            limits_px: Least and largest expected error.
        """
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
        """`(B, K, E)` -> expected error in px and probability of being within the tolerance, each `(B, K)`."""
        # the bias inside the sum: added behind it, OpenVINO 2026.4 gives image b of a batch the bias of keypoint b
        log_expected = (evidence * self.weight + self.bias[:, None] / evidence.shape[-1]).sum(-1)
        log_expected = torch.minimum(torch.maximum(log_expected, self.limits[0]), self.limits[1])
        probability = torch.sigmoid(self.within[0] + self.within[1] * (self.within[2] - log_expected))
        return torch.exp(log_expected), probability
