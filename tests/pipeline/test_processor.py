"""Code of the user's own: where it is found, and what its errors look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from markerless.errors import ProcessorError
from markerless.pipeline.processor import Hooks, load_processor

CODE = """
seen = []
class Laser:
    def process(self, points, score, timestamp_s):
        seen.append(timestamp_s)
def function(points, score, timestamp_s):
    seen.append(-timestamp_s)
laser = Laser()
number = 3
class Broken:
    def __init__(self):
        raise ValueError("no such port:\\n COM3")
"""
POINTS, SCORE = np.zeros((2, 2)), np.ones(2)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "laser.py").write_text(CODE, encoding="utf-8")
    return tmp_path / "laser.py"


@pytest.mark.parametrize(("name", "seen"), [("Laser", [2.5]), ("laser", [2.5]), ("function", [-2.5])])
def test_classes_objects_and_functions_of_a_file(code: Path, name: str, seen: list[float]) -> None:
    processor: Any = load_processor(f"{code}:{name}")
    hooks = Hooks(processor)
    hooks.start(("a", "b"))
    hooks.process(POINTS, SCORE, 2.5)
    hooks.stop()
    function = getattr(processor, "process", processor)
    assert function.__globals__["seen"] == seen


def test_of_a_module_that_python_finds(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(code.parent)
    assert type(load_processor("laser:Laser")).__name__ == "Laser"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("laser.py", "expected file.py:name or module:name"),
        (":x", "expected file.py:name or module:name"),
        ("{folder}/no.py:Laser", "there is no such file"),
        ("{folder}/laser.py:Lazer", "expected 'Lazer' in"),
        ("{folder}/laser.py:number", r"expected a processor with process\(points, score, timestamp_s\)"),
        (
            "{folder}/laser.py:Broken",
            r"cannot make the processor .*ValueError: no such port: COM3, line \d+ of laser.py",
        ),
        ("{folder}/typo.py:Laser", r"cannot load the processor .*SyntaxError"),
        ("no_module_of_this_name:x", r"cannot load the processor .*ModuleNotFoundError"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(code: Path, text: str, message: str) -> None:
    (code.parent / "typo.py").write_text("class Laser", encoding="utf-8")
    with pytest.raises(ProcessorError, match=message) as error:
        load_processor(text.format(folder=code.parent))
    assert "\n" not in str(error.value)


def test_the_line_is_that_of_the_users_own_file(tmp_path: Path) -> None:
    lines = [
        "import json",
        "def inner(text):",
        "    return json.loads(text)",
        "def laser(points, score, at):",
        "    inner('{')",
    ]
    (tmp_path / "laser.py").write_text("\n".join(lines), encoding="utf-8")
    hooks = Hooks(load_processor(f"{tmp_path / 'laser.py'}:laser"))
    with pytest.raises(ProcessorError, match=r"JSONDecodeError: .*, line 3 of laser.py\); correct its code"):
        hooks.process(POINTS, SCORE, 0.0)


def test_hooks_of_a_processor_that_has_none_do_nothing() -> None:
    for processor in (None, lambda points, score, timestamp_s: None):
        hooks = Hooks(processor)
        hooks.start(("a",))
        hooks.process(POINTS, SCORE, 0.0)
        hooks.stop()


def test_stop_is_called_once_and_only_after_start() -> None:
    class Laser:
        n_stops = 0

        def process(self, points: np.ndarray, score: np.ndarray, timestamp_s: float) -> None:
            """Nothing."""

        def stop(self) -> None:
            self.n_stops += 1

    laser = Laser()
    hooks = Hooks(laser)
    hooks.stop()
    assert laser.n_stops == 0
    hooks.start(())
    hooks.stop()
    hooks.stop()
    assert laser.n_stops == 1


@pytest.mark.parametrize("hook", ["start", "process", "stop"])
def test_an_error_says_where_it_arose(hook: str) -> None:
    class Laser:
        def process(self, points: np.ndarray, score: np.ndarray, timestamp_s: float) -> None:
            """Nothing."""

        def start(self, keypoints: tuple[str, ...]) -> None:
            """Nothing."""

        def stop(self) -> None:
            """Nothing."""

    def fails(*given: object) -> None:
        raise RuntimeError("burnt")

    laser = Laser()
    setattr(laser, hook, fails)
    hooks = Hooks(laser)
    where = {"start": "at its start", "process": r"at its frame 0, 0\.500 s after", "stop": "at its end"}[hook]
    with pytest.raises(
        ProcessorError, match=rf"the processor failed {where}.*\(RuntimeError: burnt, line \d+ of test_processor.py\); "
    ):
        hooks.start(())
        hooks.process(POINTS, SCORE, 0.5)
        hooks.stop()
