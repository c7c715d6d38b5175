"""Frames worth labeling: unsure, spread over the video, of different poses, and with an animal."""

from __future__ import annotations

import numpy as np

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.pipeline.frames_to_label import frames_to_label


def tracks(score: np.ndarray, points: np.ndarray | None = None, error: np.ndarray | None = None) -> Tracks:
    """`score (T,)` of both keypoints; `error (T,)` likewise."""
    n_frames = len(score)
    both = np.repeat(score[:, None, None], 2, axis=2).astype(np.float64)
    places = np.zeros((n_frames, 1, 2, 2)) if points is None else points
    errors = None if error is None else np.repeat(error[:, None, None], 2, axis=2)
    return Tracks(Skeleton(("nose", "tail")), places, both, errors)


def test_each_stretch_gives_a_frame_the_network_is_unsure_of() -> None:
    score = np.full(1000, 0.9)
    unsure = np.arange(50, 1000, 100)
    score[unsure] = 0.4
    rows = frames_to_label(tracks(score))
    assert len(rows) == 10
    assert rows == sorted(rows)
    assert set(rows[:1]) <= set(unsure.tolist())
    assert min(np.diff(rows)) >= 50  # no neighbors


def test_the_stated_error_counts_where_there_is_one() -> None:
    score = np.full(20, 0.9)
    error = np.full(20, 2.0)
    error[[1, 6, 11, 14, 18]] = 30.0
    assert frames_to_label(tracks(score, error=error)) == [1, 6, 11, 14, 18]


def test_of_the_unsure_ones_the_pose_that_is_new_is_taken() -> None:
    score = np.full(100, 0.9)
    score[[3, 11, 12]] = 0.5
    points = np.zeros((100, 1, 2, 2))
    points[12] = 80.0
    rows = frames_to_label(tracks(score, points))
    assert rows[:2] == [3, 12]


def test_frames_without_an_animal_and_broken_ones_are_left_out() -> None:
    score = np.full(100, 0.8)
    score[::2] = 0.01  # nothing there: the least sure of all
    score[50:60] = np.nan
    rows = frames_to_label(tracks(score))
    assert len(rows) == 10
    assert all(row % 2 and not 50 <= row < 60 for row in rows)


def test_where_no_animal_is_found_at_all_frames_are_named_all_the_same() -> None:
    assert len(frames_to_label(tracks(np.full(100, 0.01)))) == 10


def test_short_videos_give_fewer() -> None:
    assert len(frames_to_label(tracks(np.full(26, 0.8)))) == 6
    assert len(frames_to_label(tracks(np.full(8, 0.8)))) == 5
    assert frames_to_label(tracks(np.full(3, 0.8))) == [0, 1, 2]
    assert frames_to_label(tracks(np.full(3, np.nan))) == []
