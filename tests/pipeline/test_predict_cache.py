"""Answers are asked for once, and again when anything they depend on has changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from make_model import color_finder
from markerless.core.progress import Progress
from markerless.errors import LabelsError, RunError
from markerless.pipeline import predict_cache
from markerless.pipeline.predict import predict_frames
from markerless.pipeline.predict_cache import predict_cached
from markerless.project import Project

MakeStudy = Callable[..., Project]
AddRun = Callable[[Project, dict[str, list[str]]], None]


@pytest.fixture
def study(dot_study: MakeStudy, with_run: AddRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("MARKERLESS_CACHE", str(tmp_path / "cache"))
    project = dot_study()
    with_run(project, {"train": list(project.labels().images)})
    return project


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "predictions").glob("*"))


def asked() -> tuple[list[int], Progress]:
    """How many pictures each question was about, by the progress that is told."""
    totals: list[int] = []
    return totals, lambda _done, total, _text: totals.append(total)


def test_answers_are_those_of_the_network_and_asked_for_once(study: Project, tmp_path: Path) -> None:
    run, labels = study.run(), study.labels()
    told, progress = asked()
    expected = predict_frames(run, labels)
    for _ in range(2):
        found = predict_cached(run, labels, progress)
        np.testing.assert_array_equal(found.xy, expected.xy)
        np.testing.assert_array_equal(found.score, expected.score)
        assert found.precision == expected.precision
        assert found.expected_error is None
    assert told == [5] * 5
    assert len(files(tmp_path)) == 1


def test_only_what_is_new_or_changed_is_asked_for(study: Project) -> None:
    run, labels = study.run(), study.labels()
    predict_cached(run, labels.select(labels.images[:2]))
    told, progress = asked()
    assert len(predict_cached(run, labels.select(labels.images[::-1]), progress).xy) == 5
    assert told == [3] * 3
    picture = labels.frames[0].picture
    picture.write_bytes(labels.frames[4].picture.read_bytes())
    os.utime(picture, ns=(1, 1))
    told, progress = asked()
    found = predict_cached(run, labels, progress)
    assert told == [1]
    np.testing.assert_array_equal(found.xy[0], found.xy[4])


def test_another_model_is_asked_anew(study: Project, tmp_path: Path) -> None:
    run, labels = study.run(), study.labels()
    predict_cached(run, labels)
    color_finder(run.model, has_error=True)
    found = predict_cached(run, labels)
    assert found.expected_error is not None
    np.testing.assert_array_equal(found.expected_error, predict_frames(run, labels).expected_error)
    np.testing.assert_array_equal(predict_cached(run, labels).expected_error, found.expected_error)
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"no archive"])
def test_a_damaged_file_is_passed_over(study: Project, tmp_path: Path, content: bytes) -> None:
    run, labels = study.run(), study.labels()
    expected = predict_cached(run, labels)
    files(tmp_path)[0].write_bytes(content)
    np.testing.assert_array_equal(predict_cached(run, labels).xy, expected.xy)
    told, progress = asked()
    predict_cached(run, labels, progress)
    assert told == []  # it is whole again


def test_a_file_with_other_arrays_is_passed_over(study: Project, tmp_path: Path) -> None:
    run, labels = study.run(), study.labels()
    expected = predict_cached(run, labels)
    with files(tmp_path)[0].open("wb") as file:
        np.savez(file, keys=np.array(["a"]), xy=np.zeros(3), score=np.zeros(1), expected_error=np.zeros(0),
                 precision=np.array("f32"))  # fmt: skip
    np.testing.assert_array_equal(predict_cached(run, labels).xy, expected.xy)


def test_a_folder_that_cannot_be_written_does_not_matter(
    study: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("MARKERLESS_CACHE", str(tmp_path / "file" / "cache"))
    assert len(predict_cached(study.run(), study.labels()).xy) == 5


def test_models_that_were_not_asked_for_long_are_forgotten(
    study: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_cache, "MOST_MODELS", 1)
    run, labels = study.run(), study.labels()
    predict_cached(run, labels)
    first = files(tmp_path)[0]
    os.utime(first, ns=(1, 1))
    color_finder(run.model, has_error=True)
    predict_cached(run, labels)
    assert len(files(tmp_path)) == 1
    assert files(tmp_path) != [first]


def test_what_is_missing_is_said(study: Project) -> None:
    run, labels = study.run(), study.labels()
    labels.frames[0].picture.unlink()
    with pytest.raises(LabelsError, match=r"img00\.png"):
        predict_cached(run, labels)
    run.model.unlink()
    with pytest.raises(RunError, match="no model"):
        predict_cached(run, labels)


def test_no_frame_is_no_question(study: Project, tmp_path: Path) -> None:
    assert predict_cached(study.run(), study.labels().select([])).xy.shape == (0, 3, 2)
    assert not files(tmp_path)
