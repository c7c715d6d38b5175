"""The list of frames on the label page: none, new ones, missing ones, very many."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app_server import StartServer
from label_page import LabelPage, add_pictures, points_of
from made_study import MadeStudy

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_without_pictures_the_page_says_what_to_do(
    page: Page, study: MadeStudy, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    for picture in (study.root / "labeled-data" / "cage1").iterdir():
        picture.unlink()
    label = LabelPage(page, start_server(study.root))
    page.evaluate(f"location.hash = '#/{label.key}/label'")
    page.wait_for_selector("text=No pictures yet")
    shoot("label-empty")
    page.click(".page-label >> text=Extract frames")
    page.wait_for_function("location.hash.endsWith('/extract')")


def test_first_frames_are_waited_for(page: Page, study: MadeStudy, start_server: StartServer) -> None:
    shutil.rmtree(study.root / "labeled-data" / "cage1")
    label = LabelPage(page, start_server(study.root))
    page.evaluate(f"location.hash = '#/{label.key}/label'")
    page.wait_for_selector("text=No pictures yet")
    (new,) = add_pictures(study.root, study.video, (30,))
    page.wait_for_selector(f'.label-stage[data-frame="{new}"]')


def test_frames_extracted_meanwhile_appear(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer
) -> None:
    label = LabelPage(page, start_server(study.root)).open("cage1", frames[2])
    label.click(study.truth[40][0])
    (new,) = add_pictures(study.root, study.video, (30,))
    page.wait_for_selector(f'.label-row[title="{new}"]')
    assert "1 new frame in this folder" in page.inner_text(".label-status")
    assert (label.frame, label.keypoint("snout")) == (frames[2], "placed"), "what is done goes on"
    label.press_to("Shift+N", new)
    label.click(study.truth[30][0])
    label.wait_saved()
    assert np.abs(points_of(study.root, "cage1", new)[0][0] - study.truth[30][0]).max() <= 0.5
    (study.root / "labeled-data" / "cage1" / frames[1]).unlink()
    page.wait_for_selector(f'.label-row[title="{frames[1]}"]', state="detached")
    assert label.frame == new


def test_a_missing_picture_is_said_and_the_others_are_labeled(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer
) -> None:
    (study.root / "labeled-data" / "cage1" / "img05.png").unlink()
    label = LabelPage(page, start_server(study.root)).open("cage1", frames[0])
    page.keyboard.press("d")
    page.wait_for_selector(".label-message:not([hidden])")
    assert "img05.png cannot be shown" in page.inner_text(".label-message")
    label.press_to("d", "img11.png")
    assert page.locator(".label-message").is_hidden()


def test_a_long_folder_is_a_light_list(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer
) -> None:
    folder = study.root / "labeled-data" / "cage1"
    for i in range(1000, 6000):
        (folder / f"img{i}.png").hardlink_to(folder / frames[0])
    label = LabelPage(page, start_server(study.root)).open("cage1", frames[0])
    assert page.locator(".label-row").count() < 60
    label.press_to("Shift+N", "img5999.png")
    page.wait_for_selector('.label-row[aria-current][title="img5999.png"]')
    label.click(study.truth[2][0])
    label.wait_saved()
    assert np.abs(points_of(study.root, "cage1", "img5999.png")[0][0] - study.truth[2][0]).max() <= 0.5
