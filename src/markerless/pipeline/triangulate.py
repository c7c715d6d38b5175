"""`triangulate`: points in space from what several cameras, or one camera and mirrors, saw of an animal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.camera import Calibration
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.core.views import STATES, Views
from markerless.errors import CalibrationError, LabelsError
from markerless.formats import anipose
from markerless.multiview.calibration_file import read_calibration
from markerless.multiview.camera_error import with_camera_error
from markerless.multiview.files import views_toml
from markerless.multiview.files.views_toml import KnownLength, ViewsFile
from markerless.multiview.in_picture import in_picture
from markerless.multiview.mirror import fit_mirrors, scaled
from markerless.multiview.noise import check_noise, learn_noise
from markerless.multiview.plausible import refuse_implausible
from markerless.multiview.refine import Terms, refine
from markerless.multiview.repair import Move, repair
from markerless.multiview.triangulate import DISTANCE_PER_SD, Triangulated
from markerless.multiview.triangulate import triangulate as triangulate_points
from markerless.multiview.world_axes import WorldAxes
from markerless.pipeline.camera_times import TimesSource
from markerless.pipeline.known_errors import with_known_errors
from markerless.pipeline.seen_points import SeenPoints, Source
from markerless.pipeline.space_files import Cameras, Target, require_free, target_of, write_space
from markerless.pipeline.space_sources import with_sources
from markerless.pipeline.synchronize import CameraStep, StepOptions, read_in_step
from markerless.pipeline.world_axes import AxesRequest, find_axes, told_of_axes

CUTOFF = 0.2
ALL_VIEWS = "all"
_MOST_POINTS_OF_FIT = 3000


@dataclass(frozen=True)
class TriangulateOptions:
    """How points in space are made.

    Attributes:
        cutoff: Points whose score is lower are left out.
        length: A known length, which sets the scale.
        repair: First move the cameras to where the animal's own points agree best.
        smooth: Draw the trajectories towards smooth movement.
        limbs: Draw them towards limbs (edges of the skeleton) of constant length.
        sync: Find out from the motion how the cameras run beside each other, and bring them into step.
        times: Camera -> a file of timestamps, its video, or its frame rate, to bring the cameras into step.
        axes: What gives the world axes; None keeps those of the calibration.
    """

    cutoff: float = CUTOFF
    length: KnownLength | None = None
    repair: bool = False
    smooth: bool = False
    limbs: bool = False
    sync: bool = False
    times: Mapping[str, TimesSource] = field(default_factory=dict)
    axes: AxesRequest | None = None


@dataclass(frozen=True)
class InSpace:
    """Points in space and how they were made.

    Attributes:
        tracks: Points `(T, N, K, 3)` with their expected errors, in the unit of the calibration.
        views: What each camera says of them.
        calibration: The cameras used.
        noise_px: Camera -> expected error of its points in px, in the mean; learned where the files give none.
        moves: How far cameras were moved by a repair.
        refined: Median and largest distance by which smoothness and limb lengths moved the points; None without them.
        axes: The world axes that points and cameras were moved to; None where they are the calibration's.
        notes: One-line remarks for the user.
        files: What was written.
        steps: How the cameras run beside the first one, where they were brought into step; `views.camera_frame` is then
            the frame of each that belongs to a moment.
    """

    tracks: Tracks
    views: Views
    calibration: Calibration
    noise_px: dict[str, float]
    moves: tuple[Move, ...] = ()
    refined: tuple[float, float] | None = None
    axes: WorldAxes | None = None
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = field(default=())
    steps: tuple[CameraStep, ...] = ()

    @property
    def states(self) -> dict[str, int]:
        """Words for the state of the points -> how many are in it."""
        return {name: int((self.views.state == index).sum()) for index, name in enumerate(STATES)}

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        views, error = self.views, self.tracks.error
        seen = np.isfinite(views.reprojection_px)
        return {
            "unit": self.calibration.unit,
            "n_frames": self.tracks.n_frames,
            "individuals": list(self.tracks.individuals),
            "keypoints": list(self.tracks.skeleton.keypoints),
            "points": self.states,
            "median_expected_error": _median(error if error is not None else np.full(0, np.nan)),
            "cameras": {
                name: {
                    "median_reprojection_px": _median(views.reprojection_px[index]),
                    "used": float(views.used[index].sum() / max(seen[index].sum(), 1)),
                    "expected_error_px": self.noise_px[name],
                }
                for index, name in enumerate(views.names)
            },
            "moved_cameras": {
                move.name: {"angle_deg": move.angle_deg, "distance": move.distance} for move in self.moves
            },
            "refined": None if self.refined is None else {"median": self.refined[0], "largest": self.refined[1]},
            "synchronization": {step.name: step.to_json() for step in self.steps} or None,
            "axes": None if self.axes is None else told_of_axes(self.axes),
            "notes": list(self.notes),
            "files": [str(path) for path in self.files],
        }


def triangulate(
    calibration: Calibration | Path | str,
    files: Mapping[str, Source],
    out: Path | str | Target | None = None,
    options: TriangulateOptions = TriangulateOptions(),
) -> InSpace:
    """Make points in space, and write them to `out`.nc and `out`.csv (one CSV per animal).

    Args:
        calibration: Cameras, their file, or a file of views in one picture (mirrors).
        files: Camera -> labels or predictions of any tool. `{"all": file}` takes one file for all views of a picture.
        out: Where to write, without suffix, or a folder; by default beside the first file, named after the files.
        options: How.

    Raises:
        CalibrationError: unknown camera, cameras that cannot be right, or points that no two cameras agree on.
        FormatError: a file that cannot be read.
        LabelsError: files that do not go together.
        StorageError: nothing can be written there, or a result of other files would be replaced.
    """
    plan, cameras = _open(calibration)
    by_camera = _by_camera(files, plan, cameras)
    known = options.length or (plan.known_length if plan is not None else None)
    is_changed = cameras is None or options.repair or known is not None or options.axes is not None
    target = out if isinstance(out, Target) else target_of(out, by_camera)
    file = _file_of(calibration, plan)
    if target is not None:
        require_free(target, by_camera, file, is_changed)
    names = plan.keypoints if plan is not None else None
    together = read_in_step(by_camera, names, cameras, StepOptions(options.cutoff, options.sync, options.times))
    seen = with_known_errors(together.seen)
    if cameras is None:
        assert plan is not None
        cameras = _cameras_of_mirrors(plan, seen)
    cameras = replace(cameras, cameras=tuple(cameras.camera(name) for name in seen.views))
    refuse_implausible(cameras)
    error = _errors(cameras, seen, together.warnings)
    moves: tuple[Move, ...] = ()
    if options.repair:
        cameras, moves = repair(cameras, seen.flat_xy.reshape(len(seen.views), -1, 2), error.reshape(len(error), -1))
        error = _errors(cameras, seen, together.warnings)
    found = triangulate_points(cameras.cameras, seen.flat_xy, error)
    if known is not None:
        factor = known.length / _median_length(found, seen, known)
        cameras = scaled(cameras, factor, plan.unit if plan is not None else cameras.unit or "mm")
        found = triangulate_points(cameras.cameras, seen.flat_xy, error)
    found = with_camera_error(found, cameras.cameras, error)
    result = _in_space(found, seen, cameras, error, options)
    result = replace(result, moves=moves, notes=(*together.warnings, *result.notes))
    result = _in_axes(_with_steps(result, together.steps), options.axes)
    if target is None:
        return result
    tracks = with_sources(result.tracks, result.calibration, by_camera, names or {}, target.path.parent)
    used = Cameras(result.calibration, is_changed, file)
    return _write(replace(result, tracks=tracks), target, files, used)


def _open(calibration: Calibration | Path | str) -> tuple[ViewsFile | None, Calibration | None]:
    """The views of a picture, if that is what the file says, and the cameras, if they are known."""
    if isinstance(calibration, Calibration):
        return None, calibration
    path = Path(calibration)
    if not views_toml.is_views_file(path):
        return None, read_calibration(path)
    plan = views_toml.read(path)
    if plan.calibration is None:
        return plan, None
    return plan, in_picture(read_calibration(plan.calibration), plan.parts, plan.size)


def _file_of(calibration: Calibration | Path | str, plan: ViewsFile | None) -> Path | None:
    """The file of the cameras; None where they were found here, or came from memory."""
    if plan is not None:
        return plan.calibration
    return None if isinstance(calibration, Calibration) else Path(calibration)


def _by_camera(files: Mapping[str, Source], plan: ViewsFile | None, cameras: Calibration | None) -> dict[str, Source]:
    """The file of each camera; names are checked before anything is read."""
    names = [part.name for part in plan.parts] if plan is not None else list(cameras.names) if cameras else []
    if set(files) == {ALL_VIEWS} and ALL_VIEWS not in names:
        if plan is None:
            raise CalibrationError(
                f"expected CAMERA=FILE for each camera, got one file; cameras of this calibration: {', '.join(names)}"
            )
        return dict.fromkeys(names, files[ALL_VIEWS])
    for name in files:
        if name not in names:
            raise CalibrationError(f"unknown camera '{name}'; cameras of this calibration: {', '.join(names)}")
    return dict(files)


def _cameras_of_mirrors(plan: ViewsFile, seen: SeenPoints) -> Calibration:
    parts = {part.name: part for part in plan.parts}
    xy = seen.flat_xy.reshape(len(seen.views), -1, 2)
    both = np.flatnonzero((np.isfinite(xy).all(axis=-1)).sum(axis=0) >= 2)
    both = both[np.unique(np.linspace(0, len(both) - 1, min(_MOST_POINTS_OF_FIT, len(both))).round().astype(int))]
    error = seen.flat_error
    spread = np.full(xy.shape[:2], 3.0) if error is None else error.reshape(len(xy), -1)
    spread = np.where(np.isfinite(spread) & (spread > 0), spread, np.nanmedian(spread))
    return fit_mirrors([parts[name] for name in seen.views], plan.size, xy[:, both], spread[:, both] / DISTANCE_PER_SD)


def _errors(cameras: Calibration, seen: SeenPoints, warnings: tuple[str, ...]) -> FloatArray:
    """`(V, T, N * K)` expected errors in px: given ones, made larger where the views disagree more; else learned."""
    given = seen.flat_error
    xy = seen.flat_xy
    try:
        if given is None:
            learned = learn_noise(cameras.cameras, xy).error
            return np.broadcast_to(learned[:, None], xy.shape[:-1])
        return given * check_noise(cameras.cameras, xy, given).error[:, None]
    except CalibrationError as error:
        if not warnings:
            raise
        raise CalibrationError("; ".join((str(error), *warnings))) from error


def _median_length(found: Triangulated, seen: SeenPoints, known: KnownLength) -> float:
    a, b = seen.skeleton.index(known.first), seen.skeleton.index(known.second)
    points = found.points.reshape(len(found.points), len(seen.individuals), -1, 3)
    length = np.linalg.norm(points[..., a, :] - points[..., b, :], axis=-1)
    if not np.isfinite(length).any():
        raise LabelsError(
            f"expected frames with both '{known.first}' and '{known.second}' in space to set the scale, found none"
        )
    return float(np.nanmedian(length))


def _in_space(
    found: Triangulated, seen: SeenPoints, cameras: Calibration, error: FloatArray, options: TriangulateOptions
) -> InSpace:
    n_frames, n_animals, n_keypoints = len(found.points), len(seen.individuals), seen.skeleton.n_keypoints
    shape, views = (n_frames, n_animals, n_keypoints), (len(seen.views), n_frames, n_animals, n_keypoints)
    points, covariance = found.points.reshape(*shape, 3), found.covariance.reshape(*shape, 3, 3)
    moved = None
    if options.smooth or options.limbs:
        terms = Terms(options.smooth, seen.skeleton.edges if options.limbs else ())
        drawn = [refine(points[:, n], covariance[:, n], terms) for n in range(n_animals)]
        points = np.stack([one.points for one in drawn], axis=1)
        distance = np.stack([one.moved for one in drawn])
        moved = (_median(distance), float(np.nanmax(distance, initial=0.0)))
    used = found.used.reshape(views)
    score = np.where(used, seen.score, np.nan)
    n_used = np.isfinite(score).sum(axis=0)
    score = np.where(n_used > 0, np.nansum(score, axis=0) / np.maximum(n_used, 1), np.nan)
    noise = {name: _median(error[index]) for index, name in enumerate(seen.views)}
    tracks = Tracks(
        seen.skeleton,
        points,
        score,
        error=found.error.reshape(shape),
        individuals=seen.individuals,
        fps=seen.fps,
        scorer="markerless_3D",
        provenance={
            "verb": "triangulate",
            "unit": cameras.unit,
            "cameras": list(seen.views),
            "expected_error_px": {name: round(value, 4) for name, value in noise.items()},
            "cutoff": options.cutoff,
            "smooth": options.smooth,
            "limbs": options.limbs,
            "likelihood_definition": "mean score of the views that were used",
            **({"images": list(seen.frames)} if seen.frames else {}),
        },
    )
    state = found.state.reshape(shape)
    says = Views(seen.views, found.reprojection.reshape(views), used, state, seen.camera_frame)
    notes = [*seen.notes]
    if options.limbs and not seen.skeleton.edges:
        notes.append("the first file has no skeleton (edges between keypoints): no limb lengths were used")
    return InSpace(tracks, says, cameras, noise, refined=moved, notes=tuple(notes))


def _with_steps(result: InSpace, steps: tuple[CameraStep, ...]) -> InSpace:
    """The result that says how the cameras were brought into step."""
    if not steps:
        return result
    told = {step.name: step.to_json() for step in steps}
    tracks = replace(result.tracks, provenance={**result.tracks.provenance, "synchronization": told})
    return replace(result, tracks=tracks, steps=steps)


def _in_axes(result: InSpace, request: AxesRequest | None) -> InSpace:
    """Points and cameras moved to the axes that are asked for; distances and errors stay."""
    if request is None:
        known = dict(result.calibration.provenance).get("axes")
        if known is None:
            return result
        provenance = {**result.tracks.provenance, "axes": {"how": known}}
        return replace(result, tracks=replace(result.tracks, provenance=provenance))
    axes = find_axes(request, result.tracks, result.calibration)
    provenance = {**result.tracks.provenance, "axes": told_of_axes(axes)}
    tracks = replace(result.tracks, points=axes.points(result.tracks.points), provenance=provenance)
    return replace(result, tracks=tracks, calibration=axes.calibration(result.calibration), axes=axes)


def _write(result: InSpace, target: Target, files: Mapping[str, Source], cameras: Cameras) -> InSpace:
    """The result with its files, and what the tables cannot hold among its notes."""
    names = {name: Path(source).name for name, source in files.items() if isinstance(source, Path | str)}
    tracks = replace(result.tracks, provenance={**result.tracks.provenance, "files": names})
    written = write_space(target, tracks, result.views, cameras)
    left_out = int(np.isnan(anipose.frame_numbers(tracks, result.views)).sum())
    notes = result.notes
    if left_out:
        notes = (*notes, f"no row in the table: {left_out} moments without a frame of '{result.views.names[0]}'")
    return replace(result, tracks=tracks, files=written, notes=notes)


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")
