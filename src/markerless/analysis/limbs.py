"""Limbs of an impossible length: distances between two keypoints that a body does not allow.

Limbs are the edges of the skeleton; without edges, the pairs of keypoints whose distance varies least. What is
possible is learned from labels where people placed enough of them, else from the confident frames of the track.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from markerless.analysis.animal_track import FEWEST, FEWEST_LABELS, AnimalTrack, Signs
from markerless.core.instance import FloatArray

PARTNERS = 2  # pairs of each keypoint, where there are no edges
LOOSE = 0.5  # spread of a distance as a share of it: pairs that vary more say nothing
TAILS = (0.05, 0.5, 0.95)
REACH = 2.0  # how far beyond the tails is still possible, in distances from the median to the tail
MARGIN = 0.15  # of the median length, beyond that
MOST_TO_LEARN = 20_000  # frames
SURER = 0.1  # score by which one end of a limb is believed more than the other


@dataclass(frozen=True)
class Limb:
    """Two keypoints and which distances of theirs are possible, in px."""

    a: int
    b: int
    shortest: float
    usual: float
    longest: float


def limb_lengths(animal: AnimalTrack) -> Signs:
    """Limbs that are too long or too short, put down to the end that is the more suspicious one."""
    n_frames, n_keypoints = animal.score.shape
    limbs = learn(animal)
    excess = np.zeros((len(limbs), n_frames), np.float32)
    for number, limb in enumerate(limbs):
        excess[number] = _excess(_length(animal.points, limb.a, limb.b), limb)
    total = np.zeros((n_frames, n_keypoints), np.float32)
    for number, limb in enumerate(limbs):
        total[:, limb.a] += excess[number]
        total[:, limb.b] += excess[number]
    severity = np.zeros((n_frames, n_keypoints), np.float32)
    for number, limb in enumerate(limbs):
        for end, other in ((limb.a, limb.b), (limb.b, limb.a)):
            blamed = np.where(_is_innocent(animal, total, end, other), 0, excess[number])
            severity[:, end] = np.maximum(severity[:, end], blamed)

    def say(t: int, k: int) -> str:
        number = max((n for n, limb in enumerate(limbs) if k in (limb.a, limb.b)), key=lambda n: float(excess[n, t]))
        return _words(animal, limbs[number], t)

    return Signs("limb", severity, say)


def learn(animal: AnimalTrack) -> list[Limb]:
    """The limbs of the animal; none of which fewer than ten examples are known."""
    rows = np.flatnonzero(animal.trusted.any(axis=1))
    rows = rows[:: -(-len(rows) // MOST_TO_LEARN) or 1]
    seen = np.where(animal.trusted[rows, :, np.newaxis], animal.points[rows], np.nan)
    pairs = animal.skeleton.edges or _steadiest(animal.labels if len(animal.labels) >= FEWEST_LABELS else seen)
    limbs = []
    for a, b in dict.fromkeys((min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]):
        lengths = _known(animal.labels, a, b)
        if len(lengths) < FEWEST_LABELS:
            lengths = _known(seen, a, b)
        if len(lengths) >= FEWEST:
            low, usual, high = np.quantile(lengths, TAILS).tolist()
            shortest = max(low - REACH * (usual - low) - MARGIN * usual, 0.0)
            limbs.append(Limb(a, b, shortest, usual, high + REACH * (high - usual) + MARGIN * usual))
    return limbs


def _steadiest(points: FloatArray) -> list[tuple[int, int]]:
    """Of each keypoint the pairs with others whose distance varies least."""
    n_keypoints = points.shape[1]
    spread = np.full((n_keypoints, n_keypoints), np.inf)
    for a in range(n_keypoints):
        for b in range(a + 1, n_keypoints):
            lengths = _known(points, a, b)
            if len(lengths) >= FEWEST:
                low, usual, high = np.quantile(lengths, TAILS)
                spread[a, b] = spread[b, a] = (high - low) / max(float(usual), 1e-9)
    best = np.argsort(spread, axis=1, kind="stable")[:, :PARTNERS]
    return [(a, int(b)) for a in range(n_keypoints) for b in best[a] if spread[a, b] < LOOSE]


def _length(points: FloatArray, a: int, b: int) -> FloatArray:
    return np.asarray(np.hypot(points[:, a, 0] - points[:, b, 0], points[:, a, 1] - points[:, b, 1]))


def _known(points: FloatArray, a: int, b: int) -> FloatArray:
    lengths = _length(points, a, b)
    return lengths[np.isfinite(lengths)]


def _excess(length: FloatArray, limb: Limb) -> np.ndarray:
    """`(T,)` severity of a limb's lengths; 0 where an end is missing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        long = np.where(length > limb.longest, 1 - limb.longest / length, 0)
        short = np.where(length < limb.shortest, 1 - length / limb.shortest, 0) if limb.shortest > 0 else 0
    return np.asarray(np.maximum(long, short))


def _is_innocent(animal: AnimalTrack, total: np.ndarray, end: int, other: int) -> np.ndarray:
    """`(T,)`: the other end is in clearly more trouble, or in as much and less confident."""
    with np.errstate(invalid="ignore"):
        surer = animal.score[:, end] > animal.score[:, other] + SURER
    clearly = total[:, other] > 1.3 * total[:, end]
    return np.asarray(clearly | (surer & (total[:, other] > 0.77 * total[:, end])))


def _words(animal: AnimalTrack, limb: Limb, t: int) -> str:
    names = animal.skeleton.keypoints
    length = float(_length(animal.points[t : t + 1], limb.a, limb.b)[0])
    return f"{names[limb.a]} and {names[limb.b]} are {length:.0f} px apart, usually {limb.usual:.0f}"
