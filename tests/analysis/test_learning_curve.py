"""Errors shrink with more frames: much where there are few, hardly where there are many."""

from __future__ import annotations

import pytest

from markerless.analysis.learning_curve import ALIKE_AT, shrinkage


def test_the_same_frames_give_the_same_errors() -> None:
    assert shrinkage(29, 29) == 1


def test_few_frames_more_shrink_much_and_many_hardly() -> None:
    shares = [shrinkage(2 * n / 3, n) for n in (6, 10, 29, 48, 100, 1000)]
    assert shares == sorted(shares)
    assert shares[0] < 0.86
    assert shares[-1] > 0.995


def test_steps_on_the_way_make_the_whole_way() -> None:
    assert shrinkage(10, 20) * shrinkage(20, 40) == pytest.approx(shrinkage(10, 40))


def test_where_both_parts_are_alike() -> None:
    """Half of the squared error is left when the frames are endless."""
    assert shrinkage(ALIKE_AT, 10**9) ** 2 == pytest.approx(0.5)
