"""A file that says where in a picture the views are, and how they name their keypoints.

    known_length = ["tailBase", "tailMid", 25.0]    # optional: sets the scale
    unit = "mm"                                     # of it

    [views.side]
    region = [0, 0, 406, 168]                       # left, top, width, height
    keypoints = "{}_top"                            # or a table: nose = "nose_top"

    [views.below]
    region = [0, 168, 406, 238]
    keypoints = "{}_bot"
    mirrored = true

`calibration = "file.toml"` takes the cameras of these names from a calibration instead of finding them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markerless.core.view import View
from markerless.errors import FormatError
from markerless.multiview.mirror import Part

_TOP = ("views", "known_length", "unit", "calibration", "frame")
_PART = ("region", "keypoints", "mirrored")


@dataclass(frozen=True)
class KnownLength:
    """The distance of two keypoints."""

    first: str
    second: str
    length: float


@dataclass(frozen=True)
class ViewsFile:
    """What such a file says.

    Attributes:
        parts: The views.
        keypoints: View -> pattern with {} ("{}_top"), or table of name -> name in the view's file; "{}" by default.
        size: Of the whole frame; by default what the regions span.
        known_length: What sets the scale.
        unit: Of it.
        calibration: File of the cameras; None to find them.
    """

    parts: tuple[Part, ...]
    keypoints: Mapping[str, str | Mapping[str, str]]
    size: tuple[int, int]
    known_length: KnownLength | None = None
    unit: str = "mm"
    calibration: Path | None = field(default=None)


def is_views_file(path: Path) -> bool:
    """Whether a TOML file has a table of views."""
    try:
        return "views" in tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return False


def read(path: Path) -> ViewsFile:
    """The views of a file.

    Raises:
        FormatError: not such a file; the message names the key.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise FormatError(f"expected a TOML file of views, cannot read {path}: {error}") from error
    _only(tables, _TOP, path)
    views = tables.get("views")
    if not isinstance(views, dict) or len(views) < 2 or not all(isinstance(table, dict) for table in views.values()):
        raise FormatError(f"expected two or more tables [views.NAME] in {path}, got {views}")
    parts = tuple(_part(name, table, path) for name, table in views.items())
    spans = [(part.region.left + part.region.width, part.region.top + part.region.height) for part in parts]
    right, bottom = (max(values) for values in zip(*spans, strict=True))
    size = _whole(tables["frame"], 2, f"'frame' of {path}") if "frame" in tables else (right, bottom)
    calibration = tables.get("calibration")
    return ViewsFile(
        parts,
        {name: _names(table.get("keypoints", "{}"), name, path) for name, table in views.items()},
        (size[0], size[1]),
        known_length(tables["known_length"], str(path)) if "known_length" in tables else None,
        str(tables.get("unit", "mm")),
        path.parent / str(calibration) if calibration is not None else None,
    )


def known_length(value: Any, where: str) -> KnownLength:
    """A known length from a list of two keypoints and a number.

    Raises:
        FormatError: it is something else.
    """
    try:
        first, second, length = value
        number = float(length)
        if not (0 < number < float("inf")) or first == second:
            raise ValueError
    except (TypeError, ValueError):
        message = f"expected two keypoints and their distance in known_length of {where}, got {value}"
        raise FormatError(message) from None
    return KnownLength(str(first), str(second), number)


def renamed(names: Sequence[str], keypoints: str | Mapping[str, str]) -> dict[str, int]:
    """Keypoint -> index in `names`, of those that a pattern or table names."""
    place = {name: index for index, name in enumerate(names)}
    if not isinstance(keypoints, str):
        return {ours: place[theirs] for ours, theirs in keypoints.items() if theirs in place}
    before, _, after = keypoints.partition("{}")
    pattern = re.compile(re.escape(before) + "(.+)" + re.escape(after))
    return {match[1]: index for name, index in place.items() if (match := pattern.fullmatch(name))}


def _part(name: str, table: dict[str, Any], path: Path) -> Part:
    _only(table, _PART, path)
    where = f"'region' of [views.{name}] in {path}"
    region = View(*_whole(table.get("region"), 4, where))
    if min(region.left, region.top) < 0 or min(region.width, region.height) < 1:
        raise FormatError(f"expected left, top, width, height of a part of the frame in {where}, got {table['region']}")
    return Part(name, region, table.get("mirrored", False) is True)


def _whole(value: Any, n: int, where: str) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) != n or not all(isinstance(number, int) for number in value):
        raise FormatError(f"expected {n} whole numbers in {where}, got {value}")
    return tuple(value)


def _names(value: Any, view: str, path: Path) -> str | dict[str, str]:
    if isinstance(value, str) and value.count("{}") == 1:
        return value
    if isinstance(value, dict) and value and all(isinstance(name, str) for name in value.values()):
        return dict(value)
    raise FormatError(
        f"expected a pattern with one {{}} or a table of names in 'keypoints' of [views.{view}] in {path}"
    )


def _only(table: dict[str, Any], known: Sequence[str], path: Path) -> None:
    for key in table:
        if key not in known:
            raise FormatError(f"unknown key '{key}' in {path}; known: {', '.join(known)}")
