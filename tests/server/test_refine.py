"""The refine loop over HTTP."""

from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from made_study import MadeStudy
from recalled import off_by, two_runs, write_results

SOON_S = 60.0


def until_done(client: TestClient, path: str, **params: Any) -> dict[str, Any]:
    """Ask until the slow answer is there."""
    until = time.monotonic() + SOON_S
    while time.monotonic() < until:
        answer = client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        if told["state"] == "done":
            value: dict[str, Any] = told["value"]
            return value
        assert told["value"] is None
        time.sleep(0.02)
    raise AssertionError("no answer")


@pytest.fixture
def base(key: str) -> str:
    return f"/api/projects/{key}/refine"


def test_where_the_study_stands(client: TestClient, base: str, study: MadeStudy) -> None:
    told = client.get(base).json()
    assert (told["run"], told["before"], told["runs"], told["n_labeled"]) == (None, None, [], 12)
    two_runs(study)
    told = client.get(base).json()
    assert (told["run"], told["before"]) == ("run2", "run1")
    assert told["runs"][1] == {"name": "run2", "start_from": "run1", "n_train": 2}
    assert (told["n_fresh"], told["n_waiting"]) == (2, 0)  # images 2 and 3 are in no part of the split
    assert {one["folder"] for one in told["fresh"]} == {"cage1"}
    assert {one["picture"] for one in told["fresh"]} == {f"img{study.labeled[i]:02d}.png" for i in (2, 3)}


def test_two_runs_are_compared(client: TestClient, base: str, study: MadeStudy) -> None:
    """Ten of the twelve frames are unseen; run1 is 9 px off on the average and run2 3 px."""
    two_runs(study)
    told = until_done(client, f"{base}/comparison", before="run1", after="run2")
    assert (told["told_by"], told["verdict"]) == ("unseen", "better")
    unseen = told["groups"]["unseen"]
    assert unseen["n_frames"] == 10
    assert unseen["before_px"] == pytest.approx(9, rel=0.2)
    assert unseen["after_px"] == pytest.approx(3, rel=0.2)
    assert len(told["palette"]) == len(told["keypoints"]) == 6
    image = told["frames"][0]["image"]
    answer = client.get(
        f"{base}/comparison/frames", params={"before": "run1", "after": "run2", "image": [image, image]}
    )
    first = answer.json()["frames"][0]
    assert (first["size"], first["folder"], first["image"]) == ([320, 240], "cage1", image)
    frame = int(first["picture"][3:5])
    np.testing.assert_allclose(first["labeled"], study.truth[frame], atol=1e-3)
    worse, better = off_by(study.truth, 9.0, 1)[frame], off_by(study.truth, 3.0, 2)[frame]
    np.testing.assert_allclose(first["before"], worse, atol=1e-3)
    np.testing.assert_allclose(first["after"], better, atol=1e-3)
    np.testing.assert_allclose(first["errors_after"], np.linalg.norm(better - study.truth[frame], axis=-1), atol=1e-3)


def test_a_comparison_is_not_of_labels_that_have_changed_since(client: TestClient, base: str, study: MadeStudy) -> None:
    two_runs(study)
    until_done(client, f"{base}/comparison", before="run1", after="run2")
    image = study.project.labels().images[0]
    asked = {"before": "run1", "after": "run2", "image": image}
    assert client.get(f"{base}/comparison/frames", params=asked).status_code == 200
    key = base.split("/")[3]
    change = {
        "id": "x1",
        "picture": image.rpartition("/")[2],
        "individual": "individual_0",
        "keypoint": "snout",
        "was": {"xy": study.project.labels().xy()[0, 0, 0].tolist(), "visibility": 2},
        "to": {"xy": [10.0, 10.0], "visibility": 2},
    }
    sent = client.post(f"/api/projects/{key}/labels/cage1/changes", json={"who": "ada", "changes": [change]})
    assert sent.json()["outcomes"][0]["state"] == "done"
    assert client.get(f"{base}/comparison/frames", params=asked).status_code == 409
    told = until_done(client, f"{base}/comparison", before="run1", after="run2")
    row = next(row for row in told["frames"] if row["image"] == image)
    assert row["after_px"] > 10  # the label is far away now


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"before": "run1", "after": "run1"}, 422),
        ({"before": "run1", "after": "run9"}, 422),
        ({"before": "run1", "after": "../../x"}, 422),
        ({"before": "run1"}, 422),
        ({"before": "", "after": "run2"}, 422),
    ],
)
def test_comparisons_that_make_no_sense(
    client: TestClient, base: str, study: MadeStudy, params: dict[str, str], status: int
) -> None:
    two_runs(study)
    until = time.monotonic() + SOON_S
    answer = client.get(f"{base}/comparison", params=params)
    while answer.status_code == 200 and time.monotonic() < until:
        time.sleep(0.02)
        answer = client.get(f"{base}/comparison", params=params)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}


def test_frames_that_are_in_no_comparison(client: TestClient, base: str, study: MadeStudy) -> None:
    two_runs(study)
    asked = {"before": "run1", "after": "run2", "image": "labeled-data/cage1/img00.png"}
    assert client.get(f"{base}/comparison/frames", params=asked).status_code == 409
    until_done(client, f"{base}/comparison", before="run1", after="run2")
    for image in ("labeled-data/cage1/no.png", "../../../etc/passwd"):
        answer = client.get(f"{base}/comparison/frames", params={**asked, "image": image})
        assert answer.status_code == 404
    many = {**asked, "image": ["labeled-data/cage1/img00.png"] * 25}
    assert client.get(f"{base}/comparison/frames", params=many).status_code == 422


def test_suspicious_frames_are_found_and_taken(client: TestClient, base: str, study: MadeStudy) -> None:
    """The tracks are right but for a jump of the snout in frame 35; at two frames a second others are far away."""
    _, run = two_runs(study)
    assert client.get(f"{base}/suspicious", params={"video": "cage1.mp4"}).status_code == 422  # not analyzed
    points = study.truth.copy()
    points[35, 0] += 80.0
    write_results(study, run, points, fps=2.0)
    told = until_done(client, f"{base}/suspicious", video="cage1.mp4", n=5)
    assert (told["video"], told["n_frames"]) == ("cage1.mp4", 60)
    assert told["n_moments"] >= 1
    rows = {row["frame"]: row for row in told["frames"]}
    assert 35 in rows
    assert "snout" in rows[35]["words"]
    taken = client.post(f"{base}/frames", json={"video": "cage1.mp4", "frames": [35]}).json()
    assert taken == {"folder": "cage1", "pictures": ["img35.png"], "n_new": 1, "notes": []}
    assert (study.root / "labeled-data" / "cage1" / "machinelabels-iter0.h5").is_file()
    assert client.get(base).json()["waiting"] == [{"folder": "cage1", "picture": "img35.png"}]
    told = until_done(client, f"{base}/suspicious", video="cage1.mp4", n=5)
    assert 35 not in {row["frame"] for row in told["frames"]}  # it is taken


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"video": "cage1.mp4", "frames": []}, 422),
        ({"video": "cage1.mp4", "frames": [60]}, 422),
        ({"video": "cage1.mp4", "frames": [-1]}, 422),
        ({"video": "cage1.mp4", "frames": [1], "more": 1}, 422),
        ({"video": "../cage1.mp4", "frames": [1]}, 404),
        ({"video": "/etc/passwd", "frames": [1]}, 404),
        ({"frames": [1]}, 422),
    ],
)
def test_frames_that_cannot_be_taken(
    client: TestClient, base: str, study: MadeStudy, body: dict[str, Any], status: int
) -> None:
    _, run = two_runs(study)
    write_results(study, run, study.truth)
    before = sorted(study.root.rglob("*"))
    assert client.post(f"{base}/frames", json=body).status_code == status
    assert sorted(study.root.rglob("*")) == before


def test_crops(client: TestClient, base: str, study: MadeStudy) -> None:
    picture = f"img{study.labeled[2]:02d}.png"
    part = {"left": 40, "top": 30, "width": 100, "height": 80}
    answer = client.get(f"{base}/crops/cage1/{picture}", params=part)
    assert answer.headers["content-type"] == "image/jpeg"
    shown = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    whole = cv2.imread(str(study.root / "labeled-data" / "cage1" / picture))
    assert shown is not None
    assert whole is not None
    assert shown.shape == (80, 100, 3)
    difference = np.abs(shown.astype(int) - whole[30:110, 40:140]).mean()
    assert difference < 4
    assert np.abs(shown.astype(int) - whole[30:110, 80:180]).mean() > 2 * difference
    small = client.get(f"{base}/crops/cage1/{picture}", params={**part, "to": 50})
    decoded = cv2.imdecode(np.frombuffer(small.content, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (40, 50, 3)


@pytest.mark.parametrize(
    ("picture", "part", "status"),
    [
        ("img00.png", {"left": 320, "top": 0, "width": 10, "height": 10}, 422),
        ("img00.png", {"left": -1, "top": 0, "width": 10, "height": 10}, 422),
        ("img00.png", {"left": 0, "top": 0, "width": 0, "height": 10}, 422),
        ("no.png", {"left": 0, "top": 0, "width": 10, "height": 10}, 404),
        ("..%2f..%2fconfig.yaml", {"left": 0, "top": 0, "width": 10, "height": 10}, 404),
    ],
)
def test_crops_of_nothing(client: TestClient, base: str, picture: str, part: dict[str, int], status: int) -> None:
    assert client.get(f"{base}/crops/cage1/{picture}", params=part).status_code == status
