"""Reads JSON files, whatever may be wrong with them."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from markerless.errors import FormatError

# What reading values meets where one is missing, of another type or out of range.
MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def load_json(path: Path) -> Any:
    """The value of a JSON file; NaN and infinities are allowed as Python writes them.

    Raises:
        FormatError: missing, not text, or not JSON; the message says where.
    """
    if not path.is_file():
        raise FormatError(f"no such file: {path}; check the path")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"expected JSON, got something else or a damaged file: {path} ({error})") from error
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror or error}; check the path") from error


def starts_like_json(path: Path) -> bool:
    """Whether a file begins as an object of JSON does."""
    try:
        with path.open("rb") as file:
            return file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    except OSError:
        return False


def quick_keys(path: Path) -> set[str]:
    """Names of the keys of an object in JSON; empty when it is none.

    A large file is judged whole: there is no knowing where its keys are.
    """
    if not path.is_file() or not starts_like_json(path):
        return set()
    state = path.stat()
    return set(_keys(path.absolute(), state.st_size, state.st_mtime_ns))


@functools.lru_cache(maxsize=64)
def _keys(path: Path, _size: int, _mtime_ns: int) -> frozenset[str]:
    """Every reader of JSON asks, so the answer is kept."""
    try:
        value = load_json(path)
    except FormatError:
        return frozenset()
    return frozenset(value) if isinstance(value, dict) else frozenset()
