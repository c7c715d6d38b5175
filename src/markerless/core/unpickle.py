"""A restricted unpickler for what other tools left behind.

pandas stores names as pickles inside h5 attributes, and DeepLabCut writes its data splits as pickles. A pickle can run
any code, so nothing is looked up here but plain containers, numpy arrays and the bare index types of pandas, and those
become plain lists. We never write a pickle file.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from markerless.errors import FormatError

_NUMPY_MODULES = (
    "numpy",
    "numpy.core.multiarray",
    "numpy._core.multiarray",
    "numpy.core.numeric",
    "numpy._core.numeric",
)
# numpy's own rebuilding functions are private and have moved between versions; what it pickles names them.
_NUMPY_OBJECTS: dict[str, Any] = {
    "ndarray": np.ndarray,
    "dtype": np.dtype,
    "_reconstruct": np.zeros(1).__reduce__()[0],
    "scalar": np.float64(0).__reduce__()[0],
    "_frombuffer": np.zeros(1).__reduce_ex__(5)[0],
}
_PLAIN = {
    "set": set,
    "frozenset": frozenset,
    "slice": slice,
    "complex": complex,
    "list": list,
    "tuple": tuple,
    "dict": dict,
    "object": object,
}
_PANDAS_INDEXES = ("Index", "FrozenList", "FrozenNDArray", "RangeIndex", "Int64Index", "Float64Index", "NumericIndex")


class BareIndex(list[Any]):
    """Stands in for the index and list types of pandas: the values alone."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and state and isinstance(state[0], tuple | list | np.ndarray):
            self[:] = list(state[0])


def _new_index(_cls: type, parts: dict[str, Any]) -> BareIndex:
    """The values of `pandas.core.indexes.base._new_Index(cls, {"data": ..., "name": ...})`."""
    if "data" in parts:
        return BareIndex(parts["data"])
    return BareIndex()


def _reconstructor(cls: type, base: type, state: Any) -> Any:
    """What `copyreg._reconstructor` does, for plain containers only."""
    if base is object or state is None:
        return cls()
    return cls(state)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module in ("builtins", "__builtin__") and name in _PLAIN:
            return _PLAIN[name]
        if module in ("copyreg", "copy_reg") and name == "_reconstructor":
            return _reconstructor
        if module == "_codecs" and name == "encode":
            return _encode
        if module in _NUMPY_MODULES and name in _NUMPY_OBJECTS:
            return _NUMPY_OBJECTS[name]
        if module.split(".")[0] == "pandas" and name in _PANDAS_INDEXES:
            return BareIndex
        if module.split(".")[0] == "pandas" and name == "_new_Index":
            return _new_index
        raise FormatError(f"it holds {module}.{name}, and only plain values, numpy arrays and table names are allowed")


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Bytes as Python 3 spells them in an old pickle protocol."""
    return text.encode(encoding if encoding in ("latin1", "utf-8", "ascii") else "latin1")


def load_pickle(source: Path | bytes) -> Any:
    """The value of a pickle made of plain containers, numpy arrays and pandas index types (which become lists).

    Args:
        source: A file, or the pickled bytes.

    Raises:
        FormatError: not a pickle, damaged, or it asks for anything else.
    """
    where = "pickled bytes" if isinstance(source, bytes) else str(source)
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise FormatError(f"cannot read {where}: {error.strerror or error}; check the path") from error
    failure: Exception | None = None
    # Python 2 wrote text as bytes of unknown encoding, and arrays as bytes that only latin1 keeps.
    for encoding in ("utf-8", "latin1"):
        try:
            return _Unpickler(io.BytesIO(data), encoding=encoding).load()
        except FormatError as error:
            raise FormatError(
                f"refused to open the pickle {where}: {error}; such a file could run any program"
            ) from error
        except Exception as error:  # a damaged pickle can fail with any type
            failure = error
    raise FormatError(
        f"expected a pickle of plain values in {where}, got something damaged ({type(failure).__name__}); "
        "make the file again"
    ) from failure
