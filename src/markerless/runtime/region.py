"""Where to look next for one animal, and whether what was found there can be trusted.

The animal is found once, then the network runs on a region around it at the scale of the training. The region follows
the animal while every point that could be seen is seen; where one is not, all of the frame is looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.view import View

SEEN_FROM = 0.5  # a point of at least this score is seen, unless the network says otherwise
# A point that the whole frame did not show is not waited for in the region, but looked for again after so many frames.
LOOK_AGAIN_AFTER = 30
# Along a side of a network's maps; OpenVINO takes no image with fewer for a network that an earlier version exported.
FEWEST_CELLS = 4


def padded(length: int, grid: int) -> int:
    """The next multiple of `grid` pixels, which the network sees of a side of that length."""
    return math.ceil(length / grid) * grid


def smallest_side(grid: int, stride: int) -> int:
    """Pixels along a side of the smallest region, a multiple of `grid`.

    Args:
        grid: Regions begin at multiples of this many pixels, and images are padded to them.
        stride: Pixels along a side of a cell of the network's maps.
    """
    return padded(FEWEST_CELLS * stride, grid)


@dataclass(frozen=True)
class Region:
    """How large the region is and how it moves; the same for every video of a run.

    Attributes:
        width: Columns of the region, a multiple of `grid`.
        height: Rows, likewise.
        grid: Regions begin at multiples of this many pixels: there the maps lie as they do in the whole frame.
        edge: Points so near to an edge of the region may have more of the animal beyond it, in pixels.
        together: So many frames in a row are looked at in the same place.
        shrink: The animal is first looked for in a frame that is so many times smaller; 1: in the frame as it is.
        seen_from: A point of at least this score is seen.
    """

    width: int
    height: int
    grid: int
    edge: int
    together: int = 1
    shrink: int = 1
    seen_from: float = SEEN_FROM

    def fitted(self, width: int, height: int) -> Region:
        """The same for frames of a size: no larger than the frame, rounded up to the grid."""
        across, down = padded(width, self.grid), padded(height, self.grid)
        return replace(self, width=min(self.width, across), height=min(self.height, down))

    def is_smaller_than(self, width: int, height: int) -> bool:
        """Whether there is anything to gain: the region has at most half of the frame's area."""
        return 2 * self.width * self.height <= width * height

    def around(self, center: FloatArray, frame: tuple[int, int]) -> View:
        """The region whose middle is nearest to `center (2,)`; it may hang over the frame's right and lower edge.

        Args:
            center: Pixels of the frame.
            frame: Width and height of the frame.
        """
        corner = []
        for middle, size, length in zip(center, (self.width, self.height), frame, strict=True):
            last = max(0, math.ceil((length - size) / self.grid))
            corner.append(self.grid * min(max(round((middle - (size - 1) / 2) / self.grid), 0), last))
        return View(corner[0], corner[1], self.width, self.height)


class Follower:
    """The animal in the frames of one block, in order."""

    def __init__(self, region: Region, frame: tuple[int, int], n_keypoints: int) -> None:
        """Nothing is known yet.

        Args:
            region: Fitted to the frame.
            frame: Width and height in pixels.
            n_keypoints: How many points the animal has.
        """
        self._region = region
        self._frame = frame
        self._hidden = np.zeros(n_keypoints, dtype=np.bool_)
        self._center: FloatArray | None = None
        self._velocity = np.zeros(2)
        self._since_whole = 0
        self._bounded: View | None = None
        self._low_high = np.zeros(2), np.zeros(2)

    def view(self) -> View | None:
        """Where to look for the next frames, None when nobody knows where the animal is."""
        if self._center is None:
            return None
        # half the way that the speed tells: animals stop more often than they fly on
        ahead = (self._region.together + 1) / 4
        return self._region.around(self._center + ahead * self._velocity, self._frame)

    def found(self, xy: FloatArray, score: FloatArray) -> View | None:
        """Where to look after a first guess of the points `xy (K, 2)`; None when no point is seen."""
        center = _middle(xy, score >= self._region.seen_from)
        return None if center is None else self._region.around(center, self._frame)

    def accept_all(self, xy: FloatArray, score: FloatArray, view: View) -> bool:
        """Take the points of several frames in a row at once, when every one of them is seen; else take none.

        Args:
            xy: `(n, K, 2)` pixels of the frame.
            score: `(n, K)`.
            view: The region.
        """
        first, last = self._bounds(view)
        if score.min() < self._region.seen_from or (xy < first).any() or (xy > last).any():
            return False
        self._hidden[:] = False
        for center in (xy.min(1) + xy.max(1)) / 2:
            self._move_to(center)
        return True

    def accept(self, xy: FloatArray, score: FloatArray, view: View) -> bool:
        """Take the points found in a region, unless they cannot be trusted: then look at the whole frame.

        Args:
            xy: `(K, 2)` pixels of the frame.
            score: `(K,)`.
            view: The region.
        """
        seen = score >= self._region.seen_from
        if not (seen | self._hidden).all() or not seen.any() or not self._inside(xy, view)[seen].all():
            return False
        if self._hidden.any() and self._since_whole >= LOOK_AGAIN_AFTER:
            return False
        self._hidden &= ~seen
        self._since_whole += 1
        self._move(xy, seen)
        return True

    def accept_whole(self, xy: FloatArray, score: FloatArray) -> None:
        """Take the points of the whole frame, which are believed whatever they are."""
        seen = score >= self._region.seen_from
        self._hidden = ~seen
        self._since_whole = 0
        self._move(xy, seen)

    def _inside(self, xy: FloatArray, view: View) -> npt.NDArray[np.bool_]:
        """`(K,)`: not near an edge of the region, or only where the frame ends as well."""
        first, last = self._bounds(view)
        return np.asarray(((xy >= first) & (xy <= last)).all(-1))

    def _bounds(self, view: View) -> tuple[FloatArray, FloatArray]:
        """`(2,)` twice: points of the region from here to there are trusted."""
        if view is self._bounded:
            return self._low_high
        edge = self._region.edge
        low = np.array([view.left, view.top], dtype=np.float64)
        high = low + np.array([view.width - 1, view.height - 1])
        first = np.where(low > 0, low + edge, -np.inf)
        last = np.where(high < np.array(self._frame) - 1, high - edge, np.inf)
        self._bounded, self._low_high = view, (first, last)
        return self._low_high

    def _move(self, xy: FloatArray, seen: npt.NDArray[np.bool_]) -> None:
        self._move_to(_middle(xy, seen))

    def _move_to(self, center: FloatArray | None) -> None:
        if center is None or self._center is None:
            self._velocity = np.zeros(2)
        else:
            self._velocity = (self._velocity + center - self._center) / 2
        self._center = center


def _middle(xy: FloatArray, seen: npt.NDArray[np.bool_]) -> FloatArray | None:
    """`(2,)` the middle of the box around the points that are seen; None when none is."""
    if not seen.any():
        return None
    points = xy[seen]
    return np.asarray((points.min(0) + points.max(0)) / 2)
