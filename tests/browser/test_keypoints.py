"""Editing the keypoints of a study in the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app_server import StartServer
from label_page import LabelPage
from made_study import MadeStudy
from markerless.project import config_file
from markerless.project.keypoints import change_keypoints, plan

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_keypoints_are_renamed_moved_removed_added_joined_and_paired(
    page: Page, start_server: StartServer, study: MadeStudy, shoot: Callable[[str], Path]
) -> None:
    old = study.project
    before = {name: old.labels().xy()[:, 0, k] for k, name in enumerate(old.skeleton.keypoints)}
    server = start_server(study.root)
    page.goto(server.url)
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("heading", name="Names and order").wait_for()
    shoot("keypoints")
    assert page.get_by_role("button", name="Save").is_disabled()

    page.get_by_label("Name of snout").fill("nose")
    page.get_by_label("Color of snout").fill("#12ab34")
    page.get_by_role("button", name="Remove tailtip", exact=True).click()
    page.get_by_label("New keypoint").fill("paw")
    page.get_by_label("New keypoint").press("Enter")
    page.get_by_role("button", name="Up: paw").click()
    stage = page.locator(".keypoints-stage")
    stage.get_by_role("button", name="paw").click()
    stage.get_by_role("button", name="nose").click()
    page.get_by_role("button", name="Left and right").click()
    stage.get_by_role("button", name="leftear").click()
    stage.get_by_role("button", name="rightear").click()
    page.get_by_text("“snout” becomes “nose”.").wait_for()
    page.get_by_text("“tailtip” goes; its 12 labels stay in the journal").wait_for()
    shoot("keypoints-changed")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Remove", exact=True).last.click()
    page.get_by_text("12 labeled frames went along").wait_for()
    page.get_by_role("heading", name="6 keypoints").wait_for()
    shoot("keypoints-saved")

    new = study.project
    assert new.skeleton.keypoints == ("nose", *old.skeleton.keypoints[1:4], "paw", old.skeleton.keypoints[4])
    edges = new.skeleton.names_of(new.skeleton.edges)
    assert ("paw", "nose") in edges and not any("tailtip" in edge for edge in edges)
    assert new.config["mirror_pairs"] == []  # the guessed pair was taken away
    assert config_file.keypoint_colors(new.config) == {"nose": "#12ab34"}
    np.testing.assert_array_equal(new.labels().xy()[:, 0, 0], before["snout"])

    page.goto(page.url.replace("/project", "/keypoints"))
    page.get_by_label("New keypoint").fill("tailtip")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="7 keypoints").wait_for()
    np.testing.assert_array_equal(study.project.labels().xy()[:, 0, 6], before["tailtip"])


def test_a_name_that_will_not_do_is_said_and_cannot_be_saved(
    page: Page, start_server: StartServer, study: MadeStudy
) -> None:
    server = start_server(study.root)
    page.goto(server.url)
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name of snout").fill("leftear")
    page.get_by_text("Two keypoints are called “leftear”.").wait_for()
    assert page.get_by_role("button", name="Save").is_disabled()
    page.get_by_label("Name of snout").fill("snout")
    assert page.get_by_text("are called").count() == 0
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("heading", name="6 keypoints").wait_for()


def test_an_open_label_page_learns_of_other_keypoints(page: Page, start_server: StartServer, study: MadeStudy) -> None:
    label = LabelPage(page, start_server(study.root)).open("cage1")
    panel = label.page.get_by_text("snout", exact=True)
    panel.first.wait_for()
    change_keypoints(study.project, plan(study.project, rename={"snout": "nose"}))
    label.page.get_by_text("nose", exact=True).first.wait_for()
    assert panel.count() == 0
    label.page.wait_for_selector(".label-stage[data-frame]:not([data-waits])")


def test_a_keypoints_page_that_is_out_of_date_saves_nothing(
    page: Page, start_server: StartServer, study: MadeStudy
) -> None:
    page.goto(start_server(study.root).url)
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name of snout").fill("nose")
    change_keypoints(study.project, plan(study.project, add=["paw"]))
    page.get_by_role("button", name="Save").click()
    page.get_by_text("load it again").first.wait_for()
    assert study.project.skeleton.keypoints[0] == "snout" and study.project.skeleton.keypoints[-1] == "paw"
