"""How a study says that its pictures are views of the same scene: `views.toml`, and what can be wrong in it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_views import KEYPOINTS, MIRROR_VIEWS, MadeViews, make_mirror, make_views
from markerless.core.camera import Calibration
from markerless.core.video import VIDEO_SUFFIXES
from markerless.core.view import View
from markerless.errors import CalibrationError, FormatError, MarkerlessError, ProjectError
from markerless.multiview.files import anipose_toml
from markerless.pipeline.study_views import FILE, StudyViews, frame_key, pattern_of, read_study_views, stamp_of
from markerless.pipeline.view_labels import moments_of, placed_of
from markerless.pipeline.views import sessions_of, set_views, views
from markerless.video.images import write_image

CAMERAS = 'calibration = "rig.toml"\nvideos = "day1_{camera}"\n'


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> MadeViews:
    return make_views(tmp_path_factory.mktemp("views"), n_frames=3)


@pytest.fixture
def made(whole: MadeViews, tmp_path: Path) -> MadeViews:
    root = Path(shutil.copytree(whole.root, tmp_path / whole.root.name))
    shutil.copy(whole.calibration, root / "rig.toml")
    return replace(whole, root=root)


def read(made: MadeViews, text: str) -> StudyViews:
    (made.root / FILE).write_text(text, encoding="utf-8")
    found = read_study_views(made.project)
    assert found is not None
    return found


def test_a_study_without_the_file_has_no_views(made: MadeViews) -> None:
    assert read_study_views(made.project) is None
    assert stamp_of(made.project) == ()


def test_videos_of_one_session_are_partners(made: MadeViews) -> None:
    found = read(made, 'calibration = "rig.toml"\nvideos = "{session}_{camera}.mp4"\n')
    assert found.names == ("cam0", "cam1", "cam2")
    folders = ["day1_cam0", "day2_cam0", "day1_cam2", "day2_cam1", "other", "_cam1"]
    assert found.partners("day1_cam0", folders) == {0: "day1_cam0", 2: "day1_cam2"}
    assert found.partners("day2_cam1", folders) == {0: "day2_cam0", 1: "day2_cam1"}
    assert found.partners("other", folders) == {}
    assert found.index.tolist() == [list(range(len(KEYPOINTS)))] * 3


def test_several_patterns_and_other_names_of_cameras(made: MadeViews) -> None:
    text = 'calibration = "rig.toml"\nvideos = ["{camera}-{session}", "old_{camera}"]\n[cameras]\ncam0 = "left"\n'
    found = read(made, text)
    folders = ["left-a", "cam1-a", "cam2-b", "old_left", "old_cam1", "cam0-a"]
    assert found.partners("left-a", folders) == {0: "left-a", 1: "cam1-a"}
    assert found.partners("old_cam1", folders) == {0: "old_left", 1: "old_cam1"}
    assert found.session_of("cam0-a") is None  # the videos call it "left"


def test_a_name_that_is_part_of_another_one_is_not_taken_for_it() -> None:
    pattern = pattern_of("{session}_{camera}", ["top", "top2"], "here")
    match = pattern.fullmatch("a.b_top2")
    assert match is not None
    assert (match["camera"], match["session"]) == ("top2", "a.b")
    assert pattern.fullmatch("a_top3") is None


@pytest.mark.parametrize(("name", "key"), [("img007.png", 7), ("img7.jpg", 7), ("IMG0.PNG", 0), ("a7.png", "a7.png")])
def test_pictures_of_the_same_number_are_of_the_same_moment(name: str, key: int | str) -> None:
    assert frame_key(name) == key


def test_views_of_one_picture_share_keypoints_by_pattern(tmp_path: Path) -> None:
    found = read_study_views(make_mirror(tmp_path))
    assert found is not None
    assert found.is_one_picture
    assert found.keypoints == KEYPOINTS
    assert found.index.tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert found.calibration is None


def test_calibrated_views_of_one_picture_lie_where_the_file_says(whole: MadeViews, tmp_path: Path) -> None:
    project = make_mirror(tmp_path)
    pairs = zip(("side", "below"), whole.cameras, strict=False)
    cameras = tuple(replace(camera, name=name, size=(640, 240)) for name, camera in pairs)
    anipose_toml.write(Calibration(cameras, "mm"), project.root / "rig.toml")
    (project.root / FILE).write_text(f'calibration = "rig.toml"\n{MIRROR_VIEWS}', encoding="utf-8")
    found = read_study_views(project)
    assert found is not None and found.calibration is not None
    placed = [(camera.region, camera.mirrored) for camera in found.calibration.cameras]
    assert placed == [(View(0, 0, 640, 240), False), (View(0, 240, 640, 240), True)]


def test_views_of_one_picture_may_be_calibrated_in_whole_pictures(whole: MadeViews, tmp_path: Path) -> None:
    project = make_mirror(tmp_path)
    pairs = zip(("side", "below"), whole.cameras, strict=False)
    cameras = [replace(camera, name=name, size=(640, 480), mirrored=name == "below") for name, camera in pairs]
    anipose_toml.write(Calibration(tuple(cameras), "mm"), project.root / "rig.toml")
    (project.root / FILE).write_text(f'calibration = "rig.toml"\n{MIRROR_VIEWS}', encoding="utf-8")
    found = read_study_views(project)
    assert found is not None and found.calibration is not None
    found.require_size(found.calibration.cameras, None, (640, 480), "here")
    with pytest.raises(CalibrationError, match="expected pictures of 640 x 480 px of camera 'side'"):
        found.require_size(found.calibration.cameras, None, (1280, 480), "here")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("calibration = 3", "expected 'calibration' and 'videos'"),
        ('videos = "{camera}"', "expected 'calibration' and 'videos'"),
        ('calibration = "rig.toml"\nvideos = "x"', "once"),
        ('calibration = "rig.toml"\nvideos = "{camera}{camera}"', "once"),
        ('calibration = "rig.toml"\nvideos = "{camera}{day}"', "once"),
        ('calibration = "rig.toml"\nvideos = 7', "or a list"),
        ('calibration = "rig.toml"\nvideos = []', "or a list"),
        ('calibration = "rig.toml"\nvideos = [7]', "once"),
        (CAMERAS + "speed = 3", "unknown key 'speed'"),
        (CAMERAS + "cameras = 3", "in [cameras]"),
        (CAMERAS + '[cameras]\ncam0 = ""', "in [cameras]"),
        (CAMERAS + '[cameras]\ncam0 = "cam1"', "'cam1' twice"),
        (CAMERAS + '[cameras]\nnose = "x"', "no camera 'nose' of [cameras]"),
        (CAMERAS + "[offsets]\ncam0 = 1.5", "whole number of frames in [offsets]"),
        (CAMERAS + "[offsets]\ncam0 = true", "whole number of frames in [offsets]"),
        (CAMERAS + "offsets = 3", "whole number of frames in [offsets]"),
        (CAMERAS + "[offsets]\nnose = 1", "no camera 'nose' of [offsets]"),
        (CAMERAS.replace("rig.toml", "../rig.toml"), "copy it there"),
        (CAMERAS.replace("rig.toml", "/etc/passwd"), "copy it there"),
        (CAMERAS.replace("rig.toml", ""), "copy it there"),
        (CAMERAS.replace("rig.toml", "gone.toml"), "no such calibration"),
        (CAMERAS.replace("rig.toml", "config.yaml"), "config.yaml"),
        (CAMERAS.replace("rig.toml", "a\\u0000b"), "copy it there"),
        ("calibration = ", "cannot read"),
        (MIRROR_VIEWS, "expected keypoints that two views"),
        (f'calibration = "../rig.toml"\n{MIRROR_VIEWS}', "copy it there"),
        ('[views.a]\nregion = [0, 0, 9, 9]\n', "two or more tables"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_file_is_one_line(made: MadeViews, text: str, told: str) -> None:
    with pytest.raises((FormatError, CalibrationError), match=re.escape(told)) as caught:
        read(made, text)
    assert len(str(caught.value).splitlines()) == 1


def test_a_link_out_of_the_study_is_not_followed(made: MadeViews, whole: MadeViews) -> None:
    (made.root / "rig.toml").unlink()
    (made.root / "rig.toml").symlink_to(whole.calibration)
    with pytest.raises(FormatError, match="copy it there"):
        read(made, CAMERAS)


def test_two_cameras_with_the_same_numbers_are_refused(made: MadeViews) -> None:
    twins = (made.cameras[0], replace(made.cameras[0], name="cam1"), made.cameras[2])
    anipose_toml.write(Calibration(twins, "mm"), made.root / "rig.toml")
    with pytest.raises(CalibrationError, match="one is a copy of the other"):
        read(made, CAMERAS)


def test_a_picture_of_another_size_is_refused(made: MadeViews, tmp_path: Path) -> None:
    found = read(made, CAMERAS)
    width, height = made.cameras[1].size
    found.require_size(made.cameras, 1, (width, height), "here")
    with pytest.raises(CalibrationError, match=f"expected pictures of {width} x {height} px of camera 'cam1'"):
        found.require_size(made.cameras, 1, (2 * width, 2 * height), "here")


def test_the_stamp_follows_the_file_and_the_calibration(made: MadeViews) -> None:
    read(made, CAMERAS)
    stamps = [stamp_of(made.project)]
    anipose_toml.write(Calibration(made.cameras[:2], "mm"), made.root / "rig.toml")
    stamps.append(stamp_of(made.project))
    read(made, CAMERAS.replace("day1", "day2"))
    stamps.append(stamp_of(made.project))
    (made.root / FILE).write_text("broken = ", encoding="utf-8")
    stamps.append(stamp_of(made.project))
    assert len({repr(stamp) for stamp in stamps}) == 4


def test_the_verb_keeps_a_copy_of_the_calibration_and_tells_what_there_is(made: MadeViews) -> None:
    (made.root / "rig.toml").unlink()
    written = set_views(made.project, made.calibration, ["{session}_{camera}"])
    assert [path.name for path in written] == [FILE, "rig.toml"]
    report = views(made.root)
    assert report.views == ("cam0", "cam1", "cam2")
    assert report.calibrated
    (session,) = report.sessions
    assert session.folders == {"cam0": "day1_cam0", "cam1": "day1_cam1", "cam2": "day1_cam2"}
    assert (session.n_moments, session.n_shared) == (3, 3)
    assert session.missing == {"cam0": (), "cam1": (), "cam2": (0, 1, 2)}


def test_pictures_of_the_same_moments_are_made_in_all_views(made: MadeViews) -> None:
    set_views(made.project, made.calibration, ["{session}_{camera}"])
    for name in ("img01.png", "img02.png"):
        (made.root / "labeled-data/day1_cam1" / name).unlink()
    report = views(made.root, with_pictures=True)
    assert {one.video.stem: one.frames for one in report.extracted} == {"day1_cam1": (1, 2), "day1_cam2": (0, 1, 2)}
    assert report.sessions[0].missing == {"cam0": (), "cam1": (), "cam2": ()}
    assert not views(made.root, with_pictures=True).extracted


def test_moments_that_a_video_does_not_have_are_told_and_the_others_extracted(made: MadeViews) -> None:
    set_views(made.project, made.calibration, ["{session}_{camera}"])
    folder = made.root / "labeled-data/day1_cam0"
    shutil.copy(folder / "img00.png", folder / "img77.png")
    done = {one.video.stem: one for one in views(made.root, with_pictures=True).extracted}
    assert done["day1_cam2"].frames == (0, 1, 2)
    assert done["day1_cam2"].notes == ("1 of the moments are not in this video of 3 frames",)
    assert done["day1_cam1"].notes == done["day1_cam2"].notes


def test_pictures_are_of_the_same_moment_also_when_a_camera_started_later(made: MadeViews) -> None:
    """Frame 1 of cam1 shows what the others show in frame 0."""
    found = read(made, CAMERAS + "[offsets]\ncam1 = 1\ncam2 = -1\n")
    assert [found.moment_of(view, "img02.png") for view in range(3)] == [2, 1, 3]
    (session,) = sessions_of(made.project, found)
    assert (session.n_moments, session.n_shared) == (4, 2)  # moments -1 to 2, of which 0 and 1 are in two
    assert session.missing == {"cam0": (-1,), "cam1": (2,), "cam2": (-1, 0, 1, 2)}
    done = {one.video.stem: one for one in views(made.root, with_pictures=True).extracted}
    for without in ("day1_cam0", "day1_cam1"):
        assert done[without].notes == ("1 of the moments are not in this video of 3 frames",)
        assert not done[without].frames
        assert not done[without].error
    assert done["day1_cam2"].frames == (0, 1)  # moments 1 and 2; it had not started before
    assert done["day1_cam2"].notes == ("2 of the moments are not in this video of 3 frames",)
    moments = moments_of(found, placed_of(made.project.labels()), ["individual_0"])
    assert moments.pictures[1] == {0: ("day1_cam0", "img00.png"), 1: ("day1_cam1", "img01.png")}


@pytest.mark.parametrize("before", ["", CAMERAS])
def test_the_study_stays_as_it_was_when_the_new_views_are_wrong(made: MadeViews, before: str, tmp_path: Path) -> None:
    if before:
        read(made, before)
    rig = (made.root / "rig.toml").read_bytes()
    wrong = tmp_path / "new" / "rig.toml"
    wrong.parent.mkdir()
    anipose_toml.write(Calibration(made.cameras[:1], "mm"), wrong)
    with pytest.raises(MarkerlessError):
        set_views(made.project, wrong, ["{session}_{camera}"])
    with pytest.raises(FormatError, match="once"):
        set_views(made.project, made.calibration, ["nothing"])
    assert (made.root / "rig.toml").read_bytes() == rig
    assert (made.root / FILE).exists() == bool(before)
    assert read_study_views(made.project) is None or before


def test_another_file_of_the_calibrations_name_is_not_replaced(made: MadeViews, tmp_path: Path) -> None:
    (made.root / "rig.toml").write_text("mine = 1", encoding="utf-8")
    with pytest.raises(ProjectError, match=r"expected no other rig\.toml"):
        set_views(made.project, made.calibration, ["{session}_{camera}"])
    as_views = tmp_path / "copy" / FILE
    as_views.parent.mkdir()
    shutil.copy(made.calibration, as_views)
    for text in (as_views.read_text(encoding="utf-8"), CAMERAS):  # a calibration, or what another study says
        as_views.write_text(text, encoding="utf-8")
        with pytest.raises(ProjectError, match="give the calibration that it names, or rename it"):
            set_views(made.project, as_views, ["{session}_{camera}"])


def test_a_mirrors_file_is_copied_with_the_calibration_that_it_names(tmp_path: Path) -> None:
    project = make_mirror(tmp_path / "study")
    (project.root / FILE).unlink()
    source = tmp_path / "mine" / "mouse.toml"
    source.parent.mkdir()
    source.write_text(MIRROR_VIEWS, encoding="utf-8")
    set_views(project, source)
    report = views(project)
    assert not report.calibrated
    assert report.n_points > 40
    assert np.array(list(report.error_px.values())) == pytest.approx(1.0, abs=0.3)  # at least 1, whatever is learned
    with pytest.raises(FormatError, match="several cameras"):
        set_views(project, source, ["{camera}"])


def test_a_table_that_names_an_unknown_keypoint_is_refused(tmp_path: Path) -> None:
    project = make_mirror(tmp_path, n_frames=2)
    table = 'keypoints = { nose = "nose_tap", ear = "ear_top" }'
    (project.root / FILE).write_text(MIRROR_VIEWS.replace('keypoints = "{}_top"', table), encoding="utf-8")
    with pytest.raises(FormatError, match=r"no keypoint 'nose_tap' of \[views.side\] in .*did you mean 'nose_top'"):
        read_study_views(project)


@pytest.mark.parametrize("with_pictures", [False, True])
def test_a_study_without_any_label_yet_can_have_views(with_pictures: bool, made: MadeViews) -> None:
    shutil.rmtree(made.root / "labeled-data")
    set_views(made.project, made.calibration, ["day1_{camera}"])
    picture = made.root / "labeled-data" / made.folder(1) / "img01.png"
    picture.parent.mkdir(parents=True)
    write_image(picture, np.zeros((4, 4, 3), np.uint8))
    report = views(made.project, with_pictures)
    assert (len(report.sessions), report.n_points, report.notes) == (1, 0, ())
    assert len(report.extracted) == (2 if with_pictures else 0)


def test_a_new_calibration_leaves_what_was_said_of_the_cameras_by_hand(made: MadeViews) -> None:
    tables = '\n[cameras]\n"cam0" = "left \\"ä\\""\n\n[offsets]\n"cam1" = -2\n'
    read(made, CAMERAS + tables)
    set_views(made.project, made.calibration, ["{session}_{camera}"])
    text = (made.root / FILE).read_text(encoding="utf-8")
    assert text == 'calibration = "rig.toml"\nvideos = "{session}_{camera}"\n' + tables
    found = read_study_views(made.project)
    assert found is not None
    assert found.offsets == (0, -2, 0)
    (made.root / FILE).write_text(text.replace('"cam1"', '"cam9"'), encoding="utf-8")
    before = (made.root / FILE).read_bytes()
    with pytest.raises(CalibrationError, match=r"no camera 'cam9' of \[offsets\] of .*out there: .* cam0, cam1"):
        set_views(made.project, made.calibration, ["{session}_{camera}"])
    assert (made.root / FILE).read_bytes() == before
    for damaged in ("cam1 = 2020-01-01", "cam1 = { a = 1 }", "cam1 = nan"):
        (made.root / FILE).write_text(CAMERAS + f"[offsets]\n{damaged}\n", encoding="utf-8")
        with pytest.raises(FormatError):
            set_views(made.project, made.calibration, ["{session}_{camera}"])


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_names_of_videos_may_have_any_ending_of_a_video(suffix: str) -> None:
    for written in (suffix, suffix.upper()):
        match = pattern_of("{session}_{camera}" + written, ["top", "side"], "here").fullmatch("day1_top")
        assert match is not None
        assert match["session"] == "day1"
    assert pattern_of("{camera}.5", ["top"], "here").fullmatch("top") is None


def test_offsets_hold_for_pictures_of_any_name_with_a_number(made: MadeViews) -> None:
    found = read(made, CAMERAS + "[offsets]\ncam1 = 3\n")
    for first, second in (
        ("frame_0007.png", "frame_0010.png"),
        ("0098.jpg", "0101.jpg"),
        ("a2_9_b.png", "a2_12_b.png"),
    ):
        assert found.moment_of(0, first) == found.moment_of(1, second)
        assert found.moment_of(0, first) == found.moment_of(2, first)
        assert found.moment_of(0, second) != found.moment_of(1, second)
    assert found.moment_of(0, "a1_9.png") != found.moment_of(2, "a2_9.png")  # of two recordings
    assert found.moment_of(0, "first.png") == "first.png"
    with pytest.raises(
        FormatError, match=r"a number in the name of picture 'first\.png' of camera 'cam1', whose offset"
    ) as told:
        found.moment_of(1, "first.png")
    assert "\n" not in str(told.value)
    plain = read(made, CAMERAS)
    assert [plain.moment_of(view, "frame_0007.png") for view in range(3)] == ["frame_0007.png"] * 3
    assert plain.moment_of(1, "first.png") == "first.png"
