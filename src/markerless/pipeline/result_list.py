"""What has come out of a study so far: the results of each video, and what is known of each run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markerless.core.video import VIDEO_SUFFIXES, natural_key, video_stem
from markerless.errors import RunError
from markerless.pipeline.evaluate import REPORT_FILE
from markerless.pipeline.evaluation import TELLING
from markerless.pipeline.kinematics_files import PAGE_NAME as KINEMATICS_PAGE
from markerless.pipeline.plot import PAGE_NAME
from markerless.pipeline.results import (
    LABELED,
    PLOTS_FOLDER,
    RESULT_SUFFIXES,
    TABLES,
    files_of,
    is_table,
    result_folders,
)
from markerless.project import Project, Run
from markerless.project.run import EVALUATION_FILE

FILTERED = "_filtered"
PAGES = (PAGE_NAME, KINEMATICS_PAGE)


@dataclass(frozen=True)
class Result:
    """One analysis of a video, in one or more files of the same name.

    Attributes:
        name: Of the files, without suffix: `<video><scorer>`, with what a filter added.
        run: The study's run that made it; "" when it came from elsewhere.
        scorer: Name of the network, with what a filter added.
        files: Trajectories, the native one first.
        labeled: The video with these trajectories drawn into it; None when there is none.
        tables: What `kinematics` measured of these trajectories.
    """

    name: str
    run: str
    scorer: str
    files: tuple[Path, ...]
    labeled: Path | None
    tables: tuple[Path, ...] = ()

    @property
    def is_filtered(self) -> bool:
        return self.name.endswith(FILTERED)

    @property
    def newest_s(self) -> float:
        """When its trajectories were written."""
        return max(path.stat().st_mtime for path in self.files)


@dataclass(frozen=True)
class VideoResults:
    """A video of the study and what there is of it.

    Attributes:
        video: A file, or a folder of images.
        results: The newest first.
        page: The page with the figures of the newest `plot`; None when there is none.
        figures: PNG files of that page.
    """

    video: Path
    results: tuple[Result, ...]
    page: Path | None
    figures: tuple[Path, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """All of it: trajectories, labeled videos, figures."""
        found = [p for r in self.results for p in (*r.files, *r.tables, *((r.labeled,) if r.labeled else ()))]
        return (*found, *((self.page,) if self.page is not None else ()), *self.figures)


@dataclass(frozen=True)
class RunSummary:
    """What is known of a run without opening its model.

    Attributes:
        run: The run.
        report: The page of its evaluation; None when it was not evaluated.
        split: Which of its splits tells most: "test", else "crossfit" or "train"; "" when it was not evaluated.
        errors: The figures of that split as in `evaluation.json`.
    """

    run: Run
    report: Path | None
    split: str
    errors: dict[str, Any]


def results_of(project: Project, video: Path, accepts: Callable[[Path], bool] | None = None) -> VideoResults:
    """What there is of a video.

    Args:
        project: The study.
        video: One of its videos.
        accepts: Whether a file that is named as tracks are holds some; by default the name decides.
    """
    stem = video_stem(video)
    runs = {f"{stem}{project.run(name).scorer}": name for name in project.runs()}
    beside = [path for path in files_of(video) if path.is_file()]
    labeled = {path.stem.removesuffix(LABELED): path for path in beside if _is_labeled_video(path)}
    tables = [path for path in beside if is_table(path)]
    by_name: dict[str, list[Path]] = {}
    for path in sorted(set(beside) - set(tables), key=lambda path: path.suffix.lower()):
        if path.suffix.lower() in RESULT_SUFFIXES and (accepts is None or accepts(path)):
            by_name.setdefault(path.stem, []).append(path)
    results = [
        Result(
            name=name,
            run=runs.get(name.removesuffix(FILTERED), ""),
            scorer=name.removeprefix(stem),
            files=tuple(sorted(paths, key=lambda path: RESULT_SUFFIXES.index(path.suffix.lower()))),
            labeled=labeled.get(name),
            tables=tuple(path for path in sorted(tables) if path.stem in {f"{name}{ending}" for ending in TABLES}),
        )
        for name, paths in by_name.items()
    ]
    page, figures = _plots(video)
    return VideoResults(video, tuple(sorted(results, key=lambda r: (-r.newest_s, r.name))), page, figures)


def summary_of(run: Run) -> RunSummary:
    """What the evaluation of a run has found; a damaged file counts as none."""
    report = run.folder / REPORT_FILE
    try:
        splits = json.loads((run.folder / EVALUATION_FILE).read_text(encoding="utf-8"))["splits"]
        told = next((name for name in TELLING if isinstance(splits.get(name), dict)), "")
        errors = splits[told] if told else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        told, errors = "", {}
    return RunSummary(run, report if report.is_file() else None, told, errors)


def all_runs(project: Project) -> list[Run]:
    """Every finished run, the newest first; one that was damaged meanwhile is left out."""
    found = []
    for name in reversed(project.runs()):
        try:
            found.append(project.run(name))
        except RunError:
            continue
    return found


def _is_labeled_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and path.stem.endswith(LABELED)


def _plots(video: Path) -> tuple[Path | None, tuple[Path, ...]]:
    for page in (folder / name for folder in _plot_folders(video) for name in PAGES):
        folder = page.parent
        if page.is_file():
            return page, tuple(sorted(folder.glob("*.png"), key=lambda path: natural_key(path.name)))
    return None, ()


def _plot_folders(video: Path) -> Sequence[Path]:
    return [folder / PLOTS_FOLDER / video_stem(video) for folder in result_folders(video)]
