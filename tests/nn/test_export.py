from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest
import torch

from make_run import write_run
from markerless.nn import model as networks
from markerless.nn import pose_prior
from markerless.nn.deploy import deployed
from markerless.nn.heads import score_map
from markerless.nn.model import NetSettings, PoseNet
from markerless.runtime.engine import EngineOptions, Prediction, open_session

pytestmark = pytest.mark.slow  # the exporter alone takes ten seconds
SETTINGS = NetSettings(weights="none", width=16)
ENGINES = ("openvino", "onnxruntime", "torch")
NAMES = ("nose", "żółw", *(f"joint{i}" for i in range(14)))


@pytest.fixture(scope="module")
def net() -> PoseNet:
    model = networks.build(len(NAMES), SETTINGS, score_map.Config(), seed=1).eval()
    torch.nn.init.normal_(model.head.score.weight, std=1.0)
    torch.nn.init.normal_(model.head.refine.weight, std=0.1)
    return model


@pytest.fixture(scope="module")
def exported(net: PoseNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(net, SETTINGS, NAMES, tmp_path_factory.mktemp("export")).model


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def ask(engine: str, path: Path, batch: np.ndarray, precision: str = "f32") -> Prediction:
    n, height, width, channels = batch.shape
    options = EngineOptions(height, width, channels, n, precision, 1)
    session = open_session(engine, path, options, len(NAMES))
    prediction = session.submit(batch).result()
    session.close()
    return prediction


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shape", [(1, 64, 96, 3), (3, 101, 77, 3), (2, 50, 131, 3)])
def test_engines_agree_with_torch_at_every_size(
    net: PoseNet, exported: Path, engine: str, shape: tuple[int, ...]
) -> None:
    batch = pictures(*shape)
    with torch.no_grad():
        xy, score = deployed(net)(torch.from_numpy(batch))
    prediction = ask(engine, exported, batch)
    np.testing.assert_allclose(prediction.xy, xy.numpy(), atol=0.01)
    np.testing.assert_allclose(prediction.score, score.numpy(), atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_gray_is_rgb_of_equal_channels(exported: Path, engine: str) -> None:
    gray = pictures(2, 71, 90, 1)
    one, three = ask(engine, exported, gray), ask(engine, exported, np.repeat(gray, 3, axis=3))
    np.testing.assert_allclose(one.xy, three.xy, atol=0.01)
    np.testing.assert_allclose(one.score, three.score, atol=1e-4)


def test_a_calibrated_network_says_its_expected_error_and_heeds_the_shape(
    net: PoseNet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is fitted after the training is in the graph as well; the shape must make a difference to be tested."""
    calibrated = copy.deepcopy(net)
    rng = np.random.default_rng(0)
    shapes = (
        rng.uniform(0, 30, (40, 1, 2)) + rng.uniform(0, 60, (len(NAMES), 2)) + rng.normal(0, 1, (40, len(NAMES), 2))
    )
    calibrated.head.prior.fill(pose_prior.fit(shapes, 60.0))
    n_evidence = len(score_map.EVIDENCE)
    bias, there = np.linspace(0, 1, len(NAMES)), (np.full(n_evidence, -0.3), np.linspace(1, 2, len(NAMES)))
    calibrated.errors.fill(np.full(n_evidence, 0.2), bias, (0.5, 2.5, 6.0), (0.05, 300.0), there)
    path = write_run(calibrated, SETTINGS, NAMES, tmp_path_factory.mktemp("calibrated")).model
    for n_images in (1, 2, 16):
        batch = pictures(n_images, 71, 77, 3)
        with torch.no_grad():
            told = deployed(calibrated)(torch.from_numpy(batch))
            plain = deployed(net)(torch.from_numpy(batch))
        assert float((told[0] - plain[0]).abs().max()) > 8
        for engine in ENGINES:
            found = ask(engine, path, batch)
            for one, other in zip((found.xy, found.score, found.expected_error), told, strict=True):
                assert one is not None
                np.testing.assert_allclose(one, other.numpy(), atol=0.01, rtol=1e-3, err_msg=f"{engine} {n_images}")


def test_the_contract_is_in_the_metadata(exported: Path) -> None:
    metadata = {entry.key: entry.value for entry in onnx.load(exported).metadata_props}
    assert metadata["markerless.contract"] == "1"
    assert json.loads(metadata["markerless.keypoints"]) == list(NAMES)
    assert metadata["markerless.stride"] == "8"
    assert metadata["markerless.net"] == "EfficientnetLite0"
    graph = onnx.load(exported).graph
    kinds = {value.name: value.type.tensor_type for value in [*graph.input, *graph.output]}
    assert set(kinds) == {"image", "xy", "score"}
    assert kinds["image"].elem_type == onnx.TensorProto.UINT8
    assert not any(side.HasField("dim_value") for side in kinds["image"].shape.dim)  # any size, batch and channels


def test_coordinates_stay_exact_far_from_the_origin_in_bf16(exported: Path) -> None:
    """At x = 1900 neighboring bf16 numbers are 8 px apart: the arithmetic of coordinates must not be in bf16.

    On random weights and noise, bf16 may prefer another cell; where the same one wins, only the refinement differs.
    """
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor does not compute in bf16")
    batch = pictures(1, 128, 1920, 3)
    batch[:, :, :1840] = 127  # the content is at the far end
    exact, rounded = ask("openvino", exported, batch), ask("openvino", exported, batch, "bf16")
    difference = np.abs(exact.xy - rounded.xy).max(-1)
    same_cell = (exact.xy[..., 0] > 1800) & (difference < 4)
    assert same_cell.sum() >= 5
    assert difference[same_cell].max() < 0.5
    x = rounded.xy[..., 0][same_cell]
    assert np.abs(x / 8 - np.round(x / 8)).max() * 8 > 1  # they are no multiples of 8


def test_nothing_of_torch_is_needed_to_run(exported: Path) -> None:
    """A process where importing torch or onnx fails gives the same answer."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'onnx', 'onnxscript', 'safetensors')))\n"
        "import json, numpy as np\n"
        "from pathlib import Path\n"
        "from markerless.runtime.engine import EngineOptions, open_session\n"
        "batch = np.random.default_rng(0).integers(0, 256, (1, 50, 70, 3), dtype=np.uint8)\n"
        "for engine in ('openvino', 'onnxruntime'):\n"
        "    options = EngineOptions(50, 70, 3, 1, 'f32', 1)\n"
        f"    session = open_session(engine, Path({str(exported)!r}), options, {len(NAMES)})\n"
        "    print(json.dumps(session.submit(batch).result().xy.tolist()))\n"
        "    session.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = ask("openvino", exported, pictures(1, 50, 70, 3)).xy
    for line in done.stdout.splitlines():
        np.testing.assert_allclose(json.loads(line), expected, atol=0.011)
    assert len(done.stdout.splitlines()) == 2


class TestSmallNetworkWithReach:
    """Half of the pixels, maps whose sides are no multiples of the coarse cells, points near each other."""

    SMALL = NetSettings(weights="none", width=16, kernel=3, stages=3, shrink=2, stride=4)
    SHAPES = ((1, 64, 96, 3), (2, 203, 264, 3), (3, 101, 77, 3))

    def test_engines_agree_with_torch(self, tmp_path: Path) -> None:
        trained = near_each_other(self.SMALL, reach_px=24.0)
        model = write_run(trained, self.SMALL, NAMES, tmp_path).model
        anywhere = near_each_other(self.SMALL, reach_px=0.0)
        n_drawn = 0
        for shape in self.SHAPES:
            batch = torch.from_numpy(pictures(*shape))
            with torch.no_grad():
                xy, score = deployed(trained)(batch)
                n_drawn += int((deployed(anywhere)(batch)[0] != xy).any(-1).sum())
            for engine in ENGINES:
                prediction = ask(engine, model, batch.numpy())
                np.testing.assert_allclose(prediction.xy, xy.numpy(), atol=0.01)
                np.testing.assert_allclose(prediction.score, score.numpy(), atol=1e-4)
        assert n_drawn > 10  # points that would be elsewhere without the reach


def near_each_other(settings: NetSettings, reach_px: float) -> PoseNet:
    """A network at random; equal ones but for the reach."""
    model = networks.build(len(NAMES), settings, score_map.Config(reach_px=reach_px), seed=1).eval()
    torch.nn.init.normal_(model.head.score.weight, std=1.0)
    torch.nn.init.normal_(model.head.refine.weight, std=0.1)
    return model
