"""Samples and batches: what a training step eats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from markerless.core.affine import Affine
from markerless.core.instance import FloatArray


@dataclass(frozen=True)
class Sample:
    """One network input with its answer.

    Attributes:
        image: `(H, W, 3)` uint8 RGB.
        xy: `(K, 2)` pixels of `image`; NaN for a keypoint that is not there.
        known: `(K,)` bool; False where nobody looked for the keypoint.
        to_frame: From pixels of `image` to pixels of the original frame.
    """

    image: npt.NDArray[np.uint8]
    xy: FloatArray
    known: npt.NDArray[np.bool_]
    to_frame: Affine


@dataclass(frozen=True)
class Batch:
    """Samples stacked.

    Attributes:
        image: `(B, H, W, 3)` uint8.
        xy: `(B, K, 2)` float32 pixels of `image`, NaN where there is no point.
        known: `(B, K)` bool.
        to_frame: `(B, 3, 3)` float64.
    """

    image: Tensor
    xy: Tensor
    known: Tensor
    to_frame: Tensor

    @classmethod
    def stack(cls, samples: Sequence[Sample]) -> Batch:
        """A batch of samples of one size."""
        return cls(
            torch.from_numpy(np.stack([s.image for s in samples])),
            torch.from_numpy(np.stack([s.xy for s in samples]).astype(np.float32)),
            torch.from_numpy(np.stack([s.known for s in samples])),
            torch.from_numpy(np.stack([s.to_frame.matrix for s in samples])),
        )

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device; `to_frame` stays on the CPU."""
        return Batch(self.image.to(device), self.xy.to(device), self.known.to(device), self.to_frame)
