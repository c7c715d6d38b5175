"""What a server has made lately and may be asked for again; the least recently used goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

from markerless.errors import FormatError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Version = tuple[Path, int, int]  # path, time of change, size


class Kept(Generic[K, V]):
    """At most so many values by their keys; safe to use from several threads, of which one makes a value at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: K, make: Callable[[], V], anew: bool = False) -> V:
        """The value of a key, made where it is not there; `anew` makes it in any case."""
        with self._lock:
            if anew or key not in self._values:
                self._values[key] = make()
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
            return self._values[key]

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._values.clear()


def version_of(path: Path) -> Version:
    """What changes when a file does.

    Raises:
        FormatError: there is no such file.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise FormatError(f"no such file: {path}; analyze the video again, or choose other tracks") from error
    return path.resolve(), state.st_mtime_ns, state.st_size
