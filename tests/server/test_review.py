"""Review over HTTP: tracks beside videos, windows, traces, moments; wrong questions are answered in one line."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from made_study import MadeStudy
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.formats import dlc, movement
from recalled import two_runs

SCORER = "DLC_Net_mouseJan1_run1"
JUMP, LOW = 20, 45


def predicted(study: MadeStudy) -> Tracks:
    """The truth with a jump at one frame and low confidence at another; a point is missing in frame 3."""
    points = study.truth[:, np.newaxis].copy()
    points[JUMP, 0, 0] += (40, 30)
    points[3, 0, 2] = np.nan
    score = np.full(points.shape[:3], 0.95)
    score[LOW, 0, 1] = 0.1
    score[3, 0, 2] = np.nan
    error = np.full(points.shape[:3], 1.5)
    error[3, 0, 2] = np.nan
    return Tracks(Skeleton(study.project.skeleton.keypoints), points, score, error, fps=25.0, scorer=SCORER)


@pytest.fixture
def tracks(study: MadeStudy) -> Tracks:
    """Written beside the video as an analysis does."""
    tracks = predicted(study)
    for suffix, write in ((".h5", dlc.write), (".csv", dlc.write), (".nc", movement.write)):
        write(tracks, study.video.with_name(f"{study.video.stem}{SCORER}{suffix}"))
    return tracks


def floats(answer: httpx.Response, *shape: int) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.frombuffer(answer.content, "<f4").reshape(shape)


def test_videos_and_their_tracks(client: TestClient, key: str, study: MadeStudy, tracks: Tracks) -> None:
    (row,) = client.get(f"/api/projects/{key}/tracks").json()["videos"]
    assert (row["video"], row["stem"]) == ("cage1.mp4", "cage1")
    assert row["files"] == [{"file": f"cage1{SCORER}.nc", "run": ""}]  # three formats of one result


def test_the_newest_run_is_named(client: TestClient, key: str, study: MadeStudy) -> None:
    assert client.get(f"/api/projects/{key}/tracks").json()["newest_run"] == ""
    two_runs(study)
    assert client.get(f"/api/projects/{key}/tracks").json()["newest_run"] == "run2"


def test_a_video_without_tracks_is_listed_and_says_what_to_do(client: TestClient, key: str) -> None:
    (row,) = client.get(f"/api/projects/{key}/tracks").json()["videos"]
    assert row["files"] == []
    answer = client.get(f"/api/projects/{key}/tracks/cage1.mp4")
    assert answer.status_code == 422
    assert "markerless analyze" in answer.json()["error"]


def test_other_files_beside_the_video_are_no_tracks(client: TestClient, key: str, study: MadeStudy) -> None:
    study.video.with_name("cage1notes.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (row,) = client.get(f"/api/projects/{key}/tracks").json()["videos"]
    assert row["files"] == []


def test_what_is_known_of_the_tracks(client: TestClient, key: str, study: MadeStudy, tracks: Tracks) -> None:
    about = client.get(f"/api/projects/{key}/tracks/cage1.mp4").json()
    assert about["size"] == [320, 240]
    assert (about["n_frames"], about["n_video_frames"], about["fps"]) == (60, 60, 25.0)
    assert about["keypoints"] == list(tracks.skeleton.keypoints)
    assert about["edges"] == [list(edge) for edge in study.project.skeleton.edges]
    assert (about["has_score"], about["has_error"], about["note"]) == (True, True, None)
    assert about["scorer"] == SCORER


def test_a_window_holds_the_points_as_they_are(client: TestClient, key: str, tracks: Tracks) -> None:
    answer = client.get(f"/api/projects/{key}/tracks/cage1.mp4/window?start=2&stop=5")
    values = floats(answer, 3, 1, tracks.skeleton.n_keypoints, 4)
    assert (answer.headers["x-start"], answer.headers["x-stop"]) == ("2", "5")
    np.testing.assert_array_equal(values[..., :2], tracks.points[2:5].astype(np.float32))
    np.testing.assert_array_equal(values[..., 2], tracks.score[2:5].astype(np.float32))
    assert np.isnan(values[1, 0, 2]).all()


def test_a_window_ends_with_the_tracks(client: TestClient, key: str, tracks: Tracks) -> None:
    answer = client.get(f"/api/projects/{key}/tracks/cage1.mp4/window?start=58&stop=1000")
    assert (answer.headers["x-start"], answer.headers["x-stop"]) == ("58", "60")
    assert len(answer.content) == 2 * tracks.skeleton.n_keypoints * 16
    assert client.get(f"/api/projects/{key}/tracks/cage1.mp4/window?start=60&stop=61").content == b""


def test_traces_keep_every_peak(client: TestClient, key: str, tracks: Tracks) -> None:
    name = tracks.skeleton.keypoints[0]
    answer = client.get(f"/api/projects/{key}/tracks/cage1.mp4/traces?keypoint={name}&points=6")
    columns = floats(answer, 4, 6, 2)
    x = tracks.points[:, 0, 0, 0].reshape(6, 10)
    np.testing.assert_allclose(columns[0], np.stack([x.min(1), x.max(1)], -1), rtol=1e-6)
    assert answer.headers["x-columns"] == "6"
    whole = floats(
        client.get(f"/api/projects/{key}/tracks/cage1.mp4/traces?keypoint={name}&start=10&stop=30"), 4, 20, 2
    )
    np.testing.assert_allclose(whole[1, :, 0], tracks.points[10:30, 0, 0, 1], rtol=1e-6)
    np.testing.assert_allclose(whole[3], 1.5)


def test_moments(client: TestClient, key: str, tracks: Tracks) -> None:
    found = client.get(f"/api/projects/{key}/tracks/cage1.mp4/moments").json()
    worst = {moment["worst"]: moment for moment in found["moments"]}
    assert {JUMP, LOW} <= set(worst)
    assert worst[LOW]["words"] == f"confidence of {tracks.skeleton.keypoints[1]} is 0.10, usually 0.95"
    assert worst[JUMP]["keypoints"][0] == tracks.skeleton.keypoints[0]
    assert found["n_left_out"] == 0
    starts = [moment["start"] for moment in found["moments"]]
    assert starts == sorted(starts)


def test_a_file_that_changes_is_read_again(client: TestClient, key: str, study: MadeStudy, tracks: Tracks) -> None:
    client.get(f"/api/projects/{key}/tracks/cage1.mp4/window?start=0&stop=1")
    moved = Tracks(tracks.skeleton, tracks.points + 5, tracks.score, tracks.error, fps=25.0, scorer=SCORER)
    movement.write(moved, study.video.with_name(f"cage1{SCORER}.nc"))
    values = floats(client.get(f"/api/projects/{key}/tracks/cage1.mp4/window?start=0&stop=1"), 1, 1, -1, 4)
    np.testing.assert_array_equal(values[..., :2], moved.points[:1].astype(np.float32))


def test_tracks_can_be_chosen(client: TestClient, key: str, study: MadeStudy, tracks: Tracks) -> None:
    other = study.root.parent / "other.csv"
    dlc.write(Tracks(tracks.skeleton, tracks.points + 1, tracks.score, scorer="other"), other)
    for file, scorer in ((f"cage1{SCORER}.h5", SCORER), (str(other), "other")):
        about = client.get(f"/api/projects/{key}/tracks/cage1.mp4", params={"file": file}).json()
        assert (about["scorer"], about["has_error"]) == (scorer, False)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("?run=run9", 422, "run9"),
        ("?run=a&file=b", 422, "leave one of them out"),
        ("?file=/etc/passwd", 422, "below"),
        ("?file=../../../../etc/passwd", 422, "below"),
        ("?file=nothing.h5", 422, "no such file"),
        ("/window?start=5&stop=5", 422, "start before stop"),
        ("/window?start=-1&stop=5", 422, "start"),
        ("/window?start=0", 422, "stop"),
        ("/traces?keypoint=elbow", 422, "no keypoint 'elbow'"),
        ("/traces?keypoint=snout&individual=7", 422, "animal"),
        ("/traces?keypoint=snout&points=0", 422, "points"),
        ("/traces?keypoint=snout&points=9000", 422, "points"),
    ],
)
def test_wrong_questions(client: TestClient, key: str, tracks: Tracks, query: str, status: int, words: str) -> None:
    answer = client.get(f"/api/projects/{key}/tracks/cage1.mp4{query}")
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_a_video_that_is_not_there(client: TestClient, key: str) -> None:
    assert client.get(f"/api/projects/{key}/tracks/cage9").status_code == 404
    assert client.get(f"/api/projects/{key}/tracks/..%2Fconfig.yaml").status_code == 404


def test_a_damaged_file_is_said(client: TestClient, key: str, study: MadeStudy) -> None:
    path: Path = study.video.with_name("cage1DLC_x.h5")
    path.write_bytes(b"\x89HDF\r\n\x1a\nnothing")
    answer = client.get(f"/api/projects/{key}/tracks/cage1.mp4")
    assert answer.status_code == 422
    assert client.get(f"/api/projects/{key}/tracks").status_code == 200
