"""Training in the browser: start, watch, stop, go on, also after the server was killed; how a run learned."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app_server import Server, StartServer
from made_study import MadeStudy
from markerless.project import Project
from watched_run import LOOKS, add_run, offset_px

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Shoot = Callable[[str], Path]
ENDS_WITHIN_MS = 400_000
# Where on a tile the color of a keypoint's dot lies, in pixels of the picture: the mean place of pixels near to it.
FIND = """([tile, color]) => {
  const canvas = document.querySelectorAll('.train-canvas')[tile];
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let x = 0, y = 0, n = 0;
  for (let i = 0; i < data.length; i += 4) {
    if ([0, 1, 2].reduce((sum, c) => sum + Math.abs(data[i + c] - color[c]), 0) > 40) continue;
    x += (i / 4) % canvas.width; y += Math.floor(i / 4 / canvas.width); n += 1;
  }
  const scale = canvas.width / 320;
  return n ? [(x / n + 0.5) / scale - 0.5, (y / n + 0.5) / scale - 0.5] : null;
}"""
ORANGE = (230, 159, 0)  # of the first keypoint


def open_train(page: Page, server: Server) -> None:
    page.add_init_script("localStorage.setItem('markerless-who', 'ada')")
    page.goto(server.url)
    page.wait_for_selector("#pages a")
    page.click("#pages a:has-text('Train')")
    page.wait_for_selector(".train-form h2")


def dark(page: Page) -> None:
    page.click("#theme")
    page.wait_for_selector(":root[data-theme=dark]")


def test_how_a_run_learned(page: Page, study: MadeStudy, start_server: StartServer, shoot: Shoot) -> None:
    add_run(study, "first", 100, finished=True)
    add_run(study, "half")
    open_train(page, start_server(study.root))
    look = page.locator(".train-look")
    look.filter(has_text="step 60 of 100: 1.00 px").wait_for()
    assert [node.inner_text().split("\n")[0] for node in page.locator(".train-run").all()] == ["half", "first"]
    assert "Interrupted after step 60 of 100" in page.locator(".train-head").inner_text()
    assert page.locator(".train-head button", has_text="Resume").is_enabled()
    assert page.locator(".chart-dot").count() == len(LOOKS)
    page.mouse.move(600, 20)
    shoot("train-interrupted")

    snout = study.truth[study.labeled[-2], 0]
    for key, step in (("ArrowLeft", 20), ("ArrowLeft", 1), ("ArrowLeft", 1), ("ArrowRight", 20)):
        page.keyboard.press(key)
        look.filter(has_text=f"step {step} of 100: {offset_px(step):.{1 if step == 1 else 2}f} px").wait_for()
    page.wait_for_function(f"({FIND})([1, {list(ORANGE)}]) !== null")
    found = page.evaluate(FIND, [1, list(ORANGE)])
    assert found == pytest.approx([snout[0] + offset_px(20), snout[1]], abs=0.7), "the dot is at the predicted place"
    assert [node.inner_text() for node in page.locator(".train-error").all()] == ["3.00 px"] * 3
    box = page.locator(".chart-plot").nth(1).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] - 20, box["y"] + 60)  # the end of the chart
    look.filter(has_text="step 60").wait_for()
    page.locator(".chart-says", has_text="step 60: 1 px").wait_for()

    page.click(".train-run[data-run=first]")
    page.locator(".train-number", has_text="2.31 px").wait_for()
    assert "on 3 validation frames" in page.locator(".train-head").inner_text()
    dark(page)
    page.mouse.move(600, 20)
    shoot("train-finished-dark")


def test_without_labels_the_page_leads_to_labeling(
    page: Page, study: MadeStudy, start_server: StartServer, shoot: Shoot
) -> None:
    for table in (study.root / "labeled-data" / "cage1").glob("CollectedData*"):
        table.unlink()
    (study.root / "journal" / "cage1.jsonl").unlink(missing_ok=True)
    open_train(page, start_server(study.root))
    assert "Nothing trained yet" in page.inner_text(".empty")
    shoot("train-nothing")
    page.click(".train-form a:has-text('Label frames')")
    page.wait_for_url(re.compile("/label"))


def test_what_was_filled_in_is_what_is_started(page: Page, study: MadeStudy, start_server: StartServer) -> None:
    """The server is not asked: the request is caught on its way."""
    add_run(study, "first", 100, finished=True)
    sent: list[dict[str, object]] = []
    open_train(page, start_server(study.root))

    def catch(route: object) -> None:
        if route.request.method == "POST":  # type: ignore[attr-defined]
            sent.append(route.request.post_data_json)  # type: ignore[attr-defined]
            route.fulfill(status=422, json={"error": "expected no other training, got one"})  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    page.route(re.compile(r"/jobs$"), catch)
    page.click("text=Start training")
    page.locator(".notice.bad", has_text="expected no other training").wait_for()
    assert sent.pop() == {"kind": "train", "split": "default", "choices": {}}
    form = page.locator(".train-form")
    form.locator("[name=from]").select_option("first")
    assert form.locator("[name=minutes] option").first.inner_text() == "As usual: at most 3 minutes"
    form.locator("[name=minutes]").select_option("20")
    form.locator("summary").click()
    form.locator("[name=run]").fill("second")
    form.locator("[name=split]").select_option("all")
    form.locator("[name=size]").select_option("small")
    form.locator("[name=crossfits]").select_option("0")
    form.locator("[name=steps]").fill("12")
    page.click("text=Start training")
    page.locator(".notice.bad").nth(1).wait_for()
    choices = {"size": "small", "crossfits": 0, "steps": 12}
    assert sent.pop() == {
        "kind": "train", "run": "second", "from": "first", "minutes": 20, "split": "all", "choices": choices,
    }  # fmt: skip
    form.locator("[name=run]").fill("no good name")
    page.click("text=Start training")
    page.wait_for_timeout(200)
    assert sent == [], "the form refuses the name itself"


@pytest.mark.slow
def test_start_watch_stop_and_go_on(
    page: Page, study: MadeStudy, start_server: StartServer, shoot: Shoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    page.set_default_timeout(60_000)
    server = start_server(study.root)
    open_train(page, server)
    assert "12 labeled frames in 1 video. All of them train" in page.inner_text(".train-form")
    page.click(".train-more summary")
    page.fill("[name=steps]", "150")  # enough that a stop comes before the end
    page.select_option("[name=size]", "small")
    page.click("text=Start training")
    page.locator(".train-head .tag", has_text="training").wait_for()
    page.locator(".train-progress", has_text="Getting ready").wait_for()
    assert page.locator("text=Start training").is_disabled()
    page.locator(".train-progress", has_text=re.compile(r"Step \d+ of 150")).wait_for(timeout=ENDS_WITHIN_MS)
    page.locator(".train-examples .train-canvas").first.wait_for()
    page.click(".train-details summary")
    page.wait_for_timeout(300)
    shoot("train-running")

    server.kill()  # and the page is left open: it finds the server that is started again at the same place
    page.locator(".notice.bad", has_text="cannot be reached").wait_for()
    server = start_server(study.root, server.port)
    page.click(".train-head button:has-text('Stop')")
    page.locator(".train-head .tag", has_text="stopped").wait_for()
    shoot("train-stopped")
    assert "Nothing is lost" in page.locator(".train-head").inner_text()

    page.click(".train-head button:has-text('Resume')")
    page.locator(".train-head .tag", has_text="training").wait_for()
    page.locator(".train-number").wait_for(timeout=ENDS_WITHIN_MS)
    assert "on 12 frames that it was trained on" in page.locator(".train-head").inner_text()
    assert Project(study.root).run("run1").finished
    dark(page)
    shoot("train-done-dark")
    page.reload()
    page.locator(".train-run", has_text="finished").wait_for()
