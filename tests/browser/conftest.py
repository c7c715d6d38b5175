"""Real servers in processes of their own, and Chromium that looks at them.

Skips where Chromium or Playwright is missing, and fails there when MARKERLESS_REQUIRE names "browser".
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app_server import Server, StartServer, start
from label_page import FRAMES, add_pictures
from made_study import MadeStudy

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = os.environ.get("MARKERLESS_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """See `StartServer`; all servers are ended after the test."""
    servers: list[Server] = []

    def started(project: Path | None = None, port: int = 0, roots: tuple[Path, ...] = ()) -> Server:
        servers.append(start(tmp_path, project, port, roots))
        return servers[-1]

    yield started
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    reason = ""
    if not Path(CHROMIUM).exists():
        reason = f"Chromium expected at {CHROMIUM}; install it, or set MARKERLESS_CHROMIUM"
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        reason = "the package playwright is not installed"
    if reason:
        if "browser" in os.environ.get("MARKERLESS_REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page 1280 x 800 whose errors fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(15_000)
    yield page
    context.close()
    assert not errors, errors


@pytest.fixture
def shoot(page: Page) -> Callable[[str], Path]:
    """`shoot("label")` keeps a screenshot of the page as build/screenshots/label.png."""

    def take(name: str) -> Path:
        path = SCREENSHOTS / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path)
        return path

    return take


@pytest.fixture
def frames(study: MadeStudy) -> list[str]:
    """Three pictures without labels."""
    return add_pictures(study.root, study.video, FRAMES)
