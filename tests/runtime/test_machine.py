"""Facts about machines, read off made ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from markerless.runtime import machine

CPUINFO = """processor\t: 0
model name\t: AMD EPYC 9354 32-Core Processor
flags\t\t: fpu sse4_2 avx2 avx512f avx512_bf16 fma
processor\t: 1
"""
MEMINFO = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n"


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_processor(tmp_path: Path) -> None:
    put(tmp_path, "proc/cpuinfo", CPUINFO)
    cpu = machine.processor(tmp_path)
    assert cpu.name == "AMD EPYC 9354 32-Core Processor"
    assert cpu.features == ("avx2", "avx512f", "avx512_bf16")
    assert 1 <= cpu.n_usable <= cpu.n_cores


def test_features_of_a_system_that_does_not_tell_are_unknown_not_absent(tmp_path: Path) -> None:
    assert machine.processor(tmp_path).features is None


@pytest.mark.parametrize(("quota", "usable"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", None)])
def test_a_container_may_use_fewer_cores(tmp_path: Path, quota: str, usable: int | None) -> None:
    put(tmp_path, "sys/fs/cgroup/cpu.max", quota)
    assert machine.processor(tmp_path).n_usable == (usable or machine.processor().n_usable)


def test_memory(tmp_path: Path) -> None:
    put(tmp_path, "proc/meminfo", MEMINFO)
    assert machine.memory(tmp_path) == machine.Memory(16_000_000 * 1024, 8_000_000 * 1024)


def test_memory_of_a_container(tmp_path: Path) -> None:
    put(tmp_path, "proc/meminfo", MEMINFO)
    put(tmp_path, "sys/fs/cgroup/memory.max", "2000000000\n")
    put(tmp_path, "sys/fs/cgroup/memory.current", "500000000\n")
    assert machine.memory(tmp_path) == machine.Memory(2_000_000_000, 1_500_000_000)


def test_no_graphics_card(tmp_path: Path) -> None:
    put(tmp_path, "sys/bus/pci/devices/0000:00:02.0/class", "0x030000\n")
    put(tmp_path, "sys/bus/pci/devices/0000:00:02.0/vendor", "0x8086\n")  # graphics of an Intel processor
    put(tmp_path, "sys/bus/pci/devices/0000:00:03.0/class", "0x020000\n")
    put(tmp_path, "sys/bus/pci/devices/0000:00:03.0/vendor", "0x10de\n")  # a network card of NVIDIA
    assert machine.graphics_cards(tmp_path) == ()


def test_a_card_without_driver_is_found_on_the_bus(tmp_path: Path) -> None:
    put(tmp_path, "sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n")
    put(tmp_path, "sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n")
    put(tmp_path, "sys/bus/pci/devices/0000:02:00.0/class", "0x030000\n")
    put(tmp_path, "sys/bus/pci/devices/0000:02:00.0/vendor", "0x1002\n")
    assert machine.graphics_cards(tmp_path) == ("NVIDIA GPU", "AMD GPU")


def test_a_card_with_driver_is_named_once(tmp_path: Path) -> None:
    put(tmp_path, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA RTX A4000\nIRQ: 1\n")
    put(tmp_path, "dev/nvidia0", "")
    assert machine.graphics_cards(tmp_path) == ("NVIDIA RTX A4000",)


def test_a_card_in_a_container_is_seen_by_its_device(tmp_path: Path) -> None:
    put(tmp_path, "dev/nvidia0", "")
    put(tmp_path, "dev/nvidiactl", "")
    assert machine.graphics_cards(tmp_path) == ("NVIDIA GPU",)
