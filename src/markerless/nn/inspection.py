"""What a network says of labeled frames, with the evidence of its maps: for calibration, where speed matters little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from markerless.core.instance import FloatArray
from markerless.core.labels import LabeledFrame
from markerless.nn.dataset import ImageCache
from markerless.nn.deploy import deployed
from markerless.nn.heads import Keypoints
from markerless.nn.model import PoseNet
from markerless.nn.pose_prior import Offsets


@dataclass(frozen=True)
class Inspection:
    """Answers to labeled frames.

    Attributes:
        xy: `(F, K, 2)` px of each picture.
        evidence: `(F, K, E)`.
    """

    xy: FloatArray
    evidence: FloatArray


def inspect(
    model: PoseNet, frames: Sequence[LabeledFrame], cache: ImageCache, priors: Sequence[Offsets | None]
) -> list[Inspection]:
    """Run a network as it will be deployed, in f32, on whole pictures one by one.

    Args:
        model: The network.
        frames: The pictures.
        cache: Pictures already decoded.
        priors: Shapes of the animal to decode with; there is an answer for each.

    Raises:
        LabelsError: a picture is missing.
        VideoError: a picture cannot be decoded.
    """
    device = next(model.parameters()).device
    model = deployed(model).to(device)
    answers: list[list[Keypoints]] = [[] for _ in priors]
    with torch.inference_mode():
        for frame in frames:
            image = torch.from_numpy(np.ascontiguousarray(cache.get(frame)))[None].to(device)
            maps = model.maps(image)
            for prior, found in zip(priors, answers, strict=True):
                model.head.prior.fill(prior)
                found.append(model.head.decode(*maps))
    return [_inspection(found) for found in answers]


def _inspection(answers: Sequence[Keypoints]) -> Inspection:
    evidence = [answer.evidence for answer in answers if answer.evidence is not None]
    xy = torch.cat([answer.xy for answer in answers])
    return Inspection(xy.cpu().double().numpy(), torch.cat(evidence).cpu().double().numpy())
