"""Predictions for frames that train, by networks that did not see them: the ground on which errors are calibrated.

The training frames are dealt into groups. For each group a network of the same kind is trained on the others, for a
shorter time, and asked about the group. So all labels train, and there still are honest answers to all of them.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from markerless.analysis import error_model, presence_model
from markerless.analysis.error_model import FEWEST_POINTS, ErrorModel, KnownErrors
from markerless.analysis.presence_model import KnownPresence, PresenceModel
from markerless.core.crossfit import CrossFit
from markerless.core.instance import FloatArray
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.storage import atomic_path
from markerless.core.video import natural_key
from markerless.nn import checkpoint as checkpoints
from markerless.nn import model as networks
from markerless.nn import pose_prior
from markerless.nn.dataset import ImageCache, frame_points, frame_sizes
from markerless.nn.inspection import Inspection, inspect
from markerless.nn.pose_prior import Offsets
from markerless.nn.replay import ReplayingSet
from markerless.nn.train import StepReport, Trainer, start_from
from markerless.pipeline.budget import Steps
from markerless.pipeline.splits import LARGEST_HELD_OUT
from markerless.pipeline.training_plan import Plan

FOLDER = "crossfit"
BLOCKS_PER_GROUP = 3  # neighbors in time stay together, and yet every group has frames of all times
TOLERANCE = 0.05  # of the animal's size
ABOUT_RIGHT = 0.2  # of the animal's size
MISSED = 0.05  # of the points that are about right may be taken for not seen
WORTHWHILE = 0.98  # of the mean error without the shape of the animal

OnStep = Callable[[int, StepReport], None]


@dataclass(frozen=True)
class HeldOut:
    """Frames and what networks that had not seen them said.

    Attributes:
        labels: The frames, `F` of them.
        xy: `(F, K, 2)` px.
        evidence: `(F, K, E)`.
        uses_prior: Whether the answers were better with the shape of the animal, and are those.
    """

    labels: Labels
    xy: FloatArray
    evidence: FloatArray
    uses_prior: bool

    def errors(self) -> FloatArray:
        """`(F, K)` px from label to prediction, NaN where there is no label."""
        return np.asarray(np.linalg.norm(self.xy - _labeled(self.labels), axis=-1))


@dataclass(frozen=True)
class Fitted:
    """What was learned from held-out frames.

    Attributes:
        errors: How far off a point may be.
        presence: Whether it is there at all; None where too few absent keypoints were labeled to learn it.
    """

    errors: ErrorModel
    presence: PresenceModel | None

    def scaled(self, factor: float) -> Fitted:
        """What was learned, of a network whose errors are `factor` times as large."""
        return replace(self, errors=self.errors.scaled(factor))

    def probability(self, tolerance_px: float, evidence: FloatArray) -> FloatArray:
        """`(..., K, E)` evidence -> `(..., K)` probability of being there and within the tolerance."""
        within = self.errors.probability_within(tolerance_px, self.errors.expected_error(evidence))
        return within if self.presence is None else within * self.presence.probability(evidence)


def cross_fit(plan: Plan, cache: ImageCache, steps: Steps, folder: Path, on_step: OnStep) -> HeldOut | None:
    """Train the networks and ask them; those that are finished are kept in `folder`, so it can be resumed.

    Args:
        plan: The training whose frames are dealt.
        cache: Pictures already decoded.
        steps: How many networks, how long each, and how many frames they are asked about.
        folder: Of the run.
        on_step: Told the index of the network and its step.

    Returns:
        The answers; None where there are to be no such networks.

    Raises:
        StorageError: the folder cannot be written.
        VideoError, LabelsError: a picture cannot be had.
    """
    if steps.n_crossfits == 0:
        return None
    labels = plan.labels.select(plan.split["train"])
    groups = deal([frame for frame in labels.frames if frame.image not in plan.seen], steps.n_crossfits)
    asked = [_thinned(group, steps.n_asked / plan.n_new) for group in groups]
    work = folder / FOLDER
    found: list[list[Inspection]] = []
    for index, group in enumerate(groups):
        kept = work / f"{index}.npz"
        inspections = _load(kept)
        if inspections is None:
            images = {frame.image for frame in group}
            rest = labels.select([frame.image for frame in labels.frames if frame.image not in images])
            network = _network(plan, rest, cache, steps.each_crossfit, work / f"{index}.safetensors")
            network.run(partial(on_step, index))
            inspections = inspect(network.finish(), asked[index], cache, (None, offsets(rest)))
            _save(inspections, kept)
            network.checkpoint.unlink()
        found.append(inspections)
    return _better([frame for group in asked for frame in group], labels, found)


def tidy(folder: Path) -> None:
    """Delete what `cross_fit` kept in the folder of a run."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def offsets(labels: Labels) -> Offsets:
    """The shape of the labeled animals."""
    diagonal = float(np.median(np.hypot(*frame_sizes(labels).T)))
    return pose_prior.fit(_labeled(labels), labels.animal_size_px(diagonal))


def _better(frames: Sequence[LabeledFrame], labels: Labels, found: Sequence[Sequence[Inspection]]) -> HeldOut:
    """The answers without or with the shape of the animal, whichever are nearer to the labels."""
    chosen = labels.select([frame.image for frame in frames])
    without, with_prior = (
        HeldOut(chosen, np.concatenate([one.xy for one in ones]), np.concatenate([one.evidence for one in ones]), uses)
        for ones, uses in zip(zip(*found, strict=True), (False, True), strict=True)
    )
    error, error_with = without.errors(), with_prior.errors()
    known = np.isfinite(error) & np.isfinite(error_with)
    gains = known.sum() >= FEWEST_POINTS and error_with[known].mean() < WORTHWHILE * error[known].mean()
    return with_prior if gains else without


def _thinned(frames: Sequence[LabeledFrame], share: float) -> list[LabeledFrame]:
    """A share of the frames, at least one, spread evenly."""
    n_kept = min(len(frames), max(1, round(share * len(frames))))
    return [frames[row] for row in np.linspace(0, len(frames) - 1, n_kept).round().astype(int)]


def deal(frames: Sequence[LabeledFrame], n_groups: int) -> list[list[LabeledFrame]]:
    """Groups of frames without neighbors in time between them: whole videos where there are enough, else stretches.

    Args:
        frames: Those that train.
        n_groups: As many groups, or fewer when there are not enough frames.
    """
    in_order = sorted(frames, key=lambda frame: natural_key(frame.image))
    videos: dict[str, list[LabeledFrame]] = {}
    for frame in in_order:
        videos.setdefault(frame.video, []).append(frame)
    pieces = list(videos.values())
    largest = max(map(len, pieces), default=0)
    if len(pieces) < BLOCKS_PER_GROUP * n_groups or largest > LARGEST_HELD_OUT * len(in_order):
        n_pieces = min(BLOCKS_PER_GROUP * n_groups, len(in_order))
        edges = np.linspace(0, len(in_order), n_pieces + 1).astype(int)
        pieces = [in_order[start:stop] for start, stop in pairwise(edges)]
    groups: list[list[LabeledFrame]] = [[] for _ in range(n_groups)]
    for piece in pieces:
        min(groups, key=len).extend(piece)
    return [group for group in groups if group]


def calibrate(held_out: HeldOut, missing: Literal["absent", "unknown"]) -> Fitted | None:
    """Learn from cross-fitted predictions how far off a point may be, and whether it is there.

    Args:
        held_out: The predictions.
        missing: What a keypoint without a point means, as in training.

    Returns:
        What was learned; None when there are too few points.
    """
    n_frames, n_keypoints = held_out.xy.shape[:2]
    error = held_out.errors()
    keypoint = np.broadcast_to(np.arange(n_keypoints), (n_frames, n_keypoints))
    frame = np.broadcast_to(np.arange(n_frames)[:, None], (n_frames, n_keypoints))
    known = np.isfinite(error)
    most_px = float(np.median(np.hypot(*frame_sizes(held_out.labels).T)))
    points = KnownErrors(error[known], held_out.evidence[known], keypoint[known], frame[known])
    errors = error_model.fit(points, n_keypoints, most_px)
    if errors is None:
        return None
    answered = [frame_points(one, n_keypoints, missing)[1] for one in held_out.labels.frames]
    told = np.stack(answered) & np.isfinite(held_out.evidence).all(-1)
    there = np.asarray(np.isfinite(_labeled(held_out.labels)).all(-1))
    seen = KnownPresence(there[told], held_out.evidence[told], keypoint[told], frame[told])
    return Fitted(errors, presence_model.fit(seen, n_keypoints))


def seen_from(held_out: HeldOut, fitted: Fitted, tolerance_px: float, animal_size_px: float) -> float:
    """The probability from which on a point counts as seen: nearly all that are about right have it; at most 0.5.

    Where people's labels scatter as much as the tolerance, good points have probabilities around one half.
    """
    probability = fitted.probability(tolerance_px, held_out.evidence)
    about_right = probability[held_out.errors() < ABOUT_RIGHT * animal_size_px]
    return min(0.5, float(np.percentile(about_right, 100 * MISSED))) if len(about_right) else 0.5


def answers(held_out: HeldOut, fitted: Fitted, tolerance_px: float) -> CrossFit:
    """What is kept of cross-fitting for checks of the labels and for `evaluate`."""
    expected = fitted.errors.expected_error(held_out.evidence)
    return CrossFit(
        held_out.labels.images,
        held_out.labels.skeleton.keypoints,
        np.round(held_out.xy, 3),
        np.round(fitted.probability(tolerance_px, held_out.evidence), 4),
        np.maximum(np.round(expected, 3), 1e-3),
        tolerance_px,
    )


def _network(plan: Plan, labels: Labels, cache: ImageCache, steps: int, checkpoint: Path) -> Trainer:
    settings = plan.settings
    data = ReplayingSet(labels, settings.data, settings.train.seed, cache, plan.seen)
    model = networks.build(labels.skeleton.n_keypoints, settings.net, settings.head, settings.train.seed)
    if plan.start is not None:
        theirs = plan.start.skeleton.keypoints
        start_from(model, labels.skeleton.keypoints, checkpoints.load(plan.start.checkpoint), theirs)
    trainer = Trainer(model, data, settings.train.model_copy(update={"steps": steps}), checkpoint)
    if checkpoint.is_file():
        trainer.resume(checkpoints.load(checkpoint))
    return trainer


def _labeled(labels: Labels) -> FloatArray:
    """`(F, K, 2)` px, NaN where there is no label."""
    return np.stack([frame_points(frame, labels.skeleton.n_keypoints, "unknown")[0] for frame in labels.frames])


def _save(inspections: Sequence[Inspection], path: Path) -> None:
    xy, evidence = (np.stack([getattr(one, name) for one in inspections]) for name in ("xy", "evidence"))
    with atomic_path(path) as temporary:
        np.savez(temporary, xy=xy, evidence=evidence)


def _load(path: Path) -> list[Inspection] | None:
    """What `_save` wrote; None where it is not there or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return [Inspection(xy, evidence) for xy, evidence in zip(arrays["xy"], arrays["evidence"], strict=True)]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
