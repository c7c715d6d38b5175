"""Labels in SLEAP's project files (`.slp`, `.pkg.slp`): the instances that people placed.

Frames of a video are named as DeepLabCut names extracted ones, `labeled-data/<video>/img<frame>.png`; those of a list
of pictures by the pictures. Where nobody placed anything, the model's instances are given as such. Points marked as not
visible are absent. Pictures inside a `.pkg.slp` stay there. Origin: `_sleap_file`.
"""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath

import numpy as np

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.errors import FormatError, LabelsError
from markerless.formats import _sleap_file
from markerless.formats._sleap_file import NO_TRACK, SleapFile, SleapFrame, SleapInstance, SleapVideo, read_slp, unique
from markerless.formats._sleap_write import read_own, write_slp
from markerless.formats._table import SINGLE_ANIMAL
from markerless.formats._writable import require_suffix

SUFFIXES = (".slp",)
KIND = "labels"


def sniff(path: Path) -> float:
    """How surely the file holds labels of SLEAP, 0 to 1."""
    return _sleap_file.sniff(path, labels=0.9, predictions=0.3, damaged=0.45)


def read(path: Path) -> Labels:
    """The labels of all videos in the file.

    Raises:
        LabelsError: damaged, or two videos that cannot be told apart.
    """
    path = Path(path)
    try:
        content = read_slp(path)
        labeler = str(read_own(path).get("scorer", ""))
        return labels_of(path, content, labeler)
    except FormatError as error:
        raise LabelsError(str(error)) from error


def labels_of(path: Path, content: SleapFile, labeler: str = "") -> Labels:
    """The labels of a project file, whichever way it was stored."""
    by_hand = any(instance.is_user for frame in content.frames for instance in frame.instances)
    folders = unique(tuple(PurePosixPath(video.file_name).stem for video in content.videos)) or ("video",)
    digits = [_digits(content, v) for v in range(len(folders))]
    merged: dict[str, list[SleapInstance]] = {}
    n_left_out = 0
    for frame in content.frames:
        chosen = [instance for instance in frame.instances if instance.is_user or not by_hand]
        if by_hand and frame.instances and not chosen:
            n_left_out += 1
            continue
        merged.setdefault(_image(path, content, frame, folders, digits), []).extend(chosen)
    names = _names(content, merged)
    frames = tuple(
        LabeledFrame(image, _instances(path, image, own, content.tracks), labeler) for image, own in merged.items()
    )
    return Labels(content.skeleton, frames, names, _notes(path, content, n_left_out, by_hand))


def write(labels: Labels, path: Path) -> None:
    """Write labels as a project whose videos are the lists of labeled pictures, one per folder.

    Raises:
        LabelsError: a suffix other than .slp.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    require_suffix(path, SUFFIXES, LabelsError)
    folders: dict[str, list[str]] = {}
    for image in labels.images:
        folders.setdefault(str(PurePosixPath(image).parent), []).append(image)
    video_of = {folder: v for v, folder in enumerate(folders)}
    is_named = labels.individuals != (SINGLE_ANIMAL,)
    frames = []
    for frame in labels.frames:
        folder = str(PurePosixPath(frame.image).parent)
        own = tuple(
            SleapInstance(
                instance.xy,
                instance.score,
                np.asarray(np.isfinite(instance.xy).all(axis=-1)),
                labels.individuals.index(instance.individual) if is_named else NO_TRACK,
                instance.source == "human",
            )
            for instance in frame.instances
        )
        frames.append(SleapFrame(video_of[folder], folders[folder].index(frame.image), own))
    videos = tuple(SleapVideo(folder, tuple(images)) for folder, images in folders.items())
    tracks = labels.individuals if is_named else ()
    labeler = next((frame.labeler for frame in labels.frames if frame.labeler), "")
    write_slp(path, SleapFile(labels.skeleton, videos, tracks, tuple(frames), {}), {"scorer": labeler})


def _digits(content: SleapFile, video: int) -> int:
    """Digits of a frame's number in its picture's name, by DeepLabCut's rule."""
    last = max((frame.frame_idx for frame in content.frames if frame.video == video), default=0)
    length = content.videos[video].n_frames if video < len(content.videos) else 0
    return max(1, math.ceil(math.log10(max(last + 1, length, 2))))


def _image(path: Path, content: SleapFile, frame: SleapFrame, folders: tuple[str, ...], digits: list[int]) -> str:
    video = content.videos[frame.video] if content.videos else SleapVideo("video")
    if not video.images:
        return f"labeled-data/{folders[frame.video]}/img{frame.frame_idx:0{digits[frame.video]}d}.png"
    if frame.frame_idx >= len(video.images):
        raise LabelsError(
            f"{path}: expected frames 0 to {len(video.images) - 1} of a list of pictures, got {frame.frame_idx}; "
            "the file is damaged"
        )
    parts = [part for part in video.images[frame.frame_idx].replace("\\", "/").split("/") if part not in ("", ".")]
    start = len(parts) - 1 - parts[::-1].index("labeled-data") if "labeled-data" in parts else 0
    return "/".join(parts[start:])


def _names(content: SleapFile, merged: dict[str, list[SleapInstance]]) -> tuple[str, ...]:
    loose = max((sum(i.track == NO_TRACK for i in own) for own in merged.values()), default=0)
    return (*content.tracks, *(f"individual_{n}" for n in range(loose))) or (SINGLE_ANIMAL,)


def _instances(path: Path, image: str, stored: list[SleapInstance], tracks: tuple[str, ...]) -> tuple[Instance, ...]:
    found, loose, seen = [], 0, set()
    for instance in stored:
        if instance.track == NO_TRACK:
            name, loose = f"individual_{loose}", loose + 1
        else:
            name = tracks[instance.track]
        if name in seen:
            raise LabelsError(f"{path}: expected every animal once in {image}, got {name} twice; correct it in SLEAP")
        seen.add(name)
        xy = np.where(instance.visible[:, None], instance.xy, np.nan)
        missing = np.isnan(xy).any(axis=-1)
        visibility = np.where(missing, np.int8(Visibility.ABSENT), np.int8(Visibility.VISIBLE)).astype(np.int8)
        score = np.where(missing, np.nan, instance.score)
        found.append(Instance(xy, visibility, score, name, "human" if instance.is_user else "model"))
    return tuple(found)


def _notes(path: Path, content: SleapFile, n_left_out: int, by_hand: bool) -> tuple[str, ...]:
    notes = []
    if n_left_out:
        notes.append(f"{path.name}: {n_left_out} frames left out that a model predicted and nobody corrected")
    if not by_hand and any(frame.instances for frame in content.frames):
        notes.append(f"{path.name}: all animals were placed by a model, none by a person")
    if content.has_pictures:
        notes.append(f"{path.name}: the pictures inside stay there; save them from SLEAP to train on them")
    return tuple(notes)
