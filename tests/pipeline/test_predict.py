"""Keypoints of labeled pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from make_model import color_finder, expected_errors
from markerless.pipeline.predict import PicturePredictor, predict_frames
from markerless.project import Project, Run
from markerless.runtime.engine import EngineOptions, Session, open_session
from markerless.video.images import read_image, write_image

MakeStudy = Callable[..., Project]
AddRun = Callable[[Project, dict[str, list[str]]], None]
STRENGTH = 250  # of the dots of the study
FACTOR = 2.5


@pytest.fixture
def study(dot_study: MakeStudy, with_run: AddRun) -> Project:
    project = dot_study()
    with_run(project, {"train": list(project.labels().images)})
    return project


def calibrated(run: Run) -> Run:
    """The same run with this table in its file."""
    path = run.folder / "run.toml"
    table = f"[calibration]\ntolerance_px = 4.0\nupper_90 = {FACTOR}\n"
    path.write_text(path.read_text(encoding="utf-8") + table, encoding="utf-8")
    return Run.open(run.folder)


def test_without_expected_errors_there_are_none(study: Project) -> None:
    """Whatever the run's file says: the model gives none."""
    for run in (study.run(), calibrated(study.run())):
        found = predict_frames(run, study.labels())
        assert found.xy.shape == (5, 3, 2)
        np.testing.assert_allclose(found.score, STRENGTH / 255, rtol=1e-6)
        assert (found.expected_error, found.upper_90) == (None, None)


def test_expected_errors_and_what_nine_in_ten_do_not_exceed(study: Project) -> None:
    color_finder(study.run().model, has_error=True)
    expected = np.repeat(expected_errors(STRENGTH)[None], 5, axis=0)
    found = predict_frames(study.run(), study.labels())
    np.testing.assert_array_equal(found.expected_error, expected)
    assert found.upper_90 is None  # it was not learned
    found = predict_frames(calibrated(study.run()), study.labels())
    np.testing.assert_array_equal(found.expected_error, expected)
    np.testing.assert_array_equal(found.upper_90, FACTOR * expected)


def test_every_machine_is_asked_for_full_precision(study: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its processor has: an error is to be the same on all of them."""
    asked = []

    def opening(engine: str, model: Path, options: EngineOptions, n_keypoints: int) -> Session:
        asked.append(options.precision)
        return open_session(engine, model, options, n_keypoints)

    monkeypatch.setattr("markerless.pipeline.predict.open_session", opening)
    assert predict_frames(study.run(), study.labels()).precision == "f32"
    predictor = PicturePredictor(study.run())
    predictor.predict(study.labels().frames[0].picture)
    predictor.close()
    assert asked == ["f32", "f32"]


def test_single_pictures_are_predicted_as_all_together(study: Project) -> None:
    color_finder(study.run().model, has_error=True)
    labels = study.labels()
    together = predict_frames(study.run(), labels)
    predictor = PicturePredictor(study.run())
    alone = [predictor.predict(frame.picture) for frame in labels.frames]
    np.testing.assert_array_equal(np.concatenate([found.xy for found in alone]), together.xy)
    errors = [found.expected_error for found in alone if found.expected_error is not None]
    np.testing.assert_allclose(np.concatenate(errors), together.expected_error)
    smaller = labels.frames[0].picture.with_name("smaller.png")
    image = read_image(labels.frames[0].picture)
    write_image(smaller, np.ascontiguousarray(image[:-10]))
    assert predictor.predict(smaller).xy.shape == (1, 3, 2)
    predictor.close()
