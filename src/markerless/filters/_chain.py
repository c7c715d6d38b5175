"""The exact posterior of Gaussian chains: what a Kalman filter and its smoother give, for any number of series at once.

A series x_1 ... x_T is observed with given precisions, and its innovations have given precisions as well. Order 1: the
innovation is the step x_t - x_(t-1), the animal rests unless it moves. Order 2: it is the change of step, the animal
goes on as it went. The precision matrix of x has 1 or 2 bands beside its diagonal, so the posterior mean is one banded
solve (LAPACK), and the marginal covariances come of two Cholesky factors, of the matrix and of the matrix turned
around: what the first has eliminated lies before an entry, what the second has lies behind. No loop over time in
Python, no approximation; all series lie one behind the other in one matrix, with zeros between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray

COEFFICIENTS = {1: (1.0, -1.0), 2: (1.0, -2.0, 1.0)}  # of x_t, x_(t-1), x_(t-2) in the innovation
ANCHOR = 1e-9  # of the largest precision: holds what no observation holds


@dataclass(frozen=True)
class Posterior:
    """Marginals of every chain, given its observations.

    Attributes:
        mean: `(S, T, D)`.
        var: `(S, T)` variance per axis.
        step: `(S, T, D)` mean of the innovations; 0 in the first `order` frames, which have none.
        step_var: `(S, T)` their variance per axis; 1 in the first `order` frames.
    """

    mean: FloatArray
    var: FloatArray
    step: FloatArray
    step_var: FloatArray


def posterior(observed: FloatArray, weight: FloatArray, stiffness: FloatArray, order: int) -> Posterior:
    """Smooth all series.

    Args:
        observed: `(S, T, D)`, any number where the weight is 0, but finite; best centered at 0.
        weight: `(S, T)` precision of the observations, 0 where there is none; each series has at least one above 0.
        stiffness: `(S, T)` precision of the innovations; those of the first `order` frames are ignored.
        order: 1 or 2; T must exceed it.
    """
    from scipy.linalg import cho_solve_banded, cholesky_banded

    n_series, n_frames, n_axes = observed.shape
    bands = _bands(weight, stiffness, order)
    upper = cholesky_banded(_lapack(bands), overwrite_ab=True, check_finite=False)
    rhs = (observed * weight[..., None]).reshape(-1, n_axes)
    mean = cho_solve_banded((upper, False), rhs, overwrite_b=True, check_finite=False).reshape(observed.shape)
    turned = [band[: len(band) - d][::-1] for d, band in enumerate(bands)]
    lower = cholesky_banded(_lapack(turned), overwrite_ab=True, check_finite=False)
    var, step_var = _marginals(bands, _diagonals(upper), _diagonals(lower))
    step = np.zeros_like(mean)
    for lag, c in enumerate(COEFFICIENTS[order]):
        step[:, order:] += c * mean[:, order - lag : n_frames - lag]
    step_var = step_var.reshape(n_series, n_frames)
    step_var[:, :order] = 1.0
    return Posterior(mean, var.reshape(n_series, n_frames), step, step_var)


def _bands(weight: FloatArray, stiffness: FloatArray, order: int) -> list[FloatArray]:
    """Diagonals 0 ... order of the precision matrix of all series; entry i of diagonal d is A[i, i + d]."""
    n_frames = weight.shape[1]
    c = COEFFICIENTS[order]
    bands = [weight + ANCHOR * weight.max(axis=1, keepdims=True)]
    bands += [np.zeros_like(weight) for _ in range(order)]
    stiff = stiffness[:, order:]
    for i in range(order + 1):
        for j in range(i + 1):  # x_(t-i) and x_(t-j), the later one
            bands[i - j][:, order - i : n_frames - i] += c[i] * c[j] * stiff
    return [band.reshape(-1) for band in bands]


def _lapack(bands: list[FloatArray]) -> FloatArray:
    """Upper form: row `order - d` holds diagonal d, shifted right by d."""
    order, n = len(bands) - 1, len(bands[0])
    matrix = np.zeros((order + 1, n), order="F")
    for d, band in enumerate(bands):
        matrix[order - d, d:] = band[: n - d]
    return matrix


def _diagonals(upper: FloatArray) -> list[FloatArray]:
    """Diagonals 0 ... order of a Cholesky factor U: entry i of diagonal d is U[i, i + d]."""
    order = len(upper) - 1
    return [np.ascontiguousarray(upper[order - d, d:]) for d in range(order + 1)]


def _marginals(
    bands: list[FloatArray], ahead: list[FloatArray], behind: list[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """`(n,)` variances of all entries and of the innovations that end in them.

    The precision of the `order + 1` entries from i on is their block of the matrix, less what the elimination of all
    entries before i and of all after i + order takes away.
    """
    order, n = len(bands) - 1, len(bands[0])
    m = n - order
    reverse = [band[::-1] for band in behind]  # of the matrix turned around
    block = {}
    for r in range(order + 1):
        for c in range(r, order + 1):
            entry = bands[c - r][r : r + m].copy()
            for k in range(1, order - c + 1):  # row i - k of the factor
                entry[k:] -= ahead[r + k][: m - k] * ahead[c + k][: m - k]
            for k in range(1, r + 1):  # likewise, mirrored: r and c become order - c and order - r
                first, second = reverse[order - c + k], reverse[order - r + k]
                entry[: m - k] -= first[c : c + m - k] * second[r : r + m - k]
            block[r, c] = entry
    var, step_var = np.empty(n), np.ones(n)
    inside, last, step_var[order:] = _inverted(block, order)
    var[:m] = inside
    var[m:] = last
    return var, step_var


def _inverted(block: dict[tuple[int, int], FloatArray], order: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of the inverse of each block: its first entry; the other diagonal ones of the last block; the innovation's."""
    a, b = block[0, 0], block[0, 1]
    if order == 1:
        c = block[1, 1]
        determinant = a * c - b * b
        return c / determinant, a[-1:] / determinant[-1:], (a + c + 2 * b) / determinant
    c, d, e, f = block[0, 2], block[1, 1], block[1, 2], block[2, 2]
    ca, cb, cc = d * f - e * e, c * e - b * f, b * e - c * d  # cofactors
    cd, ce, cf = a * f - c * c, b * c - a * e, a * d - b * b
    determinant = a * ca + b * cb + c * cc
    innovation = (ca + 4 * cd + cf - 4 * cb - 4 * ce + 2 * cc) / determinant
    last = np.array([cd[-1], cf[-1]]) / determinant[-1]
    return ca / determinant, last, innovation
