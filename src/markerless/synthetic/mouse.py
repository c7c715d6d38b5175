"""Draws a mouse from above: a furry body bent along its spine, ears, eyes, whiskers, paws, a tapering tail.

A pixel is mapped to the body's own coordinates `(s, d)`: the share of the way along the spine from snout (0) to tail
base (1), and the distance from it to the animal's left. Fur and height are textures over `(s, d)`, so they move and
bend with the animal. Everything is drawn on a patch around the animal with `OVERSAMPLING` times the resolution of
the image, and the keypoints come from the same geometry.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.synthetic.ground import Float32, fractal_noise

SKELETON = Skeleton(
    keypoints=("snout", "leftear", "rightear", "bodycenter", "tailbase", "tailtip"),
    edges=((0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 5)),
    mirror_pairs=((1, 2),),
)
OVERSAMPLING = 2
SAMPLES_PER_JOINT = 9
EAR_PLACE = (0.235, 0.105)  # s and d of the middle of an ear
EAR_RADII = (0.050, 0.062)  # along and across the head, in body lengths
EYE_PLACE = (0.115, 0.048)
CENTER_PLACE = 0.62  # s of the keypoint "bodycenter"

# Half width of the body in body lengths, over s.
WIDTH_S = (-0.026, -0.015, 0.0, 0.04, 0.10, 0.17, 0.24, 0.31, 0.42, 0.56, 0.70, 0.82, 0.91, 0.97, 1.01, 1.05)
WIDTH_D = (0.0, 0.018, 0.030, 0.046, 0.069, 0.088, 0.096, 0.099, 0.125, 0.158, 0.176, 0.166, 0.126, 0.079, 0.045, 0.0)
TEXTURE_SIZE = (340, 180)  # columns over s, rows over d
TEXTURE_S = (-0.08, 1.09)
TEXTURE_D = (-0.25, 0.25)

# Name -> colors (RGB) of the back, the flank, the ear and the tail.
COATS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "agouti": ((84, 68, 52), (132, 110, 84), (196, 150, 134), (150, 118, 106)),
    "black": ((40, 37, 38), (62, 57, 55), (116, 88, 84), (92, 74, 72)),
    "gray": ((96, 96, 102), (136, 134, 136), (206, 164, 156), (164, 134, 128)),
    "white": ((226, 220, 212), (205, 196, 186), (232, 178, 168), (214, 166, 154)),
}


@dataclass(frozen=True)
class Pose:
    """One mouse at one moment, pixels of the image.

    Attributes:
        spine: `(8, 2)` joints from the snout to the tail base.
        tail: `(16, 2)` joints from the tail base to the tip.
        rear: 0 on all fours to 1 upright: the front comes nearer to the camera and looks larger.
        gait: Phase of the steps, radians.
        breath: Phase of the breathing, radians.
    """

    spine: FloatArray
    tail: FloatArray
    rear: float
    gait: float
    breath: float


@dataclass(frozen=True)
class Patch:
    """A drawn animal: premultiplied color and coverage of a rectangle of the image.

    Attributes:
        left: Column of the image where the patch begins; may be negative.
        top: Row of the image where the patch begins; may be negative.
        color: `(h, w, 3)` float32 RGB 0..255, multiplied by the coverage.
        alpha: `(h, w)` float32 coverage 0..1.
    """

    left: int
    top: int
    color: Float32
    alpha: Float32


class Mouse:
    """The looks of one mouse: its coat and size.

    Args:
        rng: Decides the pattern of the fur.
        length: Distance from snout to tail base along the spine in pixels.
        coat: A name of `COATS`.
    """

    def __init__(self, rng: np.random.Generator, length: float, coat: str) -> None:
        self.length = length
        back, flank, ear, tail = (np.array(color, np.float32) for color in COATS[coat])
        self._ear, self._tail, self._eye = ear, tail, np.array([16, 13, 13], np.float32)
        self._texture, self._alpha = _fur(rng, back, flank)
        self._basis = _spline_basis(8, SAMPLES_PER_JOINT)
        self._tail_basis = _spline_basis(16, 3)

    def keypoints(self, pose: Pose) -> FloatArray:
        """`(6, 2)` px: where the keypoints of `SKELETON` are; exact, as the drawing uses the same geometry."""
        body = _Spine(self._basis @ pose.spine)
        ears = [body.at(EAR_PLACE[0], side * EAR_PLACE[1] * self.length * _front_scale(pose)) for side in (1, -1)]
        return np.array([pose.spine[0], *ears, body.at(CENTER_PLACE, 0.0), pose.spine[-1], pose.tail[-1]])

    def draw(self, pose: Pose, light: tuple[float, float]) -> Patch:
        """Draw the mouse lit from the direction `light` (x, y of a unit vector in the image towards the lamp)."""
        body = _Spine(self._basis @ pose.spine)
        tail = self._tail_basis @ pose.tail
        left, top, canvas = self._canvas(body, tail)
        brush = _Brush(canvas, left, top)
        self._draw_paws(brush, body, pose)
        self._draw_tail(brush, tail, light)
        self._draw_body(brush, body, pose, light)
        self._draw_head(brush, body, pose)
        return brush.patch()

    def _canvas(self, body: _Spine, tail: FloatArray) -> tuple[int, int, Float32]:
        """Left, top and an empty premultiplied RGBA canvas that holds the whole animal."""
        margin = 0.30 * self.length
        everything = np.concatenate([body.xy, tail])
        left, top = np.floor(everything.min(axis=0) - margin).astype(int)
        right, bottom = np.ceil(everything.max(axis=0) + margin).astype(int)
        canvas = np.zeros(((bottom - top) * OVERSAMPLING, (right - left) * OVERSAMPLING, 4), np.float32)
        return int(left), int(top), canvas

    def _draw_paws(self, brush: _Brush, body: _Spine, pose: Pose) -> None:
        size = self.length * 0.034
        for s, d, phase in ((0.36, 0.115, 0.0), (0.36, -0.115, np.pi), (0.80, 0.165, np.pi), (0.80, -0.165, 0.0)):
            stride = 0.055 * np.sin(pose.gait + phase)
            middle = body.at(s - stride, d * self.length)
            brush.ellipse(middle, (size * 1.5, size * 0.8), body.angle(s), self._ear * 0.82)

    def _draw_tail(self, brush: _Brush, tail: FloatArray, light: tuple[float, float]) -> None:
        direction = np.gradient(tail, axis=0)
        normal = np.stack([-direction[:, 1], direction[:, 0]], axis=-1)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9
        along = np.linspace(0, 1, len(tail))[:, None]
        half = self.length * (0.026 * (1 - along) + 0.0075)
        side = np.sign(normal @ np.array(light))[:, None]
        brush.polygon(_ribbon(tail, normal * half), self._tail * 0.62, 1.0)
        brush.polygon(_ribbon(tail + normal * side * half * 0.12, normal * half * 0.72), self._tail * 0.95, 1.0)
        brush.polygon(_ribbon(tail + normal * side * half * 0.3, normal * half * 0.26), self._tail * 1.25, 0.7)

    def _draw_body(self, brush: _Brush, body: _Spine, pose: Pose, light: tuple[float, float]) -> None:
        rows, columns = brush.window(body.xy, 0.28 * self.length)
        s, d = body.coordinates(brush, rows, columns)
        swell = 1 + 0.012 * np.sin(pose.breath)
        scale = swell + (_front_scale(pose) - 1) * np.clip(1.25 - 1.4 * s, 0, 1)
        u = (s - TEXTURE_S[0]) / (TEXTURE_S[1] - TEXTURE_S[0]) * TEXTURE_SIZE[0] - 0.5
        v = (d / (self.length * scale) - TEXTURE_D[0]) / (TEXTURE_D[1] - TEXTURE_D[0]) * TEXTURE_SIZE[1] - 0.5
        size = (columns.stop - columns.start, rows.stop - rows.start)
        map_u, map_v = (cv2.resize(m.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) for m in (u, v))
        look = cv2.remap(self._texture, map_u, map_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.remap(self._alpha, map_u, map_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        height = look[..., 3] * np.float32(self.length * OVERSAMPLING)
        slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=0.125)
        slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=0.125)
        facing = (1 - 0.75 * (light[0] * slope_x + light[1] * slope_y)) / np.sqrt(1 + slope_x**2 + slope_y**2)
        brush.blend(rows, columns, look[..., :3] * np.clip(facing, 0.35, 1.5)[..., None], alpha.astype(np.float32))

    def _draw_head(self, brush: _Brush, body: _Spine, pose: Pose) -> None:
        size = self.length * _front_scale(pose)
        angle = body.angle(EAR_PLACE[0])
        self._draw_whiskers(brush, body, size)
        for side in (1, -1):
            middle = body.at(EAR_PLACE[0], side * EAR_PLACE[1] * size)
            radii = (EAR_RADII[0] * size, EAR_RADII[1] * size)
            tilt = angle + side * 0.45
            brush.ellipse(middle, (radii[0] * 1.05, radii[1] * 1.05), tilt, self._ear * 0.42)
            brush.ellipse(middle, (radii[0] * 0.93, radii[1] * 0.93), tilt, self._ear * 0.86)
            brush.ellipse(middle, (radii[0] * 0.62, radii[1] * 0.66), tilt, self._ear * 0.68)
            eye = body.at(EYE_PLACE[0], side * EYE_PLACE[1] * size)
            brush.ellipse(eye, (0.019 * size, 0.015 * size), angle, self._eye)
            brush.ellipse(eye - 0.005 * size, (0.005 * size, 0.005 * size), 0.0, np.full(3, 225, np.float32))
        brush.ellipse(body.xy[0], (0.015 * size, 0.019 * size), body.angle(0.0), self._ear * 0.9)

    def _draw_whiskers(self, brush: _Brush, body: _Spine, size: float) -> None:
        ahead = body.angle(0.02)
        for side in (1, -1):
            for spread in (0.75, 1.15, 1.55):
                root = body.at(0.045, side * 0.035 * size)
                angle = ahead - side * spread
                reach = np.linspace(0, 0.15 * size, 6)[:, None]
                bent = angle - side * 0.4 * reach / (0.15 * size)
                line = root + reach * np.concatenate([np.cos(bent), np.sin(bent)], axis=1)
                brush.line(line, np.array([222, 214, 202], np.float32), 0.45)


class _Spine:
    """A sampled curve from the snout to the tail base with its coordinates `(s, d)`."""

    def __init__(self, xy: FloatArray) -> None:
        self.xy = xy
        steps = np.linalg.norm(np.diff(xy, axis=0), axis=-1)
        self.length = float(steps.sum())
        self.s = np.concatenate([[0.0], np.cumsum(steps)]) / self.length
        tangent = np.gradient(xy, axis=0)
        self.tangent = tangent / np.linalg.norm(tangent, axis=-1, keepdims=True)

    def at(self, s: float, d: float) -> FloatArray:
        """`(2,)` px of the point at share `s` and `d` px to the animal's left."""
        middle = np.array([np.interp(s, self.s, self.xy[:, c]) for c in (0, 1)])
        look = self.angle(s)
        # With y pointing down, the left of somebody who looks along (cos, sin) is (sin, -cos).
        return np.asarray(middle + d * np.array([np.sin(look), -np.cos(look)]))

    def angle(self, s: float) -> float:
        """Direction in which the animal looks at share `s`, radians."""
        tangent = [np.interp(s, self.s, self.tangent[:, c]) for c in (0, 1)]
        return float(np.arctan2(-tangent[1], -tangent[0]))

    def coordinates(self, brush: _Brush, rows: slice, columns: slice) -> tuple[FloatArray, FloatArray]:
        """`s` and `d` (px) on a grid four times coarser than the canvas; both are smooth inside the body."""
        step = 4
        v = rows.start + (np.arange((rows.stop - rows.start) // step) + 0.5) * step - 0.5
        u = columns.start + (np.arange((columns.stop - columns.start) // step) + 0.5) * step - 0.5
        x, y = (u + 0.5) / OVERSAMPLING - 0.5 + brush.left, (v + 0.5) / OVERSAMPLING - 0.5 + brush.top
        dx = x[None, :, None] - self.xy[:, 0]
        dy = y[:, None, None] - self.xy[:, 1]
        nearest = np.argmin(dx**2 + dy**2, axis=-1)
        dx, dy = (
            np.take_along_axis(np.broadcast_to(m, (len(y), len(x), len(self.xy))), nearest[..., None], -1)[..., 0]
            for m in (dx, dy)
        )
        t = self.tangent[nearest]
        s = self.s[nearest] + (dx * t[..., 0] + dy * t[..., 1]) / self.length
        d = dx * -t[..., 1] + dy * t[..., 0]
        return s, -d


class _Brush:
    """Draws into a premultiplied RGBA canvas, taking positions in pixels of the image."""

    def __init__(self, canvas: Float32, left: int, top: int) -> None:
        self.canvas, self.left, self.top = canvas, left, top

    def to_canvas(self, xy: FloatArray) -> FloatArray:
        """Pixels of the canvas; the center of its top-left pixel is (0, 0) there as well."""
        return np.asarray((xy - (self.left, self.top) + 0.5) * OVERSAMPLING - 0.5)

    def window(self, xy: FloatArray, margin: float) -> tuple[slice, slice]:
        """Rows and columns of the canvas around `xy`, each a multiple of four long."""
        low = np.maximum(np.floor(self.to_canvas(xy.min(axis=0) - margin)).astype(int), 0)
        high = np.minimum(np.ceil(self.to_canvas(xy.max(axis=0) + margin)).astype(int), self.canvas.shape[1::-1])
        high -= (high - low) % 4
        return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))

    def blend(self, rows: slice, columns: slice, color: Float32, alpha: Float32) -> None:
        """Put `color` over what is there with coverage `alpha`."""
        region = self.canvas[rows, columns]
        region *= (1 - alpha)[..., None]
        region[..., :3] += color * alpha[..., None]
        region[..., 3] += alpha

    def ellipse(self, center: FloatArray, radii: tuple[float, float], angle: float, color: Float32) -> None:
        """A filled ellipse with a soft edge one canvas pixel wide; `radii` in px along and across `angle`."""
        u0, v0 = self.to_canvas(center)
        reach = max(radii) * OVERSAMPLING + 2
        rows = slice(max(0, int(v0 - reach)), int(v0 + reach) + 2)
        columns = slice(max(0, int(u0 - reach)), int(u0 + reach) + 2)
        height, width = self.canvas[rows, columns].shape[:2]
        u = np.arange(columns.start, columns.start + width, dtype=np.float32)[None] - np.float32(u0)
        v = np.arange(rows.start, rows.start + height, dtype=np.float32)[:, None] - np.float32(v0)
        a, b = (radius * OVERSAMPLING for radius in radii)
        along, across = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
        distance = (np.sqrt((along / a) ** 2 + (across / b) ** 2) - 1) * min(a, b)
        self.blend(
            rows, columns, np.broadcast_to(color, (height, width, 3)), np.clip(0.5 - distance, 0, 1).astype(np.float32)
        )

    def polygon(self, outline: FloatArray, color: Float32, opacity: float) -> None:
        """A filled anti-aliased polygon."""
        points = self.to_canvas(outline)
        low = np.maximum(np.floor(points.min(axis=0)).astype(int) - 1, 0)
        high = np.ceil(points.max(axis=0)).astype(int) + 2
        mask = np.zeros(self.canvas[low[1] : high[1], low[0] : high[0]].shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.round((points - low) * 64).astype(np.int32)], 255, cv2.LINE_AA, 6)
        self._blend_mask(mask, low, color, opacity)

    def line(self, line: FloatArray, color: Float32, opacity: float) -> None:
        """A thin anti-aliased line."""
        points = self.to_canvas(line)
        low = np.maximum(np.floor(points.min(axis=0)).astype(int) - 2, 0)
        high = np.ceil(points.max(axis=0)).astype(int) + 3
        mask = np.zeros(self.canvas[low[1] : high[1], low[0] : high[0]].shape[:2], np.uint8)
        cv2.polylines(mask, [np.round((points - low) * 64).astype(np.int32)], False, 255, 1, cv2.LINE_AA, 6)
        self._blend_mask(mask, low, color, opacity)

    def patch(self) -> Patch:
        """The drawing at the resolution of the image."""
        height, width = self.canvas.shape[:2]
        small = cv2.resize(self.canvas, (width // OVERSAMPLING, height // OVERSAMPLING), interpolation=cv2.INTER_AREA)
        return Patch(self.left, self.top, small[..., :3].astype(np.float32), small[..., 3].astype(np.float32))

    def _blend_mask(
        self, mask: npt.NDArray[np.uint8], low: npt.NDArray[np.int64], color: Float32, opacity: float
    ) -> None:
        rows, columns = (slice(int(low[a]), int(low[a]) + mask.shape[1 - a]) for a in (1, 0))
        alpha = mask.astype(np.float32) * np.float32(opacity / 255)
        self.blend(rows, columns, np.broadcast_to(color, (*mask.shape, 3)), alpha)


def _front_scale(pose: Pose) -> float:
    """How much larger head and shoulders look because they are nearer to the camera."""
    return 1 + 0.20 * pose.rear


def _ribbon(line: FloatArray, offset: FloatArray) -> FloatArray:
    return np.concatenate([line + offset, (line - offset)[::-1]])


def _fur(rng: np.random.Generator, back: Float32, flank: Float32) -> tuple[Float32, Float32]:
    """Color with height `(rows, columns, 4)` and coverage `(rows, columns)` of the body over `(s, d)`."""
    columns, rows = TEXTURE_SIZE
    s = (np.arange(columns) + 0.5) / columns * (TEXTURE_S[1] - TEXTURE_S[0]) + TEXTURE_S[0]
    d = (np.arange(rows) + 0.5) / rows * (TEXTURE_D[1] - TEXTURE_D[0]) + TEXTURE_D[0]
    width = cv2.GaussianBlur(np.interp(s, WIDTH_S, WIDTH_D)[None].astype(np.float32), (0, 0), 3.5)[0]
    across = np.abs(d)[:, None] / np.maximum(width, 1e-3)[None]  # 0 on the spine, 1 on the outline

    hairs = cv2.GaussianBlur(rng.standard_normal((rows, columns)).astype(np.float32), (0, 0), sigmaX=5.0, sigmaY=0.8)
    hairs = hairs / hairs.std() + 0.8 * fractal_noise(rng, TEXTURE_SIZE, 10)
    patches = fractal_noise(rng, TEXTURE_SIZE, 60)
    tone = np.clip(across, 0, 1) ** 1.8 + 0.08 * patches
    tone -= 0.35 * np.exp(-((d[:, None] / 0.028) ** 2)) * np.clip((s - 0.2) * 5, 0, 1)  # a darker stripe along the back
    tone += 0.45 * np.exp(-(((s - 0.03) / 0.06) ** 2))  # a paler muzzle
    color = back + (flank - back) * np.clip(tone, -0.3, 1.2)[..., None]
    color = color * (1 + 0.13 * hairs[..., None])

    # Tufts: the outline is ragged by about a hair's width.
    edge = (1 - across) * width[None] / (d[1] - d[0]) + 0.55 * hairs
    alpha = np.clip(edge / 1.6 + 0.5, 0, 1) * (width > 0.004)[None]
    height = 0.95 * width[None] * np.sqrt(np.clip(1 - across**2, 0, 1)) + 0.0028 * hairs * (across < 0.95)
    texture = np.concatenate([np.clip(color, 4, 255), cv2.GaussianBlur(height, (0, 0), 1.2)[..., None]], axis=-1)
    return texture.astype(np.float32), alpha.astype(np.float32)


def _spline_basis(n_joints: int, samples: int) -> FloatArray:
    """`(S, n_joints)`: Catmull-Rom weights of the joints for `S = (n_joints - 1) * samples + 1` curve points."""
    weights = np.zeros(((n_joints - 1) * samples + 1, n_joints + 2))
    for row in range(len(weights)):
        segment = min(row // samples, n_joints - 2)
        t = row / samples - segment
        weights[row, segment : segment + 4] = (
            0.5 * (-t + 2 * t**2 - t**3),
            0.5 * (2 - 5 * t**2 + 3 * t**3),
            0.5 * (t + 4 * t**2 - 3 * t**3),
            0.5 * (-(t**2) + t**3),
        )
    basis = weights[:, 1:-1].copy()
    # The curve is continued straight beyond its ends: p[-1] = 2 p[0] - p[1], and likewise at the other end.
    basis[:, 0] += 2 * weights[:, 0]
    basis[:, 1] -= weights[:, 0]
    basis[:, -1] += 2 * weights[:, -1]
    basis[:, -2] -= weights[:, -1]
    return basis
