"""What other views say of a picture, over HTTP: suggestions, lines, versions, and pictures of the same moment."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from made_views import KEYPOINTS, MadeViews, label, make_mirror, make_views, picture
from markerless.errors import ProjectError
from markerless.pipeline.study_views import FILE
from markerless.pipeline.views import set_views
from markerless.server.app import AppOptions, create_app
from markerless.server.books import Books
from markerless.server.views_shelf import ViewsShelf
from markerless.video.images import image_size

TOKEN = "a-secret-of-these-tests"
ONE = "individual_0"
IDS = itertools.count()


@pytest.fixture
def made(tmp_path: Path) -> MadeViews:
    """Three cameras; the third has pictures, and no labels."""
    made = make_views(tmp_path / "study", 3, 8)
    set_views(made.project, made.calibration, ["{session}_{camera}"])
    return made


@pytest.fixture
def options(made: MadeViews, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppOptions:
    monkeypatch.setenv("MARKERLESS_STATE", str(tmp_path / "state"))
    return AppOptions(TOKEN, made.root, (tmp_path,))


def client_of(options: AppOptions) -> TestClient:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return TestClient(create_app(options), "http://localhost:8421", raise_server_exceptions=False, headers=headers)


@pytest.fixture
def client(options: AppOptions) -> Iterator[TestClient]:
    with client_of(options) as client:
        yield client


@pytest.fixture
def home(client: TestClient) -> str:
    return f"/api/projects/{client.get('/api/session').json()['first']}/labels"


def ask(client: TestClient, address: str) -> Any:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.json()


def click(client: TestClient, address: str, k: int, xy: Any, was: Any = None) -> None:
    """Place keypoint `k` in the frame at `address` (.../FOLDER/PICTURE)."""
    folder, _, name = address.rpartition("/")
    before = {"xy": was, "visibility": 2 if was else 0}
    change = {
        "id": f"c{next(IDS)}", "picture": name, "individual": ONE, "keypoint": KEYPOINTS[k], "was": before,
        "to": {"xy": [float(v) for v in xy], "visibility": 2},
    }  # fmt: skip
    answer = client.post(f"{folder}/changes", json={"who": "ada", "changes": [change]})
    assert [one["state"] for one in answer.json()["outcomes"]] == ["done"], answer.text


def extracted(client: TestClient, home: str, made: MadeViews, frame: int) -> Any:
    answer = client.post(f"{home}/{made.folder(0)}/views/{picture(frame)}/extract")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_moment_in_other_views_is_told_and_can_be_extracted(client: TestClient, home: str, made: MadeViews) -> None:
    views = ask(client, f"{home}/{made.folder(0)}/views/{picture(2)}")["views"]
    assert [(one["name"], one["picture"], one["is_here"], one["can_extract"]) for one in views] == [
        ("cam0", "img02.png", True, False), ("cam1", "img02.png", False, False), ("cam2", None, False, True),
    ]  # fmt: skip
    after = extracted(client, home, made, 2)["views"]
    assert after[2]["picture"].endswith("2.png")
    assert not after[2]["can_extract"]
    assert image_size(made.root / "labeled-data" / made.folder(2) / after[2]["picture"]) == made.cameras[2].size
    assert len(list((made.root / "labeled-data" / made.folder(2)).iterdir())) == 1  # of this moment alone


def test_a_moment_that_the_other_video_does_not_have_is_told(client: TestClient, home: str, made: MadeViews) -> None:
    folder = made.root / "labeled-data" / made.folder(0)
    (folder / "img77.png").write_bytes((folder / picture(0)).read_bytes())
    answer = client.post(f"{home}/{made.folder(0)}/views/img77.png/extract")
    assert answer.status_code == 422
    assert "day1_cam2.mp4: 1 of the moments are not in this video of 8 frames" in answer.json()["error"]


def test_suggestions_lie_where_the_keypoints_are(client: TestClient, home: str, made: MadeViews) -> None:
    there = extracted(client, home, made, 3)["views"][2]
    answer = ask(client, f"{home}/{there['folder']}/views/{there['picture']}")
    points = answer["points"][ONE]
    assert set(points) == set(KEYPOINTS)
    for k, name in enumerate(KEYPOINTS):
        one = points[name]
        assert one["views"] == ["cam0", "cam1"]
        assert np.linalg.norm(np.array(one["xy"]) - made.xy[2, 3, k]) < 5 * one["error"]
        assert one["error"] < one["spread"] < 6
        assert one["is_inside"]
        assert not one["lines"]


def test_a_click_in_another_view_moves_the_suggestion_and_changes_the_version(
    client: TestClient, home: str, made: MadeViews
) -> None:
    there = extracted(client, home, made, 1)["views"][2]
    address = f"{home}/{there['folder']}"
    before = ask(client, f"{address}/views/{there['picture']}")
    assert before["version"] == ask(client, f"{address}/changes?since=0")["views"] == ask(client, address)["views"]
    was = ask(client, f"{home}/{made.folder(0)}/frames/{picture(1)}")["points"][ONE]["nose"]["xy"]
    click(client, f"{home}/{made.folder(0)}/{picture(1)}", 0, np.add(was, (2.0, 0)), was)
    assert ask(client, f"{address}/changes?since=0")["views"] != before["version"]
    after = ask(client, f"{address}/views/{there['picture']}")
    assert after["version"] != before["version"]
    moved = [
        np.linalg.norm(np.subtract(*(answer["points"][ONE][name]["xy"] for answer in (before, after))))
        for name in KEYPOINTS
    ]
    assert moved[0] > 0.5
    assert max(moved[1:]) == 0
    # a label of the view itself is no news for it
    click(client, f"{home}/{there['folder']}/{there['picture']}", 0, made.xy[2, 1, 0])
    assert ask(client, f"{address}/changes?since=0")["views"] == after["version"]


def test_one_other_view_gives_a_line_and_views_that_contradict_each_other_one_each(
    client: TestClient, home: str, made: MadeViews
) -> None:
    there = extracted(client, home, made, 5)["views"][2]
    was = ask(client, f"{home}/{made.folder(1)}/frames/{picture(5)}")["points"][ONE]
    click(client, f"{home}/{made.folder(1)}/{picture(5)}", 1, np.add(was["ear"]["xy"], (0, 40.0)), was["ear"]["xy"])
    gone = {
        "id": "gone", "picture": picture(5), "individual": ONE, "keypoint": "nose",
        "was": {"xy": was["nose"]["xy"], "visibility": 2}, "to": {"xy": None, "visibility": 3},
    }  # fmt: skip
    assert client.post(f"{home}/{made.folder(1)}/changes", json={"who": "a", "changes": [gone]}).status_code == 200
    points = ask(client, f"{home}/{there['folder']}/views/{there['picture']}")["points"][ONE]
    assert points["nose"]["xy"] is None
    (line,) = points["nose"]["lines"]
    assert line["view"] == "cam0"
    assert len(line["xy"]) == len(line["spread"]) > 10
    assert points["ear"]["is_torn"]
    assert [one["view"] for one in points["ear"]["lines"]] == ["cam0", "cam1"]


def test_a_label_that_does_not_fit_is_among_the_doubtful_ones(client: TestClient, home: str, made: MadeViews) -> None:
    label(made, 2, range(8), 0.5)
    address = f"{home}/{made.folder(1)}/suspects"
    assert [one for one in ask(client, address)["suspects"] if one["kind"] == "views"] == []
    was = ask(client, f"{home}/{made.folder(1)}/frames/{picture(6)}")["points"][ONE]["hip"]["xy"]
    click(client, f"{home}/{made.folder(1)}/{picture(6)}", 3, np.add(was, (18.0, 0)), was)
    (odd,) = (one for one in ask(client, address)["suspects"] if one["kind"] == "views")
    assert (odd["picture"], odd["keypoints"], odd["individual"]) == (picture(6), ["hip"], ONE)
    assert odd["message"].startswith("hip in view cam1 is 1")


def test_a_folder_without_session_and_a_project_without_views_have_none(
    client: TestClient, home: str, made: MadeViews
) -> None:
    (made.root / FILE).write_text(f'calibration = "{made.calibration.name}"\nvideos = "x_{{camera}}"\n', "utf-8")
    answer = ask(client, f"{home}/{made.folder(0)}/views/{picture(0)}")
    assert (answer["views"], answer["points"]) == ([], {})
    (made.root / FILE).unlink()
    answer = ask(client, f"{home}/{made.folder(0)}/views/{picture(0)}")
    assert (answer["version"], answer["views"]) == (None, [])
    assert ask(client, f"{home}/{made.folder(0)}")["views"] is None
    assert extracted(client, home, made, 0)["views"] == []


def test_what_is_wrong_with_the_views_is_one_line_and_labeling_goes_on(
    client: TestClient, home: str, made: MadeViews
) -> None:
    (made.root / FILE).write_text("videos = [", encoding="utf-8")
    answer = client.get(f"{home}/{made.folder(0)}/views/{picture(0)}")
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("expected a TOML file of views")
    assert len(ask(client, f"{home}/{made.folder(0)}")["frames"]) == 8
    assert ask(client, f"{home}/{made.folder(0)}/changes?since=0")["views"]
    assert ask(client, f"{home}/{made.folder(0)}/suspects")["suspects"] == []


def test_pictures_of_another_size_are_not_compared(client: TestClient, home: str, made: MadeViews) -> None:
    text = made.calibration.read_text(encoding="utf-8")
    width, height = made.cameras[0].size
    wrong = text.replace(f"{width}, {height}", f"{2 * width}, {2 * height}").replace(
        f"{width},{height}", f"{2 * width},{2 * height}"
    )
    assert wrong != text
    (made.root / made.calibration.name).write_text(wrong, encoding="utf-8")
    answer = ask(client, f"{home}/{made.folder(0)}/views/{picture(0)}")
    assert answer["points"] == {}
    assert f"expected pictures of {2 * width} x {2 * height} px" in answer["note"]


@pytest.mark.parametrize("name", ["nothing.png", "..%2F..%2Fconfig.yaml"])
def test_an_unknown_picture_is_not_found(client: TestClient, home: str, made: MadeViews, name: str) -> None:
    assert client.get(f"{home}/{made.folder(0)}/views/{name}").status_code == 404
    assert client.post(f"{home}/{made.folder(0)}/views/{name}/extract").status_code in (404, 405)
    assert client.get(f"{home}/day9_cam0/views/{picture(0)}").status_code == 404


def test_a_mirror_suggests_lines_in_the_same_picture(tmp_path: Path, options: AppOptions) -> None:
    project = make_mirror(tmp_path / "mirror", 10)
    with client_of(AppOptions(TOKEN, project.root, (tmp_path,))) as client:
        home = f"/api/projects/{client.get('/api/session').json()['first']}/labels"
        answer = ask(client, f"{home}/run/views/{picture(4)}")
        assert [(one["name"], one["is_here"]) for one in answer["views"]] == [("side", True), ("below", True)]
        assert {name: one["views"] for name, one in answer["points"][ONE].items()} == {
            **{f"{name}_top": ["below"] for name in KEYPOINTS},
            **{f"{name}_bot": ["side"] for name in KEYPOINTS},
        }
        before = ask(client, f"{home}/run/changes?since=0")["views"]
        assert before == answer["version"]


def test_views_that_are_taken_away_in_between_are_one_line(made: MadeViews) -> None:
    (made.root / "views.toml").unlink()
    with pytest.raises(ProjectError, match=r"no views\.toml in .*it has no views"):
        ViewsShelf().suggester(made.project, Books())
