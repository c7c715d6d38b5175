"""Analyzing sends nothing to anybody."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from make_model import color_finder

PROGRAM = """
import sys
from markerless.runtime.engines import openvino as engine
assert engine.openvino.Core().available_devices
parts = [name for name in sys.modules if name.startswith("openvino_telemetry.")]
assert not parts, parts
"""


CONVERTING = """
import sys
from markerless.runtime.openvino_quietly import openvino
assert "openvino.tools.ovc" not in sys.modules
assert openvino.convert_model(sys.argv[1]).inputs
from openvino.tools.ovc import convert_model
assert convert_model(sys.argv[1]).inputs
"""
FIRST = "import openvino; theirs = openvino.convert_model"
AFTER = "from markerless.runtime import openvino_quietly; assert openvino.convert_model is theirs"


def test_openvino_is_used_without_its_telemetry(repository: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(repository / "src"),
        "HOME": str(tmp_path),
        "LOCALAPPDATA": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []  # its identifier would be in the home folder


def test_its_converter_is_loaded_when_it_is_asked_for(tmp_path: Path) -> None:
    color_finder(tmp_path / "model.onnx")
    command = [sys.executable, "-c", CONVERTING, str(tmp_path / "model.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_somebody_else_imported_before_stays_as_it_is() -> None:
    done = subprocess.run([sys.executable, "-c", f"{FIRST}; {AFTER}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nobody_imports_openvino_directly(repository: Path) -> None:
    for path in (repository / "src").rglob("*.py"):
        if path.name == "openvino_quietly.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(alias.name.split(".")[0] == "openvino" for alias in node.names), path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] != "openvino", path
