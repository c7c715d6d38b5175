"""Training in the browser: start, watch, stop, close the page, find it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app_server import StartServer
from made_study import MadeStudy, make_study

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MAY_TAKE_MS = 180_000


def test_a_training_outlives_page_and_server_and_can_be_stopped(
    page: Page, study: MadeStudy, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    server = start_server(study.root)
    page.goto(server.url)
    page.get_by_role("link", name="Train", exact=True).click()
    page.get_by_text("12 labeled frames, 72 points.").wait_for()
    page.get_by_label("Name of the run").fill("mine")
    page.get_by_label("Minutes, everything included").fill("6")
    page.get_by_role("button", name="Start training").click()
    page.locator("#training-status", has_text="steps").wait_for(timeout=MAY_TAKE_MS)
    page.locator(".chart").wait_for(timeout=MAY_TAKE_MS)
    shoot("train")
    address, port = page.url, server.port
    page.goto("about:blank")
    server.kill()
    start_server(study.root, port)
    page.goto(address)
    page.locator("#training-status", has_text="steps").wait_for(timeout=MAY_TAKE_MS)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Go on").wait_for(timeout=MAY_TAKE_MS)
    assert (study.root / "runs/mine/checkpoint.safetensors").is_file()
    page.locator("#theme").click()
    shoot("train-stopped-dark")


def test_without_labels_the_page_says_what_to_do(page: Page, start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(make_study(tmp_path / "empty", n_frames=4, n_labeled=0).root)
    page.goto(server.url)
    page.get_by_role("link", name="Train", exact=True).click()
    page.get_by_role("link", name="Label frames").wait_for()
