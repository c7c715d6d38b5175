"""JSON files of a run that markerless alone writes, read back strictly: version, keys, no number that JSON lacks."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

from markerless.errors import RunError

T = TypeVar("T")


def read_own(path: Path, version: int, keys: Collection[str], parse: Callable[[dict[str, Any]], T]) -> T:
    """Read a file and make a value of it.

    Args:
        path: The file.
        version: What stands at its key "version".
        keys: All its keys, "version" among them.
        parse: Makes the value of the object; raises RunError, saying what it expected and what it got.

    Raises:
        RunError: it is missing, damaged, or of a newer version of markerless.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
        if not isinstance(value, dict):
            raise RunError(f"expected an object, got {type(value).__name__}")
        if value.get("version") != version:
            raise RunError(f"expected version {version}, got {value.get('version')!r} (of a newer markerless?)")
        if set(value) != set(keys):
            odd = sorted(set(value) ^ set(keys))
            raise RunError(f"expected the keys {', '.join(keys)}; missing or unknown: {', '.join(odd)}")
        return parse(value)
    except (OSError, ValueError, RunError) as error:
        reason = " ".join(str(error).split())
        raise RunError(f"cannot read {path} ({reason}); delete it to work without it, or train again") from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
