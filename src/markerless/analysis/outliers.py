"""The suspicious moments of a video's tracks, and which of its frames are worth labeling next.

Every reason is one file: `doubt` (confidence, expected error, missing points), `jumps`, `swaps`, `limbs`, `odd_poses`.
Each compares a keypoint with what is usual for it in this video, so nothing is to be tuned to an animal or a camera.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from markerless.analysis.animal_track import AnimalTrack, Signs
from markerless.analysis.diverse import choose
from markerless.analysis.doubt import large_error, low_confidence, missing
from markerless.analysis.jumps import jumps
from markerless.analysis.limbs import limb_lengths
from markerless.analysis.moments import Moment, merged, moments_of
from markerless.analysis.odd_poses import odd_poses
from markerless.analysis.swaps import swaps
from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.tracks import Tracks
from markerless.errors import LabelsError

REASONS: Mapping[str, Callable[[AnimalTrack], Signs]] = {
    "confidence": low_confidence,
    "error": large_error,
    "missing": missing,
    "jump": jumps,
    "swap": swaps,
    "limb": limb_lengths,
    "pose": odd_poses,
}
MOST = 1000  # moments of a reason and an animal; nobody looks at more
EVERY_S = 2.0  # a long moment offers more than its worst frame
APART_S = 1.0
APART_SHARE = 0.15  # of the animal's size; a pose nearer to a chosen one teaches little
UNKNOWN_FPS = 25.0


@dataclass(frozen=True)
class Outliers:
    """What is suspicious in a video.

    Attributes:
        moments: In the order of time.
        n_found: Moments by reason, before those of one thing became one and the least severe of very many were left
            out.
        animal_size_px: Median diagonal of the box around an animal's points; NaN when it is not known.
    """

    moments: tuple[Moment, ...]
    n_found: Mapping[str, int]
    animal_size_px: float

    @property
    def ranked(self) -> list[Moment]:
        """The moments, the most severe first."""
        return sorted(self.moments, key=lambda moment: (-moment.severity, moment.start))


def find_outliers(tracks: Tracks, labels: Labels | None = None) -> Outliers:
    """The moments of `tracks` that are worth looking at.

    Args:
        tracks: In pixels. Frames without any point say nothing and are no moments.
        labels: Where people placed these keypoints in such videos: then limbs and poses are judged by them.

    Raises:
        LabelsError: the tracks are three-dimensional.
    """
    if tracks.points.shape[-1] != 2:
        raise LabelsError("expected tracks in pixels (x, y), got 3D points; give the file of one camera")
    labeled = _labeled_points(labels, tracks) if labels is not None else None
    found: list[Moment] = []
    counts: Counter[str] = Counter()
    sizes = []
    for individual in range(tracks.n_individuals):
        animal = AnimalTrack.of(tracks, individual, labeled)
        sizes.append(animal.size_px)
        for reason, look in REASONS.items():
            moments, n_moments = moments_of(look(animal), individual, MOST)
            found += moments
            counts[reason] += n_moments
    known = [size for size in sizes if math.isfinite(size)]
    return Outliers(tuple(merged(found)), dict(counts), float(np.median(known)) if known else math.nan)


def frames_worth_labeling(tracks: Tracks, outliers: Outliers, n: int, without: Collection[int] = ()) -> list[int]:
    """At most `n` frames of the moments, ascending: severe, apart in time, in different poses.

    Args:
        tracks: The tracks that `outliers` is of.
        outliers: Their moments.
        n: How many frames are wanted; there may be fewer that differ enough.
        without: Frames that have been labeled already; no frame near them in time is chosen either.
    """
    fps = tracks.fps if math.isfinite(tracks.fps) and tracks.fps > 0 else UNKNOWN_FPS
    gap = max(2, round(APART_S * fps))
    taken = np.array(sorted(without), dtype=np.int64)
    frames: list[int] = []
    worth: list[float] = []
    for moment in outliers.ranked:
        for frame in _offered(moment, max(1, round(EVERY_S * fps))):
            if not len(taken) or np.abs(taken - frame).min() >= gap:
                frames.append(frame)
                worth.append(moment.severity if frame == moment.worst else 0.5 * moment.severity)
    size = outliers.animal_size_px
    poses = tracks.points[frames].reshape(len(frames), tracks.n_individuals * tracks.skeleton.n_keypoints, 2)
    places = choose(frames, worth, poses, n, (gap, APART_SHARE * size if math.isfinite(size) else 1.0))
    return sorted(frames[place] for place in places)


def _offered(moment: Moment, every: int) -> list[int]:
    """The worst frame, and of a long moment frames at equal distances from it."""
    before = range(moment.worst - every, moment.start - 1, -every)
    after = range(moment.worst + every, moment.stop, every)
    return [moment.worst, *before, *after]


def _labeled_points(labels: Labels, tracks: Tracks) -> FloatArray:
    """`(F * N, K, 2)` px of all labeled animals in the order of the tracks' keypoints; none when no name is shared."""
    try:
        points = labels.matching(tracks.skeleton).xy()
    except LabelsError:
        return np.empty((0, tracks.skeleton.n_keypoints, 2))
    return np.asarray(points.reshape(-1, *points.shape[2:]))
