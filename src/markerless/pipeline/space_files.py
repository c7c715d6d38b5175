"""The files of a result in space: how they are called, what they must not replace, and writing them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from markerless.core.camera import Calibration
from markerless.core.file_names import file_parts
from markerless.core.tracks import Tracks
from markerless.core.views import Views
from markerless.errors import MarkerlessError, StorageError
from markerless.formats import anipose, movement
from markerless.formats._movement_parts import open_space
from markerless.multiview.files import anipose_toml
from markerless.pipeline.seen_points import Source
from markerless.pipeline.space_sources import RIG_END, SOURCES, sources_of

_BETWEEN = "_-. "  # words of a file's name
_SHORTEST = 3  # letters that tell which recording it is
_NO_NAME = "points"


@dataclass(frozen=True)
class Cameras:
    """The cameras of a result, and where they are from.

    Attributes:
        calibration: As they were used.
        changed: Whether they were found, repaired, scaled or moved here.
        file: That they were read from; None where they were not read.
    """

    calibration: Calibration
    changed: bool
    file: Path | None = None


@dataclass(frozen=True)
class Target:
    """Where a result is written.

    Attributes:
        path: Without suffix.
        may_replace: Whether an older result of anything may be replaced there: the user gave that name, not a folder.
    """

    path: Path
    may_replace: bool

    @property
    def native(self) -> Path:
        """The result itself."""
        return _beside(self.path, ".nc")

    @property
    def table(self) -> Path:
        """Its table, where it is of one animal."""
        return _beside(self.path, ".csv")

    @property
    def rig(self) -> Path:
        """Its cameras."""
        return _beside(self.path, RIG_END)


def target_of(out: Path | str | None, files: Mapping[str, Source]) -> Target | None:
    """Where to write; None when nothing is to be written, because everything came from memory.

    By default it is beside the first file, and the name is what the names of the files have in common at their
    beginning and at their end. `out` may be a folder, in which it is then.
    """
    paths = [Path(source) for source in files.values() if isinstance(source, Path | str)]
    name = f"{_common([path.stem for path in paths])}_3d"
    if out is None:
        return Target(paths[0].parent / name, may_replace=False) if paths else None
    path = Path(out)
    if path.is_dir() or path.name in ("", "..") or str(out).endswith(("/", os.sep)):
        return Target(path / name, may_replace=False)
    return Target(path.with_suffix("") if path.suffix.lower() in (".nc", ".csv") else path, may_replace=True)


def _common(stems: Sequence[str]) -> str:
    """What names have in common: session1 of back_session1 and side_session1, walk_cam of walk_cam0 and walk_cam1."""
    if not stems:
        return _NO_NAME
    begin = _same_letters(stems)
    end = "" if len(set(stems)) == 1 else _end(stems, min(map(len, stems)) - len(begin))
    common = "_".join(part for part in (begin.strip(_BETWEEN), end.strip(_BETWEEN)) if part)
    return common if len(common) >= _SHORTEST else _NO_NAME


def _same_letters(texts: Sequence[str]) -> str:
    same = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False))
    return "".join(letters[0] for letters in same)


def _end(stems: Sequence[str], longest: int) -> str:
    """The whole words that all end in: not the t of left and right, but what follows the numbers of cam0 and cam1."""
    same = len(_same_letters([stem[::-1] for stem in stems]))
    for size in range(min(same, longest), 0, -1):
        end = stems[0][-size:]
        before = [stem[:-size][-1:] for stem in stems]
        numbered = all(letter.isdigit() for letter in before) and not end[0].isdigit()
        if end[0] in _BETWEEN or numbered or all(letter in _BETWEEN for letter in before):
            return end
    return ""


def require_free(
    target: Target, files: Mapping[str, Source], cameras: Path | None = None, is_changed: bool = False
) -> None:
    """Refuse, before anything is computed, a place where nothing can be written or where something would be lost.

    Args:
        target: Where to write.
        files: Camera -> what the result will be made of.
        cameras: Their file; None where they are not read from one.
        is_changed: Whether the result will have others.

    Raises:
        StorageError: it is such a place.
    """
    _require_place(target)
    sources = {Path(one).resolve() if isinstance(one, Path | str) else None for one in files.values()}
    for path in (target.native, target.table):
        if path.resolve() in sources:
            raise StorageError(f"cannot write {path}: the points are made of it; name the result with --out")
    is_rig = cameras is not None and cameras.exists() and target.rig.exists() and target.rig.samefile(cameras)
    if is_rig and is_changed:
        raise StorageError(
            f"cannot write {target.rig}: the cameras are read from it, and the result has others; name the result "
            "with --out"
        )
    if not target.may_replace:
        _require_own(target, sources, (target.table,) if is_rig else (target.table, target.rig))


def _require_place(target: Target) -> None:
    """Refuse a place where nothing can be written.

    Raises:
        StorageError: no folder that can be written to, or folders that are called like the files.
    """
    folder = next((one for one in target.native.absolute().parents if one.exists()), None)
    if folder is None or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise StorageError(f"cannot write {target.native}: choose a writable folder with --out")
    for path in (target.native, target.table):
        if path.is_dir():
            raise StorageError(f"cannot write {path}: it is a folder; name the result with --out")


def _require_own(target: Target, sources: set[Path | None], others: Sequence[Path]) -> None:
    """Refuse a name that nobody chose, where something lies that is no older result of the same files.

    Args:
        target: Where to write.
        sources: What the new result will be made of.
        others: What belongs to a result that lies there, and without one to somebody else.
    """
    what = "name the new result with --out, or delete what is there"
    if target.native.exists():
        older = made_of(target.native)
        if older != sources:
            names = ", ".join(sorted(path.name for path in older if path is not None)[:3]) or "not known which"
            raise StorageError(f"{target.native} is there already, and was made of other files ({names}); {what}")
        return
    for path in others:
        if path.exists():
            raise StorageError(f"{path} is there already, without {target.native.name}; {what}")


def made_of(result: Path) -> set[Path | None]:
    """The files that a result was made of, None for points in memory; empty where that is not known."""
    if not result.is_file():
        return set()
    try:
        told = open_space(result).provenance
    except MarkerlessError:
        return set()
    sources = sources_of({SOURCES: told[SOURCES]} if SOURCES in told else told)  # older results: names alone
    return {(result.parent / one.file).resolve() if one.file else None for one in sources.values()}


def write_space(target: Target, tracks: Tracks, views: Views, cameras: Cameras) -> tuple[Path, ...]:
    """Write the points, a table of each animal, and the cameras where they changed or where older ones lie there.

    Raises:
        StorageError: a file cannot be written, or one of somebody else would be replaced under a name nobody chose.
    """
    tables = _tables(target, tracks.individuals)
    if not target.may_replace and not target.native.exists():  # the names of the animals were not known before
        _require_own(target, set(), tables)
    movement.write(tracks, target.native, views)
    for index, path in enumerate(tables):
        anipose.write(_of_animal(tracks, index), path, views.of_animal(index))
    if cameras.changed or (target.rig.exists() and not _holds(target.rig, cameras)):
        anipose_toml.write(cameras.calibration, target.rig)
        return (target.native, *tables, target.rig)
    return (target.native, *tables)


def _holds(rig: Path, cameras: Cameras) -> bool:
    """Whether a file has these cameras, and perhaps more: it is the one they were read from, or says the same."""
    if cameras.file is not None and cameras.file.exists() and rig.samefile(cameras.file):
        return True
    try:
        found = anipose_toml.read(rig)
    except MarkerlessError:
        return False
    there = {camera.name: anipose_toml.to_table(camera) for camera in found.cameras}
    own = cameras.calibration
    return found.unit == own.unit and all(there.get(one.name) == anipose_toml.to_table(one) for one in own.cameras)


def _tables(target: Target, individuals: Sequence[str]) -> list[Path]:
    """One for each animal; their names have no characters that a file's name may not have, and are different."""
    if len(individuals) == 1:
        return [target.table]
    return [_beside(target.path, f"_{part}.csv") for part in file_parts(individuals)]


def _beside(target: Path, end: str) -> Path:
    return target.with_name(f"{target.name}{end}")


def _of_animal(tracks: Tracks, index: int) -> Tracks:
    chosen = slice(index, index + 1)
    error = None if tracks.error is None else tracks.error[:, chosen]
    return replace(
        tracks,
        points=tracks.points[:, chosen],
        score=tracks.score[:, chosen],
        error=error,
        individuals=tracks.individuals[chosen],
    )
