"""Networks as an engine compiled them for this processor, kept in the user's cache folder: compiled once, opened often.

What is kept means something only to the library that made it, so the question has to name that library's version, the
network by its content, and every option. A checksum tells damage. Nothing here is needed: what cannot be read is
compiled again, and the least recently used is deleted.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from markerless.core.storage import atomic_path
from markerless.errors import StorageError
from markerless.runtime.remembered import kept_path

FOLDER, SUFFIX = "compiled", ".blob"
MOST_BYTES = 512 << 20  # of all networks together: each takes its file again for every size it is tried at, about ten
CHECKSUM_BYTES = hashlib.sha256().digest_size


def recall_compiled(question: Mapping[str, Any]) -> bytes | None:
    """What `keep_compiled` kept for an equal question on an equal machine, else None."""
    path = kept_path(question, FOLDER, SUFFIX)
    try:
        content = path.read_bytes()
    except OSError:
        return None
    with suppress(OSError):  # the folder may be one that can only be read
        os.utime(path)  # used lately
    checksum, network = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
    return network if hashlib.sha256(network).digest() == checksum else None


def keep_compiled(question: Mapping[str, Any], network: bytes) -> None:
    """Keep a compiled network for the next time."""
    path = kept_path(question, FOLDER, SUFFIX)
    with suppress(StorageError, OSError):
        with atomic_path(path) as temporary:
            temporary.write_bytes(hashlib.sha256(network).digest() + network)
        _delete_oldest(path.parent)


def _delete_oldest(folder: Path) -> None:
    states = [(path, path.stat()) for path in folder.glob(f"*{SUFFIX}")]
    states.sort(key=lambda one: one[1].st_mtime_ns)
    excess = sum(state.st_size for _, state in states) - MOST_BYTES
    for path, state in states:
        if excess <= 0:
            return
        path.unlink()
        excess -= state.st_size
