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
from markerless.nn.model import PoseNet


@dataclass(frozen=True)
class Inspection:
    """Answers to labeled frames.

    Attributes:
        xy: `(F, K, 2)` px of each picture.
        evidence: `(F, K, E)`.
    """

    xy: FloatArray
    evidence: FloatArray


def inspect(model: PoseNet, frames: Sequence[LabeledFrame], cache: ImageCache) -> Inspection:
    """Run a network as it will be deployed, in f32, on whole pictures one by one.

    Raises:
        LabelsError: a picture is missing.
        VideoError: a picture cannot be decoded.
    """
    device = next(model.parameters()).device
    model = deployed(model).to(device)
    points, evidence = [], []
    with torch.inference_mode():
        for frame in frames:
            image = torch.from_numpy(np.ascontiguousarray(cache.get(frame)))[None].to(device)
            found = model.head.decode(*model.maps(image))
            assert found.evidence is not None
            points.append(found.xy[0].double().cpu().numpy())
            evidence.append(found.evidence[0].double().cpu().numpy())
    return Inspection(np.stack(points), np.stack(evidence))
