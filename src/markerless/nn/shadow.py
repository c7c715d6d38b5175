"""A network in training, asked about whole pictures on the way, without touching it."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from markerless.core.instance import FloatArray
from markerless.nn.train import Trainer


class Shadow:
    """A copy of a trainer's network that takes over its average weights when it is asked.

    The trainer's own network stays in training, and nothing is drawn by chance, so that a training ends with the same
    weights whether it is watched or not.
    """

    def __init__(self, trainer: Trainer, images: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Watch `trainer` on `images`, each `(H, W, 3)` uint8 RGB."""
        self._trainer = trainer
        self._model = copy.deepcopy(trainer.model).eval().requires_grad_(False)
        self._images = [torch.from_numpy(np.ascontiguousarray(image))[None] for image in images]

    def look(self) -> tuple[FloatArray, FloatArray]:
        """What the average of the weights says now: xy `(F, K, 2)` px, score `(F, K)`."""
        device = self._trainer.device
        self._model.load_state_dict(self._trainer.average)
        xy, score = [], []
        with torch.inference_mode():
            for image in self._images:
                with torch.autocast(device.type, torch.bfloat16, enabled=self._trainer.bf16):
                    logits, refine = self._model.maps(image.to(device))
                found = self._model.head.decode(logits.float(), refine.float())
                xy.append(found.xy[0].float().cpu().numpy())
                score.append(found.score[0].float().cpu().numpy())
        return np.stack(xy).astype(np.float64), np.stack(score).astype(np.float64)
