"""`runs/<name>/crossfit.json`: the cross-fitted predictions of a run; `read` and `write` are inverse to each other.

    {"version": 1, "images": [F names], "keypoints": [K names], "xy": F x K x ([x, y] or null),
     "score": F x K, "expected_error": F x K px, "tolerance_px": px}

Numbers without a value are null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.crossfit import CrossFit
from markerless.core.instance import FloatArray
from markerless.core.storage import write_text
from markerless.errors import RunError
from markerless.project.own_json import read_own

CROSSFIT_FILE = "crossfit.json"
VERSION = 1
KEYS = ("version", "images", "keypoints", "xy", "score", "expected_error", "tolerance_px")


def write(crossfit: CrossFit, path: Path) -> None:
    """Write the file whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    value = {
        "version": VERSION,
        "images": list(crossfit.images),
        "keypoints": list(crossfit.keypoints),
        "xy": [[None if math.isnan(x + y) else [x, y] for x, y in frame] for frame in crossfit.xy.tolist()],
        "score": _nulled(crossfit.score),
        "expected_error": _nulled(crossfit.expected_error),
        "tolerance_px": crossfit.tolerance_px,
    }
    write_text(path, json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")


def read(path: Path) -> CrossFit:
    """Read it, strictly.

    Raises:
        RunError: it is missing, damaged, or of a newer version of markerless.
    """
    return read_own(path, VERSION, KEYS, _parsed)


def _parsed(value: dict[str, Any]) -> CrossFit:
    images, keypoints = _names(value["images"], "images"), _names(value["keypoints"], "keypoints")
    shape = (len(images), len(keypoints))
    points = _table(value["xy"], "xy", shape, _pair)
    return CrossFit(
        images,
        keypoints,
        np.array(points, dtype=np.float64).reshape(*shape, 2),
        np.array(_table(value["score"], "score", shape, _number), dtype=np.float64).reshape(shape),
        np.array(_table(value["expected_error"], "expected_error", shape, _number), dtype=np.float64).reshape(shape),
        _number(value["tolerance_px"]),
    )


def _names(value: object, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise RunError(f"expected a list of names at '{key}'")
    return tuple(value)


def _table(value: object, key: str, shape: tuple[int, int], cell: Callable[[object], Any]) -> list[list[Any]]:
    """Rows of cells; their numbers have to be those of `shape`."""
    rows = value if isinstance(value, list) else []
    if len(rows) != shape[0] or not all(isinstance(row, list) and len(row) == shape[1] for row in rows):
        raise RunError(f"expected {shape[0]} rows of {shape[1]} at '{key}'")
    return [[cell(item) for item in row] for row in rows]


def _pair(value: object) -> tuple[float, float]:
    if value is None:
        return math.nan, math.nan
    if not isinstance(value, list) or len(value) != 2 or None in value:
        raise RunError(f"expected [x, y] or null at 'xy', got {value!r}")
    return _number(value[0]), _number(value[1])


def _number(value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RunError(f"expected a number, got {value!r}")
    return float(value)


def _nulled(values: FloatArray) -> list[list[float | None]]:
    return [[None if math.isnan(number) else number for number in row] for row in values.tolist()]
