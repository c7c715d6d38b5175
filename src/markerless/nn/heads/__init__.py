"""Prediction heads, one file each: encode, forward, loss and decode stand together because they are inverse to each
other.

A head file provides:

    Config                     its settings
    build(channels, stride, n_keypoints, config) -> Head
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from markerless.registry import Registry

registry = Registry("head", "markerless.nn.heads")


@dataclass(frozen=True)
class Keypoints:
    """A batch of answers, in pixels of the network's input; (0, 0) is the center of the top-left pixel.

    Attributes:
        xy: `(B, K, 2)` float32; NaN where there is no point.
        score: `(B, K)` float32 in 0..1.
        evidence: `(B, K, E)` float32, what the maps say of how good the point is (`EVIDENCE` of the head's file), or
            None where nobody asked.
    """

    xy: Tensor
    score: Tensor
    evidence: Tensor | None = None
