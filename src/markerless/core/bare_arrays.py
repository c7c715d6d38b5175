"""Stand-ins for numpy's arrays while a pickle of unknown origin is read.

numpy believes what a pickle says of an array: what it was told falsely may end the whole program, or worse. So its own
functions never see a pickle; these take the same arguments, check them against each other, and build the array anew.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

_KIND = re.compile(r"[biufcSU]\d{1,9}|O8?|\?")
_ORDERS = ("<", ">", "=", "|")
_MOST_DIMS = 32
_LAST_CHARACTER = 0x10FFFF


class _NoKey:
    """Cannot be the key of a dictionary or in a set, as an array cannot."""

    def __hash__(self) -> int:
        raise TypeError(f"unhashable type: '{type(self).__name__}'")


class BareDtype(_NoKey):
    """Stands in for `numpy.dtype`: numbers, text, bytes and objects; no records."""

    def __init__(self, kind: Any, _align: Any = False, _copy: Any = False) -> None:
        name = kind.decode("ascii") if isinstance(kind, bytes) else kind
        if not isinstance(name, str) or not _KIND.fullmatch(name):
            raise ValueError(f"an array of type {kind!r}")
        self._name, self._order = name, "="

    def __setstate__(self, state: Any) -> None:
        order, sub, names = state[1:4]
        order = order.decode("ascii") if isinstance(order, bytes) else order
        if order not in _ORDERS or sub is not None or names is not None:
            raise ValueError("an array of records")
        self._order = order

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype("O" if self._name.startswith("O") else self._order + self._name)


class BareArray(_NoKey):
    """Stands in for `numpy.ndarray`; `array` is what it stands for, None until it was told."""

    array: npt.NDArray[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _version, shape, dtype, is_fortran, content = state
        self.array = _built(shape, dtype, content, "F" if is_fortran else "C")

    def __iter__(self) -> Iterator[Any]:
        if self.array is None:
            raise ValueError("an array without content")
        return iter(self.array)


def reconstruct(_cls: Any, _shape: Any, _kind: Any) -> BareArray:
    """What numpy's `_reconstruct` does: an array that is told later what it holds."""
    return BareArray()


def from_buffer(buffer: Any, dtype: Any, shape: Any, order: Any) -> BareArray:
    """What numpy's `_frombuffer` does."""
    whole = BareArray()
    whole.array = _built(shape, dtype, bytes(buffer), "F" if order == "F" else "C")
    return whole


def scalar(dtype: Any, content: Any = b"") -> Any:
    """What numpy's `scalar` does: a single number or text."""
    return _built((), dtype, [content] if _dtype(dtype).hasobject else content, "C")[()]


def with_arrays(value: Any, seen: dict[int, Any] | None = None) -> Any:
    """The value with arrays in place of their stand-ins; lists and dictionaries are changed in place."""
    seen = {} if seen is None else seen
    if isinstance(value, BareDtype):
        return value.dtype
    if isinstance(value, BareArray):
        value = value.array
    if id(value) in seen:
        return value
    if isinstance(value, list | dict):
        seen[id(value)] = value
        for key, entry in list(value.items() if isinstance(value, dict) else enumerate(value)):
            value[key] = with_arrays(entry, seen)
    elif isinstance(value, tuple):
        return tuple(with_arrays(entry, seen) for entry in value)
    elif isinstance(value, np.ndarray) and value.dtype.hasobject:
        seen[id(value)] = value
        flat = value.reshape(-1)
        for place, entry in enumerate(flat):
            flat[place] = with_arrays(entry, seen)
    return value


def _dtype(stored: Any) -> np.dtype[Any]:
    if not isinstance(stored, BareDtype):
        raise ValueError("an array of no type")
    return stored.dtype


def _built(shape: Any, stored: Any, content: Any, order: Any) -> npt.NDArray[Any]:
    """The array of `shape` and the type `stored` that holds `content`: its bytes, or a list of its objects."""
    dtype = _dtype(stored)
    if not isinstance(shape, tuple) or len(shape) > _MOST_DIMS or any(type(n) is not int or n < 0 for n in shape):
        raise ValueError("an array of no shape")
    n_items = math.prod(shape)
    if dtype.hasobject:
        if not isinstance(content, list) or len(content) != n_items:
            raise ValueError("an array that does not hold what its shape says")
        flat = np.empty(n_items, dtype=object)
        for place, entry in enumerate(content):
            flat[place] = entry
        return flat.reshape(shape)  # objects are listed row by row, whatever lies in memory how
    data = content.encode("latin1") if isinstance(content, str) else content  # text is how Python 2 kept bytes
    if not isinstance(data, bytes) or dtype.itemsize == 0 or len(data) != n_items * dtype.itemsize:
        raise ValueError("an array that does not hold what its shape says")
    if dtype.kind == "U" and n_items and int(np.frombuffer(data, dtype.byteorder + "u4").max()) > _LAST_CHARACTER:
        raise ValueError("text of no characters")
    return np.frombuffer(data, dtype, n_items).reshape(shape, order=order).copy()
