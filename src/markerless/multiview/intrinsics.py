"""One camera from pictures of a board: focal lengths, principal point, distortion, and where the boards were.

The start needs no guess of the lens: many focal lengths are tried with the boards' poses that follow from them. How
many numbers of distortion are fitted is decided by boards that the fit has not seen: more only where they help there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.bundle import Adjusted, Sightings, adjust
from markerless.multiview.lens_fit import Freedom
from markerless.multiview.scene import RigidBoards

FEWEST_BOARDS = 3  # two planes leave focal length and distortion undecided

_FOCALS = np.geomspace(0.3, 4.0, 18)  # of the longer side of the picture
_STARTS = 3  # of them, the best, are fitted
_LOOKED_AT = 12  # boards that decide on the start
_MANY_BOARDS = 6  # from so many on the principal point is fitted, and more distortion is considered
_SURE = 1.0  # standard errors by which more numbers must do better on boards that were not fitted
_FAR_PX = 2.0
_UNPLACED_PX = 1e3  # distance of the corners of a board for which no place is found with a lens
_GUESSED_PX = 0.5
_FEW_STEPS = 15  # are enough to compare lenses


@dataclass(frozen=True)
class LensFit:
    """One camera.

    Attributes:
        camera: Standing at the origin: rotation 1, translation 0.
        freedom: What of the lens was fitted (`pose` held).
        boards: Where the boards were, in the camera's axes; NaN where none was seen.
        rms_px: Root mean square distance of corners from where they are projected.
        sigma_px: Robust standard deviation of x, and of y.
        focal_sd: Standard deviation of the focal length, as a share of it.
    """

    camera: Camera
    freedom: Freedom
    boards: RigidBoards
    rms_px: float
    sigma_px: float
    focal_sd: float


def fit_lens(
    name: str, size: tuple[int, int], shape: FloatArray, corners: FloatArray, fisheye: bool = False
) -> LensFit:
    """Fit one camera.

    Args:
        name: Of the camera, for messages.
        size: Width and height of its pictures.
        shape: `(P, 3)` corners on the board, z = 0.
        corners: `(F, P, 2)` pixels; NaN where not seen.
        fisheye: Whether the lens is a fisheye.

    Raises:
        CalibrationError: fewer than `FEWEST_BOARDS` boards, or nothing explains what was seen.
    """
    seen = np.flatnonzero(np.isfinite(corners[..., 0]).any(axis=1))
    if len(seen) < FEWEST_BOARDS:
        raise CalibrationError(
            f"expected the board in at least {FEWEST_BOARDS} pictures of camera '{name}', better 15 or more at "
            f"different places and tilts; found it in {len(seen)}"
        )
    start = _start(name, size, shape, corners[_spread(seen, _LOOKED_AT)], fisheye)
    freedom = _chosen(start, shape, corners, seen)
    fitted, sigma = _fit(start, freedom, shape, corners, seen)
    camera = fitted.cameras[0]
    sd = float(np.sqrt(fitted.covariance[0][0, 0])) / camera.matrix[0, 0]
    return LensFit(camera, freedom, fitted.scene, fitted.rms_px, sigma, sd)


def pose_of(camera: Camera, shape: FloatArray, corners: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Rotation and translation from a flat board `(P, 3)` to the camera's axes; None when nothing fits.

    Args:
        camera: Its lens; its own pose is not used.
        shape: Corners on the board, z = 0.
        corners: `(P, 2)` pixels, NaN where not seen.
    """
    import cv2

    rays = camera.rays(corners)
    known = np.isfinite(rays).all(axis=1)
    if known.sum() < 4:
        return None
    flat, xy = np.ascontiguousarray(shape[known]), np.ascontiguousarray(rays[known])
    middle = flat.mean(axis=0)
    try:
        n, turns, ways, _ = cv2.solvePnPGeneric(flat - middle, xy, np.eye(3), np.zeros(4), flags=cv2.SOLVEPNP_IPPE)
    except cv2.error:
        return None
    best, least = None, np.inf
    for turn, way in zip(turns[:n], ways[:n], strict=True):
        rotation = np.asarray(cv2.Rodrigues(turn)[0], dtype=np.float64)
        translation = way.ravel() - rotation @ middle
        off = median_off(camera, shape @ rotation.T + translation, corners)
        if off < least:
            best, least = (rotation, translation), off
    return best


def median_off(camera: Camera, points: FloatArray, corners: FloatArray) -> float:
    """Median distance in pixels of corners `(P, 2)` from points `(P, 3)` in the camera's axes; infinite behind it."""
    known = np.isfinite(corners).all(axis=1)
    still = camera.moved(np.eye(3), np.zeros(3))
    off = np.linalg.norm(still.project(points[known]) - corners[known], axis=1)
    return float(np.median(np.where(np.isfinite(off), off, np.inf))) if known.any() else np.inf


def sightings_of(corners: FloatArray, sigma_px: float) -> Sightings:
    """Corners `(V, F, P, 2)` as sightings of cameras; NaN left out."""
    camera, frame, point = np.nonzero(np.isfinite(corners).all(axis=-1))
    return Sightings(camera, frame, point, corners[camera, frame, point], np.full(len(camera), sigma_px))


def robust_sigma(off: FloatArray) -> float:
    """Standard deviation of x, and of y, of residuals `(M, 2)`, whatever a few of them are."""
    return max(1.4826 * float(np.nanmedian(np.abs(off))), 1e-3)


def _start(name: str, size: tuple[int, int], shape: FloatArray, corners: FloatArray, fisheye: bool) -> Camera:
    """The lens with one focal length and one number of distortion that explains the boards best."""
    middle = (np.array(size) - 1) / 2
    tried: list[tuple[float, Camera]] = []
    for focal in _FOCALS * max(size):
        matrix = np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]])
        camera = Camera(name, size, matrix, np.zeros(0), np.eye(3), np.zeros(3), fisheye)
        boards = _boards(camera, shape, corners)
        offs = [
            median_off(camera, shape @ turn.T + way, xy)
            for turn, way, xy in zip(boards.rotation, boards.translation, corners, strict=True)
            if np.isfinite(way).all()
        ]
        if len(offs) >= min(FEWEST_BOARDS, len(corners)):
            tried.append((float(np.mean(offs)), camera))
    best: tuple[float, Camera] | None = None
    for _, camera in sorted(tried, key=lambda each: each[0])[:_STARTS]:
        fitted = _adjust(camera, Freedom(pose=False, focal=1, distortion=1), shape, corners, 2 * _GUESSED_PX)
        cost = float(np.nanmedian(np.abs(fitted.off_px)))
        if fitted.cameras[0].matrix[0, 0] > 0 and (best is None or cost < best[0]):
            best = (cost, fitted.cameras[0])
    if best is None:
        raise CalibrationError(
            f"no lens explains where the boards are in the pictures of camera '{name}'; check the size of the board"
        )
    return best[1]


def _boards(camera: Camera, shape: FloatArray, corners: FloatArray) -> RigidBoards:
    """Where the boards `(F, P, 2)` are for a given lens; NaN where nothing fits."""
    rotation, translation = np.full((len(corners), 3, 3), np.nan), np.full((len(corners), 3), np.nan)
    for frame, xy in enumerate(corners):
        pose = pose_of(camera, shape, xy) if np.isfinite(xy).any() else None
        if pose is not None:
            rotation[frame], translation[frame] = pose
    return RigidBoards(shape, rotation, translation)


def _adjust(
    camera: Camera, freedom: Freedom, shape: FloatArray, corners: FloatArray, sigma_px: float, steps: int = 100
) -> Adjusted[RigidBoards]:
    boards = _boards(camera, shape, corners)
    placed: npt.NDArray[np.bool_] = np.asarray(np.isfinite(boards.translation).all(axis=1))
    usable = np.where(placed[:, None, None], corners, np.nan)
    return adjust((camera,), (freedom,), boards, sightings_of(usable[None], sigma_px), steps)


def _fit(
    start: Camera, freedom: Freedom, shape: FloatArray, corners: FloatArray, frames: npt.NDArray[np.intp]
) -> tuple[Adjusted[RigidBoards], float]:
    """Fitted to the frames twice: the second time with the scatter that the first one showed."""
    used = np.full_like(corners, np.nan)
    used[frames] = corners[frames]
    first = _adjust(start, freedom, shape, used, _GUESSED_PX)
    sigma = robust_sigma(first.off_px)
    second = _adjust(first.cameras[0], freedom, shape, used, sigma)
    return second, robust_sigma(second.off_px)


def _chosen(start: Camera, shape: FloatArray, corners: FloatArray, seen: npt.NDArray[np.intp]) -> Freedom:
    """As many numbers as boards that were not fitted ask for."""
    chosen = Freedom(pose=False, focal=1, distortion=1)
    if len(seen) < _MANY_BOARDS:
        return chosen
    least = _held_out(start, chosen, shape, corners, seen)
    numbers = (1, 2, 3, 4) if start.fisheye else (1, 2, 4, 5)
    levels = [Freedom(pose=False, focal=1, center=True, distortion=n) for n in numbers]
    for level in levels:
        loss = _held_out(start, level, shape, corners, seen)
        if _better(loss, least):
            chosen, least = level, loss
    # pixels are square in nearly all cameras: two focal lengths only where they help
    oblong = replace(chosen, focal=2)
    return oblong if _better(_held_out(start, oblong, shape, corners, seen), least) else chosen


def _better(loss: FloatArray, than: FloatArray) -> bool:
    """Whether boards agree that a loss `(F,)` is smaller: beyond the chance of this choice of boards."""
    gain = than - loss
    return bool(gain.mean() > _SURE * gain.std(ddof=1) / np.sqrt(len(gain)))


def _held_out(
    start: Camera, freedom: Freedom, shape: FloatArray, corners: FloatArray, seen: npt.NDArray[np.intp]
) -> FloatArray:
    """`(F,)`: the robust loss of every board with a lens that was fitted to the other half of them, its pose free."""
    losses = []
    for half in (0, 1):
        own, other = np.full_like(corners, np.nan), np.full_like(corners, np.nan)
        own[seen[half::2]], other[seen[1 - half :: 2]] = corners[seen[half::2]], corners[seen[1 - half :: 2]]
        lens = _adjust(start, freedom, shape, own, _GUESSED_PX, _FEW_STEPS).cameras[0]
        fitted = _adjust(lens, Freedom(pose=False), shape, other, _GUESSED_PX, _FEW_STEPS)
        placed = np.isfinite(fitted.scene.translation).all(axis=1)
        known = sightings_of(other[None, placed], 1.0)
        off = np.where(np.isfinite(other), _UNPLACED_PX, np.nan)
        off[np.flatnonzero(placed)[known.frame], known.point] = fitted.off_px
        # wrong corners say nothing about the lens: from 2 px on, distances hardly count
        square = (off[seen[1 - half :: 2]] ** 2).sum(axis=-1)
        losses.append(np.nanmean(square / (1 + square / _FAR_PX**2), axis=-1))
    return np.concatenate(losses)


def _spread(indices: npt.NDArray[np.intp], most: int) -> npt.NDArray[np.intp]:
    return indices[np.unique(np.linspace(0, len(indices) - 1, min(most, len(indices))).round().astype(int))]


def standing(fit: LensFit) -> Camera:
    """The camera of a fit at the origin."""
    return replace(fit.camera, rotation=np.eye(3), translation=np.zeros(3))
