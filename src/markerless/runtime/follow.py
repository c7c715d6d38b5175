"""The model looking at a region that follows one animal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import cv2
import numpy as np
import numpy.typing as npt

from markerless.core.affine import Affine
from markerless.core.instance import FloatArray
from markerless.core.view import View
from markerless.runtime.engine import FILL, Session
from markerless.runtime.region import Follower, Region
from markerless.runtime.stream import pixels
from markerless.video.raw import RawFrame


@dataclass(frozen=True)
class Sessions:
    """One model at the sizes it is needed in.

    Attributes:
        whole: For the whole frame (or the part of it that is analyzed).
        region: For the region, `Region.together` images a request.
        small: For the whole frame made smaller; None where the animal is looked for in the frame as it is.
    """

    whole: Session
    region: Session
    small: Session | None = None


@dataclass(frozen=True)
class Found:
    """The animal in one frame.

    Attributes:
        xy: `(K, 2)` float64 pixels of the part of the frame that is analyzed.
        score: `(K,)` float64.
        whole: Whether all of that part was looked at.
        expected_error: `(K,)` float64 px, None from a model that gives none.
    """

    xy: FloatArray
    score: FloatArray
    whole: bool
    expected_error: FloatArray | None = None


class FollowingModel:
    """Finds the animal in the frames of a block, in order; used by one thread, which waits for every answer.

    Attributes:
        n_keypoints: How many keypoints the model predicts.
        together: How many frames `predict` takes at once.
    """

    def __init__(self, sessions: Sessions, region: Region, view: View, n_keypoints: int) -> None:
        """Nothing is known of the animal yet.

        Args:
            sessions: The model.
            region: Fitted to `view`.
            view: The part of the frame that is analyzed.
            n_keypoints: How many keypoints the model predicts.
        """
        self._sessions = sessions
        self._region = region
        self._view = view
        self.n_keypoints = n_keypoints
        self.together = region.together
        self._channels = sessions.whole.options.channels
        # as black as what `open_session` tried the model on; rows beyond the frames given hold those of earlier calls
        self._batch = np.zeros(sessions.region.options.shape, dtype=np.uint8)
        self.restart()

    def restart(self) -> None:
        """Forget where the animal was."""
        self._follower = Follower(self._region, (self._view.width, self._view.height), self.n_keypoints)

    def start(self, found: Found) -> None:
        """Begin where the animal is known to be."""
        self._follower.accept_whole(found.xy, found.score)

    def predict(self, next_frames: Iterable[RawFrame]) -> list[Found]:
        """The animal in the next frames, at least one and at most `Region.together` of them.

        The region is cut out of each before the next one is asked for: what was decoded just now is near the processor.
        """
        coming = iter(next_frames)
        region = self._follower.view()
        first: list[RawFrame] = []
        if region is None and self._sessions.small is not None:
            first.append(next(coming))
            region = self.locate(first[0])
        if region is None:
            return [self.look_everywhere(frame) for frame in chain(first, coming)]
        frames: list[RawFrame] = []
        for place, frame in enumerate(chain(first, coming)):
            cut_region(frame, region, self._view, self._batch[place])
            frames.append(frame)
        xy, score, error = self._look_at(region, len(frames))
        found = [Found(xy[i], score[i], False, None if error is None else error[i]) for i in range(len(frames))]
        if self._follower.accept_all(xy, score, region):
            return found
        return [
            one if self._follower.accept(one.xy, one.score, region) else self.look_everywhere(frame)
            for one, frame in zip(found, frames, strict=True)
        ]

    def _look_at(self, region: View, n_frames: int) -> tuple[FloatArray, FloatArray, FloatArray | None]:
        """Points `(n, K, 2)`, scores `(n, K)` and expected errors `(n, K)`, if any, in a region that was cut out."""
        prediction = self._sessions.region.submit(self._batch).result()
        xy = prediction.xy[:n_frames].astype(np.float64) + np.array([region.left, region.top])
        score, error = prediction.score[:n_frames].astype(np.float64), prediction.expected_error
        return xy, score, None if error is None else error[:n_frames].astype(np.float64)

    def look_everywhere(self, frame: RawFrame) -> Found:
        """The animal in a whole frame; the region follows it from there."""
        image = pixels(frame, self._view, self._channels)
        prediction = self._sessions.whole.submit(image[np.newaxis]).result()
        xy, score, error = prediction.xy[0], prediction.score[0], prediction.expected_error
        found = Found(
            xy.astype(np.float64),
            score.astype(np.float64),
            True,
            None if error is None else error[0].astype(np.float64),
        )
        self._follower.accept_whole(found.xy, found.score)
        return found

    def locate(self, frame: RawFrame) -> View | None:
        """The region around the animal as a small frame shows it, None when it shows none."""
        session, shrink = self._sessions.small, self._region.shrink
        assert session is not None
        image = shrunk(pixels(frame, self._view, self._channels), shrink)
        prediction = session.submit(image[np.newaxis]).result()
        xy = Affine.resize(1 / shrink).inverse().apply(prediction.xy[0])
        return self._follower.found(xy, prediction.score[0].astype(np.float64))


def cut_region(frame: RawFrame, region: View, view: View, out: npt.NDArray[np.uint8]) -> None:
    """Copy a region of the analyzed part `view` into `out (h, w, C)`; beyond that part is the gray of padding."""
    width = min(region.width, view.width - region.left)
    height = min(region.height, view.height - region.top)
    inside = View(view.left + region.left, view.top + region.top, width, height)
    if out.shape[2] == 1:
        frame.gray(inside, out[:height, :width])
    else:
        out[:height, :width] = frame.rgb(inside)
    if height < region.height or width < region.width:
        out[height:] = FILL
        out[:height, width:] = FILL


def shrunk_size(width: int, height: int, shrink: int) -> tuple[int, int]:
    """Width and height of a frame made smaller."""
    return width // shrink, height // shrink


def shrunk(image: npt.NDArray[np.uint8], shrink: int) -> npt.NDArray[np.uint8]:
    """`(H, W, C)` -> `(H // shrink, W // shrink, C)`, averages of squares of pixels; what is over at the end is cut."""
    height, width, channels = image.shape
    size = shrunk_size(width, height, shrink)
    whole = image[: size[1] * shrink, : size[0] * shrink]
    small = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8).reshape(size[1], size[0], channels)
