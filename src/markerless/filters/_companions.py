"""What the other keypoints of an animal say of one while it is not seen: a body moves as a whole.

Across a gap, every keypoint is off the straight line between its places before and after. How these deviations of an
animal's keypoints go together is learned from the tracks: a covariance matrix, drawn towards one that depends on how
near two keypoints are, as in a Gaussian process over the body; how much it so depends is learned as well. In the plane
deviations are complex numbers, so that what is learned holds whichever way the animal is turned, and a turning body is
followed; in space, coordinates are taken alike. The missing deviation is then the expected one, given the others.

Whether it helps is asked of parts of the tracks that were not learned from, for each keypoint: where keypoints move on
their own it does not, and nothing is changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.filters._scales import Series
from markerless.filters._series import BoolArray, neighbors_in_time

# What is a choice here was made on the tracks of benchmarks/filtering.py spoiled with seed 0.
SPANS = (2, 5, 10)  # frames to each side, between which the line is drawn while learning
MOST = 14  # companions of a keypoint: the nearest ones
PRIOR_MOMENTS = 50.0  # independent moments that the covariance by distance counts as
OVERLAP = 6.0  # moments that follow each other, of which one is independent
REACH = 0.5  # of the median distance between keypoints: there the covariance by distance has fallen to a third
DOUBT = 1.0  # of the companions' own variance, which is added to it
FOLDS = 5
BLOCK = 20  # frames that are one piece of evidence
CLEAR = 1.0  # how many times what chance gives the gain must be
MOST_EXPLAINED = 0.9
FAR = 9.0  # a moment whose mean square is so many times the usual one counts half
LINE_NOISE = 1.5  # variances of a point in its deviation from the middle of two others
TINY = 1e-12

Numbers = npt.NDArray[np.float64] | npt.NDArray[np.complex128]


@dataclass(frozen=True)
class Companions:
    """What is learned.

    Attributes:
        covariance: `(K, K)` of deviations, their doubt included; complex in the plane.
        nearest: `(K, M)` companions of each keypoint.
        factor: `(K,)` by how much it follows them; 0 where they do not help.
        explained: `(K,)` share of its squared deviation that they explain then.
    """

    covariance: Numbers
    nearest: npt.NDArray[np.intp]
    factor: FloatArray
    explained: FloatArray

    def weights(self, k: int, known: BoolArray) -> tuple[Numbers, FloatArray]:
        """`(n, M)` of the companions' deviations in that of keypoint k, `(n,)` the share that they explain of it.

        Args:
            k: Index of the keypoint.
            known: `(n, M)` which of its companions are seen, at n moments.
        """
        others = self.nearest[k]
        code = known @ (1 << np.arange(len(others)))
        every = (1 << len(others)) - 1
        codes, which = np.unique(np.append(code, every), return_inverse=True)  # all known is the last of them
        patterns = (codes[:, None] >> np.arange(len(others)) & 1).astype(bool)
        both = patterns[:, :, None] & patterns[:, None, :]
        one = np.eye(len(others)) * ~patterns[:, None, :]  # who is not seen stands apart, and says 0
        among = np.where(both, self.covariance[np.ix_(others, others)], one)
        with_own = np.where(patterns, self.covariance[k, others], 0)
        found = np.linalg.solve(among.swapaxes(1, 2), with_own[..., None])[..., 0]
        told = np.maximum((found * with_own.conj()).real.sum(axis=1), 0)
        share = np.minimum(told / max(told[-1], TINY), 1)
        return self.factor[k] * found[which[:-1]], self.explained[k] * share[which[:-1]]


def learn(paths: Series, distance: FloatArray) -> Companions:
    """Learn how the keypoints of an animal move together.

    Args:
        paths: Smoothed series; `seen` where a point was measured and is not wild, `noise` their variance per axis.
        distance: `(K, K)` usual distances between the keypoints of an animal; infinite where not known.
    """
    n_keypoints = len(distance)
    spans = [span for span in SPANS if paths.seen.shape[1] > 2 * span]
    if n_keypoints < 2 or not spans:
        nobody = np.zeros((n_keypoints, 0), np.intp)
        return Companions(np.eye(n_keypoints), nobody, np.zeros(n_keypoints), np.zeros(n_keypoints))
    known = distance[np.isfinite(distance) & ~np.eye(n_keypoints, dtype=bool)]
    near = np.exp(-distance / max(REACH * float(np.median(known)), TINY)) if known.size else np.zeros_like(distance)
    np.fill_diagonal(near, 0.0)
    order = np.where(np.eye(n_keypoints, dtype=bool), np.inf, np.minimum(distance, np.finfo(float).max))
    nearest = np.argsort(order, axis=1, kind="stable")[:, : min(MOST, n_keypoints - 1)]
    whole = _whole(paths, n_keypoints)
    moments = [_moments(*whole, span) for span in spans]
    var = _mean_variance(paths, n_keypoints) * moments[0].deviation.shape[-1]
    folds = [[one.products(fold) for one in moments] for fold in range(FOLDS)]
    products = np.stack([np.sum([product for product, _ in one], axis=0) for one in folds])
    counts = np.stack([np.sum([count for _, count in one], axis=0) for one in folds])
    body = _Body(near, var)
    covariance = _covariance(products.sum(axis=0), counts.sum(axis=0), body)
    fitted = [
        _weights(_covariance(products.sum(axis=0) - product, counts.sum(axis=0) - count, body), nearest)
        for product, count in zip(products, counts, strict=True)
    ]
    factor, explained = _tried(moments, fitted)
    return Companions(covariance, nearest, factor, explained)


def follow(path: Series, companions: Companions, gaps: BoolArray) -> tuple[FloatArray, FloatArray]:
    """The series, which inside gaps go as their companions say, and their variance.

    Args:
        path: As in `learn`; inside gaps, the path as the keypoint's own points alone have it.
        companions: As learned.
        gaps: `(S, T)` what is to be found; each gap has a point before and after it.

    Returns:
        `(S, T, D)`, `(S, T)`.
    """
    mean, var = path.observed.copy(), path.noise.copy()
    before, after = neighbors_in_time(path.seen)
    row = _row(path, len(companions.factor))
    for s in np.flatnonzero(gaps.any(axis=1)):
        k = path.keypoint[s]
        if companions.factor[k] == 0:
            continue
        t = np.flatnonzero(gaps[s])
        a, b = before[s, t], after[s, t]
        share = ((t - a) / (b - a))[:, None]
        rows = row[path.animal[s], companions.nearest[k]][:, None]
        known = path.seen[rows, t] & (rows >= 0)
        weights, explained = companions.weights(k, known.T)
        there = path.observed
        deviation = _numbers(there[rows, t] - (1 - share) * there[rows, a] - share * there[rows, b])
        toward = np.einsum("tm,mta->ta", weights, deviation)
        line = (1 - share) * path.observed[s, a] + share * path.observed[s, b]
        # as much as companions know of it, they take the place of what the keypoint's own way says of the gap
        mean[s, t] += explained[:, None] * (line - mean[s, t]) + _from_numbers(toward)
        ends = ((1 - share) ** 2)[:, 0] * path.noise[s, a] + (share**2)[:, 0] * path.noise[s, b]
        moved = np.maximum(var[s, t] - ends, 0.0)
        doubt = (np.abs(weights) ** 2 * path.noise[rows, t].T).sum(axis=1)
        var[s, t] = ends + moved * (1 - explained) + doubt
    return mean, var


@dataclass(frozen=True)
class _Body:
    """What is known before anything is learned.

    Attributes:
        near: `(K, K)` correlation of deviations by distance, up to a factor; 0 of a keypoint with itself.
        var: `(K,)` variance of the smoothed paths, of all axes together.
    """

    near: FloatArray
    var: FloatArray


@dataclass(frozen=True)
class _Moments:
    """Deviations from the middle of two places, of all keypoints of all animals.

    Attributes:
        deviation: `(N, K, T, A)`, 0 where it is not known; `A` is 1, of complex numbers, in the plane.
        known: `(N, K, T)`.
        weight: `(N, T)`.
        fold: `(T,)`.
        block: `(N, T)` pieces of evidence, numbered.
    """

    deviation: Numbers
    known: BoolArray
    weight: FloatArray
    fold: npt.NDArray[np.intp]
    block: npt.NDArray[np.intp]

    def products(self, fold: int) -> tuple[Numbers, FloatArray]:
        """`(K, K)` sums of products of deviations, and of how many moments."""
        here = self.fold == fold
        n_animals, n_keypoints = self.known.shape[:2]
        weight = self.weight[:, None, here]
        known = self.known[:, :, here].astype(np.float64)
        deviation = self.deviation[:, :, here]
        flat = deviation.reshape(n_animals, n_keypoints, -1)  # one small product per animal: no threads to wait for
        weighted = (deviation * weight[..., None]).reshape(n_animals, n_keypoints, -1)
        product = (weighted @ flat.conj().swapaxes(1, 2)).sum(axis=0)
        return product, ((known * weight) @ known.swapaxes(1, 2)).sum(axis=0)


def _whole(paths: Series, n_keypoints: int) -> tuple[Numbers, BoolArray]:
    """`(N, K, T, A)` paths, 0 where an animal has no such series, and `(N, K, T)` where they were measured."""
    row = _row(paths, n_keypoints)
    numbers = np.where((row >= 0)[..., None, None], _numbers(paths.observed)[row], 0)
    return numbers, (row >= 0)[..., None] & paths.seen[row]


def _moments(path: Numbers, seen: BoolArray, span: int) -> _Moments:
    n_animals, n_keypoints, n_frames = path.shape[:3]
    known = seen[:, :, span:-span] & seen[:, :, : -2 * span] & seen[:, :, 2 * span :]
    middle = 0.5 * (path[:, :, : -2 * span] + path[:, :, 2 * span :])
    deviation = np.where(known[..., None], path[:, :, span:-span] - middle, 0)
    square = (np.abs(deviation) ** 2).sum(axis=-1)
    usual = np.array([np.median(square[:, k][known[:, k]]) if known[:, k].any() else 1.0 for k in range(n_keypoints)])
    mean = np.array([square[:, k][known[:, k]].mean() if known[:, k].any() else 1.0 for k in range(n_keypoints)])
    scale = np.maximum(usual, 0.1 * mean) + TINY
    far = (square / scale[:, None]).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    frames = np.arange(span, n_frames - span)
    length = max(BLOCK, -(-n_frames // FOLDS))
    block = frames // BLOCK + np.arange(n_animals)[:, None] * (n_frames // BLOCK + 1)
    return _Moments(deviation, known, 1 / (1 + far / FAR), frames // length % FOLDS, block)


def _covariance(products: Numbers, counts: FloatArray, body: _Body) -> Numbers:
    """`(K, K)` of the deviations as far as they are seen to go together, and as nearness makes likely.

    Args:
        products: Sums of products.
        counts: Of so many moments.
        body: What is known beforehand.
    """
    near = body.near
    covariance = products / np.maximum(counts, 1)
    size = np.sqrt(np.maximum(covariance.diagonal().real, 0))
    prior = near * size[:, None] * size
    enough = counts * near  # pairs far from each other say nothing of it
    factor = (enough * prior * covariance.real).sum() / max((enough * prior**2).sum(), TINY)
    prior = np.clip(factor, 0, 1) * prior
    np.fill_diagonal(prior, size**2)
    independent = counts / OVERLAP
    covariance = (independent * covariance + PRIOR_MOMENTS * prior) / (independent + PRIOR_MOMENTS)
    covariance += np.diag(DOUBT * LINE_NOISE * body.var + TINY * (1 + size**2))
    return covariance


def _weights(covariance: Numbers, nearest: npt.NDArray[np.intp]) -> Numbers:
    """`(K, K)` of the expected deviation of each keypoint, given its nearest ones."""
    weights = np.zeros_like(covariance)
    own = np.arange(len(nearest))[:, None]
    among = covariance[nearest[:, :, None], nearest[:, None, :]]  # (K, M, M)
    found = np.linalg.solve(among.swapaxes(1, 2), covariance[own, nearest][..., None])
    weights[own, nearest] = found[..., 0]
    return weights


def _tried(moments: list[_Moments], fitted: list[Numbers]) -> tuple[FloatArray, FloatArray]:
    """`(K,)` by how much to follow, 0 where it does not clearly help, and the share explained; by parts left out."""
    n_keypoints = len(fitted[0])
    dot, square, truth = np.zeros(n_keypoints), np.zeros(n_keypoints), np.zeros(n_keypoints)
    gains = []
    for one in moments:
        predicted = np.zeros_like(one.deviation)
        for fold, weights in enumerate(fitted):
            here = one.fold == fold
            predicted[:, :, here] = np.einsum("kj,njta->nkta", weights, one.deviation[:, :, here])
        own = (np.abs(one.deviation) ** 2).sum(axis=-1)
        usual = own.sum(axis=(0, 2)) / np.maximum(one.known.sum(axis=(0, 2)), 1)
        trust = one.known * one.weight[:, None] / (usual[:, None] + TINY + own / FAR)
        product = trust * (one.deviation * predicted.conj()).real.sum(axis=-1)
        guess = trust * (np.abs(predicted) ** 2).sum(axis=-1)
        dot += product.sum(axis=(0, 2))
        square += guess.sum(axis=(0, 2))
        truth += (trust * own).sum(axis=(0, 2))
        gains.append((product, guess, one.block))
    factor = np.clip(dot / np.maximum(square, TINY), 0, 1)
    gain = np.zeros((n_keypoints, 1 + max(int(block.max()) for *_, block in gains)))
    for product, guess, block in gains:
        better = 2 * factor[:, None] * product - factor[:, None] ** 2 * guess  # (N, K, T)
        for k in range(n_keypoints):
            gain[k] += np.bincount(block.reshape(-1), better[:, k].reshape(-1), gain.shape[1])
    total = gain.sum(axis=1)
    helps = total > CLEAR * np.sqrt((gain**2).sum(axis=1))
    explained = np.clip(total / np.maximum(truth, total + TINY), 0, MOST_EXPLAINED)
    return np.where(helps, factor, 0.0), np.where(helps, explained, 0.0)


def _mean_variance(paths: Series, n_keypoints: int) -> FloatArray:
    total = np.bincount(paths.keypoint, (paths.noise * paths.seen).sum(axis=1), n_keypoints)
    return np.asarray(total / np.maximum(np.bincount(paths.keypoint, paths.seen.sum(axis=1), n_keypoints), 1))


def _row(series: Series, n_keypoints: int) -> npt.NDArray[np.intp]:
    """`(N, K)` row of each keypoint of each animal, -1 where there is none."""
    row = np.full((int(series.animal.max()) + 1, n_keypoints), -1, np.intp)
    row[series.animal, series.keypoint] = np.arange(len(series.keypoint))
    return row


def _numbers(values: FloatArray) -> Numbers:
    """`(..., D)` as complex numbers `(..., 1)` in the plane."""
    return values[..., :1] + 1j * values[..., 1:] if values.shape[-1] == 2 else values


def _from_numbers(values: Numbers) -> FloatArray:
    return np.concatenate([values.real, values.imag], axis=-1) if np.iscomplexobj(values) else np.asarray(values)
