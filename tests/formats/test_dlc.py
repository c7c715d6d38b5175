"""DeepLabCut's predictions: every version's files open, and ours are read by those who read theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
