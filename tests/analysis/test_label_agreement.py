"""How far apart people are: planted distances come out, and only what both were asked for counts."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from markerless.analysis.label_agreement import Agreement, agreements
from markerless.core.instance import FloatArray, Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton

NAMES = ("nose", "tail")
NAN = math.nan


def labels_of(frames: Mapping[str, FloatArray], individual: str = "individual_0") -> Labels:
    rows = (LabeledFrame(image, (Instance.from_xy(xy, individual),)) for image, xy in frames.items())
    return Labels(Skeleton(NAMES), tuple(rows), (individual,))


def one_pair(one: Labels, other: Labels) -> Agreement:
    (pair,) = agreements({"Ann": one, "Bo": other})
    return pair


def test_distances_and_offsets_by_hand() -> None:
    ann = labels_of({"a": np.array([[0.0, 0.0], [10.0, 10.0]]), "b": np.array([[5.0, 5.0], [20.0, 0.0]])})
    bo = labels_of(
        {"b": np.array([[8.0, 9.0], [20.0, 0.0]]), "a": np.array([[0.0, 1.0], [10.0, 10.0]]), "c": np.ones((2, 2))}
    )
    pair = one_pair(ann, bo)
    assert pair.people == ("Ann", "Bo") and pair.n_frames == 2 and pair.images == ("a", "b")
    nose, tail = pair.by_keypoint()
    assert (nose.n_points, nose.median_px, nose.mean_px, nose.max_px) == (2, 3.0, 3.0, 5.0)
    assert nose.offset_px == (1.5, 2.5) and not nose.is_systematic  # two points prove nothing
    assert nose.p95_px == pytest.approx(1 + 0.95 * 4)
    assert (tail.median_px, pair.n_copied, pair.all.n_points) == (0.0, 2, 4)
    assert pair.worst() == [1, 0]


def test_planted_noise_and_a_planted_offset_are_found() -> None:
    rng = np.random.default_rng(3)
    truth = rng.uniform(0, 500, (400, 2, 2))
    moved = truth + rng.normal(0, 2, truth.shape) + np.array([[0.0, 0.0], [1.5, 0.0]])
    pair = one_pair(
        labels_of({f"{f}": xy for f, xy in enumerate(truth)}), labels_of({f"{f}": xy for f, xy in enumerate(moved)})
    )
    nose, tail = pair.by_keypoint()
    assert nose.median_px == pytest.approx(2 * math.sqrt(2 * math.log(2)), rel=0.1)  # of a Rayleigh distribution
    assert nose.mean_px == pytest.approx(2 * math.sqrt(math.pi / 2), rel=0.1)
    assert nose.p95_px == pytest.approx(2 * math.sqrt(2 * math.log(20)), rel=0.1)
    assert not nose.is_systematic and tail.is_systematic
    assert tail.offset_px == pytest.approx((1.5, 0.0), abs=0.35)


def test_chance_is_called_systematic_about_once_in_a_thousand_times() -> None:
    rng = np.random.default_rng(0)
    n_found = 0
    for _ in range(300):
        truth = rng.uniform(0, 500, (40, 2, 2))
        moved = truth + rng.normal(0, 2, truth.shape)
        pair = one_pair(
            labels_of({f"{f}": xy for f, xy in enumerate(truth)}), labels_of({f"{f}": xy for f, xy in enumerate(moved)})
        )
        n_found += sum(point.is_systematic for point in pair.by_keypoint())
    assert n_found <= 6  # of 600


def test_a_missing_point_is_an_answer_unless_nobody_asked() -> None:
    ann = labels_of({"a": np.array([[1.0, 1.0], [2.0, 2.0]]), "b": np.array([[1.0, 1.0], [NAN, NAN]])})
    bo = labels_of({"a": np.array([[1.0, 1.0], [NAN, NAN]]), "b": np.array([[1.0, 1.0], [2.0, 2.0]])})
    tail = one_pair(ann, bo).by_keypoint()[1]
    assert tail.n_only == (1, 1) and tail.share_only_one == 1.0 and math.isnan(tail.median_px)
    never = labels_of({image: np.array([[1.0, 1.0], [NAN, NAN]]) for image in "ab"})
    assert one_pair(ann, never).by_keypoint()[0].n_only == (0, 0)
    assert [point.keypoint for point in one_pair(ann, never).by_keypoint()] == ["nose"]  # Bo has no tail anywhere
    instance = bo.frames[0].instances[0]
    seen = np.array([Visibility.VISIBLE, Visibility.NOT_LABELED], np.int8)
    said = LabeledFrame("a", (Instance(instance.xy, seen, instance.score),))
    unknown = Labels(bo.skeleton, (said, bo.frames[1]))
    assert one_pair(ann, unknown).by_keypoint()[1].n_only == (0, 1)


def test_animals_are_compared_by_name_and_people_without_a_common_frame_are_not() -> None:
    place = {"a": np.array([[1.0, 1.0], [2.0, 2.0]])}
    pair = one_pair(labels_of(place, "mouse 1"), labels_of(place, "mouse 2"))
    assert pair.all.n_points == 0 and pair.all.n_only == (2, 2) and pair.worst() == []
    assert agreements({"Ann": labels_of(place), "Bo": labels_of({"z": place["a"]})}) == []
    assert len(agreements({"Ann": labels_of(place), "Bo": labels_of(place), "Cy": labels_of(place)})) == 3
