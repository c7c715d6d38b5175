"""Pictures of points in space, one for each moment of a video: floor with a grid, axes, skeleton, trails, shadows.

Drawn with OpenCV, some milliseconds a picture: a plotting library would take a hundred times as long. The box and its
scale stay the same through the video, also while the view turns, so that what moves is the animal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from markerless.config import Settings
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.drawing import EDGE_COLOR, FAINTEST, Stroke, draw_dot, draw_strokes, palette, ring
from markerless.report.lettering import Lettering, text_size, write
from markerless.report.space_box import SpaceBox

Image = npt.NDArray[np.uint8]
Color = tuple[int, int, int]

BACKGROUND: Color = (18, 22, 28)
FLOOR, GRID, BORDER, SHADOW = (30, 36, 45), (52, 61, 74), (86, 98, 115), (9, 11, 15)
INK: Color = (208, 215, 224)
SOFT: Color = (138, 148, 163)
_AWAY = 3.6  # distance of the eye, in radii of the box: a gentle perspective
_MARGINS = (58, 20, 34, 58)  # px at left, top, right, bottom for what is written at the axes
_TEXT, _TITLE = 12, 13
_BESIDE = 10.0  # px between an edge and its numbers
_TRAIL_STAGES = 5
_TRAIL_S, _TRAIL_FRAMES = 0.4, 12  # a usual trail; where the frame rate is not known
_MOST_NAMES = 28  # in the list of keypoints
_FEW_POINTS = 24  # up to so many points, a line leads from each to the floor
_BITS = 4


class SpaceSettings(Settings):
    """How points in space are drawn.

    Attributes:
        cutoff: Points with a lower score are not drawn.
        trail: Frames that the path of each point reaches back; 0 draws none; negative: those of 0.4 s.
        skeleton: Draw the edges.
        turn_deg: By how much the view turns from the first picture to the last; 0 keeps it still.
        azimuth_deg: From where the box is looked at, in the middle of the video: 0 is from the front, negative from
            the right.
        elevation_deg: How far from above.
    """

    cutoff: float = 0.2
    trail: int = -1
    skeleton: bool = True
    turn_deg: float = 50.0
    azimuth_deg: float = -35.0
    elevation_deg: float = 22.0


@dataclass(frozen=True)
class Eye:
    """Where the box is looked at from; gives pixels.

    Attributes:
        axes: `(3, 3)` rows: to the right, upward, and away from the eye, in axes of the box's picture.
        middle: `(3,)` what is looked at.
        away: Distance from it.
        scale: Pixels a unit at the middle.
        center: Where the middle is in the picture, px.
    """

    axes: FloatArray
    middle: FloatArray
    away: float
    scale: float
    center: tuple[float, float]

    @classmethod
    def at(cls, box: SpaceBox, azimuth: float, elevation: float) -> Eye:
        """The eye at angles in radians, of scale 1 and with the middle at (0, 0)."""
        (sin, cos), (sine, cosine) = (np.sin(azimuth), np.cos(azimuth)), (np.sin(elevation), np.cos(elevation))
        right = np.array([cos, -sin, 0.0])
        ahead = np.array([sin * cosine, cos * cosine, -sine])
        axes = np.stack([right, np.cross(right, ahead), ahead])
        return cls(axes, box.middle, _AWAY * float(np.linalg.norm(box.high - box.low)) / 2, 1.0, (0.0, 0.0))

    def project(self, places: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Pixels `(..., 2)` of places `(..., 3)` in axes of the box's picture, and their nearness `(...)`, 1 in the
        middle."""
        seen = (places - self.middle) @ self.axes.T
        near = self.away / (self.away + seen[..., 2])
        xy = seen[..., :2] * near[..., None] * [self.scale, -self.scale] + self.center
        return xy, near


class SpacePainter:
    """Draws the pictures of one video.

    Args:
        tracks: Points in space.
        box: What of space is shown.
        size: Width and height of the pictures.
        settings: How.
        colors: `(K, 3)` RGB of the keypoints; by default those of `palette`.
    """

    def __init__(
        self,
        tracks: Tracks,
        box: SpaceBox,
        size: tuple[int, int],
        settings: SpaceSettings | None = None,
        colors: Image | None = None,
    ) -> None:
        self._tracks, self._box, self.size = tracks, box, size
        self._settings = settings or SpaceSettings()
        self._colors = palette(tracks.skeleton.n_keypoints) if colors is None else colors
        self._animals = palette(tracks.n_individuals)
        self._shown = tracks.present(self._settings.cutoff)
        score = np.where(np.isfinite(tracks.score), np.clip(tracks.score, 0, 1), 1.0)
        self._opacity = FAINTEST + (1 - FAINTEST) * score
        self._places = box.placed(tracks.points)
        self._trail = self._settings.trail if self._settings.trail >= 0 else _usual_trail(tracks.fps)
        self._radius = max(3.0, 0.0075 * min(size))
        self._blank = np.full((size[1], size[0], 3), BACKGROUND, np.uint8)
        self._scale, self._center = self._fit(self._draw_names(self._blank))

    def draw(self, moment: int, progress: float = 0.5) -> Image:
        """The picture `(H, W, 3)` of a moment; `progress` 0..1 through the video says how far the view has turned."""
        eye = self._eye(progress)
        image = self._blank.copy()
        self._draw_box(image, eye)
        if 0 <= moment < self._tracks.n_frames:
            self._draw_shadows(image, eye, moment)
            xy, near = eye.project(self._places[moment])
            draw_strokes(image, [*self._trails(eye, moment), *self._edges(xy, moment)])
            self._draw_errors(image, eye, xy, moment)
            for n, k in self._from_far_to_near(near, moment):
                radius = self._radius * float(near[n, k])
                draw_dot(image, xy[n, k], radius, self._colors[k], float(self._opacity[moment, n, k]))
        self._draw_axes(image, eye)
        return image

    def _eye(self, progress: float) -> Eye:
        azimuth = np.deg2rad(self._settings.azimuth_deg + self._settings.turn_deg * (progress - 0.5))
        eye = Eye.at(self._box, float(azimuth), float(np.deg2rad(self._settings.elevation_deg)))
        return Eye(eye.axes, eye.middle, eye.away, self._scale, self._center)

    def _fit(self, above: float) -> tuple[float, tuple[float, float]]:
        """Scale and place at which the box stays below `above` px in the picture, from all sides it is seen from."""
        self._scale, self._center = 1.0, (0.0, 0.0)
        corners = _corners(self._box)
        seen = np.concatenate([self._eye(progress).project(corners)[0] for progress in np.linspace(0, 1, 13)])
        low, high = seen.min(axis=0), seen.max(axis=0)
        left, top, right, bottom = _MARGINS
        room = np.array([self.size[0] - left - right, self.size[1] - top - above - bottom], dtype=np.float64)
        scale = float((np.maximum(room, 16) / np.maximum(high - low, 1e-9)).min())
        middle = np.array([left, top + above]) + room / 2 - scale * (low + high) / 2
        return scale, (float(middle[0]), float(middle[1]))

    def _draw_box(self, image: Image, eye: Eye) -> None:
        """Floor with its grid, and the two walls at the back as lines."""
        low, high = self._box.low, self._box.high
        floor = np.array([[x, y, low[2]] for x, y in ((low[0], low[1]), (high[0], low[1]), *_far(low, high))])
        cv2.fillPoly(image, [_fixed(eye.project(floor)[0])], FLOOR, cv2.LINE_AA, _BITS)
        for axis in (0, 1):
            for value, _ in self._box.ticks(axis):
                ends = np.stack([low, low])
                ends[:, axis], ends[1, 1 - axis] = value, high[1 - axis]
                _line(image, eye, ends, GRID)
        _line(image, eye, floor[[0, 1, 2, 3, 0]], BORDER)
        back = _back(self._box, eye)
        for value, _ in self._box.ticks(2):
            path = np.array([[back[0][0], back[0][1], value], [back[1][0], back[1][1], value], [*back[2], value]])
            _line(image, eye, path, GRID)
        for x, y in back:
            _line(image, eye, np.array([[x, y, low[2]], [x, y, high[2]]]), GRID)

    def _draw_axes(self, image: Image, eye: Eye) -> None:
        """Numbers and names at two edges of the floor and at the upright edge farthest to the left."""
        low, high = self._box.low, self._box.high
        floor_middle = np.array([self._box.middle[0], self._box.middle[1], low[2]])
        center = eye.project(floor_middle)[0]
        for axis in (0, 1):
            other = 1 - axis
            near = low[other] if eye.axes[2, other] > 0 else high[other]
            edge = floor_middle.copy()
            edge[other] = near
            out = eye.project(edge)[0] - center
            out = out / max(float(np.hypot(*out)), 1e-9)
            look, widest = Lettering(_TEXT, SOFT), 0
            for value, text in self._box.ticks(axis):
                place = edge.copy()
                place[axis] = value
                _write_beside(image, eye.project(place)[0], out, text, (_BESIDE, look))
                widest = max(widest, text_size(text, look)[0])
            beyond = 2 * _BESIDE + abs(float(out[0])) * widest + abs(float(out[1])) * _TEXT
            _write_beside(image, eye.project(edge)[0], out, self._box.title(axis), (beyond, Lettering(_TITLE, INK)))
        corners = _corners(self._box)[:4]
        foot = corners[eye.project(corners)[0][:, 0].argmin()]
        for value, text in self._box.ticks(2):
            x, y = eye.project(np.array([foot[0], foot[1], value]))[0]
            write(image, text, (x - 8, y), Lettering(_TEXT, SOFT, (1.0, 0.5)))
        x, y = eye.project(np.array([foot[0], foot[1], high[2]]))[0]
        write(image, self._box.title(2), (x, y - 8), Lettering(_TITLE, INK, (0.5, 1.0)))

    def _draw_names(self, image: Image) -> float:
        """Which color is which keypoint, in lines at the top; how far down they reach, in px."""
        names = self._tracks.skeleton.keypoints
        if len(names) > _MOST_NAMES:
            return 20.0
        look = Lettering(_TEXT, INK, (0.0, 0.5))
        x, y = 18.0, 20.0
        for name, color in zip(names, self._colors, strict=True):
            width = text_size(name, look)[0] + 30
            if x + width > self.size[0] - 100 and x > 18:
                x, y = 18.0, y + 20
            draw_dot(image, np.array([x, y]), 4.5, color, 1.0)
            write(image, name, (x + 9, y), look)
            x += width
        return y

    def _draw_shadows(self, image: Image, eye: Eye, moment: int) -> None:
        """Where the points stand above the floor; with few points, a line leads down from each."""
        flat = self._places[moment].copy()
        flat[..., 2] = self._box.low[2]
        foot, near = eye.project(flat)
        xy, _ = eye.project(self._places[moment])
        shown = list(zip(*np.nonzero(self._shown[moment]), strict=True))
        if len(shown) <= _FEW_POINTS:  # before the shadows: lines that are blended together take each other's ink
            lines = [Stroke(np.stack([foot[n, k], xy[n, k]]), _plain(self._colors[k]), 0.22, 1) for n, k in shown]
            draw_strokes(image, lines)
        width = max(2, round(self._radius * 0.6))
        draw_strokes(image, [Stroke(foot[n, [a, b]], SHADOW, 0.75, width) for n, a, b in self._edges_shown(moment)])
        for n, k in shown:
            radius = round(0.8 * self._radius * float(near[n, k]) * (1 << _BITS))
            center = np.round(foot[n, k] * (1 << _BITS)).astype(int).tolist()
            if max(map(abs, center)) < 1 << 20:
                cv2.circle(image, center, radius, SHADOW, -1, cv2.LINE_AA, _BITS)

    def _draw_errors(self, image: Image, eye: Eye, xy: FloatArray, moment: int) -> None:
        """A ring around each point, as large as its expected error."""
        if self._tracks.error is None:
            return
        strokes = []
        for n, k in zip(*np.nonzero(self._shown[moment]), strict=True):
            radius = float(self._tracks.error[moment, n, k]) * eye.scale
            if np.isfinite(radius) and self._radius < radius < 0.2 * self.size[1]:
                strokes.append(Stroke(ring(xy[n, k], radius), _plain(self._colors[k]), 0.45, 1))
        draw_strokes(image, strokes)

    def _from_far_to_near(self, near: FloatArray, moment: int) -> list[tuple[int, int]]:
        shown = [(int(n), int(k)) for n, k in zip(*np.nonzero(self._shown[moment]), strict=True)]
        return sorted(shown, key=lambda one: float(near[one]))

    def _edges_shown(self, moment: int) -> Iterator[tuple[int, int, int]]:
        if not self._settings.skeleton:
            return
        for n in range(self._tracks.n_individuals):
            for a, b in self._tracks.skeleton.edges:
                if self._shown[moment, n, a] and self._shown[moment, n, b]:
                    yield n, a, b

    def _edges(self, xy: FloatArray, moment: int) -> list[Stroke]:
        width = max(2, round(self._radius / 2.2))
        return [
            Stroke(xy[n, [a, b]], self._line_color(n, EDGE_COLOR), 0.85, width) for n, a, b in self._edges_shown(moment)
        ]

    def _line_color(self, n: int, own: Color) -> Color:
        """With several animals a line tells which animal it belongs to."""
        return own if self._tracks.n_individuals == 1 else _plain(self._animals[n])

    def _trails(self, eye: Eye, moment: int) -> list[Stroke]:
        length = min(self._trail, moment)
        if length == 0:
            return []
        first = moment - length
        xy, _ = eye.project(self._places[first : moment + 1])
        shown = self._shown[first : moment + 1]
        xy = np.where(shown[..., None], xy, np.nan)
        strokes = []
        stages = np.linspace(0, length, min(_TRAIL_STAGES, length) + 1).round().astype(int)
        for stage, (start, stop) in enumerate(pairwise(stages)):
            opacity = 0.8 * (stage + 1) / (len(stages) - 1)
            for n in range(xy.shape[1]):
                for k in range(xy.shape[2]):
                    color = self._line_color(n, _plain(self._colors[k]))
                    for piece in _pieces(xy[start : stop + 1, n, k]):
                        strokes.append(Stroke(piece, color, opacity, max(1, round(self._radius / 2.6))))
        return strokes


def _usual_trail(fps: float) -> int:
    return round(_TRAIL_S * fps) if np.isfinite(fps) and fps > 0 else _TRAIL_FRAMES


def _corners(box: SpaceBox) -> FloatArray:
    """`(8, 3)`: those of the floor first."""
    low, high = box.low, box.high
    return np.array([[x, y, z] for z in (low[2], high[2]) for x in (low[0], high[0]) for y in (low[1], high[1])])


def _far(low: FloatArray, high: FloatArray) -> tuple[tuple[float, float], tuple[float, float]]:
    return (float(high[0]), float(high[1])), (float(low[0]), float(high[1]))


def _back(box: SpaceBox, eye: Eye) -> list[tuple[float, float]]:
    """Three corners of the floor: ends of the two edges away from the eye, with their common corner between."""
    x, other_x = (box.high[0], box.low[0]) if eye.axes[2, 0] > 0 else (box.low[0], box.high[0])
    y, other_y = (box.high[1], box.low[1]) if eye.axes[2, 1] > 0 else (box.low[1], box.high[1])
    return [(float(x), float(other_y)), (float(x), float(y)), (float(other_x), float(y))]


def _pieces(xy: FloatArray) -> Iterator[FloatArray]:
    """Stretches of at least two points without a gap of `(n, 2)`."""
    known = np.isfinite(xy).all(axis=-1)
    borders = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    for start, stop in zip(borders[::2], borders[1::2], strict=True):
        if stop - start >= 2:
            yield xy[start:stop]


def _line(image: Image, eye: Eye, places: FloatArray, color: Color) -> None:
    cv2.polylines(image, [_fixed(eye.project(places)[0])], False, color, 1, cv2.LINE_AA, _BITS)


def _write_beside(image: Image, xy: FloatArray, out: FloatArray, text: str, how: tuple[float, Lettering]) -> None:
    """Text that begins `how[0]` px outside of a place and does not reach back over it."""
    distance, look = how
    width, height = text_size(text, look)
    reach = distance + 0.5 * abs(float(out[0])) * width + 0.5 * abs(float(out[1])) * height
    x, y = xy + reach * out
    write(image, text, (float(x), float(y)), Lettering(look.size, look.color, (0.5, 0.5), look.bold))


def _plain(color: npt.NDArray[np.uint8]) -> Color:
    red, green, blue = (int(value) for value in color)
    return red, green, blue


def _fixed(xy: FloatArray) -> npt.NDArray[np.int32]:
    return np.round(np.clip(xy, -1e5, 1e5) * (1 << _BITS)).astype(np.int32)
