"""What can be wrong with labels, seen from the labels and the sizes of their pictures alone.

Each check looks for one thing and gives one `Finding` a place. Nothing here reads a file; `pipeline.check` does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from markerless.core.instance import FloatArray, Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels

Level = Literal["error", "warning", "note"]
Sizes = Mapping[str, tuple[int, int]]  # image -> (width, height) in pixels

BORDER_PX = 1.0  # labels at the very edge are often rounded outwards
MIN_FRAMES_FOR_TEST = 20  # below, the default split has no test part
MIN_POINTS_TO_COMPARE = 3  # two frames with fewer equal points may agree by chance


@dataclass(frozen=True)
class Finding:
    """One suspicious thing.

    Attributes:
        level: "error": training or analysis will fail or go wrong; "warning": probably a mistake; "note": good to know.
        kind: Short name of the check, stable, for programs.
        where: File, image or key it is about, as a path inside the project.
        message: What is wrong and what to do, one line.
    """

    level: Level
    kind: str
    where: str
    message: str


def label_findings(labels: Labels, sizes: Sizes) -> list[Finding]:
    """All checks of this module.

    Args:
        labels: The labels of a study.
        sizes: Sizes of the pictures that could be read; frames without one skip the checks that need it.
    """
    return [
        *labels_outside(labels, sizes),
        *labels_at_origin(labels),
        *stacked_points(labels),
        *repeated_poses(labels),
        *never_labeled(labels),
        *empty_frames(labels),
        *several_sizes(labels, sizes),
        *how_many(labels),
    ]


def labels_outside(labels: Labels, sizes: Sizes) -> list[Finding]:
    """Points outside their picture; said to be exchanged axes where every point fits after exchanging x and y."""
    findings = []
    for frame in labels.frames:
        size = sizes.get(frame.image)
        if size is None:
            continue
        for instance in frame.instances:
            outside = _outside(instance.xy, size)
            if not outside.any():
                continue
            picture = f"the picture of {size[0]} x {size[1]}"
            if _fits_swapped(instance.xy, outside, size):
                message = (
                    f"x and y look exchanged: {int(outside.sum())} of {instance.n_points} points lie outside "
                    f"{picture}, all fit after exchanging; correct the label table"
                )
                findings.append(Finding("error", "swapped axes", _where(frame, instance, labels), message))
                continue
            points = ", ".join(_point(labels, instance, k) for k in np.flatnonzero(outside).tolist())
            findings.append(
                Finding(
                    "warning",
                    "outside image",
                    _where(frame, instance, labels),
                    f"{points} outside {picture}; correct or remove the label",
                )
            )
    return findings


def labels_at_origin(labels: Labels) -> list[Finding]:
    """Points at exactly (0, 0), which is how some tools wrote a missing point."""
    findings = []
    for frame, instance in _instances(labels):
        at_origin = [labels.skeleton.keypoints[k] for k in np.flatnonzero((instance.xy == 0).all(axis=-1)).tolist()]
        if at_origin:
            message = f"{', '.join(at_origin)} at exactly (0, 0), as old tools write a missing point; remove the label"
            findings.append(Finding("warning", "at origin", _where(frame, instance, labels), message))
    return findings


def stacked_points(labels: Labels) -> list[Finding]:
    """Different keypoints of an animal at exactly the same place."""
    findings = []
    for frame, instance in _instances(labels):
        at: dict[tuple[float, float], list[str]] = defaultdict(list)
        for k in np.flatnonzero(np.isfinite(instance.xy).all(axis=-1)).tolist():
            at[(instance.xy[k, 0], instance.xy[k, 1])].append(labels.skeleton.keypoints[k])
        for (x, y), names in at.items():
            if len(names) > 1 and (x, y) != (0, 0):
                message = (
                    f"{', '.join(names)} at exactly the same place ({x:.1f}, {y:.1f}); is one of them meant elsewhere?"
                )
                findings.append(Finding("warning", "same place", _where(frame, instance, labels), message))
    return findings


def repeated_poses(labels: Labels) -> list[Finding]:
    """Frames whose points all equal those of another frame, as after a forgotten copy and paste."""
    seen: dict[bytes, LabeledFrame] = {}
    findings = []
    for frame, instance in _instances(labels):
        if instance.n_points < MIN_POINTS_TO_COMPARE:
            continue
        first = seen.setdefault(instance.xy.tobytes(), frame)
        if first is not frame:
            message = f"all {instance.n_points} points are exactly those of {first.image}; copied and not moved?"
            findings.append(Finding("warning", "repeated labels", _where(frame, instance, labels), message))
    return findings


def never_labeled(labels: Labels) -> list[Finding]:
    """Keypoints without a single label, and those with hardly any."""
    placed = np.isfinite(labels.xy()).all(axis=-1).reshape(-1, labels.skeleton.n_keypoints).sum(axis=0)
    findings = []
    for name, n_points in zip(labels.skeleton.keypoints, placed.tolist(), strict=True):
        if n_points == 0:
            message = "never labeled: nothing can be learned of it; label it, or remove it from bodyparts"
            findings.append(Finding("warning", "never labeled", f"keypoint {name}", message))
        elif n_points < 10 <= len(labels) / 2:
            message = f"labeled in only {n_points} of {len(labels)} frames; expect large errors"
            findings.append(Finding("note", "seldom labeled", f"keypoint {name}", message))
    return findings


def _is_begun(frame: LabeledFrame) -> bool:
    return any((instance.visibility == Visibility.NOT_LABELED).any() for instance in frame.instances)


def empty_frames(labels: Labels) -> list[Finding]:
    """Frames with a row but no point, of which nobody said that something is not labeled yet."""
    empty = [frame.image for frame in labels.frames if frame.n_points == 0 and not _is_begun(frame)]
    if not empty:
        return []
    message = (
        f"{len(empty)} of {len(labels)} rows hold no point (first {empty[0]}): taken as pictures without the animal"
    )
    return [Finding("note", "empty rows", "labels", message)]


def several_sizes(labels: Labels, sizes: Sizes) -> list[Finding]:
    """Folders whose pictures differ in size."""
    by_video: dict[str, dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
    for frame in labels.frames:
        if frame.image in sizes:
            by_video[frame.video][sizes[frame.image]] += 1
    findings = []
    for video, counts in by_video.items():
        if len(counts) > 1:
            parts = ", ".join(f"{n} of {w} x {h}" for (w, h), n in sorted(counts.items(), key=lambda item: -item[1]))
            message = f"pictures of several sizes: {parts}; each is used at its own size"
            findings.append(Finding("note", "several sizes", f"labeled-data/{video}", message))
    return findings


def how_many(labels: Labels) -> list[Finding]:
    """Too few frames for a test, too few to train, several animals."""
    findings = []
    n_frames = sum(frame.n_points > 0 for frame in labels.frames)
    if n_frames < 2:
        message = f"{n_frames} labeled frame: training needs at least 2; label some more"
        findings.append(Finding("error", "few frames", "labels", message))
    elif n_frames < MIN_FRAMES_FOR_TEST:
        message = (
            f"{n_frames} labeled frames: under {MIN_FRAMES_FOR_TEST} the default split has no test part; label more"
        )
        findings.append(Finding("warning", "few frames", "labels", message))
    if labels.is_multi_animal:
        message = f"{len(labels.individuals)} individuals: training on several animals at once comes in a later version"
        findings.append(Finding("note", "several animals", "labels", message))
    return findings


def _instances(labels: Labels) -> list[tuple[LabeledFrame, Instance]]:
    return [(frame, instance) for frame in labels.frames for instance in frame.instances]


def _outside(xy: FloatArray, size: tuple[int, int]) -> np.ndarray:
    """`(K,)` bool: labeled points more than a pixel outside a picture of (width, height)."""
    limit = np.array(size) - 0.5 + BORDER_PX
    with np.errstate(invalid="ignore"):
        beyond = (xy < -0.5 - BORDER_PX) | (xy > limit)
    return np.asarray(beyond.any(axis=-1))


def _fits_swapped(xy: FloatArray, outside: np.ndarray, size: tuple[int, int]) -> bool:
    """True when exchanging x and y brings a whole animal into the picture, not just one stray point."""
    n_points = int(np.isfinite(xy).all(axis=-1).sum())
    return bool(2 * outside.sum() >= n_points >= 2 and not _outside(xy[:, ::-1], size).any())


def _where(frame: LabeledFrame, instance: Instance, labels: Labels) -> str:
    return f"{frame.image} ({instance.individual})" if labels.is_multi_animal else frame.image


def _point(labels: Labels, instance: Instance, k: int) -> str:
    x, y = instance.xy[k]
    return f"{labels.skeleton.keypoints[k]} at ({x:.1f}, {y:.1f})"


def count_levels(findings: Sequence[Finding]) -> dict[Level, int]:
    """How many findings there are of each level."""
    levels: tuple[Level, ...] = ("error", "warning", "note")
    return {level: sum(finding.level == level for finding in findings) for level in levels}
