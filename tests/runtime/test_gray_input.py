"""A network for gray frames computes one channel instead of three equal ones, and says the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from make_model import color_finder
from make_run import MadeRun, random_dots
from markerless.runtime.engine import EngineOptions, Prediction, open_session
from markerless.runtime.engines import openvino as engine
from markerless.runtime.engines._gray_input import take_one_channel
from markerless.runtime.openvino_quietly import openvino


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKERLESS_CACHE", str(tmp_path_factory.mktemp("cache")))


def predicted(model: Path, images: np.ndarray) -> Prediction:
    batch_size, height, width, channels = images.shape
    session = open_session("openvino", model, EngineOptions(height, width, channels, batch_size, "f32", 1), 3)
    answer = session.submit(images).result()
    session.close()
    return answer


def test_it_says_what_three_equal_channels_say(made_run: MadeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    color, _ = random_dots(6, 3)
    gray = np.ascontiguousarray(color[..., :1])
    changed: list[bool] = []

    def watched(model: openvino.Model) -> bool:
        changed.append(take_one_channel(model))
        return changed[-1]

    monkeypatch.setattr(engine, "take_one_channel", watched)
    one = predicted(made_run.model, gray)
    three = predicted(made_run.model, np.repeat(gray, 3, axis=-1))
    assert changed == [True]  # and the one for three channels was not asked
    sure = three.score > 0.5
    assert sure.any()
    np.testing.assert_allclose(one.xy[sure], three.xy[sure], atol=1e-3)
    np.testing.assert_allclose(one.score, three.score, atol=1e-4)


def first_layers(height: int, width: int, side: int, size: int, stride: int, pads: tuple[int, int]) -> openvino.Model:
    """Frames `(2, height, width, 1)`, squares of `side` pixels averaged, normalized as RGB, one convolution."""
    new, rng = openvino.opset8, np.random.default_rng(0)
    image = new.parameter([2, height, width, 1], np.uint8, name="image")
    pixels = new.convert(new.transpose(image, np.array([0, 3, 1, 2])), "f32")
    squares = new.avg_pool(pixels, [side, side], [0, 0], [0, 0], [side, side], False)
    mean, divisor = (np.full((1, 3, 1, 1), value, dtype=np.float32) for value in (120.0, 58.0))
    weights = rng.normal(size=(5, 3, size, size)).astype(np.float32)
    normal = new.divide(new.subtract(squares, new.constant(mean)), new.constant(divisor))
    layer = new.convolution(normal, new.constant(weights), [stride] * 2, [pads[0]] * 2, [pads[1]] * 2, [1, 1])
    return openvino.Model([layer], [image], "first layers")


def answered(model: openvino.Model, images: np.ndarray) -> np.ndarray:
    compiled = engine._core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled(images)[0])


def layers(model: openvino.Model) -> list[str]:
    return [node.get_type_name() for node in model.get_ordered_ops()]


@pytest.mark.parametrize(
    ("height", "width", "side", "size", "stride", "pads"),
    [
        (48, 64, 2, 3, 2, (0, 1)),  # ours
        (50, 64, 2, 3, 2, (0, 1)),
        (48, 64, 2, 3, 2, (0, 0)),
        (48, 60, 3, 3, 2, (0, 1)),
        (48, 64, 2, 5, 2, (0, 2)),
        (48, 64, 2, 3, 1, (0, 1)),
        (48, 64, 2, 1, 2, (0, 0)),
    ],
)
def test_pixels_of_a_row_as_channels_say_what_averages_say(
    height: int, width: int, side: int, size: int, stride: int, pads: tuple[int, int]
) -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, height, width, 1), dtype=np.uint8)
    model = first_layers(height, width, side, size, stride, pads)
    expected = answered(model, images)
    assert take_one_channel(model)
    assert "AvgPool" not in layers(model)
    np.testing.assert_allclose(answered(model, images), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("height", "width", "pads"),
    [(48, 62, (0, 1)), (49, 64, (0, 1)), (48, 64, (1, 1))],
    ids=["no whole steps", "no whole squares", "padded before"],
)
def test_averages_stay_where_windows_begin_elsewhere(height: int, width: int, pads: tuple[int, int]) -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, height, width, 1), dtype=np.uint8)
    model = first_layers(height, width, 2, 3, 2, pads)
    expected = answered(model, images)
    assert take_one_channel(model)
    assert "AvgPool" in layers(model)
    np.testing.assert_allclose(answered(model, images), expected, atol=1e-3)


def test_what_is_made_in_another_way_is_left_as_it_is(tmp_path: Path) -> None:
    model = engine._core().read_model(color_finder(tmp_path / "model.onnx"))
    before = [node.get_friendly_name() for node in model.get_ordered_ops()]
    assert take_one_channel(model) is False
    assert [node.get_friendly_name() for node in model.get_ordered_ops()] == before


def test_one_that_repeats_the_channel_first_is_left_as_it_is(made_run: MadeRun, tmp_path: Path) -> None:
    """So did those of earlier versions."""
    proto = onnx.load(made_run.model)
    for node in proto.graph.node:
        node.input[:] = ["rgb" if name == "image" else name for name in node.input]
    proto.graph.node.insert(0, onnx.helper.make_node("BitwiseOr", ["image", "black"], ["rgb"]))
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((1, 1, 1, 3), dtype=np.uint8), "black"))
    onnx.save(proto, tmp_path / "earlier.onnx")
    gray = np.ascontiguousarray(random_dots(6, 3)[0][..., :1])
    three = predicted(made_run.model, np.repeat(gray, 3, axis=-1))
    np.testing.assert_allclose(predicted(tmp_path / "earlier.onnx", gray).score, three.score, atol=1e-4)
