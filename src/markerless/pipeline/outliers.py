"""`outliers`: the suspicious moments of analyzed videos, and their frames that are worth labeling next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from markerless.analysis.moments import Moment
from markerless.analysis.outliers import Outliers, find_outliers, frames_worth_labeling
from markerless.core.labels import Labels
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import LabelsError, MarkerlessError, SettingsError
from markerless.filters._ensemble import together
from markerless.pipeline.extract import extract_frames, extracted_frames, picture_folder
from markerless.pipeline.machine_labels import write_machine_labels
from markerless.pipeline.results import find_tracks, located, open_tracks, tracks_of_run
from markerless.project import Project
from markerless.video.listing import find_videos


@dataclass(frozen=True)
class OutlierRequest:
    """What is asked for.

    Attributes:
        n: Frames of each video to choose for labeling.
        run_name: Whose results; None is the newest file beside each video.
        tracks: A file of any tool instead, for one video. Several are several runs' results of it: looked at is the
            median of the runs, whose expected error grows with their disagreement.
        list_only: Name moments and frames, extract nothing.
    """

    n: int = 20
    run_name: str | None = None
    tracks: tuple[Path, ...] = ()
    list_only: bool = False


@dataclass(frozen=True)
class VideoOutliers:
    """What was found in one video.

    Attributes:
        video: The video.
        source: File of the tracks; of several runs the first.
        tracks: They; None when the video failed.
        outliers: Their moments; None when the video failed.
        chosen: Frames worth labeling, ascending.
        pictures: The pictures that they became.
        written: Files that were written: pictures, and predictions as starting labels.
        notes: One-line remarks for the user.
        error: Why the video failed, "" when it did not.
    """

    video: Path
    source: Path | None = None
    tracks: Tracks | None = None
    outliers: Outliers | None = None
    chosen: tuple[int, ...] = ()
    pictures: tuple[Path, ...] = ()
    written: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""


def outliers(project: Project, videos: Sequence[str | Path], request: OutlierRequest) -> list[VideoOutliers]:
    """Find what is suspicious in the tracks of videos of a study, and extract frames of it for labeling.

    Args:
        project: The study; its labels say how long limbs are and what poses are usual.
        videos: Files, folders, globs, or names of videos in the study's folder `videos`. Frames are extracted of
            videos of the study alone.
        request: Whose tracks, and how many frames.

    Raises:
        SettingsError: a file of tracks is given for several videos, or fewer than one frame is asked for.
        RunError: there is no such run.
    """
    paths, errors = find_videos([located(project, video) for video in videos])
    if request.tracks and len(paths) != 1:
        raise SettingsError(f"expected one video with --tracks, got {len(paths)}; give each video its own command")
    if request.n < 1:
        raise SettingsError(f"expected at least 1 frame, got {request.n}")
    if request.run_name is not None:
        project.run(request.run_name)
    labels = labels_or_none(project)
    failed = [VideoOutliers(path, error=str(error)) for path, error in errors.items()]
    return [*(_of_video(project, path, request, labels) for path in paths), *failed]


def labels_or_none(project: Project) -> Labels | None:
    """The study's labels; None when there are none yet, or none that can be read."""
    try:
        return project.labels()
    except LabelsError:
        return None


def with_edges(tracks: Tracks, project: Project) -> Tracks:
    """The tracks with the edges of the project's skeleton, as files of tracks seldom hold any."""
    if tracks.skeleton.edges:
        return tracks
    names = project.skeleton.keypoints
    pairs = [(names[a], names[b]) for a, b in project.skeleton.edges]
    return replace(tracks, skeleton=Skeleton(tracks.skeleton.keypoints).with_edges(pairs))


def tracks_file(project: Project, video: Path, run_name: str | None) -> Path:
    """Where the tracks of a video are: the newest, or those of a run.

    Raises:
        FormatError: there are none.
        RunError: there is no such run.
    """
    return find_tracks(video) if run_name is None else tracks_of_run(project.run(run_name), video)


def _of_video(project: Project, video: Path, request: OutlierRequest, labels: Labels | None) -> VideoOutliers:
    try:
        sources = request.tracks or (tracks_file(project, video, request.run_name),)
        runs = [open_tracks(source, video)[0] for source in sources]
        tracks = with_edges(runs[0] if len(runs) == 1 else together(runs), project)
        found = find_outliers(tracks, labels)
    except MarkerlessError as error:
        return VideoOutliers(video, error=str(error))
    known = extracted_frames(project, video)
    chosen = tuple(frames_worth_labeling(tracks, found, request.n, known))
    result = VideoOutliers(video, sources[0], tracks, found, chosen, notes=_notes(found, chosen, request.n, len(known)))
    if request.list_only or not chosen:
        return result
    try:
        return _extracted(project, result, tracks)
    except MarkerlessError as error:
        return replace(result, error=str(error))


def _extracted(project: Project, found: VideoOutliers, tracks: Tracks) -> VideoOutliers:
    """The chosen frames as pictures, with their predictions as starting labels."""
    own = next((path for path in project.videos() if path.resolve() == found.video.resolve()), None)
    if own is None:
        raise SettingsError(
            f"expected a video of the study {project.root}, got {found.video}; take it in with 'markerless add', or "
            "only list with --list"
        )
    done = extract_frames(project, own, found.chosen)
    names = extracted_frames(project, own)
    folder = picture_folder(project, own)
    pictures = tuple(folder / names[frame] for frame in done.frames)
    rows = {frame: names[frame] for frame in done.frames if frame < tracks.n_frames}
    files = write_machine_labels(project, folder.name, tracks, rows) if rows else []
    return replace(found, pictures=pictures, written=(*pictures, *files), notes=(*found.notes, *done.notes))


def _notes(found: Outliers, chosen: Sequence[int], n: int, n_known: int) -> tuple[str, ...]:
    if not found.moments:
        return ("nothing is suspicious in this video; to label more of it, 'markerless extract' chooses by appearance",)
    if len(chosen) < n:
        away = f" and from the {n_known} that are extracted already" if n_known else ""
        return (f"{len(chosen)} frames instead of {n}: no more suspicious ones differ enough from each other{away}",)
    return ()


def said(moment: Moment, skeleton: Skeleton) -> dict[str, object]:
    """A moment as plain values, keypoints by name; `stop` is the frame after the last one."""
    return {
        "start": moment.start,
        "stop": moment.stop,
        "worst": moment.worst,
        "individual": moment.individual,
        "reason": moment.reason,
        "keypoints": [skeleton.keypoints[k] for k in moment.keypoints],
        "words": moment.words,
        "severity": round(moment.severity, 4),
        "also": [{"reason": reason, "words": words} for reason, words in moment.also],
    }
