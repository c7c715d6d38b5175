"""Which labeled frames train, which validate, which test: our JSON, or a DeepLabCut shuffle.

JSON: `{"train": [...], "validation": [...], "test": [...]}`, all keys optional but `train`; an entry is a path,
else a file name that only one image has. DeepLabCut: `Documentation_data-*.pickle`, which holds the training frames and
the row numbers of training and test frames in its merged label table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from markerless.core.unpickle import load_pickle
from markerless.errors import FormatError, LabelsError
from markerless.formats._table import row_name

PARTS = ("train", "validation", "test")


def read_split(path: Path | str, images: Sequence[str]) -> dict[str, list[str]]:
    """The parts of a split file, as names of `images`.

    Args:
        path: A JSON file, or a DeepLabCut `Documentation_data-*.pickle`.
        images: All labeled images, in the order of the merged label table; frames named in no part are unused.

    Returns:
        The keys train, validation and test, each a list of names out of `images`, without repeats.

    Raises:
        LabelsError: not a split file, an entry that is unknown or fits several images, an image in two parts, no
            training frame, or a shuffle made of other labels.
    """
    path = Path(path)
    if not path.is_file():
        raise LabelsError(f"expected a split file, got none at {path}; check the path")
    named = _read_pickle(path, images) if path.suffix.lower() in (".pickle", ".pkl") else _read_json(path)
    index = _Index(path, images)
    parts = {part: list(dict.fromkeys(index.find(part, entry) for entry in named.get(part, []))) for part in PARTS}
    owner: dict[str, str] = {}
    for part, members in parts.items():
        for image in members:
            if image in owner:
                raise LabelsError(
                    f"{path}: expected every image in one part, got {image} in {owner[image]} and {part}; "
                    "take it out of one"
                )
            owner[image] = part
    if not parts["train"]:
        raise LabelsError(f"{path}: expected images under 'train', got none; name at least one")
    return parts


class _Index:
    """Finds images by relative path, else by a file name that only one has."""

    def __init__(self, path: Path, images: Sequence[str]) -> None:
        self._path = path
        self._images = frozenset(images)
        self._by_name: dict[str, list[str]] = {}
        for image in images:
            self._by_name.setdefault(PurePosixPath(image).name, []).append(image)

    def find(self, part: str, entry: str) -> str:
        name = row_name((entry,))
        if name in self._images:
            return name
        same_name = self._by_name.get(PurePosixPath(name).name, [])
        if len(same_name) == 1:
            return same_name[0]
        if same_name:
            raise LabelsError(
                f"{self._path}: expected '{entry}' under '{part}' to fit one image, got {len(same_name)}: "
                f"{', '.join(same_name[:3])}; write the relative path"
            )
        close = get_close_matches(name, list(self._images), n=1)
        hint = f"; did you mean {close[0]}?" if close else "; the split belongs to other labels"
        raise LabelsError(f"{self._path}: expected labeled images under '{part}', got '{entry}'{hint}")


def _read_json(path: Path) -> dict[str, list[str]]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LabelsError(
            f'expected a split file {{"train": [...], "test": [...]}} in JSON, got something else: {path} ({error})'
        ) from error
    except OSError as error:
        raise LabelsError(f"cannot read {path}: {error.strerror or error}; check the path") from error
    if not isinstance(stored, dict):
        raise LabelsError(f"{path}: expected an object with the keys {', '.join(PARTS)}, got {type(stored).__name__}")
    for key, entries in stored.items():
        if key not in PARTS:
            close = get_close_matches(key, PARTS, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise LabelsError(f"{path}: expected the keys {', '.join(PARTS)}, got '{key}'{hint}")
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise LabelsError(f"{path}: expected a list of image names under '{key}', got {str(entries)[:60]}")
    return stored


def _read_pickle(path: Path, images: Sequence[str]) -> dict[str, list[str]]:
    """Training and test images of a DeepLabCut shuffle."""
    try:
        stored = load_pickle(path)
    except FormatError as error:
        raise LabelsError(str(error)) from error
    if not isinstance(stored, list | tuple) or len(stored) < 3:
        raise LabelsError(
            f"{path}: expected DeepLabCut's [data, trainIndices, testIndices, fraction], got {type(stored).__name__}"
        )
    train, test = _row_numbers(path, stored[1]), _row_numbers(path, stored[2])
    index = _Index(path, images)
    named = {index.find("train", image) for image in _named_images(stored[0])}
    if len(train) + len(test) == len(images) and max(train + test, default=-1) < len(images):
        # DeepLabCut sorts its merged table by folder and name; older ones left it in the order of the label files. The
        # pickle names its training frames, so the order that fits is known.
        for order in (sorted(images, key=lambda image: image.split("/")), images):
            if named <= {order[row] for row in train}:
                return {"train": [order[row] for row in train], "test": [order[row] for row in test]}
        if len(named) == len(train):
            return {
                "train": [image for image in images if image in named],
                "test": [image for image in images if image not in named],
            }
    raise LabelsError(
        f"{path}: expected a split of the {len(images)} labeled images, got one of {len(train)} + {len(test)} "
        "in another order; the labels have changed since, so write the split as JSON"
    )


def _row_numbers(path: Path, stored: Any) -> list[int]:
    """Row numbers without the -1 that DeepLabCut pads with."""
    try:
        numbers = np.atleast_1d(np.asarray(stored)).ravel()
        rows = [int(number) for number in numbers.tolist()]
    except (TypeError, ValueError, OverflowError) as error:
        raise LabelsError(f"{path}: expected row numbers, got {str(stored)[:60]}") from error
    return [row for row in rows if row >= 0]


def _named_images(data: Any) -> list[str]:
    """Names of the training images in the pickle's data; empty when it names none."""
    entries = data if isinstance(data, list | tuple) else []
    names = []
    for entry in entries:
        image = entry.get("image") if isinstance(entry, dict) else None
        if image is None:
            return []
        cells = [image] if isinstance(image, str) else [str(part) for part in _flat(image)]
        names.append(row_name(cells))
    return names


def _flat(value: Any) -> Iterable[Any]:
    return np.asarray(value).ravel().tolist()
