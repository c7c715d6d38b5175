"""Planted mistakes are what they say they are, and nothing else is changed."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError
from markerless.synthetic.label_mistakes import found, plant

NAMES = ("a", "b", "c")
SIZE = (300, 200)


def study(n: int = 40) -> Labels:
    rng = np.random.default_rng(0)
    frames = []
    for f in range(n):
        xy = rng.uniform((80, 60), (220, 140)) + np.array([[0.0, 0.0], [60.0, 0.0], [30.0, 40.0]])
        frames.append(LabeledFrame(f"labeled-data/v/img{f:02d}.png", (Instance.from_xy(xy),)))
    return Labels(Skeleton(NAMES), tuple(frames))


def test_mistakes_are_what_they_say() -> None:
    labels = study()
    sizes = dict.fromkeys(labels.images, SIZE)
    spoiled, mistakes = plant(labels, sizes, seed=0)
    before, after = labels.xy()[:, 0], spoiled.xy()[:, 0]
    kinds = [mistake.kind for mistake in mistakes]
    assert [kinds.count(kind) for kind in ("swap", "slip", "deleted", "stacked")] == [10, 10, 5, 5]
    assert len({mistake.image for mistake in mistakes}) == 30
    changed = {(f, k) for f, k in np.argwhere((before != after).any(-1)).tolist()}
    assert changed == {(labels.images.index(m.image), NAMES.index(k)) for m in mistakes for k in m.keypoints}
    animal = labels.animal_size_px()
    for mistake in mistakes:
        f, k = labels.images.index(mistake.image), NAMES.index(mistake.keypoints[0])
        away = float(np.hypot(*(after[f, k] - before[f, k])))
        if mistake.kind == "swap":
            other = NAMES.index(mistake.keypoints[1])
            assert (after[f, k] == before[f, other]).all() and (after[f, other] == before[f, k]).all()
        elif mistake.kind == "slip":
            assert 0.15 * animal <= away <= 0.4 * animal
            assert (after[f, k] >= 0).all() and (after[f, k] < SIZE).all()
        elif mistake.kind == "deleted":
            assert np.isnan(after[f, k]).all()
        else:
            to_others = np.hypot(*(np.delete(before[f], k, axis=0) - after[f, k]).T)
            assert to_others.min() < 0.1 * animal < away


def test_equal_seeds_are_equal_mistakes() -> None:
    labels = study()
    sizes = dict.fromkeys(labels.images, SIZE)
    assert plant(labels, sizes, seed=3)[1] == plant(labels, sizes, seed=3)[1]
    assert plant(labels, sizes, seed=3)[1] != plant(labels, sizes, seed=4)[1]


def test_a_mistake_is_found_by_any_of_its_labels() -> None:
    labels = study()
    _, mistakes = plant(labels, dict.fromkeys(labels.images, SIZE), seed=0)
    last = [(mistake.image, mistake.keypoints[-1]) for mistake in mistakes]
    assert all(found(mistakes, last))
    assert found(mistakes, last[:1]) == [True] + [False] * 29
    assert not any(found(mistakes, [(mistake.image, "d") for mistake in mistakes]))


def test_too_few_frames_are_refused() -> None:
    labels = study(29)
    with pytest.raises(LabelsError, match="at least 30"):
        plant(labels, dict.fromkeys(labels.images, SIZE), seed=0)
