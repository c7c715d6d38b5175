"""`examples.jsonl` of a run: what the network said of a few frames while it trained, so that one can watch it learn.

The first line holds the frames with their labels; every other one is a look at them after some step.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.storage import write_text

VERSION = 1


@dataclass(frozen=True)
class ExampleFrame:
    """A frame that is looked at.

    Attributes:
        image: As label files name it.
        size: Width and height in px.
        label: `(K, 2)` px, NaN where there is no label.
    """

    image: str
    size: tuple[int, int]
    label: FloatArray


@dataclass(frozen=True)
class Look:
    """What the network says after some step.

    Attributes:
        step: The step.
        mean_px: Mean error over the labeled points; NaN where none is labeled.
        xy: `(F, K, 2)` px, NaN where it says nothing.
        score: `(F, K)` in 0..1, not calibrated.
    """

    step: int
    mean_px: float
    xy: FloatArray
    score: FloatArray


@dataclass(frozen=True)
class Examples:
    """A whole file.

    Attributes:
        part: Which part of the split the frames are of: "validation", or "train" where none was held out.
        keypoints: K names.
        frames: F frames.
        looks: By step.
    """

    part: str
    keypoints: tuple[str, ...]
    frames: tuple[ExampleFrame, ...]
    looks: tuple[Look, ...] = ()


def begin(path: Path, examples: Examples, first_step: int) -> None:
    """Begin a file; looks of one that was begun for the same frames stay up to the step that is resumed from.

    Raises:
        StorageError: the file cannot be written.
    """
    before = read_examples(path) if first_step else None
    is_same = before is not None and _header(before) == _header(examples)
    looks = [look for look in before.looks if look.step <= first_step] if before is not None and is_same else []
    write_text(path, "\n".join([_header(examples), *(_line(look) for look in looks)]) + "\n")


def append(path: Path, look: Look) -> None:
    """Add a look.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(f"{_line(look)}\n")


def read_examples(path: Path) -> Examples | None:
    """A file, also while it is written; None where there is none or it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
        head = json.loads(lines[0])
        if head["version"] != VERSION:
            return None
        keypoints = tuple(str(name) for name in head["keypoints"])
        frames = tuple(_frame(entry, len(keypoints)) for entry in head["frames"])
        part = str(head["part"])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None
    shape = (len(frames), len(keypoints))
    looks = (look for line in lines[1:] if (look := _look(line, shape)) is not None)
    return Examples(part, keypoints, frames, tuple(looks))


def _header(examples: Examples) -> str:
    frames = [
        {"image": frame.image, "size": list(frame.size), "label": _plain(frame.label)} for frame in examples.frames
    ]
    head = {"version": VERSION, "part": examples.part, "keypoints": list(examples.keypoints), "frames": frames}
    return json.dumps(head, ensure_ascii=False, allow_nan=False)


def _line(look: Look) -> str:
    mean_px = round(look.mean_px, 3) if np.isfinite(look.mean_px) else None
    entry = {"step": look.step, "mean_px": mean_px, "xy": _plain(look.xy), "score": _plain(look.score, 3)}
    return json.dumps(entry, allow_nan=False)


def _plain(values: FloatArray, decimals: int = 2) -> Any:
    """Nested lists; NaN is None, as JSON has no NaN."""
    rounded = np.round(values.astype(np.float64), decimals)
    plain = rounded.astype(object)
    plain[~np.isfinite(rounded)] = None
    return plain.tolist()


def _frame(entry: dict[str, Any], n_keypoints: int) -> ExampleFrame:
    width, height = entry["size"]
    label = _array(entry["label"], (n_keypoints, 2))
    return ExampleFrame(str(entry["image"]), (int(width), int(height)), label)


def _look(line: str, shape: tuple[int, int]) -> Look | None:
    """The look of a line; None of half a line."""
    try:
        entry = json.loads(line)
        mean_px = float("nan") if entry["mean_px"] is None else float(entry["mean_px"])
        return Look(int(entry["step"]), mean_px, _array(entry["xy"], (*shape, 2)), _array(entry["score"], shape))
    except (ValueError, KeyError, TypeError):
        return None


def _array(values: Sequence[Any], shape: tuple[int, ...]) -> FloatArray:
    return np.array(values, dtype=np.float64).reshape(shape)
