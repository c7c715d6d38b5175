"""`triangulate` on real studies: three cameras of a fly, four of a mouse, a mouse in a mirror."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from markerless.core.views import GOOD
from markerless.multiview.point_fit import Observed
from markerless.pipeline.triangulate import InSpace, TriangulateOptions, triangulate
from mouse_rig import NAMES, mouse_calibration, mouse_labels

FLY = "05272019_fly4_0_R1C24_Cam-{}_rot-ccw-0.06_sec.rng={}.csv"
VIEWS = """[views.side]
region = [0, 0, 396, 203]
keypoints = "{}_top"
[views.below]
region = [0, 203, 396, 203]
keypoints = "{}_bot"
mirrored = true
"""


@pytest.mark.parametrize("part", [0, 1])
def test_confident_points_of_the_fly_reproject(shared_data: Path, part: int, tmp_path: Path) -> None:
    folder = shared_data / "interop" / "lightning-pose-3cam-fly"
    files = {f"Cam-{letter}": folder / FLY.format(letter, part) for letter in "ABC"}
    result = triangulate(folder / "calibration.toml", files, tmp_path / "fly", TriangulateOptions(cutoff=0.9))
    # of all views of all points, also those that no agreement was found on
    away = result.views.reprojection_px[np.isfinite(result.views.reprojection_px)]
    assert np.median(away) <= 1.6
    assert result.states["good"] > 0.95 * sum(result.states.values())


def plain_linear(observed: Observed) -> np.ndarray:
    """Points by the homogeneous linear equations of all views (Hartley and Zisserman, 12.2), unweighted."""
    rows = []
    for camera, rays in zip(observed.cameras, observed.rays, strict=True):
        projection = np.hstack([camera.rotation, camera.translation[:, None]])
        seen = np.isfinite(rays).all(axis=-1)
        row = np.where(seen[:, None], rays, 0)[..., None] * projection[2] - projection[:2]
        rows.append(np.where(seen[:, None, None], row, 0))
    vectors = np.linalg.svd(np.concatenate(rows, axis=1))[2][:, -1]
    return np.asarray(vectors[:, :3] / vectors[:, 3:])


def test_limbs_of_the_mouse_vary_less_than_by_plain_triangulation(shared_data: Path) -> None:
    folder = shared_data / "mouse-4cam"
    rig, labels = mouse_calibration(folder), {name: mouse_labels(folder, name) for name in NAMES}
    result = triangulate(rig, labels)
    points = result.tracks.points[:, 0]
    xy = np.stack([labels[name].points[:, 0].reshape(-1, 2) for name in NAMES])
    plain = plain_linear(Observed.of(rig.cameras, xy, np.ones(xy.shape[:2]))).reshape(points.shape)
    variances = []
    for a, b in labels["back"].skeleton.edges:
        lengths = np.stack([np.linalg.norm(one[:, a] - one[:, b], axis=-1) for one in (points, plain)])
        variances.append(np.var(lengths[:, np.isfinite(lengths).all(axis=0)], axis=1))
    ours, theirs = np.sum(variances, axis=0)
    assert ours < 0.8 * theirs  # reached: 0.38
    assert result.states["good"] >= 0.99 * sum(result.states.values())
    # the README's medians of the labels' noise: more in back and side
    assert min(result.noise_px["back"], result.noise_px["side"]) > 2 * result.noise_px["top"]


def mirror_labels(folder: Path) -> tuple[list[str], np.ndarray]:
    """Names and pixels `(72, 17, 2)` of the labels."""
    with (folder / "CollectedData.csv").open(encoding="utf-8", newline="") as file:
        _, names, _, *rows = list(csv.reader(file))
    values = np.array([[float(cell) if cell else np.nan for cell in row[1:]] for row in rows])
    return names[1::2], values.reshape(len(values), -1, 2)


@pytest.fixture
def mirror(shared_data: Path, tmp_path: Path) -> tuple[InSpace, np.ndarray, np.ndarray]:
    """Points from the labels of the mirror study, and the pixels `(T, K, 2)` of both views."""
    (tmp_path / "views.toml").write_text(VIEWS, encoding="utf-8")
    folder = shared_data / "mirror-mouse"
    result = triangulate(tmp_path / "views.toml", {"all": folder / "CollectedData.csv"}, tmp_path / "mouse")
    names, xy = mirror_labels(folder)
    sides = [xy[:, [names.index(name + end) for name in result.tracks.skeleton.keypoints]] for end in ("_top", "_bot")]
    return result, sides[0], sides[1]


def test_after_the_joint_fit_the_views_of_the_mirror_agree(mirror: tuple[InSpace, np.ndarray, np.ndarray]) -> None:
    result, top, bottom = mirror
    side, below = result.calibration.cameras
    points = result.tracks.points[:, 0]
    raw = np.abs(top[..., 0] - bottom[..., 0])
    left = np.abs((top - side.project(points))[..., 0] - (bottom - below.project(points))[..., 0])
    assert np.nanmedian(left) <= 0.5 * np.nanmedian(raw)
    by_name = {
        name: np.nanmedian(left[:, index]) / np.nanmedian(raw[:, index])
        for index, name in enumerate(result.tracks.skeleton.keypoints)
    }
    # where perspective makes the difference, it goes; the paws' is that of the labels themselves
    assert by_name["nose"] < 0.25
    assert by_name["tailBase"] < 0.4
    assert by_name["tailMid"] < 0.6
    assert (result.views.state == GOOD).mean() > 0.93


def test_the_mirrored_mouse_has_the_shape_of_a_mouse(mirror: tuple[InSpace, np.ndarray, np.ndarray]) -> None:
    result, _, _ = mirror
    points, place = result.tracks.points[:, 0], result.tracks.skeleton.index
    body = np.linalg.norm(points[:, place("nose")] - points[:, place("tailBase")], axis=-1)
    assert np.nanstd(body) < 0.1 * np.nanmean(body)
    # the paws are below the tail, and left paws are not where right ones are
    down = points[..., 1]
    paws = [place(name) for name in ("paw1LH", "paw2LF", "paw3RF", "paw4RH")]
    assert (np.nanmedian(down[:, paws], axis=0) > np.nanmedian(down[:, place("tailBase")])).all()
    across = np.nanmedian(points[:, paws, 2], axis=0)
    assert np.sign(across[0] - across[3]) == np.sign(across[1] - across[2])
