"""Looks at the bytes of an HDF5 file for what the library would pay for dearly, before the library sees them.

Texts and lists of variable length lie in global heaps; what uses one holds a reference: its length, the place of the
heap, its number there. The library reads a heap with an object of no size for ever. And it fills as much memory as a
reference claims, up to four gigabytes for each, before it looks whether the heap has it: but heaps are not compressed,
so nothing in them is longer than the file.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator

import numpy as np

_HEAP = b"GCOL"
HEAP_VERSION = b"\x01\0\0\0"
HEAP_HEADER, OBJECT_HEADER = 16, 16  # bytes, with sizes of 8 bytes as everybody writes them
REFERENCE = 16  # bytes of a length, a heap and a number
_REFERENCE_SIZE = struct.pack("<I", REFERENCE)
VARIABLE_LENGTH = 9  # class of the type
NEWEST_TYPES = 5  # version of their descriptions, from 1 on
LONGEST_NAME = 256  # bytes of an attribute's name that is looked for
MOST_AXES = 32
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_DRIVER_INFO = {0: 48, 1: 52}  # where versions of the first block say how a file in several parts is opened
_NOWHERE = b"\xff" * 8


def is_harmless(data: mmap.mmap) -> bool:
    """Whether the library can walk every global heap to its end, and nothing here claims more than the file has."""
    if not _driver_info_fits(data):
        return False
    start = data.find(_HEAP)
    while start >= 0:
        if not _heap_ends(data, start):
            return False
        start = data.find(_HEAP, start + len(_HEAP))
    return all(references_fit(stored, len(data)) for stored in _attributes(data))


def references_fit(stored: bytes, file_size: int) -> bool:
    """Whether no reference to a heap claims something longer than the file."""
    words = np.frombuffer(stored, "<u4", count=len(stored) // REFERENCE * 4)
    return bool((words[::4] <= file_size).all())


def _driver_info_fits(data: mmap.mmap) -> bool:
    """Whether a file in one part claims no more of what only files in several parts have than it is long."""
    first = data.find(_SIGNATURE)  # others may have put their own bytes before it
    place = _DRIVER_INFO.get(int.from_bytes(data[first + 8 : first + 9], "little")) if first >= 0 else None
    stored = data[first + place : first + place + 8] if place is not None else _NOWHERE
    if stored == _NOWHERE:
        return True
    start = first + int.from_bytes(stored, "little")
    return start >= len(data) or int.from_bytes(data[start + 4 : start + 8], "little") <= len(data)


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


def _attributes(data: mmap.mmap) -> Iterator[bytes]:
    """The references of every attribute of variable length, wherever in the file attributes are kept.

    A type of variable length is known by its class and by the size of a reference; an attribute by the header before
    its name, which counts the bytes of name, type and space.
    """
    place = data.find(_REFERENCE_SIZE, 4)
    while place >= 0:
        kind = place - 4
        if data[kind] & 0x0F == VARIABLE_LENGTH and _is_type(data, kind) and _is_type(data, kind + 8):
            for type_size, space_size in _headers(data, kind):
                first = kind + type_size + space_size
                n_stored = _n_elements(data[kind + type_size : first]) * REFERENCE
                yield data[first : first + min(n_stored, len(data))]
        place = data.find(_REFERENCE_SIZE, place + 1)


def _is_type(data: mmap.mmap, place: int) -> bool:
    """Whether a type may be described at a place; small numbers in a table are none."""
    return place < len(data) and 1 <= data[place] >> 4 <= NEWEST_TYPES


def _headers(data: mmap.mmap, kind: int) -> Iterator[tuple[int, int]]:
    """Sizes of type and space, as they lie in the file, of the attribute whose type begins at `kind`."""
    for length in range(1, LONGEST_NAME):
        for version, start in ((1, kind - 8 - _padded(length)), (2, kind - 8 - length), (3, kind - 9 - length)):
            if start < 0 or data[start] != version:
                continue
            name_size, type_size, space_size = struct.unpack_from("<3H", data, start + 2)
            if name_size == length:
                yield (_padded(type_size), _padded(space_size)) if version == 1 else (type_size, space_size)


def _padded(size: int) -> int:
    return (size + 7) // 8 * 8


def _n_elements(space: bytes) -> int:
    """Number of elements of a data space; 0 where it cannot be understood."""
    version, n_axes = space[:2] if len(space) >= 4 else (0, 0)
    first = {1: 8, 2: 4}.get(version)
    if first is None or n_axes > MOST_AXES or len(space) < first + 8 * n_axes:
        return 0
    return math.prod(struct.unpack_from(f"<{n_axes}Q", space, first))
