"""What `check` finds, over HTTP."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fastapi.testclient import TestClient

from made_study import MadeStudy
from markerless.core.instance import Instance
from server.test_refine import until_done


def test_findings_and_likely_mistakes(client: TestClient, key: str, study: MadeStudy) -> None:
    """Snout and tail tip are exchanged in one frame, and one picture is missing."""
    labels = study.project.labels()
    xy = labels.frames[4].instances[0].xy.copy()
    xy[[0, 5]] = xy[[5, 0]]
    frames = [replace(f, instances=(Instance.from_xy(xy),)) if i == 4 else f for i, f in enumerate(labels.frames)]
    project = study.project
    project.labels()
    project.write_labels("cage1", replace(labels, frames=tuple(frames)))
    (study.root / labels.images[7]).unlink()
    told = until_done(client, f"/api/projects/{key}/check")
    assert told["n_frames"] == 12
    assert any(f["where"].endswith(labels.images[7].rpartition("/")[2]) for f in told["findings"])
    wrong = {(p["picture"], p["keypoint"]) for p in told["proposals"]}
    picture = labels.images[4].rpartition("/")[2]
    assert {(picture, "snout"), (picture, "tailtip")} <= wrong
    assert {p["folder"] for p in told["proposals"]} == {"cage1"}
    snout = next(p for p in told["proposals"] if (p["picture"], p["keypoint"]) == (picture, "snout"))
    assert snout["xy"] == [pytest.approx(value, abs=1e-3) for value in xy[0]]
    assert (snout["size"], snout["suggested"], snout["color"]) == ([320, 240], None, [230, 159, 0])


def test_after_a_repair_it_is_looked_at_again(client: TestClient, key: str, study: MadeStudy) -> None:
    missing = study.root / study.project.labels().images[7]
    data = missing.read_bytes()
    before = until_done(client, f"/api/projects/{key}/check")
    labels = study.project.labels()
    moved = [
        replace(f, instances=(Instance.from_xy(np.full((6, 2), 5.0)),)) if i == 3 else f
        for i, f in enumerate(labels.frames)
    ]
    project = study.project
    project.labels()
    project.write_labels("cage1", replace(labels, frames=tuple(moved)))
    after = until_done(client, f"/api/projects/{key}/check")
    assert len(after["proposals"]) > len(before["proposals"])
    assert missing.read_bytes() == data
