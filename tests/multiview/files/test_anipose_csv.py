"""Anipose's table of 3D points: the movement package reads it, and so do we."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.core.views import GOOD, TOO_FEW, Views
from markerless.errors import FormatError
from markerless.multiview.files import anipose_csv


def example() -> tuple[Tracks, Views]:
    rng = np.random.default_rng(0)
    points, score = rng.normal(size=(4, 1, 2, 3)), rng.random((4, 1, 2))
    state = np.zeros((4, 1, 2), dtype=np.int8)
    used = np.ones((3, 4, 1, 2), dtype=bool)
    used[2, 0] = False
    distance = np.tile(np.array([1.0, 3.0, 50.0])[:, None, None, None], (1, 4, 1, 2))
    points[2, 0, 1], score[2, 0, 1], state[2, 0, 1], used[:, 2, 0, 1] = np.nan, np.nan, TOO_FEW, False
    return Tracks(Skeleton(("nose", "left ear")), points, score), Views(("a", "b", "c"), distance, used, state)


def test_the_columns_are_anipose_s(tmp_path: Path) -> None:
    tracks, views = example()
    anipose_csv.write(tracks, views, tmp_path / "a.csv")
    header, first, *_ = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert header.startswith("nose_x,nose_y,nose_z,nose_error,nose_ncams,nose_score,")
    assert header.endswith("M_00,M_01,M_02,M_10,M_11,M_12,M_20,M_21,M_22,center_0,center_1,center_2,fnum")
    # the mean of 1 and 3 px, of two cameras; the third was not used
    assert first.split(",")[3:5] == ["2.0", "2.0"]
    assert first.endswith(",1.0,0.0,0.0,0.0,1.0,0.0,0.0,0.0,1.0,0.0,0.0,0.0,0")


def test_round_trip(tmp_path: Path) -> None:
    tracks, views = example()
    anipose_csv.write(tracks, views, tmp_path / "a.csv")
    found, says = anipose_csv.read(tmp_path / "a.csv")
    np.testing.assert_array_equal(found.points, tracks.points)
    np.testing.assert_array_equal(found.score, tracks.score)
    assert found.skeleton.keypoints == tracks.skeleton.keypoints
    assert says.state[2, 0, 1] != GOOD and says.state[0, 0, 0] == GOOD


def test_movement_reads_it(tmp_path: Path) -> None:
    load_poses = pytest.importorskip("movement.io.load_poses")
    tracks, views = example()
    anipose_csv.write(tracks, views, tmp_path / "a.csv")
    dataset = load_poses.from_anipose_file(tmp_path / "a.csv", fps=30)
    order = [list(dataset[dataset.position.dims[2]].values).index(name) for name in tracks.skeleton.keypoints]
    position = dataset.position.values[:, :, order, 0].transpose(0, 2, 1)
    np.testing.assert_allclose(position, tracks.points[:, 0])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n", "whose header begins with 'a,b'"),
        ("n_x,n_y,n_z,n_error,n_ncams\n", "without column n_score"),
        ("n_x,n_y,n_z,n_error,n_ncams,n_score\n1,2,x,4,5,6\n", "expected numbers in every row"),
        ("n_x,n_y,n_z,n_error,n_ncams,n_score\n1,2\n", "expected numbers in every row"),
        ("", "cannot read"),
    ],
)
def test_other_tables_are_refused(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=says):
        anipose_csv.read(tmp_path / "a.csv")
