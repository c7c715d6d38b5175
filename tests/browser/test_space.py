"""Points in space in the browser: every picture with the points of its own moment, in all videos at once; the scene is
turned, moved and zoomed; what is contradictory is said; results and videos are chosen."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from app_server import Server, StartServer
from coded_video import HEIGHT, N_FRAMES, READ_CANVAS, SLOW_FRAMES, WIDTH, film, open_player, wait_for_frame
from filmed_space import CONTRADICTED, KEYPOINTS, MadeSpace, make_space
from made_study import DAY, SCORER, MadeStudy
from markerless.core.camera import Calibration, Camera
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.core.views import CONTRADICTORY
from markerless.formats import movement
from markerless.pipeline.triangulate import triangulate
from markerless.project import NewProject, create_project

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

LATE = 20
FIRST_X, STEP_X, ROW_Y = 40.0, 2.0, 140.0
READ = f"""([row, color]) => [...document.querySelectorAll('.space-panel')].map((panel) => ({{
  ...({READ_CANVAS})(panel.querySelector('canvas'), 0, row, color, 60),
  isLate: panel.classList.contains('late'), said: Number(panel.querySelector('.space-frame').textContent),
}}))"""


@dataclass(frozen=True)
class Coded:
    """A study of two videos whose pictures say in stripes which frame they are, and whose points say it by their place.

    The second camera began `LATE` frames before the first one, which is frame 0 of the result.
    """

    root: Path
    color: tuple[int, int, int]

    def read(self, page: Page) -> list[dict[str, Any]]:
        """Of each panel: frame of the picture, frame that the point is of, frame that the panel names."""
        seen = page.evaluate(READ, [ROW_Y, list(self.color)])
        return [
            {**one, "overlay": None if one["overlay"] is None else (one["overlay"] - FIRST_X) / STEP_X} for one in seen
        ]


def cameras() -> Calibration:
    """Two that look along z at a plane 400 mm away, where a mm is a px; the second sees everything as far to the right
    of the first as the point moves in `LATE` frames."""
    matrix = np.array([[400.0, 0, 160], [0, 400, 120], [0, 0, 1]])
    places = {"first": 0.0, "second": STEP_X * LATE}
    return Calibration(
        tuple(
            Camera(name, (WIDTH, HEIGHT), matrix, np.zeros(5), np.eye(3), np.array([x, 0.0, 0.0]))
            for name, x in places.items()
        )
    )


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Coded:
    folder = tmp_path_factory.mktemp("coded")
    for name in ("first", "second"):
        film(folder / f"{name}.mp4")
    videos = [folder / "first.mp4", folder / "second.mp4"]
    project = create_project(NewProject("coded", SCORER, ("dot", "other"), (), DAY), folder, videos)
    files, seen = {}, {}
    for name, shift in (("first", 0.0), ("second", STEP_X * LATE)):
        points = np.full((N_FRAMES, 1, 2, 2), HEIGHT - 30.0)
        points[:, 0, 0] = np.stack([FIRST_X + STEP_X * np.arange(N_FRAMES), np.full(N_FRAMES, ROW_Y)], axis=-1)
        points[..., 1, 0] = 160.0 + shift
        seen[name] = Tracks(Skeleton(("dot", "other")), points, np.full((N_FRAMES, 1, 2), 0.9), fps=25.0)
        files[name] = project.root / "videos" / f"{name}DLC_x.nc"
        movement.write(replace(seen[name], video=f"{name}.mp4"), files[name])
    n_moments = N_FRAMES - LATE
    together = {}
    for name, rows in (("first", slice(0, n_moments)), ("second", slice(LATE, N_FRAMES))):
        together[name] = replace(seen[name], points=seen[name].points[rows], score=seen[name].score[rows])
    result = triangulate(cameras(), together, project.root / "coded")
    _add_sources(result.files[0], files, n_moments)
    return Coded(project.root, (230, 159, 0))


def _add_sources(path: Path, files: dict[str, Path], n_moments: int) -> None:
    """As if the result had been made of the files, whose frames were matched: see `camera_frame`."""
    tracks, views = movement.read(path), movement.read_views(path)
    sources = {name: {"file": f"videos/{file.name}", "keypoints": "{}"} for name, file in files.items()}
    movement.write(replace(tracks, provenance={**tracks.provenance, "sources": sources}), path, views)
    frames = np.arange(n_moments)[:, None] + [0, LATE]
    with h5py.File(path, "r+") as file:
        if "camera_frame" in file:
            del file["camera_frame"]
        stored = file.create_dataset("camera_frame", data=frames)
        for axis, name in enumerate(("time", "view")):
            stored.dims[axis].attach_scale(file[name])


def open_space(page: Page, server: Server, query: str = "") -> None:
    open_player(page, server, f"space{query}")


def settled(page: Page) -> None:
    """Every panel shows the moment that is named."""
    page.locator(".space-frame", has_text=re.compile(r"\d")).nth(page.locator(".space-panel").count() - 1).wait_for()
    page.wait_for_selector(".space-panel.late", state="detached")


def agree(seen: dict[str, Any]) -> bool:
    """The picture, its points and its name are of one frame, whatever other panels show."""
    overlay = seen["overlay"]
    return overlay is not None and abs(overlay - seen["picture"]) < 0.5 and seen["said"] == seen["picture"]


@pytest.mark.parametrize("network", ["quick", "slow"])
def test_every_picture_has_the_points_of_its_own_moment(
    page: Page, coded: Coded, start_server: StartServer, network: str
) -> None:
    if network == "slow":
        page.add_init_script(SLOW_FRAMES)
    open_space(page, start_server(coded.root))
    settled(page)
    page.click("text=Points on them")  # rings and lines would hide what is read
    page.click("text=Points on them")
    page.keyboard.press("Space")
    seen = []
    for _ in range(60):
        page.wait_for_timeout(35)
        seen.append(coded.read(page))
    assert all(agree(one) for both in seen for one in both), [both for both in seen if not all(map(agree, both))][:3]
    late = {both[1]["picture"] - both[0]["picture"] for both in seen}
    assert late == {LATE}  # the same moment in both
    assert len({both[0]["picture"] for both in seen}) > (8 if network == "quick" else 3)


def test_moments_are_reached_exactly_by_keys_and_by_clicking_the_plot(
    page: Page, coded: Coded, start_server: StartServer
) -> None:
    open_space(page, start_server(coded.root))
    last = N_FRAMES - LATE - 1
    presses = {"End": last, "ArrowLeft": last - 1, "Shift+ArrowLeft": last - 11, "Home": 0, ".": 1}
    for key, frame in presses.items():
        page.keyboard.press(key)
        wait_for_frame(page, frame)
        settled(page)
        first, second = coded.read(page)
        assert (first["picture"], second["picture"]) == (frame, frame + LATE)
        assert agree(first)
        assert agree(second)
    box = page.locator(".review-plot").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 104 + (box["width"] - 112) * (60.5 / (last + 1)), box["y"] + 60)
    wait_for_frame(page, 60)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeSpace:
    return make_space(tmp_path_factory.mktemp("space") / "study", 120)


def ink(page: Page) -> list[int]:
    """A few numbers that change with what the scene shows."""
    found: list[int] = page.evaluate(
        """() => {
          const canvas = document.querySelector('.space-scene');
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          const sums = Array(16).fill(0);
          for (let i = 0; i < data.length; i += 4) {
            const column = Math.floor(((i / 4) % canvas.width) * 16 / canvas.width);
            sums[column] += data[i + 3] ? (data[i] * 3 + data[i + 1] * 5 + data[i + 2] * 7) % 251 : 0;
          }
          return sums;
        }"""
    )
    return found


def test_the_scene_is_turned_moved_and_zoomed(page: Page, made: MadeSpace, start_server: StartServer) -> None:
    open_space(page, start_server(made.root), "?frame=30")
    settled(page)
    page.keyboard.press("0")
    page.wait_for_timeout(150)
    start = ink(page)
    assert any(start)
    box = page.locator(".space-scene").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(**how: Any) -> None:
        page.mouse.move(x, y)
        page.mouse.down(**how)
        page.mouse.move(x + 60, y + 25, steps=4)
        page.mouse.up(**how)
        page.wait_for_timeout(150)

    shown = [start]
    for change in (
        drag,
        lambda: drag(button="right"),
        lambda: page.mouse.wheel(0, -300),
        lambda: page.keyboard.press("3"),
        lambda: page.keyboard.press("c"),
        lambda: page.keyboard.press("e"),
    ):
        change()
        page.wait_for_timeout(150)
        now = ink(page)
        assert now not in shown
        shown.append(now)
    for key in ("e", "c", "0"):
        page.keyboard.press(key)
        page.wait_for_timeout(150)
    assert ink(page) == start


def test_what_is_up_is_chosen_and_kept(page: Page, made: MadeSpace, start_server: StartServer) -> None:
    open_space(page, start_server(made.root), "?frame=30")
    settled(page)
    up = page.locator("select[aria-label=Up]")

    def shown() -> str:
        return str(up.evaluate("(select) => select.selectedOptions[0].textContent"))

    assert shown() == "+z"
    page.keyboard.press("3")  # from above: what is up on the screen is level
    up.select_option("as seen now")
    assert shown() == "aslant"
    kept = page.evaluate("JSON.parse(Object.entries(localStorage).find(([key]) => key.includes('-up:'))[1])")
    assert abs(np.linalg.norm(kept) - 1) < 1e-6
    assert abs(kept[2]) < 0.1
    page.reload()
    settled(page)
    assert shown() == "aslant"
    up.select_option("−x")  # noqa: RUF001
    assert shown() == "−x"  # noqa: RUF001
    up.select_option("guessed anew")
    assert shown() == "+z"


def test_what_is_contradictory_is_said(
    page: Page, made: MadeSpace, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    open_space(page, start_server(made.root), f"?frame={CONTRADICTED.start - 8}")
    settled(page)
    page.click(".space-point >> text=tail_tip")
    for _ in range(12):
        page.keyboard.press("n")
        page.wait_for_timeout(250)
        if page.locator(".space-missing >> text=tail_tip").count():
            break
    frame = int(page.locator(".review-frame").inner_text().split()[1])
    views = movement.read_views(made.result)
    assert views is not None
    assert views.state[frame, 0, KEYPOINTS.index("tail_tip")] == CONTRADICTORY
    row = page.locator(".space-point", has_text="tail_tip")
    row.locator(".space-says.bad", has_text="contradictory").wait_for()
    settled(page)
    page.wait_for_timeout(300)
    shoot("space")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.keyboard.press("e")
    page.wait_for_timeout(300)
    shoot("space-dark")


def test_a_panel_is_made_large_and_videos_are_hidden(
    page: Page, made: MadeSpace, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    open_space(page, start_server(made.root), "?frame=90")
    settled(page)
    assert page.locator(".space-panel").count() == 3
    page.locator(".space-picture").nth(1).dblclick()
    page.locator(".space-panel").nth(1).wait_for(state="detached")
    settled(page)
    page.wait_for_timeout(400)
    shoot("space-large")
    page.keyboard.press("v")
    page.wait_for_selector(".space-view.alone")
    page.keyboard.press("ArrowRight")
    wait_for_frame(page, 91)
    page.wait_for_timeout(500)  # the address follows
    page.reload()
    page.wait_for_selector(".space-view.alone")  # what was chosen is kept
    wait_for_frame(page, 91)


def test_a_video_is_chosen_for_a_camera(page: Page, made: MadeSpace, start_server: StartServer, tmp_path: Path) -> None:
    """A result that was moved to another place, without its sources and videos."""
    moved = tmp_path / "there"
    moved.mkdir()
    (moved / "points.nc").write_bytes(made.result.read_bytes())
    (moved / "cut.mp4").write_bytes((made.root / "videos" / "left.mp4").read_bytes())
    open_space(page, start_server(made.root, roots=(tmp_path,)), f"?file={moved / 'points.nc'}&frame=20")
    left = page.locator(".space-panel", has_text="left")
    assert "is not where it was" in str(left.locator(".space-note").get_attribute("title"))
    for step in range(2):
        left.locator("button", has_text="video").click()
        page.click("dialog >> text=there")
        page.click("dialog >> text=cut.mp4")
        page.click("dialog >> text=Take it")
        page.wait_for_selector(".space-panel b[title^='cut.mp4: 120 frames']")
        if step == 0:
            page.reload()
            page.wait_for_selector(".space-panel b[title^='cut.mp4']")


def test_without_a_result_the_page_says_how_to_make_one(
    page: Page, study: MadeStudy, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    page.goto(start_server(study.root).url)
    page.wait_for_selector("#pages a")
    page.click("#pages a >> text=Space")
    page.wait_for_selector(".empty >> text=No points in space yet")
    assert "markerless triangulate" in page.locator(".empty code").inner_text()
    shoot("space-empty")
    key = page.evaluate("location.hash.split('/')[1]")
    page.evaluate(f"location.hash = '#/{key}/space?file=config.yaml'")
    page.wait_for_selector(".empty >> text=This result cannot be shown")
    page.wait_for_selector(".empty >> text=points in space")


def test_keys_are_shown(page: Page, made: MadeSpace, start_server: StartServer) -> None:
    open_space(page, start_server(made.root))
    page.keyboard.press("?")
    page.wait_for_selector("dialog >> text=follows the animal")
