"""Predictions as cross-fitted networks make them, simulated from good labels, with errors like those measured.

Errors of a point are normal around a spread that varies from point to point; the expected error follows that spread,
but not closely. Some points are badly off: in a view with paws the network takes one for another, now and then it is
sure of it. Where a keypoint is not to be seen the prediction lies anywhere, and the network is unsure as a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from markerless.core.crossfit import CrossFit
from markerless.core.instance import FloatArray
from markerless.core.labels import Labels

RAYLEIGH_MEDIAN = 1.1774
TOLERANCE_SHARE = 0.04  # of the animal's size


@dataclass(frozen=True)
class Network:
    """How good it is.

    Attributes:
        median_px: Of the errors of points that are not badly off.
        gross: Share of points that are badly off.
        confused: Keypoints that it takes for each other; without any, a point that is badly off lies anywhere near.
        informative: How much more error is expected of points that are badly off; 0 is no more at all.
    """

    median_px: float
    gross: float
    confused: tuple[int, ...] = ()
    informative: float = 1.0


def simulated(labels: Labels, network: Network, seed: int, exchanged: Sequence[tuple[int, int, int]] = ()) -> CrossFit:
    """Predictions of every frame.

    Args:
        labels: Good labels of one animal.
        network: How good the predictions are.
        seed: Of the simulation.
        exchanged: Frame and two keypoints whose labels are exchanged in what is taken for good.
    """
    rng = np.random.default_rng(seed)
    truth, size = labels.xy()[:, 0], labels.animal_size_px()
    for f, a, b in exchanged:
        truth[f, [a, b]] = truth[f, [b, a]]
    shape = (len(truth), truth.shape[1])
    hard = rng.normal(0, 0.45, shape) + rng.normal(0, 0.25, shape[1])
    spread = network.median_px / RAYLEIGH_MEDIAN * np.exp(hard)
    xy = truth + rng.normal(0, 1, truth.shape) * spread[..., None]
    log_error = np.log(1.25 * network.median_px) + 0.6 * hard + rng.normal(0, 0.3, shape)
    off = _put_off(xy, truth, network, size, rng)
    log_error += np.where(off, rng.normal(1.4 * network.informative, 0.6, shape), 0.0)
    of_confused = np.isin(np.arange(shape[1]), network.confused)
    log_error += of_confused * np.where(~off & (rng.random(shape) < 0.15), rng.normal(1.3, 0.6, shape), 0.4)
    gone = np.asarray(~np.isfinite(truth).all(-1))
    anywhere = np.nanmedian(truth, axis=0) + rng.normal(0, size / 10, truth.shape)
    sure = rng.random(shape) < 0.1
    unsure = np.where(sure, rng.normal(0.6, 0.5, shape), rng.normal(2 * network.informative, 0.7, shape))
    log_error = np.where(gone, np.log(network.median_px) + unsure, log_error)
    tolerance = TOLERANCE_SHARE * size
    score = 1 / (1 + np.exp(-0.5 - 1.8 * (np.log(tolerance) - log_error)))
    xy = np.where(gone[..., None], anywhere, xy)
    return CrossFit(labels.images, labels.skeleton.keypoints, xy, score, np.exp(log_error), tolerance)


def _put_off(
    xy: FloatArray, truth: FloatArray, network: Network, size: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Move the share of points that are badly off, in place; which they are, `(F, K)`."""
    off = np.zeros(xy.shape[:2], dtype=bool)
    n_off = round(network.gross * np.isfinite(truth).all(-1).sum())
    while off.sum() < n_off:
        f = int(rng.integers(len(xy)))
        if not network.confused:
            k = int(rng.integers(xy.shape[1]))
            xy[f, k] += rng.normal(0, size / 4, 2)
            off[f, k] = True
            continue
        a, b = rng.choice(network.confused, 2, replace=False).tolist()
        if np.isfinite(truth[f, [a, b]]).all() and not off[f, [a, b]].any():
            for one, other in ((a, b), (b, a)) if rng.random() < 0.5 else ((a, b),):
                xy[f, one] = truth[f, other] + rng.normal(0, network.median_px, 2)
                off[f, one] = True
    return off
