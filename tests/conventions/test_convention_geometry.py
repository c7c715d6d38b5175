"""The coordinate conventions of the project, pinned by hand-computed numbers and by what OpenCV and torch do.

(0, 0) is the center of the top-left pixel. A mistake here raises no error and shifts every result by half a pixel.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from markerless.core.affine import Affine

Image = npt.NDArray[np.float32]


def blob(width: int, height: int, x: float, y: float, sigma: float = 3.0) -> Image:
    """A soft dot centered at (x, y)."""
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2)).astype(np.float32)


def centroid(image: npt.NDArray[np.floating]) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    return float((image * columns).sum() / image.sum()), float((image * rows).sum() / image.sum())


@pytest.mark.parametrize(
    ("x", "scale", "expected"),
    [
        (249, 3, 748),  # not 747: (249 + 0.5) * 3 - 0.5
        (0, 3, 1),
        (-0.5, 3, -0.5),  # the outer edge of the first pixel stays the outer edge
        (499.5, 0.5, 249.5),
        (0, 0.5, -0.25),
        (1, 0.25, -0.125),
    ],
)
def test_resize_maps_pixel_edges_to_pixel_edges(x: float, scale: float, expected: float) -> None:
    np.testing.assert_allclose(Affine.resize(scale).apply([[x, x]]), [[expected, expected]])


@pytest.mark.parametrize(
    ("cell", "stride", "expected"), [(0, 8, 3.5), (1, 8, 11.5), (79, 8, 635.5), (0, 4, 1.5), (3, 2, 6.5), (5, 1, 5)]
)
def test_where_a_cell_of_a_map_sits(cell: int, stride: int, expected: float) -> None:
    assert (cell + 0.5) * stride - 0.5 == expected
    np.testing.assert_allclose(Affine.resize(stride).apply([[cell, cell]]), [[expected, expected]])


def test_crop_and_mirror_by_hand() -> None:
    np.testing.assert_allclose(Affine.crop(10, 20).apply([[10, 20]]), [[0, 0]])
    np.testing.assert_allclose(Affine.mirror(640).apply([[0, 7]]), [[639, 7]])


@pytest.mark.parametrize(
    ("factor", "interpolation"), [(3, cv2.INTER_LINEAR), (2, cv2.INTER_CUBIC), (0.5, cv2.INTER_AREA)]
)
def test_cv2_resize_agrees(factor: float, interpolation: int) -> None:
    x, y = 41.3, 27.8
    resized = cv2.resize(blob(80, 60, x, y), None, fx=factor, fy=factor, interpolation=interpolation)
    np.testing.assert_allclose(centroid(resized), Affine.resize(factor).apply([x, y]), atol=0.01)


def test_the_old_rule_without_the_half_pixel_would_be_caught() -> None:
    x, y = 41.3, 27.8
    resized = cv2.resize(blob(80, 60, x, y), None, fx=3, fy=3, interpolation=cv2.INTER_LINEAR)
    assert abs(centroid(resized)[0] - 3 * x) > 0.9


def test_cv2_warp_affine_takes_our_matrix_as_it_is() -> None:
    x, y = 41.3, 27.8
    affine = Affine.crop(5, -4).then(Affine.rotation(0.4, (40, 30))).then(Affine.resize(1.5))
    warped = cv2.warpAffine(blob(80, 60, x, y), affine.matrix[:2], (160, 140), flags=cv2.INTER_LINEAR)
    np.testing.assert_allclose(centroid(warped), affine.apply([x, y]), atol=0.05)


def test_slices_agree_with_crop_and_mirror() -> None:
    x, y = 41.3, 27.8
    image = blob(80, 60, x, y)
    np.testing.assert_allclose(centroid(image[10:55, 20:75]), Affine.crop(20, 10).apply([x, y]), atol=0.01)
    np.testing.assert_allclose(centroid(image[:, ::-1]), Affine.mirror(80).apply([x, y]), atol=0.01)


@pytest.mark.parametrize("factor", [3.0, 0.5])
def test_torch_interpolate_agrees(factor: float) -> None:
    torch = pytest.importorskip("torch", reason="torch comes with the extra [train]")
    x, y = 41.3, 27.8
    image = torch.from_numpy(blob(80, 60, x, y))[None, None]
    resized = torch.nn.functional.interpolate(image, scale_factor=factor, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(centroid(resized[0, 0].numpy()), Affine.resize(factor).apply([x, y]), atol=0.01)
