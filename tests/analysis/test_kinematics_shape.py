"""Distances, skeleton lengths, joint angles, headings and scales, by hand-made places and by noise of a known size."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markerless.analysis.kinematics_angles import heading, joint_angles
from markerless.analysis.kinematics_distances import distances, skeleton_lengths
from markerless.analysis.kinematics_motion import speed
from markerless.analysis.kinematics_quantity import Pace, Quantity
from markerless.analysis.kinematics_scale import Scale
from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import LabelsError, SettingsError

NAMES = ("a", "b", "c")
MEAN_2D = math.sqrt(math.pi / 2)


def tracks_of(points: FloatArray, error: float | None = None) -> Tracks:
    """One animal; points `(T, 3, D)`."""
    points = np.asarray(points, dtype=np.float64)[:, None]
    errors = None if error is None else np.full(points.shape[:3], error)
    return Tracks(Skeleton(NAMES, ((0, 1), (1, 2))), points, np.ones(points.shape[:3]), errors, fps=10.0)


def off(found: Quantity, truth: float) -> float:
    return float(np.abs(found.values - truth).mean())


def test_distances_by_hand() -> None:
    tracks = tracks_of([[[0, 0], [3, 4], [3, 9]], [[0, 0], [np.nan, 4], [5, 12]]])
    found = distances(tracks, [("a", "b"), ("c", "a")])
    np.testing.assert_allclose(found.values[:, 0], [[5.0, math.hypot(3, 9)], [np.nan, 13.0]])
    assert (found.name, found.of, found.unit, found.error) == ("distance", ("a-b", "c-a"), "px", None)
    edges = skeleton_lengths(tracks)
    assert (edges.name, edges.of) == ("length", ("a-b", "b-c"))
    np.testing.assert_allclose(edges.values[0, 0], [5, 5])
    assert skeleton_lengths(replace(tracks, skeleton=Skeleton(NAMES))).values.shape == (2, 1, 0)


def test_distances_in_space() -> None:
    tracks = tracks_of([[[0, 0, 0], [1, 2, 2], [0, 0, 0]]])
    tracks = replace(tracks, provenance={"unit": "mm"})
    found = distances(tracks, [("a", "b")])
    assert (found.values.item(), found.unit) == (3.0, "mm")


@pytest.mark.parametrize(
    ("three", "degrees"),
    [
        ([[1, 0], [0, 0], [0, 1]], 90.0),
        ([[1, 0], [0, 0], [-1, 0]], 180.0),
        ([[2, 0], [0, 0], [5, 0]], 0.0),
        ([[1, 0], [0, 0], [1, -1]], 45.0),
        ([[1, 0], [0, 0], [-1, math.sqrt(3)]], 120.0),
        ([[1, 0], [0, 0], [1, 1e-7]], math.degrees(1e-7)),
    ],
)
def test_angles_by_hand(three: FloatArray, degrees: float) -> None:
    found = joint_angles(tracks_of(np.array([three]) * 30.0 + 100), [("a", "b", "c")])
    np.testing.assert_allclose(found.values.item(), degrees, rtol=1e-6, atol=1e-9)
    assert (found.of, found.unit) == (("a-b-c",), "deg")


def test_an_angle_in_space() -> None:
    found = joint_angles(tracks_of([[[0, 0, 2], [0, 0, 0], [3, 3, 0]]], 0.1), [("a", "b", "c")])
    np.testing.assert_allclose(found.values.item(), 90.0)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_no_angle_without_one_of_the_three(missing: int) -> None:
    points = np.array([[[1.0, 0], [0, 0], [0, 1]]])
    points[0, missing] = np.nan
    found = joint_angles(tracks_of(points, 1.0), [("a", "b", "c")])
    assert np.isnan(found.values).all() and found.error is not None and np.isnan(found.error).all()


def test_points_in_one_place_have_no_direction() -> None:
    tracks = tracks_of([[[1, 1], [1, 1], [5, 5]]], 1.0)
    assert np.isnan(joint_angles(tracks, [("a", "b", "c")]).values).all()
    assert np.isnan(heading(tracks, "a", "b").values).all()


@pytest.mark.parametrize(
    ("ahead", "degrees"), [((5, 0), 0), ((0, 5), 90), ((-5, 0), 180), ((0, -5), -90), ((-3, -3), -135)]
)
def test_the_heading_is_that_of_the_picture(ahead: tuple[float, float], degrees: float) -> None:
    """Right, down, left, up."""
    found = heading(tracks_of([[[7, 7], [7 + ahead[0], 7 + ahead[1]], [0, 0]]]), "a", "b")
    np.testing.assert_allclose(found.values.item(), degrees)
    assert (found.of, found.unit) == (("a-b",), "deg")


def noisy(places: FloatArray, deviation: float, seed: int = 0) -> Tracks:
    rng = np.random.default_rng(seed)
    points = np.broadcast_to(np.array(places, dtype=np.float64), (40_000, 3, 2))
    return tracks_of(points + rng.normal(0, deviation, points.shape), deviation * MEAN_2D)


def test_expected_errors_are_mean_errors() -> None:
    """At an acute joint with sides of different lengths, where what moves the middle counts least."""
    places = np.array([[60.0, 0], [0, 0], [20, 25]])
    tracks = noisy(places, 0.4)
    for found, truth in (
        (distances(tracks, [("a", "c")]), math.dist(places[0], places[2])),
        (joint_angles(tracks, [("a", "b", "c")]), math.degrees(math.atan2(25, 20))),
        (heading(tracks, "c", "a"), math.degrees(math.atan2(-25, 40))),
    ):
        assert found.error is not None
        np.testing.assert_allclose(np.nanmean(found.error), off(found, truth), rtol=0.03)


def test_an_error_larger_than_the_animal_is_that_of_a_guess() -> None:
    tracks = noisy(np.array([[1.0, 0], [0, 0], [0, 1]]), 500.0)
    for found in (joint_angles(tracks, [("a", "b", "c")]), heading(tracks, "a", "b")):
        assert found.error is not None
        assert found.error.max() == 90.0
    assert off(heading(tracks, "a", "b"), 0.0) == pytest.approx(90, rel=0.02)


@given(st.floats(0, 360), st.floats(0.1, 10), st.integers(0, 2**31))
def test_turning_and_enlarging_the_picture(degrees: float, factor: float, seed: int) -> None:
    """Angles stay, distances grow by the factor, headings turn along."""
    points = np.random.default_rng(seed).normal(0, 50, (5, 3, 2))
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    one, other = tracks_of(points), tracks_of(factor * points @ np.array([[c, s], [-s, c]]) + 17)
    joint = [("a", "b", "c")]
    np.testing.assert_allclose(joint_angles(one, joint).values, joint_angles(other, joint).values, atol=1e-6)
    np.testing.assert_allclose(
        factor * distances(one, [("a", "c")]).values, distances(other, [("a", "c")]).values, rtol=1e-9
    )
    turned = heading(other, "a", "b").values - heading(one, "a", "b").values - degrees
    np.testing.assert_allclose((turned + 180) % 360 - 180, 0, atol=1e-6)


def test_wrong_names_and_pairs() -> None:
    tracks = tracks_of([[[0, 0], [1, 1], [2, 2]]])
    with pytest.raises(LabelsError, match="no keypoint 'nose'; known: a, b, c"):
        distances(tracks, [("nose", "a")])
    with pytest.raises(SettingsError, match="got a twice"):
        distances(tracks, [("a", "a")])
    with pytest.raises(SettingsError, match="three different keypoints, got a, b, a"):
        joint_angles(tracks, [("a", "b", "a")])
    with pytest.raises(SettingsError, match="got b twice"):
        heading(tracks, "b", "b")
    with pytest.raises(SettingsError, match="3D"):
        heading(tracks_of([[[0, 0, 0], [1, 1, 1], [2, 2, 2]]]), "a", "b")


def test_a_scale_changes_lengths_and_their_errors_and_no_angle() -> None:
    tracks = tracks_of(np.cumsum(np.random.default_rng(1).normal(0, 9, (8, 3, 2)), axis=0), 2.0)
    scaled = Scale(4.0, "mm").applied(tracks)
    for measure in (lambda t: distances(t, [("a", "b")]), lambda t: speed(t, Pace.of(t))):
        px, mm = measure(tracks), measure(scaled)
        np.testing.assert_allclose(px.values / 4, mm.values)
        assert px.error is not None and mm.error is not None
        np.testing.assert_allclose(px.error / 4, mm.error)
        assert mm.unit == px.unit.replace("px", "mm")
    joint = [("a", "b", "c")]
    np.testing.assert_allclose(joint_angles(tracks, joint).values, joint_angles(scaled, joint).values)
    np.testing.assert_allclose(joint_angles(tracks, joint).error, joint_angles(scaled, joint).error)


def test_scales_of_known_lengths() -> None:
    assert Scale.of_points((10, 20), (10, 420), 50, "cm") == Scale(8.0, "cm")
    tracks = tracks_of([[[0, 0], [30, 40], [0, 0]], [[0, 0], [30, 40], [0, 0]], [[0, 0], [300, 400], [0, 0]]])
    assert Scale.of_keypoints(tracks, ("a", "b"), 25.0) == Scale(2.0, "mm")
    scaled = Scale.of_keypoints(tracks, ("a", "b"), 25.0).applied(tracks)
    assert float(np.median(distances(scaled, [("a", "b")]).values)) == 25.0


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_impossible_scales(value: float) -> None:
    with pytest.raises(SettingsError, match="above 0"):
        Scale(value)
    with pytest.raises(SettingsError, match="above 0"):
        Scale.of_points((0, 0), (1, 1), value)


def test_a_scale_of_nothing() -> None:
    with pytest.raises(SettingsError, match="two points with a distance"):
        Scale.of_points((3, 3), (3, 3), 10)
    tracks = tracks_of([[[np.nan, 0], [1, 1], [2, 2]]])
    with pytest.raises(SettingsError, match="frames with both a and b"):
        Scale.of_keypoints(tracks, ("a", "b"), 10)
    with pytest.raises(SettingsError, match="3D"):
        Scale(2.0).applied(tracks_of([[[0, 0, 0], [1, 1, 1], [2, 2, 2]]]))
