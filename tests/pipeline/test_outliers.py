"""The verb `outliers`: which tracks are looked at, what is listed, what fails and how it is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_study import MadeStudy, make_study
from markerless.cli.main import main
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import RunError, SettingsError
from markerless.formats import dlc
from markerless.pipeline.outliers import OutlierRequest, outliers, with_edges
from markerless.video.images import read_image
from markerless.video.reader import open_video

LIST = OutlierRequest(list_only=True)


@pytest.fixture
def study(tmp_path: Path) -> MadeStudy:
    return make_study(tmp_path / "study", n_frames=80, n_labeled=0)


def predicted(study: MadeStudy) -> Tracks:
    """The truth, with a jump of the snout at frame 10 and a lost tail tip at frames 50 to 54."""
    points = study.truth[:, np.newaxis].copy()
    points[10, 0, 0] += (40, 30)
    score = np.full(points.shape[:3], 0.95)
    score[50:55, 0, -1] = 0.1
    return Tracks(Skeleton(study.project.skeleton.keypoints), points, score, scorer="DLC_Net_mouseJan1_run1")


def with_results(study: MadeStudy) -> Path:
    path = study.video.with_name(f"{study.video.stem}DLC_Net_mouseJan1_run1.h5")
    dlc.write(predicted(study), path)
    return path


def test_moments_of_the_newest_result_beside_the_video(study: MadeStudy) -> None:
    path = with_results(study)
    (found,) = outliers(study.project, [study.video], LIST)
    assert found.error == ""
    assert found.source == path.resolve()
    assert found.outliers is not None
    assert {moment.worst for moment in found.outliers.moments} == {10, 50}
    assert found.chosen == (10, 50)
    assert found.notes == ("2 frames instead of 20: no more suspicious ones differ enough from each other",)
    assert not list((study.root / "labeled-data" / study.video.stem).iterdir())


def test_a_video_of_the_study_may_be_named_alone(
    study: MadeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_results(study)
    monkeypatch.chdir(tmp_path)
    (found,) = outliers(study.project, [study.video.name], LIST)
    assert found.video == study.video


def test_frames_near_extracted_ones_are_not_chosen(study: MadeStudy) -> None:
    with_results(study)
    folder = study.root / "labeled-data" / study.video.stem
    (folder / "img12.png").write_bytes(b"")
    (found,) = outliers(study.project, [study.video], LIST)
    assert found.chosen == (50,)
    assert found.notes[0].endswith("and from the 1 that are extracted already")


def test_a_file_of_any_tool_is_for_one_video(study: MadeStudy, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.csv"
    dlc.write(predicted(study), path)
    (found,) = outliers(study.project, [study.video], replace(LIST, tracks=(path,)))
    assert found.outliers is not None and len(found.outliers.moments) == 2
    with pytest.raises(SettingsError, match="one video with --tracks, got 2"):
        outliers(study.project, [study.video, study.root.parent / "cage1.mp4"], replace(LIST, tracks=(path,)))


def test_where_runs_disagree_is_suspicious(study: MadeStudy, tmp_path: Path) -> None:
    """Two of three runs put the snout of frames 30 to 33 elsewhere, each at another place, and all are confident."""
    smooth = replace(predicted(study), points=study.truth[:, np.newaxis].copy())
    smooth.score[:] = 0.95
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"run{i}.h5" for i in range(3)]
    for i, path in enumerate(paths):
        points = smooth.points + rng.normal(0, 0.3, smooth.points.shape)
        if i:
            points[30:34, 0, 0] += (40, 60) if i == 1 else (-50, 40)
        dlc.write(replace(smooth, points=points, scorer=f"run{i}"), path)
    (alone,) = outliers(study.project, [study.video], replace(LIST, tracks=(paths[0],)))
    assert alone.outliers is not None and not alone.outliers.moments
    (found,) = outliers(study.project, [study.video], replace(LIST, tracks=tuple(paths)))
    assert found.outliers is not None
    worst = found.outliers.ranked[0]
    assert 30 <= worst.worst <= 33
    assert worst.keypoints == (0,)
    assert "error" in {worst.reason, *(reason for reason, _ in worst.also)}


def test_the_edges_of_the_study_are_used(study: MadeStudy) -> None:
    tracks = predicted(study)
    names = tracks.skeleton.keypoints
    swapped = replace(tracks, skeleton=Skeleton(names[::-1]))
    edges = {frozenset((names[a], names[b])) for a, b in study.project.skeleton.edges}
    for one in (tracks, swapped):
        skeleton = with_edges(one, study.project).skeleton
        assert {frozenset((skeleton.keypoints[a], skeleton.keypoints[b])) for a, b in skeleton.edges} == edges


def test_a_video_without_results_fails_alone(study: MadeStudy) -> None:
    with_results(study)
    other = study.root.parent / "cage1.mp4"
    first, second = outliers(study.project, [study.video, other], LIST)
    assert first.error == ""
    assert "markerless analyze" in second.error


def test_a_run_that_is_not_there(study: MadeStudy) -> None:
    with pytest.raises(RunError, match="run7"):
        outliers(study.project, [study.video], replace(LIST, run_name="run7"))


def test_the_command_lists(study: MadeStudy, capsys: pytest.CaptureFixture[str]) -> None:
    with_results(study)
    assert main(["outliers", str(study.root), str(study.video), "--list", "--json"]) == 0
    (video,) = json.loads(capsys.readouterr().out)["videos"]
    assert video["frames"] == [10, 50]
    assert {"start", "stop", "worst", "reason", "keypoints", "words", "severity"} <= set(video["moments"][0])
    assert video["moments"][0]["keypoints"][0] in study.project.skeleton.keypoints
    assert main(["outliers", str(study.root), str(study.video), "--list"]) == 0
    shown = capsys.readouterr().out
    assert "80 frames, 2 suspicious moments" in shown
    assert "50-54  confidence of tailtip is 0.10, usually 0.95" in shown


def test_chosen_frames_become_pictures_with_starting_labels(study: MadeStudy) -> None:
    with_results(study)
    (found,) = outliers(study.project, [study.video], OutlierRequest())
    folder = study.root / "labeled-data" / "cage1"
    assert [path.name for path in found.pictures] == ["img10.png", "img50.png"]
    assert found.written == (*found.pictures, folder / "machinelabels-iter0.h5", folder / "machinelabels.csv")
    with open_video(study.video) as reader:
        np.testing.assert_array_equal(read_image(found.pictures[1]), reader[50])
    starting = dlc.read(folder / "machinelabels-iter0.h5")
    np.testing.assert_allclose(starting.points, predicted(study).points[[10, 50]])
    assert study.project.labels_of("cage1").n_points == 0  # suggestions are no labels
    (again,) = outliers(study.project, [study.video], OutlierRequest())
    assert again.written == ()  # what is near extracted frames is not chosen again


def test_frames_of_other_videos_are_listed_but_not_extracted(study: MadeStudy, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "cage1.mp4"
    other.parent.mkdir()
    other.write_bytes(study.video.read_bytes())
    tracks = tmp_path / "t.csv"
    dlc.write(predicted(study), tracks)
    (found,) = outliers(study.project, [other], OutlierRequest(tracks=(tracks,)))
    assert found.chosen == (10, 50)
    assert "markerless add" in found.error
    assert not list((study.root / "labeled-data" / "cage1").iterdir())


def test_the_command_extracts(study: MadeStudy, capsys: pytest.CaptureFixture[str]) -> None:
    with_results(study)
    assert main(["outliers", str(study.root), "cage1.mp4", "-n", "1"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("wrote ")
    assert last.endswith("machinelabels.csv")
    assert len(list((study.root / "labeled-data" / "cage1").glob("img*.png"))) == 1


def test_run_and_tracks_exclude_each_other(study: MadeStudy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outliers", str(study.root), "v.mp4", "--run", "a", "--tracks", "b.h5"]) == 2
    assert "give one of them" in capsys.readouterr().err
