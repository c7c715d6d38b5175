"""The public names: lazy, complete, and what they say they are."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import markerless as ml

HEAVY = ("torch", "cv2", "av", "openvino", "pandas", "scipy", "matplotlib", "numpy", "h5py", "xarray", "sklearn")


def modules_after(code: str, repository: Path) -> set[str]:
    """Names of the modules that a fresh interpreter has loaded after `code` beyond those it starts with."""
    program = f"import sys; before = set(sys.modules); {code}; after = set(sys.modules); print(*(after - before))"
    environment = {**os.environ, "PYTHONPATH": str(repository / "src")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_next_to_nothing(repository: Path) -> None:
    loaded = modules_after("import markerless", repository)
    assert {name for name in loaded if name.startswith("markerless")} == {"markerless", "markerless.version"}
    assert not loaded & set(HEAVY)
    assert len(loaded) < 40


def test_a_light_name_loads_no_heavy_library(repository: Path) -> None:
    loaded = modules_after("import markerless; markerless.Skeleton; markerless.MarkerlessError", repository)
    assert "markerless.core.skeleton" in loaded
    assert not loaded & (set(HEAVY) - {"numpy"})


@pytest.mark.parametrize("name", sorted(set(ml.__all__) - {"__version__"}))
def test_public_names_exist_and_are_documented(name: str) -> None:
    value: Any = getattr(ml, name)
    assert inspect.isclass(value) or inspect.isfunction(value)
    assert inspect.getdoc(value)
    assert name in dir(ml)


def test_no_submodule_hides_a_public_name() -> None:
    """Importing a submodule sets an attribute of the package; `ml.render` must stay the function."""
    submodules = {module.name for module in pkgutil.iter_modules(ml.__path__)}
    assert not submodules & set(ml.__all__)


def test_an_unknown_name_is_an_attribute_error_that_lists_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'tarin'; public names: .*Tracks"):
        _ = ml.tarin


def test_all_is_sorted_and_type_checkers_see_every_name(repository: Path) -> None:
    assert ml.__all__ == sorted(ml.__all__)
    text = (repository / "src" / "markerless" / "__init__.py").read_text(encoding="utf-8")
    imports = text.partition("if TYPE_CHECKING:")[2].partition("__all__")[0]
    seen = {
        alias.name for node in ast.walk(ast.parse(textwrap.dedent(imports))) for alias in getattr(node, "names", ())
    }
    assert seen == set(ml.__all__) - {"__version__"}


def test_every_module_can_be_imported_by_itself() -> None:
    for module in pkgutil.walk_packages(ml.__path__, "markerless."):
        if module.name != "markerless.__main__":
            assert isinstance(importlib.import_module(module.name), ModuleType)
