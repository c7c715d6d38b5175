"""How fast each way of running a network is on this machine: engines, precisions and batch sizes side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np

from markerless.errors import RunError, SettingsError
from markerless.pipeline.analyze_settings import AnalyzeSettings
from markerless.pipeline.scene import Scene
from markerless.runtime.engine import EngineOptions, Session, open_session
from markerless.runtime.machine import graphics_cards

# By turns, and of each the fastest: another program that is busy for a moment slows one turn, not one of the ways.
TURNS, SECONDS_PER_TURN = 3, 0.1
SMALL_IMAGE_PX = 160_000  # larger images fill the processor one by one

Way = tuple[str, EngineOptions]  # name of the engine, and what it is opened with


def engine_rates(scene: Scene, settings: AnalyzeSettings) -> list[dict[str, Any]]:
    """A row for each way of running the network on whole frames that the settings allow and this machine has.

    One way is open at a time: on many threads each takes much memory.

    Raises:
        SettingsError, RunError: there is none; why the last one that was tried is none.
    """
    rows: dict[Way, dict[str, Any]] = {}
    ways, failure = _ways(scene, settings), None
    for _ in range(TURNS):
        for way in list(ways):
            engine, options = way
            try:
                with opened(engine, scene, options) as session:
                    rate = round(frames_per_second(session), 1)
            except (SettingsError, RunError) as error:
                if settings.engine != "auto" and (settings.precision != "auto" or options.precision == "f32"):
                    raise
                ways.remove(way)  # no bf16 on this processor, or no such engine, or not what it needs of the run
                rows.pop(way, None)
                failure = error
                continue
            if way not in rows or rate > rows[way]["frames_per_s"]:
                rows[way] = {
                    "engine": engine,
                    "precision": options.precision,
                    "batch_size": options.batch_size,
                    "threads": options.n_threads,
                    "frames_per_s": rate,
                }
    if failure is not None and not rows:
        raise failure
    return list(rows.values())


def _ways(scene: Scene, settings: AnalyzeSettings) -> list[Way]:
    precisions = ("bf16", "f32") if settings.precision == "auto" else (settings.precision,)
    return [
        (engine, scene.options(batch_size=batch_size, precision=precision))
        for engine in _engines(settings.engine)
        for precision in precisions
        for batch_size in _batch_sizes(scene, settings)
    ]


def _engines(wanted: str) -> tuple[str, ...]:
    if wanted != "auto":
        return (wanted,)
    return ("openvino", "torch") if graphics_cards() else ("openvino",)


def _batch_sizes(scene: Scene, settings: AnalyzeSettings) -> tuple[int, ...]:
    if settings.batch_size:
        return (settings.batch_size,)
    return (1, 4) if scene.view.width * scene.view.height <= SMALL_IMAGE_PX else (1,)


def frames_per_second(session: Session, seconds: float = SECONDS_PER_TURN) -> float:
    """How many images a session computes when it never waits for one."""
    batches = [
        np.random.default_rng(i).integers(0, 256, session.options.shape).astype(np.uint8)
        for i in range(session.in_flight)
    ]
    handles = [session.submit(batch) for batch in batches]
    for handle in handles:
        handle.result()  # the first requests pay for memory
    n_images, began = 0, time.perf_counter()
    handles = [session.submit(batch) for batch in batches]
    while time.perf_counter() - began < seconds:
        handles.pop(0).result()
        n_images += session.options.batch_size
        handles.append(session.submit(batches[(n_images // session.options.batch_size - 1) % len(batches)]))
    elapsed = time.perf_counter() - began
    for handle in handles:
        handle.result()
    return n_images / elapsed


@contextmanager
def opened(engine: str, scene: Scene, options: EngineOptions) -> Iterator[Session]:
    """A session of the scene's network that is closed afterwards."""
    with closing(open_session(engine, scene.run.model, options, scene.run.skeleton.n_keypoints)) as session:
        yield session
