"""A long series shown in few columns: the least and the largest value of each column, so that no peak is lost."""

from __future__ import annotations

import numpy as np

from markerless.core.instance import FloatArray


def envelope(values: FloatArray, n_columns: int) -> FloatArray:
    """`(columns, 2)` least and largest value of each of at most `n_columns` equal stretches of `values (T,)`.

    Column `c` holds the values from `T * c // columns` to before `T * (c + 1) // columns`; NaN where all are NaN. A
    series no longer than `n_columns` has one column for each value.
    """
    n_columns = min(n_columns, len(values))
    if n_columns < 1:
        return np.empty((0, 2))
    starts = np.arange(n_columns) * len(values) // n_columns
    return np.stack([np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)], axis=-1)
