"""A made camera before a mirror: the mirror is found from points alone, up to scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from markerless.core.camera import Calibration
from markerless.core.instance import FloatArray
from markerless.core.view import View
from markerless.errors import CalibrationError
from markerless.multiview.mirror import Part, fit_mirrors
from markerless.multiview.triangulate import triangulate

SIZE = (640, 480)
FOCAL = 2000.0
PARTS = (Part("side", View(0, 0, 640, 220)), Part("below", View(0, 220, 640, 260), mirrored=True))


@dataclass(frozen=True)
class MirrorScene:
    """Points, and their pixels in the picture, directly and in the mirror."""

    points: FloatArray  # (P, 3) in axes of the camera
    xy: FloatArray  # (2, P, 2)


def made(noise: float = 0.5, tilt: float = 0.05, seed: int = 0) -> MirrorScene:
    """An animal 500 away from a camera, above a mirror that is not quite at 45 degrees."""
    rng = np.random.default_rng(seed)
    points = np.array([0, -30.0, 500]) + rng.uniform(-1, 1, (400, 3)) * [70, 12, 25]
    normal = np.array([0.02, 1 + tilt, 1.0])
    normal /= np.linalg.norm(normal)
    on_mirror = np.array([0.0, 30, 500])
    image = points - 2 * ((points - on_mirror) @ normal)[:, None] * normal
    center = (np.array(SIZE) - 1) / 2 + [5, -8]
    xy = np.stack([FOCAL * p[:, :2] / p[:, 2:] + center for p in (points, image)])
    return MirrorScene(points, xy + rng.normal(0, noise, xy.shape))


def aligned_error(found: FloatArray, truth: FloatArray) -> float:
    """Root mean square distance after the best similarity, which may not mirror (Umeyama 1991), over the size."""
    a, b = found - found.mean(axis=0), truth - truth.mean(axis=0)
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    scale = (s * np.diag(sign)).sum() / (a**2).sum()
    off = scale * a @ (u @ sign @ vt).T - b
    return float(np.sqrt((off**2).sum() / (b**2).sum()))


def fitted(scene: MirrorScene) -> Calibration:
    return fit_mirrors(PARTS, SIZE, scene.xy, np.full(scene.xy.shape[:2], 0.5))


@pytest.mark.parametrize("tilt", [-0.05, 0.0, 0.05])
def test_the_shape_in_space_is_found_up_to_scale(tilt: float) -> None:
    scene = made(tilt=tilt)
    rig = fitted(scene)
    found = triangulate(rig.cameras, scene.xy, 0.7)
    assert np.isfinite(found.points).all(axis=-1).mean() > 0.98
    there = np.isfinite(found.points).all(axis=-1)
    assert aligned_error(found.points[there], scene.points[there]) < 0.05
    assert rig.error_px < 1.0 and rig.names == ("side", "below")
    assert rig.cameras[1].mirrored and not rig.cameras[0].mirrored


def test_left_stays_left() -> None:
    scene = made()
    found = triangulate(fitted(scene).cameras, scene.xy, 0.7).points
    there = np.isfinite(found).all(axis=-1)
    # without the sign in the alignment a mirrored world would fit as well: here it does not
    assert aligned_error(found[there] * [1, 1, -1], scene.points[there]) > 0.2


def test_the_unit_is_a_pixel_of_the_direct_view() -> None:
    scene = made()
    found = triangulate(fitted(scene).cameras, scene.xy, 0.7).points
    there = np.isfinite(found).all(axis=-1)
    direct = np.ptp(scene.xy[0][there, 0])
    assert np.ptp(found[there, 0]) == pytest.approx(direct, rel=0.05)


def test_views_may_come_in_any_order_and_wrong_points_do_not_matter() -> None:
    scene = made()
    xy = scene.xy.copy()
    xy[1, ::20] += 60
    rig = fit_mirrors(PARTS[::-1], SIZE, xy[::-1], np.full((2, 400), 0.5))
    assert rig.names == ("below", "side")
    good = np.delete(np.arange(400), np.arange(0, 400, 20))
    found = triangulate(rig.cameras, scene.xy[::-1], 0.7).points
    there = good[np.isfinite(found[good]).all(axis=-1)]
    assert len(there) > 0.95 * len(good)
    assert aligned_error(found[there], scene.points[there]) < 0.05


def test_what_cannot_be_fitted_is_said() -> None:
    scene = made()
    with pytest.raises(CalibrationError, match="expected one direct view .* got as direct views: side, below"):
        fit_mirrors([replace(part, mirrored=False) for part in PARTS], SIZE, scene.xy, np.ones((2, 400)))
    few = scene.xy.copy()
    few[1, 10:] = np.nan
    with pytest.raises(
        CalibrationError, match="at least 20 points seen both in view 'side' and in view 'below', got 10"
    ):
        fit_mirrors(PARTS, SIZE, few, np.ones((2, 400)))
