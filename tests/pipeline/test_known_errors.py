"""Points whose file gives no expected error: none of them is lost in triangulation, and it is said what they count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_rig import ring
from markerless.core.camera import Calibration
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.filters import interpolate
from markerless.pipeline.known_errors import with_known_errors
from markerless.pipeline.seen_points import read_seen
from markerless.pipeline.triangulate import TriangulateOptions, triangulate

RIG = Calibration(ring(3), "mm")
NAMES = ("nose", "tail")


def seen_by(error: float = 0.7) -> dict[str, Tracks]:
    """Two keypoints on curves, with noise."""
    rng, t = np.random.default_rng(0), np.arange(200) / 15
    points = np.stack([np.stack([60 * np.sin(t + k), 50 * np.cos(t), 9 * np.sin(2 * t)], -1) for k in (0, 1)], axis=1)
    seen = {}
    for camera in RIG.cameras:
        xy = (camera.project(points) + rng.normal(0, 0.5, (200, 2, 2)))[:, None]
        score = np.full((200, 1, 2), 0.9)
        seen[camera.name] = Tracks(Skeleton(NAMES), xy, score, np.full((200, 1, 2), error), fps=30.0)
    return seen


def test_a_point_without_an_error_counts_with_the_largest_of_its_keypoint() -> None:
    files = seen_by()
    error = files["cam1"].error
    assert error is not None
    error[5, 0, 0], error[6, 0, 0] = 2.5, 90.0
    error[10:14, 0, 0] = np.nan
    error[20, 0, 0] = np.inf
    error[21, 0, 0] = 0.0
    error[:, 0, 1] = np.nan  # nothing known of that keypoint in the camera: the largest of the camera
    files["cam1"].points[6, 0, 0] = np.nan  # what is not seen does not count
    files["cam1"].points[30, 0, 1] = np.nan
    seen = read_seen(files)
    out = with_known_errors(seen)
    assert out.error is not None
    np.testing.assert_array_equal(out.error[1, [10, 11, 12, 13, 20, 21], 0, 0], 2.5)
    known = np.delete(np.arange(200), 30)
    np.testing.assert_array_equal(out.error[1, known, 0, 1], 2.5)
    assert np.isnan(out.error[1, 30, 0, 1])
    np.testing.assert_array_equal(out.error[[0, 2]], 0.7)
    assert out.notes == (
        "points without an expected error count with the largest of their keypoint in the same camera: cam1 205",
    )


def test_where_nothing_is_missing_nothing_changes() -> None:
    files = seen_by()
    files["cam0"].points[3] = np.nan
    error = files["cam0"].error
    assert error is not None
    error[3] = np.nan
    seen = read_seen(files)
    assert with_known_errors(seen) is seen
    without = read_seen({name: replace(one, error=None) for name, one in files.items()})
    assert with_known_errors(without) is without


def test_a_camera_that_tells_no_errors_is_as_a_file_without() -> None:
    files = seen_by(error=5.0)
    files["cam2"] = replace(files["cam2"], error=np.full((200, 1, 2), np.nan))
    result = triangulate(RIG, files)
    assert result.views.used[2].mean() > 0.98
    assert any("no point of cam2 has an expected error" in note for note in result.notes)
    for value in result.noise_px.values():  # learned: 0.5 px per axis are 0.63 px
        assert value == pytest.approx(0.627, rel=0.25)


@pytest.mark.parametrize("sync", [False, True])
def test_filled_gaps_become_points_in_space(sync: bool) -> None:
    files = {}
    for name, tracks in seen_by().items():
        for values in (tracks.points, tracks.score, tracks.error):
            assert values is not None
            values[100:104, 0, 1] = np.nan
        files[name] = interpolate.apply(tracks, interpolate.Config())
    result = triangulate(RIG, files, options=TriangulateOptions(sync=sync))
    assert np.isfinite(result.tracks.points[100:104, 0, 1]).all()
    assert result.tracks.error is not None
    assert np.isfinite(result.tracks.error[100:104, 0, 1]).all()
    assert any("without an expected error" in note and "cam0 4" in note for note in result.notes)


def test_a_point_beside_a_missing_one_is_used_after_synchronization() -> None:
    """The camera's offset is known to a part of a frame, whose worth in pixels is the speed towards a neighbor."""
    files = seen_by()
    files["cam1"].points[::2, 0, 0] = np.nan
    result = triangulate(RIG, files, options=TriangulateOptions(sync=True))
    seen = np.isfinite(result.views.reprojection_px[1, :, 0, 0])
    assert seen[1::2].mean() > 0.95
    assert result.views.used[1, 1::2, 0, 0].mean() > 0.95
