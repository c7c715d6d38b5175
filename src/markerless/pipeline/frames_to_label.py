"""Frames of an analyzed video that would help a network most when they are labeled.

They are ones the network is unsure of, in different poses and places, and not neighbors in time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks

MOST, FEWEST = 10, 5
FRAMES_EACH = 4  # of a short video, so that not all of it is named
UNSURE_SHARE = 0.25  # of a stretch: which of its frames may be taken
FOUND_SCORE = 0.3  # of the best point: below that there may be no animal to label


def frames_to_label(tracks: Tracks, n: int | None = None, among: npt.NDArray[np.int64] | None = None) -> list[int]:
    """`n` frames, ascending, or five to ten when no number is given; fewer of a shorter video.

    The video is cut into stretches, and each gives one frame: of the quarter that the network is least sure of the one
    whose pose is least like those that were taken before.

    Args:
        tracks: Predictions of the video.
        n: How many.
        among: The frames to choose from, None for all of them.
    """
    usable = np.flatnonzero(np.isfinite(tracks.score).all((1, 2)))
    if among is not None:
        usable = np.intersect1d(usable, among)
    found = usable[tracks.score[usable].max((1, 2), initial=0.0) >= FOUND_SCORE]
    if len(found) >= FEWEST:
        usable = found
    n_wanted = min(max(len(usable) // FRAMES_EACH, FEWEST), MOST) if n is None else n
    n_wanted = min(n_wanted, len(usable))
    if n_wanted == 0:
        return []
    doubt, poses = _doubt(tracks), tracks.points.reshape(tracks.n_frames, -1, 2)
    gap = len(usable) / (2 * n_wanted)
    taken: list[int] = []  # places in `usable`
    for stretch in np.array_split(np.arange(len(usable)), n_wanted):
        apart = stretch[stretch - taken[-1] >= gap] if taken else stretch
        candidates = apart if len(apart) else stretch[-1:]
        n_unsure = max(1, round(UNSURE_SHARE * len(candidates)))
        unsure = candidates[np.argsort(-doubt[usable[candidates]], kind="stable")[:n_unsure]]
        newness = _distance(poses[usable[unsure]], poses[usable[taken]]) if taken else np.zeros(len(unsure))
        taken.append(int(unsure[np.argmax(newness)]))
    return [int(row) for row in usable[taken]]


def _doubt(tracks: Tracks) -> FloatArray:
    """`(T,)` how unsure the network is of each frame."""
    if tracks.error is not None:
        return np.asarray(np.log(tracks.error).mean((1, 2)))
    return np.asarray(1 - tracks.score.mean((1, 2)))


def _distance(poses: FloatArray, others: FloatArray) -> FloatArray:
    """`(n,)` px from each pose `(n, K, 2)` to the nearest of the others `(m, K, 2)`, the mean over points."""
    apart = np.linalg.norm(poses[:, np.newaxis] - others[np.newaxis], axis=-1)  # (n, m, K)
    return np.asarray(apart.mean(-1).min(-1))
