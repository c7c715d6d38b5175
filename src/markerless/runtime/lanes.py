"""Videos analyzed in a region of interest, on all cores.

As one frame tells where to look in the next, the frames of a block are worked on one after the other. Blocks know
nothing of each other, so as many of them as there are threads are worked on side by side, each in a lane of its own
with its own decoder. Where decoding takes about as long as the network, a lane has two threads instead, one for each:
a core that does the same thing all the time does it faster (benchmarks/RESULTS.md).
"""

from __future__ import annotations

import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice

from markerless.core.view import View
from markerless.runtime.blocks import Block, BlockPrediction, Frames, Gathering, spans
from markerless.runtime.follow import FollowingModel
from markerless.runtime.stream import decoded_ahead
from markerless.video.raw import RawFrame
from markerless.video.reader import VideoReader

SECONDS_BETWEEN_REPORTS = 0.1
FRAMES_AHEAD = 16

Chunk = Iterable[tuple[int, RawFrame | None]]


@dataclass(frozen=True)
class Crew:
    """Who works on a video.

    Attributes:
        n_threads: Processor threads.
        in_pairs: Of two threads one decodes and the other one runs the model; else each does both.
    """

    n_threads: int
    in_pairs: bool = False

    @property
    def n_lanes(self) -> int:
        """How many blocks are worked on side by side."""
        return math.ceil(self.n_threads / 2) if self.in_pairs else self.n_threads


def predict_in_region(
    reader: VideoReader,
    new_model: Callable[[], FollowingModel],
    todo: Sequence[Block],
    view: View,
    crew: Crew,
    on_frames: Callable[[int], None],
) -> Generator[BlockPrediction]:
    """Predict blocks side by side.

    Args:
        reader: The video; used by another thread until the iterator is exhausted or closed.
        new_model: Gives a model for one lane.
        todo: Blocks in ascending order.
        view: Part of the frame that is analyzed.
        crew: The threads.
        on_frames: Called with the number of frames finished since the call before.

    Yields:
        Every block of `todo`, as they are finished.
    """
    waiting = deque(spans(todo))
    n_lanes = min(crew.n_lanes, len(waiting))
    # lanes alone would leave threads idle where there are few blocks: then decoding goes on beside the model
    lanes = _Lanes(waiting, view, decodes_ahead=n_lanes < crew.n_threads)
    readers = [reader, *(reader.again() for _ in range(n_lanes - 1))][:n_lanes]
    threads = [
        threading.Thread(target=lanes.run, args=(own, new_model), name=f"lane {i}", daemon=True)
        for i, own in enumerate(readers)
    ]
    try:
        for thread in threads:
            thread.start()
        yield from lanes.results(len(todo), on_frames)
    finally:
        lanes.stopped.set()
        for thread in threads:
            thread.join()
        for other in readers[1:]:
            other.close()


class _Lanes:
    """What the lanes of one analysis share."""

    def __init__(self, waiting: deque[list[Block]], view: View, decodes_ahead: bool) -> None:
        self.stopped = threading.Event()
        self._waiting = waiting
        self._view = view
        self._decodes_ahead = decodes_ahead
        self._finished: queue.SimpleQueue[BlockPrediction | BaseException] = queue.SimpleQueue()
        self._n_frames: deque[int] = deque()

    def run(self, reader: VideoReader, new_model: Callable[[], FollowingModel]) -> None:
        """One lane: span after span, until none is waiting."""
        try:
            model = new_model()
            while not self.stopped.is_set():
                try:
                    span = self._waiting.popleft()
                except IndexError:
                    return
                self._predict_span(span, reader.raw_frames(span[0].start, span[-1].stop), model)
        except BaseException as error:  # whatever it is, the thread that asked for predictions has to hear of it
            self._finished.put(error)

    def results(self, n_blocks: int, on_frames: Callable[[int], None]) -> Generator[BlockPrediction]:
        """The blocks as they come; an error of a lane is raised."""
        while n_blocks:
            try:
                result = self._finished.get(timeout=SECONDS_BETWEEN_REPORTS)
            except queue.Empty:
                self._report(on_frames)
                continue
            if isinstance(result, BaseException):
                raise result
            self._report(on_frames)
            yield result
            n_blocks -= 1

    def _report(self, on_frames: Callable[[int], None]) -> None:
        n_frames = 0
        while self._n_frames:
            n_frames += self._n_frames.popleft()
        if n_frames:
            on_frames(n_frames)

    def _predict_span(self, span: list[Block], frames: Frames, model: FollowingModel) -> None:
        chunks: Generator[Chunk] = _chunks(span, frames, model.together)
        if self._decodes_ahead:
            chunks = decoded_ahead((list(chunk) for chunk in chunks), FRAMES_AHEAD // model.together)
        with closing(chunks):
            for block in span:
                gathering = Gathering(block, self._view.to_frame, model.n_keypoints)
                model.restart()
                n_left = block.stop - block.start
                while n_left:
                    if self.stopped.is_set():
                        return
                    n_frames = _predict_chunk(next(chunks), model, gathering)
                    self._n_frames.append(n_frames)
                    n_left -= n_frames
                self._finished.put(gathering.finish())


def _chunks(span: Sequence[Block], frames: Frames, together: int) -> Generator[Chunk]:
    """Frames in a row that are looked at together, decoded as they are asked for; none reaches over a block's end."""
    for block in span:
        for start in range(block.start, block.stop, together):
            yield islice(frames, min(together, block.stop - start))


def _predict_chunk(chunk: Chunk, model: FollowingModel, gathering: Gathering) -> int:
    """The animal in the next frames; how many there were."""
    n_frames = 0
    whole: list[int] = []

    def decoded() -> Iterator[RawFrame]:
        nonlocal n_frames
        for index, frame in chunk:
            n_frames += 1
            if frame is not None:
                whole.append(index)
                yield frame

    coming = decoded()
    first = next(coming, None)
    if first is not None:  # where no frame can be decoded there is nothing to predict
        for index, found in zip(whole, model.predict(chain([first], coming)), strict=True):
            gathering.add_one(index, found.xy, found.score, found.whole, found.expected_error)
    return n_frames
