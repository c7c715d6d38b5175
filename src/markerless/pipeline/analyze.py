"""Trajectories of videos: the verb `analyze`.

Every video is worked on in blocks whose results are kept in a hidden folder beside the result files. When the last
block is there, h5, csv and nc are written in one pass and moved into place. An interrupted analysis goes on after the
last finished block and ends with the same bytes; a finished one is skipped as long as model, video and settings are
what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from markerless.core.progress import Progress, silent
from markerless.core.tracks import Tracks
from markerless.errors import StorageError, VideoError
from markerless.pipeline.analyst import Analysis, Analyst
from markerless.pipeline.analyze_settings import AnalyzeSettings
from markerless.pipeline.result_files import ResultFiles, refuse_twins
from markerless.pipeline.results import located
from markerless.pipeline.which_run import run_and_project
from markerless.video.listing import find_videos

if TYPE_CHECKING:
    from markerless.project import Project, Run

__all__ = ["Analysis", "AnalyzeSettings", "analyze"]

Several = Sequence[Path] | list[str] | tuple[str, ...] | list[str | Path]  # and not one str, which is a sequence too


@overload
def analyze(
    source: Project | Run,
    videos: str | Path,
    settings: AnalyzeSettings | None = None,
    *,
    run: str | None = None,
    out: Path | str | None = None,
    progress: Progress = silent,
) -> Tracks: ...


@overload
def analyze(
    source: Project | Run,
    videos: Several,
    settings: AnalyzeSettings | None = None,
    *,
    run: str | None = None,
    out: Path | str | None = None,
    progress: Progress = silent,
) -> list[Analysis]: ...


def analyze(
    source: Project | Run,
    videos: str | Path | Several,
    settings: AnalyzeSettings | None = None,
    *,
    run: str | None = None,
    out: Path | str | None = None,
    progress: Progress = silent,
) -> Tracks | list[Analysis]:
    """Find every keypoint in every frame of videos, and write `<video><scorer>.h5`, `.csv` and `.nc`.

    Args:
        source: A project (its newest finished run is used, or `run`), or a run.
        videos: One video file or folder of images; or a list of files, folders and globs.
        settings: Engine, precision, threads, region of interest, crop, time.
        run: Name of the project's run.
        out: Folder of the result files; default: beside each video.
        progress: Told of frames as they are finished.

    Returns:
        For one video its trajectories, in pixels of the whole frame; for a list what became of each video.

    Raises:
        RunError: no finished run, or its model is damaged.
        SettingsError: an unknown engine, an impossible precision, a crop outside of the frame.
        VideoError, StorageError: one video was given and cannot be read or its results not written. With a list that
            is a result of status "failed", and the other videos are analyzed all the same.
    """
    trained, project = run_and_project(source, run)
    single = isinstance(videos, str | Path)
    paths, errors = find_videos(
        [located(project, video) for video in ([videos] if isinstance(videos, str | Path) else videos)]
    )
    if single and errors:
        raise next(iter(errors.values()))
    if single and len(paths) != 1:
        raise VideoError(
            f"expected one video, {videos} holds {len(paths)}; give a list: analyze(run, [{str(videos)!r}])"
        )
    analyst = Analyst(trained, project, settings or AnalyzeSettings(), progress)
    targets = [ResultFiles.of(path, trained.scorer, out) for path in paths]
    refuse_twins(targets)
    results = [Analysis(path, "failed", error=str(error)) for path, error in errors.items()]
    try:
        for target in targets:
            try:
                results.append(analyst.analyze(target))
            except (VideoError, StorageError) as error:
                if single:
                    raise
                results.append(Analysis(target.video, "failed", error=str(error)))
    finally:
        analyst.close()
    return results[0].tracks() if single else results
