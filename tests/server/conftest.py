"""A server in this process on a small made study, and a client that knows its token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from made_study import MadeStudy
from markerless.server.app import AppOptions, create_app

TOKEN = "a-secret-of-these-tests"
ADDRESS = "http://localhost:8421"


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
