"""Plug-ins found by file name and by entry point."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from markerless import registry
from markerless.errors import SettingsError
from markerless.registry import Registry

SHAPES = Registry("shape", "plugin_shapes")


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with two plug-ins and a private module; nothing else may be imported by looking at names."""
    folder = tmp_path / "plugin_shapes"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    (folder / "circle.py").write_text("CORNERS = 0\n", encoding="utf-8")
    (folder / "square.py").write_text("CORNERS = 4\n", encoding="utf-8")
    (folder / "_shared.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("plugin_shapes")]:
        monkeypatch.delitem(sys.modules, name)


def test_names_are_the_public_files_and_import_nothing() -> None:
    assert SHAPES.names() == ("circle", "square")
    assert "plugin_shapes.circle" not in sys.modules


def test_get_imports_the_one_asked_for() -> None:
    assert SHAPES.get("square").CORNERS == 4
    assert "plugin_shapes.circle" not in sys.modules


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(SettingsError, match=r"unknown shape 'sqare'; did you mean 'square'\? known: circle, square"):
        SHAPES.get("sqare")


def test_private_modules_are_no_plugins() -> None:
    with pytest.raises(SettingsError, match="unknown shape '_shared'"):
        SHAPES.get("_shared")


def test_third_parties_come_through_the_same_door(monkeypatch: pytest.MonkeyPatch) -> None:
    points = importlib.metadata.EntryPoints(
        [
            importlib.metadata.EntryPoint("star", "plugin_shapes.circle", "markerless.shape"),
            importlib.metadata.EntryPoint("wrong", "plugin_shapes.circle:CORNERS", "markerless.shape"),
        ]
    )
    monkeypatch.setattr(registry, "_entry_points", lambda group: points.select(group=group))
    assert SHAPES.names() == ("circle", "square", "star", "wrong")
    assert SHAPES.get("star").CORNERS == 0
    with pytest.raises(SettingsError, match="expected its entry point to name a module"):
        SHAPES.get("wrong")
