"""Labeling in a browser: with mouse and keys, by two people at once, with a server that is killed, on real data."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from app_server import StartServer
from color_run import add_run
from label_page import FRAMES, LabelPage, new_page, points_of
from made_study import MadeStudy
from make_model import expected_errors
from markerless.core.instance import Visibility
from markerless.drawing import palette
from markerless.video.images import read_image, write_image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.browser
VISIBLE, HIDDEN, ABSENT, OPEN = Visibility.VISIBLE, Visibility.OCCLUDED, Visibility.ABSENT, Visibility.NOT_LABELED
STRENGTH = 253  # of the colors that the network of `add_run` finds
KEYPOINTS = ("snout", "leftear", "rightear", "bodycenter", "tailbase", "tailtip")


@pytest.fixture
def openfield_copy(shared_data: Path, tmp_path: Path) -> Path:
    """A project that DeepLabCut made, in a folder of the test's own."""
    return Path(shutil.copytree(shared_data / "openfield-Pranav-2018-10-30", tmp_path / "openfield-Pranav-2018-10-30"))


def test_three_frames_are_labeled_with_mouse_and_keys(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    label = LabelPage(page, start_server(study.root)).open()
    first, second, third = (study.truth[i] for i in FRAMES)
    assert label.frame == frames[0]
    assert "3" in page.inner_text(".label-tabs button:nth-child(2)")

    for xy in first:
        label.click(xy)
    assert "Every keypoint is decided" in page.inner_text(".label-status")

    label.press_to("n", frames[1])
    for xy in second:
        label.zoom_to(xy, 20)
        label.click(xy)
        label.press("0")
    assert label.view[0] < 4

    label.press_to("n", frames[2])
    label.press("x")  # the snout is not to be seen
    label.click(third[1], held="Shift")  # the left ear is hidden
    label.press("e")  # the right ear later
    label.click(third[3])
    label.press("6")
    label.click(third[5])
    label.press("ArrowLeft", "Shift+ArrowDown", "Shift+ArrowDown")
    label.press("s", "w", "5")
    label.click(third[4] + 30)
    label.drag(third[4] + 30, third[4])
    shoot("label-by-hand")
    label.wait_saved()

    at_fit, _ = points_of(study.root, "cage1", frames[0])
    assert np.abs(at_fit - first).max() <= 0.5  # one pixel of the screen is 0.4 of the picture
    zoomed, seen = points_of(study.root, "cage1", frames[1])
    assert np.abs(zoomed - second).max() <= 0.1
    assert (seen == VISIBLE).all()
    by_keys, seen = points_of(study.root, "cage1", frames[2])
    assert seen.tolist() == [ABSENT, HIDDEN, OPEN, VISIBLE, VISIBLE, VISIBLE]
    assert np.abs(by_keys[5] - (third[5] + (-1, 0.2))).max() <= 0.3
    assert np.abs(by_keys[4] - third[4]).max() <= 0.5


def test_a_frame_takes_a_click_for_each_keypoint_and_one_key(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer
) -> None:
    label = LabelPage(page, start_server(study.root)).open("cage1", frames[0])
    for frame, name in zip(FRAMES[:2], frames[:2], strict=True):
        assert label.frame == name
        for xy in study.truth[frame]:
            page.mouse.click(*label.on_screen(xy))
        label.press_to("n", frames[1] if name == frames[0] else frames[2])
    label.wait_saved()
    for frame, name in zip(FRAMES[:2], frames[:2], strict=True):
        assert np.abs(points_of(study.root, "cage1", name)[0] - study.truth[frame]).max() <= 0.5


def test_undo_and_redo_go_through_frames_and_a_reload_shows_what_was_saved(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer
) -> None:
    label = LabelPage(page, start_server(study.root)).open("cage1", frames[0])
    label.click(study.truth[2][0])
    label.click(study.truth[2][1])
    label.press_to("n", frames[1])
    label.click(study.truth[20][0])
    label.press("Control+z")
    assert label.keypoint("snout") == "open"
    label.press_to("Control+z", frames[0])  # the step was made in the frame before
    assert (label.keypoint("snout"), label.keypoint("leftear")) == ("placed", "open")
    label.press("Control+Shift+z")
    assert label.keypoint("leftear") == "placed"
    label.click(study.truth[2][1], button="right")
    assert label.keypoint("leftear") == "open"
    label.press("Control+z", "Control+z", "Control+y")
    assert label.keypoint("leftear") == "placed"
    label.wait_saved()

    page.reload()
    page.wait_for_selector(f'.label-stage[data-frame="{frames[0]}"]')
    label.wait_keypoint("leftear", "placed")
    assert label.keypoint("rightear") == "open"
    center = label.painted(palette(6)[1])
    assert center is not None
    assert np.abs(np.subtract(center, label.on_canvas(study.truth[2][1]))).max() < 1.5
    xy, seen = points_of(study.root, "cage1", frames[0])
    assert seen.tolist() == [VISIBLE, VISIBLE, OPEN, OPEN, OPEN, OPEN]
    assert np.abs(xy[:2] - study.truth[2][:2]).max() <= 0.5


def test_ghost_and_copy_from_the_frame_before(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer
) -> None:
    label = LabelPage(page, start_server(study.root)).open("cage1", frames[0])
    assert label.painted(palette(6)[0]) is None
    before, _ = points_of(study.root, "cage1", "img00.png")
    label.press("c")
    page.wait_for_selector('.label-keypoint[data-state="placed"]')
    label.wait_saved()
    assert np.abs(points_of(study.root, "cage1", frames[0])[0] - before).max() <= 0.01
    label.press("Control+z")
    assert [label.keypoint(name) for name in KEYPOINTS] == ["open"] * 6
    label.wait_saved()
    label.press("g")
    page.wait_for_function(
        "() => document.querySelector('[data-command=ghost]').getAttribute('aria-pressed') === 'true'"
    )


def test_two_people_see_each_other_and_no_change_is_lost(
    browser: Browser,
    page: Page,
    study: MadeStudy,
    frames: list[str],
    start_server: StartServer,
    shoot: Callable[[str], Path],
) -> None:
    server = start_server(study.root)
    ada = LabelPage(page, server, "ada").open("cage1", frames[0])
    other = browser.new_context(viewport={"width": 1280, "height": 800})
    ben = new_page(other, server, "ben").open("cage1", frames[0])
    truth = study.truth[2]

    ben.click(truth[0])
    ada.wait_keypoint("snout", "placed")  # within seconds, without asking
    assert "ben" in page.inner_text(".label-status")
    ada.click(truth[1])
    ben.wait_keypoint("leftear", "placed")

    page.context.set_offline(True)
    ada.press("3")
    ada.click(truth[2] + 5)
    ada.wait_state("offline: 1 change waits")
    ben.press("3")
    ben.click(truth[2])
    ben.wait_saved()
    page.context.set_offline(False)
    page.wait_for_selector(".label-conflict")
    assert "ben changed rightear" in page.inner_text(".label-conflict")
    shoot("label-conflict")
    assert np.abs(points_of(study.root, "cage1", frames[0])[0][2] - truth[2]).max() <= 0.5, "what was first stands"

    page.click("text=Use mine")
    ada.wait_saved()
    page.wait_for_selector(".label-conflict", state="detached")
    assert np.abs(points_of(study.root, "cage1", frames[0])[0][2] - (truth[2] + 5)).max() <= 0.5
    who = [entry["who"] for entry in clicks(study.root) if entry["keypoint"] == "rightear"]
    assert who == ["ben", "ada"]
    other.close()


def test_undo_does_not_undo_what_somebody_else_did(
    browser: Browser, page: Page, study: MadeStudy, frames: list[str], start_server: StartServer
) -> None:
    server = start_server(study.root)
    ada = LabelPage(page, server, "ada").open("cage1", frames[0])
    ada.click(study.truth[2][0])
    ada.wait_saved()
    other = browser.new_context(viewport={"width": 1280, "height": 800})
    ben = new_page(other, server, "ben").open("cage1", frames[0])
    ben.drag(study.truth[2][0], study.truth[2][0] + 12)
    ben.wait_saved()
    page.wait_for_function("() => document.querySelector('.label-status').textContent.includes('ben changed snout')")
    ada.press("Control+z")
    assert "left as it is" in page.inner_text(".label-status")
    ada.wait_saved()
    assert np.abs(points_of(study.root, "cage1", frames[0])[0][0] - (study.truth[2][0] + 12)).max() <= 0.5
    other.close()


def test_a_killed_server_loses_nothing(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    server = start_server(study.root)
    label = LabelPage(page, server).open("cage1", frames[0])
    truth = study.truth[2]
    label.click(truth[0])
    label.click(truth[1])
    server.kill()
    for xy in truth[2:5]:
        label.click(xy)
    page.wait_for_function("() => document.getElementById('save-state').textContent.startsWith('offline')")
    assert [label.keypoint(name) for name in KEYPOINTS] == [*["placed"] * 5, "open"], "labeling goes on"
    shoot("label-offline")
    assert "wait" in label.state
    start_server(study.root, port=server.port)
    label.wait_saved()
    label.click(truth[5])
    label.wait_saved()
    assert np.abs(points_of(study.root, "cage1", frames[0])[0] - truth).max() <= 0.5
    ids = [entry["id"] for entry in clicks(study.root)]
    assert len(ids) == len(set(ids)) == 6


def test_what_could_not_be_sent_survives_a_reload_and_is_taken_once(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer
) -> None:
    label = LabelPage(page, start_server(study.root)).open("cage1", frames[0])
    sent: list[list[str]] = []
    warned: list[str] = []
    broken = True

    def cut(route: Route) -> None:
        """The change arrives, and while the way back is broken its answer does not."""
        if broken and route.request.method == "POST":
            sent.append([change["id"] for change in json.loads(route.request.post_data or "{}")["changes"]])
            route.fetch()
            route.abort()
        else:
            route.continue_()

    def leave(dialog: Any) -> None:
        warned.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.route("**/changes*", cut)
    label.click(study.truth[2][0])
    label.click(study.truth[2][1])
    label.wait_state("offline: 2 changes wait")
    page.reload()
    assert warned == ["beforeunload"]
    page.wait_for_selector(f'.label-stage[data-frame="{frames[0]}"]')
    label.wait_keypoint("leftear", "placed")
    label.wait_state("offline: 2 changes wait")
    broken = False
    label.wait_saved()
    assert {change for changes in sent for change in changes} == {entry["id"] for entry in clicks(study.root)}
    assert len(clicks(study.root)) == 2
    page.reload()  # nothing waits: nobody is warned
    page.wait_for_selector(".label-stage[data-frame]")
    assert warned == ["beforeunload"]


def test_every_animal_has_its_own_labels(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer
) -> None:
    config = study.root / "config.yaml"
    text = config.read_text(encoding="utf-8").replace("multianimalproject: false", "multianimalproject: true")
    assert "bodyparts:" in text
    names = "\n".join(f"- {name}" for name in KEYPOINTS)
    animals = f"individuals:\n- ann\n- bo\nuniquebodyparts: []\nmultianimalbodyparts:\n{names}\n"
    config.write_text(
        text.replace("bodyparts:", f"{animals}old:") + "\nbodyparts: MULTI!\n",
        encoding="utf-8",
    )
    for table in (study.root / "labeled-data" / "cage1").glob("CollectedData*"):
        table.unlink()
    label = LabelPage(page, start_server(study.root)).open("cage1", frames[0])
    label.click(study.truth[2][0])
    label.press("i")
    label.click(study.truth[2][0] + 40)
    label.wait_saved()
    (frame,) = study.project.labels_of("cage1").frames
    by_name = {instance.individual: instance.xy[0] for instance in frame.instances}
    assert np.abs(by_name["ann"] - study.truth[2][0]).max() <= 0.5
    assert np.abs(by_name["bo"] - study.truth[2][0] - 40).max() <= 0.5


def test_pictures_of_every_kind_are_shown_as_programs_read_them(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer
) -> None:
    folder = study.root / "labeled-data" / "cage1"
    rgb = read_image(folder / frames[0])
    rgb[40:80, 60:140] = (250, 20, 20)  # tells which way is up
    for suffix in (".jpg", ".bmp", ".tif"):
        write_image(folder / f"kind{suffix}", rgb)
    turned = folder / "turned.jpg"
    turned.write_bytes(with_orientation((folder / "kind.jpg").read_bytes(), 3))  # half a turn, which is not to be made
    label = LabelPage(page, start_server(study.root))
    for name in ("kind.jpg", "kind.bmp", "kind.tif", "turned.jpg"):
        label.open("cage1", name)
        for xy in ((100, 60), (100, 180), (250, 60)):
            shown = page.evaluate(
                """([x, y]) => {
                  const canvas = document.querySelector('.label-picture');
                  return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
                }""",
                [round(value) for value in label.on_canvas(xy)],
            )
            expected = read_image(folder / name)[xy[1], xy[0]].astype(int)
            assert np.abs(np.subtract(shown[:3], expected)).max() <= 40, (name, xy, shown, expected)


def test_marks_lie_on_their_pixels_on_a_screen_of_high_resolution(
    browser: Browser, study: MadeStudy, start_server: StartServer
) -> None:
    context = browser.new_context(viewport={"width": 1000, "height": 700}, device_scale_factor=2)
    label = new_page(context, start_server(study.root)).open("cage1", "img00.png")
    label.point_away()
    for xy, color in zip(study.truth[0], palette(6), strict=True):
        center = label.painted(color)
        assert center is not None
        assert np.abs(np.subtract(center, label.on_canvas(xy))).max() < 0.6
    size = label.page.evaluate(
        "() => { const c = document.querySelector('.label-marks'); return c.width / c.clientWidth; }"
    )
    assert size == 2
    context.close()


def test_labels_that_may_be_mistakes_are_shown(
    page: Page, study: MadeStudy, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    project = study.project
    labels = project.labels_of("cage1")
    frame = labels.frames[3]
    (animal,) = frame.instances
    xy = animal.xy.copy()
    xy[[0, 5]] = xy[[5, 0]]  # snout and tip of the tail
    wrong = replace(frame, instances=(replace(animal, xy=xy),))
    project.write_labels("cage1", replace(labels, frames=(*labels.frames[:3], wrong, *labels.frames[4:])))
    name = frame.image.rpartition("/")[2]
    label = LabelPage(page, start_server(study.root)).open("cage1", "img00.png")
    page.click("text=Doubtful")
    page.click(f'.label-row[title="{name}"]')
    page.wait_for_selector(".label-doubts .hint")
    shoot("label-doubt")
    assert "snout" in page.inner_text(".label-doubts") or "tailtip" in page.inner_text(".label-doubts")
    page.click("text=It is right")
    page.wait_for_selector(".label-doubts .hint", state="detached")
    assert label.keypoint("snout") == "placed"


def test_predictions_are_starting_points(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    add_run(study, ("snout", "bodycenter", "tailtip"))
    path = study.root / "labeled-data" / "cage1" / frames[0]
    places = np.array([(60, 50), (160, 120), (250, 200)])  # of the strongest red, green and blue
    image = read_image(path) // 2
    for channel, (x, y) in enumerate(places):
        image[y, x, channel] = STRENGTH
    write_image(path, image)
    label = LabelPage(page, start_server(study.root)).open("cage1", frames[0])
    page.wait_for_selector("text=Accept predictions")
    center = label.painted(palette(6)[5])
    assert center is not None
    assert np.abs(np.subtract(center, label.on_canvas(places[2]))).max() < 3  # the dashes of its circle are uneven
    error = expected_errors(STRENGTH)
    assert page.inner_text('.label-keypoint[title="snout"] .label-keypoint-state') == f"± {error[0]:.1f} px"
    shoot("label-predictions")
    label.click(places[2])
    assert (label.keypoint("tailtip"), label.keypoint("snout")) == ("placed", "open")
    label.drag(places[1], places[1] + 20)
    label.press("p")
    label.wait_saved()
    xy, seen = points_of(study.root, "cage1", frames[0])
    assert seen.tolist() == [VISIBLE, OPEN, OPEN, VISIBLE, OPEN, VISIBLE]
    np.testing.assert_array_equal(xy[[0, 5]], places[[0, 2]])
    assert np.abs(xy[3] - places[1] - 20).max() <= 0.5
    label.press("Control+z")
    assert [label.keypoint(name) for name in ("snout", "bodycenter", "tailtip")] == ["open", "placed", "placed"]


def test_a_frame_without_an_animal_takes_one_key(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    label = LabelPage(page, start_server(study.root)).open("cage1", frames[0])
    label.click(study.truth[2][0])
    label.press("Shift+X")
    assert [label.keypoint(name) for name in KEYPOINTS] == ["absent"] * 6
    assert "No animal in this frame" in page.inner_text(".label-status")
    shoot("label-no-animal")
    label.press("Control+z")
    assert [label.keypoint(name) for name in KEYPOINTS] == ["placed", *["open"] * 5]
    page.click("button:has-text('No animal here')")
    label.settle()
    assert [label.keypoint(name) for name in KEYPOINTS] == ["absent"] * 6
    label.wait_saved()
    assert [entry["visibility"] for entry in clicks(study.root)[-6:]] == [ABSENT] * 6
    label.press_to("n", frames[1])  # nothing is left to decide in it


def test_the_run_whose_predictions_are_shown_is_chosen(
    page: Page, study: MadeStudy, frames: list[str], start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    """Two networks that say the same of the same picture, but under other names."""
    add_run(study, ("snout", "bodycenter", "tailtip"))
    first = study.project.run_folder("run1")
    second = Path(shutil.copytree(first, first.with_name("run2")))
    about = (second / "run.toml").read_text(encoding="utf-8").replace("run1", "run2")
    (second / "run.toml").write_text(about.replace("bodycenter", "rightear"), encoding="utf-8")
    label = LabelPage(page, start_server(study.root)).open("cage1", frames[0])
    predicted = '.label-keypoint[title="{}"] .label-keypoint-state:has-text("±")'
    page.wait_for_selector(predicted.format("rightear"))
    assert page.locator(predicted.format("bodycenter")).count() == 0
    choice = page.get_by_label("Predictions of")
    assert choice.locator("option").all_inner_texts() == ["run2, the newest", "run1", "none"]
    choice.select_option("run1")
    page.wait_for_selector(predicted.format("bodycenter"))
    assert page.locator(predicted.format("rightear")).count() == 0
    shoot("label-run-chosen")
    page.reload()
    page.wait_for_selector(predicted.format("bodycenter"))
    choice.select_option("none")
    page.wait_for_selector(predicted.format("bodycenter"), state="detached")
    assert page.locator("[data-command=acceptAll]").is_hidden()
    label.press("3")
    assert label.keypoint("rightear") == "open"


@pytest.mark.data
def test_labels_of_a_deeplabcut_project_are_on_the_right_pixels(
    page: Page, openfield_copy: Path, start_server: StartServer, shoot: Callable[[str], Path]
) -> None:
    label = LabelPage(page, start_server(openfield_copy))
    for picture, scale in (("img0000.png", 1.0), ("img0063.png", 12.0)):
        label.open("m4s1", picture)
        xy, _ = points_of(openfield_copy, "m4s1", picture)
        for k, (point, color) in enumerate(zip(xy, palette(4), strict=True)):
            label.press("0")
            label.zoom_to(point, scale)
            label.point_away()
            center = label.painted(color)
            assert center is not None, k
            assert np.abs(np.subtract(center, label.on_canvas(point))).max() < 0.6
    shoot("label-deeplabcut")


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG file that says how its picture is to be turned, in the words of EXIF."""
    tiff = b"II*\0\x08\0\0\0" + b"\1\0" + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + b"\0\0\0\0"
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def clicks(root: Path) -> list[dict[str, Any]]:
    """Every change that a person made, as the journal has it."""
    lines = (root / "journal" / "cage1.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if entry.get("change") == "point" and "id" in entry]
