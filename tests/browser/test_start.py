"""Starting the app: the printed address opens the project, the address without its token opens nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app_server import StartServer
from made_study import MadeStudy

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

pytestmark = pytest.mark.browser


def test_the_printed_address_opens_the_project(
    page: Page, study: MadeStudy, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    server = start_server(study.root)
    outside: list[str] = []

    def note(request: Request) -> None:
        if f":{server.port}/" not in request.url:
            outside.append(request.url)

    page.on("request", note)
    page.goto(server.url)
    page.wait_for_selector("#pages a")
    assert "token" not in page.url
    assert "mouse" in page.locator("#project").inner_text()
    assert not outside
    shoot("start")


def test_without_its_token_the_address_says_what_to_do(page: Page, study: MadeStudy, start_server: StartServer) -> None:
    server = start_server(study.root)
    page.goto(server.url.partition("?")[0])
    assert "printed in the terminal" in page.inner_text("body")
