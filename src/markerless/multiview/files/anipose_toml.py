"""Anipose's `calibration.toml`, which is ours too: tables `cam_0`, `cam_1`, ... and `metadata`.

What Anipose does not know (the unit; region and mirror of a virtual camera; how well a camera is known) are further
keys that it passes over.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.camera import Calibration, Camera, CameraSpread, lens_numbers
from markerless.core.storage import write_text
from markerless.core.view import View
from markerless.errors import CalibrationError, FormatError
from markerless.multiview.rotation import matrix_of, vector_of

SUFFIXES = (".toml",)

_PINHOLE_NUMBERS = 5  # as many as Anipose reads
_KEYS = ("error", "unit", "adjusted")


def sniff(path: Path) -> bool:
    """Whether the file looks like a calibration: a table of it has a camera's matrix and rotation."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return False
    return any(isinstance(table, dict) and {"matrix", "rotation"} <= table.keys() for table in tables.values())


def read(path: Path) -> Calibration:
    """The cameras of a file.

    Raises:
        FormatError: not a file of this format; the message names camera and key.
        CalibrationError: impossible numbers.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise FormatError(f"expected an Anipose calibration in TOML, cannot read {path}: {error}") from error
    named = [(name, table) for name, table in tables.items() if name != "metadata" and isinstance(table, dict)]
    if not named:
        raise FormatError(f"expected tables [cam_0], [cam_1], ... in {path}, found {', '.join(tables) or 'nothing'}")
    metadata = tables.get("metadata", {})
    metadata = metadata if isinstance(metadata, dict) else {}
    error_px = metadata.get("error")
    try:
        return Calibration(
            tuple(from_table(table, name, path) for name, table in named),
            unit=str(metadata.get("unit", "mm")),
            error_px=float(error_px) if isinstance(error_px, int | float) else math.nan,
            provenance=tuple((key, str(value)) for key, value in metadata.items() if key not in _KEYS),
        )
    except CalibrationError as error:
        raise CalibrationError(f"{error} ({path})") from error


def write(calibration: Calibration, path: Path) -> None:
    """Write the file, atomically; `read` gives the same cameras back, and Anipose reads it.

    Raises:
        StorageError: the file cannot be written.
    """
    lines: list[str] = []
    for index, camera in enumerate(calibration.cameras):
        lines += _table(f"cam_{index}", to_table(camera))
    metadata: dict[str, Any] = {"unit": calibration.unit, **dict(calibration.provenance)}
    if math.isfinite(calibration.error_px):
        metadata["error"] = calibration.error_px
    write_text(Path(path), "\n".join([*lines, *_table("metadata", metadata)]))


def to_table(camera: Camera) -> dict[str, Any]:
    """The table of one camera: plain values; `from_table` is the inverse."""
    numbers = camera.distortion if camera.fisheye else _short(camera.distortion)
    table: dict[str, Any] = {
        "name": camera.name,
        "size": list(camera.size),
        "matrix": camera.matrix.tolist(),
        "distortions": numbers.tolist(),
        "rotation": vector_of(camera.rotation).tolist(),
        "translation": camera.translation.tolist(),
    }
    if camera.fisheye:
        table["fisheye"] = True
    if camera.region is not None:
        region = camera.region
        table["region"] = [region.left, region.top, region.width, region.height]
    if camera.mirrored:
        table["mirrored"] = True
    if camera.spread is not None:
        table["free"] = list(camera.spread.free)
        table["spread"] = [_digits(row) for row in camera.spread.factor]
    return table


def _digits(row: np.ndarray) -> list[float]:
    """Numbers with the digits that a standard deviation has, without the zeros at the end."""
    known = np.flatnonzero(row)
    return [float(f"{value:.4g}") for value in row[: known[-1] + 1 if len(known) else 0]]


def _short(numbers: np.ndarray) -> np.ndarray:
    return numbers if numbers[_PINHOLE_NUMBERS:].any() else numbers[:_PINHOLE_NUMBERS]


def _table(name: str, table: dict[str, Any]) -> list[str]:
    return [
        f"[{name}]",
        *(f"{_key(key)} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()),
        "",
    ]


def _key(name: str) -> str:
    """As TOML wants it: what another tool called its metadata may need quotes."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def from_table(table: dict[str, Any], name: str, path: Path) -> Camera:
    """The camera of the table called `name` in the file `path`.

    Raises:
        FormatError: not such a table; the message names camera and key.
        CalibrationError: impossible numbers.
    """
    size = _numbers(table, "size", (2,), name, path)
    fisheye, mirrored = table.get("fisheye", False) is True, table.get("mirrored", False) is True
    region = None
    if "region" in table:
        region = View(*(int(number) for number in _numbers(table, "region", (4,), name, path)))
    return Camera(
        name=str(table.get("name", name)),
        size=(int(size[0]), int(size[1])),
        matrix=_numbers(table, "matrix", (3, 3), name, path),
        distortion=lens_numbers(_numbers(table, "distortions", None, name, path), fisheye),
        rotation=matrix_of(_numbers(table, "rotation", (3,), name, path)),
        translation=_numbers(table, "translation", (3,), name, path),
        fisheye=fisheye,
        mirrored=mirrored,
        region=region,
        spread=_spread(table, name, path) if "spread" in table else None,
    )


def _spread(table: dict[str, Any], name: str, path: Path) -> CameraSpread:
    free = _numbers(table, "free", (4,), name, path).astype(int).tolist()
    rows = table["spread"]
    try:
        widest = max((len(row) for row in rows), default=0)
        factor = np.zeros((len(rows), widest))
        for into, row in zip(factor, rows, strict=True):
            into[: len(row)] = np.array(row, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"expected rows of numbers in 'spread' of [{name}] in {path}: {error}") from error
    return CameraSpread((free[0], free[1], free[2], free[3]), factor)


def _numbers(table: dict[str, Any], key: str, shape: tuple[int, ...] | None, name: str, path: Path) -> np.ndarray:
    try:
        value = np.array(table[key], dtype=np.float64)
    except KeyError:
        raise FormatError(f"expected '{key}' in table [{name}] of {path}, found {', '.join(table)}") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"expected numbers in '{key}' of [{name}] in {path}: {error}") from error
    if not np.isfinite(value).all() or (value.shape != shape if shape else value.ndim > 2):
        raise FormatError(f"expected '{key}' of finite numbers {shape or ''} in [{name}] of {path}, got {table[key]}")
    return value
