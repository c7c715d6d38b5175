"""Labels and predictions side by side, with stated errors whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from markerless.core.instance import Instance
from markerless.core.labels import Labels
from markerless.pipeline.evaluate import evaluate
from markerless.pipeline.measured import Measured, measure_run, tolerance_of
from markerless.pipeline.predict import Predicted
from markerless.project import Project, Run

MakeStudy = Callable[..., Project]
TOLERANCE = 4.0


def certain(labels: Labels) -> Predicted:
    """Even frames are 3 px off and say so; odd frames are 5 px off and say 10 px, and that they are probably bad."""
    odd = np.arange(len(labels))[:, None] % 2 == 1
    shape = (len(labels), labels.skeleton.n_keypoints)
    off = np.where(odd, 5.0, 3.0)
    xy = labels.xy()[:, 0] + np.stack([off, np.zeros_like(off)], axis=-1)
    return Predicted(
        xy,
        score=np.broadcast_to(np.where(odd, 0.25, 1.0), shape),
        precision="f32",
        expected_error=np.broadcast_to(np.where(odd, 10.0, 3.0), shape),
        upper_90=np.broadcast_to(np.where(odd, 4.0, 4.0), shape),
    )


def test_stated_errors_are_judged_in_each_split(dot_study: MakeStudy) -> None:
    """Test: frames 2 and 3, one of each kind. Found within 4 px are all and none of the points, stated 1 and 0.25."""
    labels = dot_study(4).labels()
    images = list(labels.images)
    split = {"train": images[:2], "validation": [], "test": images[2:]}
    told = Measured.of(labels, certain(labels), split, TOLERANCE).evaluation("run1", "dots")
    found = told.calibration["test"]
    assert found is not None
    assert found.n_points == 6
    np.testing.assert_allclose(found.reliability.stated, [0.25, 1])
    np.testing.assert_allclose(found.reliability.found, [0, 1])
    assert found.calibration_error == pytest.approx(0.125)
    np.testing.assert_allclose(found.expected.stated, [3, 10])
    np.testing.assert_allclose(found.expected.found, [3, 5])
    assert found.within_upper_90 == 0.5
    value = json.loads(json.dumps(told.to_json(), allow_nan=False))["splits"]
    assert value["test"]["calibration"]["n_points"] == 6
    assert value["train"]["calibration"]["n_points"] == 6
    assert value["validation"] is None
    stated = [line for line in told.lines() if line.startswith("stated errors (test): ")]
    assert len(stated) == 3
    assert "within 4.0 px are off by 0.125" in stated[0]


@pytest.mark.parametrize("missing", ["expected_error", "upper_90", "tolerance"])
def test_where_nothing_is_stated_nothing_is_judged(dot_study: MakeStudy, missing: str) -> None:
    labels = dot_study(4).labels()
    predicted, tolerance = certain(labels), None if missing == "tolerance" else TOLERANCE
    if missing != "tolerance":
        predicted = replace(predicted, **{missing: None})
    told = Measured.of(labels, predicted, {"all": list(labels.images)}, tolerance).evaluation("run1", "dots")
    value = told.to_json()["splits"]["all"]
    assert "calibration" in value
    assert value["calibration"] is None
    assert not any("stated" in line for line in told.lines())


def test_points_without_a_statement_or_a_label_are_not_judged(dot_study: MakeStudy) -> None:
    labels = dot_study(4).labels()
    predicted = certain(labels)
    assert predicted.expected_error is not None
    expected = predicted.expected_error.copy()
    expected[0, 0] = np.nan
    measured = Measured.of(labels, replace(predicted, expected_error=expected), {"all": list(labels.images)}, TOLERANCE)
    measured.labeled[1, 2] = np.nan
    stated = measured.stated_errors("all")
    assert stated is not None
    assert len(stated.error) == 10
    nothing = replace(predicted, expected_error=np.full_like(expected, np.nan))
    told = Measured.of(labels, nothing, {"all": list(labels.images)}, TOLERANCE).evaluation("run1", "dots")
    assert told.calibration["all"] is None


def test_evaluate_judges_a_calibrated_run(
    dot_study: MakeStudy, with_run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tolerance is the run's; the page has three figures more."""
    project = dot_study(4)
    images = list(project.labels().images)
    with_run(project, {"train": images[:1], "validation": [], "test": images[1:]})
    assert tolerance_of(project.run()) is None
    without = evaluate(project).report
    assert without is not None
    plain = without.read_text(encoding="utf-8")
    toml = project.run_folder("run1") / "run.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + f"[calibration]\ntolerance_px = {TOLERANCE}\n", encoding="utf-8")

    def predict(run: Run, labels: Labels, **_: object) -> Predicted:
        return certain(labels)

    monkeypatch.setattr("markerless.pipeline.measured.predict_frames", predict)
    run = project.run()
    measured = measure_run(run, project.labels(), run.split)
    assert measured.tolerance_px == TOLERANCE
    told = evaluate(project)
    assert told.calibration["test"] is not None
    value = json.loads((project.run_folder("run1") / "evaluation.json").read_text(encoding="utf-8"))
    assert value["splits"]["test"]["calibration"]["tolerance_px"] == TOLERANCE
    assert told.report is not None
    page = told.report.read_text(encoding="utf-8")
    assert "Are the stated errors true? (test)" in page
    assert "Are the stated errors true?" not in plain
    assert page.count("<img") == plain.count("<img") + 3


@pytest.mark.parametrize(("missing", "said"), [("absent", [0.25, 1.0, 1.0, 1.0]), ("unknown", [1.0, 1.0, 1.0])])
def test_absent_is_what_it_was_in_training(
    missing: str,
    said: list[float],
    dot_study: MakeStudy,
    with_run: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frame 1 has no point of the third keypoint, frame 2 no animal at all: that nobody can take for unknown."""
    project = dot_study(4)
    labels = project.labels()
    frames = list(labels.frames)
    xy = frames[1].instances[0].xy.copy()
    xy[2] = np.nan
    frames[1] = replace(frames[1], instances=(Instance.from_xy(xy),))
    frames[2] = replace(frames[2], instances=())
    labels = replace(labels, frames=tuple(frames))
    with_run(project, {"train": [], "validation": [], "test": list(labels.images)})
    monkeypatch.setattr("markerless.pipeline.measured.predict_frames", lambda run, labels, **_: certain(labels))
    run = project.run()
    run = replace(run, settings=run.settings | {"data": {"missing": missing}})
    assert measure_run(run, labels, run.split).said_of_absent("test").tolist() == said
