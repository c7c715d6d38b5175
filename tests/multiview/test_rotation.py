"""Rotations: OpenCV's, both ways, and how they change."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from markerless.multiview.rotation import cross_matrix, matrix_of, turning, vector_of


def test_matrices_are_opencvs() -> None:
    vectors = np.random.default_rng(0).normal(0, 1, (20, 3))
    expected = [cv2.Rodrigues(vector)[0] for vector in vectors]
    np.testing.assert_allclose(matrix_of(vectors), expected, atol=1e-12)
    np.testing.assert_allclose(matrix_of(vector_of(matrix_of(vectors))), expected, atol=1e-12)


@pytest.mark.parametrize("size", [0.0, 1e-5, 3e-3, 0.5, 3.0])
def test_turning_is_the_derivative(size: float) -> None:
    vector, point = size * np.array([0.48, -0.6, 0.64]), np.array([1.0, 2.0, -3.0])
    found = -cross_matrix(matrix_of(vector) @ point) @ turning(vector)
    for axis in range(3):
        step = np.eye(3)[axis] * 1e-6
        expected = (matrix_of(vector + step) - matrix_of(vector - step)) @ point / 2e-6
        np.testing.assert_allclose(found[:, axis], expected, atol=1e-8)


def test_cross_matrix_is_the_cross_product() -> None:
    a, b = np.random.default_rng(1).normal(size=(2, 5, 3))
    np.testing.assert_allclose(np.einsum("nij,nj->ni", cross_matrix(a), b), np.cross(a, b), atol=1e-12)
