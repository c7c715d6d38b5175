"""A network for one frame at a time."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from markerless.pipeline import live_model
from markerless.pipeline.live_model import LiveModel
from markerless.pipeline.method import Method
from markerless.runtime.engine import Batch, EngineOptions, Handle, Session, open_session
from markerless.runtime.region import Region
from pipeline.field import SIZE, film, make_field, scene
from runtime.moving_dots import walk

OFF = Method("openvino", "f32", 1)
ON = Method("openvino", "f32", 1, Region(64, 64, 16, 4, together=4, shrink=2))


class Slow:
    """A session that a test makes slow."""

    def __init__(self, session: Session, clock: list[float], seconds: float) -> None:
        self.session, self.clock, self.seconds = session, clock, seconds
        self.options = session.options
        self.is_closed = False

    def submit(self, batch: Batch) -> Handle:
        self.clock[0] += self.seconds
        return self.session.submit(batch)

    def close(self) -> None:
        self.is_closed = True
        self.session.close()


@pytest.mark.parametrize("method", [OFF, ON])
def test_finds_the_truth_frame_by_frame(tmp_path: Path, method: Method) -> None:
    with closing(LiveModel(scene(make_field(tmp_path), film()), method, threads=2)) as model:
        found = [model.look(frame) for _, frame in film().raw_frames() if frame is not None]
    np.testing.assert_array_equal([one.xy for one in found], walk(50, SIZE))
    assert (model.region is None) is (method is OFF)
    assert model.region is None or model.region.together == 1  # no frame waits for others


@pytest.mark.parametrize("quicker", [1, 2])
def test_whole_frames_take_the_way_that_answers_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quicker: int
) -> None:
    clock, opened = [0.0], []

    def slowed(engine: str, model: Path, options: EngineOptions, n_keypoints: int) -> Slow:
        seconds = 0.01 if options.threads_per_request == quicker else 0.02
        opened.append(Slow(open_session(engine, model, options, n_keypoints), clock, seconds))
        return opened[-1]

    monkeypatch.setattr(live_model, "open_session", slowed)
    monkeypatch.setattr(live_model.time, "perf_counter", lambda: clock[0])
    with closing(LiveModel(scene(make_field(tmp_path), film()), OFF, threads=2)) as model:
        assert model.whole.options.threads_per_request == quicker
        assert model.whole.options.inline
        assert [session.is_closed for session in opened] == [quicker != 1, quicker != 2]
    assert all(session.is_closed for session in opened)
