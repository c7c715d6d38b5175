"""A method with its network open: what frames of one size are analyzed with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

from markerless.pipeline.method import Method, Scene
from markerless.pipeline.region_check import Model
from markerless.runtime.blocks import Block, BlockPrediction
from markerless.runtime.engine import Session, open_session
from markerless.runtime.follow import FollowingModel, Sessions
from markerless.runtime.lanes import Crew, predict_in_region
from markerless.runtime.stream import predict
from markerless.video.reader import VideoReader

# Networks for so many lanes are opened beside the others, before it is known how many lanes there will be.
LANES_READY = 2


class Instrument:
    """The network of a scene, open in the sizes its method needs; good for every video of frames of that size."""

    def __init__(self, scene: Scene, method: Method, threads: int) -> None:
        """Open the network.

        Args:
            scene: What is to be analyzed by what.
            method: How.
            threads: Processor threads, 0 for all.

        Raises:
            RunError: the network is missing or damaged.
        """
        self.method = method
        self._view = scene.view
        self._n_keypoints = scene.run.skeleton.n_keypoints
        self._options = scene.options(batch_size=method.batch_size, precision=method.precision, threads=threads)
        if method.region is not None:  # whole frames come one by one then
            self._options = scene.options(precision=method.precision, threads=threads)
        self._model = Model(scene.run, method.engine, self._options, scene.view)
        self._free: list[FollowingModel] = []
        self._lock = threading.Lock()
        self._stack = ExitStack()
        with ThreadPoolExecutor(self._options.n_threads) as pool:
            whole = pool.submit(open_session, method.engine, scene.run.model, self._options, self._n_keypoints)
            small = None if method.region is None else pool.submit(self._model.open_small, method.region)
            crew = Crew(self._options.n_threads, method.decodes_beside)
            n_ready = 0 if method.region is None else min(crew.n_lanes, LANES_READY)
            regions = [pool.submit(self._open_region) for _ in range(n_ready)]
        self._whole = whole.result()
        self._small = None if small is None else small.result()
        self._free += [self._following(region.result()) for region in regions]

    def fits(self, scene: Scene, method: Method) -> bool:
        """Whether it can be used for another video."""
        return method == self.method and scene.view == self._view and scene.channels == self._options.channels

    @property
    def session(self) -> Session:
        """The network for whole frames."""
        return self._whole

    def predict(
        self, reader: VideoReader, todo: Sequence[Block], on_frames: Callable[[int], None]
    ) -> Generator[BlockPrediction]:
        """Predict blocks of a video; see `markerless.runtime.stream.predict`."""
        if self.method.region is None:
            yield from predict(reader, self._whole, todo, self._view, self._n_keypoints, on_frames)
            return
        used: list[FollowingModel] = []

        def model_of_lane() -> FollowingModel:
            model = self.following()
            used.append(model)
            return model

        # all lanes share the session for whole frames, and each has one request in flight
        crew = Crew(min(self._options.n_threads, self._whole.in_flight), self.method.decodes_beside)
        lanes = predict_in_region(reader, model_of_lane, todo, self._view, crew, on_frames)
        with closing(lanes):
            yield from lanes
        self._free += used

    def following(self) -> FollowingModel:
        """A network that follows the animal with a region, for one thread; closed with the instrument."""
        with self._lock:
            if self._free:
                return self._free.pop()
        return self._following(self._open_region())

    def _open_region(self) -> Session:
        assert self.method.region is not None
        session = self._model.open_region(self.method.region)
        with self._lock:
            self._stack.push(closing(session))
        return session

    def _following(self, session: Session) -> FollowingModel:
        assert self.method.region is not None
        return self._model.following(self.method.region, Sessions(self._whole, session, self._small))

    def how(self) -> dict[str, Any]:
        """What ran, for the provenance."""
        region = self.method.region
        return {
            "engine": self._whole.name,
            "engine_version": self._whole.version,
            "precision": self._whole.precision,
            "channels": self._options.channels,
            "batch_size": self._options.batch_size,
            "region": None if region is None else [region.width, region.height],
            "measured": self.method.effect(),
        }

    def close(self) -> None:
        """Free the network."""
        self._stack.close()
        if self._small is not None:
            self._small.close()
        self._whole.close()
