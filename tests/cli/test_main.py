"""The frame around the verbs: lazy loading, one-line errors, exit codes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from markerless.cli import main as frame
from markerless.registry import Registry

VERB = """
import click
from markerless.errors import ProjectError

@click.command()
@click.option("--how", default="well")
def command(how):
    \"\"\"Ends in the way it is told to.\"\"\"
    if how == "project":
        raise ProjectError("expected a project,\\n   got a fish")
    if how == "full":
        raise OSError({enospc}, "No space left on device", "out.h5")
    if how == "small":
        raise ModuleNotFoundError("No module named 'torch'", name="torch")
    if how == "bug":
        raise KeyError("nose")
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "partly":
        return 2
    click.echo("done \\u2713")
"""


@pytest.fixture
def verbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry with two verbs, one of which cannot even be imported."""
    folder = tmp_path / "fake_verbs"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    (folder / "train.py").write_text(VERB.format(enospc=errno.ENOSPC), encoding="utf-8")
    (folder / "broken.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("fake_verbs")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(frame, "COMMANDS", Registry("command", "fake_verbs"))


@pytest.mark.usefixtures("verbs")
@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["train", "--how", "project"], 2, "error: expected a project, got a fish"),
        (["train", "--how", "full"], 2, "error: no space left to write out.h5"),
        (
            ["train", "--how", "small"],
            2,
            "error: this needs torch, which is not installed; install markerless with its",
        ),
        (["train", "--how"], 2, "error: Option '--how' requires an argument"),
        (["train", "--hwo", "x"], 2, "--how"),
        (["tarin"], 2, "error: no verb 'tarin'; did you mean 'train'?"),
        (["fly"], 2, "error: no verb 'fly'; verbs: app, train, broken"),
        (["--nope"], 2, "--nope"),
        (["train", "--how", "interrupt"], 130, "interrupted"),
    ],
)
def test_errors_are_one_line_on_stderr(
    words: list[str], code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.main(words) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert line in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.usefixtures("verbs")
def test_a_verb_may_say_that_part_of_its_work_failed() -> None:
    assert frame.main(["train", "--how", "partly"]) == 2
    assert frame.main(["train"]) == 0


@pytest.mark.usefixtures("verbs")
def test_a_bug_is_kept_in_a_file_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main(["train", "--how", "bug"]) == 1
    err = capsys.readouterr().err
    assert "bug: KeyError: 'nose' (train.py:" in err
    assert "this is a bug in markerless" in err
    assert "Traceback" not in err
    (report,) = tmp_path.glob("markerless-bug-*.txt")
    assert str(report) in err
    assert "Traceback" in report.read_text(encoding="utf-8")


@pytest.mark.usefixtures("verbs")
def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main(["--debug", "train", "--how", "project"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.usefixtures("verbs")
def test_a_verb_is_imported_only_when_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main(["train", "--help"]) == 0
    assert "Ends in the way it is told to." in capsys.readouterr().out
    assert "fake_verbs.broken" not in sys.modules


def test_without_a_verb_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main([]) == 0
    assert "Usage: markerless" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("markerless 0.")


def test_python_dash_m_passes_the_exit_code_on(repository: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(repository / "src"), "PYTHONWARNDEFAULTENCODING": "1"}
    command = [sys.executable, "-W", "error", "-m", "markerless", "nothing-like-this"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no verb 'nothing-like-this'")


def test_a_name_that_the_terminal_cannot_show_is_no_error(repository: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(repository / "src"), "PYTHONIOENCODING": "cp1252"}
    command = [sys.executable, "-m", "markerless", "n鼠thing"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "n\\u9f20thing" in done.stderr
