"""The floor an animal walks on, found from where its lowest points stand.

A paw is on the floor most of the time and above it now and then, never below it. So the floor is the plane near which
the most points lie while almost none lies below it (sample consensus, Fischler and Bolles 1981, with a price for points
below), fitted by least squares to the points near it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.world_axes import MOST_DOUBT_DEG

FEWEST_POINTS = 12
_LEAST_SHARE = 0.2  # of the points that have to lie near the floor
_DRAWN = 800  # planes tried, each through three points
_MOST_LOOKED_AT = 4000  # points, evenly over the recording
_NEAR_SD = 2.5  # standard deviations of the height that count as near
_SD_OF_ERROR = 0.63  # of the mean distance in space, for one axis: sqrt(pi / 8)
_BELOW_PRICE = 3.0  # a point below the plane undoes so many near it
_CLEAR_SHARE = 0.02  # of the animal's points, by which one side of the plane has to have more
_ROUNDS = 10
_BLOCKS = 8  # of time: how much the plane depends on each of them says how well it is known
_THIN = 3.0  # times the scatter about the plane that the points have to reach in every direction along it


@dataclass(frozen=True)
class Floor:
    """A plane `normal @ x = offset`.

    Attributes:
        normal: `(3,)` of length 1, pointing to the side where the animal is.
        offset: Distance of the origin below the plane, in the unit of the points.
        standing: `(M,)` whether a point is near the plane.
        rms: Root mean square distance of these from the plane.
        doubt_deg: How well the direction of the normal is known: the standard deviation of its angle in degrees.
    """

    normal: FloatArray
    offset: float
    standing: npt.NDArray[np.bool_]
    rms: float
    doubt_deg: float

    def height(self, points: FloatArray) -> FloatArray:
        """Heights `(...)` of points `(..., 3)` above the floor."""
        return np.asarray(points @ self.normal - self.offset, dtype=np.float64)


def fit_floor(points: FloatArray, error: FloatArray, others: FloatArray, eyes: FloatArray, unit: str = "mm") -> Floor:
    """The floor below points that stand on it most of the time.

    Args:
        points: `(M, 3)` in order of time, none NaN.
        error: `(M,)` their expected errors.
        others: `(P, 3)` points of the whole animal, none NaN: most are above the floor, which tells up from down.
        eyes: `(V, 3)` where the cameras are: that side is up where the animal's points are all in the floor.
        unit: Of the lengths, for messages.

    Raises:
        CalibrationError: too few points, points on a line, or points that do not agree on a plane.
    """
    if len(points) < FEWEST_POINTS:
        raise CalibrationError(f"expected at least {FEWEST_POINTS} points of the floor in space, got {len(points)}")
    chosen = np.unique(np.linspace(0, len(points) - 1, min(len(points), _MOST_LOOKED_AT)).round().astype(int))
    looked = points[chosen]
    known = error[np.isfinite(error)]
    near = _NEAR_SD * _SD_OF_ERROR * float(np.median(known)) if known.size else 0.0
    near = max(near, 1e-3 * float(np.linalg.norm(np.std(looked, axis=0))), 1e-12)
    normal, offset = _best_drawn(looked, near)
    for _ in range(_ROUNDS):
        normal, offset = _through(looked[np.abs(looked @ normal - offset) <= near], normal)
    if not _is_up(others @ normal - offset, eyes @ normal - offset, near):
        normal, offset = -normal, -offset
    standing = np.asarray(np.abs(points @ normal - offset) <= near)
    rms = _rms(points[standing], normal, offset)
    if standing.sum() < max(FEWEST_POINTS, _LEAST_SHARE * len(points)):
        raise CalibrationError(
            f"the points do not agree on a floor: {int(standing.sum())} of {len(points)} are within {near:.3g} {unit} "
            "of the best plane; name keypoints that stand on the floor most of the time, such as paws"
        )
    flat = _flat(points[standing], normal)
    _refuse_a_line(flat, rms, unit)
    own = _doubt_of_errors(flat, near / _NEAR_SD, near)
    doubt = float(np.hypot(_doubt_of_parts(points[standing], normal), own))
    if doubt > MOST_DOUBT_DEG:
        raise CalibrationError(
            f"the points do not determine a floor: they reach over {flat.std(axis=0)[1]:.3g} {unit} (standard "
            f"deviation), so its direction is known to {doubt:.0f} degrees only; take a longer recording in which the "
            "animal goes about, or keypoints farther apart"
        )
    return Floor(normal, offset, standing, rms, doubt)


def _best_drawn(points: FloatArray, near: float) -> tuple[FloatArray, float]:
    """The plane through three of the points that most others lie near, and hardly any on one of its sides."""
    rng = np.random.default_rng(0)
    corners = points[rng.integers(0, len(points), (_DRAWN, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normals, axis=-1)
    fine = length > 1e-9 * max(float(length.max()), 1e-300)
    if not fine.any():
        raise CalibrationError("the points do not determine a floor: they are all in one place or on one line")
    normals, corners = normals[fine] / length[fine, None], corners[fine]
    offsets = (normals * corners[:, 0]).sum(axis=-1)
    heights = points @ normals.T - offsets
    below = np.minimum((heights < -near).sum(axis=0), (heights > near).sum(axis=0))
    best = int(((np.abs(heights) <= near).sum(axis=0) - _BELOW_PRICE * below).argmax())
    return normals[best], float(offsets[best])


def _is_up(others: FloatArray, eyes: FloatArray, near: float) -> bool:
    """Whether heights that are clearly off the plane are above it: those of the animal, else those of the cameras."""
    vote = int((others > 2 * near).sum()) - int((others < -2 * near).sum())
    return vote > 0 if abs(vote) > _CLEAR_SHARE * len(others) else float(np.sum(np.sign(eyes))) >= 0


def _through(points: FloatArray, before: FloatArray) -> tuple[FloatArray, float]:
    """The plane of least squares through points, its normal on the side of `before`."""
    middle = points.mean(axis=0)
    normal = np.linalg.svd(points - middle, full_matrices=False)[2][2]
    normal = -normal if normal @ before < 0 else normal
    return normal, float(normal @ middle)


def _rms(points: FloatArray, normal: FloatArray, offset: float) -> float:
    return float(np.sqrt(np.mean((points @ normal - offset) ** 2))) if len(points) else float("nan")


def _flat(points: FloatArray, normal: FloatArray) -> FloatArray:
    """`(M, 2)`: where points are along the plane, the direction of the largest spread first."""
    inside = points - points.mean(axis=0)
    inside = inside - np.outer(inside @ normal, normal)
    return np.asarray(inside @ np.linalg.svd(inside, full_matrices=False)[2][:2].T)


def _refuse_a_line(flat: FloatArray, rms: float, unit: str) -> None:
    spread = flat.std(axis=0)
    if spread[1] < max(_THIN * rms, 0.01 * spread[0]):
        raise CalibrationError(
            f"the points do not determine a floor: they lie on a line, within {spread[1]:.3g} {unit} of it where they "
            f"scatter by {rms:.2g} {unit} about the plane; take a recording in which the animal goes about"
        )


def _doubt_of_errors(flat: FloatArray, sd: float, cell: float) -> float:
    """Degrees by which errors of `sd` tilt the plane when points at one place, the size of `cell`, share theirs.

    A network is off by the same amount in all frames of an animal at rest: many frames of one place count once.
    """
    n_places = len(np.unique(np.floor(flat / cell).astype(np.int64), axis=0))
    return float(np.degrees(np.arctan2(sd, flat.std(axis=0)[1] * np.sqrt(n_places))))


def _doubt_of_parts(points: FloatArray, normal: FloatArray) -> float:
    """Standard deviation of the normal's angle, from what it becomes without each part of the recording (jackknife)."""
    parts = np.array_split(np.arange(len(points)), _BLOCKS)
    angles = []
    for part in parts:
        other, _ = _through(np.delete(points, part, axis=0), normal)
        angles.append(np.arccos(np.clip(other @ normal, -1.0, 1.0)))
    return float(np.degrees(np.sqrt((len(parts) - 1) / len(parts) * np.sum(np.square(angles)))))
