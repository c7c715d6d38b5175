"""A fixed-interval Kalman smoother that knows how far off each point may be, and what a wild point is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from markerless.config import Settings
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.filters._companions import Companions, follow, learn
from markerless.filters._ensemble import is_relative, nan_median
from markerless.filters._scales import Beliefs, Model, Series, log_probability, smooth, taken_for_wild
from markerless.filters._series import (
    BoolArray,
    expected_distance,
    filtered,
    points_of,
    series_of,
    short_gaps,
    values_of,
)

ORDERS = {"rest": (1,), "steady": (2,), "auto": (1, 2)}
FEWEST_POINTS = 4  # of a series; with fewer there is nothing to learn a motion from
LEARN_FROM, WINDOW = 40_000, 500  # points that the model is learned from, in windows of frames spread over the video
# The next four were chosen while looking at the tracks of benchmarks/filtering.py spoiled with seed 0, so that what is
# measured with seed 0 flatters them; other seeds and made animals tell more.
LEARNING_TURNS, TURNS = 12, 4
HIDE_EVERY = 7  # points that are hidden while learning, to tell which motion predicts better
CLEAR_GAIN = 0.1  # in log probability per point
FOLLOWS = 0.25  # of the noise of the steady chain
MOST_DISTANCES = 200_000  # that the usual ones between keypoints are taken from
MEDIAN_SQUARE = 0.4549364  # of a normal number of variance 1
TINY = 1e-12
NOTHING = 1e-4  # of the variance that is usual, or that noise seems to have: a stated error of less is not believed
FINEST = 1e-6  # of the variance of the largest steps: noise is not learned to be less


class Config(Settings):
    """Settings of the filter `kalman`."""

    max_gap: int = Field(default=15, ge=0, description="Longest gap in frames that is filled; longer ones stay.")
    motion: Literal["auto", "rest", "steady"] = Field(
        default="auto",
        description="How animals move: rest expects them where they were, steady to go on as they went; auto takes, "
        "per keypoint, what predicts left-out points better.",
    )


def apply(tracks: Tracks, config: Config) -> Tracks:
    """Replace every point by what all points of its keypoint together say of it, and tell the error that is left.

    The other keypoints of the animal say when it moves (`_activity`), and in gaps, where that helps, where it goes
    (`_companions`).

    The motion is a chain with innovations of many sizes, from rest to sudden moves; sizes and noise are learned from
    the tracks themselves, per keypoint. Where points have an expected error it is their noise, each its own: a doubtful
    point counts less. Part of such an error does not change from frame to frame, so that no smoothing takes it away: as
    much of it as is seen neither as noise nor as wild points stays in the expected errors of the result. Without stated
    errors nothing is known of that part, and the result's expected errors are those of noise and motion alone. The
    disagreement of several runs (`_ensemble.together`) says where noise is larger; how large it is, is learned.

    Gaps of at most `max_gap` frames are filled, longer ones are not, nor anything before the first and after the last
    point. A point that is judged wild (farther off than noise and motion allow) counts as missing: it is replaced where
    it stands in a short gap, and is missing from the result elsewhere; none is where hardly any would be left. Of an
    animal's keypoint with fewer than four points nothing is changed. Scores stay as they were.

    The expected error of the result is the mean distance to the truth that the smoother expects, 1.2533 standard
    deviations per axis in the plane (1.5958 in space); every point that is not missing has one.
    """
    series = series_of(tracks.points)
    seen = np.isfinite(series[..., 0])
    used = np.flatnonzero(seen.sum(axis=1) >= FEWEST_POINTS)
    if not used.size:
        return filtered(tracks, tracks.points.copy(), ("kalman", config))
    keypoint = np.arange(len(series)) % tracks.skeleton.n_keypoints
    stated = _stated_variance(tracks, seen, keypoint)
    center = np.nanmedian(series[used], axis=1, keepdims=True)
    noise = np.ones(seen.shape) if stated is None else stated
    is_stated = stated is not None and not is_relative(tracks)
    animal = used // tracks.skeleton.n_keypoints
    data = Series(np.nan_to_num(series[used] - center), seen[used], noise[used], keypoint[used], animal)
    beliefs = _beliefs(data, tracks.skeleton.n_keypoints, config, is_stated)
    is_good = data.seen & ~taken_for_wild(data.seen, beliefs.wild)
    fill = short_gaps(is_good, config.max_gap)
    path = Series(beliefs.chain.mean, is_good, beliefs.chain.var, data.keypoint, data.animal)
    companions = learn(_windows(path), _distances(tracks.points))
    mean, var = follow(path, companions, fill)
    kept = is_good | fill
    series[used] = np.where(kept[..., None], mean + center, np.nan)
    error = np.full(seen.shape, np.nan) if tracks.error is None else series_error(tracks)
    steady = _steady_part(data, beliefs) if is_stated else 0.0
    deviation = np.sqrt(var + steady)
    error[used] = np.where(kept, expected_distance(series.shape[-1]) * deviation, np.nan)
    return filtered(
        tracks,
        points_of(series, tracks.points.shape),
        ("kalman", config),
        error=values_of(error, tracks.score.shape),
        **_learned(tracks, beliefs.model, companions),
        n_wild=int((data.seen & ~is_good).sum()),
    )


def series_error(tracks: Tracks) -> FloatArray:
    """`(N * K, T)` expected errors of tracks that have some."""
    assert tracks.error is not None
    return np.ascontiguousarray(tracks.error.reshape(tracks.n_frames, -1).T.astype(np.float64))


def _stated_variance(tracks: Tracks, seen: BoolArray, keypoint: npt.NDArray[np.intp]) -> FloatArray | None:
    """`(S, T)` variance per axis that the expected errors amount to; None where there are none.

    A point without one, or with 0, has the median of its keypoint, or of all; none has less than a small part of it.
    """
    if tracks.error is None:
        return None
    variance = (series_error(tracks) / expected_distance(tracks.points.shape[-1])) ** 2
    known = seen & np.isfinite(variance) & (variance > 0)
    if not known.any():
        return None
    for k in np.unique(keypoint):
        rows = np.flatnonzero(keypoint == k)
        own = variance[rows][known[rows]]
        usual = np.median(own if own.size else variance[known])
        variance[rows] = np.where(known[rows], np.maximum(variance[rows], NOTHING * usual), usual)
    return variance


def _beliefs(data: Series, n_keypoints: int, config: Config, is_stated: bool) -> Beliefs:
    """Learn a model of every keypoint from windows of the series, then smooth all of them with it."""
    windows = _windows(data)
    noise = _first_noise(windows, n_keypoints)
    # noise is part of an error, not more than it, unless next to nothing is stated: all moves would be wild then
    most = np.maximum(1.0, NOTHING * noise) if is_stated else np.full(n_keypoints, np.inf)
    typical = np.array([_median(windows.noise[windows.keypoint == k]) for k in range(n_keypoints)])
    least = np.minimum(np.maximum(0.01 * noise, _finest(windows, n_keypoints) / typical), most)
    bounds = np.stack([least, most])
    start = np.clip(noise, least, most)
    learned = [
        smooth(
            windows,
            Model.start(order, start, bounds, typical, _largest(windows, n_keypoints, order)),
            LEARNING_TURNS,
            learn=True,
        )
        for order in ORDERS[config.motion]
    ]
    best = _predicting_best(windows, [fit.model for fit in learned], n_keypoints)
    return smooth(data, Model.of_each([fit.model for fit in learned], best), TURNS)


def _predicting_best(data: Series, models: list[Model], n_keypoints: int) -> npt.NDArray[np.intp]:
    """`(K,)` index of the model that predicts points best that are hidden from the smoother.

    Which of two it is counts little where they predict alike: the second has to be clearly better, and by more than
    chance gives; or just better, where the first finds hardly any noise.
    """
    if len(models) == 1:
        return np.zeros(n_keypoints, np.intp)
    hidden = _hidden(data.seen)
    shown = replace(data, seen=data.seen & ~hidden)
    first, second = (log_probability(data, smooth(shown, model, TURNS), hidden) for model in models)
    gain = second - first

    def total(values: npt.NDArray[Any]) -> FloatArray:
        return np.asarray(np.bincount(data.keypoint, values.sum(axis=1), n_keypoints), np.float64)

    n = np.maximum(total(hidden), 1)
    mean = total(gain) / n
    chance = np.sqrt(np.maximum(total(gain**2) / n - mean**2, 0) / n)
    clearly = (mean > CLEAR_GAIN) & (mean > 2 * chance)
    # a chain at rest that goes through every point, to follow a moving animal, takes its noise for motion
    follows = (models[0].noise < FOLLOWS * models[1].noise) & (mean > -chance)
    follows &= (mean * n)[follows].sum() > 0.5 * np.sqrt(((chance * n)[follows] ** 2).sum())
    return np.asarray(clearly | follows).astype(np.intp)


def _hidden(seen: BoolArray) -> BoolArray:
    """`(S, T)`: every seventh frame, another in each series, where enough points are left to learn from."""
    n_series, n_frames = seen.shape
    chosen = (np.arange(n_frames) + 3 * np.arange(n_series)[:, None]) % HIDE_EVERY == HIDE_EVERY // 2
    left = (seen & ~chosen).sum(axis=1) >= FEWEST_POINTS
    return np.asarray(seen & chosen & left[:, None])


def _windows(data: Series) -> Series:
    """Frames to learn from: all, or windows spread evenly, of the series of some animals where there are very many."""
    n_series, n_frames = data.seen.shape
    if n_series * n_frames <= LEARN_FROM:
        return data
    rows = np.arange(n_series)
    n_rows = max(len(np.unique(data.keypoint)), LEARN_FROM // min(n_frames, WINDOW))
    if n_series > n_rows:
        rows = np.unique(np.linspace(0, n_series - 1, n_rows).round().astype(np.intp))
    length = min(n_frames, WINDOW)
    n_windows = max(1, min(LEARN_FROM // (len(rows) * length), n_frames // length))
    starts = np.linspace(0, n_frames - length, n_windows).round().astype(np.intp)

    def cut(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.concatenate([values[rows, start : start + length] for start in starts])

    seen = cut(data.seen)
    some = seen.sum(axis=1) >= FEWEST_POINTS
    if not some.any():
        return data
    keypoint = np.tile(data.keypoint[rows], n_windows)
    animal = (data.animal[rows] + np.arange(n_windows)[:, None] * (data.animal.max() + 1)).reshape(-1)
    return Series(cut(data.observed)[some], seen[some], cut(data.noise)[some], keypoint[some], animal[some])


def _first_noise(data: Series, n_keypoints: int) -> FloatArray:
    """`(K,)` factor of the noise by the second differences, of which motion and wild points are the smaller part."""
    bend = data.observed[:, 2:] - 2 * data.observed[:, 1:-1] + data.observed[:, :-2]
    whole = data.seen[:, 2:] & data.seen[:, 1:-1] & data.seen[:, :-2]
    noise = data.noise[:, 2:] + 4 * data.noise[:, 1:-1] + data.noise[:, :-2]
    ratio = (bend**2).mean(axis=-1) / noise
    factor = np.full(n_keypoints, np.nan)
    for k in np.unique(data.keypoint):
        rows = data.keypoint == k
        own = ratio[rows][whole[rows]]
        if own.size:
            factor[k] = max(np.median(own) / MEDIAN_SQUARE, 1e-3 * np.minimum(own, np.percentile(own, 90)).mean())
    usual = _median(factor[np.isfinite(factor)])
    return np.maximum(np.where(np.isfinite(factor), factor, usual), TINY)


def _finest(data: Series, n_keypoints: int) -> FloatArray:
    """`(K,)` least variance per axis that noise can have: that of rounding, where coordinates lie on a grid.

    Some tools and people place points on a grid, and a point at rest is in the very same place in frame after frame.
    That is no noise of nothing, against which every move would be wild.
    """
    step = np.abs(np.diff(data.observed, axis=1))[data.seen[:, 1:] & data.seen[:, :-1]]
    step = step[step > 0]
    rounding = np.percentile(step, 1) ** 2 / 12 if step.size else TINY
    return np.maximum(rounding, FINEST * _largest(data, n_keypoints, 1))


def _largest(data: Series, n_keypoints: int, order: int) -> FloatArray:
    """`(K,)` variance per axis of the largest innovations: of all but one in a hundred; 0 where none is known."""
    innovation, whole = np.diff(data.observed, order, axis=1), data.seen[:, order:].copy()
    for lag in range(1, order + 1):
        whole &= data.seen[:, order - lag : -lag]
    square = (innovation**2).mean(axis=-1)
    largest = np.zeros(n_keypoints)
    for k in np.unique(data.keypoint):
        rows = data.keypoint == k
        own = square[rows][whole[rows]]
        largest[k] = np.percentile(own, 99) if own.size else 0.0
    return largest


def _median(values: FloatArray) -> float:
    return float(np.median(values)) if values.size else 1.0


def _steady_part(data: Series, beliefs: Beliefs) -> FloatArray:
    """`(S, T)` variance of what is stated but seen neither as noise nor as wild points: it changes slowly, if at all.

    A single point that states more than its neighbors is not off by it for long: the median of five counts.
    """
    from scipy.ndimage import median_filter

    model = beliefs.model
    stated = np.where(data.seen, data.noise, model.typical[data.keypoint][:, None])
    far = model.wild * np.sqrt(model.spread)  # what wild points add to the mean error, as a deviation per axis
    left = np.zeros(len(model.noise))
    for k in np.unique(data.keypoint):
        rows = data.keypoint == k
        mean = np.sqrt(data.noise[rows][data.seen[rows]]).mean()
        left[k] = max(1 - far[k] / mean, 0.0) ** 2 - model.noise[k]
    usual: FloatArray = median_filter(stated, size=(1, 5), mode="nearest")
    return np.asarray(np.maximum(left, 0)[data.keypoint][:, None] * usual)


def _distances(points: FloatArray) -> FloatArray:
    """`(K, K)` median distance between two keypoints of an animal; infinite where they are never there together."""
    n_frames, n_animals, n_keypoints, n_axes = points.shape
    n = min(n_frames, max(MOST_DISTANCES // (n_animals * n_keypoints**2), 20))
    some = points[np.unique(np.linspace(0, n_frames - 1, n).round().astype(np.intp))].reshape(-1, n_keypoints, n_axes)
    middle = np.stack([nan_median(np.linalg.norm(some - some[:, k : k + 1], axis=-1)) for k in range(n_keypoints)])
    return np.where(np.isfinite(middle), middle, np.inf)


def _learned(tracks: Tracks, model: Model, companions: Companions) -> dict[str, object]:
    """What was learned, for the provenance."""
    names = tracks.skeleton.keypoints
    words = {1: "rest", 2: "steady"}
    return {
        "noise_sd": {name: round(float(np.sqrt(v)), 4) for name, v in zip(names, model.unit, strict=True)},
        "motions": {name: words[int(order)] for name, order in zip(names, model.order, strict=True)},
        "companions": {name: round(float(share), 3) for name, share in zip(names, companions.explained, strict=True)},
    }
