"""The newest frame wins; latencies; what a processor gets."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from markerless.core.view import View
from markerless.runtime.follow import Found
from markerless.runtime.forward import ForwardFilter, Motion
from markerless.runtime.live import Arrival, Feed, Forward, Latencies, Processor, Watcher, watch
from markerless.video.live_source import LiveFrame, LiveSource
from markerless.video.raw import GrayFrame, RawFrame

LONG_S = 20.0  # a wait that only a failing test uses up
WHOLE = View.whole(4, 4)


def frame(number: int) -> RawFrame:
    return GrayFrame(np.full((4, 4), number, dtype=np.uint8))


def number_of(raw: RawFrame) -> int:
    return int(raw.gray()[0, 0, 0])


class Scripted(LiveSource):
    """Gives frames 0, 1, 2, ..., None where one is broken; raises `error` at the end, or waits there to be stopped."""

    def __init__(self, items: Sequence[bool], error: Exception | None = None, waits: bool = False) -> None:
        self.name, self.width, self.height = "script", 4, 4
        self.items = items
        self.error = error
        self.waits = waits
        self.stopped, self.closed = threading.Event(), threading.Event()

    def frames(self) -> Iterator[LiveFrame]:
        for number, good in enumerate(self.items):
            yield LiveFrame(frame(number) if good else None, number / 30)
        if self.waits:
            self.stopped.wait(LONG_S)
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        self.stopped.set()

    def close(self) -> None:
        self.closed.set()


class Clock:
    """A clock that a test winds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def all_of(feed: Feed) -> list[Arrival]:
    arrivals = []
    while not feed.has_ended:
        if (arrival := feed.take(LONG_S)) is not None:
            arrivals.append(arrival)
    return arrivals


class TestFeed:
    def test_the_newest_frame_wins_and_the_others_are_counted(self) -> None:
        source = Scripted([True] * 5)
        feed = Feed(source)
        feed.start()
        assert source.closed.wait(LONG_S)
        (arrival,) = all_of(feed)
        assert (arrival.number, number_of(arrival.frame), arrival.timestamp_s) == (4, 4, 4 / 30)
        assert (feed.n_seen, feed.n_dropped, feed.n_broken, feed.error) == (5, 4, 0, None)

    def test_where_every_frame_counts_the_source_waits(self) -> None:
        feed = Feed(Scripted([True] * 50), every_frame=True)
        feed.start()
        arrivals = all_of(feed)
        assert [number_of(arrival.frame) for arrival in arrivals] == list(range(50))
        assert (feed.n_seen, feed.n_dropped) == (50, 0)

    def test_broken_frames_are_counted_keep_their_numbers_and_end_nothing(self) -> None:
        feed = Feed(Scripted([True, False, False, True, False]), every_frame=True)
        feed.start()
        assert [arrival.number for arrival in all_of(feed)] == [0, 3]
        assert (feed.n_seen, feed.n_broken, feed.n_dropped) == (5, 3, 0)

    def test_a_source_that_fails_is_told_after_its_last_frame(self) -> None:
        source = Scripted([True], error=OSError("unplugged"))
        feed = Feed(source, every_frame=True)
        feed.start()
        assert len(all_of(feed)) == 1
        assert str(feed.error) == "unplugged"
        assert source.closed.is_set()

    def test_says_when_a_frame_came(self) -> None:
        clock = Clock()
        source = Scripted([True])
        feed = Feed(source, clock=clock)
        feed.start()
        assert source.closed.wait(LONG_S)
        clock.now = 200.0
        assert [arrival.arrived_s for arrival in all_of(feed)] == [100.0]

    def test_gives_none_while_nothing_comes(self) -> None:
        feed = Feed(Scripted([], waits=True))
        feed.start()
        assert feed.take(0.001) is None
        assert not feed.has_ended
        feed.close()
        assert feed.has_ended

    @pytest.mark.parametrize("every_frame", [False, True])
    def test_can_be_closed_while_the_source_waits(self, every_frame: bool) -> None:
        source = Scripted([True, True], waits=True)
        feed = Feed(source, every_frame)
        feed.start()
        feed.close()
        assert source.stopped.is_set()
        assert source.closed.wait(LONG_S)
        assert feed.has_ended
        assert feed.n_dropped == feed.n_seen

    def test_that_was_never_started_gives_the_source_back(self) -> None:
        source = Scripted([True])
        Feed(source).close()
        assert source.closed.is_set()


class TestLatencies:
    def test_percentiles_are_of_the_nearest_rank(self) -> None:
        latencies = Latencies()
        for ms in np.random.default_rng(0).permutation(np.arange(1, 101)):
            latencies.add(ms / 1000)
        assert [latencies.percentile(share) for share in (1, 50, 95, 99, 100)] == pytest.approx(
            [1, 50, 95, 99, 100], abs=0.0101
        )
        assert (latencies.n, latencies.longest_ms) == (100, 100)

    def test_every_share_has_its_rank(self) -> None:
        """In floating point 7 / 100 * 100 is more than 7."""
        latencies = Latencies()
        for rank in range(1, 101):
            latencies.add((rank - 0.005) / 1000)  # well within a hundredth of a millisecond
        assert [latencies.percentile(share) for share in range(1, 101)] == list(range(1, 101))

    def test_are_rounded_up_to_a_hundredth_of_a_millisecond(self) -> None:
        latencies = Latencies()
        latencies.add(0.0012345)
        assert latencies.percentile(50) == 1.24

    def test_longer_than_a_second_are_the_longest(self) -> None:
        latencies = Latencies()
        for seconds in (0.001, 7.0, 3.0):
            latencies.add(seconds)
        assert latencies.percentile(99) == latencies.longest_ms == 7000

    def test_of_nothing_are_nan(self) -> None:
        latencies = Latencies()
        assert np.isnan([latencies.percentile(50), latencies.longest_ms]).all()


class TestWatcher:
    def made(self, clock: Clock, forward: Forward | None = None, view: View = WHOLE) -> tuple[Watcher, list[tuple]]:
        """A watcher that needs 4 ms a frame, and what its processor, who needs a second, was given."""
        given: list[tuple] = []

        def look(raw: RawFrame) -> Found:
            clock.now += 0.004
            number = number_of(raw)
            error = np.array([1.0, 2.0]) + number if number else None
            return Found(np.full((2, 2), number, dtype=np.float64), np.array([0.9, 0.2]), number == 0, error)

        def process(points: np.ndarray, score: np.ndarray, timestamp_s: float) -> None:
            clock.now += 1.0
            given.append((points.tolist(), score.tolist(), timestamp_s))

        return Watcher(look, view, process, forward, clock), given

    def arrival(self, number: int, clock: Clock) -> Arrival:
        return Arrival(number, frame(number), number / 10, clock.now)

    def test_latency_ends_when_the_numbers_are_handed_over(self) -> None:
        clock = Clock()
        watcher, _ = self.made(clock)
        numbers = watcher.work(self.arrival(0, clock))
        assert numbers.latency_s == pytest.approx(0.004)
        assert watcher.latencies.longest_ms == pytest.approx(4)

    def test_hands_over_points_of_the_full_frame(self) -> None:
        clock = Clock()
        watcher, given = self.made(clock, view=View(100, 50, 4, 4))
        found = [watcher.work(self.arrival(number, clock)) for number in (0, 3)]
        assert given == [([[100, 50]] * 2, [0.9, 0.2], 0.0), ([[103, 53]] * 2, [0.9, 0.2], 0.3)]
        assert found[1].xy.tolist() == [[103, 53]] * 2
        assert found[0].expected_error is None
        np.testing.assert_array_equal(found[1].expected_error, [4, 5])
        assert (watcher.n_whole, watcher.latencies.n, found[0].ahead) == (1, 2, None)

    def test_hands_over_predicted_points_and_keeps_the_found_ones(self) -> None:
        clock = Clock()
        forward = Forward(ForwardFilter(2, Motion(100.0, 1e-6, 1e3)), 0.05)
        watcher, given = self.made(clock, forward)
        for number in range(4):
            numbers = watcher.work(self.arrival(number, clock))
        np.testing.assert_allclose(given[-1][0], [[3.5, 3.5], [np.nan, np.nan]], rtol=1e-5)  # 1 px in 0.1 s
        np.testing.assert_array_equal(given[-1][0], numbers.ahead)
        assert numbers.xy.tolist() == [[3, 3]] * 2


class TestWatch:
    def test_ends_with_the_source(self) -> None:
        watcher, given = TestWatcher().made(Clock())
        feed = Feed(Scripted([True] * 3), every_frame=True)
        feed.start()
        assert [numbers.arrival.number for numbers in watch(feed, watcher, None) if numbers] == [0, 1, 2]
        assert len(given) == 3

    def test_ends_when_the_time_is_up(self) -> None:
        clock = Clock()
        watcher, given = TestWatcher().made(clock)  # its processor takes a second
        feed = Feed(Scripted([True] * 9, waits=True), every_frame=True)
        feed.start()
        found = [numbers for numbers in watch(feed, watcher, 2.5, clock) if numbers]
        feed.close()
        assert len(found) == len(given) == 3

    def test_comes_back_while_no_frame_comes(self) -> None:
        feed = Feed(Scripted([], waits=True))
        feed.start()
        watcher, _ = TestWatcher().made(Clock())
        assert next(watch(feed, watcher, None)) is None
        feed.close()


def test_a_processor_is_what_has_its_method() -> None:
    class Laser:
        def process(self, points: np.ndarray, score: np.ndarray, timestamp_s: float) -> None:
            """Nothing."""

    assert isinstance(Laser(), Processor)
    assert not isinstance(len, Processor)
