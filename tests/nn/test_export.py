from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest
import torch

from markerless.nn import model as networks
from markerless.nn.export import export_onnx
from markerless.nn.heads import score_map
from markerless.nn.model import NetSettings, PoseNet
from markerless.runtime.engine import EngineOptions, Prediction, open_session

pytestmark = pytest.mark.slow  # the exporter alone takes ten seconds
NAMES = ("nose", "tail")


@pytest.fixture(scope="module")
def net() -> PoseNet:
    model = networks.build(2, NetSettings(weights="none", width=16), score_map.Config(), seed=1).eval()
    torch.nn.init.normal_(model.head.score.weight, std=1.0)
    torch.nn.init.normal_(model.head.refine.weight, std=0.1)
    return model


@pytest.fixture(scope="module")
def exported(net: PoseNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    export_onnx(net, NAMES, path)
    return path


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def ask(engine: str, path: Path, batch: np.ndarray, precision: str = "f32") -> Prediction:
    n, height, width, channels = batch.shape
    options = EngineOptions(height, width, channels, n, precision, 1)
    session = open_session(engine, path, options, len(NAMES))
    prediction = session.submit(batch).result()
    session.close()
    return prediction


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("shape", [(1, 64, 96, 3), (3, 101, 77, 3), (2, 50, 131, 3)])
def test_engines_agree_with_torch_at_every_size(
    net: PoseNet, exported: Path, engine: str, shape: tuple[int, ...]
) -> None:
    batch = pictures(*shape)
    with torch.no_grad():
        xy, score = net(torch.from_numpy(batch))
    prediction = ask(engine, exported, batch)
    np.testing.assert_allclose(prediction.xy, xy.numpy(), atol=0.01)
    np.testing.assert_allclose(prediction.score, score.numpy(), atol=1e-4)


def test_grey_is_rgb_of_equal_channels(exported: Path) -> None:
    gray = pictures(1, 70, 90, 1)
    one, three = ask("openvino", exported, gray), ask("openvino", exported, np.repeat(gray, 3, axis=3))
    np.testing.assert_allclose(one.xy, three.xy, atol=1e-3)


def test_the_contract_is_in_the_metadata(exported: Path) -> None:
    metadata = {entry.key: entry.value for entry in onnx.load(exported).metadata_props}
    assert metadata["markerless.contract"] == "1"
    assert json.loads(metadata["markerless.keypoints"]) == list(NAMES)
    assert metadata["markerless.stride"] == "8"
    assert metadata["markerless.net"] == "EfficientnetLite0"


def test_coordinates_stay_exact_far_from_the_origin_in_bf16(exported: Path) -> None:
    """At x = 1900 neighboring bf16 numbers are 8 px apart: the arithmetic of coordinates must not be in bf16."""
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor does not compute in bf16")
    batch = pictures(1, 64, 1920, 3)
    batch[:, :, :1860] = 127
    exact, rounded = ask("openvino", exported, batch), ask("openvino", exported, batch, "bf16")
    far = (exact.xy[..., 0] > 1850) & (np.abs(exact.xy - rounded.xy).max(-1) < 8)
    assert far.any()
    fractions = np.abs(rounded.xy[far] / 8 - np.round(rounded.xy[far] / 8))
    assert fractions.max() > 0.01  # not on the grid of bf16
    assert np.abs(exact.xy - rounded.xy)[far].max() < 1.0
