"""Which files are the results of which video and run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from markerless.pipeline.result_list import all_runs, results_of, summary_of
from markerless.project import Project
from recalled import Known, add_run, pictures_of

MakeStudy = Callable[..., Project]


@pytest.fixture
def study(dot_study: MakeStudy) -> Project:
    project = dot_study(3)
    (project.root / "videos").mkdir(exist_ok=True)
    known = Known(pictures_of(project), np.asarray(project.labels().xy()[:, 0]))
    for name in ("run1", "run10"):
        add_run(project, name, known, {"train": project.labels().images})
    return project


def touch(folder: Path, name: str, age_s: float = 0) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (1e9 - age_s, 1e9 - age_s))
    return path


def test_files_of_one_analysis_are_one_result(study: Project) -> None:
    """Videos mouse and mouse2; run1 and run10 begin alike; a filter was applied to one; another tool wrote one."""
    videos = study.root / "videos"
    video = touch(videos, "mouse.mp4")
    touch(videos, "mouse2.mp4")
    one, ten = (study.run(name).scorer for name in ("run1", "run10"))
    expected = [touch(videos, f"mouse{one}{suffix}", 60) for suffix in (".nc", ".h5", ".csv")]
    touch(videos, f"mouse{ten}.csv", 50)
    touch(videos, f"mouse{one}_filtered.csv", 40)
    touch(videos, "mouseDLC_resnet50_shuffle1.h5", 30)
    touch(videos, f"mouse2{one}.nc")
    labeled = touch(videos, f"mouse{one}_labeled.mp4")
    drawn = touch(videos, f"mouse{one}_filtered_labeled.mp4")
    found = results_of(study, video)
    assert [(r.run, r.is_filtered, r.scorer) for r in found.results] == [
        ("", False, "DLC_resnet50_shuffle1"),
        ("run1", True, f"{one}_filtered"),
        ("run10", False, ten),
        ("run1", False, one),
    ]
    assert found.results[3].files == tuple(expected)
    assert [r.labeled for r in found.results] == [None, drawn, None, labeled]
    assert len(found.files) == 8
    assert results_of(study, video, lambda path: path.suffix == ".h5").results[1].files == (expected[1],)


def test_figures_lie_in_a_folder_of_the_video(study: Project) -> None:
    video = touch(study.root / "videos", "mouse.mp4")
    folder = video.parent / "plot-poses" / "mouse"
    figures = [touch(folder, name) for name in ("jumps.png", "position.png")]
    assert results_of(study, video).page is None  # not finished
    page = touch(folder, "plots.html")
    found = results_of(study, video)
    assert (found.page, found.figures, found.results) == (page, tuple(figures), ())
    assert found.files == (page, *figures)


def test_a_folder_of_images_has_results_beside_it(study: Project) -> None:
    folder = study.root / "videos" / "walk.1"
    touch(folder, "img0.png")
    result = touch(study.root / "videos", f"walk.1{study.run('run1').scorer}.h5")
    assert [r.files for r in results_of(study, folder).results] == [(result,)]


def test_what_is_known_of_runs(study: Project) -> None:
    newest, oldest = all_runs(study)
    assert (newest.name, oldest.name) == ("run10", "run1")
    assert (summary_of(newest).split, summary_of(newest).report) == ("", None)
    (newest.folder / "evaluation.json").write_text(
        '{"splits": {"train": {"mean_px": 1}, "test": null, "crossfit": {"mean_px": 4}}}', encoding="utf-8"
    )
    page = touch(newest.folder, "report.html")
    found = summary_of(newest)
    assert (found.split, found.errors, found.report) == ("crossfit", {"mean_px": 4}, page)
