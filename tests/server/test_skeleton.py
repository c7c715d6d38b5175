"""Editing the keypoints of a study over HTTP: labels go along, pages see the new ones, mistakes change nothing."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from fastapi.testclient import TestClient

from made_study import MadeStudy


def body_of(study: dict[str, Any]) -> dict[str, Any]:
    """What the page sends when nothing has been changed."""
    names = study["keypoints"]
    return {
        "keypoints": [{"name": name, "was": name, "color": study["colors"].get(name)} for name in names],
        "edges": [[names[a], names[b]] for a, b in study["edges"]],
        "mirror_pairs": None if study["guessed"] else study["mirror_pairs"],
        "revision": study["revision"],
    }


def test_keypoints_are_edited_and_labels_go_along(client: TestClient, key: str, study: MadeStudy) -> None:
    before = client.get(f"/api/projects/{key}").json()
    assert (before["labeled"]["snout"], before["guessed"], before["colors"]) == (12, True, {})
    picture = client.get(f"/api/projects/{key}/labels/cage1").json()["frames"][0]["picture"]
    point = client.get(f"/api/projects/{key}/labels/cage1/frames/{picture}").json()
    body = body_of(before)
    body["keypoints"][0] |= {"name": "nose", "color": "#112233"}
    body["keypoints"] = [*body["keypoints"][:-1], {"name": "paw"}]
    body["edges"] = [["nose", "paw"]]
    body["mirror_pairs"] = []
    done = client.put(f"/api/projects/{key}/skeleton", json=body).json()
    assert (done["kept"], done["restored"], done["n_frames"]) == ({before["keypoints"][-1]: 12}, {"paw": 0}, 12)
    after = client.get(f"/api/projects/{key}").json()
    assert after["keypoints"] == ["nose", *before["keypoints"][1:-1], "paw"]
    assert after["palette"][0] == [0x11, 0x22, 0x33] and after["edges"] == [[0, 5]]
    assert (after["mirror_pairs"], after["guessed"], after["labeled"]["nose"]) == ([], False, 12)
    book = client.get(f"/api/projects/{key}/labels/cage1").json()
    assert book["keypoints"] == after["keypoints"] and book["palette"][0] == [0x11, 0x22, 0x33]
    again = client.get(f"/api/projects/{key}/labels/cage1/frames/{picture}").json()
    (was,), (now,) = point["points"].values(), again["points"].values()
    assert now["nose"]["xy"] == was["snout"]["xy"] and "snout" not in now
    assert now["paw"]["visibility"] == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"edges": [["snout", "x"]]}, "no keypoint 'x'"),
        ({"mirror_pairs": [["snout", "snout"]]}, "two different"),
        ({"keypoints": [{"name": "a", "was": "snot"}]}, "did you mean 'snout'"),
        ({"keypoints": [{"name": "a"}, {"name": "a"}]}, "'a' twice"),
        ({"keypoints": [{"name": "a", "was": "snout", "color": "red"}], "edges": []}, "expected a color"),
        ({"keypoints": []}, ""),
        ({"keypoints": [{"name": "a", "x": 1}]}, ""),
    ],
)
def test_mistakes_are_said_and_change_nothing(
    client: TestClient, key: str, study: MadeStudy, change: dict[str, Any], says: str
) -> None:
    config = study.project.config_path.read_bytes()
    body = {**body_of(client.get(f"/api/projects/{key}").json()), **change}
    answer = client.put(f"/api/projects/{key}/skeleton", json=body)
    assert answer.status_code == 422 and says in answer.json()["error"]
    assert study.project.config_path.read_bytes() == config


@pytest.mark.parametrize("change", [{"keypoints": True}, {"edges": [["snout", "tailtip"]]}])
def test_a_page_that_does_not_know_what_another_has_saved_saves_nothing(
    client: TestClient, key: str, study: MadeStudy, change: dict[str, Any]
) -> None:
    page = body_of(client.get(f"/api/projects/{key}").json())
    other = {**page, **change}
    if change.get("keypoints"):
        other["keypoints"] = [*page["keypoints"], {"name": "paw"}]
    assert client.put(f"/api/projects/{key}/skeleton", json=other).status_code == 200
    saved = study.project.config_path.read_bytes()
    page["keypoints"][0]["name"] = "nose"  # paw is not among them, which must not remove it
    answer = client.put(f"/api/projects/{key}/skeleton", json=page)
    assert answer.status_code == 409 and "load it again" in answer.json()["error"]
    assert study.project.config_path.read_bytes() == saved


def test_clicks_of_a_page_with_old_names_do_not_go_to_other_keypoints(
    client: TestClient, key: str, study: MadeStudy
) -> None:
    folder = study.root / "labeled-data" / "cage1"
    shutil.copy(min(folder.glob("*.png")), folder / "unlabeled.png")
    page = client.get(f"/api/projects/{key}/labels/cage1").json()
    nothing, there = {"xy": None, "visibility": 0}, {"xy": [5, 5], "visibility": 2}
    click = {"picture": "unlabeled.png", "individual": page["individuals"][0], "was": nothing, "to": there}
    began = page["began"]
    sent = {name: {**click, "id": name, "keypoint": name, "began": began[name]} for name in page["keypoints"]}

    def send(name: str) -> Any:
        body = {"who": "Bo", "changes": [sent[name]]}
        return client.post(f"/api/projects/{key}/labels/cage1/changes", json=body)

    assert send("leftear").json()["outcomes"][0]["state"] == "done"
    body = body_of(client.get(f"/api/projects/{key}").json())
    renamed = {"snout": "tailtip", "tailtip": "snout"}
    for item in body["keypoints"]:
        item["name"] = renamed.get(item["name"], item["name"])
    body["edges"] = []
    assert client.put(f"/api/projects/{key}/skeleton", json=body).status_code == 200
    heard = client.get(f"/api/projects/{key}/labels/cage1/changes").json()
    assert heard["listing"] != page["listing"]  # by which the page hears of it
    refused = send("snout")  # of a frame in which neither is labeled, so that nothing else tells them apart
    assert refused.status_code == 422 and "another keypoint has been given the name" in refused.json()["error"]
    assert send("rightear").json()["outcomes"][0]["state"] == "done"
