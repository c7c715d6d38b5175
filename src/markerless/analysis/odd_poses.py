"""Points that do not fit the animal's usual shape (`usual_shape`), learned from labels or from confident frames."""

from __future__ import annotations

import numpy as np

from markerless.analysis.animal_track import FEWEST_LABELS, AnimalTrack, Signs, beyond, quantiles
from markerless.analysis.usual_shape import (
    CHUNK,
    MIN_ANIMALS,
    MOST_FOR_SHAPE,
    Complex,
    Fit,
    Shape,
    joined,
    lay,
    usual_shape,
)

FEWEST_POINTS = 4  # of three points that do not fit, any may be the wrong one
FAR = 6.0  # spreads
WIDE = 2.5  # times the 95 % quantile of the keypoint's own distances
SHARE = 0.1  # of the animal: nearer is no reason to look
MOST_LAID_AGAIN = 5000  # frames


def odd_poses(animal: AnimalTrack) -> Signs:
    """Points far from where the others suggest, against how far that keypoint strays anyhow."""
    points: Complex = animal.points[..., 0] + 1j * animal.points[..., 1]
    shape = _learn(animal, points)
    rows = np.flatnonzero(animal.present.sum(axis=1) >= FEWEST_POINTS)
    severity = np.zeros(animal.score.shape, np.float32)
    expected = np.full(points.shape, complex(np.nan, np.nan))
    if shape is not None and len(rows):
        fit = _lay_all(points[rows], shape)
        expected[rows] = _expected(fit, shape)
        some = rows[:: -(-len(rows) // MOST_FOR_SHAPE)]
        # laid with care as the suspicious ones are: a careful fit leaves its worst point farther away than a quick one
        usual = quantiles(lay(points[some], shape, thorough=True).residual, animal.trusted[some], (0.95,))[0]
        near = np.abs(points[rows] - expected[rows]) < SHARE * animal.size_px
        found = beyond(fit.residual, np.fmax(WIDE * usual, FAR))
        severity[rows] = np.where(near, 0, found)

    def say(t: int, k: int) -> str:
        away = abs(points[t, k] - expected[t, k])
        return f"{animal.skeleton.keypoints[k]} lies {away:.0f} px from where the other keypoints suggest"

    return Signs("pose", severity, say)


def _learn(animal: AnimalTrack, points: Complex) -> Shape | None:
    """The usual shape; None when too few animals of four points are known."""
    labeled: Complex = animal.labels[..., 0] + 1j * animal.labels[..., 1]
    tracked: Complex = np.where(animal.trusted, points, complex(np.nan, np.nan))
    for known, fewest in ((labeled, FEWEST_LABELS), (tracked, MIN_ANIMALS)):
        whole = known[np.isfinite(known).sum(axis=1) >= FEWEST_POINTS]
        if len(whole) >= fewest:
            return usual_shape(whole[:: -(-len(whole) // MOST_FOR_SHAPE)])
    return None


def _lay_all(points: Complex, shape: Shape) -> Fit:
    """Every animal laid on the shape; the worst again with care, as one bad point may have dragged the others along."""
    quick = [lay(points[m : m + CHUNK], shape, thorough=False) for m in range(0, len(points), CHUNK)]
    fit = joined(quick)
    far = np.flatnonzero(np.nan_to_num(fit.residual).max(axis=1) > FAR)
    worst = far[np.argsort(-fit.misfit[far], kind="stable")[:MOST_LAID_AGAIN]]
    for m in range(0, len(worst), CHUNK):
        rows = worst[m : m + CHUNK]
        careful = lay(points[rows], shape, thorough=True)
        fit.residual[rows], fit.misfit[rows], fit.mirrored[rows] = careful.residual, careful.misfit, careful.mirrored
        fit.factor[rows], fit.shift[rows] = careful.factor, careful.shift
    return fit


def _expected(fit: Fit, shape: Shape) -> Complex:
    """`(M, K)` pixels where the usual shape has each keypoint: the inverse of `Fit.place`."""
    place = (shape.mean[np.newaxis] - fit.shift) / fit.factor
    return np.asarray(np.where(fit.mirrored[:, np.newaxis], place.conj(), place))
