"""DeepLabCut's predictions: every version's files open, and ours are read by those who read theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import FormatError, StorageError
from markerless.formats import dlc

FLY = "interop/lightning-pose-3cam-fly/05272019_fly4_0_R1C24_Cam-{}_rot-ccw-0.06_sec.rng={}.csv"

# file -> shape of points; rows and columns counted from the files
REAL_FILES: dict[str, tuple[int, int, int, int]] = {
    "interop/dlc-single/m3v1mp4DLC_resnet50_openfieldAug20shuffle1_30000.h5": (2330, 1, 4, 2),
    "interop/dlc-single/testDLC_csv_table.csv": (97, 1, 14, 2),
    "interop/dlc-single/testDLC_h5_table.h5": (100, 1, 14, 2),
    "interop/dlc-multi/testDLC_csv_table_madlc.csv": (97, 2, 14, 2),
    "interop/dlc-multi/testDLC_h5_table_madlc.h5": (100, 2, 14, 2),
    "interop/dlc-video-and-predictions/cropped_video.csv": (750, 1, 6, 2),
    **{FLY.format(camera, seed): (500, 1, 12, 2) for camera in "ABC" for seed in (0, 1)},
}

HEADER = "scorer,S,S,S\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n"


def random_tracks(n_frames: int = 7, n_axes: int = 2, individuals: tuple[str, ...] = ("individual_0",)) -> Tracks:
    rng = np.random.default_rng(4)
    shape = (n_frames, len(individuals), 3)
    points, score = rng.normal(300, 100, (*shape, n_axes)), rng.random(shape)
    points[2], score[2] = np.nan, np.nan
    return Tracks(Skeleton(("nose", "öhr", "tail")), points, score, individuals=individuals, scorer="DLC_Net_run1")


@pytest.mark.data
@pytest.mark.parametrize("name", REAL_FILES)
def test_real_files_open(shared_data: Path, name: str) -> None:
    tracks = dlc.read(shared_data / name)
    assert tracks.points.shape == REAL_FILES[name]
    assert np.isfinite(tracks.score).mean() > 0.9
    assert tracks.scorer and not tracks.scorer.endswith(".1")


@pytest.mark.data
def test_reading_h5_equals_pandas(shared_data: Path) -> None:
    for name in (n for n in REAL_FILES if n.endswith(".h5")):
        tracks, frame = dlc.read(shared_data / name), pd.read_hdf(shared_data / name)
        theirs = np.asarray(frame).reshape(*tracks.score.shape, 3)
        np.testing.assert_array_equal(tracks.points, theirs[..., :2])
        np.testing.assert_array_equal(tracks.score, theirs[..., 2])


@pytest.mark.parametrize("suffix", [".h5", ".csv"])
@pytest.mark.parametrize("individuals", [("individual_0",), ("mouse",), ("a", "b")])
def test_round_trip(tmp_path: Path, suffix: str, individuals: tuple[str, ...]) -> None:
    tracks = random_tracks(individuals=individuals)
    dlc.write(tracks, tmp_path / f"out{suffix}")
    again = dlc.read(tmp_path / f"out{suffix}")
    np.testing.assert_array_equal(again.points, tracks.points)
    np.testing.assert_array_equal(again.score, tracks.score)
    assert (again.skeleton, again.individuals, again.scorer) == (tracks.skeleton, individuals, tracks.scorer)


def test_h5_has_deeplabcuts_layout(tmp_path: Path) -> None:
    tracks = random_tracks()
    dlc.write(tracks, tmp_path / "out.h5")
    frame: Any = pd.read_hdf(tmp_path / "out.h5")  # without a key: there must be exactly one table
    assert list(frame.columns.names) == ["scorer", "bodyparts", "coords"]
    assert list(frame.columns)[:4] == [
        ("DLC_Net_run1", "nose", "x"),
        ("DLC_Net_run1", "nose", "y"),
        ("DLC_Net_run1", "nose", "likelihood"),
        ("DLC_Net_run1", "öhr", "x"),
    ]
    assert frame.index.tolist() == list(range(7))
    assert set(frame.dtypes.astype(str)) == {"float64"}
    store: Any
    with pd.HDFStore(str(tmp_path / "out.h5"), mode="r") as store:
        storer = store.get_storer("df_with_missing")
        assert store.keys() == ["/df_with_missing"]
        assert storer.format_type == "table"


def test_movement_opens_our_h5(tmp_path: Path) -> None:
    load_poses = pytest.importorskip("movement.io.load_poses", reason="movement is not installed; it checks our files")
    tracks = random_tracks(individuals=("a", "b"))
    dlc.write(tracks, tmp_path / "out.h5")
    dataset = load_poses.from_dlc_file(tmp_path / "out.h5", fps=30)
    theirs = dataset.position.to_numpy()  # time, space, keypoints, individuals
    np.testing.assert_array_equal(theirs.transpose(0, 3, 2, 1), tracks.points)


def test_frames_without_a_row_are_nan(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "3,1,2,0.5\n1,3,4,0.25\n", encoding="utf-8")
    tracks = dlc.read(tmp_path / "a.csv")
    assert tracks.n_frames == 4
    assert np.isnan(tracks.points[[0, 2]]).all()
    assert tracks.points[1, 0, 0].tolist() == [3, 4]
    assert tracks.score[3, 0, 0] == 0.5


def test_three_dimensional_results(tmp_path: Path) -> None:
    tracks = random_tracks(n_axes=3)
    dlc.write(tracks, tmp_path / "a.csv")
    again = dlc.read(tmp_path / "a.csv")
    np.testing.assert_array_equal(again.points, tracks.points)
    assert np.isnan(again.score).all()


def test_predictions_of_images_keep_their_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "labeled-data/v/b.png,1,2,0.5\n", encoding="utf-8")
    tracks = dlc.read(tmp_path / "a.csv")
    assert tracks.provenance["images"] == ["labeled-data/v/b.png"]
    dlc.write(tracks, tmp_path / "b.h5")
    assert dlc.read(tmp_path / "b.h5").provenance["images"] == ["labeled-data/v/b.png"]


def test_no_frames_at_all(tmp_path: Path) -> None:
    empty = Tracks(Skeleton(("a",)), np.empty((0, 1, 1, 2)), np.empty((0, 1, 1)))
    for name in ("e.h5", "e.csv"):
        dlc.write(empty, tmp_path / name)
        assert dlc.read(tmp_path / name).points.shape == (0, 1, 1, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER + "0,1,2,high\n", ("line 4, column 4 (nose likelihood)", "'high'")),
        (HEADER + "0,1,2,1\n0,1,2,1\n", ("line 5", "got 0 again")),
        (HEADER + "999999999,1,2,1\n", ("line 4", "999999999")),
        (HEADER.replace("likelihood", "score") + "a.png,1,2,1\n", ("x, y, likelihood", "score")),
    ],
)
def test_malformed_tables_say_where(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError) as caught:
        dlc.read(path)
    for word in ("bad.csv", *words):
        assert word in str(caught.value)


def test_unwritable_places(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    for name in ("a.h5", "a.csv"):
        with pytest.raises(StorageError):
            dlc.write(random_tracks(), tmp_path / "file" / name)
    with pytest.raises(FormatError, match=r"\.h5 or \.csv"):
        dlc.write(random_tracks(), tmp_path / "a.xlsx")


class TestFrameTable:
    """The h5 of predictions is written without pandas, and is what pandas would have written."""

    @pytest.mark.parametrize("individuals", [("individual_0",), ("a", "b")])
    @pytest.mark.parametrize("n_axes", [2, 3])
    def test_pandas_reads_what_it_would_have_written(
        self, tmp_path: Path, individuals: tuple[str, ...], n_axes: int
    ) -> None:
        tracks = random_tracks(individuals=individuals, n_axes=n_axes)
        dlc.write(tracks, tmp_path / "out.h5")
        ours: Any = pd.read_hdf(tmp_path / "out.h5")
        ours.to_hdf(tmp_path / "theirs.h5", key="df_with_missing", format="table", mode="w", index=False)
        pd.testing.assert_frame_equal(ours, pd.DataFrame(pd.read_hdf(tmp_path / "theirs.h5")), check_exact=True)
        with h5py.File(tmp_path / "out.h5") as one, h5py.File(tmp_path / "theirs.h5") as other:
            for name in ("df_with_missing", "df_with_missing/table"):
                mine, theirs = dict(one[name].attrs), dict(other[name].attrs)
                assert theirs.keys() - mine.keys() <= {"data_col_nan_rep", "mi_level_nan_rep"}  # of columns of texts
                for key in mine.keys() & theirs.keys() - {"nan_rep", "TITLE"}:
                    assert mine[key] == theirs[key], key
                    kinds = [group[name].attrs.get_id(key).get_type() for group in (one, other)]
                    assert kinds[0].get_size() == kinds[1].get_size(), key
                    if isinstance(kinds[0], h5py.h5t.TypeStringID):  # PyTables unpickles ASCII alone
                        assert kinds[0].get_cset() == kinds[1].get_cset(), key
            assert one["df_with_missing/table"][:].tobytes() == other["df_with_missing/table"][:].tobytes()

    @pytest.mark.data
    def test_it_has_the_attributes_of_deeplabcuts_own_file(self, tmp_path: Path, shared_data: Path) -> None:
        theirs = shared_data / "interop/dlc-single/m3v1mp4DLC_resnet50_openfieldAug20shuffle1_30000.h5"
        dlc.write(dlc.read(theirs), tmp_path / "ours.h5")
        with h5py.File(tmp_path / "ours.h5") as one, h5py.File(theirs) as other:
            for name in ("df_with_missing", "df_with_missing/table"):
                mine, original = dict(one[name].attrs), dict(other[name].attrs)
                assert mine.keys() == original.keys()
                assert all(mine[key] == original[key] for key in mine.keys() - {"TITLE"})

    def test_pandas_reads_and_selects_rows_of_it(self, tmp_path: Path) -> None:
        dlc.write(random_tracks(), tmp_path / "out.h5")
        frame: Any = pd.read_hdf(tmp_path / "out.h5", where="index > 4")
        assert frame.index.tolist() == [5, 6]

    def test_more_columns_than_an_attribute_can_name(self, tmp_path: Path) -> None:
        """pandas ends with an error of HDF5 there; the other layout has no such limit."""
        skeleton = Skeleton(tuple(f"keypoint{k}" for k in range(900)))
        rng = np.random.default_rng(0)
        tracks = Tracks(skeleton, rng.random((3, 1, 900, 2)), rng.random((3, 1, 900)), scorer="me")
        dlc.write(tracks, tmp_path / "out.h5")
        again = dlc.read(tmp_path / "out.h5")
        np.testing.assert_array_equal(again.points, tracks.points)
        frame: Any = pd.read_hdf(tmp_path / "out.h5")
        assert frame.shape == (3, 2700)

    @pytest.mark.parametrize("suffix", [".h5", ".csv"])
    def test_names_of_another_kind_of_text_give_the_same_bytes(self, tmp_path: Path, suffix: str) -> None:
        tracks = random_tracks(individuals=("left", "right"))
        one = replace(tracks, skeleton=Skeleton(("left", "x", "tail")))
        made = tuple(np.array(["left", "x", "tail"]))  # neither plain texts nor the same objects as the animals' names
        other = replace(tracks, skeleton=Skeleton(made), individuals=tuple("".join(list(n)) for n in ("left", "right")))
        for name, each in (("one", one), ("other", other)):
            dlc.write(each, tmp_path / f"{name}{suffix}")
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"other{suffix}").read_bytes()

    def test_without_pandas_and_pytables(self, tmp_path: Path, repository: Path) -> None:
        program = (
            "import sys; from pathlib import Path; from markerless.formats import dlc; "
            "dlc.write(dlc.read(Path(sys.argv[1])), Path(sys.argv[2])); "
            "assert not {'pandas', 'tables'} & sys.modules.keys()"
        )
        (tmp_path / "a.csv").write_text(HEADER + "0,1,2,0.5\n1,3,4,0.25\n", encoding="utf-8")
        command = [sys.executable, "-c", program, str(tmp_path / "a.csv"), str(tmp_path / "b.h5")]
        environment = {**os.environ, "PYTHONPATH": str(repository / "src")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert dlc.read(tmp_path / "b.h5").points[1, 0, 0].tolist() == [3, 4]
