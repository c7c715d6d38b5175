"""`runs/<name>/familiar.json`: what a run's network is familiar with; `read` and `write` are inverse to each other.

{"version": 1, "n_frames": 34, "n_groups": 4,
 "spans": {"brightness": {"least": 91.8, "most": 152.1, "low": 36.0, "high": 212.0}, ...},
 "sureness": {"low": 0.6, "share": 0.03} or null}
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from markerless.core.familiar import QUANTITIES, Familiar, Span, Sureness
from markerless.core.storage import write_text
from markerless.errors import RunError
from markerless.project.own_json import read_own

FAMILIAR_FILE = "familiar.json"
VERSION = 1
KEYS = ("version", "n_frames", "n_groups", "spans", "sureness")

T = TypeVar("T", Span, Sureness)


def write(familiar: Familiar, path: Path) -> None:
    """Write the file whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    value = {
        "version": VERSION,
        "n_frames": familiar.n_frames,
        "n_groups": familiar.n_groups,
        "spans": {name: asdict(span) for name, span in familiar.spans.items()},
        "sureness": None if familiar.sureness is None else asdict(familiar.sureness),
    }
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read(path: Path) -> Familiar | None:
    """Read it, strictly; None where the run has none, being of an earlier version.

    Raises:
        RunError: it is damaged, or of a newer version of markerless.
    """
    if not path.exists():
        return None
    return read_own(path, VERSION, KEYS, _parsed)


def _parsed(value: dict[str, Any]) -> Familiar:
    n_frames, n_groups = value["n_frames"], value["n_groups"]
    if not all(isinstance(count, int) and not isinstance(count, bool) and count > 0 for count in (n_frames, n_groups)):
        raise RunError(f"expected numbers of frames and groups, got {n_frames!r} and {n_groups!r}")
    spans, sureness = value["spans"], value["sureness"]
    if not isinstance(spans, dict) or set(spans) != set(QUANTITIES):
        raise RunError(f"expected {', '.join(QUANTITIES)} at 'spans'")
    return Familiar(
        n_frames,
        n_groups,
        {name: _filled(Span, spans[name]) for name in QUANTITIES},
        None if sureness is None else _filled(Sureness, sureness),
    )


def _filled(kind: type[T], table: Any) -> T:
    names = [field.name for field in fields(kind)]
    if not isinstance(table, dict) or set(table) != set(names):
        raise RunError(f"expected {', '.join(names)}, got {table!r}")
    numbers = [table[name] for name in names]
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        raise RunError(f"expected numbers, got {table!r}")
    return kind(*map(float, numbers))
