from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.nn.augment import FILL
from markerless.nn.dataset import DataSettings, ImageCache, TrainingSet, frame_points, orientations_deg, view_size
from markerless.video.images import read_image

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
            assert np.abs(center + np.round([x, y]) - [x, y]).max() < 0.5
            found += 1
    assert found >= 3


def test_missing_points_are_absent_or_unknown() -> None:
    frame = LabeledFrame("v/a.png", (Instance.from_xy([[1, 2], [np.nan, np.nan]]),))
    assert frame_points(frame, 2, "absent")[1].tolist() == [True, True]
    assert frame_points(frame, 2, "unknown")[1].tolist() == [True, False]
    xy, known = frame_points(replace(frame, instances=()), 2, "unknown")
    assert np.isnan(xy).all()
    assert known.all()  # somebody looked and found no animal


def test_views_grow_with_the_animal_in_multiples_of_32_up_to_the_frame() -> None:
    sizes = np.array([[640, 480], [320, 240]])
    automatic = [view_size(sizes, animal, 0) for animal in range(20, 400, 10)]
    assert all(width == height and width % 32 == 0 for width, height in automatic)
    assert [width for width, _ in automatic] == sorted(width for width, _ in automatic)
    assert all(1.5 * animal < view_size(sizes, animal, 0)[0] < 3 * animal for animal in (100, 130, 160))
    assert view_size(np.array([[300, 100]]), 1000, 0) == (320, 128)  # no larger than the frame and what completes it
    assert view_size(sizes, 120, 100) == (96, 96)  # what the user asked for, to the next multiple
    assert view_size(sizes, 120, 10) == (32, 32)
    assert view_size(np.array([[50, 40]]), 120, 256) == (64, 64)


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


def test_views_are_mirrored_where_the_animal_turns_and_has_sides(dot_labels: MakeLabels) -> None:
    labels = dot_labels(2)
    without_sides = replace(labels, skeleton=Skeleton(labels.skeleton.keypoints))

    def flips(labels: Labels, **settings: Any) -> bool:
        return TrainingSet(labels, DataSettings(**settings), 0).geometry.flip

    assert flips(labels, rotation_deg=120)
    assert not flips(labels, rotation_deg=60)
    assert not flips(without_sides, rotation_deg=120)
    assert flips(without_sides, rotation_deg=0, flip="on")
    assert not flips(labels, rotation_deg=120, flip="off")


def test_a_mirrored_view_renames_left_and_right(dot_labels: MakeLabels) -> None:
    labels = dot_labels(1)
    first = labels.frames[0].instances[0].xy
    data = TrainingSet(labels, replace_settings(PLAIN, flip="on"), 0)
    seen = set()
    for step in range(12):
        sample = data.sample(step, 0, 1)
        back = sample.to_frame.apply(sample.xy)
        mirrored = bool(np.linalg.det(sample.to_frame.matrix) < 0)
        # green and blue are the pair: in a mirror the left hand is a right one
        np.testing.assert_allclose(back, first[[0, 2, 1]] if mirrored else first, atol=1e-9)
        seen.add(mirrored)
    assert seen == {False, True}


def test_frames_without_an_animal_are_trained_on_too(dot_labels: MakeLabels) -> None:
    labels = dot_labels(2)
    empty = replace(labels, frames=(replace(labels.frames[0], instances=()), labels.frames[1]))
    data = TrainingSet(empty, DataSettings(crop=64), 0)
    samples = [data.sample(step, i, 2) for step in range(8) for i in range(2)]
    nobody = [sample for sample in samples if np.isnan(sample.xy).all()]
    assert len(nobody) == 8
    assert all(sample.known.all() for sample in nobody)
    assert all(sample.image.shape == (64, 64, 3) for sample in samples)
    places = np.array([sample.to_frame.apply(np.array([[31.5, 31.5]]))[0] for sample in nobody])
    assert ((places >= -0.5) & (places < [96, 64])).all()
    assert len(np.unique(places.round(3), axis=0)) == 8


def test_background_views_lie_anywhere_in_the_frame(dot_labels: MakeLabels) -> None:
    """Those of the animal have its middle; of all background views of a corner animal, most do not."""
    labels = dot_labels(1)
    corner = Instance.from_xy([[4.0, 4], [12, 4], [8, 10]])
    labels = replace(labels, frames=(replace(labels.frames[0], instances=(corner,)),))
    centers = {}
    for share in (0.0, 1.0):
        data = TrainingSet(labels, replace_settings(PLAIN, background=share, crop=32), 0)
        samples = [data.sample(step, 0, 1) for step in range(60)]
        centers[share] = np.array([sample.to_frame.apply(np.array([[15.5, 15.5]]))[0] for sample in samples])
        inside = [((sample.xy >= -0.5) & (sample.xy <= 31.5)).all() for sample in samples]
        assert all(inside) if share == 0 else np.mean(inside) < 0.5
    assert np.ptp(centers[1.0], axis=0).min() > 30 > np.ptp(centers[0.0], axis=0).max()


def test_a_batch_stacks_its_samples(dot_labels: MakeLabels) -> None:
    data = TrainingSet(dot_labels(3), DataSettings(crop=64), 0)
    batch = data.batch(5, 3)
    assert batch.image.shape == (3, 64, 64, 3)
    assert batch.image.dtype == torch.uint8
    for i in range(3):
        sample = data.sample(5, i, 3)
        assert np.array_equal(batch.image[i].numpy(), sample.image)
        np.testing.assert_allclose(batch.xy[i].numpy(), sample.xy, rtol=1e-6)
        assert np.array_equal(batch.to_frame[i].numpy(), sample.to_frame.matrix)


def replace_settings(settings: DataSettings, **changes: Any) -> DataSettings:
    return DataSettings.model_validate({**settings.model_dump(), **changes})


def test_the_cache_keeps_to_its_bytes(dot_labels: MakeLabels) -> None:
    labels = dot_labels(3)
    n_bytes = 96 * 64 * 3
    cache = ImageCache(2 * n_bytes)
    for frame in labels.frames:
        cache.get(frame)
    assert list(cache._images) == [frame.image for frame in labels.frames[1:]]
    again = cache.get(labels.frames[0])  # decoded once more, and in the place of the one not asked for the longest
    assert np.array_equal(again, read_image(labels.frames[0].picture))
    assert list(cache._images) == [labels.frames[2].image, labels.frames[0].image]
    assert cache.get(labels.frames[0]) is again
    tiny = ImageCache(1)
    assert tiny.get(labels.frames[0]) is tiny.get(labels.frames[0])  # one picture is always kept
