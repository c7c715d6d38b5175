"""From a video to frames that are ready to be labeled, in the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app_server import StartServer
from made_study import MadeStudy, film
from markerless.project import Project

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_a_project_is_made_of_a_video_and_frames_are_extracted(
    page: Page, start_server: StartServer, tmp_path: Path, shoot: Callable[[str], Path]
) -> None:
    film(tmp_path / "cage 1.mp4", n_frames=60)
    server = start_server()
    page.goto(server.url)
    page.get_by_text("No project yet").wait_for()
    page.get_by_role("button", name="New project").click()
    page.get_by_label("Name of the study").fill("mouse")
    page.get_by_label("Who labels").fill("ada")
    page.get_by_label("Body parts to measure").fill("snout\nleftear\nrightear\ntailbase")
    page.get_by_role("button", name="Choose videos").click()
    page.get_by_text("cage 1.mp4").click()
    page.get_by_role("button", name="Take them").click()
    shoot("new-project")
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("heading", name="4 keypoints").wait_for()
    shoot("project-new")
    (root,) = tmp_path.glob("mouse-ada-*")
    assert Project(root).skeleton.keypoints == ("snout", "leftear", "rightear", "tailbase")

    page.get_by_role("link", name="Extract frames").click()
    page.locator("#exact[data-frame='0']").wait_for()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowRight")
    page.locator("#exact[data-frame='11'][data-exact='true']").wait_for()
    page.keyboard.press("E")
    page.get_by_text("1 frame of cage 1.mp4").wait_for()
    page.get_by_label("How many of each video").fill("6")
    page.get_by_role("button", name="Choose frames").click()
    page.get_by_text("7 frames of cage 1.mp4").wait_for()
    pictures = sorted(path.name for path in (root / "labeled-data/cage 1").glob("*.png"))
    assert len(pictures) == 7 and "img11.png" in pictures
    shoot("extract")
    page.get_by_title("Take this frame away").first.click()
    page.get_by_text("6 frames of cage 1.mp4").wait_for()
    assert len(list((root / "labeled-data/cage 1").glob("*.png"))) == 6


def test_the_project_page_says_what_is_next(
    page: Page, study: MadeStudy, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    page.goto(start_server(study.root).url)
    page.get_by_role("link", name="Train a network").wait_for()
    page.get_by_text("12 of 12").wait_for()
    shoot("project")
    page.locator("#theme").click()
    shoot("project-dark")
