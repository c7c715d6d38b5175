"""Trajectories in SLEAP's project files (`.slp`, `.pkg.slp`): what a model predicted in one video, corrected by people.

An instance that a person placed stands for the model's in the same track and frame, as in SLEAP. Points marked as not
visible are missing. Without tracks the animals are numbered within each frame, and are no individuals. A `.slp` knows
neither frame rate nor expected error; ours keep the frame rate and provenance in a table that SLEAP passes over.
Origin: `_sleap_file`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.errors import FormatError
from markerless.formats import _sleap_file
from markerless.formats._sleap_file import NO_TRACK, SleapFile, SleapFrame, SleapInstance, SleapVideo, read_slp
from markerless.formats._sleap_write import read_own, write_slp
from markerless.formats._tracks_table import has_named_individuals, require_dense
from markerless.formats._writable import require_holds, require_suffix

SUFFIXES = (".slp",)
KIND = "tracks"


def sniff(path: Path) -> float:
    """How surely the file holds predictions of SLEAP, 0 to 1; a file of labels can be read as tracks, too."""
    return _sleap_file.sniff(path, labels=0.4, predictions=0.95, damaged=0.5)


def read(path: Path) -> Tracks:
    """The trajectories of the one video that has instances.

    Raises:
        FormatError: damaged, instances in several videos, or three-dimensional.
    """
    path = Path(path)
    content = read_slp(path)
    video = _only_video(path, content)
    frames = [frame for frame in content.frames if frame.video == video]
    names = _individuals(content, frames)
    points, score = _dense(path, content, frames, names)
    own = read_own(path)
    return Tracks(
        content.skeleton,
        points,
        score,
        individuals=names,
        fps=(content.videos[video].fps if content.videos else 0.0) or float("nan"),
        video=content.videos[video].file_name if content.videos else "",
        scorer=str(own.get("scorer", "")),
        provenance=dict(own["provenance"]) if "provenance" in own else {"source_software": "SLEAP"},
    )


def write(tracks: Tracks, path: Path) -> None:
    """Write the tracks as predicted instances.

    Raises:
        FormatError: three dimensions, or a suffix other than .slp.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    require_suffix(path, SUFFIXES)
    require_holds(tracks, "a SLEAP file", "movement's netCDF", n_axes=2)
    is_named = has_named_individuals(tracks)
    present = np.asarray(np.isfinite(tracks.points).all(axis=-1))
    frames = []
    for t in range(tracks.n_frames):
        own = tuple(
            SleapInstance(tracks.points[t, n], tracks.score[t, n], present[t, n], n if is_named else NO_TRACK, False)
            for n in np.flatnonzero(present[t].any(axis=-1)).tolist()
        )
        frames.append(SleapFrame(0, t, own))
    fps = float(tracks.fps) if np.isfinite(tracks.fps) else 0.0
    content = SleapFile(
        tracks.skeleton, (SleapVideo(tracks.video, fps=fps),), tracks.individuals if is_named else (), tuple(frames), {}
    )
    write_slp(path, content, {"scorer": tracks.scorer, "provenance": tracks.provenance})


def _only_video(path: Path, content: SleapFile) -> int:
    used = sorted({frame.video for frame in content.frames if frame.instances})
    if len(used) > 1:
        names = ", ".join(content.videos[video].file_name for video in used[:4])
        raise FormatError(
            f"expected the trajectories of one video in {path}, got {len(used)} ({names}); split the file in SLEAP"
        )
    return used[0] if used else 0


def _individuals(content: SleapFile, frames: list[SleapFrame]) -> tuple[str, ...]:
    """The tracks, and numbered names for as many animals as a frame has without a track."""
    loose = max((sum(i.track == NO_TRACK for i in _shown(frame)) for frame in frames), default=0)
    word = "untracked" if content.tracks else "individual"
    return (*content.tracks, *(f"{word}_{n}" for n in range(loose))) or ("individual_0",)


def _shown(frame: SleapFrame) -> tuple[SleapInstance, ...]:
    """Without tracks, a frame that a person worked on shows the person's animals alone."""
    loose = [i for i in frame.instances if i.track == NO_TRACK]
    if any(i.is_user for i in loose):
        return tuple(i for i in frame.instances if i.track != NO_TRACK or i.is_user)
    return frame.instances


def _dense(
    path: Path, content: SleapFile, frames: list[SleapFrame], names: tuple[str, ...]
) -> tuple[FloatArray, FloatArray]:
    """`(T, N, K, 2)` points and `(T, N, K)` scores."""
    n_keypoints = content.skeleton.n_keypoints
    n_frames = max((frame.frame_idx + 1 for frame in frames), default=0)
    n_stored = n_keypoints * sum(len(frame.instances) for frame in frames)
    length = max((video.n_frames for video in content.videos), default=0) if len(content.videos) == 1 else 0
    if length * len(names) * n_keypoints <= 100 * max(n_stored, 1):
        n_frames = max(n_frames, length)
    shape = (n_frames, len(names), n_keypoints)
    require_dense(path, shape, n_stored)
    points, score = np.full((*shape, 2), np.nan), np.full(shape, np.nan)
    for frame in frames:
        loose = len(content.tracks)
        # people last, so that theirs stays
        for instance in sorted(_shown(frame), key=lambda instance: instance.is_user):
            if instance.track == NO_TRACK:
                place, loose = loose, loose + 1
            else:
                place = instance.track
            points[frame.frame_idx, place] = np.where(instance.visible[:, None], instance.xy, np.nan)
            score[frame.frame_idx, place] = np.where(instance.visible, instance.score, np.nan)
    return points, score
