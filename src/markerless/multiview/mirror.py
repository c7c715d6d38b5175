"""A mirror is a camera: the cameras of one picture that shows an animal directly and in mirrors, found without a board.

A flat mirror adds to a camera nothing but its plane: what it shows is what the same lens would see from behind it. So
all views together have one focal length, one center, and three numbers a mirror; the animal's own keypoints, which
every view sees, decide them (with the points in space, in one joint fit). The scale cannot be known from pictures: it
is that of the direct view, or that of a known length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray
from markerless.core.view import View
from markerless.errors import CalibrationError
from markerless.multiview.point_fit import Observed, linear_points
from markerless.multiview.tied_fit import Prior, TiedFit, fit_tied

_FOCALS = (1.5, 6.0, 24.0)  # of the frame's diagonal: where the search begins
_SD_LOG_FOCAL = 1.5
_SD_CENTER = 0.25  # of the frame: it may be cut out of a larger picture
_SD_NORMAL = 0.2  # of a mirror's normal: mirrors stand at about 45 degrees
_SD_LOG_DISTANCE = 0.5
_FLIP = np.diag([-1.0, 1.0, 1.0])
FEWEST = 20  # points that direct view and mirror both see


@dataclass(frozen=True)
class Part:
    """A view in a picture.

    Attributes:
        name: Of the virtual camera.
        region: Where in the frame.
        mirrored: Whether it shows the scene in a mirror.
    """

    name: str
    region: View
    mirrored: bool = False


@dataclass(frozen=True)
class _Start:
    """Where a fit begins: focal length, and of each mirror the direction of its view and its distance."""

    focal: float
    directions: FloatArray  # (M, 2)
    distances: FloatArray  # (M,)


def fit_mirrors(parts: Sequence[Part], size: tuple[int, int], xy: FloatArray, error: FloatArray) -> Calibration:
    """The virtual cameras of a picture with mirrors, in axes of the direct view.

    Args:
        parts: V views, one of them direct, all others mirrors.
        size: Width and height of the frame.
        xy: `(V, P, 2)` px of the frame, of the same points in all views; NaN where not seen.
        error: `(V, P)` px, expected error.

    Returns:
        Cameras in the order of `parts`, in units of a pixel of the direct view at the median distance of the animal.

    Raises:
        CalibrationError: not one direct view, too few points that it shares with a mirror, or no fit.
    """
    direct = _direct(parts)
    both = np.isfinite(xy).all(axis=-1) & np.isfinite(xy[direct]).all(axis=-1)
    for index, part in enumerate(parts):
        if index != direct and both[index].sum() < FEWEST:
            raise CalibrationError(
                f"expected at least {FEWEST} points seen both in view '{parts[direct].name}' and in view "
                f"'{part.name}', got {both[index].sum()}; label or analyze more frames, or check the keypoint names"
            )
    order = [direct, *(index for index in range(len(parts)) if index != direct)]
    use = both[order[1:]].any(axis=0)
    seen, sd = xy[order][:, use], error[order][:, use]
    views = [parts[index] for index in order]
    fits = [_fit(views, size, seen, sd, focal * float(np.hypot(*size))) for focal in _FOCALS]
    best = min(fits, key=lambda fit: fit.cost)
    if not np.isfinite(best.cost):
        raise CalibrationError(
            f"no place of the mirror explains the points of '{views[0].name}' and '{views[1].name}': check which view "
            "is mirrored, and that keypoints of the same name are the same body part"
        )
    return _scaled(best, parts, order, seen)


def scaled(calibration: Calibration, factor: float, unit: str) -> Calibration:
    """The same rig in another unit."""
    cameras = tuple(
        replace(
            camera,
            translation=camera.translation * factor,
            spread=None if camera.spread is None else camera.spread.in_unit(factor),
        )
        for camera in calibration.cameras
    )
    return replace(calibration, cameras=cameras, unit=unit)


def _direct(parts: Sequence[Part]) -> int:
    found = [index for index, part in enumerate(parts) if not part.mirrored]
    if len(found) != 1 or len(parts) < 2:
        names = ", ".join(parts[index].name for index in found) or "none"
        raise CalibrationError(
            f"expected one direct view and one or more with 'mirrored = true', got as direct views: {names}; views of "
            "several lenses in one picture need a calibration with a board"
        )
    return found[0]


def _fit(views: Sequence[Part], size: tuple[int, int], xy: FloatArray, sd: FloatArray, focal: float) -> TiedFit:
    """The fit from one starting value; `views` begin with the direct one."""
    start = _start(xy, size, focal)
    n_mirrors = len(views) - 1
    center = (np.array(size) - 1) / 2
    normals = start.directions.ravel()
    prior = Prior(
        np.concatenate([[np.log(focal)], center, normals, np.zeros(n_mirrors - 1)]),
        np.concatenate(
            [
                [_SD_LOG_FOCAL],
                _SD_CENTER * np.array(size),
                np.full(2 * n_mirrors, _SD_NORMAL),
                np.full(n_mirrors - 1, _SD_LOG_DISTANCE),
            ]
        ),
        np.concatenate([[1e-4], [0.1, 0.1], np.full(3 * n_mirrors - 1, 1e-5)]),
    )

    def rig(parameters: FloatArray) -> list[Camera]:
        return _rig(views, start.distances, parameters)

    observed = Observed.of(rig(prior.mean), xy, sd)
    return fit_tied(rig, prior, xy, sd, linear_points(observed, observed.seen))


def _start(xy: FloatArray, size: tuple[int, int], focal: float) -> _Start:
    """Mirrors at 45 degrees that show the animal, at distance 1, where it is seen."""
    center = (np.array(size) - 1) / 2
    directions, distances = [], []
    for mirror in xy[1:]:
        both = np.isfinite(mirror).all(axis=-1) & np.isfinite(xy[0]).all(axis=-1)
        first, second = np.median(xy[0][both], axis=0), np.median(mirror[both], axis=0)
        way = (second - first) / max(float(np.linalg.norm(second - first)), 1e-9)
        normal = np.append(way, 1.0) / np.sqrt(2)
        ray, image = np.append((first - center) / focal, 1.0), np.append((second - center) / focal, 1.0)
        # the point's image in the mirror, ray - 2 (n ray - d) n, lies on the mirror's ray
        _, distance = np.linalg.lstsq(
            np.stack([image, -2 * normal], axis=-1), ray - 2 * (normal @ ray) * normal, rcond=None
        )[0]
        directions.append(way)
        distances.append(distance)
    return _Start(focal, np.array(directions), np.array(distances))


def _rig(views: Sequence[Part], distances: FloatArray, parameters: FloatArray) -> list[Camera]:
    """Cameras of log focal length, center, two numbers a mirror's normal, and log distances but the first one's."""
    n_mirrors = len(views) - 1
    focal, (x, y) = float(np.exp(np.clip(parameters[0], -20, 20))), parameters[1:3]
    normals = parameters[3 : 3 + 2 * n_mirrors].reshape(-1, 2)
    factors = np.exp(np.concatenate([[0.0], parameters[3 + 2 * n_mirrors :]]))
    cameras = []
    for index, view in enumerate(views):
        region = view.region
        left = x - region.left
        rotation, translation = np.eye(3), np.zeros(3)
        if index:
            normal = np.append(normals[index - 1], 1.0)
            normal /= np.linalg.norm(normal)
            left = region.width - 1 - left
            rotation = _FLIP @ (np.eye(3) - 2 * np.outer(normal, normal))
            translation = 2 * distances[index - 1] * factors[index - 1] * (_FLIP @ normal)
        matrix = np.array([[focal, 0, left], [0, focal, y - region.top], [0, 0, 1.0]])
        cameras.append(
            Camera(
                view.name,
                (region.width, region.height),
                matrix,
                np.zeros(0),
                rotation,
                translation,
                region=region,
                mirrored=bool(index),
            )
        )
    return cameras


def _scaled(fit: TiedFit, parts: Sequence[Part], order: Sequence[int], xy: FloatArray) -> Calibration:
    """The rig in pixels of the direct view, cameras as in `parts`."""
    depth = float(np.nanmedian(fit.points[:, 2]))
    off = np.stack([camera.project(fit.points) - seen for camera, seen in zip(fit.cameras, xy, strict=True)])
    by_name = {camera.name: camera for camera in fit.cameras}
    found = Calibration(
        tuple(by_name[part.name] for part in parts),
        unit="",
        error_px=float(np.sqrt(np.nanmean((off * off).sum(axis=-1)))),
        provenance=(("made_from", f"{len(fit.points)} points of the animal"),),
    )
    return scaled(found, float(fit.cameras[0].matrix[0, 0]) / depth, "px")
