"""A method with its network open: what frames of one size are analyzed with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from typing import Any

from markerless.pipeline.method import Method, Scene
from markerless.pipeline.region_check import Model
from markerless.runtime.blocks import Block, BlockPrediction
from markerless.runtime.engine import Session, open_session
from markerless.runtime.follow import FollowingModel
from markerless.runtime.lanes import predict_in_region
from markerless.runtime.stream import predict
from markerless.video.reader import VideoReader


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
        self._whole = open_session(method.engine, scene.run.model, self._options, self._n_keypoints)
        self._stack = ExitStack()
        self._small = None if method.region is None else self._model.open_small(method.region)
        self._free: list[FollowingModel] = []
        self._lock = threading.Lock()

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
            with self._lock:
                model = self._free.pop() if self._free else None
            model = model or self.following()
            used.append(model)
            return model

        # all lanes share the session for whole frames, and each has one request in flight
        n_threads = min(self._options.n_threads, self._whole.in_flight)
        lanes = predict_in_region(reader, model_of_lane, todo, self._view, n_threads, on_frames)
        with closing(lanes):
            yield from lanes
        self._free += used

    def following(self) -> FollowingModel:
        """One more network that follows the animal with a region; closed with the instrument."""
        assert self.method.region is not None
        own = ExitStack()
        model = self._model.following(self.method.region, self._whole, self._small, own)
        with self._lock:
            self._stack.push(own)
        return model

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
