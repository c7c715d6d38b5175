"""Labeled videos and figures, from files, through the command line."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from markerless.cli.main import main
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.drawing import RenderSettings
from markerless.errors import FormatError, SettingsError
from markerless.formats import dlc, movement
from markerless.pipeline.plot import plot
from markerless.pipeline.render import RenderOptions, render
from markerless.video.reader import open_video
from markerless.video.writer import VideoWriter

N_FRAMES, FPS, SIZE = 40, 20.0, (97, 64)


def made_tracks(n_frames: int = N_FRAMES) -> Tracks:
    """One point that moves two pixels right per frame at y = 30."""
    points = np.full((n_frames, 1, 2, 2), 30.0)
    points[:, 0, 0, 0] = 8 + 2 * np.arange(n_frames)
    points[:, 0, 1] = np.nan
    score = np.where(np.isnan(points).any(axis=-1), np.nan, 1.0)
    return Tracks(Skeleton(("nose", "tail")), points, score, fps=FPS, video="mouse.mp4", scorer="DLC_Net_run1")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "mäuse 1" / "mouse.mp4"
    with VideoWriter(path, FPS, SIZE) as writer:
        for _ in range(N_FRAMES):
            writer.write(np.full((SIZE[1], SIZE[0], 3), 100, np.uint8))
    return path


def dot_places(path: Path) -> list[tuple[float, float]]:
    """Center of what differs from the gray background in every frame."""
    places = []
    with open_video(path) as reader:
        for _, frame in reader.frames():
            assert frame is not None
            weight = np.abs(frame.astype(float) - 100).sum(axis=-1)
            weight[weight < 60] = 0
            y, x = np.mgrid[0 : weight.shape[0], 0 : weight.shape[1]]
            places.append((float(np.average(x, weights=weight)), float(np.average(y, weights=weight))))
    return places


def test_every_frame_carries_its_own_points(video: Path) -> None:
    result = render(made_tracks(), video)
    assert result.path == video.with_name("mouseDLC_Net_run1_labeled.mp4") and result.notes == ()
    places = np.array(dot_places(result.path))
    assert len(places) == N_FRAMES
    expected = np.stack([8 + 2.0 * np.arange(N_FRAMES), np.full(N_FRAMES, 30.0)], axis=-1)
    np.testing.assert_allclose(places, expected, atol=0.6)  # chroma is halved in yuv420p


def test_the_recording_itself_is_not_drawn_over(video: Path) -> None:
    before = video.read_bytes()
    link = video.with_name("link.mp4")
    link.hardlink_to(video)
    for target in (video, link):
        with pytest.raises(SettingsError, match="another file than the video"):
            render(made_tracks(), video, target)
    assert video.read_bytes() == before


def test_part_of_a_video(video: Path) -> None:
    result = render(made_tracks(), video, options=RenderOptions(start_s=0.5, stop_s=1.0))
    assert result.n_frames == 10
    places = dot_places(result.path)
    assert len(places) == 10 and places[0][0] == pytest.approx(8 + 2 * 10, abs=0.6)
    with pytest.raises(SettingsError, match=r"2\.00 s long"):
        render(made_tracks(), video, options=RenderOptions(start_s=5))


def test_length_mismatch_is_one_note(video: Path) -> None:
    result = render(made_tracks(25), video, options=RenderOptions(RenderSettings(trail=5)))
    assert result.n_frames == N_FRAMES and len(result.notes) == 1
    assert "25 frames" in result.notes[0] and "40" in result.notes[0]


def test_commands_take_any_tools_tracks_and_find_ours(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = video.with_name("predictions.csv")
    dlc.write(made_tracks(), foreign)
    out = video.with_name("out.mp4")
    assert main(["render", str(video), "--tracks", str(foreign), "--out", str(out), "--stop", "0.2"]) == 0
    assert out.is_file() and capsys.readouterr().out.splitlines()[-1] == f"wrote {out}"

    result = video.with_name("mouseDLC_Net_run2.nc")
    movement.write(made_tracks(30), result)
    os.utime(result, (2e9, 2e9))
    assert main(["render", str(video), "--trail", "5", "--no-skeleton"]) == 0
    captured = capsys.readouterr()
    assert video.with_name("mouseDLC_Net_run2_labeled.mp4").is_file()
    assert captured.err.count("note:") == 1 and "30 frames" in captured.err


def test_plot_writes_pictures_and_one_page(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dlc.write(made_tracks(), video.with_name("mouseDLC_Net_run1.csv"))
    assert main(["plot", str(video)]) == 0
    folder = video.parent / "plot-poses" / "mouse"
    names = sorted(path.name for path in folder.iterdir())
    drawn = ["confidence", "heatmap", "jumps", "position", "speed", "trajectory"]
    assert names == sorted([*(f"{name}.png" for name in drawn), "plots.html"])
    assert str(folder / "plots.html") in capsys.readouterr().out.splitlines()[-1]
    html = (folder / "plots.html").read_text(encoding="utf-8")
    assert "mouseDLC_Net_run1.csv" in html and "<b>2.0 s</b>" in html, "the table has no frame rate, the video has"


def test_user_errors_are_one_line_and_exit_2(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = video.with_name("notes.csv")
    text.write_text("hello\n", encoding="utf-8")
    blocked = video / "x.mp4"
    dlc.write(made_tracks(), video.with_name("p.csv"))
    for words in (
        ["render", str(video)],
        ["plot", str(video), "--tracks", str(text)],
        ["render", str(video.with_name("nothing.mp4")), "--tracks", str(video.with_name("p.csv"))],
        ["render", str(video), "--tracks", str(video.with_name("p.csv")), "--out", str(blocked)],
        ["plot", str(video), "--tracks", str(video.with_name("p.csv")), "--out", str(video)],
    ):
        assert main(words) == 2, words
        assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_tracks_in_space_are_refused(video: Path) -> None:
    tracks = Tracks(Skeleton(("a",)), np.zeros((2, 1, 1, 3)), np.ones((2, 1, 1)))
    for verb in (render, plot):
        with pytest.raises(FormatError, match="3D"):
            verb(tracks, video)
