"""Findings about machines that are well, poor or broken, each with its fix."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from markerless.cli.main import main
from markerless.pipeline import doctor as ward
from markerless.runtime import machine


@pytest.fixture
def requirements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What markerless declares; the test fills it."""
    lines: list[str] = []
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: lines)
    return lines


def only(findings: Any) -> ward.Finding:
    (finding,) = findings
    assert isinstance(finding, ward.Finding)
    return finding


def test_a_library_that_is_there_is_fine(requirements: list[str]) -> None:
    requirements.append("numpy>=1.0")
    finding = only(ward.check_packages())
    assert (finding.name, finding.status, finding.fix) == ("numpy", "ok", "")


@pytest.mark.parametrize(
    ("requirement", "status", "found", "fix"),
    [
        ("not-there-at-all>=2", "problem", "not installed; needed for everything", 'pip install "not-there-at-all>=2"'),
        ('not-there>=2; extra == "train"', "note", "not installed; needed for training", 'pip install "not-there>=2"'),
        ("numpy>=999.1", "problem", "expected 999.1 or newer", 'pip install "numpy>=999.1"'),
    ],
)
def test_a_library_that_is_missing_or_old(
    requirements: list[str], requirement: str, status: str, found: str, fix: str
) -> None:
    requirements.append(requirement)
    finding = only(ward.check_packages())
    assert finding.status == status
    assert found in finding.found
    assert finding.fix == fix


def test_a_library_that_does_not_load(requirements: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cracked.py").write_text("raise OSError('libGL.so.1:\\n cannot open')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(ward, "_version", lambda name: "1.0" if name == "cracked" else None)
    requirements.append("cracked>=1")
    finding = only(ward.check_packages())
    assert (finding.status, finding.fix) == ("problem", "pip install --force-reinstall cracked")
    assert finding.found == "1.0 does not load: OSError: libGL.so.1: cannot open"


def test_what_is_installed_is_looked_for_under_the_name_it_is_imported_by(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {"": project["dependencies"], **project["optional-dependencies"]}
    found = [ward._package(line, extra, {}) for extra in ("", "train", "onnxruntime") for line in extras[extra]]
    assert len(found) > 20
    assert [finding for finding in found if "does not load" in finding.found] == []


def test_development_tools_are_not_asked_for(requirements: list[str]) -> None:
    requirements.append('not-there; extra == "dev"')
    assert only(ward.check_packages()).name == "packages"


def test_two_opencvs_are_noted(requirements: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ward, "_version", lambda name: "5.0" if name == "opencv-python" else None)
    requirements.append('not-there; extra == "train"')
    assert [finding.name for finding in ward.check_packages()] == ["not-there", "opencv"]


def test_a_card_that_torch_does_not_use_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="torch comes with the extra [train]")
    from markerless.nn import device

    torch = sys.modules["torch"]
    monkeypatch.setattr(device, "best_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(machine, "graphics_cards", lambda: ("NVIDIA RTX A4000",))
    training, gpu = ward.check_torch()
    assert training.found.startswith("cpu")
    assert gpu.status == "note"
    assert "NVIDIA RTX A4000 present" in gpu.found
    assert "pip install --force-reinstall torch --index-url" in gpu.fix
    monkeypatch.setattr(machine, "graphics_cards", lambda: ("AMD GPU",))
    assert "rocm" in list(ward.check_torch())[1].fix


def test_a_card_without_torch_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "graphics_cards", lambda: ("NVIDIA GPU",))
    monkeypatch.setattr(ward, "_version", lambda name: None)
    assert only(ward.check_torch()).fix == "pip install torch"


@pytest.mark.parametrize(
    ("total", "available", "status", "found"),
    [
        (16 * ward.GIB, 8 * ward.GIB, "ok", "16.0 GiB, 8.0 GiB free"),
        (16 * ward.GIB, 1 * ward.GIB, "note", "16.0 GiB, 1.0 GiB free"),
        (2 * ward.GIB, None, "note", "2.0 GiB"),
        (None, None, "note", "this system does not tell how much memory there is"),
    ],
)
def test_memory(
    monkeypatch: pytest.MonkeyPatch, total: int | None, available: int | None, status: str, found: str
) -> None:
    monkeypatch.setattr(machine, "memory", lambda: machine.Memory(total, available))
    finding = only(ward.check_memory())
    assert (finding.status, finding.found) == (status, found)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    finding = only(ward.check_folder(tmp_path / "file" / "results"))
    assert finding.status == "problem"
    assert "is not a folder" in finding.found


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    statuses = {finding.name: finding.status for finding in ward.check_folder(tmp_path)}
    assert statuses["folder"] == "ok"
    assert list(tmp_path.iterdir()) == []


def test_threads_held_back_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "processor", lambda: machine.Processor("CPU", 8, 8, ("avx2",)))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    threads = list(ward.check_processor())[1]
    assert (threads.status, threads.fix) == ("note", "unset OMP_NUM_THREADS")
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert len(list(ward.check_processor())) == 1


def test_codecs_that_are_needed_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [finding.status for finding in ward.check_codecs()] == ["ok", "ok"]
    poor = ModuleType("av")
    monkeypatch.setattr(poor, "codecs_available", {"h264"}, raising=False)
    monkeypatch.setattr(poor, "codec", ModuleType("codec"), raising=False)  # has no class Codec
    monkeypatch.setitem(sys.modules, "av", poor)
    decoders, encoder = ward.check_codecs()
    assert (decoders.status, encoder.status) == ("note", "problem")
    assert "hevc" in decoders.found
    assert "h264" not in decoders.found


def test_the_verb_speaks_json_and_fails_on_problems_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    note = ward.Finding("gpu", "note", "idle", "pip install torch")
    problem = ward.Finding("av", "problem", "not installed", "pip install av")
    monkeypatch.setattr(ward, "doctor", lambda folder: ward.Diagnosis((note,)))
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["healthy"] is True
    monkeypatch.setattr(ward, "doctor", lambda folder: ward.Diagnosis((note, problem)))
    assert main(["doctor"]) == 2
    out = capsys.readouterr().out
    assert "gpu: idle\n        fix: pip install torch\n" in out
    assert out.endswith("problems: av\n")


@pytest.mark.slow
def test_this_machine_can_run_markerless(tmp_path: Path) -> None:
    diagnosis = ward.doctor(tmp_path)
    names = [finding.name for finding in diagnosis.findings]
    assert {"python", "processor", "memory", "disk", "folder", "inference", "video encoder"} <= set(names)
    assert diagnosis.is_healthy, [finding for finding in diagnosis.findings if finding.status == "problem"]
