"""Predictions of a picture over HTTP."""

from __future__ import annotations

from fastapi.testclient import TestClient

from color_run import add_run
from made_study import MadeStudy
from make_model import COLORS, expected_errors
from markerless.video.images import read_image


def test_without_a_run_there_are_none(client: TestClient, key: str) -> None:
    address = f"/api/projects/{key}/labels/cage1/predictions/img00.png"
    assert client.get(address).json() == {"run": None, "points": {}}
    assert client.get(address, params={"run": "run7"}).status_code == 422


def test_points_come_with_their_expected_error(client: TestClient, key: str, study: MadeStudy) -> None:
    add_run(study, ("snout", "tailtip", "unknown"))
    answer = client.get(f"/api/projects/{key}/labels/cage1/predictions/img00.png").json()
    assert (answer["run"], set(answer["points"])) == ("run1", {"snout", "tailtip"})
    image = read_image(study.root / "labeled-data" / "cage1" / "img00.png")
    strongest = int(image[:, :, 1].max())
    y, x = divmod(int(image[:, :, 1].argmax()), image.shape[1])
    tail = answer["points"]["tailtip"]
    assert tail["xy"] == [x, y]
    assert abs(tail["score"] - strongest / 255) < 1e-6
    assert abs(tail["error"] - expected_errors(strongest)[1]) < 1e-4


def test_a_network_without_errors_says_none(client: TestClient, key: str, study: MadeStudy) -> None:
    add_run(study, ("snout", "leftear", "tailtip"), has_error=False)
    answer = client.get(f"/api/projects/{key}/labels/cage1/predictions/img00.png", params={"run": "run1"}).json()
    assert answer["points"]["snout"]["error"] is None
    assert len(COLORS) == len(answer["points"])


def test_pictures_that_are_not_there_are_said(client: TestClient, key: str, study: MadeStudy) -> None:
    add_run(study, COLORS)
    address = f"/api/projects/{key}/labels/cage1/predictions"
    assert client.get(f"{address}/img01.png").status_code == 404
    assert client.get(f"{address}/..%2Fconfig.yaml").status_code == 404
    (study.root / "labeled-data" / "cage1" / "img00.png").unlink()
    assert client.get(f"{address}/img00.png").status_code == 404
