"""When a point is in a region of the picture: frames, entries, visits.

A frame without the point is neither inside nor outside. An entry is a change from outside to inside from one frame with
the point to the next one, however many frames without it are between; who is inside from the beginning has not entered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.errors import SettingsError

Flags = npt.NDArray[np.bool_]
ON_EDGE = 1e-9  # of the region's size: a point that near an edge is on it


@dataclass(frozen=True)
class Circle:
    """A round region; its edge belongs to it.

    Attributes:
        name: What it is called.
        center: x, y in pixels.
        radius: In pixels.
    """

    name: str
    center: tuple[float, float]
    radius: float

    def __post_init__(self) -> None:
        if not (all(map(math.isfinite, self.center)) and math.isfinite(self.radius) and self.radius > 0):
            got = f"{self.center[0]:g}, {self.center[1]:g}, {self.radius:g}"
            raise SettingsError(f"region '{self.name}': expected a center x, y and a radius above 0 px, got {got}")

    def contains(self, xy: FloatArray) -> Flags:
        """`(...)` whether points `(..., 2)` are inside; a missing one is not."""
        distance = np.hypot(xy[..., 0] - self.center[0], xy[..., 1] - self.center[1])
        return np.asarray(distance <= self.radius * (1 + ON_EDGE))

    def outline(self) -> FloatArray:
        """`(M, 2)` px: its edge as a polygon, to be drawn."""
        turn = np.linspace(0, 2 * np.pi, 120)
        return np.stack([np.cos(turn), np.sin(turn)], axis=-1) * self.radius + np.array(self.center)


@dataclass(frozen=True)
class Polygon:
    """A region with corners; its edge belongs to it. Where edges cross, what is enclosed twice is outside.

    Attributes:
        name: What it is called.
        corners: x, y in pixels, three or more, in turn.
    """

    name: str
    corners: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        corners = np.array(self.corners, dtype=np.float64).reshape(-1, 2)
        if len(corners) < 3:
            raise SettingsError(f"region '{self.name}': expected 3 or more corners x, y, got {len(corners)}")
        if not np.isfinite(corners).all():
            x, y = corners[~np.isfinite(corners).all(axis=-1)][0]
            raise SettingsError(f"region '{self.name}': expected corners x, y in pixels, got {x:g}, {y:g}")
        spread = corners - corners.mean(axis=0)
        if np.linalg.matrix_rank(spread, tol=ON_EDGE * max(float(np.abs(spread).max()), 1e-300)) < 2:
            raise SettingsError(f"region '{self.name}': expected an area, got corners that lie on one line")

    def contains(self, xy: FloatArray) -> Flags:
        """`(...)` whether points `(..., 2)` are inside; a missing one is not."""
        x, y = xy[..., 0], xy[..., 1]
        inside, on_edge = np.zeros(x.shape, bool), np.zeros(x.shape, bool)
        size = float(np.ptp(np.array(self.corners), axis=0).max())
        for (x1, y1), (x2, y2) in pairwise((*self.corners, self.corners[0])):
            long = math.hypot(x2 - x1, y2 - y1)
            if long == 0:
                continue
            along = ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / long
            away = np.abs((x - x1) * (y2 - y1) - (y - y1) * (x2 - x1)) / long
            near = ON_EDGE * size
            on_edge |= (away <= near) & (along >= -near) & (along <= long + near)
            # A ray to the right crosses the edge. Half-open in y, so that a corner counts once.
            crosses = (y1 > y) != (y2 > y)
            if y1 != y2:
                inside ^= crosses & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
        return (inside | on_edge) & np.isfinite(xy).all(axis=-1)

    def outline(self) -> FloatArray:
        """`(M, 2)` px: its edge, closed, to be drawn."""
        return np.array([*self.corners, self.corners[0]], dtype=np.float64)


Region = Circle | Polygon


@dataclass(frozen=True)
class Visit:
    """A stay in a region.

    Attributes:
        start: First frame inside.
        stop: The frame after the last one inside.
        n_inside: Frames between them that were seen inside.
        n_missing: Frames between them without the point.
        is_entry: Whether the point was seen outside before; not so when it is inside from the beginning.
    """

    start: int
    stop: int
    n_inside: int
    n_missing: int
    is_entry: bool


def visits(inside: Flags, seen: Flags, least_frames: int = 1) -> list[Visit]:
    """The stays of one point in one region.

    Args:
        inside: `(T,)`.
        seen: `(T,)` frames with the point.
        least_frames: A stay or an absence of fewer frames is none: a point that trembles on the edge has not left and
            come back each time. Absences are looked at first; one lasts from the last frame inside to the next one
            inside, a stay from its first frame inside to its last; both with the frames between in which the point is
            missing.
    """
    frames = np.flatnonzero(seen)
    state = (inside & seen)[frames]
    change = np.flatnonzero(np.diff(np.concatenate([[False], state, [False]]).astype(np.int8)))
    runs = [(int(first), int(last)) for first, last in zip(change[::2], change[1::2], strict=True)]
    joined: list[tuple[int, int]] = []
    for first, last in runs:
        if joined and frames[first] - frames[joined[-1][1] - 1] - 1 < least_frames:
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    counted = np.concatenate([[0], np.cumsum(state)])
    found = []
    for first, last in joined:
        start, stop = int(frames[first]), int(frames[last - 1]) + 1
        if stop - start < least_frames:
            continue
        n_missing = stop - start - (last - first)
        found.append(Visit(start, stop, int(counted[last] - counted[first]), n_missing, first > 0))
    return found


def check_names(regions: Sequence[Region]) -> None:
    """Every region has a name of its own.

    Raises:
        SettingsError: a name is empty or there twice.
    """
    names = [region.name for region in regions]
    for name in names:
        if not name.strip() or names.count(name) > 1:
            raise SettingsError(f"expected a different name for every region, got '{name}' {names.count(name)} times")
