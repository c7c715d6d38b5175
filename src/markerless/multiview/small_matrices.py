"""Many symmetric 3 x 3 matrices at once: inverse, and the expected length of errors that have such a covariance.

NumPy's own routines stop at the first singular matrix; here its result is NaN or infinite, and the others are right.
"""

from __future__ import annotations

import numpy as np

from markerless.core.instance import FloatArray

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_ANGLES = (_NODES + 1) * np.pi / 4


def inverse(matrices: FloatArray) -> FloatArray:
    """Inverses of symmetric matrices `(..., 3, 3)`; not finite where there is none."""
    a, b, c = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 0, 2]
    d, e, f = matrices[..., 1, 1], matrices[..., 1, 2], matrices[..., 2, 2]
    cofactors = np.empty(matrices.shape)
    cofactors[..., 0, 0] = d * f - e * e
    cofactors[..., 0, 1] = cofactors[..., 1, 0] = c * e - b * f
    cofactors[..., 0, 2] = cofactors[..., 2, 0] = b * e - c * d
    cofactors[..., 1, 1] = a * f - c * c
    cofactors[..., 1, 2] = cofactors[..., 2, 1] = b * c - a * e
    cofactors[..., 2, 2] = a * d - b * b
    determinant = a * cofactors[..., 0, 0] + b * cofactors[..., 0, 1] + c * cofactors[..., 0, 2]
    with np.errstate(all="ignore"):
        inverted: FloatArray = cofactors / determinant[..., None, None]
    return inverted


def expected_length(covariance: FloatArray) -> FloatArray:
    """Mean length of Gaussian errors in space with the covariances `(..., 3, 3)`, `(...)`; NaN for NaN.

    E sqrt(q) is an integral over the moment-generating function of q = e'e, which is 1 / sqrt(det(1 + 2 t C)) (Provost
    and Mathai, Quadratic Forms in Random Variables, 1992); with t = tan(angle)^2 / trace it is smooth and short.
    """
    trace = np.trace(covariance, axis1=-2, axis2=-1)
    with np.errstate(all="ignore"):
        scaled = covariance / trace[..., None, None]
        minors = 0.5 * (1 - (scaled * scaled).sum(axis=(-2, -1)))
        determinant = np.linalg.det(scaled)
        total = np.zeros(trace.shape)
        for angle, weight in zip(_ANGLES, _WEIGHTS, strict=True):
            t = 2 * np.tan(angle) ** 2
            grown = 1 + t + t * t * minors + t**3 * determinant
            total += weight * (1 - 1 / np.sqrt(grown)) / np.sin(angle) ** 2
        # 2 (from dt) / (2 sqrt(pi)) of the formula, times pi / 4 of the interval
        length: FloatArray = np.sqrt(trace) * total * np.sqrt(np.pi) / 4
    return length
