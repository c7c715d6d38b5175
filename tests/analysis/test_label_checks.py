"""Checks of labels on hand-made labels with exactly one fault each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from markerless.analysis import label_checks
from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton

NAN = float("nan")
NAMES = ("nose", "left", "right")


def labels_of(*points: list[list[float]]) -> Labels:
    frames = tuple(
        LabeledFrame(f"labeled-data/v/img{f:02d}.png", (Instance.from_xy(xy),) if xy else ())
        for f, xy in enumerate(points)
    )
    return Labels(Skeleton(NAMES), frames)


def sizes(labels: Labels, width: int = 100, height: int = 60) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(labels.images, (width, height))


def test_points_outside_are_named_with_their_place() -> None:
    right, left = [[10, 10], [101.4, 20], [30, 30]], [[10, 10], [-2, 20], [30, 30]]
    labels = labels_of(right, left, [[99.4, 59.4], [0, 0], [5, 5]])
    found = label_checks.labels_outside(labels, sizes(labels))
    assert [(f.where, f.kind) for f in found] == [
        ("labeled-data/v/img00.png", "outside image"),
        ("labeled-data/v/img01.png", "outside image"),
    ]
    assert "left at (101.4, 20.0)" in found[0].message
    assert "100 x 60" in found[0].message


def test_a_whole_animal_outside_that_fits_exchanged_has_its_axes_exchanged() -> None:
    labels = labels_of([[20, 90], [25, 80], [30, 70]], [[20, 30], [25, 31], [30, 90]])
    found = label_checks.labels_outside(labels, sizes(labels))
    assert [(f.level, f.kind) for f in found] == [("error", "swapped axes"), ("warning", "outside image")]


def test_without_the_size_nothing_is_said() -> None:
    labels = labels_of([[1e6, 1], [2, 2], [3, 3]])
    assert label_checks.labels_outside(labels, {}) == []


def test_zero_zero_is_an_old_missing_point() -> None:
    found = label_checks.labels_at_origin(labels_of([[0, 0], [1, 0], [0, 0]], [[0, 1], [2, 2], [3, 3]]))
    assert len(found) == 1
    assert found[0].message.startswith("nose, right at exactly (0, 0)")


def test_keypoints_at_one_place() -> None:
    found = label_checks.stacked_points(
        labels_of([[5, 6], [7, 8], [5, 6]], [[0, 0], [0, 0], [1, 1]], [[1, 2], [3, 4], [5, 6]])
    )
    assert [f.where for f in found] == ["labeled-data/v/img00.png"]
    assert found[0].message.startswith("nose, right at exactly the same place (5.0, 6.0)")


def test_copied_frames() -> None:
    pose = [[5.0, 6.0], [7.0, 8.0], [9.0, 9.0]]
    few = [[5.0, 6.0], [NAN, NAN], [NAN, NAN]]
    found = label_checks.repeated_poses(labels_of(pose, [[1, 1], [2, 2], [3, 3]], pose, few, few))
    assert [f.where for f in found] == ["labeled-data/v/img02.png"]
    assert "labeled-data/v/img00.png" in found[0].message


def test_keypoints_never_labeled() -> None:
    labels = labels_of(*([[[1, f], [NAN, NAN], [3, f]] for f in range(20)]))
    assert [f.where for f in label_checks.never_labeled(labels)] == ["keypoint left"]
    rare = labels_of(*([[[1, f], [2, f] if f < 3 else [NAN, NAN], [3, f]] for f in range(20)]))
    (found,) = label_checks.never_labeled(rare)
    assert (found.level, found.kind) == ("note", "seldom labeled")
    assert "3 of 20" in found.message


def test_several_sizes_in_one_folder() -> None:
    labels = labels_of(*([[[1, 1], [2, 2], [3, 3]]] * 3))
    measured = sizes(labels) | {labels.images[2]: (50, 60)}
    (found,) = label_checks.several_sizes(labels, measured)
    assert "2 of 100 x 60, 1 of 50 x 60" in found.message
    assert label_checks.several_sizes(labels, sizes(labels)) == []


def test_how_many_frames_are_enough() -> None:
    def levels(n: int) -> list[str]:
        labels = labels_of(*([[[1, f], [2, f], [3, f]] for f in range(n)]))
        return [finding.level for finding in label_checks.how_many(labels)]

    assert [levels(n) for n in (0, 1, 2, 19, 20)] == [["error"], ["error"], ["warning"], ["warning"], []]


def test_rows_without_points_are_counted() -> None:
    (found,) = label_checks.empty_frames(labels_of([[1, 1], [2, 2], [3, 3]], [], []))
    assert "2 of 3 rows" in found.message


def test_a_frame_that_is_only_begun_is_no_empty_row() -> None:
    labels = labels_of([[1, 1], [2, 2], [3, 3]], [[np.nan, np.nan]] * 3)
    (found,) = label_checks.empty_frames(labels)
    seen = np.array([Visibility.NOT_LABELED, Visibility.NOT_LABELED, Visibility.ABSENT], np.int8)
    begun = replace(
        labels.frames[1],
        instances=(replace(labels.frames[0].instances[0], visibility=seen, xy=np.full((3, 2), np.nan)),),
    )
    assert "1 of 2 rows" in found.message
    assert label_checks.empty_frames(replace(labels, frames=(labels.frames[0], begun))) == []


def test_several_animals_are_said_once_and_named() -> None:
    instances = tuple(replace(Instance.from_xy([[500, 1], [2, 2], [3, 3]]), individual=name) for name in ("a", "b"))
    labels = Labels(Skeleton(NAMES), (LabeledFrame("labeled-data/v/i.png", instances),), ("a", "b"))
    assert [f.kind for f in label_checks.how_many(labels)] == ["few frames", "several animals"]
    assert [f.where for f in label_checks.labels_outside(labels, sizes(labels))] == [
        "labeled-data/v/i.png (a)",
        "labeled-data/v/i.png (b)",
    ]


def test_good_labels_give_no_finding() -> None:
    rng = np.random.default_rng(0)
    labels = labels_of(*(rng.uniform(5, 55, (3, 2)).tolist() for _ in range(25)))
    assert label_checks.label_findings(labels, sizes(labels)) == []
