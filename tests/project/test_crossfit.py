"""`crossfit.json`: written and read back equal; every kind of damage is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from markerless.core.crossfit import CrossFit
from markerless.errors import RunError, StorageError
from markerless.project import crossfit as files


def made(n_frames: int, n_keypoints: int, seed: int) -> CrossFit:
    """Predictions of any size; about a third of the points are missing."""
    rng = np.random.default_rng(seed)
    shape = (n_frames, n_keypoints)
    gone = rng.random(shape) < 0.3
    return CrossFit(
        tuple(f"labeled-data/m1/böld img{f}.png" for f in range(n_frames)),
        tuple(f"point {k}" for k in range(n_keypoints)),
        np.where(gone[..., None], np.nan, rng.normal(200, 300, (*shape, 2))),
        np.where(gone, np.nan, rng.random(shape)),
        np.where(gone, np.nan, np.exp(rng.normal(0, 3, shape))),
        float(rng.uniform(0.1, 50)),
    )


@given(n_frames=st.integers(0, 4), n_keypoints=st.integers(0, 3), seed=st.integers(0, 99))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, n_frames: int, n_keypoints: int, seed: int
) -> None:
    path = tmp_path_factory.mktemp("run") / files.CROSSFIT_FILE
    before = made(n_frames, n_keypoints, seed)
    files.write(before, path)
    after = files.read(path)
    assert (after.images, after.keypoints, after.tolerance_px) == (
        before.images,
        before.keypoints,
        before.tolerance_px,
    )
    assert_array_equal(after.xy, before.xy)
    assert_array_equal(after.score, before.score)
    assert_array_equal(after.expected_error, before.expected_error)


def test_the_layout_is_the_documented_one(tmp_path: Path) -> None:
    path = tmp_path / files.CROSSFIT_FILE
    xy = np.array([[[1.5, 2.0], [np.nan, np.nan]]])
    score, error = np.array([[0.75, np.nan]]), np.array([[3.0, np.nan]])
    files.write(CrossFit(("a.png",), ("nose", "tail"), xy, score, error, 4.0), path)
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "version": 1,
        "images": ["a.png"],
        "keypoints": ["nose", "tail"],
        "xy": [[[1.5, 2.0], None]],
        "score": [[0.75, None]],
        "expected_error": [[3.0, None]],
        "tolerance_px": 4.0,
    }


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("version", 2, "version 1, got 2"),
        ("version", None, "version 1, got None"),
        ("images", ["a.png", 3], "names at 'images'"),
        ("images", ["a.png", "a.png"], "2 rows of 2"),
        ("keypoints", "nose", "names at 'keypoints'"),
        ("keypoints", ["nose", "nose"], "nose twice"),
        ("xy", [], "1 rows of 2 at 'xy'"),
        ("xy", [[[1.0, 2.0]]], "1 rows of 2 at 'xy'"),
        ("xy", [[[1.0, None], None]], "expected \\[x, y\\] or null"),
        ("xy", [[[1.0, "2"], None]], "expected a number"),
        ("score", [[0.5, True]], "expected a number"),
        ("score", [[1.5, None]], "0 to 1"),
        ("score", [[None, None]], "0 to 1"),
        ("expected_error", [[-1, None]], "above 0"),
        ("tolerance_px", None, "tolerance"),
        ("extra", 1, "unknown: extra"),
    ],
)
def test_damage_is_told_in_one_line(tmp_path: Path, key: str, value: Any, message: str) -> None:
    good = {
        "version": 1,
        "images": ["a.png"],
        "keypoints": ["nose", "tail"],
        "xy": [[[1, 2.0], None]],
        "score": [[1, None]],
        "expected_error": [[3.0, None]],
        "tolerance_px": 4,
    }
    path = tmp_path / files.CROSSFIT_FILE
    path.write_text(json.dumps(good), encoding="utf-8")
    assert files.read(path).tolerance_px == 4.0
    path.write_text(json.dumps({**good, key: value}), encoding="utf-8")
    with pytest.raises(RunError, match=message) as caught:
        files.read(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": NaN}', "\x00"])
def test_what_is_no_such_file_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / files.CROSSFIT_FILE
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match=r"crossfit\.json"):
        files.read(path)
    path.unlink()
    with pytest.raises(RunError, match="cannot read"):
        files.read(path)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError):
        files.write(made(1, 1, 0), tmp_path / "file" / files.CROSSFIT_FILE)
