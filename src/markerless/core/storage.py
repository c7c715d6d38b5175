"""Atomic writes: a file is either the old one or the whole new one, whatever happens in between."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from markerless.errors import StorageError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; when the block ends well the file is synced and renamed to `path`, else deleted.

    The temporary name keeps the suffix, so that writers which look at it work.

    Raises:
        StorageError: disk full, folder not writable, or `path` held open by another program (then the new file stays
            beside it).
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # also "no such file": a drive that is not there
        raise storage_error(error, path) from error
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
    except BaseException as error:
        with suppress(OSError):  # where the folder itself is impossible, there is nothing to delete
            temporary.unlink()
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError | IsADirectoryError):
            raise storage_error(error, path) from error
        raise
    try:
        temporary.replace(path)
    except PermissionError as error:
        raise StorageError(
            f"cannot replace {path}: another program holds it open (Excel?); close it. "
            f"The new file is kept as {temporary.name}"
        ) from error
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise storage_error(error, path) from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with `\\n` line ends, atomically.

    Raises:
        StorageError: as `atomic_path`.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` survive a power cut, where the system offers that (Windows does by itself)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def error_of_own_file(error: OSError, path: Path) -> StorageError:
    """One line for an operating-system error while many files are written: of the file it names, else of `path`."""
    return storage_error(error, Path(os.fsdecode(error.filename)) if error.filename else path)


def storage_error(error: OSError, path: Path) -> StorageError:
    """One line for an operating-system error at `path`."""
    if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return StorageError(
            f"no space left to write {path}; free some space or choose another place, then run the same command again"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT):
        return StorageError(f"cannot write {path}: {error.strerror}; choose a writable folder")
    return StorageError(f"cannot write {path}: {error.strerror or error}")
