"""How fast this machine is with a network: the verb `bench`.

Every row is measured in a process of its own, so that its memory is its own too, and only one at a time.
"""

from __future__ import annotations

import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from markerless.core.progress import Progress, silent
from markerless.errors import MarkerlessError, VideoError
from markerless.pipeline.analyze_settings import AnalyzeSettings
from markerless.pipeline.engine_rates import frames_per_second
from markerless.pipeline.instrument import Instrument
from markerless.pipeline.method import Method, choose_method
from markerless.pipeline.scene import Scene, scene_of
from markerless.pipeline.which_run import run_and_project
from markerless.project import Project, Run
from markerless.runtime.blocks import blocks, within
from markerless.runtime.engine import ENGINES, Session
from markerless.runtime.machine import processor
from markerless.runtime.stream import pixels
from markerless.video.reader import VideoReader, open_video

SECONDS_PER_ROW = 3.0
FEWEST_FRAMES = 30
LATENCY_REQUESTS = 60
DECODE = "decode only"
WHOLE = "whole frame"
REGION = "region of interest"


@dataclass(frozen=True)
class Row:
    """One way of working on the video.

    Attributes:
        what: `DECODE`, `WHOLE` or `REGION`.
        engine: Name of the engine, "" for decoding.
        precision: "f32" or "bf16", "" for decoding.
        frames_per_s: Decoding, inference and all between them, on all threads.
        in_memory_per_s: The engine alone, on frames held in memory; NaN where it is not measured.
        latency_ms: Median time from a frame in hand to its keypoints, one frame at a time.
        memory_mb: Largest resident memory of the process; NaN where the system does not tell.
        note: Why there are no numbers, "" where there are.
    """

    what: str
    engine: str = ""
    precision: str = ""
    frames_per_s: float = math.nan
    in_memory_per_s: float = math.nan
    latency_ms: float = math.nan
    memory_mb: float = math.nan
    note: str = ""


@dataclass(frozen=True)
class Bench:
    """The table of this machine.

    Attributes:
        machine: Name of the processor and how many of its cores are used.
        video: The video it was measured on.
        size: Width and height of its frames.
        rows: What was measured.
        chosen: The method that `analyze` takes for such frames.
    """

    machine: str
    video: Path
    size: tuple[int, int]
    rows: tuple[Row, ...]
    chosen: Method

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "machine": self.machine,
            "video": self.video,
            "size_px": list(self.size),
            "rows": [asdict(row) for row in self.rows],
            "chosen": self.chosen.to_json(),
        }


@dataclass(frozen=True)
class _Task:
    """A row to be measured in another process."""

    run: Path
    video: Path
    row: Row
    method: Method | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def bench(
    source: Project | Run,
    video: Path | str | None = None,
    settings: AnalyzeSettings | None = None,
    *,
    run: str | None = None,
    progress: Progress = silent,
) -> Bench:
    """Measure decoding, whole frames and region of interest with every engine and precision there is.

    Args:
        source: A project (its newest finished run is used, or `run`), or a run.
        video: What to measure on; default: the project's first video.
        settings: As for `analyze`; the engine and precision are those of the choice, the table has all of them.
        run: Name of the project's run.
        progress: Told of each row.

    Raises:
        RunError: no finished run.
        VideoError: no video, or it cannot be read.
    """
    trained, project = run_and_project(source, run)
    path = _video(video, project)
    settings = settings or AnalyzeSettings()
    with open_video(path) as reader:
        scene = scene_of(trained, project, reader, settings)
        chosen = choose_method(scene, settings, progress)
        size = reader.video.width, reader.video.height
    plain = settings.model_dump(mode="json")
    tasks = [_Task(trained.folder, path, row, method, plain) for row, method in _ways(chosen)]
    rows = []
    for done, task in enumerate(tasks):
        name = " ".join(part for part in (task.row.what, task.row.engine, task.row.precision) if part)
        progress(done, len(tasks), name)
        rows.append(_in_own_process(task))
    progress(len(tasks), len(tasks), "")
    cpu = processor()
    return Bench(f"{cpu.name or 'unknown processor'}, {cpu.n_usable} cores", path, size, tuple(rows), chosen)


def _video(video: Path | str | None, project: Project | None) -> Path:
    if video is not None:
        return Path(video)
    videos = project.videos() if project is not None else ()
    if not videos:
        raise VideoError("expected a video to measure on, found none; name one: markerless bench PROJECT VIDEO")
    return videos[0]


def _ways(chosen: Method) -> Iterator[tuple[Row, Method | None]]:
    """Everything to measure: decoding, then each engine and precision, whole frame and region."""
    yield Row(DECODE), None
    for what in (WHOLE, REGION) if chosen.region else (WHOLE,):
        for engine in ENGINES.names():
            for precision in ("bf16", "f32"):
                method = Method(engine, precision, 1, chosen.region if what == REGION else None, chosen.measured)
                yield Row(what, engine, precision), method


def _in_own_process(task: _Task) -> Row:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(_measured, task).result()
        except BrokenProcessPool:
            return replace(task.row, note="the process ended by itself; is there enough memory?")


def _measured(task: _Task) -> Row:
    """The row with its numbers, or with a note why it has none."""
    try:
        with open_video(task.video) as reader:
            if task.method is None:
                row = _decoding(task.row, reader)
            else:
                trained, project = run_and_project(Run.open(task.run), None)
                row = _inference(task, scene_of(trained, project, reader, AnalyzeSettings(**task.settings)))
    except MarkerlessError as error:
        return replace(task.row, note=str(error))
    return replace(row, memory_mb=_peak_mb())


def _decoding(row: Row, reader: VideoReader) -> Row:
    began, n_frames = time.perf_counter(), 0
    for _ in reader.raw_frames():
        n_frames += 1
        if time.perf_counter() - began > SECONDS_PER_ROW:
            break
    seconds = time.perf_counter() - began
    return replace(row, frames_per_s=n_frames / seconds, latency_ms=1000 * seconds / n_frames)


def _inference(task: _Task, scene: Scene) -> Row:
    assert task.method is not None
    reader = scene.reader
    assert reader is not None
    with closing(Instrument(scene, task.method, AnalyzeSettings(**task.settings).threads)) as instrument:
        frames = [raw for _, raw in islice(reader.raw_frames(), LATENCY_REQUESTS) if raw is not None]
        in_memory = math.nan
        if task.method.region is None:
            images = [pixels(raw, scene.view, scene.channels)[np.newaxis] for raw in frames]
            seconds = [_timed(partial(_wait_for, instrument.session, image)) for image in images]
            in_memory = frames_per_second(instrument.session, 1.0)
        else:
            model = instrument.following()
            seconds = [_timed(partial(model.predict, [raw])) for raw in frames]
        expected = in_memory if math.isfinite(in_memory) else 2 / float(np.median(seconds))
        n_frames = min(max(int(SECONDS_PER_ROW * expected), FEWEST_FRAMES), len(reader))
        todo = within(blocks(reader.key_frames, len(reader)), 0, n_frames)
        began = time.perf_counter()
        for _ in instrument.predict(reader, todo, lambda n_frames: None):
            pass
        rate = n_frames / (time.perf_counter() - began)
    latency_ms = 1000 * float(np.median(seconds[1:] or seconds))
    return replace(task.row, frames_per_s=rate, in_memory_per_s=in_memory, latency_ms=latency_ms)


def _wait_for(session: Session, image: npt.NDArray[np.uint8]) -> None:
    session.submit(image).result()


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _peak_mb() -> float:
    """Largest resident memory of this process so far; NaN on Windows, which has no such call in Python."""
    if sys.platform == "win32":
        return math.nan
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
