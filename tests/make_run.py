"""Run folders as a training leaves them, of a network that really finds something.

`fitted_net` learns three blurred dots, red, green and blue, until its score maps have definite peaks: on flat maps the
highest cell changes with the last digit, and comparing engines would compare chance.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from make_model import COLORS
from markerless import registry
from markerless.nn import checkpoint as checkpoints
from markerless.nn import model as networks
from markerless.nn.checkpoint import Checkpoint
from markerless.nn.deploy import deployed
from markerless.nn.export import export_onnx
from markerless.nn.heads import Keypoints, score_map
from markerless.nn.model import NetSettings, PoseNet
from markerless.pipeline.run_files import write_toml

SIZE = (96, 72)
DOT_SIGMA_PX = 6.0
ANIMAL_SIZE_PX = 60.0
BATCH = 8
TINY = "tiny"


@dataclass(frozen=True)
class MadeRun:
    """A run folder and what was exported into it.

    Attributes:
        model: `model.onnx`; `run.toml` and `checkpoint.safetensors` are beside it.
        net: The network in memory as it was exported, f32, on the CPU.
    """

    model: Path
    net: PoseNet

    def expected(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the network in memory says about `images (T, H, W, 3)`: xy `(T, K, 2)`, score `(T, K)`."""
        with torch.no_grad():
            xy, score = self.net(torch.from_numpy(images))
        return xy.numpy(), score.numpy()


@contextmanager
def tiny_backbone_known() -> Iterator[None]:
    """While it lasts, `net.backbone=tiny` is `tiny_backbone.py`, as if another package had registered it."""
    real = registry._entry_points
    point = importlib.metadata.EntryPoint(TINY, "tiny_backbone", "markerless.backbone")

    def with_tiny(group: str) -> importlib.metadata.EntryPoints:
        return importlib.metadata.EntryPoints([*real(group), *([point] if group == point.group else [])])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_entry_points", with_tiny)
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Layers as small as these wait for each other's threads most of the time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def random_dots(n: int, seed: int, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """`n` images `(n, H, W, 3)` uint8 on gray of three dots anywhere, and where they are `(n, 3, 2)` px."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(DOT_SIGMA_PX, np.array(size) - 1 - DOT_SIGMA_PX, (n, 3, 2))
    return blurred_dots(places, size), places


def blurred_dots(places: np.ndarray, size: tuple[int, int] = SIZE) -> np.ndarray:
    """`(T, H, W, 3)` uint8: a smooth bump of each color around `places (T, 3, 2)`, the rest dark gray."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    squared = (x - places[..., 0, None, None]) ** 2 + (y - places[..., 1, None, None]) ** 2
    bumps = np.exp(-squared / (2 * DOT_SIGMA_PX**2))
    return np.rint(40 + 200 * bumps).astype(np.uint8).transpose(0, 2, 3, 1).copy()


def fitted_net(settings: NetSettings, steps: int) -> PoseNet:
    """A network that finds red, green and blue dots, its scores leveled."""
    net = networks.build(len(COLORS), settings, score_map.Config(), seed=1).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 5e-3 * min(1.0, 2 * (1 - step / steps))
        pictures, places = random_dots(BATCH, 1000 + step)
        logits, refine = net.maps(torch.from_numpy(pictures))
        points = Keypoints(torch.from_numpy(places.astype(np.float32)), torch.ones(BATCH, 3))
        known = torch.ones(BATCH, 3, dtype=torch.bool)
        targets = net.head.encode(points, known, (logits.shape[2], logits.shape[3]), ANIMAL_SIZE_PX)
        optimizer.zero_grad()
        torch.stack(list(net.head.loss(logits, refine, targets).values())).sum().backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        logits, _ = net.maps(torch.from_numpy(random_dots(32, 999)[0]))
        net.head.level_scores(logits.flatten(2).amax(-1).flatten())
    return net


def write_run(net: PoseNet, settings: NetSettings, keypoints: tuple[str, ...], folder: Path) -> MadeRun:
    """`model.onnx`, `run.toml` and `checkpoint.safetensors`, as far as an engine needs them."""
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / "model.onnx"
    export_onnx(net, keypoints, model)
    state = {"keypoints": list(keypoints), "step": 1, "total": 1}
    unfinished = {name: torch.zeros_like(value) for name, value in net.state_dict().items()}
    checkpoints.save(Checkpoint(unfinished, net.state_dict(), {}, state), folder / "checkpoint.safetensors")
    tables = {
        "run": {"name": folder.name, "finished": True},
        "skeleton": {"keypoints": list(keypoints), "edges": [], "mirror_pairs": []},
        "net": settings.model_dump(mode="json"),
        "head": net.head.config.model_dump(mode="json"),
    }
    write_toml(tables, folder / "run.toml")
    return MadeRun(model, deployed(net))


def make_run(folder: Path) -> MadeRun:
    """A fitted network of the tiny backbone in a run folder; only inside of `tiny_backbone_known`."""
    settings = NetSettings(backbone=TINY, weights="none", width=24)
    with one_thread():
        net = fitted_net(settings, steps=300)
    return write_run(net, settings, COLORS, folder)
