"""DeepLabCut's pickle beside a result: it says which part of the frame was analyzed.

DeepLabCut counts the pixels of a cropped analysis from the corner of the crop, and says where that is only in
`<video><scorer>_meta.pickle` (`...includingmetadata.pickle` in version 1 and early 2).
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.unpickle import load_pickle
from markerless.errors import FormatError

SUFFIXES = ("_meta.pickle", "includingmetadata.pickle")
# What later steps of DeepLabCut, and ours, add to the name of a result.
_ADDED = re.compile(r"(_filtered|_el|_bx|_sk|_tr|_ctd|_assemblies)$")


def metadata_file(result: Path) -> Path | None:
    """The pickle that belongs to a result, None when there is none."""
    stem = result.stem
    while True:
        for suffix in SUFFIXES:
            path = result.with_name(f"{stem}{suffix}")
            if path.is_file():
                return path
        shorter = _ADDED.sub("", stem)
        if shorter == stem:
            return None
        stem = shorter


def read_metadata(path: Path) -> dict[str, Any]:
    """What DeepLabCut wrote about an analysis.

    Raises:
        FormatError: damaged, another pickle, or one that asks for more than plain values.
    """
    stored = load_pickle(path)
    data = stored.get("data") if isinstance(stored, dict) else None
    if not isinstance(data, dict):
        raise FormatError(f"expected DeepLabCut's metadata of an analysis in {path}, got {type(stored).__name__}")
    return {str(key): _simple(value) for key, value in data.items()}


def _simple(value: Any) -> Any:
    """Numbers of numpy as Python's, arrays as lists."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return [_simple(part) for part in value] if isinstance(value, list | tuple) else value


def crop_of(result: Path) -> tuple[float, float, float, float] | None:
    """The part of the frame that a result is of, `(x1, x2, y1, y2)` pixels; None for the whole.

    Raises:
        FormatError: the pickle beside the result cannot be understood; then nobody knows where its points are.
    """
    path = metadata_file(result)
    if path is None:
        return None
    try:
        data = read_metadata(path)
    except FormatError as error:
        raise FormatError(
            f"cannot tell whether {result.name} is of a cropped video: {error}; move that file away if it is not"
        ) from error
    if not data.get("cropping"):
        return None
    try:
        x1, x2, y1, y2 = (float(value) for value in data["cropping_parameters"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"expected cropping_parameters x1, x2, y1, y2 in {path}, got others; analyze again"
        ) from error
    if not all(math.isfinite(value) for value in (x1, x2, y1, y2)):
        raise FormatError(f"expected finite cropping_parameters in {path}, got {x1}, {x2}, {y1}, {y2}; analyze again")
    return x1, x2, y1, y2
