"""Opening, making and describing projects, and looking at the server's disk, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from made_study import MadeStudy, film
from markerless.project import Project


def test_a_study_at_a_glance(client: TestClient, key: str, study: MadeStudy) -> None:
    answer = client.get(f"/api/projects/{key}").json()
    (video,) = answer["videos"]
    assert video == {"name": "cage1.mp4", "folder": "cage1", "extracted": 12, "labeled": 12, "results": []}
    assert (answer["name"], answer["scorer"], answer["runs"]) == ("mouse", "ada", [])
    assert answer["pose"] in study.truth[list(study.labeled)].tolist()
    assert len(answer["palette"]) == len(answer["keypoints"]) == 6


def test_a_project_is_made_of_a_video(client: TestClient, tmp_path: Path) -> None:
    film(tmp_path / "cage 2.mp4", n_frames=3)
    body = {"name": "new", "scorer": "bo", "keypoints": ["a", "b"], "folder": str(tmp_path), "videos": []}
    key = client.post("/api/projects", json={**body, "videos": [str(tmp_path / "cage 2.mp4")]}).json()["key"]
    answer = client.get(f"/api/projects/{key}").json()
    assert [video["name"] for video in answer["videos"]] == ["cage 2.mp4"]
    assert Project(answer["root"]).skeleton.keypoints == ("a", "b")
    film(tmp_path / "cage3.mp4", n_frames=3)
    added = client.post(f"/api/projects/{key}/videos", json={"paths": [str(tmp_path / "cage3.mp4")]}).json()["added"]
    assert [one["name"] for one in added] == ["cage3.mp4"]
    assert client.get("/api/session").json()["recent"][0]["key"] == key
    again = client.post("/api/projects", json=body)
    assert again.status_code == 422 and "exists" in again.json()["error"]


def test_browsing_shows_folders_videos_and_projects(client: TestClient, study: MadeStudy, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    (tmp_path / "out").symlink_to("/etc")
    film(tmp_path / "b.mp4", n_frames=2)
    answer = client.get("/api/browse", params={"path": str(tmp_path)}).json()
    assert answer["projects"] == [study.root.name]
    assert answer["videos"] == ["b.mp4"]
    assert "more" in answer["folders"] and not {".hidden", "out"} & set(answer["folders"])
    assert answer["parent"] is None
    assert client.get("/api/browse", params={"path": str(tmp_path / "more")}).json()["parent"] == str(tmp_path)


@pytest.mark.parametrize("path", ["/etc", "/", "..", "../..", "out", "out/ssl", "/proc/self", "no\0thing"])
def test_nothing_outside_the_allowed_folders_is_shown_or_opened(client: TestClient, tmp_path: Path, path: str) -> None:
    (tmp_path / "out").symlink_to("/etc")
    for answer in (
        client.get("/api/browse", params={"path": path}),
        client.post("/api/projects/open", json={"path": path}),
        client.post("/api/projects", json={"name": "x", "scorer": "y", "keypoints": ["a"], "folder": path}),
    ):
        assert answer.status_code == 422
        assert "\n" not in answer.json()["error"]


def test_opening_by_folder_or_config(client: TestClient, key: str, study: MadeStudy) -> None:
    for path in (study.root, study.root / "config.yaml"):
        assert client.post("/api/projects/open", json={"path": str(path)}).json()["key"] == key
    assert client.post("/api/projects/open", json={"path": str(study.root / "videos")}).status_code == 422


@pytest.mark.parametrize(
    "more", [{"name": ""}, {"name": "../up"}, {"keypoints": []}, {"keypoints": ["a", "a"]}, {"videos": ["/etc/passwd"]}]
)
def test_impossible_projects_are_refused(client: TestClient, tmp_path: Path, more: dict[str, Any]) -> None:
    before = sorted(tmp_path.rglob("*"))
    body = {"name": "new", "scorer": "bo", "keypoints": ["a"], "folder": str(tmp_path), **more}
    assert client.post("/api/projects", json=body).status_code == 422
    assert sorted(tmp_path.rglob("*")) == before
