"""Labels that may be mistakes, over HTTP."""

from __future__ import annotations

from dataclasses import replace

from fastapi.testclient import TestClient

from made_study import MadeStudy


def test_exchanged_labels_are_found(client: TestClient, key: str, study: MadeStudy) -> None:
    address = f"/api/projects/{key}/labels/cage1/suspects"
    assert client.get(address).json() == {"run": None, "suspects": []}
    labels = study.project.labels_of("cage1")
    frame = labels.frames[3]
    (animal,) = frame.instances
    xy = animal.xy.copy()
    xy[[0, 5]] = xy[[5, 0]]  # snout and tip of the tail
    wrong = replace(frame, instances=(replace(animal, xy=xy),))
    project = study.project
    project.labels_of("cage1")
    project.write_labels("cage1", replace(labels, frames=(*labels.frames[:3], wrong, *labels.frames[4:])))
    answer = client.get(address).json()
    (first, *_) = answer["suspects"]
    assert first["picture"] == frame.image.rpartition("/")[2]
    assert set(first["keypoints"]) <= {"snout", "tailtip"}
    assert first["keypoints"]
    assert first["message"]


def test_an_unknown_folder_is_said(client: TestClient, key: str) -> None:
    assert client.get(f"/api/projects/{key}/labels/cage9/suspects").status_code == 404
