"""How sure a mean error is: an interval by the bootstrap, and whether it allows a conclusion at all.

Points of one frame are alike, and so are frames of one video; what is drawn again is therefore whole frames, and whole
videos where there are several (Davison and Hinkley, Bootstrap Methods and their Application, section 3.8).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray

DRAWS = 2000
CONFIDENCE = 0.95
FEWEST_FRAMES = 10
WIDEST = 0.5  # of the mean: an interval wider than that allows no conclusion
MOST_AT_ONCE = 4_000_000  # numbers in memory while drawing

Interval = tuple[float, float]


def mean_interval(error: FloatArray, videos: Sequence[str] = (), seed: int = 0) -> Interval | None:
    """Where the mean error would lie, 95 times out of 100, had other frames of the same kind been labeled.

    As many frames as there are are drawn with replacement, 2000 times, and the mean over their points is taken each
    time. Where there are several videos, the videos are drawn first, then as many frames of each as it has; that makes
    the interval rather too wide than too narrow.

    Args:
        error: `(F, K)` px, NaN where there is no label.
        videos: Video of each frame; empty when all are of one.
        seed: Equal seeds give equal intervals.

    Returns:
        Low and high in px; None where fewer than two frames are labeled.
    """
    points = np.isfinite(error).sum(axis=-1)
    labeled = np.flatnonzero(points)
    names = np.array(videos if len(videos) else [""] * len(error))[labeled]
    total = np.nansum(error[labeled], axis=-1)
    return mean_intervals(total[:, None], points[labeled][:, None], names, seed)[0]


def mean_intervals(
    total: FloatArray,
    points: npt.NDArray[np.intp],
    videos: npt.NDArray[np.str_],
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> list[Interval | None]:
    """The intervals of several means over the same frames, of which each is drawn once for all of them.

    Args:
        total: `(F, M)` sum of a frame's errors, for each mean.
        points: `(F, M)` number of its points; every frame has some.
        videos: `(F,)` video of each frame.
        seed: Equal seeds give equal intervals.
        confidence: Share of the draws that lie inside.

    Returns:
        M of them; None of a mean that fewer than two frames have points of.
    """
    enough = (points > 0).sum(axis=0) >= 2
    if not enough.any():
        return [None] * len(enough)
    members = [np.flatnonzero(videos == name) for name in np.unique(videos)]
    rng = np.random.default_rng(seed)
    at_once = max(1, min(DRAWS, MOST_AT_ONCE // len(total)))
    means = np.concatenate(
        [
            _drawn_means(total[:, enough], points[:, enough], members, (min(at_once, DRAWS - first), rng))
            for first in range(0, DRAWS, at_once)
        ]
    )
    tail = 50 * (1 - confidence)
    # a draw may hold no point of a mean that few frames have points of
    found = iter(zip(*np.nanpercentile(means, [tail, 100 - tail], axis=0), strict=True))
    return [_pair(*next(found)) if is_there else None for is_there in enough]


def doubt(n_frames: int, mean_px: float, interval: Interval | None) -> str:
    """Why nothing can be concluded from a mean error, in plain words; "" where it can.

    Too small is a test of fewer than 10 labeled frames, or one whose interval is wider than half of the mean.
    """
    if n_frames < FEWEST_FRAMES or interval is None:
        frames = "1 labeled frame" if n_frames == 1 else f"{n_frames} labeled frames"
        return f"{frames}: too few to conclude how good the network is; label at least {FEWEST_FRAMES} for it"
    low, high = interval
    if high - low > WIDEST * mean_px:
        return (
            f"the mean may be anything from {low:.2f} to {high:.2f} px, more than half of it: too uncertain to "
            "compare networks by; label more frames for it, of more videos if there are"
        )
    return ""


def _pair(low: float, high: float) -> Interval:
    return float(low), float(high)


def _drawn_means(
    total: FloatArray,
    points: npt.NDArray[np.intp],
    members: Sequence[npt.NDArray[np.intp]],
    draws: tuple[int, np.random.Generator],
) -> FloatArray:
    """`(draws, M)` means over the points of frames drawn with replacement; NaN where none of them has a point.

    Args:
        total: `(F, M)` sum of a frame's errors.
        points: `(F, M)` number of its points.
        members: Frames of each video.
        draws: How many, and from what.
    """
    n_draws, rng = draws
    n_videos, n_means = len(members), total.shape[1]
    often = rng.multinomial(n_videos, np.full(n_videos, 1 / n_videos), size=n_draws)  # (draws, videos)
    sums, counts = np.zeros((n_draws, n_means)), np.zeros((n_draws, n_means))
    for v, frames in enumerate(members):
        n_frames = len(frames)
        drawn = rng.multinomial(often[:, v] * n_frames, np.full(n_frames, 1 / n_frames)).astype(np.float64)
        sums += drawn @ total[frames]  # (draws, frames of v) @ (frames of v, M)
        counts += drawn @ points[frames]
    with np.errstate(invalid="ignore"):
        means: FloatArray = sums / counts
    return means
