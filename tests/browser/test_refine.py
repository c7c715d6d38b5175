"""Refining and results in a browser, on the made study: two runs, an analyzed video, suspicious moments."""

from __future__ import annotations

import io
import json
import re
import shutil
import socket
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app_server import StartServer
from made_study import MadeStudy, film
from markerless.pipeline.evaluate import evaluate
from markerless.pipeline.plot import plot
from markerless.pipeline.render import render
from recalled import two_runs, write_results

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Shoot = Callable[[str], Path]
JUMP = 130  # frame of cage2 in which the snout jumps


@pytest.fixture(scope="session")
def made_once(study_once: MadeStudy, tmp_path_factory: pytest.TempPathFactory) -> MadeStudy:
    """What `made` hands out, made once."""
    root = tmp_path_factory.mktemp("made") / study_once.root.name
    shutil.copytree(study_once.root, root)
    study = replace(study_once, root=root, video=root / "videos" / study_once.video.name)
    _, second = two_runs(study)
    evaluate(second)
    files = write_results(study, second, study.truth)
    render(files.files[-1], study.video)
    plot(files.files[-1], study.video)
    other = study.video.parent / "cage2.mp4"
    points = film(other, seed=9, n_frames=200).truth()
    points[JUMP, 0] += 70
    write_results(replace(study, video=other), second, points)
    return study


@pytest.fixture
def made(study: MadeStudy, made_once: MadeStudy) -> MadeStudy:
    """Two runs of which the second is better and evaluated; cage1 analyzed, drawn and plotted; cage2 with a jump."""
    shutil.copytree(made_once.root, study.root, dirs_exist_ok=True)
    return study


def until(page: Page, expression: str) -> None:
    """Wait for what JavaScript says; Playwright's own waiting needs `eval`, which the pages forbid."""
    for _ in range(300):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


def loaded(page: Page, selector: str) -> None:
    """Wait for the pictures that can be seen."""
    for picture in page.locator(selector).all()[:4]:
        picture.scroll_into_view_if_needed()
    until(page, f"[...document.querySelectorAll({selector!r})].slice(0, 4).every((img) => img.naturalWidth > 0)")


@pytest.fixture
def open_page(page: Page, made: MadeStudy, start_server: StartServer) -> Callable[[str], Page]:
    """`open_page("refine?step=find")` shows a page of the study."""
    server = start_server(made.root)
    page.goto(server.url)
    page.wait_for_selector("#pages a")
    key = page.evaluate("location.hash.split('/')[1]")

    def opened(route: str) -> Page:
        page.evaluate("document.querySelectorAll('.notice').forEach((node) => node.remove())")
        page.evaluate(f"location.hash = '#/{key}/' + {json.dumps(route)}")
        page.wait_for_selector(f".page-{route.partition('?')[0]} :is(h1, .review-head)")
        return page

    return opened


def go_dark(page: Page) -> None:
    page.click("#theme")
    until(page, "document.documentElement.dataset.theme === 'dark'")


def test_two_runs_before_and_after(open_page: Callable[[str], Page], shoot: Shoot) -> None:
    page = open_page("refine?step=compare")
    page.wait_for_selector(".refine-verdict")
    assert page.inner_text(".refine-verdict h2") == "run2 is better"
    assert "On 10 frames that neither run was trained on" in page.inner_text(".refine-verdict")
    rows = page.locator(".refine-table tbody tr")
    assert rows.count() == 7
    for row in rows.all():
        before, after = (float(text) for text in row.locator("td.number").all_inner_texts()[:2])
        marks = row.locator("circle")
        assert (float(marks.nth(0).get_attribute("cx") or 0) > float(marks.nth(1).get_attribute("cx") or 0)) == (
            before > after
        )
    page.click("button:has-text('All frames')")
    page.wait_for_selector(".refine-pair")
    assert page.locator(".refine-pair").count() == 10
    loaded(page, ".refine-pair img")
    shoot("refine_compare")
    page.click("button:has-text('Trained on')")
    page.wait_for_selector("text=learned by heart")
    go_dark(page)
    shoot("refine_compare_dark")


def test_points_are_painted_where_they_are(open_page: Callable[[str], Page], made: MadeStudy, shoot: Shoot) -> None:
    """The ring of the snout, taken back from the screen through picture and crop, is the label."""
    page = open_page("refine?step=compare")
    page.wait_for_selector(".refine-verdict")
    page.click("button:has-text('All frames')")
    page.wait_for_selector(".refine-pair img")
    card = page.locator(".refine-pair").first
    frame = int(re.findall(r"img(\d+)", card.inner_text())[0])
    source = card.locator("img").first.get_attribute("src") or ""
    left, top, width = (int(re.findall(rf"[?&]{name}=(\d+)", source)[0]) for name in ("left", "top", "width"))
    picture = card.locator(".refine-frame").first.bounding_box()
    ring = card.locator(".refine-frame").first.locator(".refine-ring.under").first.bounding_box()
    assert picture is not None
    assert ring is not None
    scale = picture["width"] / width
    x = (ring["x"] + ring["width"] / 2 - picture["x"]) / scale + left - 0.5
    y = (ring["y"] + ring["height"] / 2 - picture["y"]) / scale + top - 0.5
    assert (x, y) == pytest.approx(tuple(made.truth[frame, 0]), abs=0.3)
    card.locator(".refine-picture").first.click()
    page.wait_for_selector("dialog[open] table")
    loaded(page, "dialog img")
    shoot("refine_whole_frame")
    assert page.locator("dialog .refine-frame").count() == 2
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


def test_suspicious_frames_are_taken_and_wait_for_labels(
    open_page: Callable[[str], Page], made: MadeStudy, shoot: Shoot
) -> None:
    page = open_page("refine?step=find")
    card = page.locator("article", has_text="cage2.mp4")
    card.locator("button:has-text('for labeling')").wait_for()
    assert f"frame {JUMP}" in card.inner_text()
    assert "snout" in card.inner_text()
    shoot("refine_find")
    taken = card.locator(".refine-thumb").count()
    card.locator("button:has-text('for labeling')").click()
    page.wait_for_selector("text=Waiting for labels")
    pictures = sorted((made.root / "labeled-data" / "cage2").glob("img*.png"))
    assert len(pictures) == taken
    assert f"img{JUMP}.png" in {path.name for path in pictures}
    assert page.locator(".refine-step.now").inner_text().startswith("2")
    loaded(page, ".refine-thumb img")
    shoot("refine_correct")
    link = page.locator(f"a:has-text('cage2/img{JUMP}.png')").get_attribute("href") or ""
    assert link.endswith(f"/label?video=cage2&frame=img{JUMP}.png")


def test_the_path_is_walked_with_keys(open_page: Callable[[str], Page], shoot: Shoot) -> None:
    page = open_page("refine?step=find")
    for title in ("Correct", "Train", "Compare", "Find"):
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(f".refine-step a[aria-current=step]:has-text('{title}')")
    page.keyboard.press("?")
    assert "next step" in page.locator("dialog[open]").inner_text()


def test_label_mistakes_are_looked_for(open_page: Callable[[str], Page], shoot: Shoot) -> None:
    page = open_page("refine?step=find")
    page.click("button:has-text('Look for label mistakes')")
    page.wait_for_selector("text=/label.* to look at|No label looks like a mistake/")
    page = open_page("project")
    page.click("a:has-text('Check')")
    page.wait_for_selector(".page-check .refine-verdict")
    shoot("check")


def test_results_of_a_video(open_page: Callable[[str], Page], made: MadeStudy, shoot: Shoot) -> None:
    page = open_page("results")
    page.wait_for_selector(".results-canvas")
    page.click(".results-video:has-text('cage1.mp4')")
    page.wait_for_selector(".results-detail h2:has-text('cage1.mp4')")
    until(page, "document.querySelector('.results-film')?.readyState >= 2")
    assert page.evaluate("document.querySelector('.results-film').videoWidth") == 320
    until(page, PAINTED)
    shoot("results")
    canvas = page.locator(".results-canvas")
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": 46 + 0.5 * (box["width"] - 46), "y": 60})
    until(page, "Math.abs(document.querySelector('.results-film').currentTime - 1.2) < 0.1")  # of 60 frames
    until(page, "!document.querySelector('.results-head').hidden")
    go_dark(page)
    shoot("results_dark")


# some of the canvas has the color of the snout
PAINTED = """() => {
  const canvas = document.querySelector('.results-canvas');
  if (!canvas?.width) return false;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [red, green, blue, alpha] = data.subarray(i, i + 4);
    if (alpha > 200 && Math.abs(red - 230) < 12 && Math.abs(green - 159) < 12 && blue < 30) n += 1;
  }
  return n > 50;
}"""


def test_files_are_kept(open_page: Callable[[str], Page], made: MadeStudy) -> None:
    page = open_page("results")
    page.click(".results-video:has-text('cage1.mp4')")
    page.wait_for_selector(".results-detail h2:has-text('cage1.mp4')")
    page.wait_for_selector(".results-file")
    scorer = made.project.run("run2").scorer
    with page.expect_download() as csv:
        page.click(".results-file:has-text('csv')")
    assert csv.value.suggested_filename == f"cage1{scorer}.csv"
    assert Path(csv.value.path()).read_bytes() == (made.video.parent / f"cage1{scorer}.csv").read_bytes()
    with page.expect_download() as archive:
        page.click("a:has-text('All as zip')")
    names = zipfile.ZipFile(io.BytesIO(Path(archive.value.path()).read_bytes())).namelist()
    assert {f"cage1{scorer}.h5", f"cage1{scorer}_labeled.mp4", "plots/plots.html"} <= set(names)


def test_a_report_is_shown_and_nothing_in_it_runs(
    open_page: Callable[[str], Page], made: MadeStudy, shoot: Shoot
) -> None:
    """A script and a picture from elsewhere, put into the report, do nothing."""
    outside = socket.create_server(("127.0.0.1", 0))
    outside.setblocking(False)
    address = f"http://127.0.0.1:{outside.getsockname()[1]}/x.png"
    report = made.root / "runs" / "run2" / "report.html"
    evil = f"<script>document.title = 'run'; parent.document.title = 'run'</script><img src='{address}'>"
    report.write_text(report.read_text(encoding="utf-8").replace("</main>", f"{evil}</main>"), encoding="utf-8")
    page = open_page("results")
    page.click("button:has-text('Report')")
    frame = page.frame_locator(".results-report")
    frame.locator("h1").wait_for()
    assert "run2" in frame.locator("h1").inner_text()
    assert frame.locator("figure img").first.evaluate("(img) => img.naturalWidth") > 0
    assert frame.locator("img[src$='x.png']").evaluate("(img) => img.naturalWidth") == 0
    shoot("results_report")
    assert page.title() != "run"
    with pytest.raises(BlockingIOError):
        outside.accept()  # nobody came
    outside.close()
    page.click("button:has-text('Report')")
    page.wait_for_selector(".results-report", state="detached")


def test_a_video_is_analyzed_drawn_and_plotted_from_the_page(
    open_page: Callable[[str], Page], made: MadeStudy, shoot: Shoot
) -> None:
    """Real jobs, one after the other, from a video of which nothing is known to its labeled video."""
    video = made.video.parent / "cage3.mp4"
    film(video, seed=11)
    page = open_page("results")
    page.click(".results-video:has-text('cage3.mp4')")
    page.wait_for_selector("text=Not analyzed yet")
    shoot("results_not_analyzed")
    page.click("button:has-text('Analyze this video')")
    page.wait_for_selector(".notice:has-text('Started: analyzing cage3.mp4')")
    page.locator(".results-canvas").wait_for(timeout=90_000)
    scorer = made.project.run("run2").scorer
    assert (video.parent / f"cage3{scorer}.nc").is_file()
    page.click("button:has-text('Make the labeled video')")
    page.locator(".results-file:has-text('mp4')").wait_for(timeout=60_000)
    until(page, "document.querySelector('.results-film')?.readyState >= 2")
    assert page.locator("button[aria-pressed=true]:has-text('Labeled')").count() == 1
    page.click("button:has-text('Draw figures')")
    page.locator(".results-figures img").first.wait_for(timeout=60_000)
    assert (video.parent / "plot-poses" / "cage3" / "plots.html").is_file()


def test_a_newer_run_analyzes_a_video_from_the_review_page(
    open_page: Callable[[str], Page], made: MadeStudy, shoot: Shoot
) -> None:
    """Tracks of the run before are shown until somebody asks for those of the newest."""
    (made.root / "runs" / "run1" / "run.toml").touch()
    page = open_page("review?video=cage1.mp4&frame=7")
    page.locator(".review-frame", has_text="frame 7 of").wait_for()
    tracks = page.get_by_label("Tracks")
    assert tracks.locator("option:checked").inner_text() == "run2"
    page.get_by_role("button", name="Analyze with run1").click()
    page.locator(".work-job", has_text="analyzing cage1.mp4").wait_for()
    shoot("review_newer_run")
    page.get_by_role("button", name="Show the tracks of run1").click(timeout=90_000)
    page.locator("select[aria-label=Tracks] option:checked", has_text="run1").wait_for(state="attached")
    page.locator(".review-frame", has_text="frame 7 of").wait_for()
    assert page.locator(".review-newer").count() == 0
    assert (made.video.parent / f"cage1{made.project.run('run1').scorer}.nc").is_file()


def test_a_run_is_evaluated_from_the_page(open_page: Callable[[str], Page], made: MadeStudy) -> None:
    page = open_page("results")
    row = page.locator("tr", has_text="not evaluated")
    assert "run1" in row.inner_text()
    row.locator("button").click()
    page.locator("tr:has-text('not evaluated')").wait_for(state="detached", timeout=60_000)
    assert (made.root / "runs" / "run1" / "report.html").is_file()


def test_a_job_that_fails_says_why(open_page: Callable[[str], Page], made: MadeStudy) -> None:
    (made.root / "runs" / "run1" / "model.onnx").write_bytes(b"damaged")
    page = open_page("results")
    page.locator("tr", has_text="not evaluated").locator("button").click()
    page.locator(".notice.bad:has-text('evaluating run1: ')").wait_for(timeout=60_000)
    assert "model.onnx" in page.locator(".notice.bad").inner_text()


def test_the_last_run_is_trained_on(open_page: Callable[[str], Page], made: MadeStudy, shoot: Shoot) -> None:
    """A made run has no weights to go on from, so the job that the button starts says so; it is the right job."""
    page = open_page("refine?step=train")
    page.wait_for_selector("h2:has-text('Train run2 on')")
    assert "2 new frames" in page.inner_text(".refine-panel")
    shoot("refine_train")
    with page.expect_request(lambda request: request.url.endswith("/jobs") and request.method == "POST") as sent:
        page.click("button:has-text('Train on from run2')")
    assert sent.value.post_data_json == {"kind": "train", "from": "run2"}
    page.locator(".notice.bad").wait_for(timeout=60_000)
    (job,) = [json.loads(path.read_text(encoding="utf-8")) for path in made.root.parent.rglob("job.json")]
    assert job["order"]["words"] == ["train", str(made.root), "--run=run3", "--from=run2"]
