"""A camera's picture with what was measured in it and where the points in space should be seen: dots and rings."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from markerless.core.affine import Affine
from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.view import View
from markerless.drawing import EDGE_COLOR, Stroke, draw_dot, draw_strokes, ring
from markerless.report.lettering import Lettering, text_size, write

Image = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]

NO_PICTURE, NO_PICTURE_INK = (30, 36, 45), (138, 148, 163)
_BEHIND, _ON_IT = (10, 12, 16), (235, 238, 242)
_UNUSED = 0.35  # opacity of a measured point that the point in space was not made of
_TEXT = 12
_NEAR, _FAR = 0.5, 99.5  # percent of the points between which the shown part reaches
_ROOM = 0.2  # of the larger side, around them
_SMALLEST, _NEARLY_ALL = 0.2, 0.75  # of the frame's sides: the least that is shown; from here on all is


@dataclass(frozen=True)
class SeenBy:
    """What one camera says of every moment.

    Attributes:
        name: Of the camera.
        measured: `(T, N, K, 2)` px of the frame; NaN where nothing was measured; None when that is not known.
        expected: `(T, N, K, 2)` px where the points in space should be seen; None when the cameras are not known.
        used: `(T, N, K)` whether the point in space was made of it.
        region: Part of the frame, for one of several views in a picture.
    """

    name: str
    measured: FloatArray | None
    expected: FloatArray | None
    used: npt.NDArray[np.bool_]
    region: View | None = None


def shown_part(seen: tuple[SeenBy, ...], size: tuple[int, int], part: slice) -> Box:
    """The part of the frames around all points of some moments, with the frame's proportions; all of it where the
    points nearly fill it, or none is known.

    Args:
        seen: The cameras of one video.
        size: Width and height of its frames.
        part: Moments.
    """
    known = [xy[part].reshape(-1, 2) for one in seen for xy in (one.measured, one.expected) if xy is not None]
    points = np.concatenate(known) if known else np.zeros((0, 2))
    points = points[np.isfinite(points).all(axis=-1)]
    whole = (0, 0, size[0], size[1])
    if not len(points):
        return whole
    limits = np.array(size, dtype=np.float64)
    low, high = np.percentile(points, [_NEAR, _FAR], axis=0)
    needed = (high - low + 2 * _ROOM * (high - low).max()) / limits
    share = max(float(needed.max()), _SMALLEST)
    if share > _NEARLY_ALL:
        return whole
    side = np.round(share * limits)
    left, top = np.round(np.clip((low + high - side) / 2, 0, limits - side)).astype(int).tolist()
    return left, top, left + int(side[0]), top + int(side[1])


class SeenPainter:
    """Draws the pictures of one video, in which one camera or several (mirrors) look.

    Args:
        seen: The cameras.
        skeleton: Of the points.
        colors: `(K, 3)` RGB of the keypoints.
        box: Left, top, right, bottom of the part of the frames that is shown; see `shown_part`.
        size: Width and height of the pictures to draw, of nearly the same proportions.
    """

    def __init__(
        self, seen: tuple[SeenBy, ...], skeleton: Skeleton, colors: Image, box: Box, size: tuple[int, int]
    ) -> None:
        self._seen, self._skeleton, self._colors, self._box, self.size = seen, skeleton, colors, box, size
        left, top, right, bottom = box
        scale = Affine.resize(size[0] / (right - left), size[1] / (bottom - top))
        self._place = Affine.crop(left, top).then(scale)
        self._radius = max(2.5, 0.0065 * float(np.hypot(*self.size)))

    def draw(self, frame: Image | None, moment: int) -> Image:
        """The picture `(H, W, 3)` of a moment; `frame` is None where the camera has none of that moment."""
        if frame is None:
            image = np.full((self.size[1], self.size[0], 3), NO_PICTURE, np.uint8)
            look = Lettering(_TEXT + 2, NO_PICTURE_INK, (0.5, 0.5))
            write(image, "no picture of this moment", (self.size[0] / 2, self.size[1] / 2), look)
        else:
            left, top, right, bottom = self._box
            shrinks = self.size[0] < right - left
            part = np.ascontiguousarray(frame[top:bottom, left:right])
            resized = cv2.resize(part, self.size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
            image = np.asarray(resized, dtype=np.uint8)
        for one in self._seen:
            if frame is not None:
                self._draw_points(image, one, moment)
            self._draw_name(image, one)
        return image

    def _draw_points(self, image: Image, one: SeenBy, moment: int) -> None:
        nowhere = np.full((*one.used.shape[1:], 2), np.nan)
        measured = nowhere if one.measured is None else self._place.apply(one.measured[moment])
        expected = nowhere if one.expected is None else self._place.apply(one.expected[moment])
        has_measured, has_expected = (np.asarray(np.isfinite(xy).all(axis=-1)) for xy in (measured, expected))
        strokes = self._edges(expected if one.expected is not None else measured)
        for n, k in zip(*np.nonzero(has_expected), strict=True):
            red, green, blue = (int(value) for value in self._colors[k])
            outline = ring(expected[n, k], 1.9 * self._radius)
            strokes.append(Stroke(outline, (red, green, blue), 1.0, max(1, round(self._radius / 4))))
            if has_measured[n, k]:
                strokes.append(Stroke(np.stack([measured[n, k], expected[n, k]]), (red, green, blue), 0.9, 1))
        draw_strokes(image, strokes)
        for n, k in zip(*np.nonzero(has_measured), strict=True):
            opacity = 1.0 if one.used[moment, n, k] else _UNUSED
            draw_dot(image, measured[n, k], self._radius, self._colors[k], opacity)

    def _edges(self, xy: FloatArray) -> list[Stroke]:
        width = max(1, round(self._radius / 3))
        return [
            Stroke(one[[a, b]], EDGE_COLOR, 0.5, width)
            for one in xy
            for a, b in self._skeleton.edges
            if np.isfinite(one[[a, b]]).all()
        ]

    def _draw_name(self, image: Image, one: SeenBy) -> None:
        """The camera's name in the corner of its view, on a dark ground."""
        corner = np.zeros(2)
        if one.region is not None:
            ends = [[one.region.left, one.region.top], [one.region.left + one.region.width, one.region.top]]
            first, last = np.clip(self._place.apply(np.array(ends, dtype=np.float64)), 0, np.array(self.size) - 1)
            corner = first
            if first[1] > 0:
                image[int(first[1]), int(first[0]) : int(last[0]) + 1] //= 2
        look = Lettering(_TEXT, _ON_IT)
        width, height = text_size(one.name, look)
        left, top = (int(value) + 6 for value in corner)
        ground = image[top : top + height + 4, left : left + width + 10]
        ground[:] = (0.3 * ground + 0.7 * np.array(_BEHIND)).astype(np.uint8)
        write(image, one.name, (left + 5, top + 2), look)
