"""A camera: from points in space to pixels of a frame, and back to rays.

Axes of a camera are x right, y down, z forward; `x_camera = rotation @ x_world + translation`. Lenses are OpenCV's
models, so that its `matrix` and distortion numbers are ours: the polynomial one (k1, k2, p1, p2, k3, k4, k5, k6) and
the fisheye one (k1 to k4).

A mirror, or one of several views in a picture, is a virtual camera: a region of the frame, flipped left to right where
`mirrored`, before anything else. So its rotation stays a rotation, and nothing else in the package knows of mirrors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from markerless.core.affine import Affine
from markerless.core.instance import FloatArray
from markerless.core.lens import LENSES
from markerless.core.view import View
from markerless.errors import CalibrationError

_MOST_NUMBERS = {False: 8, True: 4}  # of distortion, by fisheye


def lens_numbers(numbers: npt.ArrayLike, fisheye: bool = False) -> FloatArray:
    """Distortion numbers as files have them, without the zeros of further terms: OpenCV may write 12 or 14.

    Further numbers that are not 0 stay, and `Camera` refuses them.
    """
    found = np.asarray(numbers, dtype=np.float64).ravel()
    most = _MOST_NUMBERS[fisheye]
    return found if found[most:].any() else found[:most]


@dataclass(frozen=True)
class CameraSpread:
    """How well the numbers of a camera are known that were fitted, together with those of the other cameras of its rig.

    The covariance between two cameras of a rig is `one.factor @ other.factor.T`; a factor with fewer columns stands for
    zeros in the further ones.

    Attributes:
        free: What was fitted: pose (0 or 1), focal lengths (0: none, 1: both by one factor, 2: each), principal point
            (0 or 1), how many numbers of distortion. A pose is 6 numbers: a rotation vector that turns the camera after
            its rotation, and the translation.
        factor: `(n, r)` for the n numbers, in that order; translation in the unit of the calibration.
    """

    free: tuple[int, int, int, int]
    factor: FloatArray

    def __post_init__(self) -> None:
        pose, focal, center, distortion = self.free
        factor = np.array(self.factor, dtype=np.float64)
        if not (pose in (0, 1) and focal in (0, 1, 2) and center in (0, 1) and 0 <= distortion <= 8):
            raise CalibrationError(f"expected pose, focal, center and distortion of a camera's spread, got {self.free}")
        n = 6 * pose + focal + 2 * center + distortion
        if factor.ndim != 2 or len(factor) != n or not np.isfinite(factor).all():
            raise CalibrationError(f"expected a spread of finite numbers ({n}, r), got {factor.shape}")
        object.__setattr__(self, "factor", factor)

    def in_unit(self, scale: float) -> CameraSpread:
        """The same with lengths in a unit that makes them `scale` times as large."""
        factor = self.factor.copy()
        if self.free[0]:
            factor[3:6] *= scale
        return replace(self, factor=factor)


@dataclass(frozen=True)
class Camera:
    """One view of the scene.

    Attributes:
        name: Unique in a rig.
        size: Width and height in pixels of the picture the lens makes: the region's, for a virtual camera.
        matrix: `(3, 3)` focal lengths and principal point in pixels, (0, 0) the center of the top-left pixel.
        distortion: `(n,)` in OpenCV's order; up to 8 numbers, or up to 4 for a fisheye.
        rotation: `(3, 3)` from world axes to camera axes.
        translation: `(3,)` in the unit of the calibration.
        fisheye: Whether the distortion is the fisheye model's.
        region: Where in the frame a virtual camera's picture lies; None for the whole frame.
        mirrored: Whether the region shows the scene in a mirror.
        spread: How well its numbers are known; None when that is not.
    """

    name: str
    size: tuple[int, int]
    matrix: FloatArray
    distortion: FloatArray
    rotation: FloatArray
    translation: FloatArray
    fisheye: bool = False
    region: View | None = None
    mirrored: bool = False
    spread: CameraSpread | None = None

    def __post_init__(self) -> None:
        for name, shape in (("matrix", (3, 3)), ("rotation", (3, 3)), ("translation", (3,))):
            value = np.array(getattr(self, name), dtype=np.float64)
            if value.shape != shape or not np.isfinite(value).all():
                raise CalibrationError(f"camera '{self.name}': expected {name} of finite numbers {shape}, got {value}")
            object.__setattr__(self, name, value)
        distortion = np.array(self.distortion, dtype=np.float64).ravel()
        most = _MOST_NUMBERS[self.fisheye]
        if len(distortion) > most or not np.isfinite(distortion).all():
            raise CalibrationError(
                f"camera '{self.name}': expected at most {most} finite distortion numbers, got {distortion}"
            )
        object.__setattr__(self, "distortion", np.pad(distortion, (0, most - len(distortion))))
        if not np.allclose(self.rotation @ self.rotation.T, np.eye(3), atol=1e-6) or np.linalg.det(self.rotation) < 0:
            raise CalibrationError(f"camera '{self.name}': expected a rotation, got {self.rotation.tolist()}")

    @property
    def to_picture(self) -> Affine:
        """From pixels of the frame to pixels of the picture the lens makes; the identity but for virtual cameras."""
        crop = Affine.identity() if self.region is None else Affine.crop(self.region.left, self.region.top)
        return crop.then(Affine.mirror(self.size[0])) if self.mirrored else crop

    @property
    def center(self) -> FloatArray:
        """`(3,)`: where the camera stands, in world axes."""
        return np.asarray(-self.rotation.T @ self.translation, dtype=np.float64)

    def to_camera(self, points: npt.ArrayLike) -> FloatArray:
        """World points `(..., 3)` in camera axes `(..., 3)`."""
        moved: FloatArray = np.asarray(points, dtype=np.float64) @ self.rotation.T + self.translation
        return moved

    def project(self, points: npt.ArrayLike) -> FloatArray:
        """World points `(..., 3)` to pixels of the frame `(..., 2)`; NaN for points behind the camera, and for NaN."""
        x, y, z = np.moveaxis(self.to_camera(points), -1, 0)
        z = np.where(z > 0, z, np.nan)
        with np.errstate(over="ignore", invalid="ignore"):
            bent = LENSES[self.fisheye].distort(np.stack([x / z, y / z], axis=-1), self.distortion)
        return self.to_picture.inverse().apply(bent @ self.matrix[:2, :2].T + self.matrix[:2, 2])

    def rays(self, pixels: npt.ArrayLike) -> FloatArray:
        """Pixels of the frame `(..., 2)` to undistorted image coordinates `(..., 2)`: x / z and y / z in camera axes.

        The inverse of `project` up to depth, exact to 1e-10 where the lens is invertible; NaN elsewhere.
        """
        bent = (self.to_picture.apply(pixels) - self.matrix[:2, 2]) @ np.linalg.inv(self.matrix[:2, :2]).T
        return LENSES[self.fisheye].undistort(bent, self.distortion)

    def moved(self, rotation: npt.ArrayLike, translation: npt.ArrayLike) -> Camera:
        """The same camera at another place; how well that is known is another matter."""
        return replace(self, rotation=np.asarray(rotation), translation=np.asarray(translation), spread=None)


@dataclass(frozen=True)
class Calibration:
    """All cameras of a rig.

    Attributes:
        cameras: In the order of the file; names unique.
        unit: Of lengths: "mm" as a rule, "" when the scale is not known.
        error_px: Root mean square of the residuals of the fit, NaN when unknown.
        provenance: How it was made: plain values only.
    """

    cameras: tuple[Camera, ...]
    unit: str = "mm"
    error_px: float = float("nan")
    provenance: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for camera in self.cameras:
            if camera.name in seen:
                raise CalibrationError(f"expected every camera name once, got '{camera.name}' twice")
            seen.add(camera.name)
        if not self.cameras:
            raise CalibrationError("expected a calibration with at least one camera, got none")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(camera.name for camera in self.cameras)

    def camera(self, name: str) -> Camera:
        """The camera called `name`.

        Raises:
            CalibrationError: no camera has that name.
        """
        for camera in self.cameras:
            if camera.name == name:
                return camera
        raise CalibrationError(f"unknown camera '{name}'; cameras of this calibration: {', '.join(self.names)}")
