"""The labels of a project over HTTP."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from made_study import MadeStudy
from markerless.project.label_book import LabelBook, PointChange

NOTHING = {"xy": None, "visibility": 0}


def change(number: int, to: dict[str, Any], was: dict[str, Any] = NOTHING, **more: str) -> dict[str, Any]:
    base = {"id": f"c{number}", "picture": "img00.png", "individual": "individual_0", "keypoint": "snout"}
    return {**base, **more, "was": was, "to": to}


@pytest.fixture
def labels(key: str) -> str:
    return f"/api/projects/{key}/labels"


def test_folders_and_frames_at_a_glance(client: TestClient, labels: str, study: MadeStudy) -> None:
    assert client.get(labels).json() == {"folders": [{"name": "cage1", "pictures": 12, "labeled": 12}]}
    folder = client.get(f"{labels}/cage1").json()
    assert folder["frames"][1] == {"picture": f"img{study.labeled[1]:02d}.png", "decided": 6}
    assert (len(folder["palette"]), folder["individuals"]) == (6, ["individual_0"])


def test_a_change_is_seen_by_others_and_reaches_the_tables(client: TestClient, labels: str, study: MadeStudy) -> None:
    frame = client.get(f"{labels}/cage1/frames/img00.png").json()
    assert frame["size"] == [320, 240]
    snout = frame["points"]["individual_0"]["snout"]
    assert snout["xy"] == study.truth[0, 0].tolist()
    was = {"xy": snout["xy"], "visibility": snout["visibility"]}
    body = {"who": "Ann", "changes": [change(1, {"xy": [10.125, 20.0625], "visibility": 1}, was)]}
    answer = client.post(f"{labels}/cage1/changes", json=body).json()
    assert [outcome["state"] for outcome in answer["outcomes"]] == ["done"]
    again = client.post(f"{labels}/cage1/changes", json=body).json()
    assert [outcome["state"] for outcome in again["outcomes"]] == ["already there"]
    others = client.get(f"{labels}/cage1/changes", params={"since": frame["sequence"]}).json()
    (seen,) = others["changes"]
    assert (seen["keypoint"], seen["now"]["xy"], seen["now"]["who"]) == ("snout", [10.125, 20.0625], "Ann")
    entry = client.get(f"{labels}/cage1/history/img00.png").json()["entries"][-1]
    assert (entry["who"], entry["to"]) == ("Ann", [10.125, 20.0625])
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        (table,) = study.project.label_tables("cage1")
        if table.read().frames[0].instances[0].xy[0].tolist() == [10.125, 20.0625]:
            return
        time.sleep(0.1)
    pytest.fail("the change did not reach the tables")


def test_a_conflict_gives_back_what_is_there(client: TestClient, labels: str, study: MadeStudy) -> None:
    body = {"who": "Bo", "changes": [change(2, {"xy": [1, 1], "visibility": 2})]}
    (outcome,) = client.post(f"{labels}/cage1/changes", json=body).json()["outcomes"]
    assert (outcome["state"], outcome["now"]["xy"]) == ("conflict", study.truth[0, 0].tolist())


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"who": "", "changes": []},
        {"who": "x" * 61, "changes": []},
        {"who": "a", "changes": [{"id": "1"}]},
        {"who": "a", "changes": [change(1, {"xy": [1], "visibility": 2})]},
        {"who": "a", "changes": [change(1, {"xy": ["a", 1], "visibility": 2})]},
        {"who": "a", "changes": [change(1, {"xy": [1e9, 1], "visibility": 2})]},
        {"who": "a", "changes": [change(1, {"xy": [1, 1], "visibility": 9})]},
        {"who": "a", "changes": [change(1, {"xy": None, "visibility": 2})]},
        {"who": "a", "changes": [], "more": 1},
    ],
)
def test_nonsense_is_refused_in_one_line(client: TestClient, labels: str, body: Any) -> None:
    answer = client.post(f"{labels}/cage1/changes", json=body)
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("folder", ["%2e%2e", "nothing", "cage1%2f..", "..%2f..%2fstate"])
def test_no_folder_but_those_of_the_project(client: TestClient, labels: str, folder: str) -> None:
    assert client.get(f"{labels}/{folder}").status_code == 404


@pytest.mark.parametrize("picture", ["..%2f..%2fconfig.yaml", "CollectedData_ada.h5", "nothing.png", ".hidden.png"])
def test_no_file_but_pictures(client: TestClient, key: str, labels: str, picture: str) -> None:
    assert client.get(f"/api/projects/{key}/pictures/cage1/{picture}").status_code == 404
    assert client.get(f"{labels}/cage1/frames/{picture}").status_code == 404


def test_a_picture_that_leads_out_of_the_project_is_not_shown(
    client: TestClient, key: str, study: MadeStudy, tmp_path: Path
) -> None:
    secret = tmp_path.parent / "secret.png"
    secret.write_bytes(b"secret")
    (study.root / "labeled-data/cage1/zz.png").symlink_to(secret)
    assert client.get(f"/api/projects/{key}/pictures/cage1/zz.png").status_code == 404


def test_a_folder_that_is_a_link_is_shown_where_the_server_may_show_its_pictures(
    client: TestClient,
    key: str,
    labels: str,
    study: MadeStudy,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    own, paths = study.root / "labeled-data/cage1", [f"/api/projects/{key}/pictures/cage1", f"{labels}/cage1/frames"]
    own.rename(tmp_path / "disk")
    own.symlink_to(tmp_path / "disk")
    for path in (*paths, f"{labels}/cage1/history"):
        assert client.get(f"{path}/img00.png").status_code == 200
    snout = client.get(f"{paths[1]}/img00.png").json()["points"]["individual_0"]["snout"]
    was = {name: snout[name] for name in ("xy", "visibility")}
    body = {"who": "Ann", "changes": [change(1, {"xy": [10, 20], "visibility": 2}, was)]}
    (outcome,) = client.post(f"{labels}/cage1/changes", json=body).json()["outcomes"]
    assert outcome["state"] == "done"

    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copy(tmp_path / "disk/img00.png", elsewhere / "zz.png")
    (tmp_path / "disk/zz.png").symlink_to(elsewhere / "zz.png")
    (tmp_path / "disk/yy.png").symlink_to(tmp_path / "disk/img00.png")
    for path in paths:
        assert client.get(f"{path}/yy.png").status_code == 200
        assert client.get(f"{path}/zz.png").status_code == 404, "an allowed folder allows no link out of it"


def test_a_folder_that_leads_out_says_how_to_allow_it(
    client: TestClient, key: str, labels: str, study: MadeStudy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own, outside = study.root / "labeled-data/cage1", tmp_path_factory.mktemp("outside") / "cage1"
    own.rename(outside)
    own.symlink_to(outside)
    for path in (f"/api/projects/{key}/pictures/cage1", f"{labels}/cage1/frames", f"{labels}/cage1/history"):
        answer = client.get(f"{path}/img00.png")
        assert answer.status_code == 404
        assert "a link that leads out" in answer.json()["error"] and "--root FOLDER" in answer.json()["error"]
    body = {"who": "Ann", "changes": [change(1, {"xy": [10, 20], "visibility": 2})]}
    assert client.post(f"{labels}/cage1/changes", json=body).status_code == 404


def test_pictures_whole_and_small(client: TestClient, key: str, study: MadeStudy) -> None:
    path = f"/api/projects/{key}/pictures/cage1/img00.png"
    whole = client.get(path)
    assert whole.content == (study.root / "labeled-data/cage1/img00.png").read_bytes()
    assert client.get(path, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    small = client.get(path, params={"width": 64})
    assert small.headers["content-type"] == "image/jpeg" and len(small.content) < len(whole.content)


def test_an_id_of_another_change_is_refused(client: TestClient, labels: str) -> None:
    first = change(7, {"xy": [1, 1], "visibility": 2}, picture="img01.png")
    body = {"who": "Ann", "changes": [first]}
    assert client.post(f"{labels}/cage1/changes", json=body).status_code == 404  # no such picture
    first["picture"] = "img00.png"
    known = client.get(f"{labels}/cage1/frames/img00.png").json()["points"]["individual_0"]
    first["was"] = {name: known["snout"][name] for name in ("xy", "visibility")}
    assert client.post(f"{labels}/cage1/changes", json=body).json()["outcomes"][0]["state"] == "done"
    first["keypoint"] = "tailtip"
    answer = client.post(f"{labels}/cage1/changes", json=body)
    assert answer.status_code == 422 and "another change" in answer.json()["error"]
    assert (
        client.get(f"{labels}/cage1/frames/img00.png").json()["points"]["individual_0"]["tailtip"] == known["tailtip"]
    )


def test_clicks_that_a_killed_server_left_reach_the_tables_once_the_folder_is_opened(
    client: TestClient, labels: str, study: MadeStudy
) -> None:
    book = LabelBook(study.project, "cage1")
    snout = book.frame("img00.png")["individual_0"]["snout"]
    left = PointChange(
        "left", "img00.png", "individual_0", "snout", (snout.to, snout.visibility), (9.5, 8.5), snout.visibility
    )
    book.apply([left], "Ann")  # and never saved
    client.get(f"{labels}/cage1")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if study.project.label_tables("cage1")[0].read().frames[0].instances[0].xy[0].tolist() == [9.5, 8.5]:
            return
        time.sleep(0.1)
    pytest.fail("the click did not reach the tables")


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text elsewhere")
def test_a_file_whose_name_is_no_text_is_no_bug(client: TestClient, labels: str, study: MadeStudy) -> None:
    folder = os.fsencode(study.root / "labeled-data/cage1")
    shutil.copy(folder + b"/img00.png", folder + b"/zz\xff.png")
    assert len(client.get(f"{labels}/cage1").json()["frames"]) == 12


def test_an_unknown_project_is_not_found(client: TestClient) -> None:
    assert client.get("/api/projects/nothing-000000/labels").status_code == 404
