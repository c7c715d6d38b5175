"""Fixtures for all tests: where the shared real data is, and where the repository is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parents[1]


def required() -> set[str]:
    """What must be present for the suite to count: words of MARKERLESS_REQUIRE ("data,browser")."""
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


settings.register_profile("markerless", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("markerless")
