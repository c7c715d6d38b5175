"""The files that `kinematics` writes: tables beside the tracks, figures and their page where `plot` has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

from markerless.core.storage import atomic_path
from markerless.core.video import video_stem
from markerless.errors import SettingsError
from markerless.pipeline.colors import colors_beside
from markerless.pipeline.results import PLOTS_FOLDER
from markerless.report.kinematics_figures import figures_of, page_of
from markerless.report.kinematics_tables import Motion, region_rows, summary, visit_rows, write_rows, write_values
from markerless.report.page import figure_png

PAGE_NAME = "kinematics.html"
VISIT_COLUMNS = ("individual", "keypoint", "region", "visit", "start_frame", "stop_frame", "n_missing", "is_entry")


@dataclass(frozen=True)
class KinematicsFiles:
    """Where the files of one file of tracks go.

    Attributes:
        source: The tracks.
        folder: Of the tables.
        plots: Of the figures.
    """

    source: Path
    folder: Path
    plots: Path

    @classmethod
    def of(cls, source: Path, video: Path | None, out: Path | str | None) -> KinematicsFiles:
        """Beside the tracks, or in `out`; figures are named by the video where it is known."""
        folder = Path(out) if out is not None else source.absolute().parent
        return cls(source, folder, folder / PLOTS_FOLDER / (video_stem(video) if video is not None else source.stem))

    def beside(self, taken: Sequence[KinematicsFiles]) -> KinematicsFiles:
        """The same, with figures in a folder of their own where those of `taken` go to the same.

        Raises:
            SettingsError: tables of one of them would be written over.
        """
        table = self._table("_kinematics")
        for other in taken:
            if _spelled(other._table("_kinematics")) == _spelled(table):
                raise SettingsError(
                    f"expected files of different names, got {other.source} and {self.source}: both tables would be "
                    f"{table}; measure them one by one, each with its own --out"
                )
        used = {_spelled(other.plots) for other in taken}
        stem = self.source.stem
        names = chain([self.plots.name, stem], (f"{stem}_{number}" for number in count(2)))
        folders = (self.plots.with_name(name) for name in names)
        return replace(self, plots=next(folder for folder in folders if _spelled(folder) not in used))

    def write(self, motion: Motion, size: tuple[int, int] | None, notes: Sequence[str]) -> list[Path]:
        """Write tables, figures and the page; tell which.

        Args:
            motion: What was measured.
            size: Width and height of the video in pixels; None when it is not known.
            notes: For the page.

        Raises:
            StorageError: a file cannot be written.
        """
        individuals, pace = motion.tracks.individuals, motion.pace
        written = [self._table("_kinematics"), self._table("_kinematics_summary")]
        write_values(written[0], motion.quantities, individuals, pace)
        write_rows(written[1], summary(motion.quantities, individuals, pace))
        if motion.stays:
            written += [self._table("_regions"), self._table("_visits")]
            write_rows(written[2], region_rows(motion.stays, pace))
            write_rows(written[3], visit_rows(motion.stays, pace), VISIT_COLUMNS)
        pictures = []
        colors = colors_beside(self.source, motion.tracks.skeleton.keypoints)
        for name, (figure, caption) in figures_of(motion, size, colors).items():
            pictures.append((figure_png(figure), caption))
            with atomic_path(self.plots / f"{name}.png") as temporary:
                temporary.write_bytes(pictures[-1][0])
            written.append(self.plots / f"{name}.png")
        page = self.plots / PAGE_NAME
        page_of(motion, pictures, f"Motion in {self.source.name}", notes).write(page)
        return [*written, page]

    def _table(self, ending: str) -> Path:
        return self.folder / f"{self.source.stem}{ending}.csv"


def _spelled(path: Path) -> str:
    """The same for paths that are one on disks that do not tell case apart."""
    return str(path.absolute()).lower()
