"""A restricted unpickler for what other tools left behind.

pandas stores names as pickles inside h5 attributes, and DeepLabCut writes its data splits as pickles. A pickle can run
any code, so nothing is looked up here but plain containers, stand-ins for numpy's arrays (`core.bare_arrays`), the bare
index types of pandas and the dictionary types of DeepLabCut's settings, which become plain lists and dictionaries. We
never write a pickle file; `dump_pickle` makes the texts of plain values that pandas wants inside h5.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import Any

from markerless.core.bare_arrays import BareArray, BareDtype, from_buffer, reconstruct, scalar, with_arrays
from markerless.errors import FormatError

# What a damaged pickle of such values meets: in the unpickler itself, and in what the stand-ins find wrong.
DAMAGED = (
    *(pickle.PickleError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError),
    *(EOFError, ImportError, MemoryError, RecursionError),
)

_NUMPY_MODULES = (
    "numpy",
    "numpy.core.multiarray",
    "numpy._core.multiarray",
    "numpy.core.numeric",
    "numpy._core.numeric",
)
_NUMPY_OBJECTS: dict[str, Any] = {
    "ndarray": BareArray,
    "dtype": BareDtype,
    "_reconstruct": reconstruct,
    "scalar": scalar,
    "_frombuffer": from_buffer,
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
_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
_LINES = {"GLOBAL": 2, "INST": 2}
_BYTES_OF_LENGTH = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_PUTS: dict[str, Callable[[bytes], int]] = {
    "PUT": int,
    "BINPUT": lambda argument: argument[0] if argument else 0,
    "LONG_BINPUT": lambda argument: int.from_bytes(argument, "little"),
}
_PANDAS_INDEXES = ("Index", "FrozenList", "FrozenNDArray", "RangeIndex", "Int64Index", "Float64Index", "NumericIndex")


class BareIndex(list[Any]):
    """Stands in for the index and list types of pandas: the values alone."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and state and isinstance(state[0], tuple | list | BareArray):
            self[:] = list(state[0])


class BareDict(dict[Any, Any]):
    """Stands in for the dictionary types that DeepLabCut's settings were pickled with: the entries alone."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.update(state)


class BareFloat(float):
    """Stands in for the numbers of ruamel.yaml, which remember how they were written: the number alone."""

    def __setstate__(self, state: Any) -> None:
        """How it was written is of no use."""


class BareInt(int):
    """As `BareFloat`, of whole numbers."""

    def __setstate__(self, state: Any) -> None:
        """How it was written is of no use."""


class Nothing:
    """Stands in for what ruamel.yaml hangs on its numbers."""

    def __setstate__(self, state: Any) -> None:
        """What it says is of no use."""


# What DeepLabCut's settings, which it pickles along with its results, were read with.
_SETTINGS: dict[tuple[str, str], Any] = {
    ("easydict", "EasyDict"): BareDict,
    ("collections", "OrderedDict"): BareDict,
    ("ruamel.yaml.comments", "CommentedMap"): BareDict,
    ("ruamel.yaml.comments", "CommentedSeq"): BareIndex,
    ("ruamel.yaml.scalarfloat", "ScalarFloat"): BareFloat,
    ("ruamel.yaml.scalarint", "ScalarInt"): BareInt,
    ("ruamel.yaml.anchor", "Anchor"): Nothing,
}


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
        if module in ("builtins", "__builtin__") and name == "bytes":
            return _no_bytes
        if (module, name) in _SETTINGS:
            return _SETTINGS[module, name]
        raise FormatError(f"it holds {module}.{name}, and only plain values, numpy arrays and table names are allowed")


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Bytes as Python 3 spells them in an old pickle protocol."""
    return text.encode(encoding if encoding in ("latin1", "utf-8", "ascii") else "latin1")


def _no_bytes() -> bytes:
    """How old pickle protocols spell empty bytes; with a number, `bytes` would take as much memory."""
    return b""


def _check_sizes(data: bytes) -> None:
    """Walk over the instructions: each lies whole in the data, and none asks for more places than there were values.

    The unpickler gets memory for whatever number a place to remember a value has, be it four thousand millions.

    Raises:
        ValueError: it is damaged.
    """
    place = n_done = 0
    while place < len(data):
        opcode = _OPCODES.get(chr(data[place]))
        if opcode is None:
            raise ValueError(f"no instruction at byte {place}")
        start = place = place + 1
        n_bytes = opcode.arg.n if opcode.arg else 0
        if n_bytes == pickletools.UP_TO_NEWLINE:
            for _ in range(_LINES.get(opcode.name, 1)):
                place = data.index(b"\n", place) + 1
        elif n_bytes in _BYTES_OF_LENGTH:
            place += _BYTES_OF_LENGTH[n_bytes]
            place += int.from_bytes(data[start:place], "little")
        else:
            place += n_bytes
        argument = data[start:place]
        if place > len(data) or (opcode.name in _PUTS and _PUTS[opcode.name](argument) > n_done):
            raise ValueError(f"impossible size at byte {start}")
        if opcode.name == "STOP":
            return
        n_done += 1
    raise ValueError("it does not end")


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
    try:
        _check_sizes(data)
    except ValueError as error:
        raise _damaged(where, error) from error
    # Python 2 wrote text as bytes of unknown encoding, and arrays as bytes that only latin1 keeps.
    for encoding in ("utf-8", "latin1"):
        try:
            return with_arrays(_Unpickler(io.BytesIO(data), encoding=encoding).load())
        except FormatError as error:
            raise FormatError(
                f"refused to open the pickle {where}: {error}; such a file could run any program"
            ) from error
        except DAMAGED as error:
            failure = error
    assert failure is not None
    raise _damaged(where, failure) from failure


def dump_pickle(value: object) -> bytes:
    """The inverse of `load_pickle` for lists, tuples, dictionaries, texts, whole numbers and None, as PyTables has it.

    Protocol 0, which is text and ends with a dot.

    Raises:
        TypeError: any other value.
    """
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if type(one) not in (list, tuple, dict, str, int, NoneType):  # a text of numpy would bring numpy along
            raise TypeError(f"expected plain values to pickle, got {type(one).__name__}")
        if isinstance(one, list | tuple):
            waiting += one
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
    return pickle.dumps(value, 0)


def _damaged(where: str, reason: Exception) -> FormatError:
    return FormatError(
        f"expected a pickle of plain values in {where}, got something damaged ({type(reason).__name__}); "
        "make the file again"
    )
