"""A training that is killed without warning, or stopped, ends, after the same command, as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from make_model import COLORS, random_places
from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.nn import checkpoint as checkpoints
from markerless.project import NewProject, create_project
from markerless.runtime.engine import EngineOptions, open_session
from markerless.video.images import write_image

pytestmark = pytest.mark.slow
SIZE = (96, 64)
STEPS = 400
SETTINGS = [f"train.steps={STEPS}", "train.batch_size=2", "net.weights=none", "net.width=16", "data.crop=64"]


def study(folder: Path) -> Path:
    project = create_project(NewProject("dots", "Ann", COLORS), folder)
    places = random_places(6, SIZE, seed=3)
    frames = []
    for i, xy in enumerate(places):
        channels = [cv2.circle(np.zeros(SIZE[::-1], np.uint8), place.tolist(), 5, 250, -1) for place in xy]
        path = project.root / "labeled-data" / "m1" / f"img{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, np.stack(channels, axis=-1))
        frames.append(LabeledFrame(f"labeled-data/m1/img{i}.png", (Instance.from_xy(xy.astype(float)),)))
    project.write_labels("m1", Labels(Skeleton(COLORS), tuple(frames)))
    return project.root


def train(project: Path, seconds_between_saves: float) -> subprocess.Popen[str]:
    """The command line in a process of its own, saving more often than users need."""
    words = ["train", str(project), "--run", "a", *(word for setting in SETTINGS for word in ("--set", setting))]
    code = (
        "import sys, markerless.nn.train as train; "
        f"train.SAVE_EVERY_S = {seconds_between_saves}; "
        f"from markerless.cli.main import main; sys.exit(main({words!r}))"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )


def predicted(project: Path) -> np.ndarray:
    """Places and scores, `(4, K, 3)`, that the run's exported model gives for four pictures of noise."""
    pictures = np.random.default_rng(0).integers(0, 256, (4, 70, 90, 3), dtype=np.uint8)
    options = EngineOptions(70, 90, 3, 4, "f32", 1)
    with closing(open_session("openvino", project / "runs" / "a" / "model.onnx", options, len(COLORS))) as session:
        prediction = session.submit(pictures).result()
        return np.concatenate([prediction.xy, prediction.score[..., None]], axis=-1)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study after a training that nothing disturbed."""
    project = study(tmp_path_factory.mktemp("straight"))
    assert "wrote" in train(project, 1e9).communicate()[0]
    return project


@pytest.mark.parametrize("how", ["kill -9", "Ctrl-C"])
def test_stopped_and_taken_up_again(straight: Path, tmp_path: Path, how: str) -> None:
    if how == "Ctrl-C" and sys.platform == "win32":
        pytest.skip("Windows sends Ctrl-C to whole consoles, this test's own included")
    killed = study(tmp_path)
    first = train(killed, 0.2)
    saved = killed / "runs" / "a" / "checkpoint.safetensors"
    deadline = time.monotonic() + 300
    while not saved.exists():
        assert time.monotonic() < deadline
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.05)
    if how == "kill -9":
        first.kill()
        first.communicate()
    else:
        first.send_signal(signal.SIGINT)
        assert "interrupted" in first.communicate()[0]
        assert first.returncode == 130
    stopped_at = checkpoints.load(saved).state["step"]
    assert 0 < stopped_at < STEPS
    second = train(killed, 1e9)
    assert "wrote" in second.communicate()[0]
    resumed, direct = (checkpoints.load(root / "runs" / "a" / "checkpoint.safetensors") for root in (killed, straight))
    for group in ("weights", "average", "optimizer"):
        ours, theirs = getattr(resumed, group), getattr(direct, group)
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[name].numpy(), theirs[name].numpy()) for name in theirs), group
    assert np.array_equal(predicted(killed), predicted(straight))
    files = {"run.toml", "split.json", "metrics.csv", "evaluation.json", "report.html", "model.onnx", saved.name}
    files |= {"familiar.json", "examples.jsonl"}
    # a process that is killed while it writes leaves its temporary file, whose name begins with a dot
    assert {path.name for path in saved.parent.iterdir() if not path.name.startswith(".")} == files
    rows = (killed / "runs" / "a" / "metrics.csv").read_text(encoding="utf-8").splitlines()
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(10, STEPS + 1, 10))
