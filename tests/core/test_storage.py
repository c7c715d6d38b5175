"""Atomic writes: old or new, never half; and one clear line when it cannot be."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from markerless.core.storage import atomic_path, storage_error, sync_folder, write_text
from markerless.errors import StorageError


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if ".tmp" in path.name)


def test_text_is_utf8_with_unix_line_ends(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "näme.txt"
    write_text(target, "é\nline\n")
    assert target.read_bytes() == b"\xc3\xa9\nline\n"
    assert leftovers(target.parent) == []


def test_a_failure_in_between_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    write_text(target, "old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temporary:
        temporary.write_text("half of the n", encoding="utf-8")
        raise ZeroDivisionError
    assert target.read_text(encoding="utf-8") == "old"
    assert leftovers(tmp_path) == []


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "table.h5"
    write_text(target, "old")
    with atomic_path(target) as temporary:
        assert temporary.suffix == ".h5"
        assert temporary.parent == target.parent
        temporary.write_text("new", encoding="utf-8")
        assert target.read_text(encoding="utf-8") == "old"
    assert target.read_text(encoding="utf-8") == "new"


def test_a_folder_below_a_regular_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match=r"cannot write .*choose a writable folder") as caught:
        write_text(tmp_path / "file" / "sub" / "out.csv", "x")
    assert "\n" not in str(caught.value)


@contextmanager
def tiny_files(n_bytes: int) -> Iterator[None]:
    """No file of this process can grow beyond `n_bytes`, as on a full disk.

    No fixture: pytest reports a test before it tears fixtures down, and its own log may be the file that cannot grow.
    """
    resource = pytest.importorskip("resource", reason="file size limits exist on Unix only")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_one_line_and_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "big.txt"
    write_text(target, "old")
    with tiny_files(4096), pytest.raises(StorageError, match="no space left to write"):
        write_text(target, "x" * 4097)
    assert target.read_text(encoding="utf-8") == "old"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOSPC, "no space left to write out.csv"),
        (errno.EDQUOT, "no space left to write out.csv"),
        (errno.EACCES, "cannot write out.csv: Permission denied; choose a writable folder"),
        (errno.EROFS, "cannot write out.csv: Read-only file system; choose a writable folder"),
        (errno.EIO, "cannot write out.csv: Input/output error"),
    ],
)
def test_what_the_operating_system_says_becomes_a_line(number: int, text: str) -> None:
    assert text in str(storage_error(OSError(number, os.strerror(number)), Path("out.csv")))


def test_syncing_a_folder_needs_none(tmp_path: Path) -> None:
    sync_folder(tmp_path)
    sync_folder(tmp_path / "missing")


@pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="a place where no folder can be made, as on a drive that is not there"
)
def test_a_place_where_no_folder_can_be_made() -> None:
    with pytest.raises(StorageError, match=r"cannot write /proc/nowhere/a\.txt: .*; choose a writable folder"):
        write_text(Path("/proc/nowhere/a.txt"), "a")
