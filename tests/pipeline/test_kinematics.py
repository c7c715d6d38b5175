"""The verb `kinematics`: tables with known numbers, regions and scales as people give them, what fails and how."""

from __future__ import annotations

import csv
import json
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_study import MadeStudy, make_study
from markerless.analysis.kinematics_regions import Circle, Polygon
from markerless.analysis.kinematics_scale import Scale
from markerless.cli.main import main
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import SettingsError
from markerless.formats import dlc, movement
from markerless.pipeline import kinematics as verb
from markerless.pipeline import kinematics_files
from markerless.pipeline.kinematics import KinematicsRequest, KinematicsSettings, kinematics, measure
from markerless.pipeline.region_file import read_regions, regions_of
from markerless.pipeline.result_list import results_of
from markerless.pipeline.results import find_tracks, video_of
from markerless.pipeline.scale_text import parse_scale

FPS = 20.0
Rows = list[dict[str, str]]


def walking(n_frames: int = 101, dimensions: int = 2) -> Tracks:
    """Two animals of nose and tail, 30 px apart, that walk 2 and 4 px to the right in every frame."""
    points = np.zeros((n_frames, 2, 2, dimensions))
    points[..., 0] = np.arange(n_frames)[:, None, None] * np.array([2.0, 4.0])[None, :, None]
    points[:, :, 0, 0] += 30
    points[..., 1] = 50.0
    error = np.full(points.shape[:3], 1.0)
    skeleton = Skeleton(("nose", "tail"), ((0, 1),))
    return Tracks(skeleton, points, np.full(points.shape[:3], 0.9), error, ("slow", "fast"), FPS, scorer="S")


def rows_of(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def column(rows: Rows, name: str, **wanted: str) -> list[float]:
    found = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return [float(row[name]) if row[name] else math.nan for row in found]


def saved(tmp_path: Path, tracks: Tracks, name: str = "walk.nc") -> Path:
    movement.write(tracks, tmp_path / name)
    return tmp_path / name


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of tables and words: drawing takes longer than all else."""
    monkeypatch.setattr(kinematics_files, "figures_of", lambda *_: {})


@pytest.mark.usefixtures("no_figures")
def test_tables_hold_what_was_measured(tmp_path: Path) -> None:
    tracks = walking()
    tracks.points[10, 0, 0] = np.nan
    tracks.score[20, 0, 0] = 0.3
    request = KinematicsRequest(distances=(("nose", "tail"),), heading=("tail", "nose"), scale=parse_scale("4px/cm"))
    (found,) = kinematics([saved(tmp_path, tracks)], request)
    assert found.error == ""
    rows = rows_of(tmp_path / "walk_kinematics.csv")
    assert list(rows[0]) == ["frame", "time_s", "individual", "quantity", "of", "value", "error", "unit"]
    speeds = column(rows, "value", individual="slow", quantity="speed", of="nose")
    assert len(speeds) == 101
    assert set(np.flatnonzero(np.isnan(speeds))) == {0, 9, 10, 11, 19, 20, 21, 100}
    assert {round(value, 4) for value in speeds if math.isfinite(value)} == {2 * FPS / 4}
    assert set(column(rows, "value", individual="fast", quantity="speed", of="tail")[1:-1]) == {4 * FPS / 4}
    assert {row["unit"] for row in rows if row["quantity"] == "acceleration"} == {"cm/s²"}
    assert column(rows, "value", individual="fast", quantity="distance") == [7.5] * 101
    assert column(rows, "value", individual="fast", quantity="heading") == [0.0] * 101
    # of a point with a mean error of 1 px: 0.8 px to each side along an axis, so 1.13 between two, of which the mean
    # of the size is 0.9 px, a quarter of that in centimeters
    by_hand = math.sqrt(2) / math.sqrt(math.pi / 2) * math.sqrt(2 / math.pi) / 4
    np.testing.assert_allclose(column(rows, "error", individual="fast", quantity="distance"), by_hand, rtol=1e-5)
    assert [row["time_s"] for row in rows[:3]] == ["0.0000", "0.0500", "0.1000"]
    summary = rows_of(tmp_path / "walk_kinematics_summary.csv")
    assert column(summary, "total", individual="fast", quantity="path", of="tail") == [99.0]
    assert column(summary, "n_frames", individual="slow", quantity="speed", of="nose") == [93.0]
    assert any("below the cut-off" in note for note in found.notes)
    assert not (tmp_path / "walk_regions.csv").exists()


@pytest.mark.usefixtures("no_figures")
def test_time_in_regions(tmp_path: Path) -> None:
    """The nose of the slow animal is inside from x = 100 to 150: frames 35 to 60, which are 26 of them, 1.3 s."""
    regions = (Polygon("door", ((100, 0), (150, 0), (150, 99), (100, 99))), Circle("start", (30, 50), 10))
    (found,) = kinematics([saved(tmp_path, walking())], KinematicsRequest(regions=regions))
    rows = rows_of(tmp_path / "walk_regions.csv")
    assert len(rows) == 2 * 2 * 2
    (door,) = [row for row in rows if (row["individual"], row["keypoint"], row["region"]) == ("slow", "nose", "door")]
    assert (door["n_inside"], door["time_s"], door["n_entries"], door["first_entry_s"]) == ("26", "1.3", "1", "1.75")
    (start,) = [row for row in rows if (row["individual"], row["keypoint"], row["region"]) == ("slow", "nose", "start")]
    assert (start["n_inside"], start["n_visits"], start["n_entries"], start["first_entry_s"]) == ("6", "1", "0", "")
    visits = rows_of(tmp_path / "walk_visits.csv")
    (visit,) = [
        row for row in visits if (row["individual"], row["keypoint"], row["region"]) == ("slow", "nose", "door")
    ]
    assert (visit["start_frame"], visit["stop_frame"], visit["is_entry"]) == ("35", "61", "True")
    assert found.motion is not None and len(found.motion.stays) == 8


def test_regions_are_in_pixels_whatever_the_scale() -> None:
    regions = (Circle("start", (30, 50), 10),)
    for scale in (None, parse_scale("5px/mm")):
        motion = measure(walking(), KinematicsRequest(regions=regions, scale=scale), KinematicsSettings())
        assert motion.stays[0].n_inside == 6


def test_short_stays_do_not_count() -> None:
    tracks = walking()
    tracks.points[40, 0, 0, 1] = 500  # one frame elsewhere
    request = KinematicsRequest(regions=(Polygon("door", ((100, 0), (150, 0), (150, 99), (100, 99))),))
    assert len(measure(tracks, request, KinematicsSettings()).stays[0].visits) == 2
    (visit,) = measure(tracks, request, KinematicsSettings(min_visit_s=0.1)).stays[0].visits
    assert (visit.start, visit.stop, visit.n_inside) == (35, 61, 25)


def test_the_shortest_stay_is_in_seconds_whatever_else_is_measured_in() -> None:
    """Stays of 0.25 s at 20 frames a second."""
    tracks = walking(100)
    tracks.points[:, 0, 0] = np.where(np.arange(100)[:, None] % 10 < 5, 10.0, 200.0)
    request = KinematicsRequest(regions=(Circle("c", (10, 10), 5),))
    per_frame = replace(request, pace="frame")
    for wanted in (request, per_frame):
        for least, n_visits in ((0.25, 10), (0.3, 1)):
            stay = measure(tracks, wanted, KinematicsSettings(min_visit_s=least)).stays[0]
            assert len(stay.visits) == n_visits
    unknown = replace(tracks, fps=math.nan)
    assert len(measure(unknown, per_frame, KinematicsSettings()).stays[0].visits) == 10
    with pytest.raises(SettingsError, match=r"min_visit_s=0\.25, which is in seconds, got --fps frame"):
        measure(unknown, per_frame, KinematicsSettings(min_visit_s=0.25))


def test_animals_with_like_names_have_figures_of_their_own(tmp_path: Path) -> None:
    tracks = replace(walking(20), individuals=("mouse ♀", "Mouse_♂"))
    (found,) = kinematics([saved(tmp_path, tracks)])
    assert found.error == ""
    names = sorted(path.name for path in found.files if "-length-" in path.name)
    assert names == ["kinematics-length-Mouse___2.png", "kinematics-length-mouse__.png"]
    page = next(path for path in found.files if path.suffix == ".html").read_text(encoding="utf-8")
    assert page.count("<img") == sum(path.suffix == ".png" for path in found.files)
    assert "Speed of mouse ♀" in page and "Speed of Mouse_♂" in page


def test_keypoints_of_one_animal_alone_are_no_loss_on_the_page(tmp_path: Path) -> None:
    tracks = walking(20)
    tracks.points[:, 0, 1], tracks.score[:, 0, 1] = np.nan, np.nan
    tracks.score[:5, 1] = 0.1  # 10 of 60 points
    (found,) = kinematics([saved(tmp_path, tracks)])
    page = next(path for path in found.files if path.suffix == ".html").read_text(encoding="utf-8")
    assert "83.3 %" in page


def test_three_dimensions(tmp_path: Path) -> None:
    tracks = walking(dimensions=3)
    motion = measure(tracks, KinematicsRequest(angles=()), KinematicsSettings())
    assert [quantity.name for quantity in motion.quantities] == ["speed", "acceleration", "length"]
    np.testing.assert_allclose(motion.quantities[0].values[1:-1, 1], 80.0)
    for request in (
        KinematicsRequest(regions=(Circle("c", (0, 0), 1),)),
        KinematicsRequest(heading=("tail", "nose")),
        KinematicsRequest(scale=parse_scale("2")),
    ):
        with pytest.raises(SettingsError, match="3D"):
            measure(tracks, request, KinematicsSettings())
    (found,) = kinematics([saved(tmp_path, tracks)])
    assert found.error == ""
    assert not any("heatmap" in path.name for path in found.files)
    assert all(path.is_file() for path in found.files)


@pytest.mark.usefixtures("no_figures")
def test_an_unknown_frame_rate_is_said_and_frames_are_units_on_request(tmp_path: Path) -> None:
    path = saved(tmp_path, replace(walking(), fps=math.nan))
    (failed,) = kinematics([path])
    assert "--fps frame" in failed.error
    assert failed.files == () and not list(tmp_path.glob("*.csv"))
    (found,) = kinematics([path], KinematicsRequest(pace="frame"))
    assert found.motion is not None
    assert found.motion.quantities[0].unit == "px/frame"
    assert "time_s" not in rows_of(tmp_path / "walk_kinematics.csv")[0]
    fast = measure(walking(), KinematicsRequest(pace=100.0), KinematicsSettings())
    assert np.nanmax(fast.quantities[0].values) == pytest.approx(400)


@pytest.mark.usefixtures("no_figures")
def test_the_video_beside_says_its_frame_rate_and_the_study_its_skeleton(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", n_frames=20, n_labeled=0)
    points = study.truth[:, np.newaxis]
    names = study.project.skeleton.keypoints
    tracks = Tracks(Skeleton(names), points, np.ones(points.shape[:3]), scorer="DLC_x")
    path = study.video.with_name("cage1DLC_x.h5")
    dlc.write(tracks, path)
    for given in (path, study.video):
        (found,) = kinematics([given])
        assert found.error == ""
        assert found.motion is not None
        assert any("as cage1.mp4 says" in note for note in found.notes)
        lengths = next(q for q in found.motion.quantities if q.name == "length")
        assert len(lengths.of) == len(study.project.skeleton.edges)
    assert (study.video.parent / "plot-poses" / "cage1" / "kinematics.html").is_file()
    assert video_of(path) == study.video.resolve()
    is_listed_and_no_result(study, path)


def is_listed_and_no_result(study: MadeStudy, path: Path) -> None:
    """Tables lie beside the tracks under names that begin as theirs do, and must not be taken for tracks."""
    path.unlink()
    csv_file = path.with_suffix(".csv")
    dlc.write(Tracks(Skeleton(("a",)), np.zeros((3, 1, 1, 2)), np.ones((3, 1, 1))), csv_file)
    tables = sorted(study.video.parent.glob("cage1DLC_x_kinematics*.csv"))
    assert len(tables) == 2
    assert find_tracks(study.video) == csv_file.resolve()
    listed = results_of(study.project, study.video)
    (result,) = listed.results
    assert [table.name for table in result.tables] == [table.name for table in tables]
    assert listed.page is not None and listed.page.name == "kinematics.html"
    assert {table.name for table in tables} <= {file.name for file in listed.files}


def test_a_file_that_fails_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("hello\n", encoding="utf-8")
    good = saved(tmp_path, walking())
    out = tmp_path / "out"
    assert main(["kinematics", str(bad), str(good), "--out", str(out), "--heading", "tail,nose"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"failed: {bad}: ")
    assert "fast speed tail" in said.out and "median 80 px/s" in said.out and "396 px" in said.out
    assert said.out.splitlines()[-1].startswith(f"wrote {out / 'walk_kinematics.csv'}, ")
    assert (out / "plot-poses" / "walk" / "kinematics-heatmap-fast.png").is_file()
    assert sorted(path.name for path in out.iterdir()) == [
        "plot-poses",
        "walk_kinematics.csv",
        "walk_kinematics_summary.csv",
    ]


@pytest.mark.usefixtures("no_figures")
def test_tables_of_equal_names_are_not_written_over(tmp_path: Path) -> None:
    for day in ("day1", "day2"):
        (tmp_path / day).mkdir()
    first, second = (saved(tmp_path / day, walking()) for day in ("day1", "day2"))
    one, other = kinematics([first, second], out=tmp_path / "out")
    assert not one.error
    assert "files of different names" in other.error and not other.files


@pytest.mark.usefixtures("no_figures")
def test_what_would_write_over_tables_is_not_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []

    def open_tracks(source: Path, video: Path) -> tuple[Tracks, Path | None]:
        opened.append(source)
        return genuine(source, video)

    genuine = verb.open_tracks
    monkeypatch.setattr(verb, "open_tracks", open_tracks)
    files = []
    for day in ("day1", "day2"):
        (tmp_path / day).mkdir()
        files.append(saved(tmp_path / day, walking()))
    kinematics(files, out=tmp_path / "out")
    assert opened == files[:1]


@pytest.mark.usefixtures("no_figures")
def test_a_file_that_failed_keeps_no_name_from_another(tmp_path: Path) -> None:
    (tmp_path / "day1").mkdir()
    first, second = saved(tmp_path / "day1", replace(walking(), fps=math.nan)), saved(tmp_path, walking())
    one, other = kinematics([first, second], out=tmp_path / "out")
    assert "frames per second" in one.error and not one.files
    assert not other.error and other.files


@pytest.mark.usefixtures("no_figures")
def test_the_files_of_one_analysis_are_measured_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`markerless kinematics videos/mouseDLC*`, the video as well, and one of them twice."""
    native = saved(tmp_path, walking(), "mouseDLC.nc")
    for suffix in (".csv", ".h5"):
        dlc.write(walking(), native.with_suffix(suffix))
    other = saved(tmp_path, walking(), "mouseDLC_filtered.nc")
    video = tmp_path / "mouse.mp4"
    video.touch()
    os.utime(other, (1e9, 1e9))
    files = [native.with_suffix(".csv"), native.with_suffix(".h5"), native, other, native, video]
    assert [done.source for done in kinematics(files)] == [native, other]
    assert main(["kinematics", *map(str, files)]) == 0
    assert capsys.readouterr().err == ""
    (done,) = kinematics([native.with_suffix(".csv"), native.with_suffix(".h5")], KinematicsRequest(pace=FPS))
    assert done.source == native.with_suffix(".h5"), "the one that was given, where the native one was not"
    names = [*native.parent.glob("mouseDLC*.csv")]
    assert len(names) > 3, "tables of this verb, which the same pattern names the next time"
    (tmp_path / "mouseDLC_labeled.mp4").touch()
    again = kinematics([*tmp_path.glob("mouseDLC*.*")])
    assert sorted(done.source.name for done in again) == ["mouseDLC.nc", "mouseDLC_filtered.nc"]
    assert not any(done.error for done in again)
    assert any(
        "mouseDLC_kinematics.csv" in note and "mouseDLC_labeled.mp4" in note for note in again[0].notes + again[1].notes
    )
    assert kinematics([tmp_path / "mouseDLC_kinematics.csv"])[0].error, "alone it is what the user means"
    native.write_bytes(b"torn")
    (done,) = kinematics([native, native.with_suffix(".h5")], KinematicsRequest(pace=FPS))
    assert (done.source, done.error) == (native.with_suffix(".h5"), "")


@pytest.mark.usefixtures("no_figures")
def test_a_video_without_tracks_stops_no_other_and_keeps_its_place(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    good = saved(tmp_path, walking())
    one, other = kinematics([tmp_path / "empty.mp4", good])
    assert "no tracks of empty.mp4" in one.error
    assert not other.error


@pytest.mark.usefixtures("no_figures")
def test_two_results_of_a_video_have_pages_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").touch()
    files = [saved(tmp_path, walking(), name) for name in ("walkDLC.nc", "walkDLC_filtered.nc")]
    files.append(tmp_path / "walk.csv")
    dlc.write(walking(), files[-1])
    found = kinematics(files, KinematicsRequest(pace=FPS))
    pages = [page.parent.name for done in found for page in done.files if page.suffix == ".html"]
    assert pages == ["walk", "walkDLC_filtered", "walk_2"]


@pytest.mark.usefixtures("no_figures")
def test_the_command_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toml = tmp_path / "r.toml"
    toml.write_text('[[region]]\nname = "a"\ncircle = [30, 50, 10]\n', encoding="utf-8")
    words = ["kinematics", str(saved(tmp_path, walking())), "--region", str(toml), "--region", "b=0,0,9,0,9,99,0,99"]
    assert main([*words, "--scale", "nose,tail=15mm", "--set", "kinematics.window=5", "--json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert file["px_per_unit"] == 2.0
    assert {row["region"] for row in file["regions"]} == {"a", "b"}
    (speed,) = [r for r in file["summary"] if (r["individual"], r["quantity"], r["of"]) == ("slow", "speed", "nose")]
    assert (speed["n_frames"], speed["unit"]) == (97, "mm/s")
    assert speed["median"] == pytest.approx(20)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--distance", "nose"], "2 names"),
        (["--angle", "a,b"], "3 names"),
        (["--fps", "fast"], "'frame'"),
        (["--fps", "0"], "got 0"),
        (["--distance", "nose,ear"], "no keypoint 'ear'"),
        (["--scale", "big"], "a scale such as"),
        (["--region", "a=1,2,3,4"], "a region such as"),
        (["--region", "no.toml"], "cannot read the regions"),
        (["--set", "kinematics.window=4"], "odd window"),
        (["--set", "kinematics.widow=5"], "did you mean 'kinematics.window'?"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kinematics", str(saved(tmp_path, walking())), *words]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert len(said.splitlines()) == 1


def test_regions_in_one_word_and_in_a_file_are_the_same(tmp_path: Path) -> None:
    toml = tmp_path / "regions.toml"
    toml.write_text(
        '[[region]]\nname = "food"\ncircle = [320, 240, 50.5]\n'
        '[[region]]\nname = "arm"\npolygon = [[1, 2], [3, 4], [5, 0]]\n',
        encoding="utf-8",
    )
    expected = (Circle("food", (320, 240), 50.5), Polygon("arm", ((1, 2), (3, 4), (5, 0))))
    assert regions_of([str(toml)]) == expected
    assert regions_of(["food=320,240,50.5", "arm=1,2,3,4,5,0"]) == expected
    with pytest.raises(SettingsError, match="'food' 2 times"):
        regions_of([str(toml), "food=1,2,3"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "region = 3",
        "other = 1",
        "[[region]]\ncircle = [1, 2, 3]",
        '[[region]]\nname = "a"',
        '[[region]]\nname = "a"\ncircle = [1, 2, 3]\nradius = 3',
        '[[region]]\nname = "a"\ncircle = [1, 2]',
        '[[region]]\nname = "a"\ncircle = "round"',
        '[[region]]\nname = "a"\ncircle = [1, true, 3]',
        '[[region]]\nname = "a"\npolygon = [[1, 2], [3, 4], [5]]',
        '[[region]]\nname = "a"\npolygon = [1, 2, 3, 4, 5, 6]',
        '[[region]]\nname = "a"\npolygon = 7',
        '[[region]]\nname = "a"\nsquare = [1, 2, 3]',
        '[[region]]\nname = "a"\ncircle = [1, 2, nan]',
        "[[region]]\nname = 3\ncircle = [1, 2, 3]",
        "[[region",
    ],
)
def test_a_file_that_is_not_of_regions(text: str, tmp_path: Path) -> None:
    toml = tmp_path / "regions.toml"
    toml.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        read_regions(toml)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("12.5", Scale(12.5, "mm")),
        ("12.5px/cm", Scale(12.5, "cm")),
        ("0.5 px / \u00b5m", Scale(0.5, "\u00b5m")),
        ("10,20,410,20=400mm", Scale(1.0, "mm")),
        ("10,20,10,60 = 2 cm", Scale(20.0, "cm")),
        ("nose,tail=15", Scale(2.0, "mm")),
    ],
)
def test_scales(text: str, scale: Scale) -> None:
    assert parse_scale(text)(walking()) == scale


@pytest.mark.parametrize(
    "text", ["", "=", "a=", "a,b=", "a,b=mm", "1,2,3,x=5mm", "a,b,c=5mm", "-3", "0", "1.2.3", "3mm/px"]
)
def test_texts_that_are_no_scale(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_scale(text)(walking())
