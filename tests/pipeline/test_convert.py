"""`convert`: another tool's format, and what it has no place for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from markerless.cli.main import main
from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.core.views import Views
from markerless.errors import FormatError, SettingsError
from markerless.formats import anipose, coco, dlc, dlc_labels, movement, sleap_labels, tidy
from markerless.formats._sniff import open_any
from markerless.pipeline.convert import convert

SKELETON = Skeleton(("nose", "left ear", "right ear"), ((0, 1), (0, 2)), ((1, 2),))


def some_tracks(n_axes: int = 2) -> Tracks:
    rng = np.random.default_rng(1)
    shape = (6, 1, 3)
    return Tracks(
        SKELETON,
        rng.normal(200, 50, (*shape, n_axes)),
        rng.random(shape),
        error=rng.random(shape) + 1,
        fps=25.0,
        video="m1.mp4",
        scorer="S",
        provenance={"run": "run1"},
    )


@pytest.fixture
def native(tmp_path: Path) -> Path:
    movement.write(some_tracks(), tmp_path / "m1S.nc")
    return tmp_path / "m1S.nc"


@pytest.mark.parametrize(
    ("name", "expected", "lost"),
    [
        ("a.h5", "dlc", {"expected errors", "the frame rate", "the video's name", "how it was made", "edges", "left"}),
        ("a.csv", "dlc", {"expected errors", "the frame rate", "the video's name", "how it was made", "edges", "left"}),
        ("a.tidy.csv", "tidy", {"the video's name", "the scorer", "how it was made", "edges", "left"}),
        ("a.analysis.h5", "sleap_analysis", {"expected errors"}),
        ("a.slp", "sleap", {"expected errors"}),
        ("a.nc", "movement", set()),
    ],
)
def test_the_ending_names_the_format_and_losses_are_told(
    name: str, expected: str, lost: set[str], native: Path, tmp_path: Path
) -> None:
    made = convert(native, tmp_path / name)
    assert (made.source_format, made.format, made.kind, made.n_frames) == ("movement", expected, "tracks", 6)
    told = {word for word in lost if any(line.startswith(word) for line in made.lost)}
    assert told == lost
    assert len(made.lost) == len(lost)
    read_as, again = open_any(tmp_path / name)
    assert read_as == expected
    assert isinstance(again, Tracks)
    np.testing.assert_array_equal(again.points, some_tracks().points)


def test_nwb_loses_errors_pairs_and_provenance(native: Path, tmp_path: Path) -> None:
    pytest.importorskip("ndx_pose", reason="writing NWB needs the extra nwb")
    lost = convert(native, tmp_path / "a.nwb").lost
    assert [line.split(":")[0].split(" of ")[0] for line in lost] == [
        "expected errors",
        "how it was made",
        "left and right pairs (1)",
    ]


def test_to_names_a_format(native: Path, tmp_path: Path) -> None:
    assert convert(native, tmp_path / "a.csv", "tidy").format == "tidy"
    assert convert(native, tmp_path / "b.csv", "lightning_pose").format == "lightning_pose"
    with pytest.raises(SettingsError, match="did you mean 'tidy'"):
        convert(native, tmp_path / "a.csv", "tidi")
    with pytest.raises(SettingsError, match=r"ends in \.csv, got a\.h5"):
        convert(native, tmp_path / "a.h5", "tidy")
    with pytest.raises(SettingsError, match="sleap_json can be read but not written"):
        convert(native, tmp_path / "a.json", "sleap_json")
    with pytest.raises(SettingsError, match=r"no format is written to files that end in '\.xyz'"):
        convert(native, tmp_path / "a.xyz")
    with pytest.raises(SettingsError, match="two different files"):
        convert(native, native)


def test_three_dimensions_go_where_there_are_three(tmp_path: Path) -> None:
    movement.write(some_tracks(3), tmp_path / "a.nc")
    made = convert(tmp_path / "a.nc", tmp_path / "b.csv", "anipose")
    np.testing.assert_array_equal(anipose.read(made.path).points, some_tracks(3).points)
    lost = convert(tmp_path / "a.nc", tmp_path / "c.csv").lost
    assert any(line.startswith("scores of 18 of 18 points") for line in lost)  # DeepLabCut's 3D tables have none
    with pytest.raises(FormatError, match="3D"):
        convert(tmp_path / "a.nc", tmp_path / "a.slp")
    assert not (tmp_path / "a.slp").exists()


def test_what_the_cameras_say_goes_along_or_its_loss_is_told(tmp_path: Path) -> None:
    state = np.zeros((6, 1, 3), dtype=np.int8)
    used = np.ones((2, 6, 1, 3), dtype=bool)
    used[1, 0] = False
    views = Views(("left", "right"), np.stack([np.full(state.shape, 1.0), np.full(state.shape, 4.0)]), used, state)
    tracks = some_tracks(3)
    movement.write(tracks, tmp_path / "a.nc", views)
    made = convert(tmp_path / "a.nc", tmp_path / "b.csv", "anipose")
    header, first, second, *_ = made.path.read_text(encoding="utf-8").splitlines()
    name = tracks.skeleton.keypoints[0]
    error, number = (header.split(",").index(f"{name}_{part}") for part in ("error", "ncams"))
    assert [row.split(",")[i] for row in (first, second) for i in (error, number)] == ["1.0", "1.0", "2.5", "2.0"]
    again = movement.read_views(convert(tmp_path / "a.nc", tmp_path / "c.nc").path)
    assert again is not None
    np.testing.assert_array_equal(again.used, used)
    for target in ("d_DLC_3D.h5", "d.tidy.csv"):
        made = convert(tmp_path / "a.nc", tmp_path / target)
        assert "what each camera says of the points (left, right)" in made.lost
        again_tracks = open_any(made.path)[1]
        assert isinstance(again_tracks, Tracks)
        np.testing.assert_array_equal(again_tracks.points, tracks.points)


def test_labels(tmp_path: Path) -> None:
    instance = Instance.from_xy([[1, 2], [3, 4], [np.nan, np.nan]])
    occluded = replace(instance, visibility=np.array([1, 2, 0], dtype=np.int8))
    frames = (LabeledFrame("labeled-data/v/img1.png", (occluded,), "Ada"), LabeledFrame("labeled-data/v/img2.png", ()))
    coco.write(Labels(SKELETON, frames), tmp_path / "a.json")
    made = convert(tmp_path / "a.json", tmp_path / "b.csv")
    assert (made.source_format, made.format) == ("coco", "dlc_labels")
    assert made.lost == (
        "the mark 'not labeled' of 1 points",
        "the mark 'occluded' of 1 points",
        "edges of the skeleton (2)",
    )
    np.testing.assert_array_equal(dlc_labels.read(tmp_path / "b.csv").xy()[0, 0, :2], [[1, 2], [3, 4]])
    with pytest.raises(
        FormatError, match=r"movement holds tracks, got labels in .*; give a file .* \.csv, \.h5, \.json"
    ):
        convert(tmp_path / "a.json", tmp_path / "c.nc")
    movement.write(some_tracks(), tmp_path / "a.nc")
    with pytest.raises(FormatError, match=r"coco holds labels, got tracks in .*a\.nc; .* \.nc, \.nwb"):
        convert(tmp_path / "a.nc", tmp_path / "c.json")
    assert not (tmp_path / "c.json").exists()


def test_a_project_of_sleap_is_labels_or_tracks_as_the_new_file_needs(tmp_path: Path) -> None:
    frames = tuple(LabeledFrame(f"v/img{i}.png", (Instance.from_xy([[i, 2], [3, 4], [5, 6]]),)) for i in range(3))
    sleap_labels.write(Labels(SKELETON, frames), tmp_path / "a.slp")
    assert convert(tmp_path / "a.slp", tmp_path / "a.csv").kind == "labels"
    assert convert(tmp_path / "a.slp", tmp_path / "a.nc").kind == "tracks"
    np.testing.assert_array_equal(movement.read(tmp_path / "a.nc").points[:, 0, 0, 0], [0, 1, 2])


def test_the_verb(native: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "a.slp"
    assert main(["convert", str(native), str(out)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "read 6 frames of tracks (movement)",
        "not kept by sleap: expected errors of 18 of 18 points",
        f"wrote {out}",
    ]
    assert main(["convert", str(native), str(tmp_path / "a.csv"), "--to", "tidy", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["format"], found["source"], len(found["lost"])) == ("tidy", str(native), 5)
    assert tidy.read(tmp_path / "a.csv").fps == 25
    assert main(["convert", str(tmp_path / "none.nc"), str(out)]) == 2
    assert "no such file" in capsys.readouterr().err


def test_an_existing_file_is_replaced_only_when_asked(
    native: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "CollectedData_Ada.csv"
    mine.write_text("an afternoon of labels", encoding="utf-8")
    assert main(["convert", str(native), str(mine)]) == 2
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith(f"{mine} is there already; give another name, or replace it with --overwrite")
    )
    assert mine.read_text(encoding="utf-8") == "an afternoon of labels"
    assert main(["convert", str(native), str(mine), "--overwrite"]) == 0
    assert dlc.read(mine).n_frames == 6
    # what cannot be written leaves the old file, even then
    movement.write(some_tracks(3), tmp_path / "deep.nc")
    (tmp_path / "a.slp").write_text("old", encoding="utf-8")
    with pytest.raises(FormatError, match="3D"):
        convert(tmp_path / "deep.nc", tmp_path / "a.slp", overwrite=True)
    assert (tmp_path / "a.slp").read_text(encoding="utf-8") == "old"
    with pytest.raises(SettingsError, match="two different files"):
        convert(native, native, overwrite=True)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SettingsError, match="got a folder"):
        convert(native, tmp_path / "folder.csv", overwrite=True)


def test_a_cropped_result_of_deeplabcut_keeps_its_place_in_the_frame(tmp_path: Path) -> None:
    import pickle

    tracks = replace(some_tracks(), error=None)
    data = {"cropping": True, "cropping_parameters": [100, 500, 40, 300], "Scorer": "DLC_x"}
    path = tmp_path / "m1DLC_x.h5"
    dlc.write(tracks, path)
    (tmp_path / "m1DLC_x_meta.pickle").write_bytes(pickle.dumps({"data": data}))
    assert convert(path, tmp_path / "a.nc").n_frames == 6
    whole = movement.read(tmp_path / "a.nc")
    np.testing.assert_allclose(whole.points, tracks.points + np.array([100, 40]), rtol=0, atol=1e-9)
    assert whole.provenance["crop"] == [100, 500, 40, 300]
    # a filtered result of the same analysis is counted from the same corner, by DeepLabCut and so by us
    dlc.write(whole, tmp_path / "m1DLC_x_filtered.h5")
    np.testing.assert_allclose(dlc.read(tmp_path / "m1DLC_x_filtered.h5").points, whole.points, rtol=0, atol=1e-9)
    (tmp_path / "m1DLC_x_meta.pickle").write_bytes(b"damaged")
    with pytest.raises(FormatError, match=r"cannot tell whether m1DLC_x\.h5 is of a cropped video"):
        dlc.read(path)
    (tmp_path / "m1DLC_x_meta.pickle").write_bytes(pickle.dumps({"data": {**data, "cropping": False}}))
    np.testing.assert_array_equal(dlc.read(path).points, tracks.points)
