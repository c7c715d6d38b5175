"""Where a keypoint can be, given where another is: what the labels say of the shape of the animal.

Each keypoint has a partner: the one from which its offset varies least. A cell of its map is lowered by how unlikely it
is there, seen from where the partner was found and how sure that is. So a paw is not put on the other paw when the
mirror shows where it is. Pairs of parts with Gaussian offsets: Felzenszwalb and Huttenlocher, Pictorial structures for
object recognition, 2005. More partners were worse, because their errors agree (benchmarks/RESULTS.md). Only offsets
matter, no places: a part of the frame gives what the whole frame gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from markerless.core.instance import FloatArray

FEWEST_PAIRS = 8  # labels of both, to know an offset
LEAST_SPREAD = 0.015  # of the animal's size: fewer labels would seem to know more
MOST = 6.0  # of the squared distance in spreads, halved: beyond, the partner is as likely wrong itself
ROUNDS = 2


@dataclass(frozen=True)
class Offsets:
    """From partners to keypoints.

    Attributes:
        partner: `(K,)` index of the partner.
        offset: `(K, 2)` px from it to the keypoint.
        precision: `(K, 2, 2)` inverse of the covariance of the offset; zero where there is no partner.
    """

    partner: npt.NDArray[np.int64]
    offset: FloatArray
    precision: FloatArray


def fit(xy: FloatArray, animal_size_px: float) -> Offsets:
    """Learn offsets from labeled animals.

    Args:
        xy: `(n, K, 2)` px, NaN where there is no label.
        animal_size_px: Size of the animal.
    """
    n_keypoints = xy.shape[1]
    found = Offsets(np.zeros(n_keypoints, np.int64), np.zeros((n_keypoints, 2)), np.zeros((n_keypoints, 2, 2)))
    least = (LEAST_SPREAD * animal_size_px) ** 2 * np.eye(2)
    narrowest = np.full(n_keypoints, np.inf)
    for k in range(n_keypoints):
        for other in range(n_keypoints):
            pairs = xy[:, k] - xy[:, other]
            pairs = pairs[np.isfinite(pairs).all(-1)]
            if other == k or len(pairs) < FEWEST_PAIRS:
                continue
            spread = np.cov(pairs.T) + least
            area = float(np.linalg.det(spread))
            if area < narrowest[k]:
                narrowest[k] = area
                found.partner[k], found.offset[k] = other, pairs.mean(0)
                found.precision[k] = np.linalg.inv(spread)
    return found


class PosePrior(nn.Module):
    """Lowers the cells of maps where keypoints are unlikely; unused until `fill`."""

    partner: Tensor
    offset: Tensor
    precision: Tensor

    def __init__(self, n_keypoints: int) -> None:
        super().__init__()
        self.register_buffer("partner", torch.zeros(n_keypoints, dtype=torch.int64))
        self.register_buffer("offset", torch.zeros(n_keypoints, 2))
        self.register_buffer("precision", torch.zeros(n_keypoints, 2, 2))
        self.is_used = False
        self.register_load_state_dict_post_hook(lambda module, _: module.refresh())

    def fill(self, offsets: Offsets | None) -> None:
        """Take what was fitted; None: no prior."""
        if offsets is None:
            self.precision.zero_()
        else:
            self.partner.copy_(torch.from_numpy(offsets.partner))
            self.offset.copy_(torch.from_numpy(offsets.offset))
            self.precision.copy_(torch.from_numpy(offsets.precision))
        self.refresh()

    def refresh(self) -> None:
        """See from the numbers whether they were fitted."""
        self.is_used = bool(self.precision.any())

    def penalty(self, xy: Tensor, trust: Tensor, across: Tensor, down: Tensor) -> Tensor:
        """How unlikely each cell is, `(B, K, h, w)`, in units of logits.

        Args:
            xy: `(B, K, 2)` px where the keypoints seem to be.
            trust: `(B, K)` in 0..1, how sure that is.
            across: `(w,)` x of the cells in px.
            down: `(h,)` y of the cells in px.
        """
        center = xy.index_select(1, self.partner) + self.offset
        dx = across - center[..., 0, None]  # (B, K, w)
        dy = down - center[..., 1, None]  # (B, K, h)
        p = self.precision
        squared = (p[:, 0, 0, None] * dx.square())[..., None, :] + (p[:, 1, 1, None] * dy.square())[..., :, None]
        squared = squared + (2 * p[:, 0, 1, None] * dx)[..., None, :] * dy[..., :, None]
        return (squared / 2).clamp(max=MOST) * trust.index_select(1, self.partner)[..., None, None]
