"""Label tables of DeepLabCut in all their forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError
from markerless.formats import dlc_labels

SLEAP_PROJECT = "interop/dlc-multi/sleap-test-project/labeled-data/video"
MONTAGE = "CollectedData_Daniel"

# file -> frames, points, keypoints, individuals, frames without an animal; counted from the text of the files
REAL_TABLES = {
    "openfield-Pranav-2018-10-30/labeled-data/m4s1/CollectedData_Pranav.csv": (93, 372, 4, 1, 0),
    "openfield-Pranav-2018-10-30/labeled-data/m4s1/CollectedData_Pranav.h5": (93, 372, 4, 1, 0),
    "Reaching-Mackenzie-2018-08-30/labeled-data/reachingvideo1/CollectedData_Mackenzie.csv": (44, 185, 5, 1, 0),
    "Reaching-Mackenzie-2018-08-30/labeled-data/reachingvideo1/CollectedData_Mackenzie.h5": (44, 185, 5, 1, 0),
    "mirror-mouse/CollectedData.csv": (72, 1109, 17, 1, 0),
    f"birds-montblanc/{MONTAGE}.csv": (2, 40, 4, 8, 0),
    f"birds-montblanc/{MONTAGE}.h5": (2, 40, 4, 8, 0),
    "bee-lighting/CollectedData_apic.csv": (103, 2816, 32, 1, 15),
    f"{SLEAP_PROJECT}/dlc_testdata.csv": (4, 8, 3, 1, 1),
    f"{SLEAP_PROJECT}/dlc_testdata_v2.csv": (4, 8, 3, 1, 1),
    f"{SLEAP_PROJECT}/madlc_testdata.csv": (4, 13, 3, 2, 1),
    f"{SLEAP_PROJECT}/madlc_testdata_v2.csv": (4, 13, 3, 2, 1),
    f"{SLEAP_PROJECT}/maudlc_testdata.csv": (4, 17, 5, 3, 1),
    f"{SLEAP_PROJECT}/maudlc_testdata_v2.csv": (4, 17, 5, 3, 1),
    f"{SLEAP_PROJECT}/CollectedData_LM.csv": (4, 17, 5, 3, 1),
}

GOOD = """scorer,S,S,S,S
bodyparts,nose,nose,tail,tail
coords,x,y,x,y
labeled-data/v/img0.png,1,2,3,4
labeled-data/v/img1.png,5.5,6.25,,
labeled-data/v/img2.png,,,,
"""


def table(folder: Path, text: str, name: str = "CollectedData_S.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def assert_same(got: Labels, expected: Labels) -> None:
    assert got.skeleton == expected.skeleton
    assert got.images == expected.images
    assert got.individuals == expected.individuals
    for ours, theirs in zip(got.frames, expected.frames, strict=True):
        assert ours.labeler == theirs.labeler
        for a, b in zip(ours.instances, theirs.instances, strict=True):
            assert a.individual == b.individual
            np.testing.assert_array_equal(a.xy, b.xy)
            np.testing.assert_array_equal(a.visibility, b.visibility)
            np.testing.assert_array_equal(a.score, b.score)


@pytest.mark.data
@pytest.mark.parametrize("name", REAL_TABLES)
def test_real_tables_open_with_the_right_number_of_labels(shared_data: Path, name: str) -> None:
    labels = dlc_labels.read(shared_data / name)
    empty = sum(not frame.instances for frame in labels.frames)
    counts = (len(labels), labels.n_points, labels.skeleton.n_keypoints, len(labels.individuals), empty)
    assert counts == REAL_TABLES[name]


@pytest.mark.data
@pytest.mark.parametrize("name", REAL_TABLES)
def test_real_tables_survive_both_files(shared_data: Path, tmp_path: Path, name: str) -> None:
    labels = dlc_labels.read(shared_data / name)
    for suffix in (".csv", ".h5"):
        dlc_labels.write(labels, tmp_path / f"again{suffix}")
        assert_same(dlc_labels.read(tmp_path / f"again{suffix}"), labels)


@pytest.mark.data
def test_sleap_io_reads_the_same_points(shared_data: Path) -> None:
    oracle = pytest.importorskip("sleap_io.io.dlc", reason="sleap-io is not installed; it checks our reading")
    for name in (n for n in REAL_TABLES if n.endswith(".csv")):
        theirs = oracle.load_dlc(str(shared_data / name))
        labels = dlc_labels.read(shared_data / name)
        order = [theirs.skeleton.node_names.index(keypoint) for keypoint in labels.skeleton.keypoints]
        points = [instance.numpy()[order] for frame in theirs for instance in frame.instances]
        ours = [instance.xy for frame in labels.frames for instance in frame.instances]
        assert len(points) == len(ours)
        for a, b in zip(points, ours, strict=True):
            np.testing.assert_allclose(a, b)


def test_written_tables_are_what_deeplabcut_reads(tmp_path: Path) -> None:
    labels = dlc_labels.read(table(tmp_path, GOOD))
    dlc_labels.write(labels, tmp_path / "out.h5")
    dlc_labels.write(labels, tmp_path / "out.csv")
    frame = pd.read_hdf(tmp_path / "out.h5", key="df_with_missing")
    assert list(frame.columns.names) == ["scorer", "bodyparts", "coords"]
    assert list(frame.index) == [("labeled-data", "v", f"img{i}.png") for i in range(3)]
    assert frame[("S", "nose", "x")].tolist()[:2] == [1.0, 5.5]
    again = pd.read_csv(tmp_path / "out.csv", header=[0, 1, 2], index_col=[0, 1, 2])
    assert list(again.index) == list(frame.index)
    np.testing.assert_array_equal(again.to_numpy(), frame.to_numpy())
    first_lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[:4]
    assert first_lines[0] == "scorer,,,S,S,S,S"
    assert first_lines[3] == "labeled-data,v,img0.png,1.0,2.0,3.0,4.0"


@pytest.mark.parametrize(
    "cells",
    ["labeled-data\\v\\img0.png", "C:\\data\\labeled-data\\v\\img0.png", "/home/x/labeled-data/v/img0.png"],
)
def test_row_names_become_relative_posix_paths(tmp_path: Path, cells: str) -> None:
    labels = dlc_labels.read(table(tmp_path, GOOD.replace("labeled-data/v/img0.png", cells)))
    assert labels.images[0] == "labeled-data/v/img0.png"


@pytest.mark.parametrize("n_index", [1, 2, 3])
def test_row_names_of_one_to_three_cells(tmp_path: Path, n_index: int) -> None:
    blanks = "," * (n_index - 1)
    parts = ["labeled-data", "v", "img0.png"][-n_index:]
    text = f"scorer{blanks},S,S\nbodyparts{blanks},nose,nose\ncoords{blanks},x,y\n{','.join(parts)},1,2\n"
    assert dlc_labels.read(table(tmp_path, text)).images == ("/".join(parts),)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_tables_saved_by_a_spreadsheet(tmp_path: Path, delimiter: str) -> None:
    text = "\ufeff" + GOOD.replace(",", delimiter).replace("6.25", "6,25").replace("\n", "\r\n")
    labels = dlc_labels.read(table(tmp_path, text))
    assert labels.frames[1].instances[0].xy[0].tolist() == [5.5, 6.25]


def test_missing_points_and_frames_without_the_animal(tmp_path: Path) -> None:
    labels = dlc_labels.read(table(tmp_path, GOOD))
    assert [frame.n_points for frame in labels.frames] == [2, 1, 0]
    assert labels.frames[1].instances[0].visibility.tolist() == [Visibility.VISIBLE, Visibility.ABSENT]
    assert labels.frames[2].instances == ()


def test_a_point_with_one_coordinate_is_missing(tmp_path: Path) -> None:
    labels = dlc_labels.read(table(tmp_path, GOOD.replace("5.5,6.25,,", "5.5,6.25,7,")))
    assert np.isnan(labels.frames[1].instances[0].xy[1]).all()


def test_unique_bodyparts_belong_to_single(tmp_path: Path) -> None:
    text = (
        "scorer,S,S,S,S,S,S\nindividuals,a,a,b,b,single,single\nbodyparts,nose,nose,nose,nose,box,box\n"
        "coords,x,y,x,y,x,y\nimg0.png,1,2,3,4,5,6\nimg1.png,,,7,8,,\n"
    )
    labels = dlc_labels.read(table(tmp_path, text))
    assert labels.individuals == ("a", "b", "single")
    assert [instance.individual for instance in labels.frames[1].instances] == ["b"]
    assert labels.frames[0].instances[2].visibility.tolist() == [Visibility.NOT_LABELED, Visibility.VISIBLE]
    dlc_labels.write(labels, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text(encoding="utf-8").splitlines()[1] == "individuals,a,a,b,b,single,single"


def test_visible_columns(tmp_path: Path) -> None:
    text = (
        "scorer,S,S,S,S,S,S\nbodyparts,nose,nose,nose,tail,tail,tail\ncoords,x,y,visible,x,y,visible\n"
        "img0.png,1,2,2,3,4,1\nimg1.png,1,2,2,0,0,0\n"
    )
    labels = dlc_labels.read(table(tmp_path, text))
    first, second = (frame.instances[0] for frame in labels.frames)
    assert first.visibility.tolist() == [Visibility.VISIBLE, Visibility.OCCLUDED]
    assert second.visibility.tolist() == [Visibility.VISIBLE, Visibility.NOT_LABELED]
    assert np.isnan(second.xy[1]).all()


def test_stray_likelihoods_are_left_out_of_labels_and_kept_for_a_model(tmp_path: Path) -> None:
    text = "scorer,S,S,S\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\nimg0.png,1,2,0.25\n"
    human = dlc_labels.read(table(tmp_path, text))
    model = dlc_labels.read(table(tmp_path, text, "machinelabels-iter0.csv"))
    assert human.frames[0].instances[0].source == "human"
    assert human.frames[0].instances[0].score.tolist() == [1.0]
    assert "likelihood" in human.notes[0]
    assert model.frames[0].instances[0].source == "model"
    assert model.frames[0].instances[0].score.tolist() == [0.25]


def test_points_at_zero_are_noted(tmp_path: Path) -> None:
    labels = dlc_labels.read(table(tmp_path, GOOD.replace("1,2,3,4", "0,0,3,4")))
    assert "points at exactly (0, 0): 1" in labels.notes[0]


def test_a_scorer_renamed_by_pandas_is_one_scorer(tmp_path: Path) -> None:
    labels = dlc_labels.read(table(tmp_path, GOOD.replace("scorer,S,S,S,S", "scorer,S,S.1,S.2,S.3")))
    assert labels.frames[0].labeler == "S"
    assert labels.notes == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("3,4", "3,abc", ("line 4, column 5 (tail y)", "'abc'")),
        ("3,4", "3,1_0", ("line 4, column 5", "'1_0'")),
        ("3,4", "3,inf", ("line 4, column 5 (tail y)", "finite")),
        ("img1.png", "img0.png", ("line 5", "again (first in line 4)")),
        ("1,2,3,4", "1,2,3", ("line 4", "expected 5 cells", "got 4")),
        ("1,2,3,4", "1,2,3,4,5", ("line 4", "expected 5 cells", "got 6")),
        ("coords,x,y,x,y", "coords,x,y,x,likelihood", ("column 4", "no y for tail")),
        ("coords,x,y,x,y", "coords,x,y,x,x", ("column 5", "tail x again", "column 4")),
        ("coords,x,y,x,y", "coords,x,y,,y", ("line 3, column 4", "empty cell")),
        ("bodyparts,nose", "bodyparts,", ("line 2, column 2", "empty cell")),
        ("bodyparts", "parts", ("line 2", "bodyparts, coords")),
        ("coords,x,y,x,y\n", "", ("line 3", "coords")),
        (GOOD[:15], "coords,S,S,S,S\n", ("line 3", "second")),
        ("labeled-data/v/img1.png", "", ("line 5, column 1", "image name")),
        (GOOD, "", ("empty file",)),
        (GOOD, "hello world\n", ("line 1", "scorer")),
    ],
)
def test_malformed_tables_say_where(tmp_path: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    assert old in GOOD
    path = table(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(LabelsError) as caught:
        dlc_labels.read(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in (path.name, *words):
        assert word in message


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "CollectedData_S.csv"
    path.write_bytes(GOOD.replace("S,S,S,S", "Zoë,Zoë,Zoë,Zoë").encode("utf-16"))
    with pytest.raises(LabelsError, match="UTF-8"):
        dlc_labels.read(path)


def test_a_prediction_of_a_video_is_no_label_table(tmp_path: Path) -> None:
    path = table(tmp_path, "scorer,S,S,S\nbodyparts,a,a,a\ncoords,x,y,likelihood\n0,1,2,0.5\n")
    with pytest.raises(LabelsError, match="frame number 0"):
        dlc_labels.read(path)


def test_missing_file_folder_and_wrong_suffix(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="no such file"):
        dlc_labels.read(tmp_path / "none.csv")
    with pytest.raises(LabelsError, match="folder"):
        dlc_labels.read(tmp_path)
    with pytest.raises(LabelsError, match=r"\.csv or \.h5"):
        dlc_labels.write(dlc_labels.read(table(tmp_path, GOOD)), tmp_path / "out.txt")


def test_unicode_names_survive(tmp_path: Path) -> None:
    instance = Instance.from_xy([[1.0, 2.0], [np.nan, np.nan]], individual="Bärbel")
    frame = LabeledFrame("labeled-data/vidéo 1/图 0.png", (instance,), labeler="Zoë")
    labels = Labels(Skeleton(("öhr/links", "尾")), (frame,), ("Bärbel",))
    for suffix in (".csv", ".h5"):
        dlc_labels.write(labels, tmp_path / f"ü{suffix}")
        assert_same(dlc_labels.read(tmp_path / f"ü{suffix}"), labels)
