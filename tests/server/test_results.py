"""Results over HTTP: a closed list of files, pages that cannot do anything, parts, names and archives."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from fastapi.testclient import TestClient

from made_study import MadeStudy
from markerless.pipeline.evaluate import evaluate
from markerless.pipeline.plot import plot
from markerless.pipeline.render import render
from markerless.project import Project
from markerless.server.api.results import kept_as
from recalled import two_runs, write_results


@pytest.fixture(scope="session")
def made_once(study_once: MadeStudy, tmp_path_factory: pytest.TempPathFactory) -> MadeStudy:
    """What `made` hands out, made once."""
    root = tmp_path_factory.mktemp("made") / study_once.root.name
    shutil.copytree(study_once.root, root)
    study = replace(study_once, root=root, video=root / "videos" / study_once.video.name)
    first, second = two_runs(study)
    evaluate(second)
    write_results(study, first, study.truth + 3)
    files = write_results(study, second, study.truth)
    render(files.files[-1], study.video)
    plot(files.files[-1], study.video)
    return study


@pytest.fixture
def made(study: MadeStudy, made_once: MadeStudy) -> MadeStudy:
    """The study with two runs, one of them evaluated, an analyzed video, its labeled video and its figures."""
    shutil.copytree(made_once.root, study.root, dirs_exist_ok=True)
    return study


@pytest.fixture
def base(key: str) -> str:
    return f"/api/projects/{key}/results"


def listed(client: TestClient, base: str) -> dict[str, Any]:
    answer = client.get(base)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def all_files(told: dict[str, Any]) -> dict[str, str]:
    """Name -> id of every file of the list."""
    found = {}
    for video in told["videos"]:
        rows = [*video["figures"], *[video["page"]] * (video["page"] is not None)]
        for one in video["results"]:
            rows += [*one["files"], *[one["labeled"]] * (one["labeled"] is not None)]
        found.update({row["name"]: row["id"] for row in rows})
        if video["file"]:
            found[video["video"]] = video["file"]
    return found


def test_before_anything_was_done(client: TestClient, base: str) -> None:
    told = listed(client, base)
    assert told["runs"] == []
    (video,) = told["videos"]
    assert (video["video"], video["stem"], video["kind"], video["plays"]) == ("cage1.mp4", "cage1", "file", True)
    assert (video["results"], video["page"], video["figures"], video["n_bytes"]) == ([], None, [], 0)
    assert client.get(f"{base}/videos/{video['id']}/zip").status_code == 404


def test_runs_and_videos_are_listed(client: TestClient, base: str, made: MadeStudy) -> None:
    told = listed(client, base)
    new, old = told["runs"]
    assert (new["name"], new["start_from"], new["n_train"], new["split"]) == ("run2", "run1", 2, "test")
    assert new["report"] is True
    assert new["mean_px"] == pytest.approx(3, rel=0.2)
    assert (old["name"], old["report"], old["split"], old["mean_px"]) == ("run1", False, "", None)
    (video,) = told["videos"]
    scorer = made.project.run("run2").scorer
    newest, older = video["results"]
    assert (newest["run"], newest["scorer"], newest["filtered"]) == ("run2", scorer, False)
    assert [file["kind"] for file in newest["files"]] == ["nc", "h5", "csv"]
    assert newest["tracks"] == f"cage1{scorer}.nc"
    assert newest["labeled"]["name"] == f"cage1{scorer}_labeled.mp4"
    assert (older["run"], older["labeled"]) == ("run1", None)
    assert video["page"]["name"] == "plots.html"
    assert {file["kind"] for file in video["figures"]} == {"png"}
    assert video["n_bytes"] == sum(
        path.stat().st_size
        for path in [*made.video.parent.glob("cage1DLC*"), *made.video.parent.rglob("plot-poses/*/*")]
    )


def test_every_listed_file_is_sent_as_it_is(client: TestClient, base: str, made: MadeStudy) -> None:
    kinds = {
        ".h5": "application/x-hdf5",
        ".csv": "text/csv; charset=utf-8",
        ".nc": "application/x-netcdf",
        ".mp4": "video/mp4",
        ".png": "image/png",
        ".html": "text/html; charset=utf-8",
    }
    paths = {path.name: path for path in made.video.parent.rglob("*") if path.is_file()}
    for name, file_id in all_files(listed(client, base)).items():
        kept = client.get(f"{base}/files/{file_id}")
        assert kept.status_code == 200
        assert kept.content == paths[name].read_bytes()
        assert kept.headers["content-type"] == kinds[Path(name).suffix]
        assert f"filename*=utf-8''{name.replace('_', '%5F').replace('.', '%2E')}" in kept.headers["content-disposition"]
        shown = client.get(f"{base}/files/{file_id}", params={"show": 1})
        assert "content-disposition" not in shown.headers
        assert shown.headers["x-content-type-options"] == "nosniff"


def test_parts_of_a_video_are_sent(client: TestClient, base: str, made: MadeStudy) -> None:
    """As browsers ask when somebody moves in a video."""
    (video,) = listed(client, base)["videos"]
    data = made.video.read_bytes()
    address = f"{base}/files/{video['file']}?show=1"
    part = client.get(address, headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, data[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(data)}"
    last = client.get(address, headers={"Range": "bytes=-50"})
    assert (last.status_code, last.content) == (206, data[-50:])
    assert client.get(address, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    assert client.get(address).headers["accept-ranges"] == "bytes"


def test_pages_of_analyses_can_do_nothing(client: TestClient, base: str, made: MadeStudy) -> None:
    """A report is made of names that users gave; whatever is in it, nothing runs and nothing is loaded."""
    names = all_files(listed(client, base))
    for address in (f"{base}/runs/run2/report", f"{base}/files/{names['plots.html']}?show=1"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.text.startswith("<!doctype html>")
        policy = [part.strip() for part in answer.headers["content-security-policy"].split(";")]
        assert {"default-src 'none'", "sandbox", "img-src data:", "style-src 'unsafe-inline'"} <= set(policy)
        assert "script-src" not in answer.headers["content-security-policy"]
    kept = client.get(f"{base}/runs/run2/report?keep=1")
    assert "mouse%5Frun2%5Freport%2Ehtml" in kept.headers["content-disposition"]
    assert "sandbox" in kept.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("run", "status"), [("run1", 404), ("run9", 422), ("..", 404), ("%2e%2e", 422), ("run2%2f..%2frun2", 404)]
)
def test_reports_that_are_not_there(client: TestClient, base: str, made: MadeStudy, run: str, status: int) -> None:
    answer = client.get(f"{base}/runs/{run}/report")
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}


def test_all_results_of_a_video_in_one_archive(client: TestClient, base: str, made: MadeStudy) -> None:
    (video,) = listed(client, base)["videos"]
    answer = client.get(f"{base}/videos/{video['id']}/zip")
    assert answer.headers["content-type"] == "application/zip"
    assert "cage1%5Fresults%2Ezip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        scorer = made.project.run("run2").scorer
        assert {f"cage1{scorer}{end}" for end in (".h5", ".csv", ".nc", "_labeled.mp4")} <= names
        assert {"plots/plots.html", "plots/trajectory.png"} <= names
        assert "cage1.mp4" not in names
        csv = made.video.parent / f"cage1{scorer}.csv"
        assert archive.read(csv.name) == csv.read_bytes()


@pytest.mark.parametrize(
    "file_id",
    [
        "0" * 16,
        "x",
        "%2e%2e",
        "../config.yaml",
        "..%2fconfig.yaml",
        "%2fetc%2fpasswd",
        "0" * 15 + "G",
        "0" * 17,
        "cage1.mp4",
    ],
)
def test_only_ids_of_the_list_are_known(client: TestClient, base: str, made: MadeStudy, file_id: str) -> None:
    for address in (f"{base}/files/{file_id}", f"{base}/videos/{file_id}/zip"):
        answer = client.get(address)
        assert answer.status_code in {404, 422}
        assert set(answer.json()) == {"error"}


def test_other_files_beside_a_video_are_not_listed(client: TestClient, base: str, made: MadeStudy) -> None:
    folder = made.video.parent
    (folder / "cage1.csv").write_text("my notes, not tracks\n", encoding="utf-8")
    (folder / "cage1_secret.txt").write_text("secret", encoding="utf-8")
    (folder / "other.h5").write_bytes(b"other")
    names = all_files(listed(client, base))
    assert not {"cage1.csv", "cage1_secret.txt", "other.h5"} & set(names)


def test_links_that_lead_elsewhere_are_not_followed(
    client: TestClient, base: str, made: MadeStudy, tmp_path: Path
) -> None:
    """A result, a report, a labeled video and figures that are links to a file outside, or beside with another name."""
    secret = tmp_path / "secret.csv"
    scorer = made.project.run("run2").scorer
    csv = made.video.parent / f"cage1{scorer}.csv"
    secret.write_bytes(csv.read_bytes())  # tracks, so that it would be taken for them
    hidden = tmp_path / "hidden.html"
    hidden.write_text("hidden", encoding="utf-8")
    labeled = made.video.parent / f"cage1{scorer}_labeled.mp4"
    config = made.root / "config.yaml"
    before = all_files(listed(client, base))
    links = {
        csv: secret,
        labeled: config,
        made.video.parent / "plot-poses" / "cage1" / "plots.html": hidden,
        made.root / "runs" / "run2" / "report.html": hidden,
    }
    for path, target in links.items():
        path.unlink()
        path.symlink_to(target)
    told = listed(client, base)
    after = all_files(told)
    assert not {csv.name, labeled.name, "plots.html"} & set(after)
    assert told["runs"][0]["report"] is False
    for name in (csv.name, labeled.name, "plots.html"):
        assert client.get(f"{base}/files/{before[name]}").status_code == 404
    assert client.get(f"{base}/runs/run2/report").status_code == 404
    (video,) = told["videos"]
    archive = client.get(f"{base}/videos/{video['id']}/zip").content
    assert csv.name not in zipfile.ZipFile(io.BytesIO(archive)).namelist()


def test_a_video_that_is_a_link_below_the_roots_is_played_and_one_above_is_not(
    client: TestClient, base: str, study: MadeStudy, tmp_path: Path
) -> None:
    """`add` links videos; but a link, or a line of config.yaml, must not open the rest of the disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    study.video.rename(disk / "cage1.mp4")
    study.video.symlink_to(disk / "cage1.mp4")
    (study.video.parent / "passwd.mp4").symlink_to("/etc/passwd")
    (study.video.parent / "config.mp4").symlink_to(study.root / "config.yaml")
    config = study.root / "config.yaml"
    config.write_text(
        config.read_text(encoding="utf-8").replace(
            "video_sets:\n", "video_sets:\n  /etc/passwd:\n    crop: 0, 1, 0, 1\n"
        ),
        encoding="utf-8",
    )
    assert any(path.name == "passwd" for path in Project(study.root).videos())
    rows = {video["video"]: video for video in listed(client, base)["videos"]}
    data = (disk / "cage1.mp4").read_bytes()
    assert client.get(f"{base}/files/{rows['cage1.mp4']['file']}").content == data
    for name in ("passwd.mp4", "config.mp4", "passwd"):
        assert rows[name]["file"] is None
        assert "--root" in rows[name]["note"]
        assert client.get(f"{base}/files/{rows[name]['id']}").status_code == 404


def test_names_of_any_characters(client: TestClient, base: str, study: MadeStudy) -> None:
    name = 'Käfig "1" ü; 鼠.mp4'
    video = study.video.rename(study.video.parent / name)
    _, run = two_runs(replace(study, video=video))
    write_results(replace(study, video=video), run, study.truth)
    rows = {row["video"]: row for row in listed(client, base)["videos"]}
    answer = client.get(f"{base}/files/{rows[name]['file']}")
    header = answer.headers["content-disposition"]
    assert unquote(header.partition("filename*=utf-8''")[2]) == name
    assert header.isascii()
    assert header.count('"') == 2
    archive = client.get(f"{base}/videos/{rows[name]['id']}/zip")
    inside = zipfile.ZipFile(io.BytesIO(archive.content)).namelist()
    assert f'Käfig "1" ü; 鼠{run.scorer}.csv' in inside


@pytest.mark.parametrize("name", ['a"b\r\nX-Evil: 1.csv', "%41.csv", "\\..\\x.csv", "é" * 100])
def test_a_name_cannot_become_a_header(name: str) -> None:
    header = kept_as(name)
    assert header.isascii()
    assert header.isprintable()
    assert unquote(header.partition("filename*=utf-8''")[2]) == name
    plain = header.partition('filename="')[2].partition('"')[0]
    assert not set(plain) & set('"\\%\r\n')


def test_a_damaged_evaluation_is_none(client: TestClient, base: str, made: MadeStudy) -> None:
    file = made.root / "runs" / "run2" / "evaluation.json"
    for text in ("", "[]", '{"splits": 3}', '{"splits": {"test": 1}}', json.dumps({"splits": {"train": {}}})):
        file.write_text(text, encoding="utf-8")
        new, _ = listed(client, base)["runs"]
        assert new["mean_px"] is None


def test_what_is_drawn_is_what_was_found(client: TestClient, base: str, made: MadeStudy, key: str) -> None:
    """The list names the file by which the review API knows the tracks."""
    (video,) = listed(client, base)["videos"]
    tracks = video["results"][1]["tracks"]
    answer = client.get(
        f"/api/projects/{key}/tracks/{video['video']}/traces",
        params={"keypoint": "snout", "file": tracks, "points": 60},
    )
    values = np.frombuffer(answer.content, "<f4").reshape(4, -1, 2)
    np.testing.assert_allclose(values[0, :, 0], made.truth[:, 0, 0] + 3, atol=1e-3)
