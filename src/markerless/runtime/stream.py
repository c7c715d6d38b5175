"""Whole frames to predictions: decoding, inference and the caller's work on a block overlap, in bounded memory."""

from __future__ import annotations

import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from markerless.core.view import View
from markerless.runtime.blocks import Block, BlockPrediction, Frames, FrameSource, Gathering, spans
from markerless.runtime.engine import Batch, EngineOptions, Handle, Prediction, Session
from markerless.video.raw import RawFrame

QUEUE_BYTES = 48 << 20
LONGEST_QUEUE = 32
SECONDS_BETWEEN_LOOKS = 0.1


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
    pieces = decoded_ahead(_pieces(source, todo, view, session.options), _queue_length(session.options))
    gathering: Gathering | None = None
    with closing(pieces), closing(_in_order(pieces, session)) as results:
        for piece, prediction in results:
            if gathering is None:
                gathering = Gathering(piece.block, view.to_frame, n_keypoints)
            if prediction is not None:
                gathering.add(piece.frames, prediction)
            on_frames(piece.n_frames)
            if piece.ends_block:
                yield gathering.finish()
                gathering = None


@dataclass(frozen=True)
class _Raised:
    """An error on its way from one thread to another."""

    error: BaseException


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


def _pieces(source: FrameSource, todo: Sequence[Block], view: View, options: EngineOptions) -> Iterator[_Piece]:
    """Decode block after block."""
    for span in spans(todo):
        frames = source.raw_frames(span[0].start, span[-1].stop)
        for block in span:
            yield from _pieces_of_block(block, frames, view, options)


def _pieces_of_block(block: Block, frames: Frames, view: View, options: EngineOptions) -> Iterator[_Piece]:
    indices: list[int] = []
    images: list[npt.NDArray[np.uint8]] = []
    for index, frame in islice(frames, block.stop - block.start):
        if frame is None:
            yield _Piece(block, (index,))
            continue
        indices.append(index)
        images.append(pixels(frame, view, options.channels))
        if len(images) == options.batch_size:
            yield _Piece(block, tuple(indices), _batch(images, options.batch_size))
            indices, images = [], []
    if images:
        yield _Piece(block, tuple(indices), _batch(images, options.batch_size))
    yield _Piece(block, ends_block=True)


def pixels(frame: RawFrame, view: View, channels: int) -> npt.NDArray[np.uint8]:
    """`(h, w, channels)`: what a model of that many channels sees of a frame."""
    return frame.gray(view) if channels == 1 else frame.rgb(view)


def _batch(images: list[npt.NDArray[np.uint8]], batch_size: int) -> Batch:
    """`(B, H, W, C)`; the last image again and again where the block ends before the batch is full."""
    if batch_size == 1:
        return images[0][np.newaxis]
    return np.stack(images + images[-1:] * (batch_size - len(images)))


def _queue_length(options: EngineOptions) -> int:
    return max(2, min(LONGEST_QUEUE, QUEUE_BYTES // math.prod(options.shape)))


T = TypeVar("T")


def decoded_ahead(items: Iterator[T], length: int) -> Generator[T]:
    """The same items, made by another thread that is at most `length` of them ahead."""
    ready: queue.Queue[T | _Raised | None] = queue.Queue(length)
    stopped = threading.Event()

    def hand_over(item: T | _Raised | None) -> None:
        while not stopped.is_set():
            with suppress(queue.Full):
                ready.put(item, timeout=SECONDS_BETWEEN_LOOKS)
                return

    def decode() -> None:
        try:
            for item in items:
                hand_over(item)
                if stopped.is_set():
                    return
            hand_over(None)
        except BaseException as error:  # whatever it is, the thread that asked for frames has to hear of it
            hand_over(_Raised(error))

    thread = threading.Thread(target=decode, name="decoder", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, _Raised):
                raise item.error
            yield item
    finally:
        stopped.set()
        thread.join()
