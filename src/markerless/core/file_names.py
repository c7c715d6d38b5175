"""Names of files: what disks take for the same, and names of animals as parts of them."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence


def on_any_disk(name: str) -> str:
    """What Windows and macOS make of a name: they take different cases, or ways to write an accent, for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def file_part(name: str) -> str:
    """An individual's name as part of a file name."""
    return "".join(c if c.isalnum() or c in "_-" else "_" for c in name)


def file_parts(names: Sequence[str]) -> tuple[str, ...]:
    """Individuals' names as parts of file names, different on any disk: those that look alike are numbered."""
    parts: dict[str, str] = {}
    for name in names:
        plain = file_part(name)
        numbered = itertools.chain([plain], (f"{plain}_{number}" for number in itertools.count(2)))
        part = next(one for one in numbered if on_any_disk(one) not in parts)
        parts[on_any_disk(part)] = part
    return tuple(parts.values())
