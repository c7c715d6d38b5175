"""Opens HDF5 files that others wrote, so that a damaged one costs one line and neither memory nor patience.

The HDF5 library reads a damaged global heap, where texts lie, for ever: an object of no size keeps it on the spot. So
the heaps are walked here first. And the size of an array is a promise: a few flipped bits make a file of ten kilobytes
claim ten gigabytes of filler that was never stored. Every array is measured against what the file holds before it is
read.
"""

from __future__ import annotations

import functools
import json
import math
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from markerless.errors import FormatError, LabelsError

_HEAP = b"GCOL"
HEAP_VERSION = b"\x01\0\0\0"
MOST_SHRUNK = 1100  # deflate, HDF5's usual compression, never gains more than a factor of 1032
ALWAYS_ALLOWED = 16_000_000  # bytes; filler that was never stored may be this large
REFERENCE = 16  # bytes of a text's length, heap and number
HEAP_HEADER, OBJECT_HEADER = 16, 16  # bytes, with sizes of 8 bytes as everybody writes them
LONGEST_JSON = 100_000_000


def is_hdf5(path: Path) -> bool:
    """Whether the file starts as an HDF5 file does; False for anything that cannot be read."""
    try:
        if not h5py.is_hdf5(path):
            return False
        state = path.stat()
        return _heaps_end(path.absolute(), state.st_size, state.st_mtime_ns)
    except (OSError, RuntimeError, ValueError):
        return False


@contextmanager
def opened(path: Path, content: str) -> Iterator[h5py.File]:
    """The open file; whatever h5py or numpy stumble over inside becomes one line.

    Args:
        path: The file.
        content: What is expected in it, for messages: "a SLEAP file".

    Raises:
        FormatError: no such file, not HDF5, or damaged.
    """
    if not path.is_file():
        raise FormatError(f"no such file: {path}; check the path")
    if not is_hdf5(path):
        raise FormatError(f"expected {content}, got something that is not HDF5 or damaged: {path}; copy it again")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (FormatError, LabelsError) as error:
        message = " ".join(str(error).split())
        raise FormatError(message if str(path) in message else f"{path}: {message}") from error
    except Exception as error:  # a damaged file can fail anywhere below, with any type
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FormatError(f"expected {content}, got a damaged file: {path} ({reason}); copy it again") from error


def look(path: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Names at the top of a file with what they are ("group", "dataset"), and its plain attributes; empty on damage."""
    if not path.is_file() or not is_hdf5(path):
        return {}, {}
    try:
        with h5py.File(path, "r") as file:
            kinds = {str(name): "group" if isinstance(item, h5py.Group) else "dataset" for name, item in file.items()}
            return kinds, {name: plain(value) for name, value in file.attrs.items()}
    except Exception:  # damaged files fail with any type
        return {}, {}


def array(node: Any, rows: slice | None = None) -> npt.NDArray[Any]:
    """A whole array, or some of its rows, when the file holds enough bytes for it.

    Raises:
        FormatError: not an array, or one that claims far more numbers than are stored.
    """
    if not isinstance(node, h5py.Dataset):
        raise FormatError(f"expected an array, got {type(node).__name__.lower()} {getattr(node, 'name', '')}")
    claimed = math.prod(node.shape or ()) * node.dtype.itemsize
    stored = node.id.get_storage_size()
    if claimed > ALWAYS_ALLOWED and claimed > MOST_SHRUNK * min(stored, _file_size(node)):
        raise FormatError(
            f"expected at most {MOST_SHRUNK} times the {stored} bytes stored for {node.name}, got {claimed}; "
            "it is damaged, copy it again"
        )
    if node.dtype.hasobject:
        _require_references(node)
    return np.asarray(node[...] if rows is None else node[rows])


def numbers(node: Any, n_axes: int) -> npt.NDArray[np.float64]:
    """An array of numbers as float64.

    Raises:
        FormatError: not numbers, or of another number of axes.
    """
    values = array(node)
    if values.dtype.kind not in "fiub" or values.ndim != n_axes:
        raise FormatError(f"expected numbers along {n_axes} axes in {node.name}, got {values.dtype} {values.shape}")
    return values.astype(np.float64)


def texts(node: Any) -> tuple[str, ...]:
    """A list of texts, or one text as a list of one."""
    return tuple(text(value) for value in array(node).ravel().tolist())


def text(value: Any) -> str:
    """An attribute or a cell as text; an empty HDF5 string is ""."""
    value = plain(value)
    return "" if value is None else str(value)


def plain(value: Any) -> Any:
    """An attribute as a Python value; an array of one is its element."""
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size == 1 else value.tolist()
    if isinstance(value, h5py.Empty):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value


def from_json(value: Any, where: str) -> Any:
    """What a text in JSON says.

    Raises:
        FormatError: it is not JSON.
    """
    written = text(value)
    try:
        return json.loads(written[:LONGEST_JSON])
    except (ValueError, RecursionError) as error:
        raise FormatError(f"expected JSON in {where}, got '{written[:40]}'; the file is damaged") from error


def _require_references(node: h5py.Dataset) -> None:
    """Make sure that texts of variable length lie in heaps: the library looks for ever for one that lies nowhere.

    Raises:
        FormatError: a text lies where no heap is.
    """
    offset = node.id.get_offset()
    if offset is None:  # in chunks, or nothing stored
        return
    with Path(node.file.filename).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        stored = data[offset : offset + node.id.get_storage_size()]
        for start in range(0, len(stored) - REFERENCE + 1, REFERENCE):
            heap = int.from_bytes(stored[start + 4 : start + 12], "little")
            place = heap + int(node.file.userblock_size)
            if heap and data[place : place + len(_HEAP)] != _HEAP:
                raise FormatError(f"expected texts in {node.name}, got one that is stored nowhere; the file is damaged")


@functools.lru_cache(maxsize=64)
def _heaps_end(path: Path, _size: int, _mtime_ns: int) -> bool:
    """Whether the library can walk every global heap to its end; every reader asks, so it is kept."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(_HEAP)
        while start >= 0:
            if not _heap_ends(data, start):
                return False
            start = data.find(_HEAP, start + len(_HEAP))
    return True


def _heap_ends(data: mmap.mmap, start: int) -> bool:
    """Whether the objects of a heap lead to its end; the size of object 0, the free space, holds its header."""
    if data[start + 4 : start + 8] != HEAP_VERSION:
        return True  # letters that happen to look so, or a heap that the library refuses at once
    size = int.from_bytes(data[start + 8 : start + 16], "little")
    place, end = start + HEAP_HEADER, min(start + size, len(data))
    while place + OBJECT_HEADER <= end:
        index = int.from_bytes(data[place : place + 2], "little")
        length = int.from_bytes(data[place + 8 : place + 16], "little")
        needed = OBJECT_HEADER + (length + 7) // 8 * 8 if index else length
        if not needed or place + needed > end:
            return False
        place += needed
    return True


def _file_size(node: h5py.Dataset) -> int:
    return int(node.file.id.get_filesize())
