"""Where the region lies, and when the follower trusts what was found in it; numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markerless.core.view import View
from markerless.runtime.region import LOOK_AGAIN_AFTER, Follower, Region, padded, smallest_side

FRAME = (320, 240)
REGION = Region(width=64, height=64, grid=32, edge=8)
SEEN, HIDDEN = 0.9, 0.2


def points(*xy: tuple[float, float]) -> np.ndarray:
    return np.array(xy, dtype=np.float64)


def scores(*values: float) -> np.ndarray:
    return np.array(values)


def follower_at(*xy: tuple[float, float], score: tuple[float, ...] = ()) -> Follower:
    """A follower that was shown the whole frame."""
    follower = Follower(REGION, FRAME, len(xy))
    follower.accept_whole(points(*xy), scores(*(score or [SEEN] * len(xy))))
    return follower


@pytest.mark.parametrize(("grid", "stride", "side"), [(8, 8, 32), (16, 8, 32), (32, 8, 32), (32, 16, 64), (24, 8, 48)])
def test_the_smallest_side_is_four_cells_rounded_up_to_the_grid(grid: int, stride: int, side: int) -> None:
    assert smallest_side(grid, stride) == side


def test_a_side_is_padded_to_the_grid() -> None:
    assert [padded(length, 8) for length in (1, 24, 25, 32)] == [8, 24, 32, 32]


class TestRegion:
    @pytest.mark.parametrize(
        ("frame", "size"),
        [((640, 480), (192, 160)), ((100, 480), (128, 160)), ((128, 96), (128, 96)), ((640, 97), (192, 128))],
    )
    def test_fitted_is_no_larger_than_the_frame_rounded_up_to_the_grid(
        self, frame: tuple[int, int], size: tuple[int, int]
    ) -> None:
        fitted = Region(192, 160, 32, edge=5, together=2, shrink=3).fitted(*frame)
        assert fitted == Region(*size, 32, edge=5, together=2, shrink=3)

    def test_half_of_the_frame_is_small_enough(self) -> None:
        assert REGION.is_smaller_than(128, 64)
        assert not REGION.is_smaller_than(127, 64)

    @pytest.mark.parametrize(
        ("center", "corner"),
        [
            ((100, 50), (64, 32)),  # (100 - 31.5) / 32 = 2.1, (50 - 31.5) / 32 = 0.6
            ((111.4, 111.6), (64, 96)),  # 2.497 and 2.503
            ((0, 0), (0, 0)),
            ((319, 0), (256, 0)),  # the last place: 320 - 64
            ((0, 239), (0, 192)),  # 240 - 64 = 176 is not on the grid; from 192 on it hangs over by 16
        ],
    )
    def test_lies_at_the_place_of_the_grid_nearest_to_the_center(
        self, center: tuple[float, float], corner: tuple[int, int]
    ) -> None:
        assert REGION.around(np.array(center), FRAME) == View(*corner, 64, 64)

    @given(
        st.integers(65, 400), st.integers(65, 400), st.floats(0, 1), st.floats(0, 1), st.sampled_from([8, 16, 32, 64])
    )
    def test_holds_its_center_everywhere(self, width: int, height: int, x: float, y: float, grid: int) -> None:
        region = Region(64, 64, grid, edge=4)
        center = np.array([x * (width - 1), y * (height - 1)])
        view = region.around(center, (width, height))
        assert view.left % grid == view.top % grid == 0
        for at, first, length in zip(center, (view.left, view.top), (width, height), strict=True):
            assert 0 <= first <= at <= first + 63
            assert first < length
            inner = 0 < first < length - 64
            assert not inner or abs(first + 31.5 - at) <= grid / 2 + 1e-9

    def test_smaller_than_its_grid_stays_at_the_origin(self) -> None:
        assert Region(32, 32, 32, 4).around(np.array([15.0, 9.0]), (20, 20)) == View(0, 0, 32, 32)


class TestWhereToLook:
    def test_nobody_knows_at_first(self) -> None:
        assert Follower(REGION, FRAME, 2).view() is None

    def test_around_the_middle_of_the_points_that_are_seen(self) -> None:
        """The box around (90, 40) and (110, 60); the hidden point would draw it to the right."""
        follower = follower_at((90, 40), (110, 60), (300, 50), score=(SEEN, SEEN, HIDDEN))
        assert follower.view() == View(64, 32, 64, 64)
        assert follower_at((90, 40), (110, 60), (300, 50)).view() == View(160, 32, 64, 64)

    def test_nobody_knows_when_no_point_is_seen(self) -> None:
        follower = follower_at((90, 40), (110, 60))
        follower.accept_whole(points((1, 1), (2, 2)), scores(HIDDEN, HIDDEN))
        assert follower.view() is None

    def test_a_quarter_of_the_speed_ahead_after_one_step(self) -> None:
        """From (36, 100) to (100, 100): the speed is taken as half of 64 px, and half of that is gone ahead.

        So the next look is around x = 100 + 16: (116 - 31.5) / 32 = 2.6; without speed it would be 2.1.
        """
        follower = follower_at((36, 100))
        assert follower.accept(points((100, 100)), scores(SEEN), View(64, 64, 64, 64))
        assert follower.view() == View(96, 64, 64, 64)
        assert follower_at((100, 100)).view() == View(64, 64, 64, 64)

    def test_farther_ahead_for_frames_looked_at_together(self) -> None:
        """The same step with four frames together: 1.25 times the speed of 32 px, (140 - 31.5) / 32 = 3.4."""
        follower = Follower(Region(64, 64, 32, 8, together=4), FRAME, 1)
        follower.accept_whole(points((36, 120)), scores(SEEN))
        assert follower.accept(points((100, 120)), scores(SEEN), View(64, 96, 64, 64))
        assert follower.view() == View(96, 96, 64, 64)
        follower.accept(points((132, 120)), scores(SEEN), View(96, 96, 64, 64))  # speed (32 + 32) / 2, to x = 172
        assert follower.view() == View(128, 96, 64, 64)

    def test_an_animal_lost_and_found_has_no_speed(self) -> None:
        follower = follower_at((36, 100))
        follower.accept_whole(points((0, 0)), scores(HIDDEN))
        follower.accept_whole(points((100, 100)), scores(SEEN))
        assert follower.view() == View(64, 64, 64, 64)

    def test_a_first_guess_is_not_remembered(self) -> None:
        follower = Follower(REGION, FRAME, 2)
        assert follower.found(points((90, 40), (110, 60)), scores(SEEN, SEEN)) == View(64, 32, 64, 64)
        assert follower.found(points((90, 40), (110, 60)), scores(HIDDEN, HIDDEN)) is None
        assert follower.view() is None


class TestTrust:
    VIEW = View(64, 64, 64, 64)  # with an edge of 8, pixels 72 to 119 are trusted

    @pytest.mark.parametrize("way", ["accept", "accept_all"])
    @pytest.mark.parametrize(
        ("x", "y", "trusted"),
        [(72, 90, True), (71.9, 90, False), (119, 90, True), (119.1, 90, False), (90, 71, False), (90, 120, False)],
    )
    def test_ends_near_an_edge(self, way: str, x: float, y: float, trusted: bool) -> None:
        follower = follower_at((90, 90), (95, 95))
        before = follower.view()
        xy, score = points((95, 95), (x, y)), scores(SEEN, SEEN)
        if way == "accept":
            assert follower.accept(xy, score, self.VIEW) is trusted
        else:
            assert follower.accept_all(xy[None], score[None], self.VIEW) is trusted
        assert follower.view() == before  # a few pixels move no region, and what was refused moves nothing

    @pytest.mark.parametrize(
        ("view", "inside", "outside"),
        [
            (View(0, 64, 64, 64), (0, 90), (60, 90)),  # at the left of the frame
            (View(64, 0, 64, 64), (90, 0), (90, 60)),  # at its top
            (View(256, 64, 64, 64), (319, 90), (257, 90)),  # at its right
            (View(64, 192, 64, 64), (90, 239), (90, 193)),  # hanging over its lower edge
        ],
    )
    def test_holds_where_the_frame_ends_as_well(
        self, view: View, inside: tuple[int, int], outside: tuple[int, int]
    ) -> None:
        for way in (Follower.accept, _accept_all_of_one):
            follower = follower_at(inside)
            assert way(follower, points(inside), scores(SEEN), view)
            assert not way(follower, points(outside), scores(SEEN), view)

    def test_a_point_that_was_seen_and_is_not_anymore_ends_it(self) -> None:
        follower = follower_at((90, 90), (95, 95))
        assert not follower.accept(points((90, 90), (95, 95)), scores(SEEN, HIDDEN), self.VIEW)
        assert not follower.accept_all(points((90, 90), (95, 95))[None], scores(SEEN, HIDDEN)[None], self.VIEW)
        assert follower.accept(points((90, 90), (95, 95)), scores(SEEN, 0.5), self.VIEW)  # 0.5 is seen

    def test_a_point_the_whole_frame_did_not_show_is_not_waited_for(self) -> None:
        follower = follower_at((90, 90), (95, 95), score=(SEEN, HIDDEN))
        assert follower.accept(points((90, 90), (0, 0)), scores(SEEN, HIDDEN), self.VIEW)  # wherever it is said to be
        assert follower.accept(points((90, 90), (95, 95)), scores(SEEN, SEEN), self.VIEW)
        assert not follower.accept(points((90, 90), (95, 95)), scores(SEEN, HIDDEN), self.VIEW)  # it was back

    def test_when_nothing_is_seen_nothing_is_trusted(self) -> None:
        follower = follower_at((90, 90), score=(HIDDEN,))
        assert not follower.accept(points((90, 90)), scores(HIDDEN), self.VIEW)

    def test_hidden_points_are_looked_for_again_after_30_frames(self) -> None:
        assert LOOK_AGAIN_AFTER == 30
        xy, score = points((90, 90), (95, 95)), scores(SEEN, HIDDEN)
        follower = follower_at((90, 90), (95, 95), score=(SEEN, HIDDEN))
        for _ in range(2):  # a look at the whole frame counts from the beginning
            assert [follower.accept(xy, score, self.VIEW) for _ in range(31)] == [True] * 30 + [False]
            follower.accept_whole(xy, score)

    def test_nothing_is_looked_for_again_while_everything_is_seen(self) -> None:
        follower = follower_at((90, 90), (95, 95))
        xy, score = points((90, 90), (95, 95)), scores(SEEN, SEEN)
        assert all(follower.accept(xy, score, self.VIEW) for _ in range(100))

    def test_its_30_frames_begin_where_a_point_is_lost(self) -> None:
        """Not with the 30 frames at once in which it was seen."""
        follower = follower_at((90, 90), (95, 95))
        xy, score = points((90, 90), (95, 95)), scores(SEEN, HIDDEN)
        assert follower.accept_all(np.repeat(xy[None], 30, 0), np.full((30, 2), SEEN), self.VIEW)
        follower.accept_whole(xy, score)
        assert [follower.accept(xy, score, self.VIEW) for _ in range(31)] == [True] * 30 + [False]


class TestSeveralFramesAtOnce:
    @given(st.lists(st.tuples(st.integers(80, 110), st.integers(80, 110)), min_size=1, max_size=2))
    def test_are_the_same_as_one_by_one(self, places: list[tuple[int, int]]) -> None:
        view = View(64, 64, 64, 64)
        at_once, one_by_one = (Follower(Region(64, 64, 1, 8), FRAME, 1) for _ in range(2))
        for follower in (at_once, one_by_one):
            follower.accept_whole(points((95, 95)), scores(SEEN))
        xy = points(*places)[:, None]
        assert at_once.accept_all(xy, np.full((len(xy), 1), SEEN), view)
        assert all(one_by_one.accept(found, scores(SEEN), view) for found in xy)
        assert at_once.view() == one_by_one.view()

    def test_leave_the_region_where_the_last_one_is(self) -> None:
        """From x = 95 by 95 to 105: the speed is half of the last step, and half of that is gone ahead."""
        follower = Follower(Region(64, 64, 1, 8), FRAME, 1)
        follower.accept_whole(points((95, 95)), scores(SEEN))
        xy = points((95, 95), (105, 95))[:, None]
        assert follower.accept_all(xy, np.full((2, 1), SEEN), View(64, 64, 64, 64))
        assert follower.view() == View(76, 64, 64, 64)  # 105 + 5 / 2 - 31.5; 95 - 31.5 rounds to the even 64

    def test_are_refused_together_when_one_of_them_is(self) -> None:
        follower = follower_at((95, 95))
        before = follower.view()
        xy = points((95, 95), (80, 80), (60, 60))[:, None]
        assert not follower.accept_all(xy, np.full((3, 1), SEEN), View(64, 64, 64, 64))
        assert not follower.accept_all(xy[:2], np.array([[SEEN], [HIDDEN]]), View(64, 64, 64, 64))
        assert follower.view() == before


def _accept_all_of_one(follower: Follower, xy: np.ndarray, score: np.ndarray, view: View) -> bool:
    return follower.accept_all(xy[None], score[None], view)
