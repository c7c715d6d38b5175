from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from markerless.errors import LabelsError, RunError
from markerless.pipeline.evaluate import EvaluateRequest, evaluate
from markerless.project import Project

MakeStudy = Callable[..., Project]
FIRST_PIXEL_PX = 5.0  # the model of `with_run` finds the topmost pixel of a circle of radius 5: 5 px above its center


def prediction_file(path: Path, project: Project, offset: tuple[float, float], by_image: bool) -> Path:
    """Predictions that are all off by `offset`; one row per image, or per frame number."""
    names = project.skeleton.keypoints
    rows = [
        ",".join(["scorer", *["tool"] * 9]),
        ",".join(["bodyparts", *[name for name in names for _ in range(3)]]),
        ",".join(["coords", *["x", "y", "likelihood"] * 3]),
    ]
    for i, frame in enumerate(project.labels().frames):
        values = [v for x, y in frame.instances[0].xy + np.array(offset) for v in (x, y, 0.9)]
        rows.append(",".join([frame.image if by_image else str(i), *(f"{v:.3f}" for v in values)]))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("by_image", [True, False], ids=["by image", "by frame number"])
def test_any_tools_predictions_are_measured(dot_study: MakeStudy, tmp_path: Path, by_image: bool) -> None:
    project = dot_study()
    file = prediction_file(tmp_path / "m1_other.csv", project, (3.0, 4.0), by_image)
    told = evaluate(project, EvaluateRequest(predictions=file)).all
    assert told is not None
    assert (told.n_frames, told.n_points) == (5, 15)
    for value in (told.mean_px, told.median_px, told.rmse_px, told.p95_px, told.max_px):
        assert value == pytest.approx(5.0, abs=1e-3)
    assert told.per_keypoint == pytest.approx(dict.fromkeys(project.skeleton.keypoints, 5.0), abs=1e-3)


def test_predictions_are_measured_by_the_parts_of_a_split(dot_study: MakeStudy, tmp_path: Path) -> None:
    project = dot_study()
    images = project.labels().images
    split = tmp_path / "split.json"
    split.write_text(json.dumps({"train": images[:3], "test": images[3:]}), encoding="utf-8")
    file = prediction_file(tmp_path / "m1.csv", project, (0.0, 2.0), True)
    told = evaluate(project, EvaluateRequest(predictions=file, split=split))
    assert told.train is not None
    assert told.test is not None
    assert (told.train.n_frames, told.test.n_frames, told.validation) == (3, 2, None)
    assert told.test.mean_px == pytest.approx(2.0, abs=1e-3)


def test_a_run_is_measured_on_its_own_split(dot_study: MakeStudy, with_run: Callable[..., None]) -> None:
    project = dot_study()
    images = list(project.labels().images)
    with_run(project, {"train": images[1:], "validation": [], "test": images[:1]})
    told = evaluate(project)
    assert told.train is not None
    assert told.validation is None
    assert told.train.n_frames == 4
    inside = told.train.per_keypoint
    assert all(0 <= value <= 2 * FIRST_PIXEL_PX for value in inside.values())
    value = json.loads((project.run_folder("run1") / "evaluation.json").read_text(encoding="utf-8"))
    assert set(value) >= {"run", "labels", "animal_size_px", "splits"}
    assert set(value["splits"]) == {"train", "validation", "test"}
    assert value["splits"]["validation"] is None
    assert set(value["splits"]["train"]) == {
        "n_frames", "n_points", "mean_px", "median_px", "rmse_px", "p95_px", "max_px", "gross", "per_keypoint", "pck",
    }  # fmt: skip
    assert set(value["splits"]["train"]["pck"]) == {"0.05", "0.1", "0.2"}


def test_the_report_is_one_file_that_loads_nothing(dot_study: MakeStudy, with_run: Callable[..., None]) -> None:
    project = dot_study()
    with_run(project, {"train": list(project.labels().images)})
    report = evaluate(project).report
    assert report is not None
    page = report.read_text(encoding="utf-8")
    assert "data:image/png;base64" in page
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", page)
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)


def test_a_run_is_measured_on_other_labels(dot_study: MakeStudy, with_run: Callable[..., None]) -> None:
    project, other = dot_study(), dot_study(3, "other")
    with_run(project, {"train": list(project.labels().images)})
    table = other.root / "labeled-data" / "m1" / "CollectedData_Ann.csv"
    for where in (other.root, other.root / "config.yaml", table, table.parent):
        told = evaluate(project, EvaluateRequest(labels=where)).all
        assert told is not None
        assert told.n_frames == 3
    assert not (project.run_folder("run1") / "evaluation.json").exists()


def test_what_does_not_fit_is_said(dot_study: MakeStudy, with_run: Callable[..., None], tmp_path: Path) -> None:
    project = dot_study()
    file = prediction_file(tmp_path / "m1.csv", project, (0, 0), True)
    file.write_text(
        file.read_text(encoding="utf-8").replace("labeled-data/m1/img", "labeled-data/m1/x"), encoding="utf-8"
    )
    with pytest.raises(LabelsError, match="no labeled frame is in"):
        evaluate(project, EvaluateRequest(predictions=file))
    with_run(project, {"train": list(project.labels().images)})
    with pytest.raises(LabelsError, match="no labels at"):
        evaluate(project, EvaluateRequest(labels=tmp_path / "none"))
    with pytest.raises(RunError, match="no run 'x'"):
        evaluate(project, EvaluateRequest(run="x"))
