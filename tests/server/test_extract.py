"""Frames and extraction over HTTP."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from made_study import MadeStudy
from markerless.core.labels import LabeledFrame
from markerless.video.images import write_image
from markerless.video.reader import open_video


def image(data: bytes) -> np.ndarray:
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


@pytest.fixture
def base(key: str) -> str:
    return f"/api/projects/{key}"


def wait(client: TestClient, base: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        state: dict[str, Any] = client.get(f"{base}/extract").json()
        if state["state"] != "running":
            return state
        time.sleep(0.05)
    raise AssertionError("the extraction does not end")


def test_videos_are_described(client: TestClient, base: str) -> None:
    names = {"name": "cage1.mp4", "folder": "cage1"}
    assert client.get(f"{base}/videos").json() == {"videos": [names]}
    expected = {**names, "n_frames": 60, "width": 320, "height": 240, "fps": 25.0}
    assert client.get(f"{base}/videos/cage1.mp4").json() == expected


def test_a_folder_of_pictures_has_no_times(client: TestClient, base: str, study: MadeStudy) -> None:
    folder = study.root / "videos/stills"
    folder.mkdir()
    for number in range(3):
        write_image(folder / f"{number}.png", np.full((24, 32, 3), 60 * number, np.uint8))
    about = client.get(f"{base}/videos/stills").json()
    assert about == {"name": "stills", "folder": "stills", "n_frames": 3, "width": 32, "height": 24, "fps": None}
    assert abs(int(image(client.get(f"{base}/videos/stills/frames/2").content).mean()) - 120) <= 2


def test_a_video_that_cannot_be_read_says_why(client: TestClient, base: str, study: MadeStudy) -> None:
    study.video.write_bytes(b"no video")
    for path in ("", "/frames/0", "/previews/0"):
        answer = client.get(f"{base}/videos/cage1.mp4{path}")
        assert answer.status_code == 422 and "cage1.mp4" in answer.json()["error"]


@pytest.mark.parametrize("order", [[41, 3, 4, 59, 0, 41], [10, 12, 11, 55]])
def test_frames_are_exact_in_any_order(client: TestClient, base: str, study: MadeStudy, order: list[int]) -> None:
    with open_video(study.video) as reader:
        for index in order:
            answer = client.get(f"{base}/videos/cage1.mp4/frames/{index}")
            assert answer.headers["x-frame"] == str(index)
            shown = image(answer.content).astype(float)
            apart = {near: float(np.abs(shown - reader[near]).mean()) for near in range(60) if abs(near - index) < 4}
            assert min(apart, key=lambda near: apart[near]) == index


def test_previews_are_key_frames_and_say_which(client: TestClient, base: str, study: MadeStudy) -> None:
    with open_video(study.video) as reader:
        keys = reader.key_frames
    answer = client.get(f"{base}/videos/cage1.mp4/previews/50")
    assert int(answer.headers["x-frame"]) == max(key for key in keys if key <= 50)
    assert image(answer.content).shape[1] <= 320


def test_small_frames(client: TestClient, base: str) -> None:
    assert image(client.get(f"{base}/videos/cage1.mp4/frames/5?width=64").content).shape == (48, 64, 3)


@pytest.mark.parametrize("path", ["cage1.mp4/frames/60", "cage1.mp4/previews/60"])
def test_frames_behind_the_end_are_refused(client: TestClient, base: str, path: str) -> None:
    answer = client.get(f"{base}/videos/{path}")
    assert answer.status_code == 422 and "59" in answer.json()["error"]


@pytest.mark.parametrize("video", ["..%2fconfig.yaml", "config.yaml", "%2fetc%2fpasswd", "nothing.mp4"])
def test_no_file_but_videos_of_the_project(client: TestClient, base: str, video: str) -> None:
    for path in ("", "/frames/0", "/previews/0", "/extracted"):
        assert client.get(f"{base}/videos/{video}{path}").status_code == 404


def test_extracting_adds_frames(client: TestClient, base: str, study: MadeStudy) -> None:
    assert client.get(f"{base}/extract").json()["state"] == "idle"
    body = {"videos": ["cage1.mp4"], "method": "uniform", "n": 5}
    assert client.post(f"{base}/extract", json=body).status_code == 200
    state = wait(client, base)
    (result,) = state["result"]
    assert (state["state"], len(result["frames"])) == ("done", 5)
    rows = client.get(f"{base}/videos/cage1.mp4/extracted").json()["frames"]
    assert [row["index"] for row in rows] == sorted([*study.labeled, *result["frames"]])


def test_a_frame_by_hand_kept_and_dropped(client: TestClient, base: str, study: MadeStudy) -> None:
    free = next(i for i in range(60) if i not in study.labeled)
    assert client.post(f"{base}/videos/cage1.mp4/extract", json={"frames": [free]}).json()["frames"] == [free]
    path = study.root / f"labeled-data/cage1/img{free:02d}.png"
    assert path.is_file()
    assert client.delete(f"{base}/videos/cage1.mp4/extracted/{path.name}").status_code == 200
    assert not path.exists()


def test_labeled_frames_are_not_dropped(client: TestClient, base: str, study: MadeStudy) -> None:
    answer = client.delete(f"{base}/videos/cage1.mp4/extracted/img00.png")
    assert answer.status_code == 422 and "has labels" in answer.json()["error"]
    assert (study.root / "labeled-data/cage1/img00.png").is_file()
    assert client.delete(f"{base}/videos/cage1.mp4/extracted/CollectedData_ada.h5").status_code == 404


def test_a_frame_without_the_animal_is_not_dropped_before_its_row(
    client: TestClient, base: str, study: MadeStudy
) -> None:
    free = next(i for i in range(60) if i not in study.labeled)
    client.post(f"{base}/videos/cage1.mp4/extract", json={"frames": [free]})
    name = f"img{free:02d}.png"
    picture = study.root / "labeled-data/cage1" / name
    project = study.project
    labels = project.labels_of("cage1")
    empty = LabeledFrame(f"labeled-data/cage1/{name}", (), "ada")
    project.write_labels("cage1", replace(labels, frames=(*labels.frames, empty)))
    address = f"{base}/videos/cage1.mp4/extracted/{name}"
    answer = client.delete(address)
    assert answer.status_code == 422 and "has a row in a label table" in answer.json()["error"]
    assert picture.is_file()

    nothing, there = {"xy": None, "visibility": 0}, {"xy": [10, 20], "visibility": 2}
    point = {"picture": name, "individual": "individual_0", "keypoint": "snout"}
    changes = [{**point, "id": "a", "was": nothing, "to": there}, {**point, "id": "b", "was": there, "to": nothing}]
    client.post(f"{base}/labels/cage1/changes", json={"who": "Ann", "changes": changes})
    assert client.delete(address).status_code == 200, "what the message says to do helps"
    assert not picture.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"videos": []},
        {"videos": ["cage1.mp4"], "n": 0},
        {"videos": ["cage1.mp4"], "method": "best"},
        {"videos": ["cage1.mp4"], "start_s": -1},
        {"videos": ["cage1.mp4"], "more": 1},
    ],
)
def test_nonsense_is_refused(client: TestClient, base: str, body: dict[str, Any], tmp_path: Path) -> None:
    assert client.post(f"{base}/extract", json=body).status_code == 422
