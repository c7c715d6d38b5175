"""Keypoints of a camera as it sees them: the verb `live`, for closed-loop experiments."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from markerless.config import Settings, load, parse_assignments
from markerless.core.progress import Progress, silent
from markerless.core.video import Video
from markerless.errors import MarkerlessError, SettingsError
from markerless.pipeline.analyze_settings import AnalyzeSettings
from markerless.pipeline.calibration import likelihood_definition, seen_from
from markerless.pipeline.live_log import LiveLog
from markerless.pipeline.live_model import LiveModel
from markerless.pipeline.method import Method, choose_method
from markerless.pipeline.processor import AnyProcessor, Hooks
from markerless.pipeline.scene import Scene, model_sha256, view_of
from markerless.pipeline.which_run import run_and_project
from markerless.runtime.forward import ForwardFilter, Motion
from markerless.runtime.live import Feed, Forward, Processor, Watcher, watch
from markerless.video.live_source import LiveSource
from markerless.video.reader import VideoReader, open_video
from markerless.video.source import Source, open_source

if TYPE_CHECKING:
    from markerless.project import Project, Run

__all__ = ["GROUPS", "LiveSettings", "LiveSummary", "Processor", "live"]

SECONDS_BETWEEN_REPORTS = 1.0
SPEED_SIZES = 5.0  # an animal's speed when it comes into sight, in animal sizes a second
MOST_VIDEOS_LOOKED_AT = 5
SHARE_OF_DIAGONAL = 0.1  # an animal's size where nothing tells it
NOT_LIVE = ("start_s", "stop_s", "batch_size")


class LiveSettings(Settings):
    """What to do with live frames; `--set live.<name>=<value>`."""

    out: Path | None = Field(None, description="CSV file that gets a row for every frame; none when not given.")
    overwrite: bool = Field(False, description="Replace the CSV file when it exists, instead of refusing.")
    seconds: float | None = Field(None, gt=0, description="End after so many seconds; else with the source, or Ctrl-C.")
    ahead_ms: float = Field(
        0.0, ge=0, le=1000, description="Predict where the keypoints will be so many milliseconds later; 0 does not."
    )
    every_frame: bool = Field(
        False,
        description="Let the source wait for the network instead of dropping frames; a file plays as fast as possible.",
    )
    acceleration: float = Field(
        20.0,
        gt=0,
        description="For the prediction: standard deviation of a keypoint's acceleration, animal sizes per s^2.",
    )
    noise: float = Field(
        0.01, gt=0, description="For the prediction: standard deviation of found keypoints, animal sizes."
    )
    min_score: float | None = Field(
        None,
        ge=0,
        le=1,
        description="For the prediction: keypoints of a lower score count as missing; the network's own by default.",
    )


GROUPS: dict[str, type[Settings]] = {"live": LiveSettings, "analyze": AnalyzeSettings}


@dataclass(frozen=True)
class LiveSummary:
    """What became of a live session.

    Attributes:
        ended: What ended it: "the source ended", "the time is up", "interrupted" or "the source failed".
        error: Why the source failed, one line; "" when it did not.
        n_seen: Frames that came.
        n_dropped: Frames that were overwritten by a newer one before the network was free.
        n_broken: Frames that could not be decoded.
        n_predicted: Frames that were worked on.
        n_whole: Of these, how many were looked at as a whole.
        seconds: From the first look for a frame to the last.
        latency_ms: "p50", "p95", "p99", "max": from frame in hand to numbers in hand; NaN without any frame.
        how: Run, engine, precision, what scores mean, region (width and height in px, or None) and why, threads.
        file: The CSV file, None when none was asked for.
    """

    ended: str
    error: str
    n_seen: int
    n_dropped: int
    n_broken: int
    n_predicted: int
    n_whole: int
    seconds: float
    latency_ms: dict[str, float]
    how: dict[str, Any]
    file: Path | None


def live(
    source: Project | Run,
    camera: Source,
    processor: AnyProcessor | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    run: str | None = None,
    progress: Progress = silent,
) -> LiveSummary:
    """Find the keypoints in live frames, and hand them over at once; the newest frame wins.

    Args:
        source: A project (its newest finished run is used, or `run`), or a run.
        camera: Number of a camera; an address such as "rtsp://192.168.0.7/stream"; a video file, which plays at its own
            speed; or an iterable of frames: `(H, W, 3)` RGB or `(H, W)` gray arrays of uint8, or (seconds, array)
            pairs. An iterable is read in another thread.
        processor: Gets `(points, score, timestamp_s)` of every frame: see `markerless.Processor`.
        settings: Group -> key -> value: `{"live": {"ahead_ms": 20}, "analyze": {"region": "off"}}`.
        run: Name of the project's run.
        progress: Told once a second how many frames were worked on; the total is 0, as nobody knows it.

    Returns:
        Counts and latencies. Ctrl-C is the normal way to stop a camera, and a source that fails is said in `error`: in
        both cases what was measured is kept.

    Raises:
        RunError: no finished run, or its network is damaged.
        SettingsError: an unknown or impossible setting.
        VideoError: the source cannot be opened.
        ProcessorError: the processor is none, or failed.
        StorageError: the CSV file exists already or cannot be written.
    """
    wanted, analyzing = _load(settings or {})
    trained, project = run_and_project(source, run)
    hooks = Hooks(processor)
    with ExitStack() as stack:
        frames = open_source(camera, own_speed=not wanted.every_frame)
        feed = Feed(frames, wanted.every_frame)
        stack.callback(feed.close)
        scene, method = _choose(trained, project, frames, analyzing, progress)
        model = stack.enter_context(closing(LiveModel(scene, method, analyzing.threads)))
        log = None
        if wanted.out is not None:
            names = trained.skeleton.keypoints
            has_ahead, has_error = wanted.ahead_ms > 0, model.whole.has_expected_error
            log = stack.enter_context(closing(LiveLog(wanted.out, names, has_ahead, has_error, wanted.overwrite)))
        watcher = Watcher(model.look, scene.view, hooks.process, _forward(scene, wanted))
        stack.callback(hooks.stop)
        hooks.start(trained.skeleton.keypoints)
        ending = _run(feed, watcher, log, wanted.seconds, progress)
    return _summary(feed, watcher, ending, _how(trained, model, method), wanted.out)


@dataclass(frozen=True)
class _Ending:
    """What ended the loop, and after how long."""

    why: str
    error: str
    seconds: float


def _load(values: Mapping[str, Mapping[str, Any]]) -> tuple[LiveSettings, AnalyzeSettings]:
    parse_assignments([f"{group}.{key}=" for group, keys in values.items() for key in keys], GROUPS)
    for key in NOT_LIVE:
        if key in values.get("analyze", {}):
            raise SettingsError(f"expected no analyze.{key} with live frames; see live.seconds and live.every_frame")
    return (
        load("live", LiveSettings, values.get("live", {})),
        load("analyze", AnalyzeSettings, {**values.get("analyze", {}), "batch_size": 1}),
    )


def _choose(
    run: Run, project: Project | None, frames: LiveSource, settings: AnalyzeSettings, progress: Progress
) -> tuple[Scene, Method]:
    """What is looked at, and the way of looking that a video of this size is analyzed with."""
    path = Path(frames.name)
    crop = settings.crop
    if crop is None and project is not None and frames.reader is not None and not path.is_dir():
        crop = project.crop_of(path)
    video = Video(path, 0, frames.width, frames.height, math.nan, "live")
    view = view_of(video, crop, strict=settings.crop is not None)
    with ExitStack() as stack:
        reader = frames.reader or _video_like(frames, project, stack)
        scene = Scene(run, project, reader, view, 1 if frames.is_gray else 3, model_sha256(run))
        return scene, choose_method(scene, settings, progress)


def _video_like(frames: LiveSource, project: Project | None, stack: ExitStack) -> VideoReader | None:
    """A video of the project with frames of the same size, which a camera's will resemble."""
    for path in project.videos()[:MOST_VIDEOS_LOOKED_AT] if project is not None else ():
        try:
            reader = open_video(path)
        except MarkerlessError:
            continue
        stack.enter_context(closing(reader))
        if (reader.video.width, reader.video.height) == (frames.width, frames.height):
            return reader
    return None


def _forward(scene: Scene, wanted: LiveSettings) -> Forward | None:
    if not wanted.ahead_ms:
        return None
    diagonal = math.hypot(scene.view.width, scene.view.height)
    size = float(scene.run.settings.get("data", {}).get("animal_size_px", SHARE_OF_DIAGONAL * diagonal))
    min_score = seen_from(scene.run) if wanted.min_score is None else wanted.min_score
    motion = Motion(wanted.acceleration * size, wanted.noise * size, SPEED_SIZES * size, min_score)
    return Forward(ForwardFilter(scene.run.skeleton.n_keypoints, motion), wanted.ahead_ms / 1000)


def _run(feed: Feed, watcher: Watcher, log: LiveLog | None, seconds: float | None, progress: Progress) -> _Ending:
    """Work until something ends it."""
    began = reported = time.monotonic()
    why = "the time is up"
    feed.start()
    try:
        for numbers in watch(feed, watcher, seconds):
            if log is not None:
                if numbers is not None:
                    log.add(numbers)
                log.flush_when_due()
            if time.monotonic() - reported >= SECONDS_BETWEEN_REPORTS:
                reported = time.monotonic()
                progress(watcher.latencies.n, 0, _status(feed, watcher, reported - began))
        if feed.has_ended:
            why = "the source ended" if feed.error is None else "the source failed"
    except KeyboardInterrupt:
        why = "interrupted"
    seconds_taken, error = time.monotonic() - began, feed.error
    feed.close()
    if error is not None and not isinstance(error, MarkerlessError):
        raise error
    return _Ending(why, "" if error is None else str(error), seconds_taken)


def _status(feed: Feed, watcher: Watcher, seconds: float) -> str:
    latencies = watcher.latencies
    return (
        f"{latencies.n / seconds:.1f} frames/s, latency {latencies.percentile(50):.1f} ms "
        f"(p99 {latencies.percentile(99):.1f}), {feed.n_dropped} dropped, {feed.n_broken} broken"
    )


def _how(run: Run, model: LiveModel, method: Method) -> dict[str, Any]:
    region = model.region
    return {
        "run": run.name,
        "engine": model.whole.name,
        "engine_version": model.whole.version,
        "precision": model.whole.precision,
        "likelihood_definition": likelihood_definition(run),
        "region": None if region is None else [region.width, region.height],
        "region_why": method.measured["region"]["why"],
        "threads_of_whole_frame": model.whole.options.threads_per_request,
    }


def _summary(feed: Feed, watcher: Watcher, ending: _Ending, how: dict[str, Any], file: Path | None) -> LiveSummary:
    latencies = watcher.latencies
    shares = {f"p{share}": latencies.percentile(share) for share in (50, 95, 99)}
    return LiveSummary(
        ended=ending.why,
        error=ending.error,
        n_seen=feed.n_seen,
        n_dropped=feed.n_dropped,
        n_broken=feed.n_broken,
        n_predicted=latencies.n,
        n_whole=watcher.n_whole,
        seconds=ending.seconds,
        latency_ms={**shares, "max": latencies.longest_ms},
        how=how,
        file=file,
    )
