"""A video is worked on in blocks that depend on nothing outside of them.

Decoder, batches and region of interest start afresh at each block, so a prediction depends on its block alone: not on
the number of threads, and not on whether the work was interrupted and taken up again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from markerless.core.affine import Affine
from markerless.core.instance import FloatArray
from markerless.runtime.engine import Prediction
from markerless.video.raw import RawFrame

BLOCK_FRAMES = 500
# Some cameras write one key frame an hour; without an end to a block, an interruption would cost all of that hour.
LONGEST_BLOCK_FRAMES = 2000

Frames = Iterator[tuple[int, RawFrame | None]]


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
        expected_error: `(n, K)` float64 px; NaN likewise, and everywhere of a model that gives none.
        decoded: `(n,)` whether the frame could be decoded.
        whole: `(n,)` whether all of the frame was looked at, and not only a region of interest.
    """

    block: Block
    xy: FloatArray
    score: FloatArray
    expected_error: FloatArray
    decoded: npt.NDArray[np.bool_]
    whole: npt.NDArray[np.bool_]


class FrameSource(Protocol):
    """Anything that gives frames in order: a video reader."""

    def raw_frames(self, start: int = 0, stop: int | None = None) -> Frames:
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


def spans(todo: Sequence[Block]) -> list[list[Block]]:
    """Blocks that are decoded in one go."""
    found: list[list[Block]] = []
    for block in todo:
        if found and not block.restarts and found[-1][-1].stop == block.start:
            found[-1].append(block)
        else:
            found.append([block])
    return found


class Gathering:
    """The predictions of one block as they come in."""

    def __init__(self, block: Block, to_frame: Affine, n_keypoints: int) -> None:
        n_frames = block.stop - block.start
        self._block = block
        self._to_frame = to_frame
        self._xy = np.full((n_frames, n_keypoints, 2), np.nan)
        self._score = np.full((n_frames, n_keypoints), np.nan)
        self._error = np.full((n_frames, n_keypoints), np.nan)
        self._decoded = np.zeros(n_frames, dtype=np.bool_)
        self._whole = np.zeros(n_frames, dtype=np.bool_)

    def add(self, frames: Sequence[int], prediction: Prediction) -> None:
        """Take the predictions of whole frames; images beyond `frames` only filled the batch up."""
        rows = np.array(frames) - self._block.start
        self._xy[rows] = prediction.xy[: len(rows)]
        self._score[rows] = prediction.score[: len(rows)]
        if prediction.expected_error is not None:
            self._error[rows] = prediction.expected_error[: len(rows)]
        self._decoded[rows] = self._whole[rows] = True

    def add_one(
        self, frame: int, xy: FloatArray, score: FloatArray, whole: bool, expected_error: FloatArray | None = None
    ) -> None:
        """Take the prediction of one frame."""
        row = frame - self._block.start
        self._xy[row], self._score[row] = xy, score
        if expected_error is not None:
            self._error[row] = expected_error
        self._decoded[row], self._whole[row] = True, whole

    def finish(self) -> BlockPrediction:
        """All of the block, mapped to the frame once."""
        xy, error = self._to_frame.apply(self._xy), self._error * self._to_frame.scale
        return BlockPrediction(self._block, xy, self._score, error, self._decoded, self._whole)
