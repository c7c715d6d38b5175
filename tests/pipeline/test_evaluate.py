from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from make_model import dots
from markerless.cli.main import main
from markerless.core.crossfit import CrossFit
from markerless.core.instance import Instance
from markerless.core.tracks import Tracks
from markerless.errors import LabelsError, RunError
from markerless.formats import dlc, movement
from markerless.pipeline.evaluate import EvaluateRequest, evaluate
from markerless.project import Project, crossfit
from markerless.video.images import write_image

MakeStudy = Callable[..., Project]
FIRST_PIXEL_PX = 5.0  # the model of `with_run` finds the topmost pixel of a circle of radius 5: 5 px above its center


def write_predictions(path: Path, keypoints: Sequence[str], rows: Sequence[str], points: np.ndarray) -> Path:
    """A prediction table as DeepLabCut writes it, `points` `(rows, K, 2)`."""
    lines = [
        ",".join(["scorer", *["tool"] * (3 * len(keypoints))]),
        ",".join(["bodyparts", *[name for name in keypoints for _ in range(3)]]),
        ",".join(["coords", *["x", "y", "likelihood"] * len(keypoints)]),
    ]
    for row, pose in zip(rows, points, strict=True):
        values = [f"{v}" if np.isfinite(v) else "" for x, y in pose for v in (x, y, 0.9)]
        lines.append(",".join([row, *values]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def prediction_file(path: Path, project: Project, offset: tuple[float, float], by_image: bool) -> Path:
    """Predictions that are all off by `offset`; one row per image, or per frame number."""
    frames = project.labels().frames
    rows = [frame.image if by_image else str(i) for i, frame in enumerate(frames)]
    points = np.stack([frame.instances[0].xy for frame in frames]) + np.array(offset)
    return write_predictions(path, project.skeleton.keypoints, rows, points)


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


def test_the_numbers_are_those_of_a_calculation_by_hand(dot_study: MakeStudy, tmp_path: Path) -> None:
    """Four frames of 96 x 64 (diagonal 115.38 px) with labels at (20, 20), (60, 20) and (60, 50).

    The box around them is 40 x 30, so the animal measures 50 px and PCK counts up to 2.5, 5 and 10 px.
    Frame 0 is right; in frame 1 red is off by (0, 4) and blue by (6, 8), which is beyond 5 % of the diagonal (5.77);
    in frame 2 green and blue are swapped, 30 px each; in frame 3 red is missing and counts as the diagonal.
    """
    project = dot_study(4)
    labels = project.labels()
    truth = np.array([[20.0, 20], [60, 20], [60, 50]])
    frames = tuple(replace(frame, instances=(Instance.from_xy(truth),)) for frame in labels.frames)
    project.write_labels("m1", replace(labels, frames=frames))
    points = np.repeat(truth[None], 4, axis=0)
    points[1] += [[0, 4], [0, 0], [6, 8]]
    points[2] = truth[[0, 2, 1]]
    points[3, 0] = np.nan
    file = tmp_path / "m1_other.csv"
    write_predictions(file, project.skeleton.keypoints, labels.images, points)
    evaluation = evaluate(Project(project.root), EvaluateRequest(predictions=file))
    assert evaluation.animal_size_px == pytest.approx(50)
    told, diagonal = evaluation.all, math.hypot(96, 64)
    assert told is not None
    assert (told.n_frames, told.n_points) == (4, 12)
    assert told.mean_px == pytest.approx((4 + 10 + 30 + 30 + diagonal) / 12)
    assert told.median_px == 0
    assert told.rmse_px == pytest.approx(math.sqrt((4**2 + 10**2 + 2 * 30**2 + diagonal**2) / 12))
    assert told.max_px == pytest.approx(diagonal)
    assert told.p95_px == pytest.approx(30 + 0.45 * (diagonal - 30))  # between the last two of 12: 0.95 x 11 = 10.45
    assert told.gross == pytest.approx(4 / 12)
    assert told.per_keypoint == pytest.approx({"red": (4 + diagonal) / 4, "green": 30 / 4, "blue": 40 / 4})
    assert told.pck == pytest.approx({"0.05": 7 / 12, "0.1": 8 / 12, "0.2": 9 / 12})


def test_a_file_of_one_video_measures_that_video_alone(dot_study: MakeStudy, tmp_path: Path) -> None:
    """Videos m1, m10 and m2 have labels and pictures of the same file names."""
    project = dot_study(3)
    labels = project.labels()
    for video in ("m10", "m2"):
        shutil.copytree(project.root / "labeled-data" / "m1", project.root / "labeled-data" / video)
        for table in (project.root / "labeled-data" / video).glob("CollectedData_*"):
            table.unlink()
        moved = [
            replace(
                frame,
                image=frame.image.replace("/m1/", f"/{video}/"),
                instances=(Instance.from_xy(frame.instances[0].xy + 20),),
            )
            for frame in labels.frames
        ]
        project.write_labels(video, replace(labels, frames=tuple(moved)))
    project = Project(project.root)
    names = project.skeleton.keypoints
    points = np.stack([frame.instances[0].xy for frame in labels.frames]) + np.array([0, 1])
    by_path = write_predictions(tmp_path / "some.csv", names, labels.images, points)
    by_number = write_predictions(tmp_path / "m10DLC_x.csv", names, ["0", "1", "2"], points + 20)
    for file in (by_path, by_number):
        told = evaluate(project, EvaluateRequest(predictions=file)).all
        assert told is not None
        assert told.n_frames == 3
        assert told.mean_px == pytest.approx(1.0)
    unclear = write_predictions(tmp_path / "other.csv", names, ["0", "1", "2"], points)
    with pytest.raises(LabelsError, match=r"name of a labeled video \(m1, m10, m2\); rename"):
        evaluate(project, EvaluateRequest(predictions=unclear))
    bare = [image.rsplit("/", 1)[-1] for image in labels.images]
    with pytest.raises(LabelsError, match="no labeled frame is in"):  # three videos have pictures of these names
        evaluate(project, EvaluateRequest(predictions=write_predictions(tmp_path / "bare.csv", names, bare, points)))


def test_predictions_of_a_video_without_labels_are_refused(dot_study: MakeStudy, tmp_path: Path) -> None:
    """Only m1 is labeled; m1-left is in the study, m10 and m1b are not: the file itself says that it is of m1b."""
    project = dot_study(3)
    (project.root / "videos").mkdir(exist_ok=True)
    (project.root / "videos" / "m1-left.mp4").touch()
    names, points = project.skeleton.keypoints, np.zeros((3, 3, 2))
    for file, told in (
        ("m1-leftDLC_x.csv", r"of video m1-left, which has no labels; labeled in .*: m1$"),
        ("m10DLC_x.csv", "does not begin with the name of a labeled video"),
        ("other.csv", "does not begin with the name of a labeled video"),
    ):
        path = write_predictions(tmp_path / file, names, ["0", "1", "2"], points)
        with pytest.raises(LabelsError, match=told):
            evaluate(project, EvaluateRequest(predictions=path))
    tracks = Tracks(project.skeleton, points[:, None], np.ones((3, 1, 3)), video="m1b.mp4")
    movement.write(tracks, tmp_path / "m1bDLC_x.nc")
    with pytest.raises(LabelsError, match="of video m1b, which has no labels"):
        evaluate(project, EvaluateRequest(predictions=tmp_path / "m1bDLC_x.nc"))
    for video, file in (("m1.mp4", "any.nc"), ("recorded.mp4", "m1_renamed.nc")):
        movement.write(replace(tracks, video=video), tmp_path / file)
        found = evaluate(project, EvaluateRequest(predictions=tmp_path / file)).all
        assert found is not None and found.n_frames == 3


def test_file_names_decide_where_folders_are_called_otherwise(dot_study: MakeStudy, tmp_path: Path) -> None:
    project = dot_study(3)
    frames = project.labels().frames
    points = np.stack([frame.instances[0].xy for frame in frames])
    for folder in ("", "elsewhere/", "C:\\data\\m7\\"):
        images = [folder + frame.image.rsplit("/", 1)[-1] for frame in reversed(frames)]
        file = write_predictions(tmp_path / "x.csv", project.skeleton.keypoints, images, points[::-1])
        told = evaluate(project, EvaluateRequest(predictions=file)).all
        assert told is not None
        assert (told.n_frames, told.max_px) == (3, 0)


def test_keypoints_are_matched_by_name(dot_study: MakeStudy, tmp_path: Path) -> None:
    """In another order, one more, one missing: what is missing counts as the diagonal."""
    project = dot_study(2)
    labels = project.labels()
    points = np.stack([frame.instances[0].xy for frame in labels.frames])
    mixed = np.stack([points[:, 2], points[:, 0] + 7, points[:, 0]], axis=1)
    file = write_predictions(tmp_path / "x.csv", ("blue", "nose", "red"), labels.images, mixed)
    told = evaluate(project, EvaluateRequest(predictions=file)).all
    assert told is not None
    assert told.per_keypoint == pytest.approx({"red": 0, "green": math.hypot(96, 64), "blue": 0})
    file = write_predictions(tmp_path / "y.csv", ("nose", "ear", "tail"), labels.images, mixed)
    with pytest.raises(LabelsError, match=r"no keypoint of .*y\.csv is in dots.*got nose, ear, tail"):
        evaluate(project, EvaluateRequest(predictions=file))


@pytest.mark.parametrize("kind", ["several animals", "3D"])
def test_predictions_that_are_not_of_one_animal_in_pixels_are_refused(
    dot_study: MakeStudy, tmp_path: Path, kind: str
) -> None:
    project = dot_study(3)
    shape, told = ((3, 2, 3, 2), "several animals") if kind == "several animals" else ((3, 1, 3, 3), "3D")
    tracks = Tracks(project.skeleton, np.ones(shape), np.ones(shape[:3]), individuals=("a", "b")[: shape[1]])
    dlc.write(tracks, tmp_path / "m1.h5")
    with pytest.raises(LabelsError, match=told):
        evaluate(project, EvaluateRequest(predictions=tmp_path / "m1.h5"))


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
        "mean_px_interval", "per_video", "doubt", "calibration",
    }  # fmt: skip
    assert set(value["splits"]["train"]["pck"]) == {"0.05", "0.1", "0.2"}


def test_a_part_without_an_animal_is_left_out_and_told_of(dot_study: MakeStudy, with_run: Callable[..., None]) -> None:
    """Both test frames are marked as without an animal."""
    project = dot_study()
    labels = project.labels()
    frames = tuple(replace(frame, instances=()) if i >= 3 else frame for i, frame in enumerate(labels.frames))
    project.write_labels("m1", replace(labels, frames=frames))
    images = list(labels.images)
    with_run(project, {"train": images[:3], "validation": [], "test": images[3:]})
    project = Project(project.root)
    told = evaluate(project)
    assert told.test is None
    assert told.train is not None
    assert told.train.n_frames == 3
    note = "test: no labeled points in 2 frames; nothing measured"
    assert told.notes == (note,)
    assert note in told.lines()
    value = json.loads((project.run_folder("run1") / "evaluation.json").read_text(encoding="utf-8"))
    assert value["splits"]["test"] is None
    assert value["notes"] == [note]
    assert note in (project.run_folder("run1") / "report.html").read_text(encoding="utf-8")
    with_run(project, {"train": images[3:], "validation": [], "test": []})
    with pytest.raises(LabelsError, match="expected labeled points to measure errors on, got none in 2 frames of dots"):
        evaluate(project)


def test_a_run_is_measured_to_the_pixel(dot_study: MakeStudy, with_run: Callable[..., None]) -> None:
    """The model finds single bright pixels exactly; in the test frame these are (3, 4) from the labels: 5 px."""
    project = dot_study(4)
    labels = project.labels()
    for i, frame in enumerate(labels.frames):
        truth = frame.instances[0].xy.astype(int)
        inward = np.where(truth < np.array([48, 32]), 1, -1)
        write_image(frame.picture, dots((truth + (i == 3) * inward * [3, 4])[None], (96, 64))[0])
    images = list(labels.images)
    with_run(project, {"train": images[:2], "validation": images[2:3], "test": images[3:]})
    told = evaluate(project)
    assert told.train is not None and told.validation is not None and told.test is not None
    assert (told.train.max_px, told.validation.max_px) == (0, 0)
    assert told.test.mean_px == told.test.max_px == 5
    assert told.test.per_keypoint == {"red": 5, "green": 5, "blue": 5}


def test_training_frames_are_measured_by_networks_that_did_not_see_them(
    dot_study: MakeStudy, with_run: Callable[..., None]
) -> None:
    """The cross-fitted predictions are the labels moved by (6, 8): 10 px; one of the images is labeled no more."""
    project = dot_study(4)
    labels = project.labels()
    images = list(labels.images)
    with_run(project, {"train": images, "validation": [], "test": []})
    xy = np.concatenate((labels.xy()[:, 0] + [6, 8], np.zeros((1, 3, 2))))
    ones = np.ones(xy.shape[:2])
    kept = CrossFit((*images, "labeled-data/m1/gone.png"), labels.skeleton.keypoints, xy, ones * 0.5, ones, 5.0)
    crossfit.write(kept, project.run_folder("run1") / crossfit.CROSSFIT_FILE)
    told = evaluate(project)
    found = told.splits["crossfit"]
    assert found is not None
    assert found.n_frames == 4
    assert [found.mean_px, found.max_px] == pytest.approx([10, 10])
    assert any(line.startswith("crossfit: the training frames, asked of networks") for line in told.lines())
    assert "unseen by other networks" in (project.run_folder("run1") / "report.html").read_text(encoding="utf-8")


def test_the_command_prints_one_object(
    dot_study: MakeStudy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = dot_study()
    file = prediction_file(tmp_path / "m1.csv", project, (3, 4), True)
    assert main(["evaluate", str(project.root), "--predictions", str(file), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["run"] == "m1.csv"
    assert value["labels"] == project.root.name
    assert list(value["splits"]) == ["all"]
    assert value["splits"]["all"]["mean_px"] == pytest.approx(5)
    labels = ["--labels", str(project.root)]
    assert main(["evaluate", str(project.root), "--predictions", str(file), *labels]) == 2
    assert main(["evaluate", str(project.root), "--split", str(file)]) == 2


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


def test_videos_are_told_apart_and_a_small_test_is_called_so(dot_study: MakeStudy, tmp_path: Path) -> None:
    """Two videos of three frames; predictions are off by 5 px in one and by 10 px in the other."""
    project = dot_study(3)
    labels = project.labels()
    shutil.copytree(project.root / "labeled-data" / "m1", project.root / "labeled-data" / "m2")
    moved = [replace(frame, image=frame.image.replace("/m1/", "/m2/")) for frame in labels.frames]
    for table in (project.root / "labeled-data" / "m2").glob("CollectedData_*"):
        table.unlink()
    project.write_labels("m2", replace(labels, frames=tuple(moved)))
    project = Project(project.root)
    frames = project.labels().frames
    off = np.array([[3.0, 4.0] if frame.video == "m1" else [6.0, 8.0] for frame in frames])
    points = np.stack([frame.instances[0].xy for frame in frames]) + off[:, None]
    file = write_predictions(tmp_path / "x.csv", project.skeleton.keypoints, [f.image for f in frames], points)
    told = evaluate(project, EvaluateRequest(predictions=file))
    assert told.all is not None
    assert {name: errors.mean_px for name, errors in told.all.per_video.items()} == pytest.approx({"m1": 5, "m2": 10})
    assert told.all.mean_px_interval == pytest.approx((5, 10))
    lines = told.lines()
    assert "5.00 to 10.00" in lines[1]
    assert "mean px by video (all): m1 5.00, m2 10.00" in lines
    assert any(line.startswith("how sure (all): on other frames and videos") for line in lines)
    assert any(line.startswith("warning (all): 6 labeled frames: too few") for line in lines)


def test_certainty_of_frames_that_trained_is_no_certainty(dot_study: MakeStudy, with_run: Callable[..., None]) -> None:
    project = dot_study()
    with_run(project, {"train": list(project.labels().images)})
    lines = evaluate(project).lines()
    assert "these frames trained the network: expect larger errors on others" in lines
    assert not any(line.startswith(("how sure", "warning")) for line in lines)
