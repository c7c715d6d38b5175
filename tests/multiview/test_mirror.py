"""A mirror is a camera: found without a board, up to scale."""

from __future__ import annotations

import numpy as np
import pytest

from made_mirror import DISTANCE, FOCAL, PARTS, SIZE, mirror_scene
from markerless.core.view import View
from markerless.errors import CalibrationError
from markerless.multiview.mirror import Part, fit_mirrors, scaled
from markerless.multiview.triangulate import triangulate


def shape_error(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Root mean square distance after the best similarity (Umeyama 1991) as a share of the size, and its scale."""
    a, b = found - found.mean(axis=0), truth - truth.mean(axis=0)
    left, values, right = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    scale = float((values * signs).sum() / (a**2).sum())
    away = b - scale * a @ (left @ np.diag(signs) @ right).T
    return float(np.sqrt((away**2).sum() / (b**2).sum())), scale


def test_the_scene_is_in_the_frame() -> None:
    xy = mirror_scene(noise=0.0).xy
    for part, seen in zip(PARTS, xy, strict=True):
        low, high = seen.min(axis=0), seen.max(axis=0)
        assert (low >= [part.region.left, part.region.top]).all()
        assert (high <= [part.region.left + part.region.width, part.region.top + part.region.height]).all()


@pytest.mark.parametrize("angle", [45.5, 49.0])
def test_the_shape_is_found_up_to_scale(angle: float) -> None:
    scene = mirror_scene(angle_deg=angle)
    rig = fit_mirrors(PARTS, SIZE, scene.xy, np.full(scene.xy.shape[:2], 0.5))
    assert rig.names == ("side", "below")
    assert rig.unit == "px"
    assert rig.error_px is not None
    assert rig.error_px < 1
    found = triangulate(rig.cameras, scene.xy, 0.6)
    good = np.isfinite(found.points).all(axis=-1)
    assert good.mean() > 0.98
    off, scale = shape_error(found.points[good], scene.points[good])
    assert off < 0.03
    # a pixel of the direct view at the animal's distance
    assert scale == pytest.approx(DISTANCE / FOCAL, rel=0.05)


def test_the_shape_is_not_a_mirror_image() -> None:
    scene = mirror_scene()
    rig = fit_mirrors(PARTS, SIZE, scene.xy, np.full(scene.xy.shape[:2], 0.5))
    points = triangulate(rig.cameras, scene.xy, 0.6).points
    good = np.isfinite(points).all(axis=-1)
    turned_over = scene.points[good] * [-1, 1, 1]
    # an animal that is alike in all directions would hide it: this one is not
    skew = scene.points[good] + 0.004 * scene.points[good][:, [1]] * scene.points[good][:, [0]] * [0, 0, 1.0]
    assert shape_error(points[good], scene.points[good])[0] < 0.03
    assert shape_error(points[good], turned_over)[0] > 0.1
    assert shape_error(points[good], skew)[0] > 0.05


def test_gross_errors_do_not_spoil_it() -> None:
    scene = mirror_scene()
    xy = scene.xy.copy()
    rng = np.random.default_rng(1)
    wrong = rng.uniform(size=len(scene.points)) < 0.05
    xy[1, wrong] += rng.normal(0, 60, (wrong.sum(), 2))
    rig = fit_mirrors(PARTS, SIZE, xy, np.full(xy.shape[:2], 0.5))
    found = triangulate(rig.cameras, xy, 0.6).points
    good = np.isfinite(found).all(axis=-1) & ~wrong
    assert shape_error(found[good], scene.points[good])[0] < 0.03


def test_the_order_of_the_views_does_not_matter() -> None:
    scene = mirror_scene()
    error = np.full(scene.xy.shape[:2], 0.5)
    first = fit_mirrors(PARTS, SIZE, scene.xy, error)
    second = fit_mirrors(PARTS[::-1], SIZE, scene.xy[::-1], error)
    assert second.names == ("below", "side")
    np.testing.assert_allclose(second.camera("below").translation, first.camera("below").translation, rtol=1e-6)


def test_another_unit_is_the_same_rig() -> None:
    scene = mirror_scene(100)
    rig = fit_mirrors(PARTS, SIZE, scene.xy, np.full(scene.xy.shape[:2], 0.5))
    larger = scaled(rig, 3.0, "mm")
    assert larger.unit == "mm"
    first, second = (triangulate(one.cameras, scene.xy, 0.6).points for one in (rig, larger))
    np.testing.assert_allclose(second, 3 * first, rtol=1e-4)


def test_what_cannot_be_fitted_is_refused() -> None:
    scene = mirror_scene(30)
    error = np.full(scene.xy.shape[:2], 0.5)
    both = (PARTS[0], Part("below", View(0, 240, 640, 240)))
    with pytest.raises(CalibrationError, match="got as direct views: side, below"):
        fit_mirrors(both, SIZE, scene.xy, error)
    with pytest.raises(CalibrationError, match="got as direct views: none"):
        fit_mirrors(PARTS[1:] * 2, SIZE, scene.xy, error)
    few = scene.xy.copy()
    few[1, 12:] = np.nan
    with pytest.raises(
        CalibrationError, match="at least 20 points seen both in view 'side' and in view 'below', got 12"
    ):
        fit_mirrors(PARTS, SIZE, few, error)
