"""How fast each way of running a network is on this machine: engines, precisions and batch sizes side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
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


def engine_rates(scene: Scene, settings: AnalyzeSettings) -> list[dict[str, Any]]:
    """A row for each way of running the network on whole frames that the settings allow and this machine has.

    Raises:
        SettingsError, RunError: there is none; why the last one that was tried is none.
    """
    with ExitStack() as stack:
        ways = _open_ways(scene, settings, stack)
        turns = [[frames_per_second(session) for session in ways] for _ in range(TURNS)]
        fastest = np.max(turns, axis=0)
        return [
            {
                "engine": session.name,
                "precision": session.precision,
                "batch_size": session.options.batch_size,
                "threads": session.options.n_threads,
                "frames_per_s": round(float(rate), 1),
            }
            for session, rate in zip(ways, fastest, strict=True)
        ]


def _open_ways(scene: Scene, settings: AnalyzeSettings, stack: ExitStack) -> list[Session]:
    """Every way, open until `stack` is left.

    Raises:
        SettingsError, RunError: as `engine_rates`.
    """
    ways: list[Session] = []
    failure: SettingsError | RunError | None = None
    for engine in _engines(settings.engine):
        for precision in ("bf16", "f32") if settings.precision == "auto" else (settings.precision,):
            for batch_size in _batch_sizes(scene, settings):
                options = scene.options(batch_size=batch_size, precision=precision)
                try:
                    ways.append(stack.enter_context(opened(engine, scene, options)))
                except (SettingsError, RunError) as error:
                    if settings.engine != "auto" and (settings.precision != "auto" or precision == "f32"):
                        raise
                    failure = error  # no bf16 on this processor, or no such engine, or not what it needs of the run
    if failure is not None and not ways:
        raise failure
    return ways


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
