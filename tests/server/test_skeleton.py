"""Editing the keypoints of a study over HTTP: labels go along, pages see the new ones, mistakes change nothing."""

from __future__ import annotations

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
