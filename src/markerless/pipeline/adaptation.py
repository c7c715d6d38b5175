"""Adaptation: what `train --from RUN` does otherwise than a training from the start.

A few new frames (another animal, another light, another lab) are trained beside the frames that RUN was trained on, so
that the network learns the new without losing the old. It trains for a short time, because it begins where RUN ended.
The learning rate is that of any training, with its slow rise at the beginning: half of it was measured to be no better
for the old frames and worse for the new ones (benchmarks/RESULTS.md).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.nn.train import TrainSettings
from markerless.pipeline.splits import Split, default_split
from markerless.project import Run

CROSSFITS = 2  # networks that calibrate, where train.crossfits is not given


def brief(settings: TrainSettings) -> TrainSettings:
    """The settings of a training that begins where another one ended."""
    return (
        settings if "crossfits" in settings.model_fields_set else settings.model_copy(update={"crossfits": CROSSFITS})
    )


def seen_by(start: Run | None) -> frozenset[str]:
    """The images that the network to start from was trained on."""
    return frozenset(start.split["train"]) if start else frozenset()


def default_split_from(labels: Labels, start: Run, seed: int) -> Split:
    """Frames stay what they were in the run to start from; frames that are new since are split by themselves.

    So a frame that the network has seen never becomes a test frame, and the old test frames tell whether anything was
    lost.
    """
    known = set(labels.images)
    kept = {part: [image for image in images if image in known] for part, images in start.split.items()}
    old = {image for images in kept.values() for image in images}
    fresh = labels.select([image for image in labels.images if image not in old])
    split = default_split(fresh, seed)
    return {part: [*kept[part], *images] for part, images in split.items()}


def with_replay(split: Split, start: Run, labels: Labels) -> Split:
    """The split with the frames that trained the run to start from, as far as they are still there.

    A frame that the split names itself stays what it is there.
    """
    named = {image for images in split.values() for image in images}
    there = {frame.image for frame in labels.frames if frame.path is not None}
    replayed = [image for image in start.split["train"] if image in there and image not in named]
    return {**split, "train": [*split["train"], *replayed]}


def with_unknown(labels: Labels, start: Run) -> Labels:
    """The labels, keypoints that are new since the run to start from unknown in its frames where they have no point.

    Nobody looked for them when these frames were labeled; elsewhere a missing point means that it is not to be seen.
    """
    new = np.array([name not in start.skeleton.keypoints for name in labels.skeleton.keypoints])
    old = seen_by(start)
    if not new.any():
        return labels
    return replace(labels, frames=tuple(_unknown(f, new) if f.image in old else f for f in labels.frames))


def _unknown(frame: LabeledFrame, new: np.ndarray) -> LabeledFrame:
    return replace(frame, instances=tuple(_unknown_of(instance, new) for instance in frame.instances))


def _unknown_of(instance: Instance, new: np.ndarray) -> Instance:
    unplaced = new & ~np.isfinite(instance.xy).all(-1)
    return replace(instance, visibility=np.where(unplaced, Visibility.NOT_LABELED, instance.visibility).astype(np.int8))
