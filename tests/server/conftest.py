"""A server in this process on a small made study, and a client that knows its token."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from made_study import MadeStudy, make_study
from markerless.server.app import AppOptions, create_app

TOKEN = "a-secret-of-these-tests"
ADDRESS = "http://localhost:8421"


@pytest.fixture(scope="session")
def study_once(tmp_path_factory: pytest.TempPathFactory) -> MadeStudy:
    """The study, made once; tests get copies."""
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture
def study(study_once: MadeStudy, tmp_path: Path) -> MadeStudy:
    """A study of the test's own."""
    root = tmp_path / study_once.root.name
    shutil.copytree(study_once.root, root)
    return replace(study_once, root=root, video=root / "videos" / study_once.video.name)


@pytest.fixture
def options(study: MadeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppOptions:
    """How the server is started: the study is open, and nothing outside the test's folder may be seen."""
    monkeypatch.setenv("MARKERLESS_STATE", str(tmp_path / "state"))
    return AppOptions(TOKEN, study.root, (tmp_path,))


@pytest.fixture
def client(options: AppOptions) -> Iterator[TestClient]:
    """A client with the token; an unexpected error of the server is an answer with status 500, as in real life."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(create_app(options), ADDRESS, raise_server_exceptions=False, headers=headers) as client:
        yield client


@pytest.fixture
def key(client: TestClient) -> str:
    """The key of the study."""
    first: str = client.get("/api/session").json()["first"]
    return first
