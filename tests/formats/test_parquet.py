"""The tidy table in Parquet: what is wrong with a file is said, and a slip of ours is not taken for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import FormatError
from markerless.formats import parquet

arrow = pytest.importorskip("pyarrow", reason="Parquet needs the extra parquet")
arrow_parquet = pytest.importorskip("pyarrow.parquet")

COLUMNS: dict[str, Any] = {"frame": [0, 2], "bodypart": ["nose", "nose"], "x": [1.0, 3.0], "y": [2.0, None]}


def table(tmp_path: Path, own: Any = None, **changes: Any) -> Path:
    made = arrow.table({**COLUMNS, **changes})
    if own is not None:
        made = made.replace_schema_metadata(
            {b"markerless": own if isinstance(own, bytes) else json.dumps(own).encode()}
        )
    arrow_parquet.write_table(made, tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


def test_a_table_of_another_program(tmp_path: Path) -> None:
    tracks = parquet.read(table(tmp_path))
    np.testing.assert_array_equal(tracks.points[:, 0, 0], [[1, 2], [np.nan, np.nan], [np.nan, np.nan]])


def test_a_column_z_without_a_number_is_none(tmp_path: Path) -> None:
    tracks = parquet.read(table(tmp_path, z=arrow.array([None, None], arrow.float64())))
    np.testing.assert_array_equal(tracks.points[:, 0, 0], [[1, 2], [np.nan, np.nan], [np.nan, np.nan]])


NOTES = {"fps": 30.0, "video": "v", "scorer": "S", "edges": [], "mirror_pairs": [], "provenance": {}}


@pytest.mark.parametrize(
    ("own", "changes", "message"),
    [
        (None, {"x": ["one", "two"]}, "column x: expected numbers, got string"),
        (None, {"x": [1.0, float("inf")]}, "column x: expected finite numbers"),
        (None, {"frame": [0, 0]}, "rows 1 and 2 of the same frame"),
        (None, {"y": [[1.0], [2.0]]}, "column y: expected numbers, got list"),
        (b"{", {}, "expected our notes in the metadata"),
        ({**NOTES, "edges": [[0, 5]]}, {}, "expected our notes in the metadata"),
        ({**NOTES, "fps": "fast"}, {}, "expected our notes in the metadata"),
        ({"video": "v"}, {}, "expected our notes in the metadata"),
        ([], {}, "expected our notes in the metadata"),
    ],
)
def test_what_is_wrong_with_a_table(own: Any, changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        parquet.read(table(tmp_path, own, **changes))
    assert message in str(caught.value)
    assert "a.parquet" in str(caught.value)


def test_damage_is_told_from_a_slip_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(FormatError, match=r"got a damaged file: .*a\.parquet"):
        parquet.read(path)
    path.write_bytes(data)

    def slip(*_: object) -> Tracks:
        raise ValueError("a slip of ours")

    monkeypatch.setattr(parquet, "from_rows", slip)
    with pytest.raises(ValueError, match="a slip of ours"):
        parquet.read(path)


def test_everything_comes_back(tmp_path: Path) -> None:
    skeleton = Skeleton(("nose", "earL", "earR"), ((0, 1), (0, 2)), ((1, 2),))
    rng = np.random.default_rng(0)
    tracks = Tracks(skeleton, rng.normal(size=(4, 1, 3, 2)), rng.random((4, 1, 3)), fps=29.97, video="v", scorer="S")
    parquet.write(tracks, tmp_path / "a.parquet")
    again = parquet.read(tmp_path / "a.parquet")
    assert (again.skeleton, again.fps, again.video, again.scorer) == (skeleton, 29.97, "v", "S")
    np.testing.assert_array_equal(again.points, tracks.points)
