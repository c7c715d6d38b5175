"""Regions of a picture as a person gives them: in a TOML file, or in one word on the command line.

[[region]]
name = "food"
circle = [320, 240, 50]                             # x, y, radius in pixels

[[region]]
name = "arm"
polygon = [[100, 40], [540, 40], [540, 90], [100, 90]]   # corners x, y in turn

food=320,240,50    arm=100,40,540,40,540,90,100,90
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markerless.analysis.kinematics_regions import Circle, Polygon, Region, check_names
from markerless.errors import SettingsError

SHAPES = ("circle", "polygon")
EXAMPLE = "food=320,240,50 (a circle: x, y, radius) or arm=100,40,540,40,540,90 (a polygon: x, y of its corners)"
MOST_BYTES = 10_000_000


def regions_of(texts: Sequence[str]) -> tuple[Region, ...]:
    """The regions of words and of TOML files.

    Args:
        texts: `name=numbers`, or the name of a file.

    Raises:
        SettingsError: one of them is not a region; two have one name; there is no such file.
    """
    found: list[Region] = []
    for text in texts:
        path = Path(text)
        if path.suffix.lower() == ".toml" or ("=" not in text and path.exists()):
            found += read_regions(path)
        else:
            found.append(_from_word(text))
    check_names(found)
    return tuple(found)


def read_regions(path: Path) -> list[Region]:
    """The regions of a TOML file.

    Raises:
        SettingsError: it cannot be read, or something in it is not a region.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(f"expected a file of regions, got {path.stat().st_size:,} bytes in {path}")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the regions in {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"expected regions as TOML in {path}: {error}") from error
    entries = content.pop("region", None)
    if content or not isinstance(entries, list) or not entries:
        other = f", got '{next(iter(content))}'" if content else ""
        raise SettingsError(f"expected one or more tables [[region]] and nothing else in {path}{other}")
    return [_from_table(entry, f"{path}, region {number}") for number, entry in enumerate(entries, 1)]


def _from_table(entry: Any, where: str) -> Region:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise SettingsError(f'{where}: expected a name, as in name = "food"')
    shapes = [key for key in entry if key != "name"]
    if len(shapes) != 1 or shapes[0] not in SHAPES:
        got = ", ".join(shapes) or "neither"
        raise SettingsError(f"{where}: expected a name and one of {' and '.join(SHAPES)}, got {got}")
    given = entry[shapes[0]]
    if shapes[0] == "circle":
        return _circle(entry["name"], _numbers(given, where), where)
    if not isinstance(given, list):
        raise SettingsError(f"{where}: expected corners [[x, y], ...], got {given!r}")
    return Polygon(entry["name"], tuple(_corner(one, where) for one in given))


def _from_word(text: str) -> Region:
    name, equals, rest = text.partition("=")
    try:
        numbers = [float(part) for part in rest.split(",")] if equals else []
    except ValueError:
        numbers = []
    if len(numbers) == 3:
        return _circle(name, numbers, text)
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        return Polygon(name, tuple(zip(numbers[::2], numbers[1::2], strict=True)))
    raise SettingsError(f"expected a region such as {EXAMPLE}, or a TOML file, got '{text}'")


def _circle(name: str, numbers: Sequence[float], where: str) -> Circle:
    if len(numbers) != 3:
        raise SettingsError(f"{where}: expected x, y and the radius of a circle, got {len(numbers)} numbers")
    return Circle(name, (numbers[0], numbers[1]), numbers[2])


def _corner(given: Any, where: str) -> tuple[float, float]:
    numbers = _numbers(given, where)
    if len(numbers) != 2:
        raise SettingsError(f"{where}: expected corners [x, y], got {given!r}")
    return numbers[0], numbers[1]


def _numbers(given: Any, where: str) -> list[float]:
    is_list = isinstance(given, list) and not any(isinstance(value, bool) for value in given)
    if not is_list or not all(isinstance(value, int | float) for value in given):
        raise SettingsError(f"{where}: expected numbers in pixels, got {given!r}")
    return [float(value) for value in given]
