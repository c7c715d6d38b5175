"""Guards around the HDF5 library: what would hang it or fill the memory is refused before it is read."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from markerless.errors import FormatError
from markerless.formats._hdf5 import array, is_hdf5, opened


def with_texts(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["note"] = "a text of variable length lies in the global heap"
        file["values"] = np.arange(6.0)
    return path


def test_a_sound_file_opens(tmp_path: Path) -> None:
    path = with_texts(tmp_path / "a.h5")
    assert b"GCOL" in path.read_bytes()
    assert is_hdf5(path)
    with opened(path, "a file") as file:
        np.testing.assert_array_equal(array(file["values"]), np.arange(6.0))


def test_a_heap_that_never_ends_is_refused(tmp_path: Path) -> None:
    path = with_texts(tmp_path / "a.h5")
    data = bytearray(path.read_bytes())
    start = data.index(b"GCOL") + 16
    data[start : start + 16] = bytes(16)  # object 0, the free space, of no size: the library would stay there for ever
    path.write_bytes(data)
    assert not is_hdf5(path)
    with pytest.raises(FormatError, match="not HDF5 or damaged"), opened(path, "a file"):
        pass


def test_an_array_of_filler_is_not_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("huge", shape=(10**6, 10**6), dtype="f8", chunks=(100, 100))
        file.create_dataset("small", shape=(1000, 1000), dtype="f8", chunks=(100, 100))
        # what compresses well is no filler
        file.create_dataset("zeros", data=np.zeros((3000, 1000)), chunks=(1000, 1000), compression="gzip")
    with opened(tmp_path / "a.h5", "a file") as file:
        assert array(file["small"]).shape == (1000, 1000)
        assert array(file["zeros"]).shape == (3000, 1000)
    with (
        pytest.raises(FormatError, match="got 8000000000000; it is damaged"),
        opened(tmp_path / "a.h5", "a file") as file,
    ):
        array(file["huge"])


def test_a_text_that_lies_nowhere_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["text"] = "somewhere"
        place = file["text"].id.get_offset()
    with opened(tmp_path / "a.h5", "a file") as file:
        assert array(file["text"])[()] == b"somewhere"
    data = bytearray((tmp_path / "a.h5").read_bytes())
    data[place : place + 16] = b"\xff" * 16
    (tmp_path / "a.h5").write_bytes(data)
    with (
        pytest.raises(FormatError, match="got one that is stored nowhere"),
        opened(tmp_path / "a.h5", "a file") as file,
    ):
        array(file["text"])
