"""One study from its first video to a network that has learned from its mistakes, as one person does it in the browser.

Nothing is done but with mouse and keys; the project on disk is only read, to see what came of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app_server import StartServer
from label_page import LabelPage, points_of
from made_study import film
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.pipeline.results import open_tracks, result_files
from markerless.project import Project
from review_page import drag

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
N_FRAMES, BY_HAND = 60, (3, 27, 45)
NAMES, OF_SCENE = ("snout", "leftear", "rightear", "tailbase"), [0, 1, 2, 4]
TRAINED_WITHIN_MS = 300_000
STEPS, MORE_STEPS = 60, 20


@dataclass
class Person:
    """Somebody at a page, with a camera.

    Attributes:
        page: What is looked at.
        shoot: Keeps a screenshot by its name.
        folder: The allowed root, in which the project is made.
        truth: `(T, 4, 2)` px of the made video.
    """

    page: Page
    shoot: Callable[[str], Path]
    folder: Path
    truth: FloatArray

    @property
    def project(self) -> Project:
        """The project as it is on disk now."""
        (root,) = self.folder.glob("mouse-ada-*")
        return Project(root)

    def snap(self, name: str) -> None:
        """Keep a screenshot once what was asked for is there."""
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_timeout(250)
        self.shoot(f"story-{name}")

    def tracks(self) -> Tracks:
        """The newest trajectories of the video."""
        (video,) = self.project.videos()
        files = [path for path in result_files(video) if path.suffix == ".nc"]
        return open_tracks(max(files, key=lambda path: path.stat().st_mtime_ns), video)[0]


def test_from_a_video_to_a_network_that_has_learned_from_its_mistakes(
    page: Page,
    start_server: StartServer,
    shoot: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    page.set_default_timeout(30_000)
    scene = film(tmp_path / "cage1.mp4", n_frames=N_FRAMES)
    ada = Person(page, shoot, tmp_path, scene.truth()[:, OF_SCENE])
    page.goto(start_server().url)
    make_a_project(ada)
    extract_frames(ada)
    label_frames(ada)
    train_a_network(ada)
    frame = review_and_correct(ada)
    learn_from_it(ada, frame)
    see_what_it_brought(ada)


def make_a_project(ada: Person) -> None:
    page = ada.page
    page.get_by_text("No project yet").wait_for()
    ada.snap("01-start")
    page.get_by_role("button", name="New project").click()
    page.get_by_label("Name of the study").fill("mouse")
    page.get_by_label("Who labels").fill("ada")
    page.get_by_label("Body parts to measure").fill("\n".join(NAMES))
    page.get_by_role("button", name="Choose videos").click()
    page.get_by_text("cage1.mp4").click()
    ada.snap("02-choose-video")
    page.get_by_role("button", name="Take them").click()
    ada.snap("03-new-project")
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("heading", name="4 keypoints").wait_for()
    ada.snap("04-project")
    assert ada.project.skeleton.keypoints == NAMES
    assert [path.name for path in ada.project.videos()] == ["cage1.mp4"]
    page.get_by_role("link", name="Extract frames").click()


def extract_frames(ada: Person) -> None:
    """Four frames of the computer's choice, of which one is kept; and three by hand."""
    page = ada.page
    page.locator("#exact[data-frame='0'][data-exact='true']").wait_for()
    ada.snap("05-extract-empty")
    page.get_by_label("How many of each video").fill("4")
    page.get_by_role("button", name="Choose frames").click()
    page.get_by_role("heading", name="4 frames of cage1.mp4").wait_for()
    for left in (3, 2, 1):
        page.get_by_title("Take this frame away").first.click()
        page.get_by_role("heading", name=re.compile(f"^{left} frames? of cage1.mp4")).wait_for()
    kept = {index_of(name) for name in pictures(ada)}
    for frame in BY_HAND:
        page.get_by_label("Go to frame").fill(str(frame))
        page.keyboard.press("Enter")
        page.locator(f"#exact[data-frame='{frame}'][data-exact='true']").wait_for()
        if frame not in kept:
            page.keyboard.press("E")
            page.get_by_role("button", name="Extracted already").wait_for()
        kept.add(frame)
    page.get_by_role("heading", name=f"{len(kept)} frames of cage1.mp4").wait_for()
    ada.snap("06-extracted")
    assert {index_of(name) for name in pictures(ada)} == kept
    page.get_by_role("link", name="Label them").click()


def label_frames(ada: Person) -> None:
    """All of them: the first zoomed in, to a tenth of a pixel; one mistake undone; all there after a reload."""
    page = ada.page
    label = LabelPage.shown_in(page)
    ada.snap("07-label-first")
    names = pictures(ada)
    assert label.frame == names[0]
    first = ada.truth[index_of(names[0])]
    label.zoom_to(first[0], 24)
    ada.snap("08-label-zoomed")
    label.click(first[0])
    label.press("0")
    for xy in first[1:]:
        label.zoom_to(xy, 24)
        label.click(xy)
        label.press("0")
    for name in names[1:]:
        label.press_to("n", name)
        for xy in ada.truth[index_of(name)]:
            label.click(xy)
    label.click(first[0] + 40, button="right")  # where nothing is
    label.press("4", "Delete")
    assert label.keypoint(NAMES[3]) == "open"
    label.press("Control+z")
    assert label.keypoint(NAMES[3]) == "placed"
    label.point_away()
    label.wait_saved()
    page.get_by_text(f"{len(names)} of {len(names)} labeled").wait_for()
    ada.snap("09-labeled")

    page.reload()
    label = LabelPage.shown_in(page)
    assert label.frame == names[-1]
    assert [label.keypoint(name) for name in NAMES] == ["placed"] * 4
    ada.snap("10-label-reloaded")
    for name in names:
        xy, _ = points_of(ada.project.root, "cage1", name)
        far = np.abs(xy - ada.truth[index_of(name)]).max()
        assert far <= (0.1 if name == names[0] else 0.5), name
    page.get_by_role("link", name="Train a network").click()


def train_a_network(ada: Person) -> None:
    page = ada.page
    page.get_by_role("heading", name="New training").wait_for()
    ada.snap("11-train")
    start_training(ada, STEPS)
    page.locator(".train-progress", has_text=re.compile(r"Step \d+ of")).wait_for(timeout=TRAINED_WITHIN_MS)
    ada.snap("12-training")
    page.locator(".train-number").wait_for(timeout=TRAINED_WITHIN_MS)
    ada.snap("13-trained")
    assert ada.project.runs() == ("run1",)
    page.get_by_role("link", name="Analyze and review videos").click()


def review_and_correct(ada: Person) -> int:
    """Analyze the video and put one point right in a frame that had not been labeled; that frame."""
    page = ada.page
    page.get_by_role("button", name="Analyze this video").wait_for()
    ada.snap("14-review-not-analyzed")
    page.get_by_role("button", name="Analyze this video").click()
    page.locator(".review-transport").wait_for(timeout=TRAINED_WITHIN_MS)
    page.locator(".review-frame", has_text="frame 0 of 60").wait_for()
    page.get_by_role("tab", name=re.compile(r"Moments \d+")).wait_for()
    ada.snap("15-review")
    tracks = ada.tracks()
    assert tracks.n_frames == N_FRAMES
    frame, k = point_to_correct(ada, tracks)
    move_playhead(page, frame)
    page.locator(".review-frame", has_text=re.compile(rf"^frame {frame} of")).wait_for()
    ada.snap("16-review-frame")
    drag(page, tracks.points[frame, 0, k], ada.truth[frame, k])
    page.wait_for_selector(".tag.good >> text=labeled frame")
    ada.snap("17-review-corrected")
    xy, _ = points_of(ada.project.root, "cage1", f"img{frame:02d}.png")
    assert np.abs(xy[k] - ada.truth[frame, k]).max() <= 0.5
    page.get_by_role("link", name="Learn from 1 corrected frame").click()
    return frame


def learn_from_it(ada: Person, frame: int) -> None:
    page = ada.page
    page.get_by_role("heading", name="Train run1 on").wait_for()
    page.get_by_text("does not know 1 new frame yet").wait_for()
    ada.snap("18-refine-train")
    page.get_by_role("link", name="Settings on the train page").click()  # fewer steps than the usual three minutes
    page.get_by_role("heading", name="New training").wait_for()
    assert page.get_by_label("Begin with").input_value() == "run1"
    start_training(ada, MORE_STEPS)
    page.locator(".train-run[data-run=run2]", has_text="px").wait_for(timeout=TRAINED_WITHIN_MS)
    ada.snap("19-trained-on")
    assert ada.project.runs() == ("run1", "run2")
    run = ada.project.run("run2")
    assert run.settings["run"]["start_from"] == "run1"
    assert f"labeled-data/cage1/img{frame:02d}.png" in run.split["train"]
    page.get_by_role("link", name="Compare with run1").click()


def see_what_it_brought(ada: Person) -> None:
    page = ada.page
    page.locator(".refine-verdict").wait_for(timeout=TRAINED_WITHIN_MS)
    assert page.get_by_label("before", exact=True).input_value() == "run1"
    assert page.get_by_label("after", exact=True).input_value() == "run2"
    ada.snap("20-compared")
    page.locator("#pages").get_by_role("link", name="Review").click()
    page.get_by_role("button", name="Analyze with run2").click()
    page.get_by_role("button", name="Show the tracks of run2").click(timeout=TRAINED_WITHIN_MS)
    page.locator("select[aria-label=Tracks] option:checked", has_text="run2").wait_for(state="attached")
    page.locator(".review-frame", has_text="frame 0 of 60").wait_for()
    ada.snap("21-reviewed-again")


def start_training(ada: Person, steps: int) -> None:
    page = ada.page
    page.click(".train-more summary")
    page.fill("[name=steps]", str(steps))
    page.select_option("[name=size]", "small")
    page.select_option("[name=crossfits]", "0")
    page.click("text=Start training")


def point_to_correct(ada: Person, tracks: Tracks) -> tuple[int, int]:
    """A frame without labels and a keypoint of it that can be taken hold of: no other one is close to it."""
    labeled = {index_of(name) for name in pictures(ada)}
    for frame in range(N_FRAMES):
        points = tracks.points[frame, 0]
        for k in range(len(NAMES)):
            others = np.delete(points, k, axis=0)
            apart = np.linalg.norm(others - points[k], axis=1).min()
            if frame not in labeled and apart > 12 and (points[k] > 0).all() and (points[k] < (319, 239)).all():
                return frame, k
    raise AssertionError("no predicted point stands apart from the others")


def move_playhead(page: Page, frame: int) -> None:
    """With the keys: as many tens as there are, and the rest one by one."""
    page.keyboard.press("Home")
    for _ in range(frame // 10):
        page.keyboard.press("Shift+ArrowRight")
    for _ in range(frame % 10):
        page.keyboard.press("ArrowRight")


def pictures(ada: Person) -> list[str]:
    """File names of the extracted frames, in order."""
    return sorted(path.name for path in (ada.project.root / "labeled-data" / "cage1").glob("img*.png"))


def index_of(picture: str) -> int:
    return int(picture.removeprefix("img").removesuffix(".png"))
