"""Review in the browser: every painted overlay is that of the painted picture, moments lead to mistakes, a correction
becomes a label."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from app_server import Server, StartServer
from coded_video import HEIGHT, N_FRAMES, READ_CANVAS, SLOW_FRAMES, film, open_player, wait_for_frame
from made_study import DAY, SCORER, MadeStudy, make_study
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.project import NewProject, Project, create_project
from markerless.video.images import read_image, write_image
from review_page import canvas_place, drag
from reviewed import mistakes, tracks_with_mistakes, write_results

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

FIRST_X, STEP_X, ROW_Y = 10.0, 2.5, 140
READ = f"""([row, color]) => ({{
  ...({READ_CANVAS})(document.querySelector('.review-picture'), 20, row, color, 40),
  said: Number(/frame (\\d+)/.exec(document.querySelector('.review-frame').textContent)?.[1] ?? -1),
}})"""


@dataclass(frozen=True)
class Coded:
    """A study whose pictures say in stripes which frame they are, and whose tracks say it by the place of a point."""

    root: Path
    color: tuple[int, int, int]

    def read(self, page: Page) -> dict[str, Any]:
        """Frame of the picture, frame of the point, and the frame that the page names."""
        seen = page.evaluate(READ, [ROW_Y, list(self.color)])
        overlay = None if seen["overlay"] is None else (seen["overlay"] - FIRST_X) / STEP_X
        return {**seen, "overlay": overlay}


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Coded:
    folder = tmp_path_factory.mktemp("coded")
    film(folder / "coded.mp4")
    project = create_project(NewProject("coded", SCORER, ("dot", "other"), (), DAY), folder, [folder / "coded.mp4"])
    points = np.full((N_FRAMES, 1, 2, 2), float(HEIGHT - 20))
    points[:, 0, 0] = np.stack([FIRST_X + STEP_X * np.arange(N_FRAMES), np.full(N_FRAMES, ROW_Y)], axis=-1)
    tracks = Tracks(Skeleton(("dot", "other")), points, np.full((N_FRAMES, 1, 2), 0.9), fps=25.0, scorer="DLC_x")
    study = MadeStudy(project.root, project.root / "videos" / "coded.mp4", points[:, 0], ())
    write_results(study, tracks)
    return Coded(project.root, (230, 159, 0))


def open_review(page: Page, server: Server, root: Path, query: str = "") -> None:
    page.add_init_script("localStorage.setItem('markerless-who', 'ada')")
    open_player(page, server, f"review{query}")


def agree(seen: dict[str, Any]) -> bool:
    return (
        seen["overlay"] is not None and abs(seen["overlay"] - seen["picture"]) < 0.4 and seen["said"] == seen["picture"]
    )


@pytest.mark.parametrize("network", ["quick", "slow"])
def test_every_overlay_is_that_of_its_picture(
    page: Page, coded: Coded, start_server: StartServer, network: str
) -> None:
    server = start_server(coded.root)
    if network == "slow":
        page.add_init_script(SLOW_FRAMES)
    open_review(page, server, coded.root)
    assert agree(coded.read(page))
    for speed in ("1", "4"):
        page.select_option(".review-transport select", speed)
        page.keyboard.press("Home")
        page.keyboard.press("Space")
        seen = [coded.read(page)]
        for _ in range(60):
            page.wait_for_timeout(35)
            seen.append(coded.read(page))
        assert all(agree(one) for one in seen), [one for one in seen if not agree(one)][:3]
        frames = [one["picture"] for one in seen]
        assert len(set(frames)) > (8 if network == "quick" else 3)
        if page.locator(".review-play").get_attribute("title") == "Pause (Space)":
            page.keyboard.press("Space")


def test_frames_are_reached_exactly_by_keys_and_by_clicking_the_plot(
    page: Page, coded: Coded, start_server: StartServer
) -> None:
    open_review(page, start_server(coded.root), coded.root)
    presses = {"End": 119, "ArrowLeft": 118, "Shift+ArrowLeft": 108, "Home": 0, ".": 1, "Shift+ArrowRight": 11}
    for key, frame in presses.items():
        page.keyboard.press(key)
        wait_for_frame(page, frame)
        seen = coded.read(page)
        assert (seen["picture"], agree(seen)) == (frame, True)
    box = page.locator(".review-plot").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 104 + (box["width"] - 112) * (60.5 / N_FRAMES), box["y"] + 60)
    wait_for_frame(page, 60)
    assert agree(coded.read(page))


def test_leaps_show_a_frame_nearby_with_its_own_points(page: Page, coded: Coded, start_server: StartServer) -> None:
    """Exact frames are slow here, previews are not."""
    page.add_init_script(SLOW_FRAMES.replace("60 + 240 * Math.random()", "700"))
    open_review(page, start_server(coded.root), coded.root)
    for key, frame in {"End": N_FRAMES - 1, "Home": 0}.items():
        page.keyboard.press(key)
        seen = []
        for _ in range(10):
            page.wait_for_timeout(40)
            seen.append(coded.read(page))
        assert all(agree(one) for one in seen), [one for one in seen if not agree(one)][:3]
        wait_for_frame(page, frame)
        assert agree(coded.read(page))


def test_a_playhead_that_is_dragged_asks_for_no_frame_in_between(
    page: Page, coded: Coded, start_server: StartServer
) -> None:
    open_review(page, start_server(coded.root), coded.root)
    page.wait_for_load_state("networkidle")
    box = page.locator(".review-plot").bounding_box()
    assert box is not None
    left, width, y = box["x"] + 104, box["width"] - 112, box["y"] + 6
    page.mouse.move(left + 1, y)
    page.mouse.down()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        """async ([left, width, y]) => {
          const canvas = document.querySelector('.review-plot');
          const move = (clientX) => canvas.dispatchEvent(
            new PointerEvent('pointermove', { clientX, clientY: y, bubbles: true }));
          for (let share = 0.1; share < 0.96; share += 0.01) {
            move(left + share * width);
            await new Promise(requestAnimationFrame);
          }
          move(left + width * 110.5 / 120);
        }""",
        [left, width, y],
    )
    wait_for_frame(page, 110)
    page.mouse.up()
    assert agree(coded.read(page))
    exact = [int(url.split("/frames/")[1].split("?")[0]) for url in asked if "/frames/" in url]
    between = [frame for frame in exact if abs(frame - 110) > 6]  # its neighbors are fetched with it
    assert 110 in exact
    assert len(between) <= 4, between  # a busy machine may make the pointer rest once; without a rest they are dozens
    assert any("/previews/" in url for url in asked)


@pytest.fixture
def reviewed(tmp_path: Path) -> MadeStudy:
    study = make_study(tmp_path / "made", n_frames=240, n_labeled=6)
    write_results(study, tracks_with_mistakes(study))
    return study


def test_moments_lead_to_the_mistakes(
    page: Page, reviewed: MadeStudy, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    open_review(page, start_server(reviewed.root), reviewed.root)
    page.wait_for_selector(".review-row")
    wrong = mistakes(240)
    shoot("review")
    reached = set()
    for _ in range(page.locator(".review-row").count()):
        page.keyboard.press("n")
        page.wait_for_selector(".review-row[aria-current]")
        moment: int = page.evaluate("document.querySelector('.review-row[aria-current]').moment.worst")
        wait_for_frame(page, moment)
        reached.add(moment)
    assert wrong.jump in reached
    assert reached & set(wrong.unsure)
    assert wrong.swapped.start in reached
    page.locator(".review-row", has_text="snout moves").click()
    wait_for_frame(page, wrong.jump)
    page.wait_for_timeout(400)
    shoot("review-moment")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.click(".review-tabs button >> text=Keypoints")
    page.wait_for_timeout(300)
    shoot("review-dark")


def journal_of(study: MadeStudy) -> list[dict[str, Any]]:
    path = study.root / "journal" / f"{study.video.stem}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


@pytest.fixture
def corrected(page: Page, reviewed: MadeStudy, start_server: StartServer) -> Iterator[MadeStudy]:
    """The page at the jump, whose snout was dragged to where it is."""
    tracks = tracks_with_mistakes(reviewed)
    frame = mistakes(240).jump
    open_review(page, start_server(reviewed.root), reviewed.root, f"?frame={frame}")
    wait_for_frame(page, frame)
    snout = reviewed.project.skeleton.index("snout")
    page.mouse.move(*canvas_place(page, tracks.points[frame, 0, snout]))
    page.mouse.down()
    page.mouse.move(*canvas_place(page, reviewed.truth[frame, snout] + 8), steps=4)
    page.mouse.move(*canvas_place(page, reviewed.truth[frame, snout]), steps=4)
    page.mouse.up()
    yield reviewed


def test_a_correction_becomes_a_label(page: Page, corrected: MadeStudy, shoot: Callable[[str], Path]) -> None:
    frame = mistakes(240).jump
    page.wait_for_selector(".notice >> text=became a labeled frame")
    page.wait_for_selector(".tag.good >> text=labeled frame")
    page.wait_for_timeout(300)
    shoot("review-corrected")
    image = f"labeled-data/cage1/img{frame:03d}.png"
    labels = Project(corrected.root).labels_of("cage1").select([image])
    (instance,) = labels.frames[0].instances
    names = labels.skeleton.keypoints
    tracks = tracks_with_mistakes(corrected)
    for k, name in enumerate(names):
        expected = corrected.truth[frame, k] if name == "snout" else tracks.points[frame, 0, k]
        assert np.hypot(*(instance.xy[k] - expected)) < (0.5 if name == "snout" else 1e-3), name
    assert (corrected.root / image).is_file()
    assert {entry["who"] for entry in journal_of(corrected) if entry.get("image") == image} == {"ada"}
    page.reload()
    page.wait_for_selector(".tag.good >> text=labeled frame")


def test_a_correction_can_be_taken_back(page: Page, corrected: MadeStudy) -> None:
    page.wait_for_selector(".notice >> text=became a labeled frame")
    page.wait_for_selector(".tag.good >> text=labeled frame")
    page.keyboard.press("Control+z")
    page.wait_for_selector(".tag.good >> text=labeled frame", state="detached")
    image = f"labeled-data/cage1/img{mistakes(240).jump:03d}.png"
    frames = {frame.image: frame for frame in Project(corrected.root).labels_of("cage1").frames}
    assert image not in frames or frames[image].n_points == 0


def test_a_frame_whose_picture_is_a_crop_is_not_corrected(
    page: Page, reviewed: MadeStudy, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    frame = reviewed.labeled[1]
    picture = reviewed.root / "labeled-data" / "cage1" / f"img{frame}.png"
    write_image(picture, read_image(picture)[20:170, 40:240])
    before = journal_of(reviewed)
    open_review(page, start_server(reviewed.root), reviewed.root, f"?frame={frame}")
    wait_for_frame(page, frame)
    page.wait_for_selector(".tag.warn >> text=another size")
    assert page.locator(".tag.good").count() == 0
    snout = tracks_with_mistakes(reviewed).points[frame, 0, reviewed.project.skeleton.index("snout")]
    drag(page, snout, snout + 12)
    page.wait_for_selector(".notice.bad >> text=expected labeled-data/cage1/img48.png to have the 320 x 240 px")
    page.wait_for_selector(".notice.bad >> text=got 200 x 150 px")
    shoot("review-cropped")
    assert journal_of(reviewed) == before


def test_a_video_without_tracks_says_what_to_do(
    page: Page, study: MadeStudy, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    page.goto(start_server(study.root).url)
    page.wait_for_selector("#pages a")
    page.click("#pages a >> text=Review")
    page.wait_for_selector(".empty >> text=Train a network first")
    shoot("review-empty")
