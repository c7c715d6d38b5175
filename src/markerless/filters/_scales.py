"""Chains whose noise and whose steps are of many sizes: wild points beside good ones, rest beside sudden moves.

Every observation is either good, with its own noise, or wild. Every innovation is of one of a row of sizes, from a
small part of the noise to the largest moves there are. How often each occurs is learned per keypoint, and by how much
the animal's other keypoints move (`_activity`), so nothing is a number of pixels. Which it is at each point follows
from all others: in turns, the chain is smoothed with the present precisions (`_chain.posterior`), and each precision is
set anew from what the chain says without it (expectation propagation: Minka, 2001; for scale mixtures: West, Biometrika
74, 1987). All that is done for all points at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.filters._activity import N_CLASSES, classes
from markerless.filters._chain import Posterior, posterior
from markerless.filters._series import BoolArray

# What is a choice here was made on made animals and on the tracks of benchmarks/filtering.py spoiled with seed 0.
N_SIZES = 8
# Least and largest variance of the innovations in units of the noise's; the largest moves may exceed it.
RANGE = {1: (1e-3, 1e3), 2: (1e-5, 1e2)}
DAMPING = 0.7  # of each update, in logarithms: undamped, neighbors may swing
PRIOR_POINTS = 20.0  # by how many points of all keypoints together the shares of each are steadied
OUTLIER_SHARE, OUTLIER_SCALE = 0.02, 300.0  # at the start: share, and variance in units of the noise's
ROUGH = 7  # points of the median that the turns begin with: two wild ones in a row move it little
LAST_TURNS = 2  # without what was found to be wild
WILD = 0.5  # a point that is more probably wild than this counts as missing
FEWEST_LEFT = 4  # points of a series that have to be left: a chain needs something to hold on to
LEAST = 1e-9
FARTHEST = 1e18  # squared innovations in units of the noise's variance: the square of it is still a number of 32 bits
BLOCK = 1 << 15  # points worked on at once: they stay in the processor's cache
MOST_THREADS = 8


@dataclass(frozen=True)
class Series:
    """What is smoothed.

    Attributes:
        observed: `(S, T, D)` centered at 0, 0 where nothing is seen.
        seen: `(S, T)`.
        noise: `(S, T)` variance per axis of the observations, up to a factor that the model holds.
        keypoint: `(S,)` index into the model's arrays.
        animal: `(S,)` whose keypoint it is, in ascending order.
    """

    observed: FloatArray
    seen: BoolArray
    noise: FloatArray
    keypoint: npt.NDArray[np.intp]
    animal: npt.NDArray[np.intp]

    def rows(self, chosen: npt.NDArray[np.intp]) -> Series:
        """Some of the series."""
        return Series(*(values[chosen] for values in vars(self).values()))


@dataclass(frozen=True)
class Model:
    """What is learned, one value per keypoint.

    Attributes:
        order: `(K,)` of the chain, 1 or 2.
        noise: `(K,)` factor of the noise.
        bounds: `(2, K)` least and largest factor that may be learned.
        typical: `(K,)` what `Series.noise` typically is.
        largest: `(K,)` variance of the largest innovations.
        shares: `(K, C, J)` how often each size occurs, by how much the animal's other keypoints move.
        wild: `(K,)` share of wild points.
        spread: `(K,)` variance per axis of wild points, beyond the noise.
    """

    order: npt.NDArray[np.intp]
    noise: FloatArray
    bounds: FloatArray
    typical: FloatArray
    largest: FloatArray
    shares: FloatArray
    wild: FloatArray
    spread: FloatArray

    @property
    def unit(self) -> FloatArray:
        """`(K,)` typical variance of the noise."""
        return self.noise * self.typical

    @property
    def sizes(self) -> FloatArray:
        """`(K, J)` variances of the innovations."""
        least, most = np.array([RANGE[int(order)] for order in self.order]).T
        return np.geomspace(least * self.unit, np.maximum(most * self.unit, self.largest), N_SIZES, axis=-1)

    @classmethod
    def start(
        cls, order: int, noise: FloatArray, bounds: FloatArray, typical: FloatArray, largest: FloatArray
    ) -> Model:
        """Before anything is learned."""
        n = len(noise)
        orders = np.full(n, order, np.intp)
        spread = np.maximum(OUTLIER_SCALE * noise * typical, largest)
        shares = np.full((n, N_CLASSES, N_SIZES), 1 / N_SIZES)
        wild = np.full(n, OUTLIER_SHARE)
        return cls(orders, noise, bounds, typical, largest, shares, wild, spread)

    @classmethod
    def of_each(cls, models: list[Model], chosen: npt.NDArray[np.intp]) -> Model:
        """Of each keypoint k what model `chosen[k]` says."""
        k = np.arange(len(chosen))
        values = {name: np.stack([getattr(model, name) for model in models]) for name in vars(models[0])}
        bounds = np.take_along_axis(values.pop("bounds"), chosen[None, None], axis=0)[0]
        return cls(bounds=bounds, **{name: value[chosen, k] for name, value in values.items()})


@dataclass(frozen=True)
class Beliefs:
    """What the turns come to.

    Attributes:
        chain: The smoothed series; `var` includes the doubt whether points are wild.
        wild: `(S, T)` probability that a point is wild; 0 where there is none.
        model: As learned.
    """

    chain: Posterior
    wild: FloatArray
    model: Model


@dataclass(frozen=True)
class _Points:
    """What the chain says of each observation without it, and what that makes of it; all `(S, T)`."""

    weight: FloatArray
    wild: FloatArray
    distance: FloatArray  # squared, from where the others put it
    without: FloatArray  # variance per axis that the others leave
    doubt: FloatArray  # variance per axis that comes of not knowing whether it is wild
    var: FloatArray


def smooth(series: Series, model: Model, turns: int, learn: bool = False) -> Beliefs:
    """Smooth all series.

    Args:
        series: Each has more points than the order of the chain.
        model: Start of the learning, or its result.
        turns: How often precisions are set anew.
        learn: Fit the model as well.
    """
    noise = series.noise * model.noise[series.keypoint][:, None]
    weight = np.where(series.seen, 1 / noise, 0.0)
    order = model.order[series.keypoint]
    stiffness = 1 / np.maximum(_rough_squares(series, order), model.unit[series.keypoint][:, None])
    for turn in range(turns):
        chain = _chain(series, weight, stiffness, model)
        if turn % 2 == 0 or learn:
            activity = classes(chain.mean, model.unit[series.keypoint], series.animal, order)
        points = _points(series, model, chain, weight)
        new_stiffness, sizes = _stiffness((series, model, chain), stiffness, activity, learn)
        if learn and turn > 0:
            model = _learned(series, model, chain, points, sizes)
        weight = _damped(weight, points.weight)
        if not learn and turn >= turns - LAST_TURNS:  # what is wild shall not pull at all, now that the steps are found
            weight = np.where(taken_for_wild(series.seen, points.wild), 0.0, weight)
        stiffness = _damped(stiffness, new_stiffness)
    chain = _chain(series, weight, stiffness, model)
    points = _points(series, model, chain, weight)
    var = np.where(series.seen, points.var, chain.var)
    return Beliefs(replace(chain, var=var), points.wild, model)


def _chain(series: Series, weight: FloatArray, stiffness: FloatArray, model: Model) -> Posterior:
    """The posterior of all series, whose chains may be of both orders."""
    order = model.order[series.keypoint]
    if (order == order[0]).all():
        return posterior(series.observed, weight, stiffness, int(order[0]))
    whole = Posterior(*(np.empty(shape) for shape in (series.observed.shape, weight.shape) * 2))
    for one in np.unique(order):
        rows = np.flatnonzero(order == one)
        part = posterior(series.observed[rows], weight[rows], stiffness[rows], int(one))
        for name, values in vars(part).items():
            getattr(whole, name)[rows] = values
    return whole


def taken_for_wild(seen: BoolArray, wild: FloatArray) -> BoolArray:
    """`(S, T)`: points that are more probably wild than not; none of a series of which hardly any would be left."""
    taken = seen & (wild > WILD)
    left = (seen & ~taken).sum(axis=1) >= FEWEST_LEFT
    return np.asarray(taken & left[:, None])


def log_probability(series: Series, beliefs: Beliefs, hidden: BoolArray) -> FloatArray:
    """`(S, T)` of each point that was hidden from the smoother, else 0: how well it predicts.

    Args:
        series: With the hidden points.
        beliefs: Of the series without them.
        hidden: `(S, T)`.
    """
    model, n_axes = beliefs.model, series.observed.shape[-1]
    k = series.keypoint
    distance = ((series.observed - beliefs.chain.mean) ** 2).sum(axis=-1)
    good = beliefs.chain.var + series.noise * model.noise[k][:, None]
    wild = good + model.spread[k][:, None]
    share = model.wild[k][:, None]
    total = np.logaddexp(
        np.log1p(-share) - 0.5 * (n_axes * np.log(good) + distance / good),
        np.log(share) - 0.5 * (n_axes * np.log(wild) + distance / wild),
    )
    return np.where(hidden, total, 0.0)


def _rough_squares(series: Series, order: npt.NDArray[np.intp]) -> FloatArray:
    """`(S, T)` mean square per axis of the innovations of a running median, which goes straight across gaps.

    Where the turns begin. A chain that expects no step takes all points beyond one for wild, and stays with that; a
    median follows steps, but no wild points.
    """
    from scipy.ndimage import median_filter

    square: FloatArray = np.zeros(series.seen.shape)
    frames = np.arange(series.seen.shape[1])
    for s in range(len(square)):
        known = np.flatnonzero(series.seen[s])
        for d in range(series.observed.shape[2]):
            middle = np.interp(frames, known, median_filter(series.observed[s, known, d], ROUGH))
            square[s, order[s] :] += np.diff(middle, int(order[s])) ** 2 / series.observed.shape[2]
    return square


def _damped(old: FloatArray, new: FloatArray) -> FloatArray:
    return np.asarray(np.where(old > 0, np.maximum(old, 1e-300) ** (1 - DAMPING) * new**DAMPING, 0.0))


def _in_blocks(work: Callable[[slice], None], n: int) -> None:
    """Call `work` for every block of `n` points, on as many threads as there are processors: numpy lets them run."""
    blocks = [slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK)]
    threads = min(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, len(blocks)
    )
    if threads <= 1:
        for block in blocks:
            work(block)
        return
    with ThreadPoolExecutor(min(threads, MOST_THREADS)) as pool:
        list(pool.map(work, blocks))


def _points(series: Series, model: Model, chain: Posterior, weight: FloatArray) -> _Points:
    """Set the precision of every observation anew: that which moves the chain as far as good and wild together do."""
    n_series, n_frames, n_axes = series.observed.shape
    result = np.zeros((6, n_series * n_frames))
    observed, mean = series.observed.reshape(-1, n_axes), chain.mean.reshape(-1, n_axes)
    flat = [array.reshape(-1) for array in (weight, chain.var, series.noise, series.seen)]

    def work(block: slice) -> None:
        own, var, noise, seen = (array[block] for array in flat)
        k = series.keypoint[np.arange(block.start, block.stop) // n_frames]
        noise = noise * model.noise[k]
        without = 1 / np.maximum(1 / var - own, LEAST / noise)  # variance that the others leave
        distance = ((observed[block] - mean[block]) ** 2).sum(axis=1) * (without / var) ** 2
        good, wild = without + noise, without + noise + model.spread[k]
        is_wild = model.wild[k]
        log_good = np.log1p(-is_wild) - 0.5 * (n_axes * np.log(good) + distance / good)
        log_wild = np.log(is_wild) - 0.5 * (n_axes * np.log(wild) + distance / wild)
        p = 1 / (1 + np.exp(np.clip(log_good - log_wild, -500, 500)))
        pull_good, pull_wild = without / good, without / wild
        pull = (1 - p) * pull_good + p * pull_wild
        doubt = p * (1 - p) * (pull_good - pull_wild) ** 2 * distance / n_axes
        weight_new = pull / np.maximum(1 - pull, LEAST) / without
        rows = (weight_new, p, distance, without, doubt, without * (1 - pull) + doubt)
        for row, values in zip(result, rows, strict=True):
            row[block] = values * seen

    _in_blocks(work, n_series * n_frames)
    return _Points(*result.reshape(6, n_series, n_frames))


def _stiffness(
    state: tuple[Series, Model, Posterior], stiffness: FloatArray, activity: npt.NDArray[np.intp], learn: bool
) -> tuple[FloatArray, FloatArray]:
    """Set the precision of every innovation anew, so that its mean square is that of all sizes together.

    Returns:
        `(S, T)`, and where the model learns `(K, C, J)`: how many innovations are of each size.
    """
    series, model, chain = state
    n_series, n_frames, n_axes = chain.step.shape
    sizes_of = (model.sizes / model.unit[:, None]).astype(np.float32)  # in units of the noise
    step = chain.step.reshape(-1, n_axes)
    flat = [array.reshape(-1) for array in (stiffness, chain.step_var)]
    log_shares = np.log(np.maximum(model.shares, 1e-30)).astype(np.float32).reshape(-1, N_SIZES)
    row = (series.keypoint[:, None] * N_CLASSES + activity).reshape(-1)
    result = np.empty(n_series * n_frames)
    sizes = np.zeros((n_series * n_frames if learn else 0, N_SIZES), np.float32)

    def work(block: slice) -> None:
        own, var = (array[block] for array in flat)
        k = series.keypoint[np.arange(block.start, block.stop) // n_frames]
        unit = model.unit[k]
        without = 1 / np.maximum(1 / var - own, LEAST / unit)
        square = (step[block] ** 2).sum(axis=1) * (without / var) ** 2
        v, s = (without / unit).astype(np.float32), np.minimum(square / unit, FARTHEST).astype(np.float32)
        size = sizes_of[k].T  # (J, block)
        total = v + size
        p = log_shares[row[block]].T - 0.5 * (n_axes * np.log(total) + s / total)
        p -= p.max(axis=0)
        np.exp(p, out=p)
        p /= p.sum(axis=0)
        pull = size / total
        a = s / n_axes
        second = v * (p * pull).sum(axis=0) + a * (p * pull**2).sum(axis=0)
        # the pull h of one size that has this mean square: v h + a h^2 = second
        h = 2 * second / (v + np.sqrt(v * v + 4 * a * second))
        h = np.clip(h, LEAST, 1 - 1e-6)
        result[block] = (1 - h) / h / without
        if learn:
            sizes[block] = p.T

    _in_blocks(work, n_series * n_frames)
    counts = np.zeros((len(log_shares), N_SIZES))
    if learn:
        is_one = (np.arange(n_frames) >= model.order[series.keypoint][:, None]).reshape(-1)
        for j in range(N_SIZES):
            counts[:, j] = np.bincount(row, sizes[:, j] * is_one, minlength=len(counts))
    return result.reshape(n_series, n_frames), counts.reshape(-1, N_CLASSES, N_SIZES)


def _learned(series: Series, model: Model, chain: Posterior, points: _Points, sizes: FloatArray) -> Model:
    """The shares, the wild points and the noise that fit what was inferred; where points are few, with those of all."""
    n, n_axes = len(model.noise), series.observed.shape[-1]

    def per_keypoint(values: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(series.keypoint, values, minlength=n), np.float64)

    whole = sizes.sum(axis=(0, 1)) + 1
    of_class = sizes.sum(axis=0) + PRIOR_POINTS * whole / whole.sum()
    shares = sizes + PRIOR_POINTS * of_class / of_class.sum(axis=-1, keepdims=True)
    n_seen, n_wild = per_keypoint(series.seen.sum(axis=1)), per_keypoint(points.wild.sum(axis=1))
    usual = (n_wild.sum() + 1) / (n_seen.sum() + 1 / OUTLIER_SHARE)
    now = series.noise * model.noise[series.keypoint][:, None]
    allowed = n_axes * (points.without + now)
    excess = per_keypoint((points.wild * np.maximum(points.distance - allowed, 0)).sum(axis=1))
    spread = (excess + 2 * excess.sum() / (n_wild.sum() + LEAST)) / (n_axes * (n_wild + 2))
    is_good = (1 - points.wild) * series.seen
    n_good = per_keypoint(is_good.sum(axis=1))
    # a point is off from what the others say of it by noise and by what they leave open
    strength = is_good * series.noise / (now + points.without) ** 2
    surplus = strength * (points.distance / n_axes - points.without)
    precision = strength * series.noise
    noise = per_keypoint(surplus.sum(axis=1)) / np.maximum(per_keypoint(precision.sum(axis=1)), LEAST**3)
    return replace(
        model,
        shares=shares / shares.sum(axis=-1, keepdims=True),
        wild=(n_wild + PRIOR_POINTS * usual) / (n_seen + PRIOR_POINTS),
        spread=np.maximum(spread, 9 * model.unit),
        noise=np.where(n_good > 0, np.clip(noise, *model.bounds), model.noise),
    )
