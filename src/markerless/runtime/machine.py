"""What this machine is: processor, memory, graphics cards. Facts only; what they mean is said by the verb `doctor`.

Every reader of the system's files takes the root folder, so that tests can show it a made machine.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_int8", "asimd", "bf16")
DISPLAY_CLASS = "0x03"  # PCI class of display controllers
ACCELERATOR_CLASS = "0x12"
VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD"}


@dataclass(frozen=True)
class Processor:
    """The CPU.

    Attributes:
        name: As its maker calls it, "" when unknown.
        n_cores: Logical processors of the machine.
        n_usable: Those this process may use: affinity and container limits, at least 1.
        features: Those of `FEATURES` it has; None when the system does not tell.
    """

    name: str
    n_cores: int
    n_usable: int
    features: tuple[str, ...] | None


@dataclass(frozen=True)
class Memory:
    """Main memory in bytes; None when the system does not tell."""

    total: int | None
    available: int | None


def processor(root: Path = ROOT) -> Processor:
    """The CPU of this machine."""
    text = _read(root / "proc" / "cpuinfo")
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    name = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    words = set(flags[1].split()) if flags else set()
    n_cores = os.cpu_count() or 1
    return Processor(
        name=name[1].strip() if name else platform.processor(),
        n_cores=n_cores,
        n_usable=_usable(n_cores, root),
        features=tuple(feature for feature in FEATURES if feature in words) if flags else None,
    )


def memory(root: Path = ROOT) -> Memory:
    """Main memory of this machine, within the limit of the container if there is one."""
    values = {
        key: 1024 * int(number)
        for key, number in re.findall(r"^(\w+):\s*(\d+) kB", _read(root / "proc" / "meminfo"), re.M)
    }
    total, available = values.get("MemTotal"), values.get("MemAvailable")
    if total is None and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _read(root / "sys" / "fs" / "cgroup" / "memory.max").strip()
    if total is not None and limit.isdigit() and int(limit) < total:
        used = _read(root / "sys" / "fs" / "cgroup" / "memory.current").strip()
        total = int(limit)
        available = total - int(used) if used.isdigit() else available
    return Memory(total, available)


def graphics_cards(root: Path = ROOT) -> tuple[str, ...]:
    """Names of the GPUs in this machine that a network could run on, whether or not anything uses them.

    Asks `nvidia-smi` first, then looks at device files, the driver and the PCI bus.
    """
    named = _nvidia_smi() if root == ROOT else ()
    if named:
        return named
    found = []
    drivers = sorted((root / "proc" / "driver" / "nvidia" / "gpus").glob("*/information"))
    for path in drivers:
        model = re.search(r"^Model:\s*(.*)$", _read(path), re.MULTILINE)
        found.append(model[1].strip() if model else "NVIDIA GPU")
    if not found:
        found = ["NVIDIA GPU" for _ in (root / "dev").glob("nvidia[0-9]*")]
    if not found:
        found = [f"{vendor} GPU" for vendor in _pci_displays(root)]
    if platform.system() == "Darwin" and platform.machine() == "arm64" and root == ROOT:
        found.append("Apple GPU")
    return tuple(found)


def _usable(n_cores: int, root: Path) -> int:
    """Logical processors left by the affinity of this process and the quota of its container."""
    n_usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else n_cores
    quota, _, period = _read(root / "sys" / "fs" / "cgroup" / "cpu.max").strip().partition(" ")
    if quota.isdigit() and period.isdigit() and int(period) > 0:
        n_usable = min(n_usable, max(1, int(quota) // int(period)))
    return max(1, n_usable)


def _pci_displays(root: Path) -> list[str]:
    """Vendors of the display controllers and accelerators on the PCI bus that compute libraries know."""
    found = []
    for device in sorted((root / "sys" / "bus" / "pci" / "devices").glob("*")):
        kind, vendor = _read(device / "class").strip(), _read(device / "vendor").strip()
        if kind.startswith((DISPLAY_CLASS, ACCELERATOR_CLASS)) and vendor in VENDORS:
            found.append(VENDORS[vendor])
    return found


def _nvidia_smi() -> tuple[str, ...]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ()
    names = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return tuple(names) if done.returncode == 0 else ()


def _read(path: Path) -> str:
    """Text of a system file; "" when it is not there or may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
