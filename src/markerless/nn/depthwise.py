"""Depthwise convolution that stays in float32 under autocast."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DepthwiseConv2d(nn.Conv2d):
    """One kernel per channel.

    On a CPU the bf16 backward pass of a depthwise convolution takes five times as long as the f32 one, while the 1 x
    1 convolutions around it gain from bf16. So this layer leaves autocast, and the network as a whole is faster in
    bf16 (benchmarks/RESULTS.md).
    """

    def __init__(self, channels: int, kernel: int, stride: int = 1, padding: int = 0, bias: bool = True) -> None:
        super().__init__(channels, channels, kernel, stride, padding, groups=channels, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float())
