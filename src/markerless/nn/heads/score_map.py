"""One score map and one location-refinement field per keypoint (Mathis et al. 2018; Insafutdinov et al. 2016).

Score: which cell of the map holds the keypoint. Refinement: from the center of a cell to the keypoint, in units of the
stride, so that the answer is finer than a cell. `decode` averages what the cells around the highest score say, weighted
by their scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from markerless.config import Settings
from markerless.nn.heads import Keypoints
from markerless.nn.pose_prior import ROUNDS, PosePrior

PRIOR = 0.02  # what the untrained score map says everywhere
TYPICAL_SCORE = 0.95  # of a labeled point, once scores are leveled
DECODE_REACH = 1  # steps from the highest cell to those that take part in the average; all of them are trained
COARSE = 4  # cells along a side of the coarse cells in which the animal is looked for
FAR = 1e4  # more than any logit
# What the maps say of a point, for an expected error: the logit at the peak; the logarithm of how far from it, in
# strides, the cells are that are nearly as high; the logarithm of how far apart the votes of the cells beside it are.
# Networks that trained longer must not look surer in it than they are better: what lies deep below the peak does.
EVIDENCE = ("height", "log_spread", "log_discord")
NEARLY = 3.0  # logits below the peak
BESIDE = 1  # cells from a peak that belong to it
LEAST = 1e-2  # strides; smaller spreads are rounding
RADIUS_CELLS = (0.8, 1.2)  # narrower and no cell is near the peak, wider and neighboring body parts run into each other


class Config(Settings):
    """The head and its loss; `--set head.<name>=<value>`."""

    radius: float = Field(0.04, gt=0, description="Spread of the target around a keypoint, as a share of the animal.")
    location_weight: float = Field(1.0, ge=0, description="Weight of which cell (cross entropy over a map's cells).")
    presence_weight: float = Field(1.0, ge=0, description="Weight of whether it is here (focal loss on every cell).")
    reach_px: float = Field(
        0.0, ge=0, description="Points of an animal are no farther apart; 0 takes it from the labels when training."
    )
    refine_weight: float = Field(1.0, ge=0, description="Weight of the refinement within cells (Huber loss).")


@dataclass(frozen=True)
class Targets:
    """What the maps should be.

    Attributes:
        score: `(B, K, h, w)` Gaussian bumps of height 1 in 0..1; all zero for a keypoint that is not in the image.
        refine: `(B, K, 2, h, w)` vector from the cell's center to the keypoint, in strides; 0 where `near` is False.
        near: `(B, K, h, w)` bool, the cells whose refinement is trained.
        known: `(B, K)` bool, False for a keypoint nobody looked for: it has no loss at all.
        inside: `(B, K)` bool, the keypoint is in the image.
    """

    score: Tensor
    refine: Tensor
    near: Tensor
    known: Tensor
    inside: Tensor


class Head(nn.Module):
    """Score maps and refinement fields from decoder features `(B, C, h, w)` of the given stride."""

    score_shift: Tensor  # added to the logit of a score by `level_scores`

    def __init__(self, channels: int, stride: int, n_keypoints: int, config: Config) -> None:
        super().__init__()
        self.stride, self.n_keypoints, self.config = stride, n_keypoints, config
        self.score = nn.Conv2d(channels, n_keypoints, 1)
        self.refine = nn.Conv2d(channels, 2 * n_keypoints, 1)
        assert self.score.bias is not None and self.refine.bias is not None
        nn.init.normal_(self.score.weight, std=0.01)
        nn.init.normal_(self.refine.weight, std=0.01)
        self.register_buffer("score_shift", torch.zeros(()))
        self.prior = PosePrior(n_keypoints)
        with torch.no_grad():
            self.score.bias.fill_(math.log(PRIOR / (1 - PRIOR)))
            self.refine.bias.zero_()

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `(B, K, h, w)` and refinement `(B, 2 K, h, w)`, all x then all y, in strides."""
        return self.score(features), self.refine(features)

    def encode(self, points: Keypoints, known: Tensor, size: tuple[int, int], animal_size_px: float) -> Targets:
        """The maps a perfect network would give.

        Args:
            points: Where the keypoints are, in input pixels; NaN for a keypoint that is not there.
            known: `(B, K)` bool; False where nobody looked.
            size: Rows and columns of the maps.
            animal_size_px: Size of the animal in input pixels.
        """
        xy = points.xy
        dx, dy = self._offsets(xy, size)
        h, w = size
        here = torch.isfinite(xy).all(-1)
        inside = (
            here & (xy >= -0.5).all(-1) & (xy[..., 0] < w * self.stride - 0.5) & (xy[..., 1] < h * self.stride - 0.5)
        )
        low, high = RADIUS_CELLS
        radius = min(max(self.config.radius * animal_size_px / self.stride, low), high)
        squared = dx.square() + dy.square()  # (B, K, h, w) in strides
        mask = inside[..., None, None]
        score = torch.where(mask, torch.exp(-squared / (2 * radius**2)), 0.0)
        near = mask & (squared <= max(2 * radius, 2.0) ** 2)
        refine = torch.where(near[:, :, None], torch.stack((dx, dy), 2), 0.0)
        return Targets(score, refine, near, known, inside & known)

    def decode(self, logits: Tensor, refine: Tensor) -> Keypoints:
        """The keypoints that the maps say: highest cell, refined by the weighted votes of it and its four neighbors.

        Args:
            logits: `(B, K, h, w)`.
            refine: `(B, 2 K, h, w)`, all x then all y, in strides.
        """
        n_keypoints, h, w = self.n_keypoints, logits.shape[2], logits.shape[3]
        flat = logits.float().flatten(2)  # (B, K, h w)
        rows, columns = _rows_and_columns(h, w, logits.device)
        allowed = self._near_each_other(logits.float()).flatten(2)
        likely = self._in_shape(allowed, refine.float().flatten(2), (h, w)) if self.prior.is_used else allowed
        best = likely.argmax(-1, keepdim=True)
        if self.prior.is_used:  # which peak is up to the prior, where exactly is up to the map
            beside = (rows - rows[best]).abs().maximum((columns - columns[best]).abs()) <= BESIDE
            best = torch.where(beside, allowed, -2 * FAR).argmax(-1, keepdim=True)
        row, column = rows[best], columns[best]  # (B, K, 1)
        by, bx = (rows - row).float(), (columns - column).float()  # cells from the highest one, exact in any precision
        close = by.abs() + bx.abs() <= DECODE_REACH
        height = flat.gather(2, best)
        weight = torch.where(close, torch.exp(flat - height), 0.0)
        weight = weight / weight.sum(-1, keepdim=True)
        refine_flat = refine.float().flatten(2)
        votes_x, votes_y = bx + refine_flat[:, :n_keypoints], by + refine_flat[:, n_keypoints:]
        vote_x, vote_y = (weight * votes_x).sum(-1, keepdim=True), (weight * votes_y).sum(-1, keepdim=True)
        x = (column.float() + vote_x + 0.5) * self.stride - 0.5
        y = (row.float() + vote_y + 0.5) * self.stride - 0.5
        discord = (weight * ((votes_x - vote_x).square() + (votes_y - vote_y).square())).sum(-1).sqrt()
        away = ((bx - vote_x).square() + (by - vote_y).square()).sqrt()  # strides from the point
        below = likely - likely.gather(2, best)
        share = torch.where(below > -NEARLY, torch.exp(below), 0.0)
        spread = (share * away).sum(-1) / share.sum(-1)
        evidence = (
            height.squeeze(-1) + self.score_shift,
            torch.log(spread + LEAST),
            torch.log(discord + LEAST),
        )
        score = torch.sigmoid(height.squeeze(-1) + self.score_shift)
        return Keypoints(torch.cat((x, y), -1), score, torch.stack(evidence, -1))

    def _near_each_other(self, logits: Tensor) -> Tensor:
        """The logits `(B, K, h, w)`, lowered where the animal cannot be, given where most of its points are.

        Far from the animal a map may have a peak as high as the right one. The points of an animal lie within a square
        of known size; the square that holds the highest peaks of all keypoints together is where the animal is. Squares
        are made of coarse cells, and are about a coarse cell wider than the reach.
        """
        if self.config.reach_px == 0 or self.n_keypoints == 1:
            return logits
        reach = math.ceil(self.config.reach_px / (2 * self.stride * COARSE))  # coarse cells from the middle to the side
        h, w = logits.shape[2], logits.shape[3]
        # OpenVINO takes no kernel larger than the map, not even with ceil_mode; 0 is below every sigmoid
        p = functional.pad(torch.sigmoid(logits), (0, -w % COARSE, 0, -h % COARSE))
        p = functional.max_pool2d(p, COARSE)
        support = functional.max_pool2d(p, (2 * reach + 1, 1), 1, (reach, 0))
        support = functional.max_pool2d(support, (1, 2 * reach + 1), 1, (0, reach)).sum(1)  # (B, h / 4, w / 4)
        middle = support.flatten(1).argmax(1, keepdim=True)
        coarse = _rows_and_columns(support.shape[1], support.shape[2], logits.device)
        row, column = (table[middle] for table in coarse)  # (B, 1)
        far_y = (torch.arange(h, device=logits.device) // COARSE - row).abs() > reach  # (B, h)
        far_x = (torch.arange(w, device=logits.device) // COARSE - column).abs() > reach
        far = far_y[:, None, :, None] | far_x[:, None, None, :]
        return logits - FAR * far.float()

    def _in_shape(self, logits: Tensor, refine: Tensor, size: tuple[int, int]) -> Tensor:
        """The logits `(B, K, h w)`, lowered where a keypoint is unlikely given where the others are."""
        h, w = size
        rows, columns = _rows_and_columns(h, w, logits.device)
        across, down = (
            (torch.arange(n, device=logits.device, dtype=torch.float32) + 0.5) * self.stride - 0.5 for n in (w, h)
        )
        lowered = logits
        for _ in range(ROUNDS):
            best = lowered.argmax(-1, keepdim=True)
            trust = torch.sigmoid(logits.gather(2, best).squeeze(-1) + self.score_shift)
            both = best[:, None].expand(-1, 2, -1, -1)  # (B, 2, K, 1)
            within = refine.unflatten(1, (2, self.n_keypoints)).gather(3, both).squeeze(-1).transpose(1, 2)
            cell = torch.cat((columns[best], rows[best]), -1).float()
            xy = (cell + within + 0.5) * self.stride - 0.5
            lowered = logits - self.prior.penalty(xy, trust, across, down).flatten(2)
        return lowered

    def level_scores(self, heights: Tensor) -> None:
        """Shift scores so that the median of well-known points scores 0.95; their order stays.

        How high the maps rise depends on the size of the target and the length of the training; a cut-off of 0.6 should
        mean about the same for every network.

        Args:
            heights: `(n,)` logits at the peaks of labeled points, before any shift.
        """
        self.score_shift.fill_(math.log(TYPICAL_SCORE / (1 - TYPICAL_SCORE)) - float(heights.median()))

    def loss(self, logits: Tensor, refine: Tensor, targets: Targets) -> dict[str, Tensor]:
        """The parts of the loss, already weighted; their sum is what is minimized."""
        logits, refine = logits.float(), refine.float()
        n_inside = targets.inside.sum().clamp(min=1)
        target = targets.score.flatten(2)
        share = target / target.sum(-1, keepdim=True).clamp(min=1e-6)
        cross = -(share * functional.log_softmax(logits.flatten(2), -1)).sum(-1)
        location = (cross * targets.inside).sum() / n_inside
        presence = (self._focal(logits, targets.score) * targets.known).sum() / n_inside
        b, k, _, h, w = targets.refine.shape
        said = refine.view(b, 2, k, h, w).transpose(1, 2)
        huber = functional.smooth_l1_loss(said, targets.refine, beta=0.25, reduction="none").sum(2)
        near = targets.near & targets.known[..., None, None]
        refined = (huber * near).sum() / near.sum().clamp(min=1)
        c = self.config
        return {
            "location": c.location_weight * location,
            "presence": c.presence_weight * presence,
            "refine": c.refine_weight * refined,
        }

    @staticmethod
    def _focal(logits: Tensor, target: Tensor) -> Tensor:
        """`(B, K)` sum over cells of the penalty-reduced focal loss (Law & Deng 2018), bumps as soft positives."""
        log_p, log_not = functional.logsigmoid(logits), functional.logsigmoid(-logits)
        p = log_p.exp()
        cell = -target * (target - p).square() * log_p - (1 - target) * (target - p).square() * log_not
        return cell.sum((-1, -2))

    def _offsets(self, xy: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """`(B, K, h, w)` twice: from the center of each cell to the keypoint, in strides; 0 for a missing keypoint."""
        h, w = size
        cells = (torch.nan_to_num(xy) + 0.5) / self.stride - 0.5  # cell j sits at (j + 0.5) * stride - 0.5
        columns = torch.arange(w, device=xy.device, dtype=xy.dtype)
        rows = torch.arange(h, device=xy.device, dtype=xy.dtype)
        dx = (cells[..., 0, None, None] - columns[None, None, None, :]).expand(*xy.shape[:2], h, w)
        dy = (cells[..., 1, None, None] - rows[None, None, :, None]).expand(*xy.shape[:2], h, w)
        return dx, dy


def _rows_and_columns(h: int, w: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """`(h w,)` twice: row and column of each cell of a flattened map."""
    rows = torch.arange(h, device=device)[:, None].expand(h, w).flatten()
    columns = torch.arange(w, device=device)[None, :].expand(h, w).flatten()
    return rows, columns


def build(channels: int, stride: int, n_keypoints: int, config: Config) -> Head:
    """A fresh head."""
    return Head(channels, stride, n_keypoints, config)
