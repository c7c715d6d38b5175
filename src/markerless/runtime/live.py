"""Frames as they come to numbers as soon as can be: the newest frame wins.

A thread of its own takes frames from the source and puts each into a slot for one frame; what nobody took is dropped
and counted. So a network that is slower than the camera never works on old frames, and memory does not grow.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.view import View
from markerless.runtime.follow import Found
from markerless.runtime.forward import ForwardFilter
from markerless.video.live_source import Clock, LiveSource
from markerless.video.raw import RawFrame

SECONDS_BETWEEN_LOOKS = 0.1  # so soon a waiting thread hears of Ctrl-C on every system
PATIENCE_S = 2.0  # with a source that is to stop; what hangs longer is left to end with the program
BINS_PER_MS = 100
LONGEST_MS = 1000


@runtime_checkable
class Processor(Protocol):
    """Gets the numbers of every frame as soon as they are there: the place for closed-loop experiments.

    A function of the same three arguments will do. Two more methods are called where there are any: `start(keypoints)`
    with the names of the keypoints before the first frame, and `stop()` after the last one, whatever ended it.
    """

    def process(self, points: FloatArray, score: FloatArray, timestamp_s: float) -> None:
        """React to one frame; the next one waits until this returns.

        Args:
            points: `(K, 2)` float64 pixels of the full frame, (0, 0) the center of the top-left pixel. With forward
                prediction, where the keypoints will be so much later; NaN for a keypoint that was not seen of late.
            score: `(K,)` float64 in 0..1, of the keypoints as they were found in the frame. Of a network whose errors
                are calibrated it is the probability of being within the tolerance, which is in the run's `run.toml`.
            timestamp_s: When the frame was taken: seconds since the first frame.
        """


@dataclass(frozen=True)
class Arrival:
    """A frame in hand.

    Attributes:
        number: Its place in the source, from 0; frames that were dropped or broken have numbers too.
        frame: The picture.
        timestamp_s: Seconds since the first frame, by the source.
        arrived_s: When it came, by the clock of the feed.
    """

    number: int
    frame: RawFrame
    timestamp_s: float
    arrived_s: float


class Feed:
    """The slot for the newest frame, and the thread that fills it.

    Attributes:
        n_seen: Frames that came, broken ones included.
        n_dropped: Frames overwritten by a newer one before anyone took them.
        n_broken: Frames that could not be decoded.
        error: What ended the source, None when it ended by itself.
    """

    def __init__(self, source: LiveSource, every_frame: bool = False, clock: Clock = time.perf_counter) -> None:
        """Nothing is read before `start`.

        Args:
            source: Read by another thread from then on, and closed by it.
            every_frame: Let the source wait until its frame was taken, so that none is dropped.
            clock: Seconds.
        """
        self.n_seen = self.n_dropped = self.n_broken = 0
        self.error: BaseException | None = None
        self._source = source
        self._every_frame = every_frame
        self._clock = clock
        self._changed = threading.Condition()
        self._slot: Arrival | None = None
        self._ended = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="live source", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def take(self, timeout_s: float = SECONDS_BETWEEN_LOOKS) -> Arrival | None:
        """The newest frame that nobody took yet; waits for one, None when none comes within the time or ever."""
        with self._changed:
            if self._slot is None and not self._ended:
                self._changed.wait(timeout_s)
            arrival, self._slot = self._slot, None
            if self._every_frame:
                self._changed.notify_all()
            return arrival

    @property
    def has_ended(self) -> bool:
        """Whether `take` will give nothing more."""
        with self._changed:
            return self._ended and self._slot is None

    def close(self) -> None:
        """Stop reading and give the source back."""
        if self._thread.ident is None:
            self._source.close()
            return
        self._source.stop()
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(PATIENCE_S)
        with self._changed:
            self.n_dropped += self._slot is not None
            self._slot = None

    def _run(self) -> None:
        try:
            try:
                for live in self._source.frames():
                    if not self._put(live.frame, live.timestamp_s):
                        break
            finally:
                self._source.close()
        except BaseException as error:  # whatever it is, the thread that waits for frames has to hear of it
            self.error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _put(self, frame: RawFrame | None, timestamp_s: float) -> bool:
        """Put a frame into the slot; whether more are wanted."""
        arrived_s = self._clock()
        with self._changed:
            number = self.n_seen
            self.n_seen += 1
            if frame is None:
                self.n_broken += 1
                return not self._stopped
            while self._every_frame and self._slot is not None and not self._stopped:
                self._changed.wait()
                arrived_s = self._clock()
            self.n_dropped += self._slot is not None
            self._slot = Arrival(number, frame, timestamp_s, arrived_s)
            self._changed.notify_all()
            return not self._stopped


class Latencies:
    """Times from frame in hand to numbers in hand, in constant memory: counts of hundredths of a millisecond."""

    def __init__(self) -> None:
        self._counts = np.zeros(LONGEST_MS * BINS_PER_MS + 1, dtype=np.int64)  # the last one for all that is longer
        self.n = 0
        self.longest_ms = math.nan

    def add(self, seconds: float) -> None:
        """Count one."""
        ms = 1000 * seconds
        self._counts[min(max(math.ceil(ms * BINS_PER_MS), 0), len(self._counts) - 1)] += 1
        self.longest_ms = ms if self.n == 0 else max(ms, self.longest_ms)
        self.n += 1

    def percentile(self, share: float) -> float:
        """Milliseconds that so many percent do not exceed (nearest rank, rounded up to 0.01 ms); NaN without any."""
        if self.n == 0:
            return math.nan
        rank = max(math.ceil(share * self.n / 100), 1)
        place = int(np.searchsorted(np.cumsum(self._counts), rank))
        return self.longest_ms if place == len(self._counts) - 1 else place / BINS_PER_MS


@dataclass(frozen=True)
class Numbers:
    """What came of one frame.

    Attributes:
        arrival: The frame.
        xy: `(K, 2)` float64 pixels of the full frame.
        score: `(K,)` float64.
        whole: Whether all of the frame was looked at.
        ahead: `(K, 2)` where the keypoints will be, NaN for those not seen of late; None without forward prediction.
        latency_s: From frame in hand to numbers in hand.
        expected_error: `(K,)` px of the points as they were found, None from a model that gives none.
    """

    arrival: Arrival
    xy: FloatArray
    score: FloatArray
    whole: bool
    ahead: FloatArray | None
    latency_s: float
    expected_error: FloatArray | None = None


@dataclass(frozen=True)
class Forward:
    """Forward prediction by so many seconds."""

    filter: ForwardFilter
    ahead_s: float


class Watcher:
    """Works on one frame after the other.

    Attributes:
        latencies: Of all frames.
        n_whole: Frames of which everything was looked at.
    """

    def __init__(
        self,
        look: Callable[[RawFrame], Found],
        view: View,
        process: Callable[[FloatArray, FloatArray, float], None],
        forward: Forward | None = None,
        clock: Clock = time.perf_counter,
    ) -> None:
        """Nothing was seen yet.

        Args:
            look: The model.
            view: The part of the frame that it looks at.
            process: Gets points, score and timestamp; see `Processor`.
            forward: For predicted points.
            clock: That of the feed.
        """
        self.latencies = Latencies()
        self.n_whole = 0
        self._look = look
        self._corner = np.array([view.left, view.top], dtype=np.float64)
        self._process = process
        self._forward = forward
        self._clock = clock

    def work(self, arrival: Arrival) -> Numbers:
        """Find the keypoints, and hand them over at once."""
        found = self._look(arrival.frame)
        xy = found.xy + self._corner
        ahead = None
        if self._forward is not None:
            self._forward.filter.update(xy, found.score, arrival.timestamp_s)
            ahead = self._forward.filter.ahead(self._forward.ahead_s)
        latency_s = self._clock() - arrival.arrived_s
        self._process(xy if ahead is None else ahead, found.score, arrival.timestamp_s)
        self.latencies.add(latency_s)
        self.n_whole += found.whole
        return Numbers(arrival, xy, found.score, found.whole, ahead, latency_s, found.expected_error)


def watch(
    feed: Feed, watcher: Watcher, seconds: float | None, clock: Clock = time.monotonic
) -> Iterator[Numbers | None]:
    """Numbers of the newest frame, again and again; None now and then while no frame comes.

    Args:
        feed: Started.
        watcher: What works on the frames.
        seconds: End after this time; None: when the source ends.
        clock: Seconds.
    """
    began = clock()
    while not feed.has_ended and (seconds is None or clock() - began < seconds):
        arrival = feed.take()
        yield None if arrival is None else watcher.work(arrival)
