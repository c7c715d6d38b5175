"""From frames to predictions: decoding, inference and whatever the caller does with a block overlap, in bounded memory.

A video is worked on in blocks. Decoder and batches start afresh at each block, so a prediction depends on its block
alone: not on the number of threads, and not on whether the work was interrupted and taken up again.
"""

from __future__ import annotations

import queue
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from markerless.core.affine import Affine
from markerless.core.instance import FloatArray
from markerless.core.view import View
from markerless.runtime.engine import Batch, Handle, Prediction, Session

BLOCK_FRAMES = 500
# Some cameras write one key frame an hour; without an end to a block, an interruption would cost all of that hour.
LONGEST_BLOCK_FRAMES = 2000
QUEUE_BYTES = 48 << 20
LONGEST_QUEUE = 32
SECONDS_BETWEEN_LOOKS = 0.1

Frames = Iterator[tuple[int, npt.NDArray[np.uint8] | None]]


@dataclass(frozen=True)
class Block:
    """The frames `start` to `stop - 1`, worked on in one piece.

    Attributes:
        start: First frame.
        stop: Frame after the last.
        restarts: Whether decoding starts afresh here (at a key frame); else it goes on from the block before.
    """

    start: int
    stop: int
    restarts: bool = True


@dataclass(frozen=True)
class BlockPrediction:
    """Predictions of one block.

    Attributes:
        block: Which frames.
        xy: `(n, K, 2)` float64 pixels of the whole frame; NaN where the frame could not be decoded.
        score: `(n, K)` float64 in 0..1; NaN likewise.
        decoded: `(n,)` whether the frame could be decoded.
    """

    block: Block
    xy: FloatArray
    score: FloatArray
    decoded: npt.NDArray[np.bool_]


class FrameSource(Protocol):
    """Anything that gives frames in order: a video reader."""

    def frames(self, start: int = 0, stop: int | None = None) -> Frames:
        """Frames `start` to `stop - 1` with their index; None for one that cannot be decoded."""


def blocks(key_frames: Sequence[int], n_frames: int) -> tuple[Block, ...]:
    """Cut a video into blocks: each starts at the first key frame that is at least 500 frames after the start before.

    Where no key frame comes within 2000 frames the block ends there, and decoding goes on into the next one.

    Args:
        key_frames: Indices at which decoding can start, ascending.
        n_frames: Frames of the video.
    """
    found: list[Block] = []
    start, restarts = 0, True
    while start < n_frames:
        place = bisect_left(key_frames, start + BLOCK_FRAMES)
        key = key_frames[place] if place < len(key_frames) else n_frames
        stop = min(key, start + LONGEST_BLOCK_FRAMES, n_frames)
        found.append(Block(start, stop, restarts))
        start, restarts = stop, stop == key
    return tuple(found)


def within(all_blocks: Sequence[Block], start: int, stop: int) -> tuple[Block, ...]:
    """The blocks cut down to the frames `start` to `stop - 1`; empty ones are left out."""
    cut = (Block(max(block.start, start), min(block.stop, stop), block.restarts) for block in all_blocks)
    return tuple(block for block in cut if block.start < block.stop)


def predict(
    source: FrameSource,
    session: Session,
    todo: Sequence[Block],
    view: View,
    n_keypoints: int,
    on_frames: Callable[[int], None],
) -> Generator[BlockPrediction]:
    """Predict block after block; while the caller works on one, the next ones are being decoded and computed.

    Args:
        source: Where frames come from; used by another thread until the iterator is exhausted or closed.
        session: The model, opened for the size of `view`.
        todo: Blocks in ascending order.
        view: Part of the frame to look at.
        n_keypoints: How many keypoints the model predicts.
        on_frames: Called with the number of frames finished since the call before.

    Yields:
        Every block of `todo`, in order.
    """
    batch_size = session.options.batch_size
    pieces = _decoded_ahead(_pieces(source, todo, view, batch_size), _queue_length(view, batch_size))
    gathering: _Gathering | None = None
    with closing(pieces), closing(_in_order(pieces, session)) as results:
        for piece, prediction in results:
            if gathering is None:
                gathering = _Gathering(piece.block, view.to_frame, n_keypoints)
            gathering.add(piece, prediction)
            on_frames(piece.n_frames)
            if piece.ends_block:
                yield gathering.finish()
                gathering = None


@dataclass(frozen=True)
class _Piece:
    """What goes from the decoder to the model: one batch, one broken frame, or the end of a block."""

    block: Block
    frames: tuple[int, ...] = ()
    images: Batch | None = None
    ends_block: bool = False

    @property
    def n_frames(self) -> int:
        return len(self.frames)


class _Gathering:
    """The predictions of one block as they come in."""

    def __init__(self, block: Block, to_frame: Affine, n_keypoints: int) -> None:
        n_frames = block.stop - block.start
        self._block = block
        self._to_frame = to_frame
        self._xy = np.full((n_frames, n_keypoints, 2), np.nan)
        self._score = np.full((n_frames, n_keypoints), np.nan)
        self._decoded = np.zeros(n_frames, dtype=np.bool_)

    def add(self, piece: _Piece, prediction: Prediction | None) -> None:
        """Take the predictions of a batch; images beyond the piece's frames only filled the batch up."""
        if prediction is None:
            return
        rows = np.array(piece.frames) - self._block.start
        self._xy[rows] = prediction.xy[: len(rows)]
        self._score[rows] = prediction.score[: len(rows)]
        self._decoded[rows] = True

    def finish(self) -> BlockPrediction:
        """All of the block, mapped to the frame once."""
        return BlockPrediction(self._block, self._to_frame.apply(self._xy), self._score, self._decoded)


def _in_order(pieces: Iterator[_Piece], session: Session) -> Generator[tuple[_Piece, Prediction | None]]:
    """Give every piece back, in order, with its prediction; as many requests in flight as the session wants."""
    pending: deque[tuple[_Piece, Handle | None]] = deque()
    try:
        for piece in pieces:
            if len(pending) >= session.in_flight:
                yield _collect(*pending.popleft())
            pending.append((piece, None if piece.images is None else session.submit(piece.images)))
        while pending:
            yield _collect(*pending.popleft())
    finally:
        for _, handle in pending:  # the memory of their images is in use until they are done
            if handle is not None:
                handle.result()


def _collect(piece: _Piece, handle: Handle | None) -> tuple[_Piece, Prediction | None]:
    return piece, None if handle is None else handle.result()


def _pieces(source: FrameSource, todo: Sequence[Block], view: View, batch_size: int) -> Iterator[_Piece]:
    """Decode block after block."""
    for span in _spans(todo):
        frames = source.frames(span[0].start, span[-1].stop)
        for block in span:
            yield from _pieces_of_block(block, frames, view, batch_size)


def _spans(todo: Sequence[Block]) -> list[list[Block]]:
    """Blocks that are decoded in one go."""
    spans: list[list[Block]] = []
    for block in todo:
        if spans and not block.restarts and spans[-1][-1].stop == block.start:
            spans[-1].append(block)
        else:
            spans.append([block])
    return spans


def _pieces_of_block(block: Block, frames: Frames, view: View, batch_size: int) -> Iterator[_Piece]:
    indices: list[int] = []
    images: list[npt.NDArray[np.uint8]] = []
    for index, frame in islice(frames, block.stop - block.start):
        if frame is None:
            yield _Piece(block, (index,))
            continue
        indices.append(index)
        images.append(view.cut(frame))
        if len(images) == batch_size:
            yield _Piece(block, tuple(indices), _batch(images, batch_size))
            indices, images = [], []
    if images:
        yield _Piece(block, tuple(indices), _batch(images, batch_size))
    yield _Piece(block, ends_block=True)


def _batch(images: list[npt.NDArray[np.uint8]], batch_size: int) -> Batch:
    """`(B, H, W, C)`; the last image again and again where the block ends before the batch is full."""
    if batch_size == 1:
        return images[0][np.newaxis]
    return np.stack(images + images[-1:] * (batch_size - len(images)))


def _queue_length(view: View, batch_size: int) -> int:
    return max(2, min(LONGEST_QUEUE, QUEUE_BYTES // (3 * batch_size * view.width * view.height)))


def _decoded_ahead(pieces: Iterator[_Piece], length: int) -> Generator[_Piece]:
    """The same pieces, made by another thread that is at most `length` of them ahead."""
    ready: queue.Queue[_Piece | BaseException | None] = queue.Queue(length)
    stopped = threading.Event()

    def hand_over(item: _Piece | BaseException | None) -> None:
        while not stopped.is_set():
            with suppress(queue.Full):
                ready.put(item, timeout=SECONDS_BETWEEN_LOOKS)
                return

    def decode() -> None:
        try:
            for piece in pieces:
                hand_over(piece)
                if stopped.is_set():
                    return
            hand_over(None)
        except BaseException as error:  # whatever it is, the thread that asked for frames has to hear of it
            hand_over(error)

    thread = threading.Thread(target=decode, name="decoder", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
