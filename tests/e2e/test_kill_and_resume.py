"""A training that is killed without warning ends, after the same command, as if nothing had happened."""

from __future__ import annotations

import os
import subprocess
import sys
import time
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


def test_killed_and_taken_up_again(tmp_path: Path) -> None:
    for name in ("straight", "killed"):
        (tmp_path / name).mkdir()
    straight, killed = study(tmp_path / "straight"), study(tmp_path / "killed")
    whole = train(straight, 1e9)
    first = train(killed, 0.2)
    saved = killed / "runs" / "a" / "checkpoint.safetensors"
    deadline = time.monotonic() + 300
    while not saved.exists():
        assert time.monotonic() < deadline
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.05)
    first.kill()
    first.communicate()
    stopped_at = checkpoints.load(saved).state["step"]
    assert 0 < stopped_at < STEPS
    second = train(killed, 1e9)
    assert "wrote" in second.communicate()[0]
    assert "wrote" in whole.communicate()[0]
    resumed, direct = (checkpoints.load(root / "runs" / "a" / "checkpoint.safetensors") for root in (killed, straight))
    for group in ("weights", "average", "optimizer"):
        ours, theirs = getattr(resumed, group), getattr(direct, group)
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[name].numpy(), theirs[name].numpy()) for name in theirs), group
    rows = (killed / "runs" / "a" / "metrics.csv").read_text(encoding="utf-8").splitlines()
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(10, STEPS + 1, 10))
