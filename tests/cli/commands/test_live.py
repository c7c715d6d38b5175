"""The verb live as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from markerless.cli.commands.live import Status
from markerless.cli.main import main
from markerless.errors import VideoError
from markerless.project import Project
from markerless.video.live_source import LiveFrame, VideoFile
from pipeline.field import make_field, write_film

WAYS = ("analyze.engine=openvino", "analyze.precision=f32", "analyze.region=off", "live.every_frame=yes")
SETTINGS = [word for way in WAYS for word in ("--set", way)]
LASER = """
class Laser:
    def start(self, keypoints):
        self.n = 0
        print("laser for", *keypoints)
    def process(self, points, score, timestamp_s):
        self.n += 1
    def stop(self):
        print("laser off after", self.n)
"""
# A processor that presses Ctrl-C for the user, in a process of its own.
IMPATIENT = """
import os, signal
def process(points, score, timestamp_s):
    if timestamp_s > 0.2:
        os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_field(tmp_path).root.rename("field")
    write_film(tmp_path / "film.mp4", 12)
    (tmp_path / "laser.py").write_text(LASER, encoding="utf-8")
    return tmp_path


def test_prints_latencies_and_names_what_was_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["live", "field", "film.mp4", "--out", "log.csv", "--ahead", "20", "--processor", "laser.py:Laser"]
    assert main([*words, *SETTINGS]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == ["laser for red green blue", "laser off after 12"]
    assert "region of interest off (switched off)" in out[2]
    assert "12 frames seen, 12 worked on (12 as a whole), 0 dropped, 0 broken" in out[3]
    assert out[4].startswith("latency, frame in hand to numbers in hand: p50 ")
    assert all(name in out[4] for name in ("p95", "p99", "max"))
    assert out[5] == "wrote log.csv"
    lines = (here / "log.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 13
    assert "red_x_ahead" in lines[0]


def test_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live", "field/runs/run1", "film.mp4", "--json", *SETTINGS]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["n_predicted"], summary["ended"], summary["file"]) == (12, "the source ended", None)
    assert set(summary["latency_ms"]) == {"p50", "p95", "p99", "max"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["9999"], "no camera 9999"),
        (["nowhere.mp4"], "no video at nowhere.mp4"),
        (["rtsp://me:secret@127.0.0.1:1/x"], "cannot open rtsp://127.0.0.1:1/x"),
        (["film.mp4", "--processor", "laser.py:Lazer"], "expected 'Lazer' in laser.py"),
        (["film.mp4", "--out", "laser.py"], "laser.py exists"),
        (["film.mp4", "--run", "run7"], "no run 'run7'"),
        (["film.mp4", "--ahead", "2000"], "--ahead"),
        (["film.mp4", "--seconds", "0"], "--seconds"),
    ],
)
def test_what_is_wrong_is_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["live", "field", *words, *SETTINGS]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert message in line
    assert "secret" not in line


def test_a_source_that_fails_is_told_after_what_was_measured(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = VideoFile.frames

    def unplugged(self: VideoFile) -> Iterator[LiveFrame]:
        yield from list(frames(self))[:5]
        raise VideoError("camera 0 gives no more frames")

    monkeypatch.setattr(VideoFile, "frames", unplugged)
    assert main(["live", "field", "film.mp4", "--out", "log.csv", *SETTINGS]) == 2
    said = capsys.readouterr()
    assert "the source failed" in said.out
    assert said.out.splitlines()[-1] == "wrote log.csv"
    assert said.err.splitlines()[-1] == "error: camera 0 gives no more frames"
    assert len((here / "log.csv").read_text(encoding="utf-8").splitlines()) == 6


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself Ctrl-C there")
def test_ctrl_c_ends_it_well(here: Path, repository: Path) -> None:
    (here / "impatient.py").write_text(IMPATIENT, encoding="utf-8")
    words = ["live", "field", "film.mp4", "--out", "log.csv", "--processor", "impatient.py:process", *SETTINGS]
    environment = {**os.environ, "PYTHONPATH": str(repository / "src")}
    code = f"import sys; from markerless.cli.main import main; sys.exit(main({words!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert done.returncode == 0, done.stderr
    out = done.stdout.splitlines()
    assert "interrupted after" in out[1]
    assert "p99" in out[2]
    assert out[-1] == "wrote log.csv"
    assert (
        len((here / "log.csv").read_text(encoding="utf-8").splitlines()) == 8
    )  # header and the first 7 of 30 a second
    assert Project(here / "field").runs() == ("run1",)


class TestStatus:
    def test_in_a_terminal_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        status = Status(True)
        status(0, 1, "measuring what is fastest")
        status(30, 0, "30 frames/s")
        status.end()
        first, second = capsys.readouterr().err.split("\r")[1:]
        assert second.startswith("live: 30 frames, 30 frames/s")
        assert len(second.rstrip("\n")) == len(first)
        assert second.endswith("\n")

    def test_elsewhere_is_a_line_every_ten_seconds(self, capsys: pytest.CaptureFixture[str]) -> None:
        now = 0.0
        status = Status(False, lambda: now)
        for second in range(25):
            now = float(second)
            status(second, 0, "well")
        status.end()
        assert capsys.readouterr().err.splitlines() == [
            "live: well",
            "live: 10 frames, well",
            "live: 20 frames, well",
        ]
