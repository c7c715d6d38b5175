"""Progress: rate and time left, and silence where nobody looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from markerless.cli import progress
from markerless.core.job_folder import VARIABLE, JobFolder, Stage


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (130, "2 min 10 s"), (3600 + 300, "1 h 05 min"), (-3, "0 s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert progress.duration(seconds) == text


def test_rate_counts_from_where_the_work_resumed() -> None:
    clock = Clock()
    rate = progress.Rate(clock)
    assert rate.status(500, 2330, "frames") == "500/2330 frames"
    clock.now += 10
    # 100 frames in 10 s; 1730 are left
    assert rate.status(600, 2330, "frames") == "600/2330 frames, 10.0 frames/s, 2 min 53 s left"


def test_rate_begins_again_with_the_next_video() -> None:
    clock = Clock()
    rate = progress.Rate(clock)
    rate.status(900, 900, "frames")
    clock.now += 100
    assert rate.status(0, 500, "frames") == "0/500 frames"
    clock.now += 1
    assert rate.status(50, 500, "frames") == "50/500 frames, 50.0 frames/s, 9 s left"


def test_a_log_gets_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = progress.Lines("training", "steps", clock)
    for step in range(1, 26):
        clock.now += 1
        lines(step, 100, f"loss 0.{step:02d}")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "training: 10/100 steps, 1.0 steps/s, 1 min 30 s left, loss 0.10",
        "training: 20/100 steps, 1.0 steps/s, 1 min 20 s left, loss 0.20",
    ]


def test_short_work_in_a_log_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("reading") as report:
        report(1, 2, "")
        report(2, 2, "done")
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress.bar("analyzing", "frames") as report:
        report(1, 2, "m3v1mp4")
    out, err = capsys.readouterr()
    assert out == ""
    assert "analyzing" in err


def test_a_job_tells_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with progress.bar("training", "steps") as report:
        report(1, 4, "loss 1.0")
        report(2, 4, "too soon after the last one to be told")
        assert JobFolder(tmp_path).read().stage is not None
        first = JobFolder(tmp_path).read().stage
        report(4, 4, "loss 0.5")
    last = JobFolder(tmp_path).read().stage
    assert first is not None and last is not None
    assert first == Stage("training", 1, 4, "1/4 steps", "loss 1.0", None)
    assert (last.done, last.message, last.left_s) == (4, "loss 0.5", 0.0)
    assert last.status.startswith("4/4 steps, ") and last.status.endswith(" steps/s, 0 s left")


def test_a_job_that_is_asked_to_stop_is_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_STAGES", 0.0)
    with progress.bar("training", "steps") as report:
        report(1, 4, "")
        JobFolder(tmp_path).ask_to_stop()
        with pytest.raises(KeyboardInterrupt):
            report(2, 4, "")
    stage = JobFolder(tmp_path).read().stage
    assert stage is not None and stage.done == 2
