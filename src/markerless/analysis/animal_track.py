"""The track of one animal in one video, and what is usual in it; what looks for suspicious frames starts here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from markerless.analysis.rates import Flags
from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks

TRUSTED_SCORE = 0.6  # or the keypoint's median, where that is lower: it may be hard to see in the whole video
MOST_FOR_SIZE = 5000  # frames
FEWEST = 10  # values that something usual is learned from
FEWEST_LABELS = 30  # of those that people placed: fewer do not know how far a body can go


@dataclass(frozen=True)
class AnimalTrack:
    """One animal in all frames of a video.

    Attributes:
        skeleton: Names, edges.
        points: `(T, K, 2)` px, NaN where there is no point.
        score: `(T, K)`, NaN where it is not known.
        error: `(T, K)` expected error in px, NaN where it is not known; None when the model gives none.
        labels: `(F, K, 2)` px where people placed the points of such animals, NaN where they did not; may be empty.
    """

    skeleton: Skeleton
    points: FloatArray
    score: FloatArray
    error: FloatArray | None
    labels: FloatArray

    @classmethod
    def of(cls, tracks: Tracks, individual: int, labels: FloatArray | None = None) -> AnimalTrack:
        """Animal number `individual` of `tracks`, which are in pixels."""
        points = tracks.points[:, individual]
        whole: Flags = np.asarray(np.isfinite(points).all(axis=-1))
        error = tracks.error[:, individual] if tracks.error is not None else None
        empty = np.empty((0, tracks.skeleton.n_keypoints, 2))
        return cls(
            tracks.skeleton,
            np.where(whole[..., np.newaxis], points, np.nan),
            np.where(whole, tracks.score[:, individual], np.nan),
            np.where(whole, error, np.nan) if error is not None else None,
            labels if labels is not None else empty,
        )

    @cached_property
    def present(self) -> Flags:
        """`(T, K)`: there is a point."""
        return np.asarray(np.isfinite(self.points[..., 0]))

    @cached_property
    def trusted(self) -> Flags:
        """`(T, K)`: points to learn from what is usual; without scores all that there are."""
        limit = np.fmin(TRUSTED_SCORE, quantiles(self.score, self.present, (0.5,))[0])
        return np.asarray(self.present & ~(self.score < limit))

    @cached_property
    def size_px(self) -> float:
        """Median diagonal of the box around the trusted points of a frame; NaN when no frame has two."""
        rows = np.flatnonzero(self.trusted.sum(axis=1) >= 2)
        rows = rows[:: -(-len(rows) // MOST_FOR_SIZE) or 1]
        if not len(rows):
            return float("nan")
        points = np.where(self.trusted[rows, :, np.newaxis], self.points[rows], np.nan)
        return float(np.median(np.hypot(*(np.nanmax(points, axis=1) - np.nanmin(points, axis=1)).T)))


@dataclass(frozen=True)
class Signs:
    """What speaks against each point, by one reason.

    Attributes:
        reason: Its name.
        severity: `(T, K)` float32: 0 where nothing does (or nothing can be said), up to 1.
        say: In words, of a frame and a keypoint.
    """

    reason: str
    severity: np.ndarray
    say: Callable[[int, int], str]


def beyond(values: FloatArray, limit: FloatArray) -> np.ndarray:
    """`(T, K)` float32 severity of values that must not be larger than a limit `(K,)`; a limit of NaN allows all.

    It is the share of the value that is too much: 0.5 at twice the limit.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 1 - limit / values
        return np.where(values > limit, share, 0).astype(np.float32)


def quantiles(values: FloatArray, used: Flags, shares: tuple[float, ...]) -> FloatArray:
    """`(len(shares), K)` quantiles of the used finite values of each column; NaN for columns of fewer than ten."""
    found = np.full((len(shares), values.shape[1]), np.nan)
    for k in range(values.shape[1]):
        column = values[used[:, k], k]
        column = column[np.isfinite(column)]
        if len(column) >= FEWEST:
            found[:, k] = np.quantile(column, shares)
    return found
