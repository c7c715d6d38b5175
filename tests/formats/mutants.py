"""Damaged files of every format, made of good ones with a fixed seed, and what the readers say to them.

As a program it reads mutants one after the other and prints a line for each, so that whoever started it knows which
one it died of: `python mutants.py GOOD_FOLDER WORK_FOLDER FIRST LAST`.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from markerless.errors import MarkerlessError
from markerless.formats import registry
from markerless.formats._sniff import open_any
from markerless.pipeline.info import info

SEED = 20261125
WRONG: tuple[Any, ...] = (None, "text", -1, 1e300, 10**12, [], {}, [[1]], True, float("nan"))


def flip(data: bytes, rng: np.random.Generator) -> bytes:
    """One to sixteen bits the other way round."""
    changed = bytearray(data)
    for place in rng.integers(0, len(data), int(rng.integers(1, 17))).tolist():
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def flip_early(data: bytes, rng: np.random.Generator) -> bytes:
    """Bits of the first kilobyte, where headers are."""
    head = min(len(data), 1024)
    return flip(data[:head], rng) + data[head:]


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    """The beginning alone."""
    return data[: int(rng.integers(0, len(data)))]


def smear(data: bytes, rng: np.random.Generator) -> bytes:
    """A stretch of zeros, ones or noise."""
    start, length = int(rng.integers(0, len(data))), int(rng.integers(1, 512))
    filling = [bytes(length), b"\xff" * length, rng.bytes(length)][int(rng.integers(3))]
    return (data[:start] + filling + data[start + length :])[: len(data)]


def repeat(data: bytes, rng: np.random.Generator) -> bytes:
    """A stretch twice."""
    start, stop = sorted(rng.integers(0, len(data), 2).tolist())
    return data[:stop] + data[start:]


def wrong_types(data: bytes, rng: np.random.Generator) -> bytes:
    """The same structure with something of another type somewhere inside."""
    if data.startswith(b"\x89HDF"):
        return _wrong_hdf5(data, rng)
    if data.lstrip().startswith((b"{", b"[")):
        return _wrong_json(data, rng)
    lines = data.split(b"\n")
    line = int(rng.integers(len(lines)))
    cells = lines[line].split(b",")
    filling = [b"text", b"", b"1e999", b"-1", b"99999999999999999999", b"\x00", b'"', "ü".encode(), b"2000000"]
    chosen = filling[int(rng.integers(len(filling)))]
    cells[int(rng.integers(len(cells)))] = chosen
    lines[line] = b",".join(cells)
    return b"\n".join(lines)


def _wrong_json(data: bytes, rng: np.random.Generator) -> bytes:
    value = json.loads(data)
    node = value
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = keys[int(rng.integers(len(keys)))]
        if isinstance(node[key], dict | list) and rng.random() < 0.8:
            node = node[key]
            continue
        if rng.random() < 0.3:
            del node[key]
        else:
            node[key] = WRONG[int(rng.integers(len(WRONG)))]
        break
    return json.dumps(value).encode()


def _wrong_hdf5(data: bytes, rng: np.random.Generator) -> bytes:
    """A sound HDF5 file with an array missing, of another type, of another shape, or of enormous claims."""
    with h5py.File("mutant", "w", driver="core", backing_store=False) as file:
        with h5py.File(io.BytesIO(data), "r") as good:
            for name in good:
                good.copy(name, file)
            for name, value in good.attrs.items():
                file.attrs[name] = value
        names: list[str] = []
        file.visit(lambda name: names.append(name))
        name = names[int(rng.integers(len(names)))]
        if rng.random() < 0.3 and len(file[name].attrs):
            attribute = list(file[name].attrs)[int(rng.integers(len(file[name].attrs)))]
            file[name].attrs[attribute] = [b"text", -1, 1e300, np.arange(3), b"{}", b"[]"][int(rng.integers(6))]
        else:
            del file[name]
            _put_wrong(file, name, rng)
        file.flush()
        return bytes(file.id.get_file_image())


def _put_wrong(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    kind = int(rng.integers(7))
    if kind == 0:
        file.create_group(name)
    elif kind == 1:
        file[name] = "text"
    elif kind == 2:
        file[name] = rng.integers(-5, 5, (3, 3))
    elif kind == 3:
        file[name] = np.full(7, np.inf)
    elif kind == 4:  # 8 terabytes of filler
        file.create_dataset(name, shape=(10**6, 10**6), dtype="f8", chunks=(10, 10))
    elif kind == 5:
        file.create_dataset(name, shape=(1100, 2, 24, 2), dtype="f8", chunks=True, compression="gzip")


MUTATIONS: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    flip,
    flip_early,
    cut,
    smear,
    repeat,
    wrong_types,
    wrong_types,
)


def mutant(good: list[Path], number: int, folder: Path) -> Path:
    """The mutant of that number: always the same of the same good files."""
    rng = np.random.default_rng([SEED, number])
    source = good[number % len(good)]
    data = source.read_bytes()
    chosen = [MUTATIONS[i] for i in rng.integers(0, len(MUTATIONS), int(rng.integers(1, 3))).tolist()]
    # other types need a sound file to go into, so they come first and once
    for mutate in sorted(dict.fromkeys(chosen), key=lambda mutate: mutate is not wrong_types):
        data = mutate(data, rng) or b"\0"
    path = folder / source.name
    path.write_bytes(data)
    return path


def told(path: Path) -> list[str]:
    """What every reader, opening by content, and `info` say to a file; anything but an error in one line is raised."""
    answers = []
    readers = [getattr(registry.get(name), "read", None) for name in registry.names()]
    for read in (*readers, open_any, info):
        if read is None:
            continue
        try:
            read(path)
            answers.append("")
        except MarkerlessError as error:
            assert "\n" not in str(error), str(error)
            answers.append(str(error))
    return answers


def main() -> None:
    good, folder, first, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    files = sorted(path for path in good.iterdir() if path.is_file())
    for number in range(first, last):
        path = mutant(files, number, folder)
        print("begin", number, path.name, flush=True)
        start = time.perf_counter()
        answers = told(path)
        refused = sum(bool(answer) for answer in answers)
        print("end", number, f"{time.perf_counter() - start:.2f}", peak_mb(), refused, flush=True)


def peak_mb() -> int:
    """Most memory this process has had, in megabytes; 0 where the system does not say."""
    if os.name == "nt":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    main()
