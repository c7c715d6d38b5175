"""Labels as values: arrays, selection, order of keypoints, size of the animal."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError

NAN = float("nan")
SKELETON = Skeleton(("nose", "tail"))


def frame(image: str, *animals: Instance) -> LabeledFrame:
    return LabeledFrame(image, animals)


@pytest.fixture
def labels() -> Labels:
    return Labels(
        SKELETON,
        (
            frame("labeled-data/m1/img1.png", Instance.from_xy([[0, 0], [3, 4]])),
            frame("labeled-data/m1/img2.png", Instance.from_xy([[1, 1], [NAN, NAN]])),
            frame("labeled-data/m2/img1.png"),
        ),
    )


def test_counts(labels: Labels) -> None:
    assert (len(labels), labels.n_points, labels.is_multi_animal) == (3, 3, False)
    assert [f.video for f in labels.frames] == ["m1", "m1", "m2"]


def test_xy_has_one_row_for_every_frame_and_nan_for_what_is_missing(labels: Labels) -> None:
    expected = [[[[0, 0], [3, 4]]], [[[1, 1], [NAN, NAN]]], [[[NAN, NAN], [NAN, NAN]]]]
    np.testing.assert_array_equal(labels.xy(), expected)


def test_xy_puts_animals_in_the_order_of_individuals() -> None:
    b, a = Instance.from_xy([[2, 2], [2, 2]], "b"), Instance.from_xy([[1, 1], [1, 1]], "a")
    labels = Labels(SKELETON, (frame("v/1.png", b, a),), individuals=("a", "b"))
    assert labels.is_multi_animal
    np.testing.assert_array_equal(labels.xy()[0, :, 0, 0], [1, 2])


def test_an_image_given_twice_is_refused(labels: Labels) -> None:
    with pytest.raises(LabelsError, match=r"two rows for labeled-data/m1/img1\.png; delete one"):
        Labels(SKELETON, (labels.frames[0], labels.frames[0]))


def test_select_keeps_the_given_order(labels: Labels) -> None:
    images = ("labeled-data/m2/img1.png", "labeled-data/m1/img1.png")
    assert labels.select(images).images == images


def test_select_names_an_image_that_is_not_there(labels: Labels) -> None:
    with pytest.raises(LabelsError, match=r"no\.png is not among the 3 labeled frames"):
        labels.select(["no.png"])


def test_matching_reorders_by_name_and_leaves_new_names_unlabeled(labels: Labels) -> None:
    matched = labels.matching(Skeleton(("tail", "paw", "nose")))
    np.testing.assert_array_equal(matched.xy()[0, 0], [[3, 4], [NAN, NAN], [0, 0]])
    assert matched.frames[0].instances[0].visibility.tolist() == [2, 0, 2]
    assert matched.frames[1].instances[0].visibility.tolist() == [3, 0, 2]


def test_matching_without_a_shared_name_is_refused(labels: Labels) -> None:
    with pytest.raises(LabelsError, match="no keypoint name is shared: expected some of a, b, got nose, tail"):
        labels.matching(Skeleton(("a", "b")))


def test_animal_size_is_the_median_diagonal_of_the_boxes() -> None:
    sizes = [(3, 4), (6, 8), (30, 40)]  # diagonals 5, 10, 50
    frames = [frame(f"v/{i}.png", Instance.from_xy([[7, 7], [7 + w, 7 + h]])) for i, (w, h) in enumerate(sizes)]
    assert Labels(SKELETON, tuple(frames)).animal_size_px(800) == 10


def test_animal_size_without_two_points_is_a_tenth_of_the_frame() -> None:
    one_point = Labels(SKELETON, (frame("v/0.png", Instance.from_xy([[7, 7], [NAN, NAN]])),))
    assert one_point.animal_size_px(800) == 80
    assert np.isnan(one_point.animal_size_px())


def test_extents_are_the_boxes_of_animals_of_two_points_or_more(labels: Labels) -> None:
    """One is 3 x 4; one has a single point, and a frame is empty."""
    np.testing.assert_array_equal(labels.animal_extents_px(), [[3, 4]])


def test_extents_of_every_animal_leave_out_what_is_missing() -> None:
    skeleton = Skeleton(("nose", "ear", "tail"))
    two = frame(
        "v/0.png",
        Instance.from_xy([[10, 20], [NAN, NAN], [4, 25]], "a"),
        Instance.from_xy([[1, 1], [5, 0], [3, 9]], "b"),
    )
    on_a_line = frame("v/1.png", Instance.from_xy([[7, 7], [7, 11], [NAN, NAN]], "a"))
    labels = Labels(skeleton, (two, on_a_line), individuals=("a", "b"))
    np.testing.assert_array_equal(labels.animal_extents_px(), [[6, 5], [4, 9], [0, 4]])


def test_extents_of_no_animal_are_an_empty_array() -> None:
    assert Labels(SKELETON, ()).animal_extents_px().shape == (0, 2)
    one_point = Labels(SKELETON, (frame("v/0.png", Instance.from_xy([[7, 7], [NAN, NAN]])),))
    assert one_point.animal_extents_px().shape == (0, 2)
