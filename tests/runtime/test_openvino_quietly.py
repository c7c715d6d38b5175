"""Analyzing sends nothing to anybody."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from markerless.runtime.engines import openvino as engine
assert engine.openvino.Core().available_devices
parts = [name for name in sys.modules if name.startswith("openvino_telemetry.")]
assert not parts, parts
"""


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


def test_nobody_imports_openvino_directly(repository: Path) -> None:
    for path in (repository / "src").rglob("*.py"):
        if path.name == "openvino_quietly.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(alias.name.split(".")[0] == "openvino" for alias in node.names), path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] != "openvino", path
