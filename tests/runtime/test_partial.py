from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from markerless.errors import StorageError
from markerless.runtime.blocks import Block, BlockPrediction
from markerless.runtime.partial import Partial

MANIFEST = {"analysis_fingerprint": "abc", "settings": {"precision": "f32"}}
BLOCK = Block(500, 503)


def prediction(block: Block = BLOCK) -> BlockPrediction:
    n_frames = block.stop - block.start
    xy = np.arange(n_frames * 4, dtype=np.float64).reshape(n_frames, 2, 2) / 3
    xy[1] = np.nan
    decoded = np.ones(n_frames, dtype=np.bool_)
    decoded[1] = False
    return BlockPrediction(block, xy, xy[..., 0] / 10, xy[..., 1] / 7, decoded, ~decoded)


def test_gives_back_what_it_was_given(tmp_path: Path) -> None:
    Partial(tmp_path / ".m.partial", MANIFEST).save(prediction())
    found = Partial(tmp_path / ".m.partial", MANIFEST).load(BLOCK)
    assert found is not None
    np.testing.assert_array_equal(found.xy, prediction().xy)
    np.testing.assert_array_equal(found.score, prediction().score)
    np.testing.assert_array_equal(found.expected_error, prediction().expected_error)
    np.testing.assert_array_equal(found.decoded, [True, False, True])
    np.testing.assert_array_equal(found.whole, [False, True, False])


def test_has_nothing_at_first(tmp_path: Path) -> None:
    assert Partial(tmp_path / ".m.partial", MANIFEST).load(BLOCK) is None


def test_forgets_what_was_made_differently(tmp_path: Path) -> None:
    Partial(tmp_path / ".m.partial", MANIFEST).save(prediction())
    other = {**MANIFEST, "settings": {"precision": "bf16"}}
    assert Partial(tmp_path / ".m.partial", other).load(BLOCK) is None
    assert Partial(tmp_path / ".m.partial", MANIFEST).load(BLOCK) is None


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other length"])
def test_a_damaged_block_counts_as_missing(damage: str, tmp_path: Path) -> None:
    partial = Partial(tmp_path / ".m.partial", MANIFEST)
    partial.save(prediction())
    (path,) = partial.folder.glob("*.npz")
    whole = path.read_bytes()
    if damage == "other length":
        partial.save(prediction(Block(500, 510)))
    else:
        path.write_bytes({"cut": whole[:-40], "empty": b"", "text": b"no arrays here"}[damage])
    assert partial.load(BLOCK) is None


def test_blocks_of_a_version_without_expected_errors_count_as_missing(tmp_path: Path) -> None:
    partial = Partial(tmp_path / ".m.partial", MANIFEST)
    partial.save(prediction())
    (path,) = partial.folder.glob("*.npz")
    with np.load(path) as arrays:
        before = {name: arrays[name] for name in ("xy", "score", "decoded", "whole")}
    np.savez(path, **before)
    assert partial.load(BLOCK) is None
    np.savez(path, **before, expected_error=prediction().expected_error)
    assert partial.load(BLOCK) is not None


def test_a_folder_without_manifest_is_not_trusted(tmp_path: Path) -> None:
    partial = Partial(tmp_path / ".m.partial", MANIFEST)
    partial.save(prediction())
    (partial.folder / "manifest.json").unlink()
    assert Partial(tmp_path / ".m.partial", MANIFEST).load(BLOCK) is None


def test_clears_what_a_killed_process_left(tmp_path: Path) -> None:
    folder = Partial(tmp_path / ".m.partial", MANIFEST).folder
    leftover = folder / ".block_000000500.123.tmp.npz"
    leftover.write_bytes(b"half")
    Partial(folder, MANIFEST)
    assert not leftover.exists()


def test_remove_leaves_nothing(tmp_path: Path) -> None:
    partial = Partial(tmp_path / ".m.partial", MANIFEST)
    partial.save(prediction())
    partial.remove()
    partial.remove()
    assert list(tmp_path.iterdir()) == []


def test_an_impossible_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="choose a writable folder"):
        Partial(tmp_path / "file" / ".m.partial", MANIFEST)
