"""What several cameras saw of the same animals: files of any tool, brought to the same moments and the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.core.video import natural_key
from markerless.errors import CalibrationError, FormatError, LabelsError
from markerless.formats._sniff import open_any
from markerless.multiview.files.views_toml import renamed

Source = Path | str | Tracks | Labels
Names = Mapping[str, str | Mapping[str, str]]


@dataclass(frozen=True)
class SeenPoints:
    """Points of V views.

    Attributes:
        views: Names of the cameras.
        skeleton: Keypoints that at least two views have.
        individuals: Names of the animals.
        xy: `(V, T, N, K, 2)` px; NaN where not seen.
        score: `(V, T, N, K)`.
        error: `(V, T, N, K)` expected error in px; None unless every view has it.
        frames: Picture of each moment, for labels; empty for tracks.
        fps: Frames a second, NaN when unknown.
        notes: One-line remarks for the user.
        view_fps: Frames a second of each view, NaN when unknown.
        counts: Frames of each view; fewer than T where views of different counts were read to be brought into step.
        camera_frame: `(T, V)` as in `core.views.Views`; empty when nothing was brought into step.
    """

    views: tuple[str, ...]
    skeleton: Skeleton
    individuals: tuple[str, ...]
    xy: FloatArray
    score: FloatArray
    error: FloatArray | None
    frames: tuple[str, ...]
    fps: float
    notes: tuple[str, ...]
    view_fps: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    camera_frame: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def flat_xy(self) -> FloatArray:
        """`(V, T, N * K, 2)`."""
        return self.xy.reshape(*self.xy.shape[:2], -1, 2)

    @property
    def flat_error(self) -> FloatArray | None:
        """`(V, T, N * K)`."""
        return None if self.error is None else self.error.reshape(*self.error.shape[:2], -1)


@dataclass(frozen=True)
class _View:
    tracks: Tracks
    frames: tuple[str, ...]  # empty for tracks


def read_seen(
    files: Mapping[str, Source], names: Names | None = None, cutoff: float = 0.0, in_step: bool = True
) -> SeenPoints:
    """Read what each camera saw.

    Args:
        files: Camera -> file of labels or predictions of any tool, or what is in it.
        names: Camera -> pattern ("{}_top") or table of the names that its file gives to the keypoints.
        cutoff: Points with a lower score are left out.
        in_step: Whether frame t of every camera is the same moment. If not, views may have different counts of frames;
            the shorter ones end in NaN.

    Raises:
        FormatError: a file that cannot be read.
        LabelsError: views that do not go together; the message says in what they differ.
        CalibrationError: fewer than two views.
    """
    if len(files) < 2:
        raise CalibrationError(f"expected the files of at least two cameras, got {', '.join(files) or 'none'}")
    opened: dict[str, Labels | Tracks] = {}
    for source in files.values():
        if not isinstance(source, Tracks | Labels) and str(source) not in opened:
            opened[str(source)] = open_any(source)[1]
    found = {
        name: _view(source if isinstance(source, Tracks | Labels) else opened[str(source)], name)
        for name, source in files.items()
    }
    notes: list[str] = []
    counts = tuple(view.tracks.n_frames for view in found.values())
    if 0 in counts:
        empty = ", ".join(name for name, count in zip(found, counts, strict=True) if not count)
        raise LabelsError(f"expected frames of every camera, got none of {empty}: give a file with results in it")
    found = _same_moments(found, notes) if in_step else _same_length(found)
    animals = _same_animals(found)
    keypoints = _same_keypoints(found, names or {}, notes)
    xy, score, error = _stacked(found, keypoints, animals)
    xy[score < cutoff] = np.nan
    first, view = next(iter(found.items()))
    skeleton = _skeleton(first, view.tracks.skeleton, keypoints)
    fps_of = tuple(view.tracks.fps for view in found.values())
    rates = [rate for rate in fps_of if np.isfinite(rate)]
    if in_step and rates and max(rates) > 1.001 * min(rates):
        told = ", ".join(f"{name} {view.tracks.fps:g}" for name, view in found.items())
        notes.append(
            f"the files give different frame rates ({told}); frames are taken to be of the same moments; pass --sync "
            "if they are not"
        )
    fps = rates[0] if rates else float("nan")
    return SeenPoints(tuple(found), skeleton, animals, xy, score, error, view.frames, fps, tuple(notes), fps_of, counts)


def _view(value: Labels | Tracks, name: str) -> _View:
    if isinstance(value, Labels):
        xy = value.xy()
        score = np.where(np.isfinite(xy).all(axis=-1), 1.0, np.nan)
        tracks = Tracks(value.skeleton, xy, score, individuals=value.individuals)
        return _View(tracks, tuple(PurePosixPath(image).name for image in value.images))
    if value.points.shape[-1] != 2:
        raise FormatError(f"expected points in pixels (x, y) of camera '{name}', got 3D points")
    return _View(value, ())


def _same_moments(found: dict[str, _View], notes: list[str]) -> dict[str, _View]:
    """The views cut to the same moments: pictures of the same name, or equally many frames."""
    labeled = [name for name, view in found.items() if view.frames]
    if labeled and len(labeled) < len(found):
        others = ", ".join(name for name in found if name not in labeled)
        raise LabelsError(
            f"expected labels of all cameras or predictions of all, got labels of {', '.join(labeled)} and predictions "
            f"of {others}: labels are of pictures, predictions of every frame"
        )
    if not labeled:
        counts = {name: view.tracks.n_frames for name, view in found.items()}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise LabelsError(
                f"expected equally many frames of every camera, got {told}: frames are missing, or the cameras did "
                "not start together; pass --sync to find out from the motion, --times CAMERA=FILE with their "
                "timestamps, or cut the videos to the same moments"
            )
        return found
    for name, view in found.items():
        if len(set(view.frames)) < len(view.frames):
            raise LabelsError(
                f"expected pictures of different names in the labels of camera '{name}', got some twice: give a label "
                "file of one folder of each camera"
            )
    common = set.intersection(*(set(view.frames) for view in found.values()))
    if not common:
        told = "; ".join(f"{name}: {view.frames[0]}, ..." for name, view in found.items())
        raise LabelsError(f"expected pictures of the same names in all cameras, found none ({told})")
    most = max(len(view.frames) for view in found.values())
    if len(common) < most:
        notes.append(f"{len(common)} of {most} pictures are labeled in all cameras; the others are left out")
    cut = {}
    for name, view in found.items():
        place = {frame: index for index, frame in enumerate(view.frames)}
        rows = [place[frame] for frame in sorted(common, key=natural_key)]
        tracks = replace(view.tracks, points=view.tracks.points[rows], score=view.tracks.score[rows], error=None)
        cut[name] = _View(tracks, tuple(view.frames[row] for row in rows))
    return cut


def _same_length(found: dict[str, _View]) -> dict[str, _View]:
    """The views of videos, with NaN after the last frame of the shorter ones."""
    labeled = [name for name, view in found.items() if view.frames]
    if labeled:
        raise LabelsError(
            f"expected predictions of every frame to bring cameras into step, got labels of {', '.join(labeled)}: "
            "pictures are matched by their names; leave --sync and --times out"
        )
    longest = max(view.tracks.n_frames for view in found.values())
    out = {}
    for name, view in found.items():
        tracks = view.tracks
        more = longest - tracks.n_frames
        points, score, error = (
            None if one is None else np.pad(one, [(0, more)] + [(0, 0)] * (one.ndim - 1), constant_values=np.nan)
            for one in (tracks.points.astype(np.float64), tracks.score.astype(np.float64), tracks.error)
        )
        assert points is not None
        assert score is not None
        out[name] = _View(replace(tracks, points=points, score=score, error=error), ())
    return out


def _same_animals(found: dict[str, _View]) -> tuple[str, ...]:
    first, *others = found
    animals = found[first].tracks.individuals
    for name in others:
        there = found[name].tracks.individuals
        if len(animals) == len(there) == 1:
            continue  # one animal needs no name
        if set(there) != set(animals):
            raise LabelsError(
                f"expected the same animals in all cameras, got {', '.join(animals)} in '{first}' and "
                f"{', '.join(there)} in '{name}'"
            )
    return animals


def _same_keypoints(found: dict[str, _View], names: Names, notes: list[str]) -> dict[str, dict[str, int]]:
    """Keypoint -> view -> index in the view's file, of the keypoints that at least two views have."""
    of_view = {name: renamed(view.tracks.skeleton.keypoints, names.get(name, "{}")) for name, view in found.items()}
    order = list(dict.fromkeys(keypoint for table in of_view.values() for keypoint in table))
    shared = {
        keypoint: {name: table[keypoint] for name, table in of_view.items() if keypoint in table} for keypoint in order
    }
    kept = {keypoint: places for keypoint, places in shared.items() if len(places) >= 2}
    if not kept:
        told = "; ".join(f"{name}: {', '.join(list(table)[:4]) or 'none'}" for name, table in of_view.items())
        raise LabelsError(f"expected keypoints of the same names in two cameras, found none ({told})")
    alone = [keypoint for keypoint in shared if keypoint not in kept]
    if alone:
        notes.append(f"left out, because only one camera has them: {', '.join(alone)}")
    for name in found:
        without = [keypoint for keypoint, places in kept.items() if name not in places]
        if without:
            notes.append(f"camera '{name}' has no {', '.join(without)}")
    return kept


def _stacked(
    found: dict[str, _View], keypoints: dict[str, dict[str, int]], animals: tuple[str, ...]
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    n_frames = next(iter(found.values())).tracks.n_frames
    shape = (len(found), n_frames, len(animals), len(keypoints))
    xy, score, error = np.full((*shape, 2), np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    for v, (name, view) in enumerate(found.items()):
        tracks = view.tracks
        rows = [0] if len(animals) == 1 else [tracks.individuals.index(animal) for animal in animals]
        for k, places in enumerate(keypoints.values()):
            if name in places:
                xy[v, :, :, k] = tracks.points[:, rows, places[name]]
                score[v, :, :, k] = tracks.score[:, rows, places[name]]
                if tracks.error is not None:
                    error[v, :, :, k] = tracks.error[:, rows, places[name]]
    known = all(view.tracks.error is not None for view in found.values())
    return xy, score, error if known else None


def _skeleton(view: str, own: Skeleton, keypoints: dict[str, dict[str, int]]) -> Skeleton:
    """The shared keypoints, with the edges that the file of `view` has between them."""
    place = {places[view]: index for index, places in enumerate(keypoints.values()) if view in places}
    edges = tuple((place[a], place[b]) for a, b in own.edges if a in place and b in place)
    return Skeleton(tuple(keypoints), edges).with_guessed_mirror_pairs()
