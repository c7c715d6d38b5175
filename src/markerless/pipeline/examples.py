"""Watching a network learn: every so often it is asked about a few frames that it does not train on.

Looking takes at most about a hundredth of the time: it is not what the user waits for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.labels import LabeledFrame
from markerless.core.metrics import point_errors
from markerless.core.video import natural_key
from markerless.nn.dataset import frame_points
from markerless.nn.shadow import Shadow
from markerless.nn.train import StepReport, Trainer
from markerless.pipeline import example_file
from markerless.pipeline.example_file import ExampleFrame, Examples, Look
from markerless.pipeline.training_plan import Plan
from markerless.video.images import read_image

N_FRAMES = 6
MOST_PIXELS = 4_000_000  # of all frames together: asking about large ones takes long
SHARE = 0.01  # of the time
MOST_LOOKS = 60


class Watching:
    """Looks at the frames after some of the steps, and writes down what it sees."""

    def __init__(self, plan: Plan, trainer: Trainer, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Choose the frames and begin the file.

        Args:
            plan: The training.
            trainer: What is watched; its `step` is the one that is resumed from.
            path: `examples.jsonl`.
            clock: Seconds.

        Raises:
            StorageError: the file cannot be written.
            VideoError, LabelsError: a picture cannot be had.
        """
        self._path, self._clock = path, clock
        part = "validation" if plan.split["validation"] else "train"
        pictures = _chosen(plan, part)
        self._labeled = np.stack([_label(plan, frame) for frame, _ in pictures])
        self._diagonal = np.array([np.hypot(*image.shape[:2]) for _, image in pictures])
        frames = tuple(
            ExampleFrame(frame.image, (image.shape[1], image.shape[0]), label)
            for (frame, image), label in zip(pictures, self._labeled, strict=True)
        )
        example_file.begin(path, Examples(part, plan.labels.skeleton.keypoints, frames), trainer.step)
        self._shadow = Shadow(trainer, [image for _, image in pictures])
        self._trained_s = self._looked_s = 0.0

    def on_step(self, report: StepReport) -> None:
        """Look, when it is time to."""
        self._trained_s += report.seconds_per_step
        is_due = report.step % max(1, report.total // MOST_LOOKS) == 0 and self._looked_s <= SHARE * self._trained_s
        if is_due or report.step == report.total:
            start = self._clock()
            xy, score = self._shadow.look()
            example_file.append(self._path, Look(report.step, self._mean_px(xy), xy, score))
            self._looked_s += self._clock() - start

    def _mean_px(self, xy: FloatArray) -> float:
        errors = point_errors(xy, self._labeled, self._diagonal)
        known = errors[np.isfinite(errors)]
        return float(known.mean()) if known.size else float("nan")


def _chosen(plan: Plan, part: str) -> list[tuple[LabeledFrame, np.ndarray]]:
    """A few frames with their pictures, spread over the part; those with an animal, where there are any."""
    frames = sorted(plan.labels.select(plan.split[part]).frames, key=lambda frame: natural_key(frame.image))
    frames = [frame for frame in frames if frame.n_points] or frames
    rows = np.linspace(0, len(frames) - 1, min(N_FRAMES, len(frames))).round().astype(int)
    pictures: list[tuple[LabeledFrame, np.ndarray]] = []
    n_pixels = 0
    for row in rows:
        image = read_image(frames[row].picture)
        n_pixels += image.shape[0] * image.shape[1]
        if pictures and n_pixels > MOST_PIXELS:
            break
        pictures.append((frames[row], image))
    return pictures


def _label(plan: Plan, frame: LabeledFrame) -> FloatArray:
    return frame_points(frame, plan.labels.skeleton.n_keypoints, "unknown")[0]
