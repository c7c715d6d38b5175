"""Every kind of bad input a user may hand in: exit code 2, one clear line, nothing half written.

The commands run in this process through `markerless.cli.main.main`, as the installed script calls it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from make_model import COLORS, color_finder, dots, random_places
from markerless.cli.main import main
from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.project import NewProject, create_project
from markerless.video.images import write_image
from markerless.video.writer import VideoWriter

SIZE = (96, 64)
N_FRAMES = 5
TABLE = "labeled-data/m1/CollectedData_Ann"

Fails = Callable[..., str]


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Fails:
    """Runs a command that must fail because of the user's input; gives its error line."""

    def run(*words: object) -> str:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        assert code == 2, said
        assert "Traceback" not in said.err
        lines = [line for line in said.err.splitlines() if line.startswith(("error:", "failed:"))]
        assert len(lines) == 1, said.err
        return lines[0]

    return run


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A project with five labeled pictures of three dots, a video, and a finished run whose model finds the dots."""
    project = create_project(NewProject("dots", "Ann", COLORS, day=date(2026, 1, 2)), tmp_path)
    places = random_places(N_FRAMES, SIZE)
    folder = project.root / "labeled-data" / "m1"
    folder.mkdir(parents=True)
    frames = []
    for i, picture in enumerate(dots(places, SIZE)):
        write_image(folder / f"img{i}.png", picture)
        frames.append(LabeledFrame(f"labeled-data/m1/img{i}.png", (Instance.from_xy(places[i].astype(float)),)))
    project.write_labels("m1", Labels(Skeleton(COLORS), tuple(frames)))
    with VideoWriter(project.root / "videos" / "m1.mp4", 10, SIZE) as writer:
        for picture in dots(random_places(20, SIZE), SIZE):
            writer.write(picture)
    run = project.run_folder("run1")
    color_finder(run / "model.onnx")
    names = [frame.image for frame in frames]
    (run / "split.json").write_text(json.dumps({"train": names[1:], "test": names[:1]}), encoding="utf-8")
    (run / "run.toml").write_text(
        '[run]\nname = "run1"\nfinished = true\nscorer = "DLC_Test_dotsJan2_run1"\n'
        f"[skeleton]\nkeypoints = {json.dumps(COLORS)}\nedges = []\nmirror_pairs = []\n"
        '[data]\nfingerprint = "other"\n[train]\n[net]\n[versions]\n',
        encoding="utf-8",
    )
    return project.root


def test_the_study_itself_is_good(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(study)]) == 0
    assert main(["evaluate", str(study), "--json"]) == 0
    assert main(["analyze", str(study), str(study / "videos" / "m1.mp4")]) == 0
    assert "wrote" in capsys.readouterr().out


def test_projects(study: Path, tmp_path: Path, fails: Fails) -> None:
    assert "no such project" in fails("train", tmp_path / "nowhere")
    config = study / "config.yaml"
    good = config.read_text(encoding="utf-8")
    config.write_text("a: [1, 2\nb: }", encoding="utf-8")
    assert "config.yaml" in fails("check", study)
    config.write_text("\n".join(line for line in good.splitlines() if line.strip("- ") not in COLORS), encoding="utf-8")
    assert "bodyparts" in fails("check", study)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda rows: [",".join(row.split(",")[:-1]) for row in rows], "blue"),
        (lambda rows: [*rows[:4], rows[4].replace(rows[4].split(",")[4], "many"), *rows[5:]], "many"),
        (lambda rows: [*rows, rows[-1]], "twice"),
    ],
    ids=["column missing", "text in a number", "row twice"],
)
def test_label_tables(study: Path, fails: Fails, damage: Callable[[list[str]], list[str]], told: str) -> None:
    (study / f"{TABLE}.h5").unlink()
    table = study / f"{TABLE}.csv"
    table.write_text("\n".join(damage(table.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")
    line = fails("train", study, "--set", "train.steps=1")
    assert told in line
    assert table.name in line


def test_labels_and_pictures(study: Path, fails: Fails) -> None:
    picture = study / "labeled-data" / "m1" / "img3.png"
    whole = picture.read_bytes()
    picture.write_bytes(whole[: len(whole) // 2])
    assert "img3.png" in fails("train", study, "--set", "train.steps=1", "--set", "net.weights=none")
    picture.unlink()
    assert "img3.png" in fails("train", study, "--set", "train.steps=1", "--set", "net.weights=none")
    assert not (study / "runs" / "run2").exists()
    table = study / f"{TABLE}.csv"
    (study / f"{TABLE}.h5").unlink()
    rows = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join(rows[:4]) + "\n", encoding="utf-8")
    assert "at least 2 labeled frames" in fails("train", study)
    table.unlink()
    assert "label" in fails("train", study)


def test_videos(study: Path, tmp_path: Path, fails: Fails) -> None:
    good = (study / "videos" / "m1.mp4").read_bytes()
    empty, text, cut = tmp_path / "empty.mp4", tmp_path / "text.mp4", tmp_path / "cut.mp4"
    empty.write_bytes(b"")
    text.write_text("this is a letter, not a video\n" * 50, encoding="utf-8")
    cut.write_bytes(good[:400])
    for video in (empty, text, cut, tmp_path / "none.mp4"):
        assert video.name in fails("analyze", study, video)
    assert not list(tmp_path.glob("*DLC_*"))


def test_a_bad_video_does_not_stop_the_others(study: Path, tmp_path: Path, fails: Fails) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"")
    out = tmp_path / "out"
    assert "bad.mp4" in fails("analyze", study, bad, study / "videos" / "m1.mp4", "--out", out)
    assert {path.suffix for path in out.glob("m1DLC_*")} == {".h5", ".csv", ".nc"}


def test_runs(study: Path, fails: Fails) -> None:
    video = study / "videos" / "m1.mp4"
    assert "run7" in fails("analyze", study, video, "--run", "run7")
    (study / "runs" / "run1" / "model.onnx").write_bytes(b"not a network")
    assert "model.onnx" in fails("analyze", study, video)
    (study / "runs" / "run1" / "run.toml").write_text("[run", encoding="utf-8")
    assert "run1" in fails("evaluate", study, "--run", "run1")


def test_settings(study: Path, fails: Fails) -> None:
    assert "did you mean 'train.steps'" in fails("train", study, "--set", "train.stesp=5")
    assert "train.lr" in fails("train", study, "--set", "train.lr=-1")
    assert "key=value" in fails("train", study, "--set", "train.lr")
    assert "did you mean 'train'" in fails("trian", study)


def test_an_output_folder_that_cannot_be_written(study: Path, tmp_path: Path, fails: Fails) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    line = fails("analyze", study, study / "videos" / "m1.mp4", "--out", tmp_path / "file" / "out")
    assert "file" in line


def test_a_full_disk(study: Path, tmp_path: Path) -> None:
    """Files may not grow beyond 2 kB, as on a full disk; the error is one line and no result file is left."""

    def little_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    words = [
        "-m",
        "markerless",
        "analyze",
        str(study),
        str(study / "videos" / "m1.mp4"),
        "--out",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(
        [sys.executable, *words], preexec_fn=little_space, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert done.returncode == 2, done.stderr
    assert "no space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out").glob("m1*"))


def test_a_size_that_does_not_fit_is_no_crash(study: Path, fails: Fails) -> None:
    video = study / "videos" / "m1.mp4"
    assert "crop" in fails("analyze", study, video, "--crop", "0,5000,0,5000")
    assert "crop" in fails("analyze", study, video, "--crop", "50,10,0,20")


def test_predictions_that_do_not_fit(study: Path, tmp_path: Path, fails: Fails) -> None:
    other = tmp_path / "other.csv"
    header = ["scorer,x,x,x", "bodyparts,knee,knee,knee", "coords,x,y,likelihood"]
    other.write_text("\n".join([*header, *(f"{i},1,2,0.5" for i in range(20))]) + "\n", encoding="utf-8")
    assert "does not begin with the name of a labeled video (m1)" in fails("evaluate", study, "--predictions", other)
    other = other.rename(other.with_name("m1_other.csv"))
    assert "knee" in fails("evaluate", study, "--predictions", other)
