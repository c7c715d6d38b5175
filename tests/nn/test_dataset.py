from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.nn.augment import FILL, draw_rotation_deg
from markerless.nn.dataset import DataSettings, ImageCache, TrainingSet, frame_points, orientations_deg, view_size

MakeLabels = Callable[[int], Labels]
PLAIN = DataSettings(rotation_deg=0, scale=1, flip="off", background=0)


def test_a_sample_depends_on_seed_step_and_place_alone(dot_labels: MakeLabels) -> None:
    labels = dot_labels(4)
    one, other = TrainingSet(labels, DataSettings(), 7), TrainingSet(labels, DataSettings(), 7)
    other.sample(0, 0, 2)  # what was drawn before does not matter
    first, second = one.sample(3, 1, 2), other.sample(3, 1, 2)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.xy, second.xy, equal_nan=True)
    different = TrainingSet(labels, DataSettings(), 8).sample(3, 1, 2)
    assert not np.array_equal(first.image, different.image)


def test_every_frame_is_seen_once_before_any_is_seen_again(dot_labels: MakeLabels) -> None:
    labels = dot_labels(6)
    data = TrainingSet(labels, PLAIN, 0)
    seen = []
    for step in range(3):
        for i in range(2):
            sample = data.sample(step, i, 2)
            original = sample.to_frame.apply(sample.xy)
            seen.append(int(np.argmin([np.abs(f.instances[0].xy - original).max() for f in labels.frames])))
    assert sorted(seen) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("seed", range(4))
def test_labels_follow_the_picture_through_every_view(dot_labels: MakeLabels, seed: int) -> None:
    """A smooth spot drawn at each label is found where the sample says: turned, scaled, flipped and renamed."""
    labels = dot_labels(3)
    data = TrainingSet(labels, DataSettings(rotation_deg=180, scale=1.3, flip="on", crop=96), seed)
    yy, xx = np.mgrid[:64, :96]
    for frame in labels.frames:
        spots = [np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 8) for x, y in frame.instances[0].xy]
        data.cache._images[frame.image] = (FILL + 100 * np.stack(spots, -1)).astype(np.uint8)
    found = 0
    for step in range(6):
        sample = data.sample(step, 0, 1)
        picture = cv2.GaussianBlur(sample.image, (0, 0), 1).astype(float)
        mirrored = np.linalg.det(sample.to_frame.matrix) < 0
        for k, (x, y) in enumerate(sample.xy):
            if not (6 <= x < sample.image.shape[1] - 6 and 6 <= y < sample.image.shape[0] - 6):
                continue
            channel = (0, 2, 1)[k] if mirrored else k
            patch = picture[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6, channel]
            patch = np.clip(patch - (np.median(patch) + patch.max()) / 2, 0, None)
            offsets = np.arange(-5, 6)
            center = np.array([(patch.sum(0) * offsets).sum(), (patch.sum(1) * offsets).sum()]) / patch.sum()
            assert np.abs(center + np.round([x, y]) - [x, y]).max() < 1.0
            found += 1
    assert found >= 3


def test_missing_points_are_absent_or_unknown() -> None:
    frame = LabeledFrame("v/a.png", (Instance.from_xy([[1, 2], [np.nan, np.nan]]),))
    assert frame_points(frame, 2, "absent")[1].tolist() == [True, True]
    assert frame_points(frame, 2, "unknown")[1].tolist() == [True, False]
    xy, known = frame_points(replace(frame, instances=()), 2, "unknown")
    assert np.isnan(xy).all()
    assert known.all()  # somebody looked and found no animal


def test_views_are_about_twice_the_animal_in_multiples_of_32() -> None:
    sizes = np.array([[640, 480]])
    assert view_size(sizes, 120, 0) == (256, 256)  # 264 -> 256
    assert view_size(sizes, 20, 0) == (192, 192)
    assert view_size(sizes, 1000, 0) == (416, 416)
    assert view_size(np.array([[300, 100]]), 1000, 0) == (320, 128)  # no larger than the frame
    assert view_size(sizes, 120, 100) == (96, 96)


def test_orientation_is_read_from_turned_copies_only() -> None:
    shape = np.array([[0.0, 0], [30, 0], [30, 10], [5, 20]])
    angles = np.deg2rad([-60, 0, 60])
    turned = [shape @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + 50 for a in angles]
    frames = [LabeledFrame(f"v/{i}.png", (Instance.from_xy(pose),)) for i, pose in enumerate(turned)]
    labels = Labels(Skeleton(("a", "b", "c", "d")), tuple(frames))
    np.testing.assert_allclose(np.sort(orientations_deg(labels)), [-60, 0, 60], atol=1e-6)
    other_shape = LabeledFrame("v/9.png", (Instance.from_xy(np.array([[0, 0], [0, 30], [40, 0], [-30, -30]])),))
    with_other = replace(labels, frames=(*frames, other_shape))
    np.testing.assert_allclose(np.sort(orientations_deg(with_other)), [-60, 0, 60], atol=1e-6)


def test_half_of_the_rotations_stay_near_upright() -> None:
    rng = np.random.default_rng(0)
    wide = np.array([draw_rotation_deg(180, rng) for _ in range(4000)])
    assert 0.46 < (np.abs(wide) <= 20).mean() < 0.54
    assert np.abs(wide).max() > 175
    narrow = np.array([draw_rotation_deg(20, rng) for _ in range(4000)])
    assert 0.46 < (np.abs(narrow) <= 10).mean() < 0.54  # even
    assert np.abs(narrow).max() <= 20


def test_the_cache_keeps_to_its_bytes(dot_labels: MakeLabels) -> None:
    labels = dot_labels(3)
    n_bytes = 96 * 64 * 3
    cache = ImageCache(2 * n_bytes)
    for frame in labels.frames:
        cache.get(frame)
    assert list(cache._images) == [frame.image for frame in labels.frames[1:]]
