"""DeepLabCut's `<prefix>_<suffix>_DLC_3D.h5`, as its `triangulate` writes it: read, told, and written alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.formats import dlc
from markerless.formats._sniff import open_any
from markerless.pipeline.info import info

KEYPOINTS = ("nose", "tail base")
SCORER = "DLC_resnet50_mouseAug1shuffle1_1000"  # the 3D table has the scorer of the first camera


def theirs(path: Path, individuals: tuple[str, ...]) -> np.ndarray:
    """A table by pandas with the levels, key and layout that DeepLabCut 2 and 3 hand to it; its values."""
    names = ["scorer", *(["individuals"] if individuals else []), "bodyparts", "coords"]
    parts = [[SCORER], *([list(individuals)] if individuals else []), list(KEYPOINTS), ["x", "y", "z"]]
    columns = pd.MultiIndex.from_product(parts, names=names)
    values = np.random.default_rng(5).normal(0, 9, (6, len(columns)))
    values[2, :3] = np.nan
    frame = pd.DataFrame(values, columns=columns, index=range(6))
    if path.suffix == ".h5":
        frame.to_hdf(path, key="df_with_missing", format="table", mode="w")
    else:
        frame.to_csv(path)
    return values


@pytest.mark.parametrize("suffix", [".h5", ".csv"])
@pytest.mark.parametrize("individuals", [(), ("ann", "bob")])
def test_their_files(suffix: str, individuals: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / f"mouse_1_DLC_3D{suffix}"
    values = theirs(path, individuals)
    (tmp_path / "mouse_1_DLC_3D_meta.pickle").write_bytes(b"of stereo matrices, not of a crop")
    name, tracks = open_any(path)
    assert name == "dlc"
    assert isinstance(tracks, Tracks)
    assert tracks.individuals == (individuals or ("individual_0",))
    assert (tracks.skeleton.keypoints, tracks.scorer) == (KEYPOINTS, SCORER)
    np.testing.assert_array_equal(tracks.points, values.reshape(6, max(len(individuals), 1), 2, 3))
    assert np.isnan(tracks.score).all()
    told = info(path)
    assert (told.kind, told.facts["format"], told.facts["n_dimensions"]) == ("tracks", "dlc", 3)
    # and written again, pandas finds the same table
    dlc.write(tracks, tmp_path / f"again{suffix}")
    if suffix == ".csv":
        assert (tmp_path / "again.csv").read_bytes() == path.read_bytes()
        return
    ours, original = (pd.read_hdf(each) for each in (tmp_path / "again.h5", path))
    pd.testing.assert_frame_equal(pd.DataFrame(ours), pd.DataFrame(original))


def test_missing_coordinates_are_a_missing_point(tmp_path: Path) -> None:
    points = np.arange(12.0).reshape(2, 1, 2, 3)
    dlc.write(Tracks(Skeleton(KEYPOINTS), points, np.full((2, 1, 2), np.nan)), tmp_path / "a.h5")
    frame = pd.DataFrame(pd.read_hdf(tmp_path / "a.h5"))
    assert [key[-1] for key in frame.columns] == ["x", "y", "z"] * 2
    frame.iloc[1, 4] = np.nan  # y of the tail base
    frame.to_hdf(tmp_path / "a.h5", key="df_with_missing", format="table", mode="w")
    found = dlc.read(tmp_path / "a.h5")
    assert np.isnan(found.points[1, 0, 1]).all()
    np.testing.assert_array_equal(found.points[1, 0, 0], [6, 7, 8])
