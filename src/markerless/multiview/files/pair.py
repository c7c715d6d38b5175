"""Two cameras as OpenCV's `stereoCalibrate` gives them: what several formats store, each under names of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.camera import Calibration, Camera, lens_numbers
from markerless.core.instance import FloatArray
from markerless.errors import FormatError

GUESSED = "the size of the pictures is guessed from the principal point; the file does not say it"


@dataclass(frozen=True)
class Lens:
    """What a file says of one camera's lens.

    Attributes:
        name: The camera's.
        matrix: Focal lengths and principal point, 3 x 3.
        distortion: OpenCV's numbers.
        size: Width and height; None when the file does not say.
        fisheye: Whether the numbers are the fisheye model's.
    """

    name: str
    matrix: Any
    distortion: Any
    size: tuple[int, int] | None = None
    fisheye: bool = False


def calibration_of(
    lenses: tuple[Lens, ...], second: tuple[Any, Any] | None, unit: str, source: tuple[str, Path]
) -> Calibration:
    """One camera, or two of which the first is the world.

    Args:
        lenses: One or two.
        second: Rotation (3 x 3) and translation (3) from the first camera's axes to the second's.
        unit: Of lengths; "" when unknown.
        source: What kind of file it is, and where, for messages and provenance.

    Raises:
        FormatError: something is no array of the right shape.
        CalibrationError: impossible numbers.
    """
    kind, path = source
    cameras = []
    for index, lens in enumerate(lenses):
        rotation, translation = np.eye(3), np.zeros(3)
        if index and second is not None:
            rotation = array_of(second[0], (3, 3), f"rotation of '{lens.name}'", path)
            translation = array_of(second[1], (3,), f"translation of '{lens.name}'", path)
        matrix = array_of(lens.matrix, (3, 3), f"camera matrix of '{lens.name}'", path)
        distortion = lens_numbers(array_of(lens.distortion, None, f"distortion of '{lens.name}'", path), lens.fisheye)
        size = lens.size or (round(2 * matrix[0, 2] + 1), round(2 * matrix[1, 2] + 1))
        # rotations are stored with few digits by some: the nearest true one
        left, _, right = np.linalg.svd(rotation)
        cameras.append(Camera(lens.name, size, matrix, distortion, left @ right, translation, lens.fisheye))
    guessed = any(lens.size is None for lens in lenses)
    provenance = (("source", kind), *((("note", GUESSED),) if guessed else ()))
    return Calibration(tuple(cameras), unit=unit, provenance=provenance)


def array_of(value: Any, shape: tuple[int, ...] | None, what: str, path: Path) -> FloatArray:
    """Finite numbers of a shape; any number of them for None.

    Raises:
        FormatError: they are not.
    """
    try:
        array = np.array(value, dtype=np.float64)
        array = array.ravel() if shape is None else array.reshape(shape)
    except (TypeError, ValueError) as error:
        raise FormatError(f"expected numbers {shape or ''} for the {what} in {path}: {error}") from None
    if not np.isfinite(array).all():
        raise FormatError(f"expected finite numbers for the {what} in {path}, got {array.tolist()}")
    return array


def first_of(table: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The value under the first of the names that is there; None when none is."""
    return next((table[name] for name in names if table.get(name) is not None), None)
