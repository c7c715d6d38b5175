"""How much the rest of an animal moves while one of its keypoints is watched.

A body rests as a whole more often than not, and when it walks, each of its points is likelier to move far. So how often
innovations of each size occur is learned apart for times when the animal's other keypoints rest and when they move.
A keypoint itself has no say in it: what it does would be taken twice, once as evidence and once as expectation.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray

REACH = 3  # frames to each side, over which displacements are looked at
FLOOR = 0.1  # of the noise's variance: smaller displacements are rest
EDGES = (0.3, 1.0, 3.0, 10.0, 40.0)  # between the classes: squared displacements in units of the noise's variance
N_CLASSES = len(EDGES) + 1


def classes(
    mean: FloatArray, unit: FloatArray, animal: npt.NDArray[np.intp], order: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """`(S, T)` class of each innovation, from 0 (the others rest) up; 0 where an animal has no other series.

    Args:
        mean: `(S, T, D)` smoothed series.
        unit: `(S,)` variance of their noise per axis.
        animal: `(S,)` whose they are, in ascending order.
        order: `(S,)` of their chains. The innovation at t lies between t - 1 and t, or about t - 1.
    """
    n_series, n_frames = mean.shape[:2]
    first = np.flatnonzero(np.diff(animal, prepend=-1))
    count = np.diff(first, append=n_series)
    if count.max() == 1:
        return np.zeros((n_series, n_frames), np.intp)
    level = np.log(np.maximum(_displacement(mean) / unit[:, None].astype(np.float32), np.float32(FLOOR)))
    total = np.add.reduceat(level, first, axis=0)
    others = np.repeat(count - 1, count)
    own = np.repeat(np.arange(len(first)), count)
    found = np.empty((n_series, n_frames), np.intp)
    edges = np.log(EDGES).astype(np.float32)
    for s in range(n_series):  # row by row: in the processor's cache
        if not others[s]:
            found[s] = 0
            continue
        around = (total[own[s]] - level[s]) / others[s]
        around[1:] = (around[1:] + around[:-1]) / 2 if order[s] == 1 else around[:-1].copy()
        found[s] = np.searchsorted(edges, around)
    return found


def _displacement(mean: FloatArray) -> npt.NDArray[np.float32]:
    """`(S, T)` mean square per axis of the way from `REACH` frames before to as many after, fewer at the ends."""
    n_frames = mean.shape[1]
    reach = min(REACH, (n_frames - 1) // 2)
    square = np.zeros(mean.shape[:2], np.float32)
    for axis in range(mean.shape[2]):
        values = mean[..., axis]
        way = np.empty(values.shape, np.float32)
        way[:, reach : n_frames - reach] = values[:, 2 * reach :] - values[:, : n_frames - 2 * reach]
        way[:, :reach] = values[:, reach : 2 * reach] - values[:, :1]
        way[:, n_frames - reach :] = values[:, -1:] - values[:, n_frames - 2 * reach : n_frames - reach]
        square += way**2
    return square / np.float32(mean.shape[2])
