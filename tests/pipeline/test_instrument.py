"""A method with its network open: the same numbers with a region as without, for one video after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest

from markerless.pipeline import instrument as instruments
from markerless.pipeline import region_check
from markerless.pipeline.instrument import Instrument
from markerless.pipeline.method import Method
from markerless.project import Project
from markerless.runtime.blocks import Block, BlockPrediction
from markerless.runtime.engine import Batch, Done, EngineOptions, Session, open_session
from markerless.runtime.region import Region
from markerless.video.raw import RawFrame
from pipeline.field import SIZE, film, make_field, scene, settings
from runtime.moving_dots import InMemory, walk

BLOCKS = (Block(0, 20), Block(20, 40), Block(40, 50))
ALIKE = {"region": {"use": "on", "why": "asked for", "ms_per_frame": 1.0, "ms_to_decode": 1.1}}
OFF = {"region": {"use": "off", "why": "switched off"}}
ON = {"region": {"use": "on", "why": "asked for", "ms_per_frame": 1.0}}
REGION = Region(64, 64, 16, 4, together=2, shrink=2)


@pytest.fixture
def field(tmp_path: Path) -> Project:
    return make_field(tmp_path)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[EngineOptions]:
    """With what sessions were opened, in order."""
    found: list[EngineOptions] = []

    def recorded(engine: str, model: Path, options: EngineOptions, n_keypoints: int) -> Session:
        found.append(options)
        return open_session(engine, model, options, n_keypoints)

    for module in (instruments, region_check):
        monkeypatch.setattr(module, "open_session", recorded)
    return found


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as instruments_to_close:
        yield instruments_to_close


def made(field: Project, method: Method, stack: ExitStack, threads: int = 1) -> Instrument:
    return stack.enter_context(closing(Instrument(scene(field, film()), method, threads)))


def predicted(instrument: Instrument, reader: InMemory) -> list[BlockPrediction]:
    found = list(instrument.predict(reader, BLOCKS, lambda n_frames: None))
    return sorted(found, key=lambda prediction: prediction.block.start)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("region", [None, REGION])
def test_finds_the_truth_with_a_region_and_without(
    field: Project, stack: ExitStack, threads: int, region: Region | None
) -> None:
    method = Method("openvino", "f32", 1, region, OFF if region is None else ON)
    instrument = made(field, method, stack, threads)
    for _ in range(2):  # another video of that size
        found = predicted(instrument, film())
        assert [prediction.block for prediction in found] == list(BLOCKS)
        np.testing.assert_array_equal(np.concatenate([prediction.xy for prediction in found]), walk(50, SIZE))
        whole = np.concatenate([prediction.whole for prediction in found])
        assert whole.all() if region is None else whole.sum() < 20


def test_opens_what_the_method_needs_and_uses_it_again(
    field: Project, stack: ExitStack, opened: list[EngineOptions]
) -> None:
    """Whole frames, frames of half the size, and a region for each of three lanes; two of those are ready at once."""
    instrument = made(field, Method("openvino", "f32", 4, REGION, ON), stack, threads=3)
    whole = EngineOptions(SIZE[1], SIZE[0], precision="f32", threads=3)  # one by one, whatever is best without a region
    small = EngineOptions(SIZE[1] // 2, SIZE[0] // 2, precision="f32", threads=3)
    region = EngineOptions(64, 64, batch_size=2, precision="f32", threads=3, inline=True)
    assert [opened.count(one) for one in (whole, small, region)] == [1, 1, 2]
    for _ in range(2):
        predicted(instrument, film())
        assert [opened.count(one) for one in (whole, small, region)] == [1, 1, 3]
    assert len(opened) == 5


def test_without_a_region_batches_are_those_of_the_method(
    field: Project, stack: ExitStack, opened: list[EngineOptions]
) -> None:
    made(field, Method("openvino", "f32", 4, None, OFF), stack)
    assert opened == [EngineOptions(SIZE[1], SIZE[0], batch_size=4, precision="f32", threads=1)]


def test_threads_go_in_pairs_where_decoding_takes_as_long_as_the_region(
    field: Project, stack: ExitStack, opened: list[EngineOptions]
) -> None:
    lanes: set[str] = set()

    class Watched(InMemory):
        def raw_frames(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, RawFrame | None]]:
            for item in super().raw_frames(start, stop):
                names = [thread.name for thread in threading.enumerate()]
                lanes.update(name for name in names if name.startswith(("lane", "decoder")))
                yield item

    instrument = made(field, Method("openvino", "f32", 1, REGION, ALIKE), stack, threads=2)
    assert sum(options.inline for options in opened) == 1  # the network of one lane
    found = predicted(instrument, Watched(film().pictures))
    np.testing.assert_array_equal(np.concatenate([prediction.xy for prediction in found]), walk(50, SIZE))
    assert lanes == {"lane 0", "decoder"}


def test_fits_frames_of_its_size_and_method_alone(field: Project, stack: ExitStack) -> None:
    method = Method("openvino", "f32", 1, None, OFF)
    instrument = made(field, method, stack)
    assert instrument.fits(scene(field, film(3)), method)
    assert not instrument.fits(scene(field, film(3)), Method("openvino", "f32", 4, None, OFF))
    assert not instrument.fits(scene(field, film(3), settings(crop="0,100,0,100")), method)
    gray = film(3)
    gray.pictures[:] = gray.pictures.max(-1, keepdims=True)
    assert not instrument.fits(scene(field, gray), method)


def test_says_how_it_was_made_without_speeds(field: Project, stack: ExitStack) -> None:
    how = made(field, Method("openvino", "f32", 1, REGION, ON), stack).how()
    assert (how["engine"], how["precision"], how["channels"], how["region"]) == ("openvino", "f32", 3, [64, 64])
    assert how["measured"] == {"bf16": None, "region": {"use": "on", "why": "asked for"}}
    assert made(field, Method("openvino", "f32", 1, None, OFF), stack).how()["region"] is None


def test_closing_a_prediction_early_leaves_it_usable(field: Project, stack: ExitStack) -> None:
    instrument = made(field, Method("openvino", "f32", 1, REGION, ON), stack, threads=2)
    unfinished = instrument.predict(film(), BLOCKS, lambda n_frames: None)
    next(unfinished)
    unfinished.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lane")]
    xy = np.concatenate([prediction.xy for prediction in predicted(instrument, film())])
    np.testing.assert_array_equal(xy, walk(50, SIZE))


class OneAtATime:
    """A session as on a graphics card, where fewer requests than threads may be in flight."""

    has_expected_error = False

    def __init__(self, session: Session) -> None:
        self._session = session
        self.name, self.version, self.precision, self.options = "card", "1", session.precision, session.options
        self.in_flight = 1
        self._lock = threading.Lock()

    def submit(self, batch: Batch) -> Done:
        assert self._lock.acquire(blocking=False), "a second request is in flight"
        time.sleep(0.001)
        prediction = self._session.submit(batch).result()
        self._lock.release()
        return Done(prediction)

    def close(self) -> None:
        self._session.close()


def test_no_more_requests_are_in_flight_than_the_engine_allows(
    field: Project, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty film: every lane looks at every whole frame, through one session."""

    def narrow(engine: str, model: Path, options: EngineOptions, n_keypoints: int) -> Session:
        return OneAtATime(open_session(engine, model, options, n_keypoints))

    monkeypatch.setattr(instruments, "open_session", narrow)
    empty = InMemory(np.zeros((50, SIZE[1], SIZE[0], 3), dtype=np.uint8))
    found = predicted(made(field, Method("openvino", "f32", 1, REGION, ON), stack, threads=3), empty)
    assert all(prediction.whole.all() for prediction in found)
