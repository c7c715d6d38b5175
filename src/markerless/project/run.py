"""A training result on disk: `runs/<name>/`, read back as one value."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError, RunError

RUN_FILE = "run.toml"
SPLIT_FILE = "split.json"
EVALUATION_FILE = "evaluation.json"
EVIDENCE_FILE = "evidence.npz"
EXAMPLES_FILE = "examples.jsonl"
MODEL_FILE = "model.onnx"
CHECKPOINT_FILE = "checkpoint.safetensors"
SPLIT_PARTS = ("train", "validation", "test")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,24}")


@dataclass(frozen=True)
class Run:
    """One training result.

    Attributes:
        folder: Where it is.
        name: Name of the run, the folder's at the time of training.
        settings: Everything in `run.toml`: the tables run, skeleton, data, train, net, versions.
        skeleton: Keypoints the network predicts.
        split: Images that trained, validated and tested it; empty lists for a run that has not written them yet.
    """

    folder: Path
    name: str
    settings: dict[str, Any]
    skeleton: Skeleton
    split: dict[str, list[str]]

    @classmethod
    def open(cls, folder: Path | str) -> Run:
        """Read `folder/run.toml` and `folder/split.json`; an unfinished run opens too.

        Raises:
            RunError: the folder or a file is missing or damaged.
        """
        folder = Path(folder).absolute()
        settings = _read_settings(folder)
        run = _table(settings, "run", folder)
        name = run.get("name", folder.name)
        if not isinstance(name, str):
            raise _damaged(folder, "run.name", "a text", name)
        if not isinstance(run.get("finished", False), bool):
            raise _damaged(folder, "run.finished", "true or false", run["finished"])
        if not isinstance(run.get("scorer", ""), str):
            raise _damaged(folder, "run.scorer", "a text", run["scorer"])
        skeleton = _skeleton(_table(settings, "skeleton", folder), folder)
        return cls(folder, name, settings, skeleton, _read_split(folder, bool(run.get("finished", False))))

    @property
    def finished(self) -> bool:
        """True once training has ended and every file of the run is written."""
        return bool(self.settings["run"].get("finished", False))

    @property
    def scorer(self) -> str:
        """Name in result files: `DLC_EfficientnetLite0_openfieldOct30_run1`."""
        return str(self.settings["run"].get("scorer", f"DLC_{self.name}"))

    @property
    def model(self) -> Path:
        """The exported network: image in, keypoints out."""
        return self.folder / MODEL_FILE

    @property
    def checkpoint(self) -> Path:
        """Weights, their moving average and the optimizer's state in one file."""
        return self.folder / CHECKPOINT_FILE


def lock_of(folder: Path) -> Path:
    """The lock that a process holds while it trains the run in `folder`."""
    return folder.with_name(f".{folder.name}.lock")


def is_at_work(folder: Path) -> bool:
    """Whether a process trains the run in `folder`."""
    path = lock_of(folder)
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except (OSError, RuntimeError):
        return False
    lock.release()
    return False


def check_run_name(name: str) -> str:
    """`name`, when it can be the name of a run.

    Raises:
        RunError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise RunError(f"expected a run name of 1 to 24 letters, digits, '_' or '-', got {name!r}")
    return name


def scorer_name(net: str, task: str, date: str, run: str) -> str:
    """DeepLabCut's name of a network in result files.

    Args:
        net: Plug-in name of the network, such as "efficientnet_lite0".
        task: The project's name.
        date: Short date of the project, such as "Oct30".
        run: Name of the run.

    Returns:
        For example `DLC_EfficientnetLite0_openfieldOct30_run1`.
    """
    parts = [part for part in re.split(r"[_\W]+", net) if part]
    return f"DLC_{''.join(part[:1].upper() + part[1:] for part in parts)}_{task}{date}_{run}"


def _read_settings(folder: Path) -> dict[str, Any]:
    path = folder / RUN_FILE
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise RunError(
            f"no training result in {folder}: expected {RUN_FILE} there; train one with 'markerless train'"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = " ".join(str(error).split())
        raise RunError(
            f"run '{folder.name}' is damaged: cannot read {path} ({reason}); delete the folder and train again"
        ) from error


def _table(settings: Mapping[str, Any], key: str, folder: Path) -> dict[str, Any]:
    value = settings.get(key)
    if not isinstance(value, dict):
        raise _damaged(folder, key, "a table", value)
    return value


def _skeleton(table: Mapping[str, Any], folder: Path) -> Skeleton:
    keypoints = table.get("keypoints")
    if not isinstance(keypoints, list) or not keypoints or not all(isinstance(name, str) for name in keypoints):
        raise _damaged(folder, "skeleton.keypoints", "a list of names", keypoints)
    pairs = {key: _pairs(table.get(key, []), key, len(keypoints), folder) for key in ("edges", "mirror_pairs")}
    try:
        return Skeleton(tuple(keypoints), pairs["edges"], pairs["mirror_pairs"])
    except LabelsError as error:
        raise RunError(f"run '{folder.name}' is damaged: {folder / RUN_FILE}: {error}") from error


def _pairs(value: object, key: str, n_keypoints: int, folder: Path) -> tuple[tuple[int, int], ...]:
    if isinstance(value, list):
        good = [
            (pair[0], pair[1])
            for pair in value
            if isinstance(pair, list)
            and len(pair) == 2
            and all(isinstance(index, int) and 0 <= index < n_keypoints for index in pair)
        ]
        if len(good) == len(value):
            return tuple(good)
    raise _damaged(folder, f"skeleton.{key}", "pairs of keypoint indices", value)


def _read_split(folder: Path, finished: bool) -> dict[str, list[str]]:
    path = folder / SPLIT_FILE
    if not path.exists() and not finished:
        return {part: [] for part in SPLIT_PARTS}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"run '{folder.name}' is damaged: cannot read {path} ({error}); delete the folder and train again"
        ) from error
    split = {part: value.get(part) or [] for part in SPLIT_PARTS} if isinstance(value, dict) else {}
    if not split or not all(
        isinstance(images, list) and all(isinstance(image, str) for image in images) for images in split.values()
    ):
        raise RunError(
            f"run '{folder.name}' is damaged: expected lists of images in {path}; delete the folder and train again"
        )
    return split


def _damaged(folder: Path, key: str, expected: str, got: object) -> RunError:
    return RunError(
        f"run '{folder.name}' is damaged: expected {expected} at '{key}' in {folder / RUN_FILE}, got {got!r}; "
        "delete the folder and train again"
    )
