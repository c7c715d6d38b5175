"""Suspects: mistakes put into clean labels of a turning, growing animal are found, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from markerless.analysis.label_suspects import Suspect, suspects
from markerless.core.instance import FloatArray, Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton

SKELETON = Skeleton(("nose", "leftear", "rightear", "tail"), (), ((1, 2),))
SHAPE = np.array([[40.0, 0.0], [20.0, 12.0], [20.0, -12.0], [-40.0, 0.0]])
BAD = 17


def animal(seed: int) -> FloatArray:
    """The shape turned, scaled by up to 10 %, shifted, each point within 1 px or so."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return SHAPE @ turn.T * rng.uniform(0.9, 1.1) + rng.uniform(100, 400, 2) + rng.normal(0, 1, SHAPE.shape)


def study(spoil: Callable[[FloatArray], FloatArray] | None = None, n: int = 40) -> Labels:
    poses = [animal(seed) for seed in range(n)]
    if spoil is not None and n > BAD:
        poses[BAD] = spoil(poses[BAD].copy())
    frames = tuple(
        LabeledFrame(f"labeled-data/v/img{f:02d}.png", (Instance.from_xy(pose),)) for f, pose in enumerate(poses)
    )
    return Labels(SKELETON, frames)


def only(found: list[Suspect]) -> Suspect:
    assert {suspect.image for suspect in found} == {f"labeled-data/v/img{BAD}.png"}
    return found[0]


def test_clean_labels_have_no_suspect() -> None:
    assert suspects(study()) == []


@pytest.mark.parametrize("k", range(4))
def test_a_moved_point_is_named_with_where_it_should_be(k: int) -> None:
    def spoil(pose: FloatArray) -> FloatArray:
        pose[k] += (25, 15)
        return pose

    first = only(suspects(study(spoil)))
    assert (first.kind, first.keypoints) == ("place", (SKELETON.keypoints[k],))
    x, y = animal(BAD)[k]
    near = first.message.split("near (")[1].split(")")[0].split(",")
    assert np.hypot(float(near[0]) - x, float(near[1]) - y) < 8


@pytest.mark.parametrize("pair", [(1, 2), (0, 3), (0, 1)])
def test_exchanged_points_are_named(pair: tuple[int, int]) -> None:
    def spoil(pose: FloatArray) -> FloatArray:
        pose[list(pair)] = pose[list(pair)[::-1]]
        return pose

    first = only(suspects(study(spoil)))
    assert (first.kind, first.keypoints) == ("exchanged", tuple(SKELETON.keypoints[k] for k in pair))


def test_exchanged_axes_are_found_as_the_mirror_image_they_are() -> None:
    first = only(suspects(study(lambda pose: pose[:, ::-1])))
    assert "x and y" in first.message


def test_axes_of_a_fixed_view_are_told_from_sides() -> None:
    rng = np.random.default_rng(5)
    still = SHAPE + np.array([300, 120])
    poses = [still + rng.normal(0, 2, SHAPE.shape) for _ in range(30)]
    poses[BAD] = poses[BAD][:, ::-1].copy()
    frames = tuple(LabeledFrame(f"labeled-data/v/img{f}.png", (Instance.from_xy(p),)) for f, p in enumerate(poses))
    labels = Labels(SKELETON, frames)
    found = suspects(labels, dict.fromkeys(labels.images, 500.0))
    assert "axes" in {suspect.kind for suspect in found}
    only(found)


def test_a_point_that_left_its_usual_place() -> None:
    rng = np.random.default_rng(6)
    points = [np.array([100, 50]) + rng.normal(0, 1, (1, 2)) for _ in range(30)]
    points[BAD] = np.array([[190.0, 50.0]])
    frames = tuple(LabeledFrame(f"labeled-data/v/img{f}.png", (Instance.from_xy(p),)) for f, p in enumerate(points))
    labels = Labels(Skeleton(("lever",)), frames)
    first = only(suspects(labels, dict.fromkeys(labels.images, 500.0)))
    assert (first.kind, first.keypoints) == ("moved", ("lever",))
    assert suspects(labels) == []  # without the size of the view nobody can tell


def test_an_animal_of_the_wrong_size() -> None:
    def spoil(pose: FloatArray) -> FloatArray:
        center = pose.mean(axis=0)
        grown: FloatArray = center + 4 * (pose - center)
        return grown

    first = only(suspects(study(spoil)))
    assert first.kind == "size"
    assert 3.5 < float(first.message.split("is ")[1].split(" times")[0]) < 4.5  # 4 times one of 0.9 to 1.1


def test_an_animal_whose_points_all_lie_at_one_place() -> None:
    """It has no shape to be laid on that of the others."""
    first = only(suspects(study(lambda pose: np.full_like(pose, 5.0))))
    assert first.kind == "size"
    assert "0.00 times as large" in first.message
    odd = suspects(study(lambda pose: np.full_like(pose, 1 / 3)))
    assert {suspect.kind for suspect in odd if suspect.keypoints == ()} == {"size"}


def test_missing_points_and_animals_seen_from_both_sides_are_no_mistakes() -> None:
    labels = study()
    frames = []
    for f, frame in enumerate(labels.frames):
        pose = frame.instances[0].xy.copy()
        if f % 3 == 0:
            pose[f % 4] = np.nan
        if f % 2 == 0:
            pose[:, 0] = 500 - pose[:, 0]
        frames.append(replace(frame, instances=(Instance.from_xy(pose),)))
    assert suspects(replace(labels, frames=tuple(frames))) == []


@pytest.mark.parametrize("n", [0, 1, 9])
def test_too_few_to_compare(n: int) -> None:
    assert suspects(study(n=n)) == []
