"""`kinematics`: how tracked animals move, as tidy tables and figures: speeds, angles, lengths, time in regions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from pydantic import Field

from markerless.analysis.kinematics_angles import Joint, heading, joint_angles
from markerless.analysis.kinematics_distances import Pair, distances, skeleton_lengths
from markerless.analysis.kinematics_motion import acceleration, parabola, speed, turning
from markerless.analysis.kinematics_quantity import PER_FRAME, Pace, Quantity, seen_points
from markerless.analysis.kinematics_regions import Region, visits
from markerless.analysis.kinematics_scale import Scale
from markerless.config import Settings
from markerless.core.tracks import Tracks
from markerless.core.video import VIDEO_SUFFIXES
from markerless.errors import MarkerlessError, SettingsError
from markerless.pipeline.kinematics_files import KinematicsFiles
from markerless.pipeline.outliers import with_edges
from markerless.pipeline.results import (
    LABELED,
    TABLES,
    analysis_of,
    find_tracks,
    holds_tracks,
    native_first,
    open_tracks,
    video_of,
)
from markerless.pipeline.scale_text import ScaleOf
from markerless.project import Project
from markerless.report.kinematics_tables import Motion, Stay
from markerless.video.reader import open_video

CONFIG = "config.yaml"


class KinematicsSettings(Settings):
    """How motion is measured; `--set kinematics.<name>=<value>`."""

    cutoff: float = Field(0.6, ge=0, le=1, description="Points with a lower confidence count as missing.")
    window: int = Field(
        3,
        ge=3,
        le=9999,
        description="Frames that a speed is taken from, odd. More are smoother, and blur what is short.",
    )
    min_visit_s: float = Field(
        0.0, ge=0, description="Stays in a region, and absences from it, that are shorter than that do not count."
    )


@dataclass(frozen=True)
class KinematicsRequest:
    """What to measure, beside speeds, accelerations and the edges of the skeleton.

    Attributes:
        distances: Pairs of keypoints.
        angles: Threes of keypoints, the joint in the middle.
        heading: Keypoints from the back to the front; None for no heading.
        regions: In pixels of the video.
        scale: Finds how many pixels a unit of length has; None measures in pixels.
        pace: Frames per second, or "frame" for measures per frame; None takes what the tracks or their video know.
    """

    distances: tuple[Pair, ...] = ()
    angles: tuple[Joint, ...] = ()
    heading: Pair | None = None
    regions: tuple[Region, ...] = ()
    scale: ScaleOf | None = None
    pace: float | str | None = None


@dataclass(frozen=True)
class Kinematics:
    """What was measured of one file.

    Attributes:
        source: The file.
        motion: Quantities and stays in regions; None when it failed.
        files: What was written.
        notes: One-line remarks for the user.
        error: Why it failed, "" when it did not.
    """

    source: Path
    motion: Motion | None = None
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class _Source:
    """What is to be measured.

    Attributes:
        path: The tracks; what was given where there are none.
        video: The video, where it was given.
        error: Why there are no tracks, "" where there may be.
        notes: What was given as well and is not measured.
    """

    path: Path
    video: Path | None = None
    error: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Opened:
    """Tracks and what is known of their video."""

    tracks: Tracks
    size: tuple[int, int] | None
    notes: list[str] = field(default_factory=list)


def kinematics(
    files: Sequence[Path | str],
    request: KinematicsRequest | None = None,
    settings: KinematicsSettings | None = None,
    out: Path | str | None = None,
) -> list[Kinematics]:
    """Measure the motion in files of tracks, and write tables and figures of it.

    Beside each file (or in `out`): `<stem>_kinematics.csv`, `<stem>_kinematics_summary.csv`, with regions
    `<stem>_regions.csv` and `<stem>_visits.csv`, and figures with a page in `plot-poses/<video>/`.

    Args:
        files: Tracks of any tool, or videos, whose newest result is taken. What belongs to one analysis (its h5, csv
            and nc, a video and its result) is measured once, of its files the native one.
        request: What to measure.
        settings: Cut-off and window.
        out: Folder to write to; by default that of each file.

    Returns:
        One for each analysis; one that fails has its `error`, and the others are done all the same.

    Raises:
        SettingsError: an impossible window.
    """
    request, settings = request or KinematicsRequest(), settings or KinematicsSettings()
    parabola(settings.window)
    results = []
    taken: list[KinematicsFiles] = []
    for source in _sources(files):
        if source.error:
            results.append(Kinematics(source.path, error=source.error))
            continue
        try:
            video = source.video or video_of(source.path)
            target = KinematicsFiles.of(source.path, video, out).beside(taken)
            opened = _open(source.path, video)
            motion = measure(opened.tracks, request, settings)
            notes = (*source.notes, *opened.notes, *motion.notes)
            taken.append(target)
            written = target.write(motion, opened.size, notes)
            results.append(Kinematics(source.path, motion, tuple(written), notes))
        except MarkerlessError as error:
            results.append(Kinematics(source.path, error=str(error)))
    return results


def measure(tracks: Tracks, request: KinematicsRequest, settings: KinematicsSettings) -> Motion:
    """Everything that is asked for of tracks in memory; nothing is written.

    Raises:
        SettingsError: no frame rate, no such scale, or something that needs a picture asked of 3D tracks.
        LabelsError: no keypoint has such a name.
    """
    pace = _pace(tracks, request.pace)
    seen = replace(tracks, points=seen_points(tracks, settings.cutoff))
    stays = _stays(seen, request.regions, _least_frames(tracks, request.regions, pace, settings.min_visit_s))
    scale = request.scale(seen) if request.scale is not None else None
    scaled = scale.applied(seen) if scale is not None else seen
    found = [speed(scaled, pace, settings.window), acceleration(scaled, pace, settings.window)]
    found += [skeleton_lengths(scaled)] if tracks.skeleton.edges else []
    found += [distances(scaled, request.distances)] if request.distances else []
    found += [joint_angles(scaled, request.angles)] if request.angles else []
    if request.heading is not None:
        directions = heading(scaled, *request.heading)
        found += [directions, turning(directions, pace, settings.window)]
    return Motion(seen, pace, tuple(found), stays, scale, tuple(_notes(seen, tracks, found, scale)))


def _pace(tracks: Tracks, given: float | str | None) -> Pace:
    if isinstance(given, str):
        if given != PER_FRAME:
            raise SettingsError(f"expected frames per second, or '{PER_FRAME}', got '{given}'")
        return Pace.per_frame()
    return Pace.of(tracks, given)


def _least_frames(tracks: Tracks, regions: Sequence[Region], pace: Pace, seconds: float) -> int:
    """Frames of the shortest visit; seconds stay seconds where all else is measured per frame."""
    if not regions or seconds <= 0:
        return 1
    rate = tracks.fps if pace.unit == PER_FRAME else pace.frames
    if not (math.isfinite(rate) and rate > 0):
        raise SettingsError(
            f"expected a frame rate for kinematics.min_visit_s={seconds:g}, which is in seconds, got --fps {PER_FRAME} "
            "and tracks that know none; give it (--fps 30), or leave min_visit_s out"
        )
    return max(1, math.ceil(seconds * rate - 1e-9))


def _stays(tracks: Tracks, regions: Sequence[Region], least_frames: int) -> tuple[Stay, ...]:
    """Every animal, keypoint and region."""
    if regions and tracks.points.shape[-1] != 2:
        raise SettingsError("expected tracks in a picture (x, y) for regions, got 3D points; leave the regions out")
    present = tracks.present()
    found = []
    for region in regions:
        inside = region.contains(tracks.points)
        for n, individual in enumerate(tracks.individuals):
            for k, name in enumerate(tracks.skeleton.keypoints):
                own = tuple(visits(inside[:, n, k], present[:, n, k], least_frames))
                counts = int(present[:, n, k].sum()), int(inside[:, n, k].sum())
                found.append(Stay(individual, name, region, *counts, own))
    return tuple(found)


def _notes(seen: Tracks, tracks: Tracks, found: Sequence[Quantity], scale: Scale | None) -> list[str]:
    notes = []
    n_given, n_kept = int(tracks.present().sum()), int(seen.present().sum())
    if n_given and n_kept < n_given:
        share = 100 * (1 - n_kept / n_given)
        notes.append(f"{share:.1f} % of the points are below the cut-off and count as missing")
    if not np.isfinite(found[0].values).any():
        notes.append("no speed is known: no point is there in enough frames in a row")
    if scale is not None:
        notes.append(f"scale: {scale.px_per_unit:.4g} px per {scale.unit}")
    return notes


def _sources(files: Sequence[Path | str]) -> list[_Source]:
    """One for each analysis, in the order given; a video that has no tracks stands for itself.

    Tables and labeled videos that were made of one of them, as `mouseDLC*` names them too, are left aside.
    """
    paths = [Path(file) for file in files]
    given = {analysis_of(path) for path in paths}
    aside = {path: analysis for path in paths if (analysis := _made_of(path)) in given}
    found: dict[Path, _Source] = {}
    for source in (_source_of(path) for path in paths if path not in aside):
        key = source.path if source.error else analysis_of(source.path)
        known = found.get(key, source)
        both = sorted({known.path, source.path}, key=native_first)
        path = next(filter(holds_tracks, both), both[0]) if len(both) > 1 else both[0]
        names = [table.name for table, analysis in aside.items() if analysis == key]
        notes = (f"left aside, as made of it: {', '.join(names)}",) if names else ()
        found[key] = _Source(path, known.video or source.video, source.error, notes)
    return list(found.values())


def _made_of(path: Path) -> Path | None:
    """The analysis that a table of this verb, or a labeled video, was made of by its name; None for other files."""
    ends = TABLES if path.suffix.lower() == ".csv" else (LABELED,) if path.suffix.lower() in VIDEO_SUFFIXES else ()
    end = next((end for end in ends if path.stem.endswith(end)), "")
    return analysis_of(path.with_name(f"{path.stem.removesuffix(end)}{path.suffix}")) if end else None


def _source_of(path: Path) -> _Source:
    if path.suffix.lower() not in VIDEO_SUFFIXES or not path.is_file():
        return _Source(path)
    try:
        return _Source(find_tracks(path), path)
    except MarkerlessError as error:
        return _Source(path, error=str(error))


def _open(source: Path, video: Path | None) -> _Opened:
    """Tracks with what their video and their study say of frame rate, size and skeleton."""
    tracks, _ = open_tracks(source, source)
    size, notes = None, []
    if video is not None:
        try:
            with open_video(video) as reader:
                size = reader.video.width, reader.video.height
                if not math.isfinite(tracks.fps):
                    tracks = replace(tracks, fps=reader.video.fps)
                    notes.append(f"{reader.video.fps:g} frames per second, as {video.name} says")
        except MarkerlessError as error:
            notes.append(f"the video is left aside: {error}")
    return _Opened(_with_skeleton(tracks, source), size, notes)


def _with_skeleton(tracks: Tracks, source: Path) -> Tracks:
    """With the edges of the study that the file lies in, where it lies in one."""
    root = source.resolve().parent.parent
    if tracks.skeleton.edges or not (root / CONFIG).is_file():
        return tracks
    try:
        return with_edges(tracks, Project(root))
    except MarkerlessError:  # the folder above need not be a study
        return tracks
