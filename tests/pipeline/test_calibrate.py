"""The verb `calibrate`: a rig of known truth from rendered pictures and videos, and a clear line for each bad input."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from made_boards import pair, photograph, shown
from markerless.cli.main import main
from markerless.core.camera import Calibration
from markerless.errors import CalibrationError
from markerless.multiview.boards import parse_board
from markerless.multiview.files import anipose_toml
from markerless.pipeline.board_floor import _ends_with
from markerless.pipeline.board_recordings import find_recordings
from markerless.pipeline.calibrate import CalibrateRequest, calibrate
from markerless.video.images import write_image
from markerless.video.writer import VideoWriter

NAME = "charuco:7x5:30:22:DICT_4X4_50"
BOARD = parse_board(NAME)
RIG = pair()
N = 12


@dataclass(frozen=True)
class Pictures:
    """Of the board, by both cameras."""

    left: list[npt.NDArray[np.uint8]]
    right: list[npt.NDArray[np.uint8]]


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    boards = shown(BOARD, N)
    return Pictures(*(photograph(BOARD, camera, boards) for camera in RIG))


def put(
    folder: Path, left: Sequence[np.ndarray], right: Sequence[np.ndarray], name: str = "{camera}{i:02}.png"
) -> Path:
    """Pictures in files named like `name`."""
    for camera, seen in (("left", left), ("right", right)):
        for i, gray in enumerate(seen):
            path = folder / name.format(camera=camera, i=i)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, np.repeat(gray[..., None], 3, axis=2))
    return folder


def check_rig(found: Calibration) -> None:
    """The truth, to 0.2 % of the baseline and 0.3 % of the focal lengths."""
    assert found.names == ("left", "right")
    assert found.unit == "mm"
    for camera, true in zip(found.cameras, RIG, strict=True):
        assert camera.size == true.size
        np.testing.assert_allclose(np.diag(camera.matrix)[:2], np.diag(true.matrix)[:2], rtol=3e-3)
        turn = camera.rotation @ true.rotation.T
        assert (
            np.arccos(min(1.0, (np.trace(turn) - 1) / 2)) < 6e-3
        )  # turns and principal points are told apart only so well
    assert np.linalg.norm(found.cameras[1].center) == pytest.approx(120, rel=2e-3)


PATTERN = "{camera}{index}.png"


@pytest.fixture(scope="module")
def folder(pictures: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """left00.png, right00.png, ...: not to be changed."""
    return put(tmp_path_factory.mktemp("boards"), pictures.left, pictures.right)


def test_a_pattern_of_names(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rig.toml"
    assert main(["calibrate", str(folder), "--board", NAME, "--pattern", PATTERN, "--out", str(out)]) == 0
    told = capsys.readouterr().out.splitlines()
    check_rig(anipose_toml.read(out))
    for name in ("left", "right"):
        line = next(line for line in told if line.startswith(f"{name}:"))
        assert re.search(rf"px over {N} boards, corners in \d+ % of the picture", line)
    assert any("joint reprojection error 0." in line for line in told)
    assert told[-1].startswith(f"wrote {out}")
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{camera}{i:02}.png" for camera in ("left", "right") for i in range(N)
    )


@pytest.mark.parametrize("name", ["{camera}/{i}.png", "{camera}/calibration_images/{camera}-2022022{i:02}-{i}.png"])
def test_sub_folders(pictures: Pictures, tmp_path: Path, name: str) -> None:
    put(tmp_path, pictures.left, pictures.right, name)
    result = calibrate(tmp_path, NAME)
    assert result.path == tmp_path / "calibration.toml"
    found = anipose_toml.read(result.path)
    check_rig(found)
    assert found.error_px == pytest.approx(result.calibration.error_px)
    assert found.error_px < 0.15
    assert result.coverage.stat().st_size > 1000


def test_pictures_are_paired_by_their_numbers(pictures: Pictures, tmp_path: Path) -> None:
    put(tmp_path, pictures.left, pictures.right)
    (tmp_path / "left03.png").unlink()
    (tmp_path / "right07.png").unlink()
    result = calibrate(tmp_path, CalibrateRequest(NAME, pattern=PATTERN))
    assert [verdict.boards for verdict in result.cameras] == [N - 1, N - 1]
    assert not result.dropped
    check_rig(result.calibration)


def test_videos(pictures: Pictures, tmp_path: Path) -> None:
    for camera, seen in (("left", pictures.left), ("right", [*pictures.right, pictures.right[-1]])):
        with VideoWriter(tmp_path / f"rig-{camera}.mp4", 10, (640, 480)) as writer:
            for gray in seen:
                writer.write(np.repeat(gray[..., None], 3, axis=2))
    result = calibrate(tmp_path, CalibrateRequest(NAME))
    check_rig(result.calibration)
    assert any("differ in length" in note and f"right {N + 1}" in note for note in result.notes)


def test_one_wrong_board_is_named_and_left_out(pictures: Pictures, tmp_path: Path) -> None:
    right = list(pictures.right)
    right[4] = pictures.right[9]
    put(tmp_path, pictures.left, right)
    result = calibrate(tmp_path, CalibrateRequest(NAME, pattern=PATTERN))
    assert {moment for _, moment, _ in result.dropped} == {"4"}
    assert all(off > 5 for _, _, off in result.dropped)
    check_rig(result.calibration)


def test_json(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rig.toml"
    assert main(["calibrate", str(folder), "--board", NAME, "--pattern", PATTERN, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rms_px"] < 0.15
    assert [camera["name"] for camera in told["cameras"]] == ["left", "right"]
    assert told["cameras"][1]["boards"] == N
    assert told["dropped"] == []


def test_a_board_on_the_floor_gives_the_axes(folder: Path, tmp_path: Path) -> None:
    boards = shown(BOARD, N)
    request = CalibrateRequest(NAME, PATTERN, out=tmp_path / "rig.toml", floor="3")
    result = calibrate(folder, request)
    found = anipose_toml.read(result.path)
    told = dict(found.provenance)["axes"]
    assert told in result.notes
    assert "board at moment 3" in told
    assert "seen by left, right" in told
    # the truth: the corners of the board of that picture lie in the plane z = 0, in its print's order
    world = BOARD.points @ boards.rotation[3].T + boards.translation[3]
    flat = BOARD.points * [1.0, -1.0, 1.0]
    for camera, true in zip(found.cameras, RIG, strict=True):
        np.testing.assert_allclose(camera.project(flat), true.project(world), atol=0.5)
        assert camera.center[2] > 300  # above the floor
    unknown = CalibrateRequest(NAME, PATTERN, out=tmp_path / "no.toml", floor="99")
    refused(folder, unknown, "got '99', none of that name; moments: 0, 1")


def test_the_moment_of_the_floor_is_a_whole_number() -> None:
    for name, moment in (("img005", "5"), ("img0105", "105"), ("top_000", "0"), ("floor", "or"), ("a12b3", "b3")):
        assert _ends_with(name, moment), (name, moment)
    for name, moment in (("15", "5"), ("img105", "5"), ("100", "00"), ("img005", "6"), ("7", "8")):
        assert not _ends_with(name, moment), (name, moment)


def test_a_board_to_print(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "board.pdf"
    assert main(["calibrate", "--board", NAME, "--print", str(path)]) == 0
    assert path.read_bytes().startswith(b"%PDF")
    assert capsys.readouterr().out == f"wrote {path}\n"
    assert main(["calibrate", "--board", NAME]) == 2
    capsys.readouterr()
    assert main(["calibrate", "--board", NAME, "--print", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"board": NAME, "printed": str(path)}


def test_a_board_printed_along_the_way_is_named_at_the_end(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["calibrate", str(folder), "--board", NAME, "--pattern", PATTERN, "--out", str(tmp_path / "rig.toml")]
    assert main([*words, "--print", str(tmp_path / "board.png")]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"wrote {', '.join(str(tmp_path / name) for name in ('rig.toml', 'rig-coverage.png', 'board.png'))}"


def refused(folder: Path, request: CalibrateRequest, said: str) -> None:
    """An error of one line that says so, and no file."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(CalibrationError, match=said) as error:
        calibrate(folder, request)
    assert len(str(error.value).splitlines()) == 1
    assert sorted(folder.rglob("*")) == before


def test_too_few_boards(pictures: Pictures, tmp_path: Path) -> None:
    put(tmp_path, pictures.left, pictures.right[:2])
    refused(tmp_path, CalibrateRequest(NAME, PATTERN), r"in at least \d.*found it in 2 .*'right'")


def test_no_board(pictures: Pictures, tmp_path: Path) -> None:
    put(tmp_path, pictures.left, [np.full_like(gray, 90) for gray in pictures.right])
    refused(tmp_path, CalibrateRequest(NAME, PATTERN), "the board was not found in the pictures of camera 'right'")


def test_the_first_camera_without_a_board_ends_the_search(pictures: Pictures, tmp_path: Path) -> None:
    put(tmp_path, [np.full_like(gray, 90) for gray in pictures.left], pictures.right)
    looked: list[str] = []

    def told(done: int, total: int, message: str) -> None:
        looked.append(message)

    with pytest.raises(CalibrationError, match="not found in the pictures of camera 'left'"):
        calibrate(tmp_path, CalibrateRequest(NAME, PATTERN), told)
    assert len(looked) == N


def test_another_board(folder: Path) -> None:
    for named in ("charuco:5x7:30:22:DICT_4X4_50", "charuco:6x4:30:22:DICT_4X4_50"):
        refused(folder, CalibrateRequest(named, PATTERN), f"this fits: --board {NAME}")


def test_a_mirrored_board(pictures: Pictures, tmp_path: Path) -> None:
    flipped = [np.ascontiguousarray(gray[:, ::-1]) for gray in pictures.right]
    put(tmp_path, pictures.left, flipped)
    refused(tmp_path, CalibrateRequest(NAME, PATTERN), "camera 'right' shows the board mirrored")


def test_mixed_sizes(pictures: Pictures, tmp_path: Path) -> None:
    left = [*pictures.left[:-1], pictures.left[-1][:400]]
    put(tmp_path, left, pictures.right)
    refused(tmp_path, CalibrateRequest(NAME, PATTERN), "camera 'left' to be of one size, got 640x480.*640x400")


def test_cameras_that_never_share_a_board(pictures: Pictures, tmp_path: Path) -> None:
    put(tmp_path, pictures.left[: N // 2], pictures.right)
    for i in range(N // 2):
        (tmp_path / f"right{i:02}.png").unlink()
    refused(tmp_path, CalibrateRequest(NAME, PATTERN), "no board is seen at the same moment by one of 'left'.*'right'")


def test_pictures_of_other_moments(pictures: Pictures, tmp_path: Path) -> None:
    put(tmp_path, pictures.left, [*pictures.right[5:], *pictures.right[:5]])
    refused(tmp_path, CalibrateRequest(NAME, PATTERN), "same moments")


def test_a_board_that_is_not_flat(pictures: Pictures, tmp_path: Path) -> None:
    bent = [gray.copy() for gray in pictures.left]
    for gray in bent:
        for x in range(640):
            gray[:, x] = np.roll(gray[:, x], round(12 * np.sin(x / 25)))
    put(tmp_path, bent, pictures.right)
    refused(tmp_path, CalibrateRequest(NAME, PATTERN), "camera 'left'")


def test_unknown_names(folder: Path, tmp_path: Path) -> None:
    refused(folder, CalibrateRequest(NAME, PATTERN, ("left", "top")), "unknown camera 'top'.*left, right")
    refused(folder, CalibrateRequest(NAME, "{camera}_{index}.jpg"), "is named like")
    refused(folder, CalibrateRequest(NAME, "{name}.jpg"), r"expected \{camera\} and \{index\} once each")
    refused(folder, CalibrateRequest(NAME), "nothing says of which camera")
    refused(tmp_path, CalibrateRequest(NAME), "found nothing")
    with pytest.raises(CalibrationError, match="expected a folder"):
        calibrate(tmp_path / "none", CalibrateRequest(NAME))


def test_pictures_that_cannot_be_paired(pictures: Pictures, tmp_path: Path) -> None:
    put(tmp_path, pictures.left, pictures.right, "{camera}/{i}.png")
    for i, path in enumerate(sorted((tmp_path / "right").iterdir())[:-1]):
        path.rename(path.with_name("abcdefghijkl"[i] + ".png"))
    (tmp_path / "right" / "9.png").unlink()
    refused(tmp_path, CalibrateRequest(NAME), "cannot be paired")


def test_nothing_is_left_out_silently(pictures: Pictures, tmp_path: Path) -> None:
    put(tmp_path / "twice", pictures.left, pictures.right)
    shutil.copy(tmp_path / "twice" / "left03.png", tmp_path / "twice" / "left3.png")
    refused(
        tmp_path / "twice", CalibrateRequest(NAME, PATTERN), r"left3\.png and left03\.png|left03\.png and left3\.png"
    )
    for name in ("left/a", "left/b", "right/a"):
        (tmp_path / "videos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "videos" / f"{name}.mp4").write_bytes(b"")
    refused(tmp_path / "videos", CalibrateRequest(NAME), r"one video of the board in .*left, got 2 \(a\.mp4, \.\.\.\)")
    found = find_recordings(tmp_path / "videos", cameras=["right"])
    assert [(each.camera, each.video) for each in found] == [("right", tmp_path / "videos" / "right" / "a.mp4")]


def test_a_file_of_another_tool_is_kept(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rig.toml"
    out.write_text("[metadata]\nadjusted = false\n", encoding="utf-8")
    words = ["calibrate", str(folder), "--board", NAME, "--pattern", PATTERN, "--out", str(out)]
    assert main(words) == 2
    assert "was not made by markerless" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "[metadata]\nadjusted = false\n"
    assert main([*words, "--overwrite"]) == 0
    assert main(words) == 0  # its own file it replaces
    check_rig(anipose_toml.read(out))
    refused(folder, CalibrateRequest(NAME, PATTERN, out=tmp_path / "rig.json"), r"ends in \.toml")


def test_the_stereo_pictures_of_the_toolbox(shared_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "stereo.toml"
    request = CalibrateRequest("checkerboard:9x6:30", "{camera}{index}.jpg", out=out)
    found = calibrate(shared_data / "stereo-checkerboard", request).calibration
    assert found.error_px < 0.25
    left, right = found.cameras
    assert left.matrix[0, 0] == pytest.approx(532.8, rel=3e-3)
    assert right.matrix[0, 0] == pytest.approx(537.2, rel=3e-3)
    assert np.linalg.norm(left.center - right.center) == pytest.approx(99.8, rel=3e-3)


@pytest.mark.slow
def test_the_four_cameras_of_the_mouse(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mouse, out = shared_data / "mouse-4cam", tmp_path / "mouse.toml"
    result = calibrate(mouse, CalibrateRequest(str(mouse / "board.toml"), out=out))
    assert result.calibration.names == ("back", "mid", "side", "top")
    assert result.calibration.error_px < 0.35
    assert [verdict.boards for verdict in result.cameras] == [21] * 4
    labels = [f"{name}={mouse / name / f'minimal_{name}_proofread.slp'}" for name in result.calibration.names]
    wrong = {}
    for calibration in (out, mouse / "calibration.toml"):
        assert main(["check", str(calibration), "--labels", *labels, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        wrong[calibration.parent] = [each["where"] for each in told["findings"] if each["kind"] == "wrong camera"]
    assert wrong == {tmp_path: [], mouse: ["camera side"]}


def test_coverage_is_written_beside_it(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "boards")
    result = calibrate(tmp_path / "boards", CalibrateRequest(NAME, PATTERN))
    assert sorted(path.name for path in result.path.parent.glob("*calibration*")) == [
        "calibration-coverage.png",
        "calibration.toml",
    ]
