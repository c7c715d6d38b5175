"""Guards around the HDF5 library: what would hang it or fill the memory is refused before it is read."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from markerless.errors import FormatError
from markerless.formats._hdf5 import array, is_hdf5, opened, plain


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


TEXT = h5py.string_dtype()
HUGE = 0x7FFFFFFF  # bytes; the library would fill two gigabytes of memory before it looks for the text


def put_attributes(file: h5py.File) -> None:
    for name in ("note", "long name of an attribute"):
        file.attrs[name] = "somewhere"
    file.attrs.create("list", ["one", "two"], dtype=TEXT)


def put_many_attributes(file: h5py.File) -> None:
    for number in range(20):
        file.attrs[f"note {number}"] = f"text {number}"


def put_whole(file: h5py.File) -> None:
    file.create_dataset("text", data=["a", "bb", "ccc"], dtype=TEXT)


def put_chunks(file: h5py.File) -> None:
    file.create_dataset("text", data=["a", "bb", "ccc"], dtype=TEXT, chunks=(2,))


def put_lists(file: h5py.File) -> None:
    """As PyTables keeps pickled objects."""
    node = file.create_dataset("text", (2,), dtype=h5py.vlen_dtype(np.uint8), chunks=(1,))
    node[0], node[1] = np.arange(5, dtype=np.uint8), np.arange(9, dtype=np.uint8)


def references(data: bytes) -> list[int]:
    """Where the references to the one heap of a file are."""
    heap = data.index(b"GCOL").to_bytes(8, "little")
    places = [place - 4 for place in range(len(data)) if data.startswith(heap, place)]
    return [place for place in places if 0 < int.from_bytes(data[place + 12 : place + 16], "little") < 40]


def read_all(path: Path) -> list[object]:
    with opened(path, "a file") as file:
        arrays = [array(node).tolist() for node in file.values()]
        return [*arrays, *(plain(value) for value in file.attrs.values())]


@pytest.mark.parametrize("version", ["earliest", "latest"])
@pytest.mark.parametrize("put", [put_attributes, put_many_attributes, put_whole, put_chunks, put_lists])
def test_a_text_that_claims_more_than_the_file_is_refused(
    put: Callable[[h5py.File], None], version: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=version) as file:
        put(file)
    data = path.read_bytes()
    assert read_all(path)
    places = references(data)
    assert len(places) >= 2
    for number, place in enumerate(places):
        for heap in (data[place + 4 : place + 12], b"\xff" * 8):
            changed = tmp_path / f"{number}{heap[-1]}.h5"
            length = HUGE.to_bytes(4, "little")
            changed.write_bytes(data[:place] + length + heap + data[place + 12 :])
            with pytest.raises(FormatError, match=r"longer than the file|not HDF5 or damaged|metadata checksum"):
                read_all(changed)


@pytest.mark.parametrize("shuffle", [False, True])
def test_zipped_texts_are_looked_at_as_well(shuffle: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    names = [f"name {number}" for number in range(30)]
    with h5py.File(path, "w") as file:
        file.create_dataset("text", data=names, dtype=TEXT, chunks=(30,), compression="gzip", shuffle=shuffle)
    assert read_all(path) == [[name.encode() for name in names]]
    with h5py.File(path, "r+") as file:
        mask, stored = file["text"].id.read_direct_chunk((0,))
        cells = np.frombuffer(zlib.decompress(stored), np.uint8).reshape(-1, 16).copy()
        assert cells[7, :4].tobytes() == (6).to_bytes(4, "little")  # the length of "name 7"
        cells[7, :4] = 0xFF
        file["text"].id.write_direct_chunk((0,), zlib.compress(cells.tobytes()), mask)
    with pytest.raises(FormatError, match="expected texts in /text, got one longer than the file"):
        read_all(path)


def test_a_file_in_one_part_that_claims_to_be_in_several_is_refused(tmp_path: Path) -> None:
    path = with_texts(tmp_path / "a.h5")
    data = path.read_bytes()
    assert (data[8], data[48:56]) == (0, b"\xff" * 8)
    # the library would fill the memory with the "size" it finds there
    path.write_bytes(data[:48] + (len(data) - 8).to_bytes(8, "little") + data[56:-8] + b"\0\0\0\0" + b"\xff" * 4)
    assert not is_hdf5(path)


def test_long_texts_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["text"] = "x" * 30_000_000
        file.attrs["note"] = "y" * 60_000
        file["pairs"] = np.tile(np.array([9, 16], dtype=np.int32), 1000)  # bytes of a type of variable length
    (text, *_) = (value for value in read_all(path) if isinstance(value, bytes))
    assert len(text) == 30_000_000


def test_a_text_that_lies_nowhere_ends_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        put_whole(file)
    data = path.read_bytes()
    place = references(data)[1]
    for heap in (b"\xff" * 8, bytes(7) + b"\x01", (100).to_bytes(8, "little")):
        path.write_bytes(data[: place + 4] + heap + data[place + 12 :])
        with pytest.raises(FormatError, match="got a damaged file"):
            read_all(path)


def test_what_is_wrong_in_our_own_reading_is_not_called_damage(tmp_path: Path) -> None:
    path = with_texts(tmp_path / "a.h5")
    with pytest.raises(NameError), opened(path, "a file"):
        raise NameError("a slip of ours")
    with (
        pytest.raises(FormatError, match=r"expected a file, got a damaged file: .*a\.h5"),
        opened(path, "a file") as file,
    ):
        file["no such array"]
