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
