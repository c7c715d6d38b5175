"""Rotations as matrices and as rotation vectors (axis times angle in radians), both ways."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from markerless.core.instance import FloatArray


def matrix_of(vector: npt.ArrayLike) -> FloatArray:
    """Rotation vectors `(..., 3)` to matrices `(..., 3, 3)`."""
    vectors = np.asarray(vector, dtype=np.float64)
    matrices: FloatArray = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix()
    return matrices.reshape(*vectors.shape[:-1], 3, 3)


def vector_of(matrix: npt.ArrayLike) -> FloatArray:
    """Rotation matrices `(..., 3, 3)` to vectors `(..., 3)`, of at most pi."""
    matrices = np.asarray(matrix, dtype=np.float64)
    vectors: FloatArray = Rotation.from_matrix(matrices.reshape(-1, 3, 3)).as_rotvec()
    return vectors.reshape(*matrices.shape[:-2], 3)


def turning(vector: npt.ArrayLike) -> FloatArray:
    """How a turned point moves when the rotation vector changes: `(..., 3, 3)`, J in `d(R p) = -[R p]x J d(vector)`.

    The left Jacobian of the rotation group, in closed form.
    """
    vectors = np.asarray(vector, dtype=np.float64)
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    small = angle < 1e-4  # where the quotients lose their digits: their series
    safe = np.where(small, 1.0, angle)
    first = np.where(small, 0.5 - angle**2 / 24, (1 - np.cos(angle)) / safe**2)
    second = np.where(small, 1 / 6 - angle**2 / 120, (angle - np.sin(angle)) / safe**3)
    crossed = cross_matrix(vectors)
    jacobian: FloatArray = np.eye(3) + first * crossed + second * (crossed @ crossed)
    return jacobian


def cross_matrix(vector: npt.ArrayLike) -> FloatArray:
    """Vectors `(..., 3)` to matrices `(..., 3, 3)` with `cross_matrix(a) @ b = a x b`."""
    vectors = np.asarray(vector, dtype=np.float64)
    matrices = np.zeros((*vectors.shape, 3))
    x, y, z = np.moveaxis(vectors, -1, 0)
    matrices[..., 0, 1], matrices[..., 0, 2], matrices[..., 1, 2] = -z, y, -x
    matrices[..., 1, 0], matrices[..., 2, 0], matrices[..., 2, 1] = z, -y, x
    return matrices


def fitted_motion(points: FloatArray, others: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The rotation `(3, 3)` and shift `(3,)` that lay points `(M, 3)` over others: `rotation @ point + shift`.

    Least squares (Kabsch 1976); pairs with a NaN are left out.
    """
    known = np.isfinite(points).all(axis=-1) & np.isfinite(others).all(axis=-1)
    a, b = points[known], others[known]
    u, _, vt = np.linalg.svd((a - a.mean(axis=0)).T @ (b - b.mean(axis=0)))
    turn = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation: FloatArray = (u @ turn @ vt).T
    return rotation, b.mean(axis=0) - rotation @ a.mean(axis=0)
