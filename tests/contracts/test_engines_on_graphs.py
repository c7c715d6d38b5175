"""Every engine that runs any ONNX graph of the contract gives the answers that are known without it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from make_model import blob_finder, color_finder, dots, expected_errors, random_places
from markerless.runtime.engine import ENGINES, EngineOptions, Handle, Prediction, Session, open_session

SIZE = (96, 72)
OF_RUNS = {"torch"}  # engines that run a run's checkpoint and no graphs


@pytest.fixture(params=sorted(set(ENGINES.names()) - OF_RUNS))
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(engine: str, model: Path, precision: str = "f32", batch_size: int = 1, threads: int = 1) -> Session:
    width, height = SIZE
    options = EngineOptions(height=height, width=width, precision=precision, batch_size=batch_size, threads=threads)
    return open_session(engine, model, options, 3)


def blobs(centers: np.ndarray, radius_px: float = 6.0) -> np.ndarray:
    """`(T, H, W, 3)` uint8: a smooth bump of each color around `centers (T, 3, 2)`."""
    width, height = SIZE
    y, x = np.mgrid[:height, :width]
    squared = (x - centers[..., 0, None, None]) ** 2 + (y - centers[..., 1, None, None]) ** 2
    bumps = np.exp(-squared / (2 * radius_px**2))
    return np.rint(240 * bumps).astype(np.uint8).transpose(0, 2, 3, 1).copy()


def predicted(session: Session, images: np.ndarray) -> Prediction:
    results = [session.submit(image[np.newaxis]).result() for image in images]
    return Prediction(np.concatenate([r.xy for r in results]), np.concatenate([r.score for r in results]))


def test_finds_what_is_there(engine: str, tmp_path: Path) -> None:
    places = random_places(5, SIZE)
    session = opened(engine, color_finder(tmp_path / "model.onnx"))
    prediction = predicted(session, dots(places, SIZE, strength=204))
    np.testing.assert_array_equal(prediction.xy, places)
    np.testing.assert_allclose(prediction.score, 0.8, rtol=1e-6)
    assert prediction.xy.dtype == prediction.score.dtype == np.float32


def test_requests_in_flight_do_not_mix(engine: str, tmp_path: Path) -> None:
    places = random_places(64, SIZE)
    images = dots(places, SIZE)
    session = opened(engine, color_finder(tmp_path / "model.onnx"), batch_size=2, threads=2)
    handles: list[Handle] = []
    found = []
    for start in range(0, len(images), 2):
        if len(handles) == session.in_flight:
            found.append(handles.pop(0).result().xy)
        handles.append(session.submit(images[start : start + 2]))
    found += [handle.result().xy for handle in handles]
    np.testing.assert_array_equal(np.concatenate(found), places)


@pytest.mark.parametrize("precision", ["f32", "auto"])
def test_expected_errors_come_with_the_points_they_belong_to(engine: str, precision: str, tmp_path: Path) -> None:
    """Several requests in flight, and kept while their memory is used again."""
    strengths = np.arange(200, 232)
    images = dots(random_places(32, SIZE), SIZE, strengths)
    model = color_finder(tmp_path / "model.onnx", has_error=True)
    session = opened(engine, model, precision, batch_size=2, threads=2)
    handles: list[Handle] = []
    found = []
    for start in range(0, len(images), 2):
        if len(handles) == session.in_flight:
            found.append(handles.pop(0).result())
        handles.append(session.submit(images[start : start + 2]))
    found += [handle.result() for handle in handles]
    errors = [one.expected_error for one in found]
    assert session.has_expected_error
    assert {error.dtype for error in errors if error is not None} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(np.concatenate(errors), expected_errors(strengths))
    assert not np.isin(expected_errors(strengths), np.concatenate([one.score for one in found])).any()


def test_a_model_without_expected_errors_gives_none(engine: str, tmp_path: Path) -> None:
    session = opened(engine, color_finder(tmp_path / "model.onnx"))
    assert session.submit(dots(random_places(1, SIZE), SIZE)).result().expected_error is None
    assert not session.has_expected_error


def test_agrees_with_the_onnx_standard_in_f32(engine: str, tmp_path: Path) -> None:
    model = blob_finder(tmp_path / "model.onnx")
    images = blobs(np.random.default_rng(1).uniform(20, 50, (3, 3, 2)))
    prediction = predicted(opened(engine, model, "f32"), images)
    xy, score = map(np.asarray, ReferenceEvaluator(onnx.load(model)).run(["xy", "score"], {"image": images}))
    assert np.abs(prediction.xy - xy).max() < 0.05
    assert np.abs(prediction.score - score).max() < 1e-4


def test_bf16_stays_near_f32(engine: str, tmp_path: Path) -> None:
    model = blob_finder(tmp_path / "model.onnx")
    images = blobs(np.random.default_rng(2).uniform(20, 50, (8, 3, 2)))
    exact = predicted(opened(engine, model, "f32"), images)
    fast_session = opened(engine, model, "auto")
    fast = predicted(fast_session, images)
    assert (fast_session.precision == "bf16") == bool((fast.xy != exact.xy).any())
    away = np.linalg.norm(fast.xy - exact.xy, axis=-1)[exact.score > 0.5]
    assert away.size > 0
    assert np.median(away) <= 0.1
    assert np.percentile(away, 99) <= 0.5
