"""One animal in one frame."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.core.instance import Instance, Visibility
from markerless.errors import LabelsError

NAN = float("nan")


def test_from_xy_calls_missing_keypoints_absent() -> None:
    instance = Instance.from_xy([[1, 2], [NAN, NAN], [5, 6]])
    assert instance.visibility.tolist() == [Visibility.VISIBLE, Visibility.ABSENT, Visibility.VISIBLE]
    np.testing.assert_array_equal(instance.score, [1, NAN, 1])
    assert instance.n_points == 2


def test_a_point_with_half_its_coordinates_is_missing() -> None:
    instance = Instance.from_xy([[1, NAN], [3, 4]])
    assert np.isnan(instance.xy[0]).all()
    assert instance.n_points == 1


def test_from_xy_does_not_change_its_input() -> None:
    xy = np.array([[1.0, NAN]])
    Instance.from_xy(xy)
    assert xy[0, 0] == 1.0


def test_the_numbers_of_visibility_are_those_of_the_journal() -> None:
    assert {value.name: int(value) for value in Visibility} == {
        "NOT_LABELED": 0,
        "OCCLUDED": 1,
        "VISIBLE": 2,
        "ABSENT": 3,
    }


def test_wrong_shapes_are_refused_with_expected_and_got() -> None:
    with pytest.raises(LabelsError, match=r"expected xy \(K, 2\).* got \(2, 3\)"):
        Instance(np.zeros((2, 3)), np.zeros(2, np.int8), np.zeros(2))
    with pytest.raises(LabelsError, match="expected"):
        Instance(np.zeros((2, 2)), np.zeros(2, np.int8), np.zeros(3))
