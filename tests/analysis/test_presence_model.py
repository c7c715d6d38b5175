"""Presence drawn from a known law: the fitted model must say that law again, or nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.analysis.presence_model import FEWEST_ABSENT, KnownPresence, fit
from markerless.core.instance import FloatArray

OWN = np.array([1.0, 2.0, 5.0])
WEIGHT = np.array([1.5, -0.4])


def draw(n: int, seed: int, weight: FloatArray = WEIGHT) -> tuple[KnownPresence, FloatArray]:
    """Points there with logit `own + (e - [0, 5]) @ weight`, and that probability."""
    rng = np.random.default_rng(seed)
    evidence = rng.normal(0, 1, (n, 2)) * [1.0, 3.0] + [0.0, 5.0]
    keypoint = rng.integers(0, len(OWN), n)
    probability = 1 / (1 + np.exp(-(OWN[keypoint] + (evidence - [0.0, 5.0]) @ weight)))
    return KnownPresence(rng.random(n) < probability, evidence, keypoint, np.arange(n)), probability


def test_the_law_is_found_again() -> None:
    known, _ = draw(4000, seed=0)
    model = fit(known, len(OWN))
    assert model is not None
    assert model.n_absent == int((~known.is_there).sum())
    new, probability = draw(4000, seed=1)
    each = np.repeat(new.evidence[:, None], len(OWN), axis=1)
    said = model.probability(each)[np.arange(4000), new.keypoint]
    assert np.median(np.abs(said - probability)) < 0.02
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
        among = (said >= low) & (said < high)
        assert np.mean(new.is_there[among]) == pytest.approx(said[among].mean(), abs=0.05)


def test_evidence_that_says_nothing_gives_no_model() -> None:
    known, _ = draw(2000, seed=2, weight=np.zeros(2))
    assert fit(known, len(OWN)) is None


def test_a_keypoint_that_is_often_absent_is_no_evidence() -> None:
    """Nine of ten absent at one keypoint, none elsewhere: known from the keypoint, not from the maps."""
    rng = np.random.default_rng(3)
    keypoint = np.arange(600) % 2
    there = (keypoint == 0) | (rng.random(600) < 0.1)
    assert fit(KnownPresence(there, rng.normal(0, 1, (600, 2)), keypoint, np.arange(600)), 2) is None


def test_few_absent_ones_are_too_few() -> None:
    known, _ = draw(400, seed=4)
    order = np.concatenate([np.flatnonzero(~known.is_there)[: FEWEST_ABSENT - 1], np.flatnonzero(known.is_there)])
    few = KnownPresence(known.is_there[order], known.evidence[order], known.keypoint[order], known.frame[order])
    assert fit(few, len(OWN)) is None
    gone = ~known.is_there
    only = KnownPresence(known.is_there[gone], known.evidence[gone], known.keypoint[gone], known.frame[gone])
    assert fit(only, len(OWN)) is None
