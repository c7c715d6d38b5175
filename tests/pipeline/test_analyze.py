from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from make_model import COLORS, color_finder, dots, random_places
from markerless.config import load
from markerless.errors import RunError, SettingsError, StorageError, VideoError
from markerless.formats import dlc, movement
from markerless.pipeline.analyze import AnalyzeSettings, analyze
from markerless.project import Project, Run
from markerless.video.images import write_image
from markerless.video.writer import VideoWriter

SIZE = (64, 48)
SCORER = "DLC_Test_dotsJan1_run1"
RUN_TOML = f"""
[run]
name = "run1"
finished = true
scorer = "{SCORER}"
[skeleton]
keypoints = {json.dumps(COLORS)}
"""
CONFIG = """
Task: dots
scorer: me
date: Jan1
bodyparts: [red, green, blue]
video_sets: {}
"""
# A real process that dies by SIGKILL as soon as it has finished its first block.
DIES_AFTER_ONE_BLOCK = """
import os, signal, sys
from markerless.cli.main import main
from markerless.runtime.partial import Partial
save = Partial.save
def save_and_die(self, prediction):
    save(self, prediction)
    os.kill(os.getpid(), signal.SIGKILL)
Partial.save = save_and_die
main(sys.argv[1:])
"""
LISTS_MODULES = """
import sys
from markerless.cli.main import main
code = main(sys.argv[1:])
print(code, *(name for name in ("torch", "scipy", "sklearn", "matplotlib", "onnx") if name in sys.modules))
"""


def make_run(folder: Path) -> Run:
    folder.mkdir(parents=True)
    color_finder(folder / "model.onnx")
    (folder / "run.toml").write_text(RUN_TOML, encoding="utf-8")
    (folder / "split.json").write_text('{"train": []}', encoding="utf-8")
    return Run.open(folder)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "dots"
    make_run(root / "runs" / "run1")
    (root / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return Project(root)


def make_images(folder: Path, n_frames: int, seed: int = 0) -> np.ndarray:
    """A series of pictures with known dots: `(T, 3, 2)` true places."""
    places = random_places(n_frames, SIZE, seed)
    folder.mkdir(parents=True)
    for index, image in enumerate(dots(places, SIZE)):
        write_image(folder / f"img{index:04d}.png", image)
    return places


def make_video(path: Path, n_frames: int, fps: float = 20.0) -> np.ndarray:
    """A video with squares of 8 pixels that move to the right by 4 pixels a frame: `(T, 3, 2)` their corners."""
    start = np.array([[2, 4], [2, 20], [2, 36]])
    shift = 4 * (np.arange(n_frames) % 12)
    places = start[None] + np.stack([shift, np.zeros_like(shift)], axis=1)[:, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, fps, SIZE) as writer:
        for corners in places:
            frame = np.zeros((SIZE[1], SIZE[0], 3), dtype=np.uint8)
            for color, (x, y) in enumerate(corners):
                frame[y : y + 8, x : x + 8, color] = 255
            writer.write(frame)
    return places


def settings(**values: Any) -> AnalyzeSettings:
    return load("analyze", AnalyzeSettings, {"threads": 1, **values})


def contents(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, hidden ones too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestResultFiles:
    def test_hold_the_truth_in_the_layout_of_deeplabcut_and_in_our_own(self, project: Project, tmp_path: Path) -> None:
        places = make_images(tmp_path / "m1", 7)
        (result,) = analyze(project, [tmp_path / "m1"], settings())
        stem = f"m1{SCORER}"
        assert [file.name for file in result.files] == [f"{stem}.h5", f"{stem}.csv", f"{stem}.nc"]
        assert (result.status, result.n_frames, result.n_broken, result.notes) == ("analyzed", 7, 0, ())
        expected = np.concatenate([places, np.full((7, 3, 1), 250 / 255)], axis=-1).reshape(7, 9)
        columns = [(SCORER, keypoint, coord) for keypoint in COLORS for coord in ("x", "y", "likelihood")]
        tables = {
            ".h5": pd.read_hdf(result.files[0], "df_with_missing"),
            ".csv": pd.read_csv(result.files[1], header=[0, 1, 2], index_col=0),
        }
        for table in tables.values():
            assert isinstance(table, pd.DataFrame)
            assert [tuple(column) for column in table.columns] == columns
            assert list(table.index) == list(range(7))
            np.testing.assert_allclose(table.to_numpy(), expected, atol=1e-6)
        tracks = movement.read(result.files[2])
        np.testing.assert_array_equal(tracks.points[:, 0], places)
        assert tracks.scorer == SCORER

    def test_tell_how_they_were_made(self, project: Project, tmp_path: Path) -> None:
        make_video(tmp_path / "m1.mp4", 5)
        (result,) = analyze(project, [tmp_path / "m1.mp4"], settings(precision="f32"))
        tracks = result.tracks()
        made = tracks.provenance
        assert tracks.fps == 20.0
        assert tracks.video == "m1.mp4"
        assert (made["engine"], made["precision"], made["run"]) == ("openvino", "f32", "run1")
        assert "score map" in made["likelihood_definition"]
        assert made["crop_offset_px"] == [0, 0]
        assert made["n_broken_frames"] == 0
        assert result.rate > 0

    def test_are_the_same_through_every_engine_batch_and_number_of_threads(
        self, project: Project, tmp_path: Path
    ) -> None:
        places = make_images(tmp_path / "m1", 23)
        for number, values in enumerate(
            [{"engine": "onnxruntime"}, {"batch_size": 4}, {"threads": 2}, {"precision": "f32"}]
        ):
            (result,) = analyze(project, [tmp_path / "m1"], settings(**values), out=tmp_path / str(number))
            np.testing.assert_array_equal(result.tracks().points[:, 0], places)

    def test_do_not_depend_on_threads_to_the_byte(self, project: Project, tmp_path: Path) -> None:
        make_images(tmp_path / "m1", 23)
        for threads in (1, 2):
            analyze(project, [tmp_path / "m1"], settings(threads=threads), out=tmp_path / str(threads))
        assert contents(tmp_path / "1") == contents(tmp_path / "2")

    def test_of_one_video_come_back_as_tracks(self, project: Project, tmp_path: Path) -> None:
        places = make_images(tmp_path / "m1", 3)
        tracks = analyze(project.run(), str(tmp_path / "m1"), settings())
        np.testing.assert_array_equal(tracks.points[:, 0], places)

    def test_a_broken_frame_is_a_row_of_nan_and_a_note(self, project: Project, tmp_path: Path) -> None:
        places = make_images(tmp_path / "m1", 6).astype(np.float64)
        picture = tmp_path / "m1" / "img0002.png"
        picture.write_bytes(picture.read_bytes()[:60])
        (result,) = analyze(project, [tmp_path / "m1"], settings())
        places[2] = np.nan
        np.testing.assert_array_equal(result.tracks().points[:, 0], places)
        np.testing.assert_array_equal(dlc.read(result.files[1]).points[:, 0], places)
        assert (result.n_frames, result.n_broken) == (6, 1)
        assert result.notes == ("frames that cannot be decoded, rows of NaN: 1 (2)",)
        assert result.provenance["broken_frames"] == [2]


class TestCropAndTime:
    def test_crop_gives_full_frame_pixels(self, project: Project, tmp_path: Path) -> None:
        left, right, top, bottom = 10, 50, 6, 46
        inside = random_places(4, (right - left, bottom - top)) + np.array([left, top])
        frames = dots(inside, SIZE)
        frames[:, 0, 0] = 255  # brighter, and outside of the crop
        (tmp_path / "m1").mkdir()
        for index, image in enumerate(frames):
            write_image(tmp_path / "m1" / f"{index}.png", image)
        (result,) = analyze(project, [tmp_path / "m1"], settings(crop="10,50,6,46"))
        np.testing.assert_array_equal(result.tracks().points[:, 0], inside)
        assert result.provenance["crop_offset_px"] == [10, 6]
        assert "x1,x2,y1,y2 = 10,50,6,46" in result.notes[0]

    def test_crop_of_the_project_is_honored_for_videos(self, project: Project, tmp_path: Path) -> None:
        places = make_video(tmp_path / "m1.mp4", 6)
        text = CONFIG + "cropping: true\nx1: 0\nx2: 64\ny1: 16\ny2: 48\n"
        project.config_path.write_text(text, encoding="utf-8")
        (result,) = analyze(Project(project.root), [tmp_path / "m1.mp4"], settings())
        assert result.provenance["crop_offset_px"] == [0, 16]
        points = result.tracks().points[:, 0]
        off = points[:, 1:] - places[:, 1:]
        assert (off > -2).all() and (off < 9).all()  # in its square of 8 px, as far as the codec keeps the color there
        assert (points[:, 0, 1] >= 16).all()  # red lies outside of the crop

    @pytest.mark.parametrize("crop", ["0,65,0,48", "0,64,0,49"])
    def test_crop_beyond_the_frame_is_refused(self, project: Project, tmp_path: Path, crop: str) -> None:
        make_images(tmp_path / "m1", 1)
        with pytest.raises(SettingsError, match=r"inside of the frame.*64 x 48"):
            analyze(project, [tmp_path / "m1"], settings(crop=crop))

    @pytest.mark.parametrize("crop", ["5,5,0,9", "9,5,0,9", "1,2,3", "a,b,c,d", "-1,5,0,9"])
    def test_crop_that_is_no_region_is_refused(self, crop: str) -> None:
        with pytest.raises(SettingsError, match=r"analyze\.crop"):
            settings(crop=crop)

    def test_rows_outside_of_start_and_stop_are_nan(self, project: Project, tmp_path: Path) -> None:
        make_video(tmp_path / "m1.mp4", 60, fps=20.0)
        (result,) = analyze(project, [tmp_path / "m1.mp4"], settings(start_s=0.5, stop_s=2.0))
        points = result.tracks().points
        assert len(points) == result.n_frames == 60
        np.testing.assert_array_equal(
            np.isfinite(points).all(axis=(1, 2, 3)), (np.arange(60) >= 10) & (np.arange(60) < 40)
        )
        assert result.n_broken == 0
        assert "analyzed frames 10 to 39" in result.notes[0]
        whole = analyze(project, str(tmp_path / "m1.mp4"), settings(), out=tmp_path / "whole")
        np.testing.assert_array_equal(points[10:40], whole.points[10:40])

    def test_a_time_after_the_end_is_refused(self, project: Project, tmp_path: Path) -> None:
        make_video(tmp_path / "m1.mp4", 20, fps=20.0)
        with pytest.raises(VideoError, match=r"m1\.mp4 lies between 5\.0 s and the end"):
            analyze(project, tmp_path / "m1.mp4", settings(start_s=5))

    def test_pictures_have_no_times(self, project: Project, tmp_path: Path) -> None:
        make_images(tmp_path / "m1", 2)
        with pytest.raises(VideoError, match="no times"):
            analyze(project, tmp_path / "m1", settings(stop_s=1))


class TestAgain:
    def test_nothing_is_done_when_nothing_changed(self, project: Project, tmp_path: Path) -> None:
        make_images(tmp_path / "m1", 3)
        (first,) = analyze(project, [tmp_path / "m1"], settings())
        before = {file: file.stat().st_mtime_ns for file in first.files}
        (second,) = analyze(project, [tmp_path / "m1"], settings(threads=2))
        assert second.status == "unchanged"
        assert (second.files, second.n_frames) == (first.files, 3)
        assert {file: file.stat().st_mtime_ns for file in second.files} == before

    @pytest.mark.parametrize("suffix", [".h5", ".csv", ".nc"])
    def test_a_missing_file_is_made_again(self, project: Project, tmp_path: Path, suffix: str) -> None:
        make_images(tmp_path / "m1", 3)
        analyze(project, [tmp_path / "m1"], settings(), out=tmp_path / "out")
        before = contents(tmp_path / "out")
        (tmp_path / "out" / f"m1{SCORER}{suffix}").unlink()
        (second,) = analyze(project, [tmp_path / "m1"], settings(), out=tmp_path / "out")
        assert second.status == "analyzed"
        assert contents(tmp_path / "out") == before

    @pytest.mark.parametrize("change", ["video", "model", "settings", "nc damaged"])
    def test_a_change_is_noticed(self, project: Project, tmp_path: Path, change: str) -> None:
        make_images(tmp_path / "m1", 3)
        (first,) = analyze(project, [tmp_path / "m1"], settings())
        wanted = settings()
        if change == "video":
            write_image(tmp_path / "m1" / "img9999.png", dots(random_places(1, SIZE, seed=9), SIZE)[0])
        elif change == "model":
            metadata = {"markerless.contract": "1", "trained": "once more"}
            color_finder(project.run().model, metadata)
        elif change == "settings":
            wanted = settings(precision="f32")
        else:
            first.files[-1].write_bytes(b"not netCDF")
        (second,) = analyze(project, [tmp_path / "m1"], wanted)
        assert second.status == "analyzed"
        assert second.n_frames == (4 if change == "video" else 3)

    def test_what_gray_frames_gave_before_their_first_layers_changed_is_not_gone_on_with(
        self, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_images(tmp_path / "m1", 3)
        with monkeypatch.context() as before:
            before.setattr("markerless.pipeline.analyst.LAYOUT", 4)
            (old,) = analyze(project, [tmp_path / "m1"], settings())
            (again,) = analyze(project, [tmp_path / "m1"], settings())
        assert again.status == "unchanged"
        (new,) = analyze(project, [tmp_path / "m1"], settings())
        assert new.status == "analyzed"
        assert new.provenance["analysis_fingerprint"] != old.provenance["analysis_fingerprint"]

    def test_a_killed_analysis_goes_on_and_ends_with_the_same_bytes(self, project: Project, tmp_path: Path) -> None:
        make_images(tmp_path / "m1", 1100)
        arguments = ["analyze", str(project.root), str(tmp_path / "m1"), "--set", "analyze.threads=1", "--out"]
        killed = subprocess.run([sys.executable, "-c", DIES_AFTER_ONE_BLOCK, *arguments, str(tmp_path / "killed")])
        assert killed.returncode == -signal.SIGKILL
        left = {f".m1{SCORER}.partial/{name}" for name in ("manifest.json", "block_000000000.npz")}
        assert contents(tmp_path / "killed").keys() == left
        seen: list[tuple[int, int]] = []
        (resumed,) = analyze(
            project,
            [tmp_path / "m1"],
            settings(threads=2),
            out=tmp_path / "killed",
            progress=lambda done, total, message: seen.append((done, total)),
        )
        assert seen[0] == (500, 1100)
        assert seen[-1] == (1100, 1100)
        assert resumed.status == "analyzed"
        analyze(project, [tmp_path / "m1"], settings(), out=tmp_path / "whole")
        assert len(contents(tmp_path / "whole")) == 3
        assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


class TestManyVideos:
    def test_folders_globs_and_files_each_once(self, project: Project, tmp_path: Path) -> None:
        for name in ("a2.mp4", "a10.mp4", "b.mp4", "a2_labeled.mp4"):
            make_video(tmp_path / "films" / name, 3)
        films = tmp_path / "films"
        results = analyze(project, [films / "b.mp4", films, f"{films}/a*.mp4"], settings(), out=tmp_path / "out")
        assert [result.video.name for result in results] == ["b.mp4", "a2.mp4", "a10.mp4", "a2_labeled.mp4"]

    def test_a_folder_leaves_out_what_render_drew(self, project: Project, tmp_path: Path) -> None:
        for name in ("a.mp4", f"a{SCORER}_labeled.mp4"):
            make_video(tmp_path / "films" / name, 2)
        results = analyze(project, [tmp_path / "films"], settings(), out=tmp_path / "out")
        assert [result.video.name for result in results] == ["a.mp4"]

    def test_one_that_cannot_be_read_does_not_stop_the_others(self, project: Project, tmp_path: Path) -> None:
        films = tmp_path / "films"
        make_video(films / "z.mp4", 3)
        (films / "empty.mp4").write_bytes(b"")
        (films / "text.mp4").write_text("no video at all\n" * 99, encoding="utf-8")
        results = analyze(project, [films, tmp_path / "nowhere.mp4"], settings())
        status = {result.video.name: result.status for result in results}
        assert status == {"nowhere.mp4": "failed", "empty.mp4": "failed", "text.mp4": "failed", "z.mp4": "analyzed"}
        for result in results:
            assert "\n" not in result.error
            assert (result.error != "") == (result.status == "failed")

    def test_of_one_name_into_one_folder_are_refused_before_any_work(self, project: Project, tmp_path: Path) -> None:
        make_video(tmp_path / "day1" / "m.mp4", 2)
        make_video(tmp_path / "day2" / "m.mp4", 2)
        with pytest.raises(SettingsError, match="different names"):
            analyze(project, [tmp_path / "day1", tmp_path / "day2"], settings(), out=tmp_path / "out")
        assert not (tmp_path / "out").exists()
        assert len(analyze(project, [tmp_path / "day1", tmp_path / "day2"], settings())) == 2

    def test_of_several_sizes(self, project: Project, tmp_path: Path) -> None:
        first = make_images(tmp_path / "m1", 2)
        write_image(tmp_path / "m2" / "0.png", dots(np.array([[[90, 70], [1, 2], [3, 4]]]), (100, 80))[0])
        one, two = analyze(project, [tmp_path / "m1", tmp_path / "m2"], settings())
        np.testing.assert_array_equal(one.tracks().points[:, 0], first)
        np.testing.assert_array_equal(two.tracks().points[0, 0], [[90, 70], [1, 2], [3, 4]])


class TestWhatCanGoWrong:
    def test_a_damaged_model_is_one_line(self, project: Project, tmp_path: Path) -> None:
        make_images(tmp_path / "m1", 1)
        project.run().model.write_bytes(b"damaged")
        with pytest.raises(RunError, match=r"model\.onnx.*train again"):
            analyze(project, [tmp_path / "m1"], settings())

    def test_a_missing_model_is_one_line(self, project: Project, tmp_path: Path) -> None:
        make_images(tmp_path / "m1", 1)
        project.run().model.unlink()
        with pytest.raises(RunError, match=r"expected a trained network at .*model\.onnx"):
            analyze(project, [tmp_path / "m1"], settings())

    def test_a_folder_that_cannot_be_written_names_the_option(self, project: Project, tmp_path: Path) -> None:
        make_images(tmp_path / "m1", 1)
        (tmp_path / "file").write_text("", encoding="utf-8")
        with pytest.raises(StorageError, match="--out"):
            analyze(project, tmp_path / "m1", settings(), out=tmp_path / "file" / "out")

    def test_a_full_disk_leaves_nothing_half_written(self, project: Project, tmp_path: Path) -> None:
        make_images(tmp_path / "m1", 600)
        arguments = ["analyze", str(project.root), str(tmp_path / "m1"), "--out", str(tmp_path / "out")]

        resource = pytest.importorskip("resource", reason="this system has no file size limits")

        def small_files_only() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        command = [sys.executable, "-m", "markerless", *arguments]
        full = subprocess.run(command, preexec_fn=small_files_only, capture_output=True, text=True, encoding="utf-8")
        assert full.returncode == 2
        assert "no space left" in full.stderr.splitlines()[-1]
        assert [path.name for path in (tmp_path / "out").iterdir()] == [f".m1{SCORER}.partial"]
        (result,) = analyze(project, [tmp_path / "m1"], settings(), out=tmp_path / "out")
        assert result.n_frames == 600
        analyze(project, [tmp_path / "m1"], settings(), out=tmp_path / "whole")
        assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_no_torch_is_loaded(project: Project, tmp_path: Path) -> None:
    make_images(tmp_path / "m1", 2)
    command = [sys.executable, "-c", LISTS_MODULES, "analyze", str(project.root), str(tmp_path / "m1")]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1] == "0"
