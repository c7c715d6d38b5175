"""Frames at moments, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.errors import LabelsError
from markerless.multiview.timeline import common_moments, frames_at, gaps, period

NAN = np.nan


def test_frames_between_frames_have_fractions_and_gaps_have_none() -> None:
    times = np.array([0.0, 1.0, 2.0, 6.0, 7.0, 8.0])  # three frames are missing after the third
    at = frames_at(times, np.array([-0.5, 0.0, 0.25, 2.0, 3.0, 5.5, 6.0, 7.5, 8.0, 8.5]))
    np.testing.assert_allclose(at, [NAN, 0, 0.25, 2, NAN, NAN, 3, 4.5, 5, NAN])


def test_a_frame_that_is_all_but_there_is_taken() -> None:
    times = np.arange(5.0) + 0.05
    np.testing.assert_allclose(frames_at(times, np.array([0.0, 1.06, 1.5, 4.0, 4.1])), [0, 1, 1.45, 3.95, 4])
    np.testing.assert_allclose(frames_at(times, np.array([-0.1, 4.2])), [NAN, NAN])
    np.testing.assert_allclose(frames_at(np.array([2.0]), np.array([1.0, 2.0, 3.0])), [NAN, 0, NAN])


def test_a_slower_camera_is_no_camera_with_gaps() -> None:
    np.testing.assert_allclose(frames_at(np.array([0.0, 2.0, 4.0]), np.arange(5.0)), [0, 0.5, 1, 1.5, 2])
    assert gaps(np.array([0.0, 2.0, 4.0])) == ()


def test_gaps_are_counted_in_frames() -> None:
    times = np.array([0.0, 33.0, 67.0, 100.0, 233.0, 266.0, 300.0, 367.0])
    assert period(times) == 34.0
    assert [(lost.before, lost.count) for lost in gaps(times)] == [(4, 3), (7, 1)]


def test_common_moments_are_those_of_two_cameras() -> None:
    times = [np.arange(10.0), np.arange(10.0) - 4, np.arange(10.0) + 3.5]
    np.testing.assert_array_equal(common_moments(times, "abc"), np.arange(0, 10))
    np.testing.assert_array_equal(common_moments(times[1:], "bc"), [4, 5])
    with pytest.raises(LabelsError, match=r"no two overlap by 2 frames \(in frames of a: a 0 to 9, b 20 to 29\)"):
        common_moments([np.arange(10.0), np.arange(10.0) + 20], "ab")
