"""Points in space over HTTP: results, windows, traces, videos of the cameras; nothing outside the allowed folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from filmed_space import CONTRADICTED, KEYPOINTS, SIZE, MadeSpace, make_space
from markerless.formats import movement
from markerless.server.app import AppOptions, create_app

TOKEN, N_FRAMES = "a-secret-of-these-tests", 80


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeSpace:
    return make_space(tmp_path_factory.mktemp("space") / "inside", N_FRAMES)


@pytest.fixture
def client(made: MadeSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("MARKERLESS_STATE", str(tmp_path / "state"))
    options = AppOptions(TOKEN, made.root, (made.root.parent,))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    app = create_app(options)
    with TestClient(app, "http://localhost:8421", raise_server_exceptions=False, headers=headers) as client:
        yield client


@pytest.fixture
def base(client: TestClient) -> str:
    return f"/api/projects/{client.get('/api/session').json()['first']}/space"


def refusal(answer: httpx.Response, status: int = 422) -> str:
    assert answer.status_code == status, answer.text
    message: str = answer.json()["error"]
    assert "\n" not in message
    return message


def test_results_and_what_is_known_of_them(client: TestClient, base: str, made: MadeSpace) -> None:
    found = client.get(base).json()
    assert found["results"] == [{"file": "points.nc", "name": "points", "folder": "."}]
    about = client.get(f"{base}/about", params={"file": "points.nc"}).json()
    assert (about["n_frames"], about["fps"], about["unit"]) == (N_FRAMES, 30.0, "mm")
    assert about["keypoints"] == list(KEYPOINTS)
    assert len(about["palette"]) == len(KEYPOINTS)
    assert sum(about["counts"]) == N_FRAMES * len(KEYPOINTS)
    assert about["up"] == [0, 0, 1]
    for camera, truth in zip(about["cameras"], made.rig.cameras, strict=True):
        assert camera["name"] == truth.name
        assert camera["has_points"]
        np.testing.assert_allclose(camera["center"], truth.center)
        video = camera["video"]
        assert (video["name"], video["n_frames"], video["size"]) == (f"{truth.name}.mp4", N_FRAMES, list(SIZE))
    low, high = np.array(about["bounds"])
    inside = (made.truth > low - 8) & (made.truth < high + 8)
    assert inside.mean() > 0.95


def test_windows_and_traces(client: TestClient, base: str, made: MadeSpace) -> None:
    about = client.get(f"{base}/about", params={"file": "points.nc"}).json()
    answer = client.get(f"{base}/window", params={"file": "points.nc", "start": 70, "stop": 1000})
    assert (answer.headers["X-Start"], answer.headers["X-Stop"]) == ("70", str(N_FRAMES))
    values = np.frombuffer(answer.content, "<f4").reshape(N_FRAMES - 70, about["record"])
    snout = movement.read(made.result).points[70:, 0, 0]
    np.testing.assert_allclose(values[:, 3:6], snout, rtol=1e-6)
    asked = {"file": str(made.result), "keypoint": "neck", "points": 16, "start": 0, "stop": 64}
    answer = client.get(f"{base}/traces", params=asked)
    assert answer.headers["X-Columns"] == "16"
    assert np.frombuffer(answer.content, "<f4").shape == (4 * 16 * 2,)


def test_the_next_contradiction(client: TestClient, base: str) -> None:
    frame = client.get(f"{base}/moment", params={"file": "points.nc", "frame": CONTRADICTED.start - 2}).json()["frame"]
    assert CONTRADICTED.start - 1 <= frame < CONTRADICTED.stop
    asked = {"file": "points.nc", "frame": 0, "by": -1}
    assert client.get(f"{base}/moment", params=asked).json() == {"frame": None}


def test_frames_of_the_cameras_videos(client: TestClient, base: str, made: MadeSpace) -> None:
    path = str(made.root / "videos" / "left.mp4")
    about = client.get(f"{base}/video", params={"file": "points.nc", "path": path}).json()
    assert about["frames"] is None
    assert (about["n_frames"], about["size"], about["fps"]) == (N_FRAMES, list(SIZE), 30.0)
    answer = client.get(f"{base}/frames/17", params={"path": path, "width": 100})
    assert (answer.headers["Content-Type"], answer.headers["X-Frame"]) == ("image/jpeg", "17")
    near = client.get(f"{base}/previews/17", params={"path": path})
    assert int(near.headers["X-Frame"]) <= 17
    missing = client.get(f"{base}/frames/{N_FRAMES}", params={"path": path})
    assert f"from 0 to {N_FRAMES - 1}" in refusal(missing)


def test_a_folder_of_labeled_pictures_is_put_in_order(client: TestClient, base: str, made: MadeSpace) -> None:
    """The moments are three pictures; the folder that is chosen holds others as well."""
    tracks = movement.read(made.result)
    folder, path = made.root / "pictures", made.root / "labeled.nc"
    folder.mkdir()
    for number in (1, 2, 3, 5, 10):
        cv2.imwrite(str(folder / f"img{number}.png"), np.zeros((20, 30, 3), np.uint8))
    said = {**tracks.provenance, "images": ["img2.png", "img10.png", "img7.png"]}
    movement.write(replace(tracks, points=tracks.points[:3], score=tracks.score[:3], error=None, provenance=said), path)
    asked = {"file": "labeled.nc", "path": str(folder)}
    assert client.get(f"{base}/video", params=asked).json()["frames"] == [1, 4, -1]
    asked["path"] = str(made.root / "videos" / "left.mp4")
    assert "expected the folder of the pictures" in refusal(client.get(f"{base}/video", params=asked))
    path.unlink()
    shutil.rmtree(folder)


def test_wrong_questions_are_answered_in_one_line(client: TestClient, base: str, made: MadeSpace) -> None:
    def ask(part: str, **values: object) -> httpx.Response:
        return client.get(f"{base}/{part}", params={"file": "points.nc", **values})

    assert "no such file" in refusal(ask("about", file="gone.nc"))
    assert "null character" in refusal(ask("about", file="a\0.nc"))
    assert "points in space" in refusal(ask("about", file="videos/leftDLC_made.nc"))
    assert "points in space" in refusal(ask("about", file="config.yaml"))
    assert "start before stop" in refusal(ask("window", start=9, stop=9))
    assert "unknown keypoint 'wing'" in refusal(ask("traces", keypoint="wing"))
    assert "an animal below 1" in refusal(ask("traces", keypoint="neck", individual=3))
    assert "expected a video" in refusal(ask("video", path=str(made.result)))
    assert "no video" in refusal(ask("video", path=str(made.root / "videos" / "gone.mp4")))


def test_too_many_frames_at_once_are_refused(client: TestClient, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("markerless.server.api.space.MOST_VALUES", 291 * 20)
    asked = {"file": "points.nc", "start": 0, "stop": 21}
    assert "at most 20 frames at once" in refusal(client.get(f"{base}/window", params=asked))
    asked["stop"] = 20
    assert client.get(f"{base}/window", params=asked).status_code == 200


def test_nothing_outside_the_allowed_folders_is_shown(client: TestClient, base: str, made: MadeSpace) -> None:
    outside = made.root.parents[1] / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "S.nc").write_bytes(made.result.read_bytes())
    (outside / "left.mp4").write_bytes((made.root / "videos" / "left.mp4").read_bytes())
    for part, values in (
        ("about", {"file": str(outside / "S.nc")}),
        ("window", {"file": "../../outside/S.nc", "start": 0, "stop": 1}),
        ("video", {"file": "points.nc", "path": str(outside / "left.mp4")}),
        ("frames/0", {"path": str(made.root / ".." / ".." / "outside" / "left.mp4")}),
        ("previews/0", {"path": str(outside / "left.mp4")}),
    ):
        assert "start the app with --root FOLDER to allow more" in refusal(client.get(f"{base}/{part}", params=values))


def test_what_a_result_names_outside_is_not_read(client: TestClient, base: str, made: MadeSpace) -> None:
    """A file that somebody else made may name any path: it is asked for permission like every other."""
    outside = made.root.parents[1] / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "left.nc").write_bytes((made.root / "videos" / "leftDLC_made.nc").read_bytes())
    tracks = movement.read(made.result)
    sources = {**tracks.provenance["sources"], "left": {"file": "../../outside/left.nc", "keypoints": "{}"}}
    crafted = made.root / "crafted.nc"
    movement.write(
        replace(tracks, provenance={**tracks.provenance, "sources": sources}), crafted, movement.read_views(made.result)
    )
    left, middle, _ = client.get(f"{base}/about", params={"file": "crafted.nc"}).json()["cameras"]
    crafted.unlink()
    assert (left["has_points"], left["video"]) == (False, None)
    assert "may not be shown" in left["note"]
    assert middle["has_points"]


def test_a_file_that_is_put_back_is_found_when_the_page_is_opened_again(
    client: TestClient, base: str, made: MadeSpace
) -> None:
    def left() -> dict[str, object]:
        found: dict[str, object] = client.get(f"{base}/about", params={"file": "points.nc"}).json()["cameras"][0]
        return found

    there, away = made.root / "videos" / "leftDLC_made.nc", made.root / "away.nc"
    there.rename(away)
    lost = left()
    away.rename(there)
    assert "is not where it was; put it beside points.nc" in str(lost["note"])
    found = left()
    assert (found["note"], found["has_points"]) == ("", True)
    values = client.get(f"{base}/window", params={"file": "points.nc", "start": 0, "stop": 1}).content
    seen = np.frombuffer(values, "<f4")[3 + 6 * len(KEYPOINTS) :].reshape(3, len(KEYPOINTS), 6)
    assert np.isfinite(seen[0, :, 0]).any()


def test_strangers_see_nothing(made: MadeSpace, client: TestClient, base: str) -> None:
    headers = {"Authorization": "Bearer wrong"}
    for part in ("", "/about?file=points.nc", "/frames/0?path=x"):
        assert client.get(base + part, headers=headers).status_code == 401


def test_browsing_lists_results(client: TestClient, made: MadeSpace) -> None:
    found = client.get("/api/browse", params={"path": str(made.root)}).json()
    assert found["results"] == ["points.nc"]
