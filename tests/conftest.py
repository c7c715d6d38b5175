"""Fixtures for all tests: where the shared real data is, and where the repository is."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    import torch

    from made_study import MadeStudy
    from make_run import MadeRun

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Tests that are not for a card see none, nor do the processes they start: they compare exact numbers."""
    if "not gpu" in config.option.markexpr:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    # A suite that a shell started in the background ignores Ctrl-C, and what it tests would ignore it with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def required() -> set[str]:
    """What must be present for the suite to count: words of MARKERLESS_REQUIRE ("data,browser,gpu")."""
    return {word.strip() for word in os.environ.get("MARKERLESS_REQUIRE", "").split(",") if word.strip()}


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is measured while testing is kept apart from what the user's own analyses measured."""
    os.environ["MARKERLESS_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, read-only: MARKERLESS_DATA, else ../shared/data beside the repository.

    Skips with a reason where it is missing, and fails there when MARKERLESS_REQUIRE names "data".
    """
    folder = Path(os.environ.get("MARKERLESS_DATA", REPOSITORY.parent / "shared" / "data"))
    if folder.is_dir():
        return folder
    reason = f"real data expected in {folder}; set MARKERLESS_DATA to its folder"
    if "data" in required():
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def gpu() -> torch.device:
    """The graphics card, for tests with the mark `gpu`.

    Skips with a reason where torch finds none, and fails there when MARKERLESS_REQUIRE names "gpu".
    """
    from markerless.nn.device import TORCH_VERSION, best_device

    device = best_device()
    if device.type != "cpu":
        return device
    reason = f"torch {TORCH_VERSION} finds no CUDA or MPS device"
    if "gpu" in required():
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def run_of_dots(tmp_path_factory: pytest.TempPathFactory) -> MadeRun:
    """What `made_run` hands out, made once."""
    from make_run import make_run, tiny_backbone_known

    with tiny_backbone_known():
        return make_run(tmp_path_factory.mktemp("runs") / "dots")


@pytest.fixture
def made_run(run_of_dots: MadeRun) -> Iterator[MadeRun]:
    """A run folder whose network finds a red, a green and a blue dot, and that network in memory. Not to be changed."""
    from make_run import tiny_backbone_known

    with tiny_backbone_known():
        yield run_of_dots


settings.register_profile("markerless", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("markerless")


@pytest.fixture(scope="session")
def study_once(tmp_path_factory: pytest.TempPathFactory) -> MadeStudy:
    """The study, made once; tests get copies."""
    from made_study import make_study

    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture
def study(study_once: MadeStudy, tmp_path: Path) -> MadeStudy:
    """A small made study of the test's own: a video of 60 frames, twelve of them labeled."""
    root = tmp_path / study_once.root.name
    shutil.copytree(study_once.root, root)
    return replace(study_once, root=root, video=root / "videos" / study_once.video.name)
