"""Choosing a few different frames."""

from __future__ import annotations

import numpy as np

from markerless.analysis.diverse import choose, pose_distance


def test_the_worthiest_first_then_what_differs() -> None:
    poses = np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[100.0, 0.0]], [[10.0, 0.0]]])
    assert choose([0, 100, 200, 300], [0.9, 0.8, 0.5, 0.8], poses, 4, (10, 5.0)) == [0, 2, 3]


def test_neighbors_in_time_are_left_out() -> None:
    poses = np.array([[[0.0, 0.0]], [[500.0, 0.0]], [[900.0, 0.0]]])
    assert choose([10, 15, 40], [0.5, 0.9, 0.1], poses, 3, (10, 5.0)) == [1, 2]


def test_frames_without_points_are_told_apart_by_time_alone() -> None:
    assert len(choose([0, 20, 40], [1, 1, 1], np.full((3, 2, 2), np.nan), 3, (10, 5.0))) == 3


def test_nothing_to_choose_from() -> None:
    assert choose([], [], np.empty((0, 2, 2)), 5, (1, 1.0)) == []


def test_one_wrong_point_of_three_does_not_make_a_pose_new() -> None:
    pose = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]])
    other = pose + np.array([[300.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    np.testing.assert_allclose(pose_distance(pose[None], other), [2.0])


def test_missing_points_do_not_count() -> None:
    pose = np.array([[np.nan, np.nan], [10.0, 0.0]])
    np.testing.assert_allclose(pose_distance(pose[None], np.array([[5.0, 5.0], [13.0, 4.0]])), [5.0])
    assert np.isnan(pose_distance(pose[None], np.array([[5.0, 5.0], [np.nan, np.nan]])))[0]
