"""A camera's picture with what was measured in it and where the points in space should be seen: dots and rings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.view import View
from markerless.drawing import EDGE_COLOR, Stroke, draw_dot, draw_strokes, zoomed
from markerless.report.lettering import Lettering, text_size, write

Image = npt.NDArray[np.uint8]

NO_PICTURE, NO_PICTURE_INK = (30, 36, 45), (138, 148, 163)
_BEHIND, _ON_IT = (10, 12, 16), (235, 238, 242)
_RING = np.stack([np.cos(np.linspace(0, 2 * np.pi, 25)), np.sin(np.linspace(0, 2 * np.pi, 25))], axis=-1)
_UNUSED = 0.35  # opacity of a measured point that the point in space was not made of
_TEXT = 12


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


class SeenPainter:
    """Draws the pictures of one video, in which one camera or several (mirrors) look.

    Args:
        seen: The cameras.
        skeleton: Of the points.
        colors: `(K, 3)` RGB of the keypoints.
        size: Width and height of the frames of the video.
        width: Of the pictures to draw.
    """

    def __init__(
        self, seen: tuple[SeenBy, ...], skeleton: Skeleton, colors: Image, size: tuple[int, int], width: int
    ) -> None:
        self._seen, self._skeleton, self._colors, self._frame_size = seen, skeleton, colors, size
        self.size = (width, max(1, round(width * size[1] / size[0])))
        self._radius = max(2.5, 0.0065 * float(np.hypot(*self.size)))

    def draw(self, frame: Image | None, moment: int) -> Image:
        """The picture `(H, W, 3)` of a moment; `frame` is None where the camera has none of that moment."""
        if frame is None:
            image = np.full((self.size[1], self.size[0], 3), NO_PICTURE, np.uint8)
            look = Lettering(_TEXT + 2, NO_PICTURE_INK, (0.5, 0.5))
            write(image, "no picture of this moment", (self.size[0] / 2, self.size[1] / 2), look)
        else:
            whole = (0, 0, frame.shape[1], frame.shape[0])
            image = zoomed(frame, whole, self.size[0])[0]
            image = image if image.flags.writeable else image.copy()
        scale = np.array([self.size[0] / self._frame_size[0], self.size[1] / self._frame_size[1]])
        for one in self._seen:
            if frame is not None:
                self._draw_points(image, one, moment, scale)
            self._draw_name(image, one, scale)
        return image

    def _draw_points(self, image: Image, one: SeenBy, moment: int, scale: FloatArray) -> None:
        nowhere = np.full((*one.used.shape[1:], 2), np.nan)
        measured = nowhere if one.measured is None else (one.measured[moment] + 0.5) * scale - 0.5
        expected = nowhere if one.expected is None else (one.expected[moment] + 0.5) * scale - 0.5
        has_measured, has_expected = (np.asarray(np.isfinite(xy).all(axis=-1)) for xy in (measured, expected))
        strokes = self._edges(expected if one.expected is not None else measured)
        for n, k in zip(*np.nonzero(has_expected), strict=True):
            red, green, blue = (int(value) for value in self._colors[k])
            ring = expected[n, k] + 1.9 * self._radius * _RING
            strokes.append(Stroke(ring, (red, green, blue), 1.0, max(1, round(self._radius / 4))))
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

    def _draw_name(self, image: Image, one: SeenBy, scale: FloatArray) -> None:
        """The camera's name in the corner of its view, on a dark ground."""
        corner = np.zeros(2) if one.region is None else np.array([one.region.left, one.region.top]) * scale
        if one.region is not None and corner[1] > 0:
            row = min(int(corner[1]), image.shape[0] - 1)
            image[row, int(corner[0]) : int(corner[0] + one.region.width * scale[0])] //= 2
        look = Lettering(_TEXT, _ON_IT)
        width, height = text_size(one.name, look)
        left, top = (int(value) + 6 for value in corner)
        ground = image[top : top + height + 4, left : left + width + 10]
        ground[:] = (0.3 * ground + 0.7 * np.array(_BEHIND)).astype(np.uint8)
        write(image, one.name, (left + 5, top + 2), look)
