"""Labels that are probably mistakes, ranked by predictions of networks that have not seen them and by the usual pose.

For every point the odds of a mistake are added up as logarithms: how rare mistakes are, what label and prediction say
of each other (`disagreement`), and which of the two places the other points of the animal make likelier (`usual_pose`).
A point without a label is a suspect when points that a network is as sure of are labeled as a rule; a label that is far
from its prediction also when such points are not. Frames without predictions are left to `label_suspects`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from markerless.analysis.disagreement import Disagreement, compare
from markerless.analysis.label_suspects import Kind, Suspect, suspects
from markerless.analysis.rates import Flags, rates
from markerless.analysis.usual_pose import TAIL, UsualPose, usual_pose
from markerless.core.crossfit import CrossFit
from markerless.core.instance import FloatArray
from markerless.core.labels import Labels

RARE = math.log(0.02)  # odds that a label is wrong, before looking at it
RARE_ABSENT = math.log(0.01)  # that a point was labeled that nobody can see
POSE_WEIGHT, MOST_POSE = 0.5, 6.0  # the pose is a rough model: its odds count by half, and up to this
NEARLY = -2.0  # log ratio of label and prediction below which nothing can make a point a suspect
SLACK = 2.0  # an exchange explains two points at once, so it may be that much less likely than either alone
FAR = 4.0  # an exchange must bring labels within this many expected errors of the predictions
CERTAIN = 0.003  # nobody is surer that a point is to be labeled
PULL_LABELED = 0.3  # points; whether a keypoint is labeled as a rule is its own affair
LEAST = -6.0  # log odds of what is worth listing

Point = tuple[int, int]  # frame, keypoint


@dataclass(frozen=True)
class _Evidence:
    """Labels and predictions of the frames that have both: `(F, K, 2)` px, `(F, K)`; and what follows from them."""

    labeled: FloatArray
    is_labeled: Flags
    predicted: FloatArray
    expected_error: FloatArray
    score: FloatArray
    disagreement: Disagreement
    prior: UsualPose | None
    usually_labeled: FloatArray

    def pose(self, f: int, k: int, xy: FloatArray, without: tuple[int, ...] = ()) -> float:
        """Log odds of a place, by the trusted points of the animal."""
        return self.prior.log_odds(f, k, xy, without) if self.prior is not None else 0.0


@dataclass(frozen=True)
class _Verdict:
    """What is probably wrong with a point, and the logarithm of the odds."""

    kind: Kind
    log_odds: float


def suspects_with_predictions(
    labels: Labels, crossfit: CrossFit, animal_size_px: float, diagonals: Mapping[str, float] | None = None
) -> list[Suspect]:
    """Labels that are probably mistakes, the most suspicious first.

    Args:
        labels: Labels of one animal, as they are now.
        crossfit: Predictions of networks that did not train on the frame, with keypoints of the same names.
        animal_size_px: Usual size of the animal, above 0.
        diagonals: As for `suspects`, which judges the frames without predictions.

    Returns:
        Suspects whose score is the probability of a mistake, which is rough, but the same measure for all.
    """
    rows = {image: row for row, image in enumerate(crossfit.images)}
    predicted = [frame.image for frame in labels.frames if frame.image in rows]
    found = []
    if predicted:
        own = labels.select(predicted)
        evidence = _evidence(own, crossfit, np.array([rows[image] for image in predicted]), animal_size_px)
        found = list(_found(own, evidence))
    found += [replace(s, score=_by_shape(s.score)) for s in suspects(labels, diagonals) if s.image not in rows]
    return sorted(found, key=lambda s: -s.score)


def _by_shape(score: float) -> float:
    """Probability of a mistake of a label that is `score` times the usual spread off, as the pose would give it."""
    return _probability(RARE + min(POSE_WEIGHT * (TAIL + 2) / 2 * math.log1p(score**2 / TAIL), MOST_POSE))


def _evidence(labels: Labels, crossfit: CrossFit, rows: np.ndarray, animal_size_px: float) -> _Evidence:
    labeled = labels.xy()[:, 0]
    predicted = np.full(labeled.shape, np.nan)
    error, score = np.full(labeled.shape[:2], np.nan), np.full(labeled.shape[:2], np.nan)
    for k, name in enumerate(labels.skeleton.keypoints):
        if name in crossfit.keypoints:
            column = crossfit.keypoints.index(name)
            here = np.isfinite(crossfit.xy[rows, column]).all(-1)
            predicted[:, k] = crossfit.xy[rows, column]
            error[:, k] = np.where(here, crossfit.expected_error[rows, column], np.nan)
            score[:, k] = crossfit.score[rows, column]
    disagreement = compare(labeled, predicted, error, animal_size_px)
    is_labeled: Flags = np.asarray(np.isfinite(labeled).all(-1))
    usually = rates(error, is_labeled.astype(np.float64), np.isfinite(error), PULL_LABELED)
    prior = usual_pose(labeled, disagreement.agree)
    return _Evidence(labeled, is_labeled, predicted, error, score, disagreement, prior, usually)


def _found(labels: Labels, evidence: _Evidence) -> Iterator[Suspect]:
    """Every finding worth listing, an exchange as one."""
    verdicts = _verdicts(evidence)
    exchanges = _exchanges(evidence, verdicts)
    taken = {(f, k) for f, a, b in exchanges for k in (a, b)}
    for (f, a, b), log_odds in exchanges.items():
        if log_odds > LEAST:
            yield _suspect(labels, evidence, f, (a, b), _Verdict("exchanged", log_odds))
    for (f, k), verdict in verdicts.items():
        if verdict.log_odds > LEAST and (f, k) not in taken:
            yield _suspect(labels, evidence, f, (k,), verdict)


def _verdicts(evidence: _Evidence) -> dict[Point, _Verdict]:
    """The likeliest mistake at every point that can be one, seen alone."""
    verdicts = {}
    is_labeled, log_ratio = evidence.is_labeled, evidence.disagreement.log_ratio
    for f, k in np.argwhere(np.isfinite(evidence.expected_error)).tolist():
        usually = float(evidence.usually_labeled[f, k])
        predicted = evidence.predicted[f, k]
        if not is_labeled[f, k]:
            log_odds = RARE + math.log(usually / (1 - usually + CERTAIN))
            verdicts[f, k] = _Verdict("missing", log_odds + _capped(evidence.pose(f, k, predicted)))
        elif log_ratio[f, k] >= NEARLY and _away(evidence, f, k) > 1:
            pose = evidence.pose(f, k, predicted) - evidence.pose(f, k, evidence.labeled[f, k])
            wrong = RARE + float(log_ratio[f, k]) + _capped(pose)
            absent = RARE_ABSENT + math.log((1 - usually + CERTAIN) / usually)
            kind: Kind = "stacked" if _lies_on(evidence, f, k) is not None else "place"
            verdicts[f, k] = _Verdict(kind, wrong) if wrong >= absent else _Verdict("absent", absent)
    return verdicts


def _exchanges(evidence: _Evidence, verdicts: Mapping[Point, _Verdict]) -> dict[tuple[int, int, int], float]:
    """Frame and two keypoints whose labels explain each other's predictions -> log odds; a point is in one at most."""
    odd: dict[int, list[int]] = {}
    for f, k in verdicts:
        if evidence.is_labeled[f, k]:
            odd.setdefault(f, []).append(k)
    found: dict[tuple[int, int, int], float] = {}
    for f, keypoints in odd.items():
        for i, a in enumerate(keypoints):
            for b in keypoints[i + 1 :]:
                log_odds = _exchange(evidence, f, a, b)
                alone = max(verdicts[f, a].log_odds, verdicts[f, b].log_odds)
                if log_odds >= alone - SLACK:
                    found[f, a, b] = log_odds
    best: dict[tuple[int, int, int], float] = {}
    taken: set[Point] = set()
    for (f, a, b), log_odds in sorted(found.items(), key=lambda item: -item[1]):
        if taken.isdisjoint({(f, a), (f, b)}):
            best[f, a, b] = log_odds
            taken |= {(f, a), (f, b)}
    return best


def _exchange(evidence: _Evidence, f: int, a: int, b: int) -> float:
    """Log odds that the labels of `a` and `b` are exchanged; minus infinity where that does not explain both."""
    labeled, predicted, error = evidence.labeled[f], evidence.predicted[f], evidence.expected_error[f]
    crossed = [np.hypot(*(labeled[b] - predicted[a])) / error[a], np.hypot(*(labeled[a] - predicted[b])) / error[b]]
    straight = np.array([evidence.disagreement.distance[f, k] / error[k] for k in (a, b)])
    log_ratio = evidence.disagreement.log_ratio_of_exchange(f, a, b)
    if log_ratio <= 0 or (np.array(crossed) > np.maximum(FAR, straight / FAR)).any():
        return -math.inf
    before = evidence.pose(f, a, labeled[a], (b,)) + evidence.pose(f, b, labeled[b], (a,))
    after = evidence.pose(f, a, labeled[b], (b,)) + evidence.pose(f, b, labeled[a], (a,))
    return RARE + log_ratio + _capped(after - before)


def _lies_on(evidence: _Evidence, f: int, k: int) -> int | None:
    """The other keypoint whose prediction the label of `k` lies on; None where there is none."""
    away = np.hypot(*(evidence.predicted[f] - evidence.labeled[f, k]).T) / evidence.expected_error[f]
    away[k] = np.inf
    away = np.where(np.isfinite(away), away, np.inf)
    nearest = int(np.argmin(away))
    return nearest if away[nearest] < min(FAR / 2, _away(evidence, f, k) / FAR) else None


def _away(evidence: _Evidence, f: int, k: int) -> float:
    """Distance of a label to its own prediction in expected errors."""
    return float(evidence.disagreement.distance[f, k] / evidence.expected_error[f, k])


def _suspect(labels: Labels, evidence: _Evidence, f: int, keypoints: tuple[int, ...], verdict: _Verdict) -> Suspect:
    frame = labels.frames[f]
    names = tuple(labels.skeleton.keypoints[k] for k in keypoints)
    suggested = tuple((float(x), float(y)) for x, y in evidence.predicted[f, list(keypoints)])
    message = _message(labels, evidence, f, keypoints, verdict.kind)
    individual = labels.individuals[0]
    return Suspect(frame.image, individual, names, verdict.kind, _probability(verdict.log_odds), message, suggested)


def _message(labels: Labels, evidence: _Evidence, f: int, keypoints: tuple[int, ...], kind: Kind) -> str:
    names = labels.skeleton.keypoints
    k = keypoints[0]
    x, y = evidence.predicted[f, k]
    near = f"near ({x:.0f}, {y:.0f})"
    away, usual = evidence.disagreement.distance[f, k], evidence.expected_error[f, k]
    if kind == "exchanged":
        return f"{names[k]} and {names[keypoints[1]]} look exchanged: each label lies where the other is predicted"
    if kind == "missing":
        n_labeled = int(evidence.is_labeled[:, k].sum())
        return (
            f"{names[k]} is not labeled, but predicted {near} with an expected error of {usual:.1f} px; it is labeled "
            f"in {n_labeled} of {len(labels)} frames"
        )
    if kind == "absent":
        return (
            f"{names[k]} is labeled, but a network does not find it (score {evidence.score[f, k]:.2f}), as where it is "
            "not labeled"
        )
    other = _lies_on(evidence, f, k)
    on = f"lies on {names[other]}, " if kind == "stacked" and other is not None else "is "
    return f"{names[k]} {on}{away:.0f} px from where it is predicted, {near}; expected were {usual:.1f} px"


def _capped(pose: float) -> float:
    return min(max(POSE_WEIGHT * pose, -MOST_POSE), MOST_POSE)


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-min(max(log_odds, -50.0), 50.0)))
