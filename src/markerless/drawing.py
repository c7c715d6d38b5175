"""Draws tracks into frames: dots, skeleton, trails; confidence shows as transparency.

Positions are drawn with sub-pixel precision and anti-aliasing. Lines of all animals go through one ink layer and one
coverage mask, which are blended into the part of the frame that they touch, so that drawing costs a few milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from markerless.config import Settings
from markerless.core.affine import Affine
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.errors import FormatError

Image = npt.NDArray[np.uint8]

# Okabe and Ito's colors (jfly.uni-koeln.de/color), told apart also by color-blind people; enough for seven keypoints.
SAFE_COLORS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
# Further keypoints run along a ramp from blue over green and yellow to red.
RAMP = ((70, 107, 227), (40, 187, 235), (49, 242, 153), (162, 252, 60), (237, 208, 58), (251, 128, 34), (190, 38, 6))
EDGE_COLOR = (235, 235, 235)
OUTLINE = 20.0  # gray level of the ring around a dot
FRACTION_BITS = 4  # of positions handed to OpenCV
TRAIL_STAGES = 4  # a trail fades in this many steps
FAINTEST = 0.25  # opacity of a point of score 0
_ROUND = np.linspace(0, 2 * np.pi, 25)


class RenderSettings(Settings):
    """How tracks are drawn.

    Attributes:
        cutoff: Points with a lower score are not drawn.
        trail: Frames that the path of each point reaches back; 0 draws none.
        skeleton: Draw the edges.
        radius_px: Radius of a dot; 0 takes 0.55 % of the frame's diagonal.
    """

    cutoff: float = 0.2
    trail: int = 0
    skeleton: bool = True
    radius_px: float = 0.0


def palette(n_colors: int) -> npt.NDArray[np.uint8]:
    """`(n, 3)` RGB: the color of each keypoint, the same in videos and figures."""
    if n_colors <= len(SAFE_COLORS):
        return np.array(SAFE_COLORS[:n_colors], np.uint8).reshape(-1, 3)
    places = np.linspace(0, len(RAMP) - 1, n_colors)
    channels = [np.interp(places, np.arange(len(RAMP)), [color[c] for color in RAMP]) for c in range(3)]
    return np.round(np.stack(channels, axis=-1)).astype(np.uint8)


@dataclass(frozen=True)
class Stroke:
    """A line to be drawn: `(n, 2)` px, RGB, opacity 0..1, width in pixels."""

    xy: FloatArray
    color: tuple[int, int, int]
    opacity: float
    width: int


class Painter:
    """Draws the tracks of one video.

    Args:
        tracks: What to draw; two-dimensional.
        settings: How.
        colors: `(K, 3)` RGB of the keypoints of a single animal; by default those of `palette`.

    Raises:
        FormatError: the tracks are in 3D.
    """

    def __init__(self, tracks: Tracks, settings: RenderSettings | None = None, colors: Image | None = None) -> None:
        if tracks.points.shape[-1] != 2:
            raise FormatError(
                "expected tracks in pixels (x, y) to draw into a video, got 3D points; give the file of one camera, or "
                "draw them in space with `markerless render S.nc`"
            )
        self._tracks = tracks
        self._settings = settings or RenderSettings()
        self._shown = tracks.present(self._settings.cutoff)
        score = np.where(np.isfinite(tracks.score), np.clip(tracks.score, 0, 1), 1.0)
        self._opacity = FAINTEST + (1 - FAINTEST) * score
        self._colors = palette(tracks.skeleton.n_keypoints) if colors is None else colors
        self._individual_colors = palette(tracks.n_individuals)

    def draw(self, frame: Image, frame_idx: int) -> Image:
        """The frame `(H, W, 3)` RGB with the points of `frame_idx`; `frame` itself is changed where that is possible.

        A frame beyond the end of the tracks is returned as it is.
        """
        if not 0 <= frame_idx < self._tracks.n_frames:
            return frame
        frame = np.ascontiguousarray(frame)
        if not frame.flags.writeable:
            frame = frame.copy()
        radius = self._settings.radius_px or max(2.0, 0.0055 * float(np.hypot(*frame.shape[:2])))
        strokes = self._trails(frame_idx, radius)
        if self._settings.skeleton:
            strokes += self._edges(frame_idx, radius)
        draw_strokes(frame, strokes)
        for n, k in zip(*np.nonzero(self._shown[frame_idx]), strict=True):
            xy, opacity = self._tracks.points[frame_idx, n, k], self._opacity[frame_idx, n, k]
            draw_dot(frame, xy, radius, self._colors[k], float(opacity))
        return frame

    def _line_color(self, n: int, own: tuple[int, int, int]) -> tuple[int, int, int]:
        """With several animals a line tells which animal it belongs to."""
        if self._tracks.n_individuals == 1:
            return own
        red, green, blue = (int(c) for c in self._individual_colors[n])
        return red, green, blue

    def _edges(self, t: int, radius: float) -> list[Stroke]:
        strokes = []
        for n in range(self._tracks.n_individuals):
            for a, b in self._tracks.skeleton.edges:
                if self._shown[t, n, a] and self._shown[t, n, b]:
                    opacity = 0.8 * float(min(self._opacity[t, n, a], self._opacity[t, n, b]))
                    color = self._line_color(n, EDGE_COLOR)
                    strokes.append(Stroke(self._tracks.points[t, n, [a, b]], color, opacity, _line_width(radius)))
        return strokes

    def _trails(self, t: int, radius: float) -> list[Stroke]:
        length = min(self._settings.trail, t)
        if length == 0:
            return []
        strokes = []
        stages = np.linspace(t - length, t, min(TRAIL_STAGES, length) + 1).round().astype(int)
        for stage, (start, stop) in enumerate(pairwise(stages)):
            opacity = 0.75 * (stage + 1) / len(stages[1:])
            for n in range(self._tracks.n_individuals):
                for k in range(self._tracks.skeleton.n_keypoints):
                    red, green, blue = (int(c) for c in self._colors[k])
                    color = self._line_color(n, (red, green, blue))
                    shown = self._shown[start : stop + 1, n, k]
                    for piece in _runs(self._tracks.points[start : stop + 1, n, k], shown):
                        strokes.append(Stroke(piece, color, opacity, _line_width(radius)))
        return strokes


def ring(center: FloatArray, radius: float) -> FloatArray:
    """`(25, 2)`: a circle about a point `(2,)`, as the line of a stroke."""
    return np.asarray(center + radius * np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=-1))


def draw_strokes(frame: Image, strokes: list[Stroke]) -> None:
    """Blend lines into `frame` `(H, W, 3)` in place; later ones lie over earlier ones."""
    if not strokes:
        return
    height, width = frame.shape[:2]
    reach = max(stroke.width for stroke in strokes) + 2
    everything = np.concatenate([stroke.xy for stroke in strokes])
    low = np.clip(np.floor(everything.min(axis=0)) - reach, 0, (width, height)).astype(int)
    high = np.clip(np.ceil(everything.max(axis=0)) + reach + 1, 0, (width, height)).astype(int)
    if (high <= low).any():
        return
    region = frame[low[1] : high[1], low[0] : high[0]]
    ink, mask = region.copy(), np.zeros(region.shape[:2], np.uint8)
    for stroke in strokes:
        points = [_fixed_point(stroke.xy - low)]
        cv2.polylines(ink, points, False, stroke.color, stroke.width + 2, cv2.LINE_8, FRACTION_BITS)
        cv2.polylines(mask, points, False, 255 * stroke.opacity, stroke.width, cv2.LINE_AA, FRACTION_BITS)
    weight = mask.astype(np.float32) * np.float32(1 / 255)
    cv2.blendLinear(ink, region.copy(), weight, 1 - weight, region)


def draw_dot(frame: Image, xy: FloatArray, radius: float, color: npt.NDArray[np.uint8], opacity: float) -> None:
    """Blend a disc with a thin dark rim into `frame` `(H, W, 3)` in place, centered on `xy` px to the sub-pixel."""
    height, width = frame.shape[:2]
    reach = radius + 2
    left, top = max(0, int(np.ceil(xy[0] - reach))), max(0, int(np.ceil(xy[1] - reach)))
    right, bottom = min(width, int(xy[0] + reach) + 1), min(height, int(xy[1] + reach) + 1)
    if left >= right or top >= bottom:
        return
    dx = np.arange(left, right, dtype=np.float32) - np.float32(xy[0])
    dy = np.arange(top, bottom, dtype=np.float32) - np.float32(xy[1])
    distance = np.sqrt(dx[None] ** 2 + dy[:, None] ** 2)
    inner = np.clip(radius + 0.5 - distance, 0, 1)
    outer = np.clip(radius + 1.5 - distance, 0, 1)
    region = frame[top:bottom, left:right]
    disc = OUTLINE + inner[..., None] * (color.astype(np.float32) - OUTLINE)
    region[:] = np.rint(region + (outer * opacity)[..., None] * (disc - region))


def zoomed(image: Image, box: tuple[int, int, int, int], width: int) -> tuple[Image, Affine]:
    """A part of a picture at another size, and the map of the picture's pixels into it.

    Args:
        image: `(H, W, 3)`.
        box: Left, top, right, bottom of the part, inside of the picture; right and bottom are the first outside of it.
        width: Of the result; the height follows.
    """
    left, top, right, bottom = box
    height = max(1, round(width * (bottom - top) / (right - left)))
    shrinks = width < right - left
    part = np.ascontiguousarray(image[top:bottom, left:right])
    result = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    scale = Affine.resize(width / (right - left), height / (bottom - top))
    return np.asarray(result, dtype=np.uint8), Affine.crop(left, top).then(scale)


def _runs(xy: FloatArray, shown: npt.NDArray[np.bool_]) -> list[FloatArray]:
    """Stretches of at least two consecutive shown points of `(n, 2)`."""
    borders = np.flatnonzero(np.diff(np.concatenate([[False], shown, [False]]).astype(np.int8)))
    return [xy[a:b] for a, b in zip(borders[::2], borders[1::2], strict=True) if b - a >= 2]


def _line_width(radius: float) -> int:
    return max(1, round(radius / 2.5))


def _fixed_point(xy: FloatArray) -> npt.NDArray[np.int32]:
    """Positions as OpenCV draws them; far outside the frame they are pulled in, as its integers would overflow."""
    return np.round(np.clip(xy, -1e5, 1e5) * (1 << FRACTION_BITS)).astype(np.int32)
