"""What a job tells is read back, also while it is written and when it was cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from markerless.core.job_folder import PROGRESS_FILE, TAIL_BYTES, VARIABLE, JobFolder, JobProgress, Stage

STAGE = Stage("training", 120, 2000, "120/2000 steps, 4.5 steps/s", "loss 0.3, größer", 417.8)


def test_what_is_told_is_read(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    assert folder.read() == JobProgress()
    folder.tell(STAGE)
    last = Stage("training", 2000, 2000, "", "", None)
    folder.tell(last)
    assert folder.read() == JobProgress(last)
    folder.tell_exit(130)
    assert folder.read() == JobProgress(last, 130)


def test_an_exit_without_a_stage(tmp_path: Path) -> None:
    JobFolder(tmp_path).tell_exit(2)
    assert JobFolder(tmp_path).read() == JobProgress(None, 2)


@pytest.mark.parametrize("rest", ['{"title": "trai', "[1, 2]", '{"exit": "soon"}', '{"title": 1}', "\xff\x00"])
def test_half_a_line_and_nonsense_are_left_out(tmp_path: Path, rest: str) -> None:
    folder = JobFolder(tmp_path)
    folder.tell(STAGE)
    with (tmp_path / PROGRESS_FILE).open("a", encoding="latin-1") as file:
        file.write(rest)
    assert folder.read() == JobProgress(STAGE)


def test_a_stage_with_a_number_that_is_none_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / PROGRESS_FILE
    JobFolder(tmp_path).tell(STAGE)
    path.write_text(path.read_text(encoding="utf-8").replace("417.8", "NaN"), encoding="utf-8")
    assert JobFolder(tmp_path).read() == JobProgress()


def test_only_the_end_of_a_long_file_is_read(tmp_path: Path) -> None:
    (tmp_path / PROGRESS_FILE).write_text("x" * 3 * TAIL_BYTES + "\n", encoding="utf-8")
    JobFolder(tmp_path).tell(STAGE)
    assert JobFolder(tmp_path).read().stage == STAGE


def test_a_stop_is_heard(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    assert not folder.stop_is_asked
    folder.ask_to_stop()
    folder.ask_to_stop()
    assert folder.stop_is_asked


def test_a_folder_that_is_gone_does_not_end_the_work(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "gone")
    folder.tell(STAGE)
    folder.tell_exit(0)
    assert folder.read() == JobProgress()


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert JobFolder.of_this_process() is None
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert JobFolder.of_this_process() == JobFolder(tmp_path)
