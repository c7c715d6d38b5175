"""`config.yaml` of a study: read safely, written back with its comments and unknown keys, made new.

DeepLabCut's file is the only settings file of a study. It is loaded with ruamel's round-trip loader, which builds
nothing but maps, lists and scalars: a `!!python/tuple` becomes a list and keeps its tag when written.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path, PureWindowsPath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from markerless.core.storage import write_text
from markerless.core.video import VIDEO_SUFFIXES
from markerless.errors import ProjectError

CONFIG_NAME = "config.yaml"
MULTI = "MULTI!"  # what DeepLabCut writes for `bodyparts` when there are several animals
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_NO_TEXT = re.compile(r"(?i:y|n|yes|no|on|off|true|false|null|nan|inf)|[-+]?[0-9_.][-+0-9_.:a-fA-FoOxXeETZ ]*|[=<~.]+")
Crop = tuple[int, int, int, int]


def load_config(path: Path) -> CommentedMap:
    """The map in `path`, comments and order kept.

    Raises:
        ProjectError: not readable, not YAML, or not a map.
    """
    try:
        text = _decode(path.read_bytes())
    except OSError as error:
        raise ProjectError(
            f"cannot read {path}: {error.strerror or error}; give the project folder or its config.yaml"
        ) from error
    try:
        config = _yaml().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f", line {mark.line + 1}"
        problem = _one_line(error.problem or error.context or "malformed")
        raise ProjectError(f"expected YAML in {path}, got an error{line}: {problem}; correct that line") from error
    except (YAMLError, ValueError) as error:
        raise ProjectError(
            f"expected YAML in {path}, got an error: {_one_line(str(error))}; correct the file"
        ) from error
    if not isinstance(config, CommentedMap):
        got = "nothing" if config is None else f"a {type(config).__name__}"
        raise ProjectError(
            f"expected keys and values (Task, scorer, bodyparts, ...) in {path}, got {got}; "
            "is it the config.yaml of a project?"
        )
    return config


def save_config(path: Path, config: CommentedMap) -> None:
    """Write the map back, atomically, as UTF-8.

    Raises:
        StorageError: the file cannot be written.
    """
    stream = io.StringIO()
    _yaml().dump(config, stream)
    write_text(path, stream.getvalue())


def texts(value: object) -> tuple[str, ...]:
    """A list of names, whatever the file holds: a list, one name, an empty string, nothing."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (value.strip(),)
    if isinstance(value, Iterable):
        return tuple(str(item).strip() for item in value if item is not None and str(item).strip())
    return (str(value),)


def edges(value: object) -> list[tuple[str, str]]:
    """Pairs of names of the key `skeleton`; a longer list is a chain. Anything else gives no pairs."""
    pairs: list[tuple[str, str]] = []
    if isinstance(value, str) or not isinstance(value, Iterable):
        return pairs
    for item in value:
        if isinstance(item, Iterable) and not isinstance(item, str):
            chain = texts(item)
            pairs.extend(pairwise(chain))
    return pairs


def mirror_pairs(config: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """Pairs of names at our key `mirror_pairs`; None without it: then pairs are guessed from the names."""
    value = config.get("mirror_pairs")
    if value is None or isinstance(value, str):
        return None
    pairs = [texts(item) for item in _as_iterable(value)]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]


def keypoint_colors(config: Mapping[str, Any]) -> dict[str, str]:
    """Name -> "#rrggbb" of keypoints that somebody chose a color for, at our key `keypoint_colors`."""
    value = config.get("keypoint_colors")
    items = value.items() if isinstance(value, Mapping) else ()
    return {str(name): str(color).lower() for name, color in items if COLOR.fullmatch(str(color))}


def name_scalar(name: str) -> str:
    """A name for the file, in quotes where other readers would take it for something else.

    To YAML 1.1, which tools that read with PyYAML speak, `no` is false and `12:30` a number.
    """
    return DoubleQuotedScalarString(name) if _NO_TEXT.fullmatch(name) else name


def replace_list(config: CommentedMap, key: str, values: Sequence[Any], old_places: Sequence[int | None]) -> None:
    """Put `values` at `key`; comments of the items that stay, and those behind the list, stay.

    Args:
        config: Changed in place.
        key: Of a list.
        values: The new items.
        old_places: Where each of them was in the list; None for a new one.
    """
    old = config.get(key)
    new = CommentedSeq(_scalars(values, old if isinstance(old, CommentedSeq) else ()))
    if isinstance(old, CommentedSeq):
        if old.fa.flow_style() is not None:
            (new.fa.set_flow_style if old.fa.flow_style() else new.fa.set_block_style)()
        last = len(old) - 1
        for place, was in enumerate(old_places):
            if was is not None and was != last and was in old.ca.items:
                new.ca.items[place] = old.ca.items[was]
        behind = _behind(old)
        if behind is not None and new:
            _put_behind(new, behind)
        elif behind is not None:  # an empty list has no item to hold them
            new.fa.set_flow_style()
            config[key] = new
            config.ca.items[key] = [None, None, behind, None]
            return
    config[key] = new


def _scalars(values: Sequence[Any], old: Sequence[Any]) -> list[Any]:
    """`values`, names in the quotes they had, or those they need."""
    known = {str(item): item for item in old if isinstance(item, str)}
    return [
        [name_scalar(name) for name in value] if isinstance(value, list) else known.get(value, name_scalar(value))
        for value in values
    ]


def _behind(items: CommentedSeq) -> Any:
    """The comment, blank lines included, that follows the last item of a list, however deep it hangs."""
    if not items:
        return None
    if isinstance(items[-1], CommentedSeq):
        return _behind(items[-1])
    comment = items.ca.items.get(len(items) - 1)
    return comment[0] if comment else None


def _put_behind(items: CommentedSeq, comment: Any) -> None:
    if isinstance(items[-1], list):
        items[-1] = inner = CommentedSeq(items[-1])
        _put_behind(inner, comment)
    else:
        items.ca.items[len(items) - 1] = [comment, None, None, None]


def require_scorer(scorer: str, path: Path) -> None:
    """Refuse to write labels for a scorer whose table would never be found again.

    Args:
        scorer: Whose labels shall be written.
        path: Of the config.yaml that names the scorer, for the message.

    Raises:
        ProjectError: there is none, or the name would lead the table out of its folder.
    """
    if not scorer:
        raise ProjectError(f"expected the name of who labels at 'scorer' in {path}, got none; add it")
    if scorer == ".." or any(character in scorer for character in "/\\\0"):
        raise ProjectError(
            f"expected a name without / or \\ at 'scorer' in {path}, got {scorer!r}; it is part of file names: "
            "choose another"
        )


def is_yes(value: object) -> bool:
    """True for true, yes, on, 1, however old the file's YAML dialect."""
    return value is True or str(value).strip().lower() in ("true", "yes", "on", "1")


def file_name(path: str) -> str:
    """Last part of a path of any system: both separators count, as the study may come from Windows."""
    return PureWindowsPath(path).name


def stem(path: str) -> str:
    """Name of the video at `path` of any system, without its suffix; a folder "mouse.v1" or "2024.05.01" has none.

    The path need not be there: what ends in letters alone, such as ".flv", is taken for a file of any format.
    """
    name = PureWindowsPath(path)
    is_file = name.suffix.lower() in VIDEO_SUFFIXES or name.suffix[1:].isalpha()
    return name.stem if is_file else name.name


def video_sets(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The key `video_sets` as path -> settings; empty when it is missing or a placeholder text."""
    value = config.get("video_sets")
    if not isinstance(value, Mapping):
        return {}
    return {str(key): (item if isinstance(item, Mapping) else {}) for key, item in value.items()}


def parse_crop(value: object, where: str) -> Crop | None:
    """`(x1, x2, y1, y2)` of "0, 640, 0, 480" or a list of four numbers; None when there is nothing.

    Raises:
        ProjectError: something else, or an empty rectangle.
    """
    if value is None or value == "":
        return None
    parts = re.split(r"[,\s]+", value.strip(" ()[]")) if isinstance(value, str) else list(_as_iterable(value))
    try:
        numbers = tuple(round(float(part)) for part in parts)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != 4:
        raise ProjectError(f"{where}: expected a crop as 'x1, x2, y1, y2', got {value!r}; correct it in config.yaml")
    x1, x2, y1, y2 = numbers
    if x1 < 0 or y1 < 0 or x1 >= x2 or y1 >= y2:
        raise ProjectError(f"{where}: expected 0 <= x1 < x2 and 0 <= y1 < y2, got {x1}, {x2}, {y1}, {y2}")
    return x1, x2, y1, y2


def crop_text(width: int, height: int) -> str:
    """The crop that takes the whole frame, as DeepLabCut writes it."""
    return f"0, {width}, 0, {height}"


def short_date(day: date) -> str:
    """`Oct30`: the form inside config.yaml and in scorer names, in English whatever the locale."""
    return f"{MONTHS[day.month - 1]}{day.day}"


def new_config(task: str, scorer: str, day: date, keypoints: Sequence[str]) -> CommentedMap:
    """A fresh config.yaml for one animal, with every key DeepLabCut expects and comments that explain them."""
    config: CommentedMap = _yaml().load(_TEMPLATE)
    config["Task"], config["scorer"], config["date"] = task, scorer, short_date(day)
    config["bodyparts"] = [name_scalar(name) for name in keypoints]
    return config


def make_multi_animal(
    config: CommentedMap, individuals: Sequence[str], keypoints: Sequence[str], unique: Sequence[str]
) -> None:
    """Turn a fresh config into one of several animals.

    Args:
        config: Changed in place.
        individuals: Names of the animals.
        keypoints: Keypoints that every animal has.
        unique: Keypoints of things that are there once; DeepLabCut calls their owner `single`.
    """
    place = list(config).index("bodyparts")
    config["multianimalproject"] = True
    config["identity"] = False
    config["bodyparts"] = MULTI
    for key, names in (("multianimalbodyparts", keypoints), ("uniquebodyparts", unique), ("individuals", individuals)):
        config.insert(place, key, [name_scalar(name) for name in names])
    config["default_augmenter"] = "multi-animal-imgaug"
    config["default_track_method"] = "ellipse"


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 1_000_000  # a wrapped path is read back with a blank in it by other tools
    yaml.default_flow_style = False
    return yaml


def _decode(data: bytes) -> str:
    """UTF-8 with or without a byte-order mark, else the Windows code page of older files."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _as_iterable(value: object) -> Iterable[Any]:
    return value if isinstance(value, Iterable) else ()


_TEMPLATE = """\
# Project definitions (part of every file name: do not edit)
Task:
scorer:
date:
multianimalproject: false
identity:


# Where the project is (DeepLabCut needs it; repaired when the folder moves)
project_path:


# Engine that DeepLabCut uses for new shuffles (pytorch or tensorflow)
engine: pytorch


# Videos of the study, each with its crop: x1, x2, y1, y2
video_sets: {}
bodyparts: []


# Part of each video that frames are extracted from, and how many frames
start: 0
stop: 1
numframes2pick: 20


# Drawing
skeleton: []
skeleton_color: black
pcutoff: 0.6
dotsize: 12
alphavalue: 0.7
colormap: rainbow


# Training, evaluation and analysis with DeepLabCut
TrainingFraction:
- 0.95
iteration: 0
default_net_type: resnet_50
default_augmenter: default
snapshotindex: -1
detector_snapshotindex: -1
batch_size: 8
detector_batch_size: 1


# Crop of every analyzed video (a crop of a single video in video_sets wins)
cropping: false
# used when cropping is true:
x1: 0
x2: 640
y1: 277
y2: 624


# Refinement of labels in DeepLabCut
corner2move2:
- 50
- 50
move2corner: true
"""
