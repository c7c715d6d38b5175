"""A result of `triangulate` as somebody looks at it: points in space, a stretch at a time, beside what each camera saw
and where it should have seen it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from markerless.analysis.envelope import envelope
from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.views import CONTRADICTORY, GOOD
from markerless.errors import FormatError, VideoError
from markerless.formats import _movement_parts
from markerless.formats._movement_parts import SpaceFile
from markerless.pipeline.space_seen import Search, Seen, frames_of_pictures, seen_of
from markerless.pipeline.space_sources import cameras_of, images_of
from markerless.pipeline.space_view import up_of
from markerless.project import Project

POINT = ("x", "y", "z", "score", "error", "state")
VIEW = ("seen x", "seen y", "expected x", "expected y", "off px", "used")
TRACES = ("limb", "error", "off px", "state")
_MOST_SAMPLED = 4000  # moments from which it is learned how large the scene is
_MOST_LOOKED_AT = 20_000  # entries of folders
_SKIPPED = ("labeled-data", "runs", "journal", "evaluation-results", "dlc-models", "training-datasets")


@dataclass(frozen=True)
class SpaceCamera:
    """A camera of a result.

    Attributes:
        name: Its name.
        camera: Where it stands; None when the result does not say.
        seen: What it saw, and its video.
    """

    name: str
    camera: Camera | None
    seen: Seen


@dataclass(frozen=True)
class Space:
    """An open result.

    Attributes:
        file: Its numbers.
        cameras: In the order of the file.
        edges: Pairs of indices of keypoints: of the file, else of the study.
    """

    file: SpaceFile
    cameras: tuple[SpaceCamera, ...]
    edges: tuple[tuple[int, int], ...]

    @property
    def record(self) -> int:
        """Numbers of one moment: see `packed`."""
        n_points = len(self.file.individuals) * len(self.file.keypoints)
        return len(self.cameras) + n_points * (len(POINT) + len(VIEW) * len(self.cameras))

    def frames_of(self, rows: slice) -> FloatArray:
        """`(T, C)`: which frame of each camera's video belongs to each moment; -1 where there is none."""
        start, stop, _ = rows.indices(self.file.n_frames)
        own = np.repeat(np.arange(start, stop, dtype=np.float64)[:, None], len(self.cameras), axis=1)
        if self.file.has("camera_frame"):
            own = self.file.take("camera_frame", rows).astype(np.float64).T  # stored by camera, whatever their number
            own = np.rint(np.where(np.isfinite(own) & (own >= 0), own, -1.0))  # the nearest, where it lies between two
        for c, one in enumerate(self.cameras):
            if one.seen.frames is not None:
                own[:, c] = one.seen.frames[start:stop]
        return own

    def frames_in(self, video: Path) -> FloatArray | None:
        """`(T,)`: which frame of a video that somebody names each moment is, -1: none; None where it is as `frames_of`
        says, because no pictures were labeled.

        Raises:
            VideoError: pictures were labeled, and none of them is there.
        """
        if not self.images:
            return None
        frames = frames_of_pictures(video, self.images) if video.is_dir() else np.full(len(self.images), -1.0)
        if not (frames >= 0).any():
            raise VideoError(
                f"expected the folder of the pictures that were labeled ({self.images[0]}, ...) for "
                f"{self.file.path.name}, got {video}; name the folder in which they are"
            )
        return frames

    def packed(self, start: int, stop: int) -> np.ndarray:
        """`(stop - start, record)` float32, little-endian. Of each moment: the frame of each camera's video (-1: none);
        then `POINT` of each animal's keypoints; then, camera by camera, `VIEW` of each animal's keypoints. NaN where
        not known; lengths in the unit of the file, views in px of the whole frame."""
        rows = slice(start, stop)
        points = self._points(rows)
        frames = self.frames_of(rows)
        views = [self._view(c, rows, points[..., :3], frames[:, c]) for c in range(len(self.cameras))]
        flat = [part.reshape(len(points), -1) for part in (frames, points, *views)]
        return np.concatenate(flat, axis=1).astype("<f4")

    def traces(self, animal: int, keypoint: int, rows: slice, n_columns: int) -> np.ndarray:
        """`(4, columns, 2)` float32, little-endian: least and largest of `TRACES` in each column: length of the
        keypoint's limb, expected error, largest distance in px from a camera that was used, and state."""
        pick = (slice(animal, animal + 1), slice(keypoint, keypoint + 1))
        n = len(range(*rows.indices(self.file.n_frames)))
        here = self.file.take("position", rows, *pick)[:, 0, 0]
        found = {"error": self._variable("expected_error", rows, *pick)[:, 0, 0], "state": self._state(rows, *pick)}
        other = self.limbs[keypoint]
        if other is None:
            found["limb"] = np.full(n, np.nan)
        else:
            there = self.file.take("position", rows, pick[0], slice(other, other + 1))[:, 0, 0]
            found["limb"] = np.linalg.norm(here - there, axis=-1)
        found["off px"] = np.full(n, np.nan)
        if self.file.has("reprojection_error"):
            off = self.file.take("reprojection_error", rows, *pick)[..., 0, 0]
            used = self.file.take("view_used", rows, *pick)[..., 0, 0].astype(bool)
            found["off px"] = np.fmax.reduce(np.where(used, off, np.nan), axis=0)
        columns = [envelope(found[name].reshape(n), n_columns) for name in TRACES]
        return np.stack(columns).astype("<f4")

    @cached_property
    def limbs(self) -> list[int | None]:
        """For each keypoint the one at the other end of the limb that leads to it, along the edges of the skeleton."""
        return limbs_of(len(self.file.keypoints), self.edges)

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Names of the pictures that the moments are, where pictures were labeled; empty for results of videos."""
        return images_of(self.file.provenance, self.file.n_frames)

    @cached_property
    def up(self) -> FloatArray:
        """`(3,)`: which way is up: z where the axes of the world were chosen, else guessed from the cameras."""
        if self.file.provenance.get("axes"):
            return np.array([0.0, 0.0, 1.0])
        return up_of([one.camera for one in self.cameras if one.camera is not None])

    @cached_property
    def counts(self) -> list[int]:
        """How many points are in each state of `STATES`; none where the file does not say."""
        if not self.file.has("state"):
            return []
        state = self.file.take("state", slice(None))
        return np.bincount(np.nan_to_num(state).ravel().clip(0, 3).astype(np.intp), minlength=4).tolist()

    @cached_property
    def bounds(self) -> FloatArray:
        """`(2, 3)`: where the points are, but for the 1 % farthest along each axis.

        Raises:
            FormatError: there is not one point.
        """
        step = max(self.file.n_frames // _MOST_SAMPLED, 1)
        points = self.file.take("position", slice(None, None, step)).reshape(-1, 3)
        points = points[np.isfinite(points).all(axis=-1)]
        if not len(points):
            points = self.file.take("position", slice(None)).reshape(-1, 3)
            points = points[np.isfinite(points).all(axis=-1)]
        if not len(points):
            raise FormatError(
                f"expected at least one point in space in {self.file.path.name}, all are missing; "
                "look at what `markerless triangulate` says of the cameras"
            )
        return np.quantile(points, [0.005, 0.995], axis=0)

    def next_moment(self, frame: int, by: int) -> int | None:
        """The next moment after (`by` 1) or before (-1) a frame at which cameras begin to contradict each other about a
        point."""
        if not self.file.has("state"):
            return None
        wrong = self.file.take("state", slice(None)) == CONTRADICTORY
        begins = wrong.copy()
        begins[1:] &= ~wrong[:-1]
        starts = np.flatnonzero(begins.any(axis=(1, 2)))
        near = starts[starts > frame] if by > 0 else starts[starts < frame][::-1]
        return int(near[0]) if len(near) else None

    def _points(self, rows: slice) -> FloatArray:
        """`(T, N, K, 6)`: `POINT`."""
        xyz = self.file.take("position", rows).astype(np.float64)
        rest = [self._variable(name, rows) for name in ("confidence", "expected_error")]
        return np.concatenate([xyz, np.stack([*rest, self._state(rows)], axis=-1)], axis=-1)

    def _variable(self, name: str, rows: slice, *pick: slice) -> FloatArray:
        if self.file.has(name):
            return self.file.take(name, rows, *pick).astype(np.float64)
        return np.full(self.file.take("position", rows, *pick).shape[:3], np.nan)

    def _state(self, rows: slice, *pick: slice) -> FloatArray:
        """`(T, N, K)`; where the file does not say, what can be seen: a point is good or not there (NaN)."""
        if self.file.has("state"):
            return self.file.take("state", rows, *pick).astype(np.float64)
        there = np.isfinite(self.file.take("position", rows, *pick)).all(axis=-1)
        return np.where(there, float(GOOD), np.nan)

    def _view(self, c: int, rows: slice, points: FloatArray, frames: FloatArray) -> FloatArray:
        """`(T, N, K, 6)`: `VIEW` of camera `c`."""
        one = self.cameras[c]
        found = np.full((*points.shape[:3], len(VIEW)), np.nan)
        start, stop, _ = rows.indices(self.file.n_frames)
        found[..., :2] = one.seen.at(start, stop, frames)
        if one.camera is not None:
            found[..., 2:4] = one.camera.project(points)
        if one.name in self.file.views:
            view = self.file.views.index(one.name)
            for place, name in ((4, "reprojection_error"), (5, "view_used")):
                found[..., place] = self.file.take(name, rows)[view]
        return found


def open_space(path: Path, project: Project | None = None, allows: Callable[[Path], bool] = lambda _: True) -> Space:
    """Open a result of `triangulate`.

    Args:
        path: The file.
        project: The study that it is looked at from, in whose videos those of the cameras are looked for too.
        allows: Whether a file may be looked at.

    Raises:
        FormatError: no such file, damaged, or not points in space.
    """
    file = _movement_parts.open_space(path)
    cameras = cameras_of(file.provenance, path)
    names = file.views or tuple(cameras)
    seen = seen_of(file, names, Search(project.videos() if project is not None else (), allows))
    edges = file.edges
    if not edges and project is not None:
        edges = _edges_among(project.skeleton, file.keypoints)
    return Space(file, tuple(SpaceCamera(name, cameras.get(name), seen[name]) for name in names), edges)


def is_space(path: Path) -> bool:
    """Whether a file is a result with points in space."""
    try:
        _movement_parts.open_space(path)
    except FormatError:
        return False
    return True


def space_files(project: Project, is_one: Callable[[Path], bool] = is_space) -> list[Path]:
    """The results in a project and beside its videos, the newest first."""
    found: dict[Path, int] = {}
    folders = list(dict.fromkeys([project.root.resolve(), *(video.resolve().parent for video in project.videos())]))
    for path in _files_below(folders):
        if path.suffix.lower() == ".nc" and path.resolve() not in found and is_one(path):
            found[path.resolve()] = path.stat().st_mtime_ns
    return sorted(found, key=lambda path: (-found[path], path.name))


def limbs_of(n_keypoints: int, edges: tuple[tuple[int, int], ...]) -> list[int | None]:
    """For each keypoint the other end of a limb: the edge on the way from the first keypoint of its part of the
    skeleton, which itself has its first edge; None without edges."""
    found: list[int | None] = [None] * n_keypoints
    beside: list[list[int]] = [[] for _ in range(n_keypoints)]
    for a, b in edges:
        beside[a].append(b)
        beside[b].append(a)
    reached: set[int] = set()
    for first in range(n_keypoints):
        if first in reached or not beside[first]:
            continue
        found[first], waiting = beside[first][0], [first]
        reached.add(first)
        while waiting:
            here = waiting.pop(0)
            for there in beside[here]:
                if there not in reached:
                    reached.add(there)
                    found[there] = here
                    waiting.append(there)
    return found


def _edges_among(skeleton: Skeleton, keypoints: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    place = {name: index for index, name in enumerate(keypoints)}
    named = skeleton.names_of(skeleton.edges)
    return tuple((place[a], place[b]) for a, b in named if a in place and b in place)


def _files_below(folders: list[Path]) -> Iterator[Path]:
    """Files in folders and their folders, but those that hold no results; a disk full of files is left at some time."""
    n_seen = 0
    waiting = [(folder, 0) for folder in folders]
    while waiting:
        folder, depth = waiting.pop(0)
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            continue
        for entry in entries:
            n_seen += 1
            if n_seen > _MOST_LOOKED_AT:
                return
            if entry.is_file():
                yield entry
            elif depth < 3 and entry.is_dir() and entry.name not in _SKIPPED and not entry.name.startswith("."):
                waiting.append((entry, depth + 1))
