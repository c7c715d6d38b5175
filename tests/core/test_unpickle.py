"""The restricted unpickler: plain values pass, programs do not."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from markerless.core.unpickle import load_pickle
from markerless.errors import FormatError


class Evil:
    """Runs a program when unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch pwned",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_and_arrays(protocol: int) -> None:
    value = [{"image": ("labeled-data", "v", "ü.png")}, {1, 2}, b"\x00\xff", 2.5, None]
    assert load_pickle(pickle.dumps(value, protocol)) == value
    array = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(load_pickle(pickle.dumps(array, protocol)), array)
    assert load_pickle(pickle.dumps(np.int64(7), protocol)) == 7
    texts = load_pickle(pickle.dumps(np.array(["a", None], dtype=object), protocol))
    assert texts.tolist() == ["a", None]


def test_pandas_indexes_become_lists() -> None:
    index = pd.Index(np.array(["x", "y"], dtype=object), dtype=object)
    assert list(load_pickle(pickle.dumps(index, 2))) == ["x", "y"]


def test_text_of_python_2() -> None:
    assert load_pickle(b"(lp0\nS'snout'\np1\na.") == ["snout"]
    # b"\xe9" is no UTF-8: an old latin1 name
    assert load_pickle(b"U\x01\xe9.") == "é"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_programs_are_refused(protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormatError, match="could run any program"):
        load_pickle(pickle.dumps([Evil()], protocol))
    assert not (tmp_path / "pwned").exists()
    pickle.loads(pickle.dumps([Evil()], protocol))  # the control: an ordinary unpickler does run it
    assert (tmp_path / "pwned").exists()


@pytest.mark.parametrize("name", ["eval", "exec", "getattr", "__import__", "open", "range"])
def test_builtin_functions_are_refused(name: str) -> None:
    with pytest.raises(FormatError, match=f"builtins.{name}"):
        load_pickle(f"cbuiltins\n{name}\n.".encode())


def test_damage(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="damaged"):
        load_pickle(pickle.dumps(list(range(100)))[:-20])
    with pytest.raises(FormatError, match="cannot read"):
        load_pickle(tmp_path / "none.pickle")


@pytest.mark.data
def test_classes_of_other_packages_are_refused(shared_data: Path) -> None:
    path = next((shared_data / "interop" / "dlc-single").glob("*.pickle"))
    with pytest.raises(FormatError, match=r"easydict\.EasyDict"):
        load_pickle(path)
