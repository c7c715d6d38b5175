"""Choosing frames in the browser: by hand while scrubbing, and by a method for a part of the video."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app_server import StartServer
from made_study import MadeStudy
from markerless.project import NewProject, create_project
from markerless.video.images import read_image
from video.clips import BLOCK, HEIGHT, WIDTH, Clip, number_of, write

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser
N_FRAMES = 400
FAR_KEYS = {"preset": "veryfast", "crf": "18", "x264-params": "keyint=250:min-keyint=250:scenecut=0:bframes=0"}


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    """A study with a video whose frames show their numbers, 250 from key frame to key frame, and a broken video."""
    video = write(tmp_path / "numbers.mp4", Clip(n_frames=N_FRAMES, options=FAR_KEYS))
    root = create_project(NewProject("n", "ada", ("nose", "tail"), (), date(2026, 1, 1)), tmp_path, [video]).root
    (root / "videos/broken.mp4").write_bytes(b"no video")
    return root


def shown_number(page: Page) -> int:
    """The number in the picture that is on the screen."""
    pixels = page.evaluate(
        "() => { const c = document.querySelector('#exact'); return [c.width, c.height, "
        "[...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]]; }"
    )
    image = np.array(pixels[2], np.uint8).reshape(pixels[1], pixels[0], 4)[:, :, :3]
    assert image.shape[:2] == (HEIGHT, WIDTH) and BLOCK * 8 == WIDTH
    return number_of(image)


def wait_for(page: Page, frame: int) -> None:
    page.locator(f"#exact[data-frame='{frame}'][data-exact='true']").wait_for()


def drag_to(page: Page, frame: int) -> None:
    """What the browser does while the slider is moved."""
    page.get_by_label("Frame", exact=True).evaluate(
        "(node, value) => { node.value = value; node.dispatchEvent(new Event('input')); }", frame
    )


def open_page(page: Page, start_server: StartServer, root: Path) -> None:
    page.goto(start_server(root).url)
    page.get_by_role("link", name="Extract", exact=True).click()
    page.get_by_label("Video", exact=True).wait_for()


def test_scrubbing_shows_exactly_the_frame_and_extracts_it(
    page: Page, numbered: Path, start_server: StartServer
) -> None:
    open_page(page, start_server, numbered)
    wait_for(page, 0)
    for key, frame in (("ArrowRight", 1), ("Shift+ArrowRight", 11), ("ArrowLeft", 10), (".", 11)):
        page.keyboard.press(key)
        wait_for(page, frame)
        assert shown_number(page) == frame
    for frame in (399, 249, 250, 137, 251):
        drag_to(page, frame)
        wait_for(page, frame)
        assert shown_number(page) == frame
    page.get_by_text("of 400 · 0:08.37 of 0:13.33").wait_for()
    page.keyboard.press("E")
    page.get_by_role("heading", name="1 frame of numbers.mp4").wait_for()
    assert page.get_by_role("button", name="Extracted already").is_disabled()
    (picture,) = (numbered / "labeled-data/numbers").glob("*.png")
    assert picture.name == "img251.png" and number_of(read_image(picture)) == 251

    page.get_by_label("Go to frame").fill("77")
    page.keyboard.press("Enter")
    wait_for(page, 77)
    page.get_by_role("button", name="frame 251", exact=True).click()  # the thumbnail leads back to it
    wait_for(page, 251)
    page.get_by_role("button", name="Take frame 251 away").click()
    page.get_by_role("heading", name="No frames extracted yet").wait_for()
    assert not picture.exists()
    page.get_by_role("button", name="Extract this frame").click()
    page.get_by_role("heading", name="1 frame of numbers.mp4").wait_for()


def test_a_frame_nearby_is_shown_while_the_exact_one_is_on_its_way(
    page: Page, numbered: Path, start_server: StartServer
) -> None:
    held: list[Route] = []
    page.route("**/frames/3*", lambda route: held.append(route))  # a bound method cannot be marked
    open_page(page, start_server, numbered)
    wait_for(page, 0)
    drag_to(page, 333)
    page.locator("#exact[data-frame='250'][data-exact='false']").wait_for()
    page.get_by_text("frame 250, on the way to 333").wait_for()
    page.wait_for_timeout(300)
    (route,) = [one for one in held if "/frames/333" in one.request.url]
    route.continue_()
    wait_for(page, 333)
    assert shown_number(page) == 333


def test_a_slider_that_is_dragged_asks_for_no_frame_in_between(
    page: Page, numbered: Path, start_server: StartServer
) -> None:
    open_page(page, start_server, numbered)
    wait_for(page, 0)
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("Frame", exact=True).evaluate(
        """async (node) => { for (let frame = 60; frame <= 390; frame += 15) {
            node.value = frame; node.dispatchEvent(new Event('input')); await new Promise(requestAnimationFrame); } }"""
    )
    wait_for(page, 390)
    exact = [int(url.split("/frames/")[1].split("?")[0]) for url in asked if "/frames/" in url]
    assert exact[0] == 390 and all(abs(frame - 390) <= 10 for frame in exact)
    assert any("/previews/" in url for url in asked)


def test_a_part_of_the_video_and_what_cannot_be(
    page: Page, numbered: Path, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    open_page(page, start_server, numbered)
    wait_for(page, 0)
    drag_to(page, 300)
    page.get_by_text("Only a part of it").click()
    page.get_by_role("button", name="here").first.click()
    page.get_by_label("How many of each video").fill("5")
    page.get_by_label("Frames that show").select_option("motion")
    page.get_by_role("button", name="Choose frames").click()
    page.get_by_role("heading", name="5 frames of numbers.mp4").wait_for()
    for path in (numbered / "labeled-data/numbers").glob("*.png"):
        assert path.name == f"img{number_of(read_image(path))}.png" and number_of(read_image(path)) >= 300

    page.get_by_label("Frames that show").select_option("model")
    page.get_by_role("button", name="Choose frames").click()
    page.get_by_text("needs trajectories of numbers.mp4").wait_for()
    page.get_by_role("link", name="Analyze a video first").wait_for()
    page.get_by_label("Video", exact=True).select_option("broken.mp4")
    page.locator(".extract-trouble").get_by_text("broken.mp4").wait_for()
    assert page.get_by_role("button", name="Extract this frame").is_disabled()
    shoot("extract-trouble")


def test_how_it_looks(page: Page, study: MadeStudy, start_server: StartServer, shoot: Callable[[str], Path]) -> None:
    open_page(page, start_server, study.root)
    wait_for(page, 0)
    page.get_by_label("How many of each video").fill("8")
    page.get_by_role("button", name="Choose frames").click()
    page.get_by_role("heading", name="20 frames of cage1.mp4").wait_for()
    drag_to(page, 33)
    wait_for(page, 33)
    page.wait_for_load_state("networkidle")
    assert page.locator(".extract-frame").count() == 20
    assert page.get_by_text("labeled", exact=True).count() == 12
    shoot("extract-page")
    page.locator("#theme").click()
    shoot("extract-page-dark")
