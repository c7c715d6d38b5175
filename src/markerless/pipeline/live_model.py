"""A network opened so that the numbers of one frame come as soon as can be, not those of many as fast as can be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

import numpy as np

from markerless.pipeline.method import Method
from markerless.pipeline.region_check import Model
from markerless.pipeline.scene import Scene
from markerless.runtime.engine import Session, open_session
from markerless.runtime.follow import FollowingModel, Found, Sessions
from markerless.runtime.region import Region
from markerless.video.raw import RawFrame

REQUESTS_TO_TIME = 15
SECONDS_TO_TIME = 0.5
SHARE_TO_COMPARE = 90  # percent: a way that is mostly quick and now and then slow is not the quicker one
_NO_REGION = Region(0, 0, 1, 0)


class LiveModel:
    """The network of a scene, for one frame at a time.

    Attributes:
        whole: The session for whole frames.
        region: The region that follows the animal, None when whole frames are looked at.
    """

    def __init__(self, scene: Scene, method: Method, threads: int) -> None:
        """Open the network in the sizes that are needed.

        Args:
            scene: What is looked at by what.
            method: How; frames are taken one by one whatever it says of several.
            threads: Processor threads, 0 for all.

        Raises:
            RunError: the network is missing or damaged.
        """
        self._stack = ExitStack()
        self.region = None if method.region is None else replace(method.region, together=1)
        options = scene.options(precision=method.precision, threads=threads)
        model = Model(scene.run, method.engine, options, scene.view)
        n_keypoints = scene.run.skeleton.n_keypoints
        with ExitStack() as undo:  # what was opened before something failed
            undo.callback(self._stack.close)
            self.whole = self._quickest(scene, method, threads)
            self._stack.enter_context(closing(self.whole))
            if self.region is None:
                sessions = Sessions(self.whole, self.whole)
                self._following = FollowingModel(sessions, _NO_REGION, scene.view, n_keypoints)
            else:
                small = model.open_small(self.region)
                if small is not None:
                    self._stack.enter_context(closing(small))
                own = self._stack.enter_context(closing(model.open_region(self.region)))
                self._following = model.following(self.region, Sessions(self.whole, own, small))
            undo.pop_all()

    def look(self, frame: RawFrame) -> Found:
        """The animal in the next frame, in pixels of the scene's view."""
        if self.region is None:
            return self._following.look_everywhere(frame)
        return self._following.predict([frame])[0]

    def close(self) -> None:
        """Free the network."""
        self._stack.close()

    def _quickest(self, scene: Scene, method: Method, threads: int) -> Session:
        """The network for whole frames, on one thread or all of them together: whichever answers sooner just now."""
        n_threads = scene.options(threads=threads).n_threads
        ways = sorted({1, n_threads})
        opened: list[Session] = []
        for together in ways:
            options = scene.options(precision=method.precision, inline=True, threads_per_request=together)
            opened.append(open_session(method.engine, scene.run.model, options, scene.run.skeleton.n_keypoints))
        best = 0 if len(opened) == 1 else int(np.argmin(waiting_s(opened)))
        for i, session in enumerate(opened):
            if i != best:
                session.close()
        return opened[best]


def waiting_s(sessions: Sequence[Session]) -> list[float]:
    """How long an answer of each session takes, in seconds; they take turns, so that a busy moment hits all."""
    image = np.random.default_rng(0).integers(0, 256, sessions[0].options.shape).astype(np.uint8)
    times: list[list[float]] = [[] for _ in sessions]
    ends = time.perf_counter() + SECONDS_TO_TIME * len(sessions)
    for _ in range(REQUESTS_TO_TIME):
        for own, session in zip(times, sessions, strict=True):
            began = time.perf_counter()
            session.submit(image).result()
            own.append(time.perf_counter() - began)
        if time.perf_counter() > ends:
            break
    return [float(np.percentile(own, SHARE_TO_COMPARE)) for own in times]
