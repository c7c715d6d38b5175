"""Labels that other views suggest, in a browser: accepted, lines, what does not fit, and the way between views."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app_server import StartServer
from label_page import LabelPage, new_page, points_of
from made_views import KEYPOINTS, MadeViews, label, make_mirror, make_views, picture
from markerless.core.instance import FloatArray
from markerless.drawing import palette
from markerless.pipeline.views import set_views, views
from markerless.project import Project

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
FAR_RGB = (255, 77, 79)
SEEN_WITHIN_MS = 15_000


@pytest.fixture
def made(tmp_path: Path) -> MadeViews:
    """Three cameras; the third one's pictures have no labels."""
    made = make_views(tmp_path / "study", 3, 8)
    set_views(made.project, made.calibration, ["{session}_{camera}"])
    views(made.root, with_pictures=True)
    return made


def third(made: MadeViews, frame: int) -> str:
    """Name of the extracted picture of the third view."""
    (name,) = (made.root / "labeled-data" / made.folder(2)).glob(f"img*{frame}.png")
    return name.name


def wait_suggested(page: Page, n: int) -> None:
    noun = "suggestion" if n == 1 else "suggestions"
    page.wait_for_selector(f'[data-command="acceptSuggestions"]:text("Accept {n} {noun}")')


def wait_far(page: Page, names: list[str]) -> None:
    told = """(names) => {
      const shown = [...document.querySelectorAll('.label-far > span')].map((node) => node.textContent);
      return shown.sort().join() === names;
    }"""
    page.wait_for_function(told, arg=",".join(sorted(names)), timeout=SEEN_WITHIN_MS)


def test_what_two_views_agree_on_is_accepted_in_the_third_by_click_drag_and_key(
    page: Page, made: MadeViews, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    name, truth = third(made, 2), made.xy[2, 2]
    page_of = LabelPage(page, start_server(made.root)).open(made.folder(2), name)
    wait_suggested(page, len(KEYPOINTS))
    assert "±" in page.inner_text('.label-keypoint[title="nose"]')
    page_of.point_away()
    shoot("label-views")
    page_of.click(truth[0])
    wait_suggested(page, len(KEYPOINTS) - 1)
    page_of.drag(truth[1], truth[1] + (4, 3))
    page_of.press("Shift+P")
    page.wait_for_selector('[data-command="acceptSuggestions"]', state="detached")
    page_of.wait_saved()
    xy, _ = points_of(made.root, made.folder(2), name)
    assert np.linalg.norm(xy[[0, 2, 3, 4]] - truth[[0, 2, 3, 4]], axis=-1).max() < 4  # as exact as the labels are
    assert np.abs(xy[1] - truth[1] - (4, 3)).max() < 5
    page_of.press("Control+z")
    wait_suggested(page, 3)


def test_views_of_the_moment_are_a_key_away(page: Page, made: MadeViews, start_server: StartServer) -> None:
    page_of = LabelPage(page, start_server(made.root)).open(made.folder(0), picture(3))
    page.wait_for_selector('.label-view[aria-current]:text("cam0")')
    page.keyboard.press("v")
    page.wait_for_selector('.label-view[aria-current]:text("cam1")')
    assert page_of.frame == picture(3)
    assert page.input_value(".label-frames select") == made.folder(1)
    page.click('.label-view:text("cam2")')
    page.wait_for_selector('.label-view[aria-current]:text("cam2")')
    assert page_of.frame == third(made, 3)
    page.keyboard.press("Shift+V")
    page.wait_for_selector('.label-view[aria-current]:text("cam1")')


def test_a_moment_without_a_picture_is_extracted_on_the_page(
    page: Page, made: MadeViews, start_server: StartServer
) -> None:
    (made.root / "labeled-data" / made.folder(2) / third(made, 4)).unlink()
    LabelPage(page, start_server(made.root)).open(made.folder(0), picture(4))
    page.wait_for_selector('.label-view:disabled:text("cam2")')
    page.click('[data-command="extractViews"]')
    page.wait_for_selector('.label-view:not(:disabled):text("cam2")')
    assert third(made, 4)
    assert page.locator('[data-command="extractViews"]').count() == 0


def test_a_label_that_slipped_is_marked_until_it_is_put_right(
    page: Page, made: MadeViews, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    for view, off in ((2, None), (1, (5, 3, np.array([22.0, -6.0])))):
        if view == 2:
            for old in (made.root / "labeled-data" / made.folder(2)).glob("*.png"):
                old.unlink()
        label(made, view, range(8), 0.5, off)
    page_of = LabelPage(page, start_server(made.root)).open(made.folder(1), picture(5))
    wait_far(page, ["hip"])
    page_of.point_away()
    shoot("label-far")
    assert page_of.painted(FAR_RGB) is not None
    assert page.inner_text(".label-far > b").startswith("2")  # 22.8 px
    page.click('.label-tabs button:has-text("Doubtful")')
    page.wait_for_selector(f'.label-row[title="{picture(5)}"] .tag')
    page.click('.label-tabs button:has-text("All")')
    page_of.drag(points_of(made.root, made.folder(1), picture(5))[0][3], made.xy[1, 5, 3])
    wait_far(page, [])
    page_of.point_away()
    assert page_of.painted(FAR_RGB) is None


def test_what_somebody_labels_in_another_view_is_seen_at_once(
    browser: Browser, page: Page, made: MadeViews, start_server: StartServer
) -> None:
    folder = made.root / "labeled-data" / made.folder(1)
    for old in folder.glob("CollectedData*"):
        old.unlink()
    server = start_server(made.root)
    LabelPage(page, server).open(made.folder(2), third(made, 6))
    page.wait_for_selector('.label-view[aria-current]:text("cam2")')
    assert page.locator('[data-command="acceptSuggestions"]').count() == 0
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    other = new_page(context, server, "bob").open(made.folder(1), picture(6))
    other.click(made.xy[1, 6, 0])
    other.wait_saved()
    wait_suggested(page, 1)
    tab = new_page(page.context, server).open(made.folder(1), picture(6))  # of the same person
    tab.click(made.xy[1, 6, 1])
    tab.wait_saved()
    wait_suggested(page, 2)
    context.close()


def test_the_line_of_the_other_view_is_drawn_when_asked_for(
    page: Page, tmp_path: Path, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    made = make_views(tmp_path / "two", 2, 6)
    set_views(made.project, made.calibration, ["{session}_{camera}"])
    label(made, 1, range(6), 0.5)
    page_of = LabelPage(page, start_server(made.root)).open(made.folder(1), picture(2))
    page.wait_for_selector(".label-view[aria-current]")
    page_of.press("4", "Delete")  # the hip is open again, and its turn
    page_of.point_away()
    color = _color(3)
    without = _count(page, color)
    page_of.press("b")
    page.wait_for_selector('[data-command="beams"][aria-pressed="true"]')
    page_of.settle()
    assert _count(page, color) > without + 200  # a line through the whole picture
    shoot("label-line")
    page_of.press("b")
    page_of.settle()
    assert _count(page, color) == without


def test_in_a_mirror_a_click_in_one_view_marks_what_does_not_fit_in_the_other(
    page: Page, tmp_path: Path, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    project = make_mirror(tmp_path / "study", 12)
    page_of = LabelPage(page, start_server(project.root)).open("run", picture(4))
    page.wait_for_selector(".label-views:not([hidden])")
    wait_far(page, [])
    below = _point(project, "tail_bot", 4)
    page_of.drag(below, np.add(below, (25, 0)))
    wait_far(page, ["tail_bot", "tail_top"])
    page_of.press("b")
    page_of.point_away()
    shoot("label-mirror")
    page_of.press("Control+z")
    wait_far(page, [])


def test_placing_a_point_does_not_wait_for_the_views(page: Page, made: MadeViews, start_server: StartServer) -> None:
    """Every answer about views takes a minute here: labeling goes on."""
    page.route("**/views/*", lambda route: None)
    page_of = LabelPage(page, start_server(made.root)).open(made.folder(2), third(made, 1))
    for xy in made.xy[2, 1]:
        page_of.click(xy)
    page_of.wait_saved()
    xy, _ = points_of(made.root, made.folder(2), third(made, 1))
    assert np.abs(xy - made.xy[2, 1]).max() < 1


def _point(project: Project, keypoint: str, frame: int) -> FloatArray:
    xy, _ = points_of(project.root, "run", picture(frame))
    return xy[project.skeleton.index(keypoint)]


def _color(k: int) -> list[int]:
    return [int(value) for value in palette(len(KEYPOINTS))[k]]


def _count(page: Page, rgb: list[int]) -> int:
    """Pixels of the marks that have about this color."""
    told = """([red, green, blue]) => {
      const canvas = document.querySelector('.label-marks');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let n = 0;
      for (let i = 0; i < data.length; i += 4) {
        const far = Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) + Math.abs(data[i + 2] - blue);
        n += data[i + 3] > 150 && far < 40;
      }
      return n;
    }"""
    return int(page.evaluate(told, rgb))
