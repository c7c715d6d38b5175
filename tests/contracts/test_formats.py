"""Every format, built in or of another package: what it writes it knows, reads back, and writes again byte for byte."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import FormatError, LabelsError
from markerless.formats import registry
from markerless.formats._sniff import open_any, rank

NAMES = registry.names()


def can_write(name: str) -> bool:
    """Whether the format writes at all, and with what is installed here."""
    module = registry.get(name)
    return hasattr(module, "write") and all(find_spec(needed) for needed in getattr(module, "REQUIRES", ()))


WRITTEN = tuple(name for name in NAMES if can_write(name))


def some_tracks(name: str, seed: int = 0) -> Tracks:
    rng = np.random.default_rng(seed)
    shape = (4, 1, 3)
    n_axes = getattr(registry.get(name), "NEEDS", 2)
    points, score = rng.normal(500, 200, (*shape, n_axes)), rng.random(shape)
    points[1], score[1] = np.nan, np.nan
    # Lightning Pose's own files are told from DeepLabCut's by the part of the split that each row belongs to.
    own = {"images": [f"labeled-data/v/img{i}.png" for i in range(4)], "sets": ["train", "train", "test", "unused"]}
    return Tracks(
        Skeleton(("nose", "left ear", "尾")),
        points,
        score,
        scorer="S",
        provenance=own if name == "lightning_pose" else {},
    )


def some_labels(_name: str, seed: int = 0) -> Labels:
    rng = np.random.default_rng(seed)
    instance = Instance.from_xy(np.vstack([rng.normal(300, 100, (2, 2)), [[np.nan, np.nan]]]))
    frames = (
        LabeledFrame("labeled-data/v/img0.png", (instance,), labeler="S"),
        LabeledFrame("labeled-data/v/img1.png", (), labeler="S"),
    )
    return Labels(Skeleton(("nose", "left ear", "尾")), frames)


MAKE: dict[str, Callable[..., Labels | Tracks]] = {"labels": some_labels, "tracks": some_tracks}


def written(name: str, folder: Path, stem: str = "file") -> list[Path]:
    """One file of each suffix the format writes."""
    module = registry.get(name)
    if name not in WRITTEN:
        return []
    paths = [folder / f"{stem}{suffix}" for suffix in module.SUFFIXES]
    for path in paths:
        module.write(MAKE[module.KIND](name), path)
    return paths


def assert_equal(got: Labels | Tracks, expected: Labels | Tracks) -> None:
    assert got.skeleton.keypoints == expected.skeleton.keypoints
    assert got.individuals == expected.individuals
    if isinstance(got, Labels) and isinstance(expected, Labels):
        assert got.images == expected.images
        np.testing.assert_array_equal(got.xy(), expected.xy())
    else:
        assert isinstance(got, Tracks) and isinstance(expected, Tracks)
        np.testing.assert_array_equal(got.points, expected.points)
        np.testing.assert_array_equal(got.score, expected.score)
        assert got.provenance == expected.provenance


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is(name: str) -> None:
    module = registry.get(name)
    assert module.KIND in ("labels", "tracks")
    assert module.SUFFIXES and all(suffix.startswith(".") for suffix in module.SUFFIXES)
    assert module.__doc__
    assert hasattr(module, "read") or hasattr(module, "write")


@pytest.mark.parametrize("name", WRITTEN)
def test_round_trip(name: str, tmp_path: Path) -> None:
    module = registry.get(name)
    for path in written(name, tmp_path):
        assert_equal(module.read(path), MAKE[module.KIND](name))


@pytest.mark.parametrize("name", WRITTEN)
def test_it_knows_its_own_files_best(name: str, tmp_path: Path) -> None:
    for path in written(name, tmp_path):
        scores = rank(path)
        assert scores[0][0] == name
        assert 1 >= scores[0][1] > scores[1][1] >= 0
        assert open_any(path)[0] == name


@pytest.mark.parametrize("name", NAMES)
def test_it_claims_nothing_else(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "notes.csv").write_text("time,speed\n1,2\n", encoding="utf-8")
    (tmp_path / "binary.h5").write_bytes(bytes(range(256)) * 4)
    for path in (tmp_path, *tmp_path.iterdir(), tmp_path / "missing.csv"):
        assert registry.get(name).sniff(path) == 0


def test_rewriting_gives_equal_bytes(tmp_path: Path) -> None:
    first = [path for name in WRITTEN for path in written(name, tmp_path, f"{name}-a")]
    start = int(time.time())
    while int(time.time()) == start:  # HDF5 would stamp whole seconds
        time.sleep(0.02)
    second = [path for name in WRITTEN for path in written(name, tmp_path, f"{name}-b")]
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes(), a.name


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_formats
from markerless.errors import StorageError
from markerless.formats import registry
for name in registry.names():
    test_formats.written(name, Path(sys.argv[2]), f"room-{name}")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
for name in test_formats.WRITTEN:
    try:
        test_formats.written(name, Path(sys.argv[2]), f"full-{name}")
    except StorageError as error:
        print(name, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a process's files")
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(Path(__file__).parent), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(WRITTEN)
    assert all("no space left" in line for line in lines)
    left = [path.name for path in tmp_path.iterdir()]
    assert left and all(name.startswith("room-") for name in left)


@pytest.mark.parametrize("name", WRITTEN)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), cut=st.floats(0, 1), flips=st.integers(0, 8))
def test_damage_ends_in_one_line(
    name: str, seed: int, cut: float, flips: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.getbasetemp() / f"damage-{name}"
    if not folder.exists():
        folder.mkdir()
        written(name, folder, "whole")
    module = registry.get(name)
    for suffix in module.SUFFIXES:
        data = bytearray((folder / f"whole{suffix}").read_bytes())
        for place in rng.integers(0, len(data), flips):
            data[place] ^= 1 << int(rng.integers(8))
        path = folder / f"damaged{suffix}"
        path.write_bytes(data[: int(len(data) * (1 - cut / 2))])
        try:
            module.read(path)
        except (FormatError, LabelsError) as error:
            assert path.name in str(error)
            assert "\n" not in str(error)
