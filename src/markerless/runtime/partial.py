"""Finished blocks of an analysis that is not complete yet, in a folder `.<video><scorer>.partial/`.

The folder begins with a manifest of everything that the predictions depend on. Where the manifest differs, because the
model, the video, a setting or the engine's version is another, nothing in the folder is used.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.storage import atomic_path, storage_error, write_text
from markerless.runtime.blocks import Block, BlockPrediction

MANIFEST = "manifest.json"
ARRAYS = ("xy", "score", "expected_error", "decoded", "whole")  # in the order of `BlockPrediction`


class Partial:
    """The folder of one unfinished analysis."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        """Open `folder`, or make it; what it holds of another manifest is deleted.

        Args:
            folder: `.<video><scorer>.partial`.
            manifest: What the predictions depend on; plain values only.

        Raises:
            StorageError: the folder cannot be written.
        """
        self.folder = folder
        text = json.dumps(manifest, indent=1, sort_keys=True)
        try:
            if _read(folder / MANIFEST) != text:
                self.remove()
                folder.mkdir(parents=True)
                write_text(folder / MANIFEST, text)
            for leftover in folder.glob(".*.tmp*"):
                leftover.unlink()
        except OSError as error:
            raise storage_error(error, folder.parent) from error

    def save(self, prediction: BlockPrediction) -> None:
        """Keep the predictions of one block.

        Raises:
            StorageError: no space left, or the folder cannot be written.
        """
        with atomic_path(self._path(prediction.block)) as temporary:
            np.savez(temporary, **{name: getattr(prediction, name) for name in ARRAYS})

    def load(self, block: Block) -> BlockPrediction | None:
        """The predictions of `block`; None where they are not there, not whole, or of a version with other arrays."""
        try:
            with self._path(block).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                prediction = BlockPrediction(block, *(arrays[name] for name in ARRAYS))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        return prediction if len(prediction.xy) == block.stop - block.start else None

    def remove(self) -> None:
        """Delete the folder."""
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _path(self, block: Block) -> Path:
        return self.folder / f"block_{block.start:09d}.npz"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
