"""Every engine, built in or of another package, gives the same answers for the same trained network.

torch also runs on a graphics card; that goes by the mark `gpu`.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from make_run import MadeRun, blurred_dots, random_dots
from markerless.errors import RunError, SettingsError
from markerless.runtime.engine import ENGINES, EngineOptions, Handle, Prediction, Session, open_session

ON_CARD = "torch-gpu"


@pytest.fixture(params=[*ENGINES.names(), pytest.param(ON_CARD, marks=pytest.mark.gpu)])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of an engine; torch is held to the processor but for `torch-gpu`."""
    if request.param == ON_CARD:
        request.getfixturevalue("gpu")
        return "torch"
    if request.param == "torch":
        monkeypatch.setattr("markerless.nn.engine.best_device", lambda: torch.device("cpu"))
    return str(request.param)


def opened(engine: str, run: MadeRun, images: np.ndarray, precision: str = "f32", threads: int = 1) -> Session:
    """A session for requests like `images (B, H, W, C)`."""
    batch_size, height, width, channels = images.shape
    return open_session(engine, run.model, EngineOptions(height, width, channels, batch_size, precision, threads), 3)


def predicted(engine: str, run: MadeRun, images: np.ndarray, precision: str = "f32", threads: int = 1) -> Prediction:
    """All of `images (T, H, W, C)`, one a request, one after the other."""
    session = opened(engine, run, images[:1], precision, threads)
    results = [session.submit(image[np.newaxis]).result() for image in images]
    session.close()
    return Prediction(np.concatenate([r.xy for r in results]), np.concatenate([r.score for r in results]))


def test_torch_is_one_of_them() -> None:
    """It comes by an entry point, which a package that was installed before it existed does not have."""
    assert {"openvino", "onnxruntime", "torch"} <= set(ENGINES.names())


def test_says_what_it_is(engine: str, made_run: MadeRun) -> None:
    session = opened(engine, made_run, random_dots(1, 0)[0])
    assert session.name == engine
    assert session.precision == "f32"
    assert session.version
    assert session.in_flight >= 1
    assert session.options.shape == (1, 72, 96, 3)
    assert session.has_expected_error is False
    session.close()


def test_finds_what_is_there(engine: str, made_run: MadeRun) -> None:
    images, places = random_dots(16, 1)
    prediction = predicted(engine, made_run, images)
    assert prediction.xy.dtype == prediction.score.dtype == np.float32
    assert prediction.expected_error is None  # its errors are not calibrated
    assert np.median(np.linalg.norm(prediction.xy - places, axis=-1)) < 3  # less than half of a dot
    assert np.median(prediction.score) == pytest.approx(0.95, abs=0.03)  # leveled


def test_requests_in_flight_do_not_mix(engine: str, made_run: MadeRun) -> None:
    images, _ = random_dots(48, 2)
    session = opened(engine, made_run, images[:2], threads=2)
    handles: list[Handle] = []
    results = []
    for start in range(0, len(images), 2):
        if len(handles) == session.in_flight:
            results.append(handles.pop(0).result())
        handles.append(session.submit(images[start : start + 2]))
    results += [handle.result() for handle in handles]
    alone = [session.submit(images[start : start + 2]).result() for start in range(0, len(images), 2)]
    session.close()
    for together, single in zip(results, alone, strict=True):
        np.testing.assert_array_equal(together.xy, single.xy)
        np.testing.assert_array_equal(together.score, single.score)
    everything = np.concatenate([result.xy for result in results])
    assert len(np.unique(everything[:, 0], axis=0)) == len(images)  # a mix-up would show


def test_inline_gives_the_same_at_once(engine: str, made_run: MadeRun) -> None:
    """Several threads, each with a session of its own, as a region is followed."""
    images, _ = random_dots(8, 11)
    expected = predicted(engine, made_run, images)
    options = EngineOptions(72, 96, precision="f32", inline=True)
    sessions = [open_session(engine, made_run.model, options, 3) for _ in range(2)]
    assert [session.in_flight for session in sessions] == [1, 1]

    def ask(session: Session) -> list[Prediction]:
        return [session.submit(image[np.newaxis]).result() for image in images]

    with ThreadPoolExecutor(2) as threads:
        for results in threads.map(ask, sessions):
            np.testing.assert_allclose(np.concatenate([r.xy for r in results]), expected.xy, atol=1e-3)
            np.testing.assert_allclose(np.concatenate([r.score for r in results]), expected.score, atol=1e-5)
    for session in sessions:
        session.close()


def test_threads_that_share_a_request_change_nothing_but_rounding(engine: str, made_run: MadeRun) -> None:
    images, _ = random_dots(4, 6)
    options = EngineOptions(72, 96, precision="f32", inline=True, threads_per_request=2)
    session = open_session(engine, made_run.model, options, 3)
    found = [session.submit(image[np.newaxis]).result() for image in images]
    session.close()
    expected = predicted(engine, made_run, images)
    np.testing.assert_allclose([one.xy[0] for one in found], expected.xy, atol=0.01)
    np.testing.assert_allclose([one.score[0] for one in found], expected.score, atol=1e-3)


@pytest.mark.parametrize("size", [(96, 72), (101, 77)])
def test_agrees_with_the_trained_network_in_f32(engine: str, made_run: MadeRun, size: tuple[int, int]) -> None:
    images, _ = random_dots(8, 3, size)
    prediction = predicted(engine, made_run, images)
    xy, score = made_run.expected(images)
    assert np.abs(prediction.xy - xy).max() < 0.05
    assert np.abs(prediction.score - score).max() < 1e-3


def test_bf16_stays_near_f32(engine: str, made_run: MadeRun) -> None:
    images, _ = random_dots(64, 4)
    xy, score = made_run.expected(images)
    session = opened(engine, made_run, images[:1], "auto")
    precision = session.precision
    session.close()
    fast = predicted(engine, made_run, images, "auto")
    assert (precision == "bf16") == bool((np.abs(fast.xy - xy) > 1e-3).any())
    sure = score > 0.5
    assert sure.mean() > 0.9
    away = np.linalg.norm(fast.xy - xy, axis=-1)[sure]
    assert np.median(away) <= 0.1
    assert np.percentile(away, 99) <= 0.5


def test_coordinates_are_exact_far_from_the_origin(engine: str, made_run: MadeRun) -> None:
    """At x = 1900 neighboring bf16 numbers are 8 px apart: the arithmetic of coordinates must not be in bf16."""
    _, places = random_dots(4, 5)
    images = blurred_dots(places + np.array([1824, 0]), (1920, 72))
    xy, score = made_run.expected(images)
    assert xy[..., 0].min() > 1824
    assert (score > 0.5).all()
    away = np.linalg.norm(predicted(engine, made_run, images, "auto").xy - xy, axis=-1)
    assert np.median(away) < 0.1  # rounded coordinates would be 2 px off in the median
    assert np.abs(predicted(engine, made_run, images).xy - xy).max() < 0.05


def test_auto_is_bf16_exactly_where_bf16_can_be_had(engine: str, made_run: MadeRun) -> None:
    image = random_dots(1, 0)[0]
    automatic = opened(engine, made_run, image, "auto").precision
    try:
        assert opened(engine, made_run, image, "bf16").precision == automatic == "bf16"
    except SettingsError as error:
        assert "f32 or auto" in str(error)
        assert automatic == "f32"


def test_does_not_depend_on_threads(engine: str, made_run: MadeRun) -> None:
    images, _ = random_dots(6, 6)
    one = predicted(engine, made_run, images, "auto", threads=1)
    two = predicted(engine, made_run, images, "auto", threads=2)
    np.testing.assert_array_equal(one.xy, two.xy)
    np.testing.assert_array_equal(one.score, two.score)


def test_gray_is_rgb_of_equal_channels(engine: str, made_run: MadeRun) -> None:
    gray = random_dots(4, 7)[0][..., :1].copy()
    one, three = (predicted(engine, made_run, images) for images in (gray, np.repeat(gray, 3, axis=3)))
    np.testing.assert_allclose(one.xy, three.xy, atol=0.01)
    np.testing.assert_allclose(one.score, three.score, atol=1e-4)


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut"])
def test_a_model_that_cannot_be_used_is_one_line(engine: str, damage: str, made_run: MadeRun, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(made_run.model.parent, folder)
    model = folder / "model.onnx"
    whole = model.read_bytes()
    if damage == "missing":
        model.unlink()
    else:
        model.write_bytes({"empty": b"", "text": b"this is no model\n" * 50, "cut": whole[: len(whole) // 2]}[damage])
    with pytest.raises(RunError, match=r"expected a.*model\.onnx.*train again") as caught:
        opened(engine, MadeRun(model, made_run.net), random_dots(1, 0)[0])
    assert "\n" not in str(caught.value)
