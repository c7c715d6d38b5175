"""Left and right that change places."""

from __future__ import annotations

import numpy as np

from markerless.analysis.animal_track import AnimalTrack
from markerless.analysis.swaps import swaps
from markerless.core.skeleton import Skeleton


def animal(apart: float, swapped: range = range(0)) -> AnimalTrack:
    """Two ears `apart` px beside each other and a tail 100 px behind, moving 1 px a frame."""
    x = np.arange(200, dtype=float)
    points = np.stack(
        [np.stack([x, x * 0], -1), np.stack([x, x * 0 + apart], -1), np.stack([x - 100, x * 0], -1)], axis=1
    )
    rows = list(swapped)
    points[rows, :2] = points[rows][:, [1, 0]]
    return AnimalTrack(Skeleton(("ear_L", "ear_R", "tail")), points, np.ones((200, 3)), None, np.empty((0, 3, 2)))


def test_both_ends_of_a_swap_are_found() -> None:
    signs = swaps(animal(20, range(50, 70)))
    assert np.flatnonzero(signs.severity.any(axis=1)).tolist() == [50, 70]
    assert signs.severity[50].tolist()[2] == 0
    assert signs.say(50, 1) == signs.say(50, 0) == "ear_L and ear_R seem to change places"


def test_ears_that_stay_or_are_at_the_same_place_do_not_swap() -> None:
    assert not swaps(animal(20)).severity.any()
    assert not swaps(animal(2, range(50, 70))).severity.any()


def test_without_a_pair_nothing_is_said() -> None:
    one = animal(20, range(50, 70))
    plain = AnimalTrack(Skeleton(("a", "b", "c")), one.points, one.score, None, one.labels)
    assert not swaps(plain).severity.any()


def test_across_a_gap_nothing_is_said() -> None:
    one = animal(20, range(50, 200))
    one.points[49] = np.nan
    assert not swaps(one).severity.any()
