"""Errors of predictions against labels, as DESIGN.md section 5 defines them.

Nothing is left out: a missing prediction counts as the frame's diagonal, and no confidence cut-off is applied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from markerless.core.certainty import Interval, doubt, mean_interval
from markerless.core.instance import FloatArray

GROSS_SHARE = 0.05  # of the frame's diagonal
PCK_THRESHOLDS = (0.05, 0.1, 0.2)  # of the animal's size


@dataclass(frozen=True)
class VideoErrors:
    """Errors over the frames of one video, in px; NaN where none of its points is labeled."""

    n_frames: int
    n_points: int
    mean_px: float
    median_px: float
    p95_px: float


@dataclass(frozen=True)
class SplitErrors:
    """Errors over the frames of one split; means are over labeled points, lengths in px of the original frame.

    Attributes:
        gross: Share of points farther than 5 % of the frame's diagonal, or nearer to another keypoint's label than to
            their own.
        per_keypoint: Keypoint name -> mean error (NaN when it is never labeled).
        pck: Share of points within 0.05, 0.1, 0.2 of the animal's size.
        mean_px_interval: Where the mean would lie with other frames, 95 times out of 100; None of a single frame.
        per_video: Video -> its errors, when there are several; else empty.
        doubt: Why nothing can be concluded from so few frames, "" when it can.
    """

    n_frames: int
    n_points: int
    mean_px: float
    median_px: float
    rmse_px: float
    p95_px: float
    max_px: float
    gross: float
    per_keypoint: dict[str, float]
    pck: dict[str, float]
    mean_px_interval: Interval | None = None
    per_video: dict[str, VideoErrors] = field(default_factory=dict)
    doubt: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values; NaN becomes None, as JSON has no NaN."""
        values = asdict(self)
        for key in ("per_keypoint", "pck"):
            values[key] = _plain_values(values[key])
        values["per_video"] = {video: _plain_values(errors) for video, errors in values["per_video"].items()}
        values["mean_px_interval"] = list(self.mean_px_interval) if self.mean_px_interval else None
        values["doubt"] = self.doubt or None
        return _plain_values(values)


def point_errors(predicted: FloatArray, labeled: FloatArray, frame_diagonal: FloatArray) -> FloatArray:
    """Distance of each prediction to its label.

    Args:
        predicted: `(F, K, 2)` px, NaN where the model gives nothing.
        labeled: `(F, K, 2)` px, NaN where there is no label.
        frame_diagonal: `(F,)` px, what a missing prediction counts.

    Returns:
        `(F, K)` px, NaN where there is no label.
    """
    distance: FloatArray = np.linalg.norm(predicted - labeled, axis=-1)
    missing = np.isnan(predicted).any(axis=-1)
    distance = np.where(missing, frame_diagonal[:, None], distance)
    return np.where(np.isnan(labeled).any(axis=-1), np.nan, distance)


def gross_errors(predicted: FloatArray, labeled: FloatArray, frame_diagonal: FloatArray) -> npt.NDArray[np.bool_]:
    """`(F, K)`: labeled points that are badly wrong; arguments as in `point_errors`.

    A point is badly wrong when it is farther than 5 % of the frame's diagonal from its label, or nearer to another
    keypoint's label.
    """
    error = point_errors(predicted, labeled, frame_diagonal)
    to_others = np.linalg.norm(predicted[:, :, None] - labeled[:, None, :], axis=-1)  # (F, K predicted, K labeled)
    n_keypoints = labeled.shape[1]
    to_others[:, np.arange(n_keypoints), np.arange(n_keypoints)] = np.inf
    nearest_other = np.where(np.isnan(to_others), np.inf, to_others).min(axis=-1)
    far = error > GROSS_SHARE * frame_diagonal[:, None]
    gross: npt.NDArray[np.bool_] = np.isfinite(error) & (far | (nearest_other < error))
    return gross


def split_errors(
    predicted: FloatArray,
    labeled: FloatArray,
    frame_diagonal: FloatArray,
    animal_size_px: float,
    keypoints: Sequence[str],
    videos: Sequence[str] = (),
) -> SplitErrors | None:
    """All figures of one split; None when it holds no labeled point.

    Args:
        predicted: `(F, K, 2)` px.
        labeled: `(F, K, 2)` px.
        frame_diagonal: `(F,)` px.
        animal_size_px: Size that the PCK thresholds are shares of.
        keypoints: K names.
        videos: Video of each frame; empty when all are of one.
    """
    error = point_errors(predicted, labeled, frame_diagonal)
    flat = error[np.isfinite(error)]
    if flat.size == 0:
        return None
    per_keypoint = {}
    for k, name in enumerate(keypoints):
        column = error[:, k][np.isfinite(error[:, k])]
        per_keypoint[name] = float(column.mean()) if column.size else float("nan")
    mean, interval = float(flat.mean()), mean_interval(error, videos)
    return SplitErrors(
        n_frames=len(labeled),
        n_points=int(flat.size),
        mean_px=mean,
        median_px=float(np.median(flat)),
        rmse_px=float(np.sqrt((flat**2).mean())),
        p95_px=float(np.percentile(flat, 95)),
        max_px=float(flat.max()),
        gross=float(gross_errors(predicted, labeled, frame_diagonal).sum() / flat.size),
        per_keypoint=per_keypoint,
        pck={str(t): float((flat <= t * animal_size_px).mean()) for t in PCK_THRESHOLDS},
        mean_px_interval=interval,
        per_video=_video_errors(error, videos),
        doubt=doubt(int(np.isfinite(error).any(axis=-1).sum()), mean, interval),
    )


def nothing_measured(split: str, n_frames: int) -> str:
    """Of a split that has frames and no figures, in words."""
    return f"{split}: no labeled points in {n_frames} frame{'' if n_frames == 1 else 's'}; nothing measured"


def _video_errors(error: FloatArray, videos: Sequence[str]) -> dict[str, VideoErrors]:
    """Errors `(F, K)` by video, in the order of the frames; empty when there are not several."""
    names = list(dict.fromkeys(videos))
    if len(names) < 2:
        return {}
    found = {}
    for name in names:
        own = error[np.array([video == name for video in videos])]
        flat = own[np.isfinite(own)]
        mean, median, p95 = (
            (float(flat.mean()), float(np.median(flat)), float(np.percentile(flat, 95))) if flat.size else [np.nan] * 3
        )
        found[name] = VideoErrors(len(own), int(flat.size), mean, median, p95)
    return found


def _plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """NaN becomes None."""
    return {key: _plain(value) if isinstance(value, float) else value for key, value in values.items()}


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
