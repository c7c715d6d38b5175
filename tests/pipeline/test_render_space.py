"""Videos of points in space: each moment beside the frames that belong to it, and what is missing is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from made_space import FPS, GRAY_STEP, N_FRAMES, SpaceStudy, make_space_study, store_frames, write_gray_video
from markerless.cli.main import main
from markerless.errors import SettingsError
from markerless.pipeline.render_space import HEIGHT, SPACE_ALONE, SPACE_WIDTH, SpaceOptions, render_space
from markerless.report.space_view import SpaceSettings
from markerless.video.reader import open_video


@pytest.fixture
def study(tmp_path: Path) -> SpaceStudy:
    return make_space_study(tmp_path)


def frames_of(path: Path) -> list[np.ndarray]:
    with open_video(path) as reader:
        assert reader.video.fps == pytest.approx(FPS)
        frames = [frame for _, frame in reader.frames()]
    assert all(frame is not None for frame in frames)
    return [frame for frame in frames if frame is not None]


def cells(frame: np.ndarray) -> tuple[float, float]:
    """Median gray of the two cameras' pictures, one above the other."""
    part = frame[:, SPACE_WIDTH:].astype(float)
    return float(np.median(part[: HEIGHT // 2])), float(np.median(part[HEIGHT // 2 :]))


def test_each_moment_is_beside_its_frames(study: SpaceStudy) -> None:
    result = render_space(study.result)
    assert result.path == study.result.with_name("walk_labeled.mp4")
    assert result.n_frames == N_FRAMES and result.notes == ()
    frames = frames_of(result.path)
    # two cells of 5 to 4, each half as high as the video
    assert len(frames) == N_FRAMES and frames[0].shape == (HEIGHT, SPACE_WIDTH + 450, 3)
    for index, frame in enumerate(frames):
        assert cells(frame) == pytest.approx((GRAY_STEP * index, GRAY_STEP * index), abs=3)
    # the scene turns, and the animal moves
    assert np.abs(frames[0][:, :SPACE_WIDTH].astype(int) - frames[-1][:, :SPACE_WIDTH]).max() > 100


def test_cameras_that_started_later_show_their_own_frames(study: SpaceStudy) -> None:
    shifted = np.stack([np.arange(N_FRAMES), np.arange(N_FRAMES) - 3], axis=-1)
    shifted[10, 1] = -1  # a lost frame
    store_frames(study.result, shifted)
    frames = frames_of(render_space(study.result).path)
    for index in (3, 9, 11, N_FRAMES - 1):
        assert cells(frames[index]) == pytest.approx((GRAY_STEP * index, GRAY_STEP * (index - 3)), abs=3)
    for index in (0, 10):  # no picture: a dark card
        upper, lower = cells(frames[index])
        assert upper == pytest.approx(GRAY_STEP * index, abs=3) and 25 < lower < 50


def test_part_of_a_result(study: SpaceStudy, tmp_path: Path) -> None:
    options = SpaceOptions(SpaceSettings(turn_deg=0), start_s=0.5, stop_s=0.8)
    result = render_space(study.result, tmp_path / "part.mp4", options=options)
    assert result.n_frames == 6
    assert [round(cells(frame)[0] / GRAY_STEP) for frame in frames_of(result.path)] == [10, 11, 12, 13, 14, 15]
    with pytest.raises(SettingsError, match=r"no frame of walk\.nc .* it is 1\.20 s long"):
        render_space(study.result, options=SpaceOptions(start_s=7))


def test_without_videos_the_scene_is_drawn_alone(tmp_path: Path) -> None:
    study = make_space_study(tmp_path, missing=True)
    result = render_space(study.result)
    command = f"`markerless render {study.result} cam0=VIDEO`"
    assert len(result.notes) == 2 and result.notes[0].startswith("the video of camera 'cam0' was not found; ")
    assert command in result.notes[0]
    assert frames_of(result.path)[0].shape == (HEIGHT, SPACE_ALONE, 3)


def test_a_video_that_is_too_short_ends_in_cards(study: SpaceStudy) -> None:
    short = write_gray_video(study.result.with_name("short.mp4"), 10)
    frames = frames_of(render_space(study.result, videos={"cam1": short}).path)
    assert cells(frames[9]) == pytest.approx((72, 72), abs=3)
    upper, lower = cells(frames[20])
    assert upper == pytest.approx(160, abs=3) and 25 < lower < 50


def test_views_of_one_picture_are_one_cell(study: SpaceStudy) -> None:
    both = render_space(study.result, videos={"all": study.videos["cam0"]})
    assert frames_of(both.path)[0].shape == (HEIGHT, SPACE_WIDTH + 900, 3)


def test_the_command_draws_what_it_is_given(study: SpaceStudy, capsys: pytest.CaptureFixture[str]) -> None:
    out = study.result.with_name("out.mp4")
    words = ["render", str(study.result), "--out", str(out), "--stop", "0.2", "--turn", "0", "--trail", "3"]
    assert main([*words, f"cam1={study.videos['cam0']}"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"wrote {out}"
    assert len(frames_of(out)) == 4


def test_user_errors_are_one_line_and_exit_2(study: SpaceStudy, capsys: pytest.CaptureFixture[str]) -> None:
    video = str(study.videos["cam0"])
    for words, told in (
        (["render", str(study.result), f"back={video}"], "unknown camera 'back'"),
        (["render", str(study.result), "cam0=nothing.mp4"], "no such video"),
        (["render", str(study.result), video, video], "two of 'all'"),
        (["render", video, "--turn", "20"], "--turn"),
        (["render", video, video], "draw one video at a time"),
        (["render", video, "--tracks", str(study.result)], "markerless render S.nc"),
        (["plot", video, "--tracks", str(study.result)], "markerless plot S.nc"),
        (["render", str(study.result), "--out", "x.txt"], ".mp4"),
        (["render", str(study.result.with_name("none.nc"))], "no such file"),
        (["plot", str(study.result.with_name("cam0DLC.nc"))], "with --tracks"),
    ):
        assert main(words) == 2, words
        error = capsys.readouterr().err.strip().splitlines()
        assert len(error) == 1 and told in error[0], error
