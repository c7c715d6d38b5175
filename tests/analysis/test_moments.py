"""Grouping of frames into moments, by hand."""

from __future__ import annotations

import numpy as np

from markerless.analysis.animal_track import Signs
from markerless.analysis.moments import Moment, merged, moments_of


def signs(severity: dict[tuple[int, int], float], n_frames: int = 40, reason: str = "jump") -> Signs:
    values = np.zeros((n_frames, 3), np.float32)
    for place, value in severity.items():
        values[place] = value
    return Signs(reason, values, lambda t, k: f"{k} at {t}")


def moment(start: int, stop: int, reason: str, severity: float = 0.5, individual: int = 0) -> Moment:
    return Moment(start, stop, start, individual, reason, (0,), reason, severity)


def test_neighbors_are_one_moment_and_distant_frames_another() -> None:
    found, n = moments_of(signs({(3, 0): 0.2, (5, 1): 0.8, (9, 0): 0.4, (20, 2): 0.5}), 0, 10)
    assert n == 2
    assert [(m.start, m.stop, m.worst, m.keypoints) for m in found] == [(3, 10, 5, (1, 0)), (20, 21, 20, (2,))]
    assert found[0].words == "1 at 5"
    assert abs(found[0].severity - 0.8) < 1e-6


def test_a_gap_of_four_frames_ends_a_moment() -> None:
    three, _ = moments_of(signs({(3, 0): 0.2, (7, 0): 0.2}), 0, 10)
    four, _ = moments_of(signs({(3, 0): 0.2, (8, 0): 0.2}), 0, 10)
    assert (len(three), len(four)) == (1, 2)


def test_only_the_most_severe_are_made_and_all_are_counted() -> None:
    found, n = moments_of(signs({(0, 0): 0.1, (10, 0): 0.9, (20, 0): 0.3, (39, 0): 0.5}), 0, 2)
    assert n == 4
    assert [m.start for m in found] == [10, 39]


def test_the_worst_frame_is_where_most_speaks_against_it() -> None:
    (found,), _ = moments_of(signs({(3, 0): 0.6, (4, 0): 0.5, (4, 1): 0.5}), 0, 10)
    assert (found.worst, found.words) == (4, "0 at 4; 1 at 4")


def test_reasons_of_the_same_thing_become_one_moment() -> None:
    (one,) = merged([moment(10, 14, "jump", 0.5), moment(11, 16, "limb", 0.8)])
    assert (one.start, one.stop, one.reason, one.also) == (10, 16, "limb", (("jump", "jump"),))
    assert abs(one.severity - 0.9) < 1e-9


def test_a_short_moment_in_a_long_one_stays_its_own() -> None:
    assert len(merged([moment(0, 400, "confidence"), moment(200, 203, "jump")])) == 2


def test_moments_of_different_animals_stay_apart() -> None:
    assert len(merged([moment(0, 4, "jump"), moment(0, 4, "limb", individual=1)])) == 2


def test_moments_that_do_not_touch_stay_apart() -> None:
    assert len(merged([moment(0, 4, "jump"), moment(9, 14, "limb")])) == 2
