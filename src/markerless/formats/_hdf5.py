"""Opens HDF5 files that others wrote, so that a damaged one costs one line and neither memory nor patience.

The size of an array is a promise: a few flipped bits make a file of ten kilobytes claim ten gigabytes of filler that
was never stored. Every array is measured against what the file holds before it is read. And `_hdf5_bytes` looks for
texts that the library would read for ever, or fill the memory with.
"""

from __future__ import annotations

import functools
import json
import math
import mmap
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from markerless.errors import FormatError, LabelsError
from markerless.formats._hdf5_bytes import REFERENCE, is_harmless, references_fit
from markerless.formats._json_file import MALFORMED

MOST_SHRUNK = 1100  # deflate, HDF5's usual compression, never gains more than a factor of 1032
ALWAYS_ALLOWED = 16_000_000  # bytes; filler that was never stored may be this large
LONGEST_JSON = 100_000_000
# What h5py, numpy and our parsing stumble over in a damaged file; anything else is a mistake of ours.
DAMAGED = (*MALFORMED, OSError, RuntimeError, MemoryError, zlib.error)


def is_hdf5(path: Path) -> bool:
    """Whether the file starts as an HDF5 file does; False for anything that cannot be read."""
    try:
        if not h5py.is_hdf5(path):
            return False
        state = path.stat()
        return _is_harmless(path.absolute(), state.st_size, state.st_mtime_ns)
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
    except DAMAGED as error:
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
    except DAMAGED:
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
    """Make sure that nothing of variable length claims to be longer than the file.

    Raises:
        FormatError: something does, or its references are stored where they cannot be looked at.
    """
    if node.id.get_type().get_class() not in (h5py.h5t.STRING, h5py.h5t.VLEN):
        raise FormatError(f"expected numbers or texts in {node.name}, got {node.dtype}; the file is damaged")
    for stored in _stored(node):
        if not references_fit(stored, _file_size(node)):
            raise FormatError(f"expected texts in {node.name}, got one longer than the file; the file is damaged")


def _stored(node: h5py.Dataset) -> Iterator[bytes]:
    """The bytes of an array as they are before the library follows references in them."""
    if not node.id.get_storage_size():
        return
    if node.chunks is None:
        offset = node.id.get_offset()
        if offset is None:
            raise FormatError(f"expected texts in a place of their own, got {node.name} in a header; export it again")
        with Path(node.file.filename).open("rb") as file:
            file.seek(offset)
            yield file.read(node.id.get_storage_size())
        return
    places: list[tuple[int, ...]] = []
    node.id.chunk_iter(lambda info: places.append(info.chunk_offset))
    for place in places:
        mask, stored = node.id.read_direct_chunk(place)
        yield _unpacked(node, stored, mask)


def _unpacked(node: h5py.Dataset, stored: bytes, mask: int) -> bytes:
    """A chunk without its filters; a bit of `mask` says that one of them was not used, as shuffling never is here."""
    settings = node.id.get_create_plist()
    limit = math.prod(node.chunks) * REFERENCE
    for number in reversed(range(settings.get_nfilters())):
        code = settings.get_filter(number)[0]
        if mask >> number & 1:
            continue
        if code == h5py.h5z.FILTER_DEFLATE:
            stored = zlib.decompressobj().decompress(stored, limit)
        else:
            raise FormatError(
                f"expected texts in {node.name} as they are or zipped, got filter {code}; export it again"
            )
    return stored


@functools.lru_cache(maxsize=64)
def _is_harmless(path: Path, _size: int, _mtime_ns: int) -> bool:
    """As `is_harmless`; every reader asks, so it is kept."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return is_harmless(data)


def _file_size(node: h5py.Dataset) -> int:
    return int(node.file.id.get_filesize())
