"""Many files changed as one: all of them, or none, also when the computer stops in between.

New versions are written beside the old ones first. Then one file, the plan, says what shall take whose place; from then
on the change is made, and whoever opens the project next finishes what a crash has interrupted.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from markerless.core.storage import error_of_own_file, storage_error, sync_folder, write_text
from markerless.errors import ProjectError, StorageError
from markerless.project import journal
from markerless.project.label_files import label_folders

PLAN = Path("journal", "unfinished-change.json")
MARK = Path("journal", ".change-under-way")  # while it is there, nobody else begins to write labels
LOCK = Path("journal", ".unfinished-change.lock")
PREFIX = ".staged-"
NEW_FILES = Path("journal", ".staged")  # new versions that cannot lie beside their targets
LOCKED_FOR_S = 120
SPARE_BYTES = 1 << 20  # of a disk that files are copied to
VERSION = 1


class Staged:
    """New versions of files of one project, to be put in place together."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._moves: list[tuple[Path, Path]] = []  # new version, target; relative to the root
        self._appends: list[tuple[Path, Path]] = []  # lines, the file they are added to
        self._removals: list[Path] = []
        self._links: set[Path] = set()

    def version_of(self, target: Path) -> Path:
        """Where to write the new version of `target`; it has the same suffix."""
        new = target.with_name(f"{PREFIX}{target.name}")
        self._moves.append((new.relative_to(self.root), target.relative_to(self.root)))
        return new

    def file_for(self, target: Path, is_link: bool = False) -> Path:
        """Where to write `target`, a file whose folder may not be there yet; nobody takes it for one of the study.

        Args:
            target: The file.
            is_link: It will be a link: what it leads to is not ours, and on the disk already.
        """
        new = self.root / NEW_FILES / f"{len(self._moves)}{target.suffix}"
        try:
            new.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, new) from error
        self._moves.append((new.relative_to(self.root), target.relative_to(self.root)))
        if is_link:
            self._links.add(new)
        return new

    def lines_for(self, target: Path) -> Path:
        """Where to write lines that shall be added to the end of `target`; added twice, they must say the same."""
        new = target.with_name(f"{PREFIX}{target.name}")
        self._appends.append((new.relative_to(self.root), target.relative_to(self.root)))
        return new

    def remove(self, target: Path) -> None:
        """Have `target` deleted."""
        self._removals.append(target.relative_to(self.root))

    def commit(self) -> None:
        """Put everything in place.

        Raises:
            StorageError: a file cannot be written. Before the plan is on the disk nothing has changed; after that the
                change is finished when the project is opened next.
        """
        written = [self.root / new for new, _ in [*self._moves, *self._appends]]
        for _, target in [*self._moves, *self._appends]:
            _require_possible(self.root / target)
        _require_space([(self.root / new, self.root / target) for new, target in self._moves])
        for new in written:
            if new not in self._links:
                _sync(new)
        _sync_folders(written)  # else a power cut could leave a plan whose new versions have no names yet
        plan = {
            "version": VERSION,
            "moves": [[new.as_posix(), target.as_posix()] for new, target in self._moves],
            "appends": [[new.as_posix(), target.as_posix()] for new, target in self._appends],
            "removals": [target.as_posix() for target in self._removals],
        }
        write_text(self.root / PLAN, json.dumps(plan))  # ASCII: Linux has file names that are no valid text
        sync_folder(self.root / PLAN.parent)
        _apply(self.root, plan)

    def abandon(self) -> None:
        """Delete the new versions, unless it is decided already that they shall take their places."""
        if (self.root / PLAN).is_file():
            return
        for new, _ in [*self._moves, *self._appends]:
            with suppress(OSError):
                (self.root / new).unlink()
        _remove_new_files(self.root)


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Keep other processes and threads from changing many files of the project; finishes what one of them has left.

    Raises:
        ProjectError: what there is to finish is not what this version writes.
        StorageError: the lock cannot be made, as on a read-only disk, or somebody holds it for minutes; or what is done
            with it fails, which names the file in hand.
    """
    path = root / LOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path, timeout=LOCKED_FOR_S, thread_local=False):
            _finish(root)
            yield
    except Timeout:
        raise StorageError(f"{root} has been changed by another program for {LOCKED_FOR_S} s; close it") from None
    except OSError as error:
        raise error_of_own_file(error, path) from error


def finish(root: Path) -> bool:
    """Finish a change that was interrupted; False when there is none, which takes one look at the disk.

    Raises:
        ProjectError: what there is to do is not what this version writes.
        StorageError: a file cannot be written.
    """
    if not (root / PLAN).is_file():
        return False
    with alone(root):  # waits for a change that is being made just now
        return True


def is_under_way(root: Path) -> bool:
    """Whether many files are being changed just now, or a change was interrupted."""
    return (root / MARK).exists() or (root / PLAN).exists()


@contextmanager
def writing(root: Path, path: Path, what: str = "journal") -> Iterator[None]:
    """`journal.locked` for who writes labels: never while many files are being changed, or half of them are.

    Raises:
        ProjectError: as `alone`.
        StorageError: as `alone` and `journal.locked`.
    """
    while True:
        if is_under_way(root):
            with alone(root):
                pass  # it has come to its end
        with journal.locked(path, what):
            if not is_under_way(root):
                yield
                return


@contextmanager
def paused(root: Path) -> Iterator[None]:
    """Keep everybody else from writing labels, for who is `alone`; those who have begun are waited for.

    One lock is held at a time: a study may have more folders than a program may open files.

    Raises:
        StorageError: as `journal.locked`.
    """
    mark = root / MARK
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:
        raise storage_error(error, mark) from error
    try:
        for folder in label_folders(root):
            for what in ("tables", "journal"):
                with journal.locked(journal.journal_path(root, folder.name), what):
                    pass
        yield
    finally:
        if not (root / PLAN).is_file():
            _remove(mark)


def _finish(root: Path) -> None:
    """What somebody who was alone before has left: a plan to go on with, or nothing but the mark."""
    if (root / PLAN).is_file():
        try:
            plan = json.loads((root / PLAN).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ProjectError(f"cannot read {root / PLAN} ({error}); it holds an unfinished change") from error
        _apply(root, plan)
        return
    if (root / MARK).exists():
        _remove(root / MARK)
    _remove_new_files(root)


def _apply(root: Path, plan: object) -> None:
    parts = {"moves": 2, "removals": 1, "appends": 2}
    moves, removals, appends = (_files(root, plan, key, n) for key, n in parts.items())
    for new, target in moves:
        _replace(new, target)
    for (target,) in removals:
        _remove(target)
    for new, target in appends:
        if new.is_file():
            _append(new, target)
    _sync_folders([*(target for _, target in [*moves, *appends]), *(target for (target,) in removals)])
    _remove(root / PLAN)
    _remove(root / MARK)
    _remove_new_files(root)


def _files(root: Path, plan: object, key: str, n: int) -> list[tuple[Path, ...]]:
    """The files of one part of a plan, `n` that belong together; nothing outside of the project is believed."""
    value = plan.get(key) if isinstance(plan, dict) and plan.get("version") == VERSION else None
    found = []
    for item in value if isinstance(value, list) else [None]:
        texts = item if isinstance(item, list) else [item]
        paths = tuple(root / text for text in texts if isinstance(text, str) and ".." not in Path(text).parts)
        if len(paths) != n or any(not path.is_relative_to(root) for path in paths):
            raise ProjectError(f"{root / PLAN}: expected files of the project at '{key}', got {item!r}")
        found.append(paths)
    return found


def _replace(new: Path, target: Path) -> None:
    try:
        if not os.path.lexists(new):
            return  # in place already
        target.parent.mkdir(parents=True, exist_ok=True)
        _move(new, target)
    except PermissionError as error:
        raise StorageError(
            f"cannot replace {target}: another program holds it open (Excel?); close it and open the project again"
        ) from error
    except OSError as error:
        raise storage_error(error, target) from error


def _move(new: Path, target: Path) -> None:
    """As `Path.replace`, also where a folder of the study is a link to another disk."""
    try:
        new.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        place = target.with_name(f"{PREFIX}{target.name}")  # a copy that is interrupted is made anew
        if new.is_dir() and not new.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(new, place)
            place.replace(target)
            shutil.rmtree(new)
            return
        place.unlink(missing_ok=True)
        shutil.copyfile(new, place, follow_symlinks=False)
        if not place.is_symlink():
            _sync(place)
        place.replace(target)
        new.unlink()


def _require_possible(target: Path) -> None:
    """Have a change fail before it is decided: afterwards it could be neither finished nor taken back.

    Raises:
        StorageError: something is in the way of `target`, or its folder cannot be written into.
    """
    if target.is_dir() and not target.is_symlink():
        raise StorageError(f"expected a file or nothing at {target}, got a folder; rename or move it, then try again")
    folder = _there(target)
    if not folder.is_dir():
        raise StorageError(f"expected a folder or nothing at {folder}, got a file; rename or move it, then try again")
    if not os.access(folder, os.W_OK):
        raise StorageError(f"cannot write into {folder}; make it writable, then try again")


def _require_space(moves: Sequence[tuple[Path, Path]]) -> None:
    """Likewise where files have to be copied to another disk.

    Raises:
        StorageError: they do not fit there.
    """
    needed: dict[int, tuple[int, Path]] = {}
    for new, target in moves:
        folder, own = _there(target), os.lstat(new)
        disk = folder.stat().st_dev
        if disk != own.st_dev:
            needed[disk] = needed.get(disk, (0, folder))[0] + own.st_size, folder
    for n_bytes, folder in needed.values():
        if shutil.disk_usage(folder).free < n_bytes + SPARE_BYTES:
            raise storage_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), folder)


def _there(target: Path) -> Path:
    """The folder of `target`, or the nearest one above that is there."""
    return next(path for path in target.parents if os.path.lexists(path))


def _remove(target: Path) -> None:
    try:
        target.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, target) from error


def _remove_new_files(root: Path) -> None:
    """What a change that came to nothing has left, or the empty folder of one that is made."""
    shutil.rmtree(root / NEW_FILES, ignore_errors=True)


def _append(new: Path, target: Path) -> None:
    try:
        with target.open("ab") as file:
            file.write(new.read_bytes())
            file.flush()
            os.fsync(file.fileno())
        new.unlink()
    except OSError as error:
        raise storage_error(error, target) from error


def _sync_folders(paths: Sequence[Path]) -> None:
    for folder in dict.fromkeys(path.parent for path in paths):
        sync_folder(folder)


def _sync(path: Path) -> None:
    try:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise storage_error(error, path) from error
