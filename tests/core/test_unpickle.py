"""The restricted unpickler: plain values pass, programs do not."""

from __future__ import annotations

import contextlib
import os
import pickle
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from markerless.core.unpickle import dump_pickle, load_pickle
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


ARRAYS = [
    np.array([[True, False]]),
    np.arange(6, dtype=">i4").reshape(2, 3),
    np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    np.asfortranarray(np.array([["a", 1, None], ["b", 2, 3.5]], dtype=object)),
    np.array([1.5 + 2j]),
    np.array(["snout", "ü"]),
    np.array([b"a", b"bc"]),
    np.zeros((0, 3), np.float32),
    np.array(7),
]


def test_what_stands_for_an_array_is_no_key() -> None:
    """It would be found again by what it is, and not by what it stands for."""
    with pytest.raises(FormatError, match=r"damaged \(TypeError\)"):
        load_pickle(pickle.dumps({np.dtype("i4"): 1}))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.dtype))
def test_every_kind_of_array(array: np.ndarray, protocol: int) -> None:
    found, again = load_pickle(pickle.dumps([array, {"again": (array,)}], protocol))
    for one in (found, again["again"][0]):
        assert isinstance(one, np.ndarray) and one.dtype == array.dtype
        np.testing.assert_array_equal(one, array)
    assert load_pickle(pickle.dumps(array.dtype, protocol)) == array.dtype


def test_arrays_within_arrays_and_numbers_of_numpy() -> None:
    inner = np.arange(3.0)
    outer = np.array([inner, "x"], dtype=object)
    outer_again = load_pickle(pickle.dumps(outer, 4))
    np.testing.assert_array_equal(outer_again[0], inner)
    assert outer_again[1] == "x"
    assert load_pickle(pickle.dumps({"a": np.float32(0.5), "b": np.str_("x")}, 2)) == {"a": 0.5, "b": "x"}


@pytest.mark.parametrize(
    ("true", "false"),
    [
        (b"(I3\ntp", b"(I300000000\ntp"),  # more than the bytes that are there
        (b"Vf8\n", b"VO8\n"),  # bytes as if they were addresses of objects
        (b"Vf8\n", b"VV8\n"),
        (b"V<\n", b"V?\n"),
    ],
)
def test_what_is_falsely_said_of_an_array_is_found(true: bytes, false: bytes) -> None:
    stored = pickle.dumps(np.arange(3.0), 0)
    assert stored.count(true) == 1
    with pytest.raises(FormatError, match="damaged"):
        load_pickle(stored.replace(true, false))


def test_no_memory_is_taken_for_a_place_that_cannot_be() -> None:
    """The unpickler itself would get 34 GB for it."""
    with pytest.raises(FormatError, match="damaged"):
        load_pickle(b"\x80\x02]r\xff\xff\xff\x7f.")


def test_no_damage_is_worse_than_a_line() -> None:
    rng = random.Random(0)
    whole = [pickle.dumps({"a": list(ARRAYS), "b": [1, "x", {2, 3}]}, protocol) for protocol in range(5)]
    for _ in range(3000):
        data = bytearray(rng.choice(whole))
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with contextlib.suppress(FormatError):
            load_pickle(bytes(data))


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


def test_classes_of_other_packages_are_refused() -> None:
    with pytest.raises(FormatError, match=r"fractions\.Fraction"):
        load_pickle(pickle.dumps({"data": Fraction(1, 3)}))


@pytest.mark.data
def test_settings_of_deeplabcut_become_plain(shared_data: Path) -> None:
    path = next((shared_data / "interop" / "dlc-single").glob("*includingmetadata.pickle"))
    data = load_pickle(path)["data"]
    assert data["training set fraction"] == 0.95
    assert (data["nframes"], data["fps"], data["cropping"]) == (7200, 60.0, False)
    assert data["DLC-model-config file"]["net_type"] == "resnet_50"


@pytest.mark.parametrize(
    "value", [None, [], [(0, "index")], {1: {"names": ["scorer", "öhr"], "type": "MultiIndex"}, "index": {}}, "a\nb", 7]
)
def test_plain_values_and_back(value: object) -> None:
    text = dump_pickle(value)
    assert text.endswith(b".")
    assert load_pickle(text) == value


@pytest.mark.parametrize("value", [[1.5], {"a": [b"bytes"]}, [({1},)], [np.str_("nose")], object()])
def test_nothing_else_is_pickled(value: object) -> None:
    with pytest.raises(TypeError, match="plain values"):
        dump_pickle(value)
