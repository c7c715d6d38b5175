"""The floor a made mouse walks on: bedding, things lying about, walls, and light that moves over it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray

Float32 = npt.NDArray[np.float32]

WALL_SHARE = 0.055  # of the shorter side of the image
SUN = (-0.55, -0.83)  # direction towards the lamp in the image, for everything that does not move


@dataclass(frozen=True)
class Ground:
    """A floor without an animal.

    Attributes:
        albedo: `(H, W, 3)` float32 RGB 0..255, lit evenly.
        obstacles: `(n, 3)` x, y, radius in pixels of the things too large to walk over.
        box: Left, top, right, bottom of the floor inside the walls, pixels.
    """

    albedo: Float32
    obstacles: FloatArray
    box: tuple[float, float, float, float]


def make_ground(rng: np.random.Generator, size: tuple[int, int], clutter: float) -> Ground:
    """A box with bedding, droppings, a cable, a dish, a tube and a block.

    Args:
        rng: Decides where everything lies.
        size: Width and height in pixels.
        clutter: 0 bare floor without things on it, 1 as in a used cage.
    """
    width, height = size
    unit = min(width, height)
    canvas = _floor(rng, size)
    wall = WALL_SHARE * unit
    box = (wall, wall, width - 1 - wall, height - 1 - wall)
    _bedding(rng, canvas, unit, int(clutter * 1500 * width * height / unit**2))
    obstacles = _objects(rng, canvas, unit, box) if clutter > 0 else np.empty((0, 3))
    _droppings(rng, canvas, unit, int(clutter * 26))
    _walls(canvas, wall)
    return Ground(canvas, obstacles, box)


def light_field(size: tuple[int, int], time_s: float, phases: FloatArray) -> Float32:
    """`(H, W)` brightness factor: a lamp that wanders, a soft shadow that drifts by, a slow flicker.

    Args:
        size: Width and height in pixels.
        time_s: Time in seconds.
        phases: `(4,)` radians; what makes one video's light unlike another's.
    """
    width, height = size
    # A smooth field: an eighth of the resolution is enough, and much faster.
    y, x = np.mgrid[0 : max(2, height // 8), 0 : max(2, width // 8)].astype(np.float32)
    u, v = x / x.shape[1] - 0.5, y / y.shape[0] - 0.5
    lamp_x = 0.32 * np.cos(0.23 * time_s + phases[0])
    lamp_y = 0.28 * np.sin(0.31 * time_s + phases[1])
    field = 0.76 + 0.34 * np.exp(-((u - lamp_x) ** 2 + (v - lamp_y) ** 2) / 0.32)
    band = u * np.cos(phases[2]) + v * np.sin(phases[2]) - 0.9 * np.sin(0.17 * time_s + phases[3])
    field *= 1 - 0.16 * np.exp(-(band**2) / 0.022)
    field *= 1 + 0.012 * np.sin(2 * np.pi * 1.3 * time_s)
    full = cv2.resize(field.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, np.float32)


def fractal_noise(rng: np.random.Generator, size: tuple[int, int], coarsest: float) -> Float32:
    """`(H, W)` smooth noise of mean 0 and deviation 1, with detail at every scale up to `coarsest` px."""
    width, height = size
    total = np.zeros((height, width), np.float32)
    sigma, weight = coarsest, 1.0
    while sigma >= 0.7:
        layer = rng.standard_normal((max(2, int(height / sigma)), max(2, int(width / sigma)))).astype(np.float32)
        total += weight * cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
        sigma, weight = sigma / 2, weight * 0.72
    return np.asarray((total - total.mean()) / (total.std() + 1e-6), np.float32)


def _floor(rng: np.random.Generator, size: tuple[int, int]) -> Float32:
    base = np.array([186.0, 171.0, 146.0], np.float32) + rng.normal(0, 2, 3).astype(np.float32)
    tone = fractal_noise(rng, size, min(size) / 5)
    grain = fractal_noise(rng, size, 4)
    return np.asarray(base + 9.0 * tone[..., None] + 7.0 * grain[..., None], np.float32)


def _bedding(rng: np.random.Generator, canvas: Float32, unit: int, count: int) -> None:
    """Wood shavings: curled chips, each with its own tone, a lit edge and a shadow."""
    height, width = canvas.shape[:2]
    tones = np.array([[214, 194, 158], [196, 172, 132], [228, 212, 182], [172, 147, 108], [205, 181, 138]], np.float64)
    for _ in range(count):
        center = np.array([rng.uniform(0, width), rng.uniform(0, height)])
        length, breadth = unit * rng.uniform(0.012, 0.042), unit * rng.uniform(0.004, 0.011)
        angle, curl = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.9)
        chip = _chip(center, (length, breadth), angle, curl)
        tone = tones[rng.integers(len(tones))] * rng.uniform(0.86, 1.1)
        _polygon(canvas, chip - 0.006 * unit * np.array(SUN), tone * 0.58, 0.55)
        _polygon(canvas, chip, tone, 0.92)
        _polygon(canvas, chip[: len(chip) // 2], np.minimum(tone * 1.14, 255), 0.5)


def _chip(center: FloatArray, size: tuple[float, float], angle: float, curl: float) -> FloatArray:
    """Outline `(12, 2)` of a bent strip."""
    length, breadth = size
    s = np.linspace(-0.5, 0.5, 6)
    direction = angle + curl * s
    middle = np.cumsum(np.stack([np.cos(direction), np.sin(direction)], axis=-1), axis=0) * length / 6
    middle -= middle.mean(axis=0)
    normal = np.stack([-np.sin(direction), np.cos(direction)], axis=-1) * breadth * (1 - 0.5 * (2 * s[:, None]) ** 2)
    return np.concatenate([middle + normal, (middle - normal)[::-1]]) + center


def _droppings(rng: np.random.Generator, canvas: Float32, unit: int, count: int) -> None:
    """Small dark grains, about as dark as an eye or a tail: something to be mistaken for the animal."""
    height, width = canvas.shape[:2]
    for _ in range(count):
        center = np.array([rng.uniform(0.05, 0.95) * width, rng.uniform(0.05, 0.95) * height])
        angle = rng.uniform(0, 2 * np.pi)
        long, short = unit * rng.uniform(0.008, 0.012), unit * 0.0045
        grain = _ellipse(center, (long, short), angle)
        _polygon(canvas, grain - 0.004 * unit * np.array(SUN), np.array([90.0, 76.0, 58.0]), 0.5)
        _polygon(canvas, grain, np.array([52.0, 42.0, 34.0]) * rng.uniform(0.8, 1.3), 0.95)
        _polygon(
            canvas,
            _ellipse(center + 0.002 * unit * np.array(SUN), (long * 0.5, short * 0.4), angle),
            np.array([112.0, 98.0, 84.0]),
            0.6,
        )


def _objects(
    rng: np.random.Generator, canvas: Float32, unit: int, box: tuple[float, float, float, float]
) -> FloatArray:
    """A dish, a tube and a block near the walls, and a cable anywhere; returns `(3, 3)` x, y, radius."""
    left, top, right, bottom = box
    inset = 0.13 * unit
    corners = [
        (left + inset, top + inset),
        (right - inset, top + inset),
        (right - inset, bottom - inset),
        (left + inset, bottom - inset),
    ]
    order = rng.permutation(4)
    places = [np.array(corners[i]) + rng.normal(0, 0.02 * unit, 2) for i in order[:3]]
    _cable(rng, canvas, unit, box)
    _dish(canvas, places[0], 0.088 * unit)
    _tube(canvas, places[1], 0.085 * unit, float(rng.uniform(0, np.pi)))
    _block(canvas, places[2], 0.055 * unit, float(rng.uniform(0, np.pi)))
    radii = (0.11, 0.12, 0.11)
    return np.array([[*place, radius * unit] for place, radius in zip(places, radii, strict=True)])


def _cable(rng: np.random.Generator, canvas: Float32, unit: int, box: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = box
    t = np.linspace(0, 1, 60)
    x = left + (right - left) * (rng.uniform(0.25, 0.75) + 0.1 * np.sin(5 * t + rng.uniform(0, 6)) + 0.2 * (t - 0.5))
    line = np.stack([x, top + (bottom - top) * t], axis=-1)
    _stroke(canvas, line - 0.010 * unit * np.array(SUN), 0.006 * unit, np.array([96.0, 84.0, 66.0]), 0.5)
    _stroke(canvas, line, 0.005 * unit, np.array([72.0, 74.0, 80.0]), 1.0)
    _stroke(canvas, line + 0.002 * unit * np.array(SUN), 0.0015 * unit, np.array([150.0, 152.0, 160.0]), 0.8)


def _dish(canvas: Float32, center: FloatArray, radius: float) -> None:
    sun = np.array(SUN)
    _shadow(canvas, _ellipse(center - 0.16 * radius * sun, (radius * 1.05, radius * 1.05), 0), radius * 0.16)
    _polygon(canvas, _ellipse(center, (radius, radius), 0), np.array([170.0, 182.0, 190.0]), 1.0)
    _polygon(
        canvas, _ellipse(center + 0.05 * radius * sun, (radius * 0.93,) * 2, 0), np.array([206.0, 216.0, 222.0]), 1
    )
    _polygon(canvas, _ellipse(center, (radius * 0.8,) * 2, 0), np.array([118.0, 128.0, 138.0]), 1.0)
    _polygon(
        canvas, _ellipse(center - 0.08 * radius * sun, (radius * 0.72,) * 2, 0), np.array([142.0, 152.0, 160.0]), 1
    )
    for k in range(9):
        place = center + radius * 0.5 * np.array([np.cos(2.4 * k), np.sin(2.4 * k)]) * np.sqrt((k + 0.5) / 9)
        _polygon(
            canvas,
            _ellipse(place - 0.03 * radius * sun, (radius * 0.2, radius * 0.1), 1.7 * k),
            np.array([88.0, 70.0, 48.0]),
            0.8,
        )
        _polygon(canvas, _ellipse(place, (radius * 0.18, radius * 0.09), 1.7 * k), np.array([150.0, 118.0, 76.0]), 1.0)


def _tube(canvas: Float32, center: FloatArray, radius: float, angle: float) -> None:
    """A cardboard tube lying down: a rectangle shaded as a cylinder."""
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    half = 0.62 * radius

    def strip(a: float, b: float) -> FloatArray:
        return np.array([center + along * s * radius + across * d for s, d in ((-1, a), (1, a), (1, b), (-1, b))])

    _shadow(canvas, strip(-half, half) - 0.25 * radius * np.array(SUN), radius * 0.14)
    n_strips = 14
    for k in range(n_strips):
        a, b = half * (2 * k / n_strips - 1), half * (2 * (k + 1) / n_strips - 1)
        slope = (a + b) / 2 / half
        facing = np.sqrt(1 - slope**2) * 0.75 + slope * float(across @ np.array(SUN)) * 0.55
        _polygon(canvas, strip(a, b + 0.6), np.array([176.0, 134.0, 90.0]) * (0.62 + 0.5 * facing), 1.0)
    for end in (-1, 1):
        _polygon(
            canvas,
            _ellipse(center + end * along * radius * 0.98, (half, half * 0.2), angle + np.pi / 2),
            np.array([70.0, 52.0, 36.0]),
            0.9,
        )


def _block(canvas: Float32, center: FloatArray, radius: float, angle: float) -> None:
    corners = np.array([[-1, -0.8], [1, -0.8], [1, 0.8], [-1, 0.8]]) * radius
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    outline = corners @ turn.T + center
    _shadow(canvas, outline - 0.3 * radius * np.array(SUN), radius * 0.2)
    _polygon(canvas, outline, np.array([66.0, 92.0, 128.0]), 1.0)
    top = (outline - center) * 0.84 + center + 0.06 * radius * np.array(SUN)
    _polygon(canvas, top, np.array([92.0, 124.0, 164.0]), 1.0)
    _polygon(canvas, (top - center) * 0.5 + center, np.array([106.0, 138.0, 176.0]), 0.7)


def _walls(canvas: Float32, wall: float) -> None:
    """Gray walls seen from above, with a shadow at their foot."""
    height, width = canvas.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    inside = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y)) - wall
    canvas *= (1 - 0.34 * np.exp(-np.maximum(inside, 0) / (0.55 * wall)))[..., None]
    is_wall = np.clip(0.5 - inside, 0, 1)[..., None]
    shade = 104 + 34 * np.clip(-inside / wall, 0, 1) + 14 * (np.abs(x - (width - 1) / 2) > np.abs(y - (height - 1) / 2))
    canvas *= 1 - is_wall
    canvas += is_wall * shade[..., None] * np.array([0.98, 1.0, 1.03], np.float32)


def _ellipse(center: FloatArray, radii: tuple[float, float], angle: float) -> FloatArray:
    t = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    x, y = radii[0] * np.cos(t), radii[1] * np.sin(t)
    return np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=-1) + center


def _stroke(canvas: Float32, line: FloatArray, half_width: float, color: FloatArray, opacity: float) -> None:
    direction = np.gradient(line, axis=0)
    normal = np.stack([-direction[:, 1], direction[:, 0]], axis=-1)
    normal *= half_width / (np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9)
    _polygon(canvas, np.concatenate([line + normal, (line - normal)[::-1]]), color, opacity)


def _shadow(canvas: Float32, outline: FloatArray, softness: float) -> None:
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(mask, [_fixed_point(outline)], 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(softness, 0.5))
    canvas *= (1 - 0.55 * soft)[..., None]


def _polygon(canvas: Float32, outline: FloatArray, color: FloatArray, opacity: float) -> None:
    """Blend an anti-aliased polygon into `canvas`, touching only the pixels around it."""
    height, width = canvas.shape[:2]
    left, top = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 1, 0)
    right = min(width, int(outline[:, 0].max()) + 3)
    bottom = min(height, int(outline[:, 1].max()) + 3)
    if right <= left or bottom <= top:
        return
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(mask, [_fixed_point(outline - (left, top))], 255, cv2.LINE_AA, 4)
    alpha = mask[..., None].astype(np.float32) * np.float32(opacity / 255)
    region = canvas[top:bottom, left:right]
    region += alpha * (color.astype(np.float32) - region)


def _fixed_point(outline: FloatArray) -> npt.NDArray[np.int32]:
    """Coordinates with four fractional bits, as OpenCV's drawing takes them."""
    return np.round(outline * 16).astype(np.int32)
