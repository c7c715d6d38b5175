"""One process at a time trains a run; names of runs count on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from markerless.errors import RunError, StorageError
from markerless.pipeline import run_files
from markerless.project.run import is_at_work

HOLD = (
    "import sys, time, pathlib; from markerless.pipeline import run_files\n"
    "with run_files.at_work(pathlib.Path(sys.argv[1])):\n"
    "    print('here', flush=True); time.sleep(60)"
)


def test_a_run_is_trained_by_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_files, "WAIT_S", 0.05)
    folder = tmp_path / "runs" / "a"
    assert not is_at_work(folder)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "here\n"
    assert is_at_work(folder)
    with pytest.raises(RunError, match="run 'a' is being trained by another process"), run_files.at_work(folder):
        pass
    with run_files.at_work(tmp_path / "runs" / "b"):
        assert is_at_work(tmp_path / "runs" / "b")
    holder.kill()
    holder.communicate()
    assert not is_at_work(folder), "a process that was killed has let go"
    with run_files.at_work(folder):
        pass


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    with pytest.raises(StorageError, match="runs"), run_files.at_work(tmp_path / "runs" / "a"):
        pass


def test_names_count_on(tmp_path: Path) -> None:
    assert run_files.free_name(tmp_path) == "run1"
    (tmp_path / "runs" / "run1").mkdir(parents=True)
    assert run_files.free_name(tmp_path) == "run2"
    assert run_files.free_name(tmp_path, {"run2", "run4"}) == "run3"
