"""Where the results of a video are: `<video><scorer>.h5`, `.csv` and `.nc`, written together or not at all."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markerless.core.tracks import Tracks
from markerless.core.video import video_stem
from markerless.errors import FormatError, SettingsError, StorageError

# The nc goes into place last, because its provenance vouches for the other two.
WRITERS = ("markerless.formats.dlc", "markerless.formats.movement", "h5netcdf")
SUFFIXES = (".h5", ".csv", ".nc")


@dataclass(frozen=True)
class ResultFiles:
    """One video and where its results go.

    Attributes:
        video: The video file or folder of images.
        files: h5, csv and nc.
        partial: Folder of what is finished while the analysis is not.
    """

    video: Path
    files: tuple[Path, ...]
    partial: Path

    @classmethod
    def of(cls, video: Path, scorer: str, out: Path | str | None = None) -> ResultFiles:
        """The results that `scorer` has of `video`, beside it or in `out`."""
        folder = video.absolute().parent if out is None else Path(out).absolute()
        stem = video_stem(video.absolute())
        files = tuple(folder / f"{stem}{scorer}{suffix}" for suffix in SUFFIXES)
        return cls(video, files, folder / f".{stem}{scorer}.partial")

    def provenance(self) -> dict[str, Any] | None:
        """How the results were made; None unless all files are there and the nc can be read."""
        if not all(file.is_file() for file in self.files):
            return None
        from markerless.formats import movement

        try:
            return movement.read(self.files[-1]).provenance
        except FormatError:  # not ours, or damaged
            return None

    def write(self, tracks: Tracks) -> None:
        """Write every file whole in the folder `partial`, then move all of them: never files of two analyses together.

        Raises:
            StorageError: no space left, or a file is held open by another program.
        """
        from markerless.formats import dlc, movement

        staged = [self.partial / file.name for file in self.files]
        for path, file in zip(staged, self.files, strict=True):
            if file.suffix == ".nc":
                movement.write(tracks, path)
            else:
                dlc.write(tracks, path, place=file)
        file = self.files[-1]
        try:
            file.unlink(missing_ok=True)  # it vouches for the other two, which are about to change
            for path, file in zip(staged, self.files, strict=True):
                path.replace(file)
        except OSError as error:
            raise StorageError(
                f"cannot replace {file}: {error.strerror}; if another program holds it open (Excel?), close it and run "
                f"the same command again. The new files are kept in {self.partial}"
            ) from error


def load_writers() -> threading.Thread:
    """Load the libraries that write results in a thread of its own, while the network computes.

    Whoever writes first waits for the rest of it anyway.
    """

    def load() -> None:
        for name in WRITERS:
            with suppress(ImportError):  # said where it is needed
                importlib.import_module(name)

    thread = threading.Thread(target=load, name="writers", daemon=True)
    thread.start()
    return thread


def refuse_twins(targets: Sequence[ResultFiles]) -> None:
    """Make sure that no two videos have results of the same name.

    Raises:
        SettingsError: two have.
    """
    seen: dict[str, Path] = {}
    for target in targets:
        name = str(target.files[0]).lower()  # some disks do not tell case apart
        if name in seen:
            raise SettingsError(
                f"expected videos of different names, got {seen[name]} and {target.video}: both results would be "
                f"{target.files[0]}; analyze them one by one, each with its own --out"
            )
        seen[name] = target.video
