"""Two networks on the same frames: how far the mean error moved, and how sure that is.

Both are asked about the same frames, so what is drawn again in the bootstrap is whole frames with both errors on them
(paired): a frame that is hard for both says nothing about the difference, and so the interval of the difference is
narrower than those of the two means suggest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from markerless.core.certainty import CONFIDENCE, FEWEST_FRAMES, Interval, mean_intervals
from markerless.core.instance import FloatArray

Verdict = Literal["better", "worse", "unclear"]


@dataclass(frozen=True)
class MeanChange:
    """Mean errors over the same labeled points before and after, in px.

    Attributes:
        n_frames: Frames with at least one of the points.
        n_points: Points.
        before_px: Mean error before.
        after_px: Mean error after.
        before_interval: Where the mean before would lie with other frames, 95 times out of 100; None of a single frame.
        after_interval: The same of the mean after.
        interval: The same of the difference after - before.
    """

    n_frames: int
    n_points: int
    before_px: float
    after_px: float
    before_interval: Interval | None
    after_interval: Interval | None
    interval: Interval | None

    @property
    def change_px(self) -> float:
        """After - before: below 0 is better."""
        return self.after_px - self.before_px

    @property
    def is_enough(self) -> bool:
        """False of fewer than 10 frames: so few are alike by chance, and the interval is too narrow."""
        return self.n_frames >= FEWEST_FRAMES

    @property
    def verdict(self) -> Verdict:
        """ "better" or "worse" when the frames are enough and the interval of the difference leaves out 0."""
        if not self.is_enough or self.interval is None:
            return "unclear"
        low, high = self.interval
        return "better" if high < 0 else "worse" if low > 0 else "unclear"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "n_frames": self.n_frames,
            "n_points": self.n_points,
            "before_px": self.before_px,
            "after_px": self.after_px,
            "change_px": self.change_px,
            "before_interval": _pair(self.before_interval),
            "after_interval": _pair(self.after_interval),
            "change_interval": _pair(self.interval),
            "verdict": self.verdict,
        }


def mean_change(before: FloatArray, after: FloatArray, videos: Sequence[str] = (), seed: int = 0) -> MeanChange | None:
    """The means of two tables of errors, and how sure each and their difference are.

    Args:
        before: `(F, K)` px, NaN where there is no label.
        after: `(F, K)` px of the same points.
        videos: Video of each frame; empty when all are of one.
        seed: Equal seeds give equal intervals.

    Returns:
        None when there is no point.

    Raises:
        ValueError: the tables are not of the same points.
    """
    return mean_changes(before, after, videos, seed)[0]


def mean_changes(
    before: FloatArray,
    after: FloatArray,
    videos: Sequence[str] = (),
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> tuple[MeanChange | None, list[MeanChange | None]]:
    """The same over all points, and of each of the K columns; the frames are drawn once for all of them.

    `confidence` is how often the intervals hold.

    Raises:
        ValueError: the tables are not of the same points.
    """
    known = np.isfinite(before)
    n_keypoints = before.shape[1]
    if before.shape != after.shape or not np.array_equal(known, np.isfinite(after)):
        raise ValueError("expected errors of the same points before and after")
    labeled = np.flatnonzero(known.any(axis=-1))
    if not len(labeled):
        return None, [None] * n_keypoints
    names = np.array(videos if len(videos) else [""] * len(before))[labeled]
    known = known[labeled]
    points = np.column_stack([known.sum(axis=-1), known])  # of all points, and of each column
    sums = [np.where(known, table[labeled], 0.0) for table in (before, after)]
    totals = [np.column_stack([table.sum(axis=-1), table]) for table in sums]
    columns = np.column_stack([*totals, totals[1] - totals[0]])
    intervals = mean_intervals(columns, np.column_stack([points] * 3), names, seed, confidence)
    n = 1 + n_keypoints
    found = [
        MeanChange(
            n_frames=int((points[:, m] > 0).sum()),
            n_points=int(points[:, m].sum()),
            before_px=float(totals[0][:, m].sum() / points[:, m].sum()),
            after_px=float(totals[1][:, m].sum() / points[:, m].sum()),
            before_interval=intervals[m],
            after_interval=intervals[n + m],
            interval=intervals[2 * n + m],
        )
        if points[:, m].any()
        else None
        for m in range(n)
    ]
    return found[0], found[1:]


def changes_by_video(before: FloatArray, after: FloatArray, videos: Sequence[str]) -> dict[str, MeanChange]:
    """The change in each video, by its own frames; empty where there are not several.

    The intervals are wider, so that those of all videos hold together 95 times out of 100 (Bonferroni): of many videos
    one would else look changed by chance.
    """
    names = list(dict.fromkeys(videos))
    if len(names) < 2:
        return {}
    confidence = 1 - (1 - CONFIDENCE) / len(names)
    found = {}
    for name in names:
        own = np.array([video == name for video in videos])
        change, _ = mean_changes(before[own], after[own], confidence=confidence)
        if change is not None:
            found[name] = change
    return found


def _pair(interval: Interval | None) -> list[float] | None:
    return list(interval) if interval is not None else None
