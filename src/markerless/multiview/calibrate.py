"""All cameras of a rig from pictures of a board: each lens, where the cameras stand, and everything fitted together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.boards import Board
from markerless.multiview.bundle import Adjusted, adjust
from markerless.multiview.detection import FEWEST, fitting
from markerless.multiview.intrinsics import LensFit, fit_lens, robust_sigma, sightings_of, standing
from markerless.multiview.lens_doubt import with_held_numbers
from markerless.multiview.lens_fit import Freedom
from markerless.multiview.pose_spread import root, with_spread
from markerless.multiview.rig_start import RigStart, start_rig
from markerless.multiview.scene import RigidBoards

_ROUNDS = 3  # of fitting and dropping
_WRONG = 6.0  # standard deviations from which a corner is left out
_ODD_BOARD = 5.0  # times the usual scatter: a picture whose corners scatter more is left out, and named


@dataclass(frozen=True)
class BoardViews:
    """What the cameras saw of a board.

    Attributes:
        names: Of the cameras, `V`.
        sizes: Width and height of their pictures, `V`.
        moments: What the user calls each moment (a picture's index, a frame's number), `F`.
        corners: `(V, F, P, 2)` pixels in the order of `Board.points`; NaN where not seen.
    """

    names: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    moments: tuple[str, ...]
    corners: FloatArray


@dataclass(frozen=True)
class Calibrated:
    """A fitted rig.

    Attributes:
        calibration: The cameras, in mm, in the axes of the first one.
        boards: Where the boards were.
        off_px: `(V, F, P, 2)` seen minus projected; NaN where not seen or left out.
        used: `(V, F)` whether the board of that picture took part.
        dropped: Pictures left out: camera, moment, root mean square distance in pixels.
        n_wrong: Single corners left out.
        focal_sd: For each camera, the standard deviation of its focal length as a share of it.
        distortion: For each camera, how many numbers of distortion were fitted.
    """

    calibration: Calibration
    boards: RigidBoards
    off_px: FloatArray
    used: npt.NDArray[np.bool_]
    dropped: tuple[tuple[str, str, float], ...]
    n_wrong: int
    focal_sd: tuple[float, ...]
    distortion: tuple[int, ...]

    def rms_px(self, camera: int | None = None) -> float:
        """Root mean square distance of corners from where they are projected, of one camera or of all."""
        off = self.off_px if camera is None else self.off_px[camera]
        return math.sqrt(float(np.nanmean((off**2).sum(axis=-1))))


def calibrate_views(board: Board, views: BoardViews, fisheye: bool = False) -> Calibrated:
    """Fit a rig to what its cameras saw.

    Raises:
        CalibrationError: too few boards, cameras that never share one, or views that nothing explains.
    """
    # gross errors would mislead the starts, which look for the lens in a few boards
    flat = [np.stack([fitting(board, xy) for xy in corners]) for corners in views.corners]
    fits = [
        fit_lens(name, size, board.points, corners, fisheye)
        for name, size, corners in zip(views.names, views.sizes, flat, strict=True)
    ]
    corners = np.stack([_without_bad_pictures(fit, seen) for fit, seen in zip(fits, flat, strict=True)])
    start = start_rig(board, fits, corners)
    dropped: list[tuple[str, str, float]] = []
    fitted, kept = _fit_together(start, fits, start.corners, views, dropped)
    off = np.full_like(kept, np.nan)
    seen = sightings_of(kept, 1.0)
    off[seen.camera, seen.frame, seen.point] = fitted.off_px
    used: npt.NDArray[np.bool_] = np.asarray(np.isfinite(off[..., 0]).any(axis=-1))
    for camera, frame in zip(*np.nonzero(np.isfinite(views.corners[..., 0]).any(axis=-1) & ~used), strict=True):
        if not any(name == views.names[camera] and moment == views.moments[frame] for name, moment, _ in dropped):
            dropped.append(
                (views.names[camera], views.moments[frame], _rms_of(fits[camera], frame, views, int(camera)))
            )
    in_used = np.isfinite(views.corners[..., 0]) & used[..., None]
    sightings = sightings_of(kept, robust_sigma(fitted.off_px))
    freedoms, covariance = with_held_numbers(fitted.cameras, _freedoms(fits), fitted.scene, sightings, fitted.joint)
    cameras = with_spread(fitted.cameras, freedoms, root(covariance))
    calibration = Calibration(
        cameras, "mm", math.sqrt(float(np.nanmean((off**2).sum(axis=-1)))), (("board", board.name),)
    )
    return Calibrated(
        calibration,
        fitted.scene,
        off,
        used,
        tuple(sorted(dropped)),
        int((in_used & ~np.isfinite(off[..., 0])).sum()),
        tuple(
            _focal_sd(camera, fit, fitted.covariance[i])
            for i, (camera, fit) in enumerate(zip(fitted.cameras, fits, strict=True))
        ),
        tuple(fit.freedom.distortion for fit in fits),
    )


def _freedoms(fits: Sequence[LensFit]) -> list[Freedom]:
    return [replace(fit.freedom, pose=index > 0) for index, fit in enumerate(fits)]


def _fit_together(
    start: RigStart,
    fits: Sequence[LensFit],
    corners: FloatArray,
    views: BoardViews,
    dropped: list[tuple[str, str, float]],
) -> tuple[Adjusted[RigidBoards], FloatArray]:
    """Fit, leave out what is wrong, fit again; pictures left out are added to `dropped`."""
    freedoms = _freedoms(fits)
    cameras: Sequence[Camera] = start.cameras
    boards, sigma = start.boards, max(float(np.median([fit.sigma_px for fit in fits])), 0.05)
    kept = corners.copy()
    for last in (*[False] * (_ROUNDS - 1), True):
        sightings = sightings_of(kept, sigma)
        fitted = adjust(cameras, freedoms, boards, sightings)
        cameras, boards, sigma = fitted.cameras, fitted.scene, robust_sigma(fitted.off_px)
        if last:
            break
        off = _distances(cameras, boards, corners)
        kept, bad = _kept(corners, off, sigma)
        for camera, frame in bad:
            name = (views.names[camera], views.moments[frame])
            dropped[:] = [each for each in dropped if each[:2] != name]
            dropped.append((*name, math.sqrt(float(np.nanmean(off[camera, frame] ** 2)))))
        gone = {(views.names[c], views.moments[f]) for c, f in bad}
        dropped[:] = [each for each in dropped if each[:2] in gone]
        _still_enough(kept, views)
    return fitted, kept


def _kept(corners: FloatArray, off: FloatArray, sigma: float) -> tuple[FloatArray, list[tuple[int, int]]]:
    """Corners that agree with the fit, NaN for the others, and the pictures that are left out as a whole."""
    with np.errstate(invalid="ignore"):
        good = off < _WRONG * sigma
    seen = np.isfinite(corners[..., 0]).sum(axis=-1)
    middle = np.where(seen > 0, _nan_median(off), np.nan)
    with np.errstate(invalid="ignore"):
        odd = (seen > 0) & ((middle > _ODD_BOARD * 1.18 * sigma) | (good.sum(axis=-1) < np.maximum(FEWEST, seen / 2)))
    kept = np.where((good & ~odd[..., None])[..., None], corners, np.nan)
    return kept, [(int(camera), int(frame)) for camera, frame in np.argwhere(odd)]


def _nan_median(values: FloatArray) -> FloatArray:
    """Median over the last axis; infinite where nothing is known."""
    known = np.isfinite(values)
    ordered = np.sort(np.where(known, values, np.inf), axis=-1)
    at = np.maximum(known.sum(axis=-1) - 1, 0) // 2
    return np.asarray(np.take_along_axis(ordered, at[..., None], axis=-1)[..., 0], dtype=np.float64)


def _distances(cameras: Sequence[Camera], boards: RigidBoards, corners: FloatArray) -> FloatArray:
    """`(V, F, P)`: pixels between corners and where they are projected; NaN where not seen."""
    points = boards.shape @ boards.rotation.transpose(0, 2, 1) + boards.translation[:, None]
    off = np.linalg.norm(np.stack([camera.project(points) for camera in cameras]) - corners, axis=-1)
    return np.where(np.isfinite(corners[..., 0]) & ~np.isfinite(off), 1e6, off)


def _without_bad_pictures(fit: LensFit, corners: FloatArray) -> FloatArray:
    """Corners `(F, P, 2)` of one camera without the pictures that its own lens cannot explain."""
    off = _distances((standing(fit),), fit.boards, corners[None])
    return np.asarray(_kept(corners[None], off, 3 * fit.sigma_px)[0][0], dtype=np.float64)


def _rms_of(fit: LensFit, frame: int, views: BoardViews, camera: int) -> float:
    off = _distances((standing(fit),), fit.boards, views.corners[camera][None])[0, frame]
    return math.sqrt(float(np.nanmean(off**2)))


def _still_enough(kept: FloatArray, views: BoardViews) -> None:
    for name, corners in zip(views.names, kept, strict=True):
        n = int(np.isfinite(corners[..., 0]).any(axis=-1).sum())
        if n < 2:
            raise CalibrationError(
                f"only {n} pictures of camera '{name}' agree with the others; check that its pictures are of the same "
                "moments as theirs, and that the camera did not move"
            )


def _focal_sd(camera: Camera, fit: LensFit, covariance: FloatArray) -> float:
    at = len(covariance) - replace(fit.freedom, pose=False).size
    return math.sqrt(max(float(covariance[at, at]), 0.0)) / float(camera.matrix[0, 0])
