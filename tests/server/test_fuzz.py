"""The whole API, asked with what its description allows and what it does not: never an error of ours, nothing written
outside the project."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from starlette.testclient import TestClient

from made_study import MadeStudy
from markerless.server import jobs
from markerless.server.app import AppOptions, create_app

TOKEN = "a-secret-of-these-tests"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Host": "localhost:8421"}
SETTINGS = settings(
    max_examples=25, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def app(options: AppOptions, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """The application; work that it begins in processes of its own ends at once."""
    monkeypatch.setattr(jobs.sys, "executable", "/bin/true")
    return create_app(options)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """What lies beside the project must stay as it is."""
    witness = tmp_path.parent / f"{tmp_path.name}-witness"
    witness.mkdir()
    before = {path.name for path in tmp_path.parent.iterdir()}
    yield witness
    assert {path.name for path in tmp_path.parent.iterdir()} == before
    assert list(witness.iterdir()) == []


@pytest.mark.slow
def test_no_request_is_answered_with_an_error_of_ours(app: FastAPI, study: MadeStudy, outside: Path) -> None:
    """Operation by operation: schemathesis makes the requests, valid and not."""
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=HEADERS)
    known = {"key": app.state.workspace.first, "folder": "cage1", "video": "cage1.mp4", "picture": "img00.png"}
    n_requests = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            n_requests += ask(operation, mode, known)
    assert n_requests >= 1000


def ask(operation: Any, mode: GenerationMode, known: dict[str, str]) -> int:
    """Ask one operation many times; most requests are of things that are there. How many were made."""
    n_requests = 0

    @SETTINGS
    @given(operation.as_strategy(generation_mode=mode), st.integers(0, 3))
    def fuzz(case: Any, dice: int) -> None:
        nonlocal n_requests
        given_parts = case.path_parameters or {}
        case.path_parameters = {
            name: known[name] if name in known and dice else value for name, value in given_parts.items()
        }
        answer = case.call(headers=HEADERS)
        n_requests += 1
        assert answer.status_code < 500, f"{case.method} {case.formatted_path}: {answer.text[:300]}"
        if answer.status_code >= 400 and "json" in str(answer.headers.get("content-type")):
            assert "\n" not in answer.json()["error"]

    with suppress(Unsatisfiable, unittest.SkipTest):  # an operation without parameters cannot be asked wrongly
        fuzz()
    return n_requests


def test_the_description_tells_of_every_story(app: FastAPI) -> None:
    with TestClient(app, "http://localhost:8421", headers=HEADERS) as client:
        paths = client.get("/api/openapi.json").json()["paths"]
    for part in ("labels", "extract", "jobs", "tracks", "frames", "browse", "session"):
        assert any(part in path for path in paths), part
