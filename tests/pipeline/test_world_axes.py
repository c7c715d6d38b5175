"""`triangulate` with world axes: points, cameras, files and words say the same, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import CalibrationError, LabelsError, SettingsError
from markerless.formats import anipose, movement
from markerless.multiview.files import anipose_toml
from markerless.multiview.rotation import matrix_of
from markerless.pipeline.triangulate import InSpace, TriangulateOptions, triangulate
from markerless.pipeline.world_axes import AxesRequest, parse_axes
from pipeline.test_triangulate import made

TURN = matrix_of([0.5, -0.3, 0.8])  # the rig's axes have nothing to do with the floor
NAMES = ("nose", "paw", "corner_o", "corner_x", "corner_y")
CORNERS = np.array([[-120.0, -100, 0], [120, -100, 0], [-120, 100, 0]])


def walk(n_frames: int = 150) -> np.ndarray:
    """`(T, 5, 3)`: a nose above a paw that steps on the floor, and three corners of the arena; floor z = 0."""
    t = np.arange(n_frames) / 12
    paw = np.stack([90 * np.sin(t), 70 * np.cos(0.7 * t), 8 * np.maximum(np.sin(9 * t), 0)], axis=-1)
    nose = paw * [1, 1, 0] + [12, 5, 25]
    return np.concatenate([np.stack([nose, paw], axis=1), np.broadcast_to(CORNERS, (n_frames, 3, 3))], axis=1)


def in_space(axes: str | None, out: Path | None = None, options: TriangulateOptions | None = None) -> InSpace:
    """Points by three cameras, in a rig whose axes are turned against the floor."""
    rng = np.random.default_rng(4)
    rig = made()[0]
    turned = replace(rig, cameras=tuple(c.moved(c.rotation @ TURN.T, c.translation) for c in rig.cameras))
    points, seen = walk() @ TURN.T, {}
    for camera in turned.cameras:
        xy = camera.project(points) + rng.normal(0, 0.4, (*points.shape[:2], 2))
        seen[camera.name] = Tracks(Skeleton(NAMES, ((0, 1),)), xy[:, None], np.ones((len(xy), 1, 5)), fps=30.0)
    request = None if axes is None else parse_axes(axes)
    return triangulate(turned, seen, out, replace(options or TriangulateOptions(), axes=request))


@pytest.mark.parametrize("axes", ["corner_o,corner_x,corner_y", "floor:paw,corner_o,corner_x,corner_y", "floor:paw"])
def test_nothing_but_the_axes_changes(axes: str) -> None:
    before, after = in_space(None), in_space(axes)
    assert after.axes is not None
    np.testing.assert_array_equal(before.tracks.error, after.tracks.error)
    np.testing.assert_array_equal(before.views.reprojection_px, after.views.reprojection_px)
    np.testing.assert_allclose(after.tracks.points, after.axes.points(before.tracks.points))
    flat = [one.tracks.points.reshape(-1, 3) for one in (before, after)]
    ways = [np.linalg.norm(each[::7, None] - each[None, ::7], axis=-1) for each in flat]
    np.testing.assert_allclose(ways[1], ways[0], atol=1e-9)
    for old, new in zip(before.calibration.cameras, after.calibration.cameras, strict=True):
        assert np.linalg.det(new.rotation) == pytest.approx(1)
        np.testing.assert_allclose(new.project(after.tracks.points), old.project(before.tracks.points), atol=1e-7)


def test_three_corners_give_the_arena_its_axes() -> None:
    result = in_space("corner_o,corner_x,corner_y")
    off = np.linalg.norm(result.tracks.points[:, 0] - (walk() - CORNERS[0]), axis=-1)
    assert np.nanmedian(off) < 1.0
    assert result.axes is not None
    assert result.axes.how.startswith("axes: origin at corner_o, x towards corner_x, corner_y at y > 0; 240")


def test_the_floor_is_below_the_paw() -> None:
    result = in_space("floor:paw")
    height = result.tracks.points[:, 0, :, 2]
    np.testing.assert_allclose(np.nanmedian(height, axis=0)[[0, 2, 3, 4]], [25, 0, 0, 0], atol=1.0)
    assert np.nanmin(height[:, 1]) > -2.5
    np.testing.assert_allclose(np.nanmedian(result.tracks.points.reshape(-1, 3), axis=0)[:2], 0, atol=1e-9)
    assert result.axes is not None
    told = result.axes.how
    assert "of paw" in told
    assert "mm rms about it" in told
    assert f"tilted by {result.axes.turned_deg:.1f} degrees" in told
    truly = np.degrees(np.arccos(TURN[2, 2]))
    assert result.axes.turned_deg == pytest.approx(truly, abs=1.0)
    # all keypoints together say the same, if less well
    everything = in_space("floor")
    assert everything.axes is not None
    assert everything.axes.turned_deg == pytest.approx(truly, abs=1.5)
    assert "all keypoints" in everything.axes.how


def test_files_say_how_the_axes_were_found(tmp_path: Path) -> None:
    result = in_space("floor:paw", tmp_path / "S")
    assert result.axes is not None
    assert [path.name for path in result.files] == ["S.nc", "S.csv", "S.calibration.toml"]
    rig = anipose_toml.read(result.files[2])
    assert dict(rig.provenance)["axes"] == result.axes.how
    stored = movement.read(result.files[0])
    assert stored.provenance["axes"] == result.to_json()["axes"]
    # a later recording of the same rig needs no floor: the calibration has it
    seen = {
        c.name: Tracks(Skeleton(("a",)), c.project(np.zeros((9, 1, 1, 3))), np.ones((9, 1, 1))) for c in rig.cameras
    }
    later = triangulate(result.files[2], seen)
    np.testing.assert_allclose(later.tracks.points, 0, atol=1e-6)
    assert later.tracks.provenance["axes"] == {"how": result.axes.how}
    # Anipose's table: p_new = M p_old - center
    before = in_space(None).tracks.points
    columns = anipose.read(result.files[1]).provenance["axes"]
    np.testing.assert_allclose(
        before @ np.transpose(columns["rotation"]) + columns["translation"], stored.points, atol=1e-9
    )


def test_a_known_length_comes_first() -> None:
    plain = in_space("corner_o,corner_x,corner_y")
    doubled = in_space("corner_o,corner_x,corner_y", options=TriangulateOptions(length=parse_length(480.0)))
    np.testing.assert_allclose(doubled.tracks.points, 2 * plain.tracks.points, rtol=0.01, atol=0.5)


def parse_length(length: float) -> object:
    from markerless.multiview.files.views_toml import KnownLength

    return KnownLength("corner_o", "corner_x", length)


@pytest.mark.parametrize(
    ("axes", "error", "message"),
    [
        ("nose,corner_x,corner_y", CalibrationError, "'nose' moves by .* name points that rest"),
        ("corner_o,corner_x,cornr", LabelsError, "unknown keypoint 'cornr' for the axes; keypoints: nose, paw"),
        ("floor:feet", LabelsError, "unknown keypoint 'feet'"),
        ("floor:corner_o,corner_x", CalibrationError, r"on a line.*\(floor of corner_o, corner_x\)"),
        ("floor:corner_o", CalibrationError, r"\(floor of corner_o\)"),
    ],
)
def test_what_gives_no_axes_is_refused(axes: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        in_space(axes)


def test_the_text_of_the_option() -> None:
    assert parse_axes("a, b,c") == AxesRequest(("a", "b", "c"))
    assert parse_axes("floor") == AxesRequest((), floor=True)
    assert parse_axes("Floor: a,b") == AxesRequest(("a", "b"), floor=True)
    assert parse_axes("floor,b,c") == AxesRequest(("floor", "b", "c"))  # a keypoint may be called so
    for text in ("a,b", "a,b,a", "", "a,b,c,d"):
        with pytest.raises(SettingsError, match="expected three keypoints ORIGIN,X,Y, or floor:KEYPOINT"):
            parse_axes(text)
