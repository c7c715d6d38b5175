"""Labels in Neurodata Without Borders files (`.nwb`, extension ndx-pose): the frames of a `PoseTraining`.

A frame of a video is named as DeepLabCut names extracted ones, `labeled-data/<video>/img<frame>.png`; one of a list of
pictures by the picture. A node that is not visible is occluded where it has a place, else absent. Skeletons with
different nodes are united by name. Pictures inside the file stay there. Written through pynwb and ndx-pose
(`pip install "markerless[nwb]"`), each picture as a video of one frame. Origin: `nwb`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.storage import atomic_path
from markerless.core.video import IMAGE_SUFFIXES, natural_key
from markerless.errors import FormatError, LabelsError
from markerless.formats._hdf5 import array, is_hdf5, numbers, opened, text, texts
from markerless.formats._table import SINGLE_ANIMAL
from markerless.formats._writable import require_suffix
from markerless.formats.nwb import skeleton_of

SUFFIXES = (".nwb",)
KIND = "labels"
REQUIRES = ("pynwb", "ndx_pose")

DEEPEST = 4  # levels of groups below `processing` that are searched
NAMELESS = ("instance", "skeleton_instance")  # what others call an animal without a name, a number behind it


def sniff(path: Path) -> float:
    """How surely the file holds labels, 0 to 1; beside predictions, those are meant unless labels are asked for."""
    if not path.is_file() or not is_hdf5(path):
        return 0.0
    try:
        with opened(path, "an NWB file") as file:
            if "nwb_version" not in file.attrs or "processing" not in file:
                return 0.0
            if not any(True for _ in _of_type(file["processing"], "PoseTraining")):
                return 0.0
            return 0.5 if any(True for _ in _of_type(file["processing"], "PoseEstimation")) else 0.95
    except FormatError:
        return 0.0


def read(path: Path) -> Labels:
    """The labels of all frames in the file, in the order of their names.

    Raises:
        LabelsError: damaged, without labels, or two frames that cannot be told apart.
    """
    path = Path(path)
    try:
        with opened(path, "an NWB file") as file:
            frames = _frames(file["processing"])
            if not frames:
                raise LabelsError(
                    f"expected labels (ndx-pose, PoseTraining) in the NWB file {path}, got other data; "
                    "export the labels with it"
                )
            return _labels(path, frames)
    except FormatError as error:
        raise LabelsError(str(error)) from error


def write(labels: Labels, path: Path) -> None:
    """Write one NWB file with a `PoseTraining` in the processing module `behavior`.

    Raises:
        LabelsError: a suffix other than .nwb.
        FormatError: pynwb and ndx-pose are not installed.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    require_suffix(path, SUFFIXES, LabelsError)
    try:
        from markerless.formats import _nwb_write_labels
    except ImportError as error:
        raise FormatError(
            f'writing NWB needs pynwb and ndx-pose: pip install "markerless[nwb]" ({path.name} is not written)'
        ) from error
    image = _nwb_write_labels.image_of(labels)
    with atomic_path(path) as temporary:
        temporary.write_bytes(image)


def _of_type(group: Any, name: str, depth: int = 0) -> Iterator[h5py.Group]:
    for node in group.values() if isinstance(group, h5py.Group) else ():
        if not isinstance(node, h5py.Group):
            continue
        if text(node.attrs.get("neurodata_type", "")) == name:
            yield node
        elif depth < DEEPEST:
            yield from _of_type(node, name, depth + 1)


def _frames(processing: Any) -> list[h5py.Group]:
    found = [
        frame for training in _of_type(processing, "PoseTraining") for frame in _of_type(training, "TrainingFrame")
    ]
    return sorted(found, key=lambda frame: natural_key(str(frame.name)))


def _labels(path: Path, frames: Sequence[h5py.Group]) -> Labels:
    skeleton = _skeleton(frames)
    last = _last_frames(frames)
    found: dict[str, LabeledFrame] = {}
    names: dict[str, int] = {}
    n_inside = 0
    for frame in frames:
        image = _image(frame, last)
        if image in found:
            raise LabelsError(f"expected every frame once in {path}, got two of {image}; take one out")
        n_inside += "source_frame" in frame
        instances = tuple(_instances(path, frame, skeleton, names))
        found[image] = LabeledFrame(image, instances, text(frame.attrs.get("annotator", "")))
    ordered = sorted(names, key=lambda name: names[name])
    notes = (f"{path.name}: the pictures inside stay there; {n_inside} frames have one",) if n_inside else ()
    return Labels(skeleton, tuple(found.values()), tuple(ordered) or (SINGLE_ANIMAL,), notes)


def _stored_instances(frame: h5py.Group) -> list[h5py.Group]:
    return sorted(_of_type(frame, "SkeletonInstance"), key=lambda one: natural_key(str(one.name)))


def _nodes(instance: h5py.Group) -> tuple[str, ...]:
    skeleton = skeleton_of(instance)
    if skeleton is None or "nodes" not in skeleton:
        raise FormatError(f"expected a skeleton of {instance.name}, got none; the file is damaged")
    return texts(skeleton["nodes"])


def _skeleton(frames: Sequence[h5py.Group]) -> Skeleton:
    """All nodes of all animals by name."""
    names: dict[str, int] = {}
    edges: dict[tuple[int, int], None] = {}
    for instance in (instance for frame in frames for instance in _stored_instances(frame)):
        own = _nodes(instance)
        if len(set(own)) != len(own):
            raise FormatError(f"expected every node once in the skeleton of {instance.name}, got one twice")
        for name in own:
            names.setdefault(name, len(names))
        skeleton = skeleton_of(instance)
        pairs = array(skeleton["edges"]) if skeleton is not None and "edges" in skeleton else np.empty((0, 2))
        for a, b in pairs.reshape(-1, 2).astype(np.int64).tolist():
            if 0 <= a < len(own) and 0 <= b < len(own):
                edges[names[own[a]], names[own[b]]] = None
    if not names:
        raise FormatError("expected labeled animals, got frames without any")
    return Skeleton(tuple(names), tuple(edges))


def _instances(path: Path, frame: h5py.Group, skeleton: Skeleton, names: dict[str, int]) -> Iterator[Instance]:
    """The animals of a frame; `names` learns in which order they come."""
    seen: set[str] = set()
    for number, stored in enumerate(_stored_instances(frame)):
        own = str(stored.name).rsplit("/", 1)[-1]
        place = int(stored.attrs["id"]) if "id" in stored.attrs else number
        is_nameless = own.rstrip("0123456789").rstrip("_") in NAMELESS
        name = f"individual_{place}" if is_nameless else own
        if name in seen:
            raise LabelsError(f"expected every animal once in a frame of {path}, got {name} twice in {frame.name}")
        seen.add(name)
        names.setdefault(name, place)
        nodes = _nodes(stored)
        points = numbers(stored["node_locations"], 2)
        if points.shape != (len(nodes), 2):
            raise FormatError(f"expected {len(nodes)} places of x and y in {stored.name}, got {points.shape}")
        if np.isinf(points).any():
            raise FormatError(f"expected finite numbers in {stored.name}, got an infinite one; the file is damaged")
        visible = array(stored["node_visibility"]).ravel() if "node_visibility" in stored else np.ones(len(nodes))
        if len(visible) != len(nodes):
            raise FormatError(f"expected {len(nodes)} visibilities in {stored.name}, got {len(visible)}")
        yield _instance(points, visible.astype(bool), [skeleton.index(node) for node in nodes], (skeleton, name))


def _instance(points: Any, visible: Any, places: Sequence[int], whose: tuple[Skeleton, str]) -> Instance:
    skeleton, name = whose
    xy = np.full((skeleton.n_keypoints, 2), np.nan)
    seen = np.full(skeleton.n_keypoints, Visibility.NOT_LABELED, dtype=np.int8)
    placed = np.isfinite(points).all(axis=-1)
    xy[list(places)] = np.where(placed[:, None], points, np.nan)
    shown = np.where(visible, np.int8(Visibility.VISIBLE), np.int8(Visibility.OCCLUDED))
    seen[list(places)] = np.where(placed, shown, np.int8(Visibility.ABSENT))
    return Instance(xy, seen, np.where(np.isnan(xy[:, 0]), np.nan, 1.0), name)


def _files(frame: h5py.Group) -> tuple[str, ...]:
    """The video of a frame, or the pictures that are its list."""
    video = frame.get("source_video")
    if not isinstance(video, h5py.Group) or "external_file" not in video:
        return ()
    return tuple(name.replace("\\", "/") for name in texts(video["external_file"]))


def _frame_number(frame: h5py.Group) -> int:
    return int(frame.attrs["source_video_frame_index"]) if "source_video_frame_index" in frame.attrs else 0


def _last_frames(frames: Sequence[h5py.Group]) -> dict[str, int]:
    """Video -> the last labeled frame of it: its digits are those of all names."""
    last: dict[str, int] = {}
    for frame in frames:
        files = _files(frame)
        if len(files) == 1:
            last[files[0]] = max(last.get(files[0], 0), _frame_number(frame))
    return last


def _image(frame: h5py.Group, last: dict[str, int]) -> str:
    files, number = _files(frame), _frame_number(frame)
    is_list = bool(files) and PurePosixPath(files[0]).suffix.lower() in IMAGE_SUFFIXES
    if is_list and not 0 <= number < len(files):
        raise FormatError(f"expected frames 0 to {len(files) - 1} of a list of pictures, got {number} in {frame.name}")
    if is_list:
        parts = [part for part in files[number].split("/") if part not in ("", ".", "..")]
        start = len(parts) - 1 - parts[::-1].index("labeled-data") if "labeled-data" in parts else 0
        return "/".join(parts[start:])
    if files:
        digits = max(1, math.ceil(math.log10(max(last.get(files[0], number) + 1, 2))))
        return f"labeled-data/{PurePosixPath(files[0]).stem}/img{number:0{digits}d}.png"
    source = frame.get("source_frame")
    name = PurePosixPath(str((source if source is not None else frame).name)).name
    return name if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES else f"{name}.png"
