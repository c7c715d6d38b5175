"""What was measured on this machine, kept in the user's cache folder so that it is measured once.

Nothing here is needed: where the folder cannot be read or written, it is measured again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from markerless.core.storage import write_text
from markerless.errors import StorageError
from markerless.runtime.machine import processor

FOLDER_VARIABLE = "MARKERLESS_CACHE"
FOLDER = "measured"


def cache_folder() -> Path:
    """Where measurements are kept: the system's folder for caches, or MARKERLESS_CACHE."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else user_cache_path("markerless", appauthor=False)


def recall(question: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `remember` kept for an equal question on an equal machine, else None."""
    try:
        value = json.loads(kept_path(question, FOLDER, ".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def remember(question: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Keep plain values for the next time."""
    with suppress(StorageError, OSError):
        write_text(kept_path(question, FOLDER, ".json"), json.dumps(dict(answer), indent=1))


def kept_path(question: Mapping[str, Any], folder: str, suffix: str) -> Path:
    """Where the answer to a question is kept; another machine has another place."""
    cpu = processor()
    machine = {"processor": cpu.name, "cores": cpu.n_usable, "features": cpu.features}
    text = json.dumps({"machine": machine, **question}, sort_keys=True)
    return cache_folder() / folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}{suffix}"
