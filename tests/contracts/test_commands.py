"""What every verb keeps: a click command, help that loads no heavy library, quickly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from markerless.cli.main import COMMANDS, main

HEAVY = ("torch", "cv2", "av", "openvino", "onnxruntime", "pandas", "scipy", "matplotlib", "sklearn", "xarray", "h5py")
PROGRAM = """
import sys
from markerless.cli.main import COMMANDS, main
codes = [main(["--help"])] + [main([name, "--help"]) for name in COMMANDS.names()]
print("LOADED", *sys.modules, file=sys.stderr)
sys.exit(max(codes))
"""


@pytest.mark.parametrize("name", COMMANDS.names())
def test_a_verb_is_a_click_command_with_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(COMMANDS.get(name).command, click.Command)
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Usage: markerless {name}")


@pytest.mark.parametrize("name", COMMANDS.names())
def test_an_unknown_option_is_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--no-such-option"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1


def test_help_of_all_verbs_loads_no_heavy_library(repository: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(repository / "src")}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.partition("LOADED")[2].split())
    assert "markerless.cli.commands.info" in loaded
    assert not loaded & set(HEAVY)
