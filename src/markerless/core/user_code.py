"""Errors of the user's own code that is called here: what went wrong, and in which line of it."""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path

_NOT_THEIRS = (Path(__file__).parents[1], Path(importlib.__file__).parent)  # this package, and what loads modules


def told_of(error: Exception) -> str:
    """An error in one line: "KeyError: 'nose', line 12 of laser.py".

    The line is the last one of the file that was called from here, not of a library that it calls.
    """
    what = " ".join(f"{type(error).__name__}: {error}".split())
    theirs = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
    if not theirs:
        return what
    last = [frame for frame in theirs if frame.filename == theirs[0].filename][-1]
    return f"{what}, line {last.lineno} of {Path(last.filename).name}"


def _is_theirs(file: str) -> bool:
    return not file.startswith("<") and not any(Path(file).is_relative_to(folder) for folder in _NOT_THEIRS)
