"""New frames and old ones by turns."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.nn.dataset import DataSettings, TrainingSet
from markerless.nn.replay import ReplayingSet
from markerless.video.images import write_image

N_OLD, N_NEW = 6, 2


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    """Six old frames and two new ones, of one gray level each."""
    frames = []
    for i in range(N_OLD + N_NEW):
        kind = "old" if i < N_OLD else "new"
        path = tmp_path / f"{kind}{i}.png"
        write_image(path, np.full((64, 64, 3), 10 * i, np.uint8))
        animal = Instance.from_xy([[20, 20], [40, 40]])
        frames.append(LabeledFrame(f"v/{path.name}", (animal,), path=path))
    return Labels(Skeleton(("nose", "tail")), tuple(frames))


def old_of(labels: Labels) -> frozenset[str]:
    return frozenset(image for image in labels.images if "old" in image)


def test_every_second_sample_is_new_however_many_old_frames_there_are(labels: Labels) -> None:
    data = ReplayingSet(labels, DataSettings(), 0, old=old_of(labels))
    names = [data.frame(number).image for number in range(24)]
    assert ["new" in name for name in names] == [True, False] * 12
    counts = Counter(names)
    assert {counts[name] for name in old_of(labels)} == {2}  # 12 samples of 6 frames, each as often as any other
    assert {counts[name] for name in set(labels.images) - old_of(labels)} == {6}


def test_batches_of_odd_size_are_balanced_over_two_of_them(labels: Labels) -> None:
    data = ReplayingSet(labels, DataSettings(), 0, old=old_of(labels))
    for step in range(0, 8, 2):
        names = [data.frame(number).image for number in range(step * 5, (step + 2) * 5)]
        assert sum("new" in name for name in names) == 5


def test_where_nothing_is_old_or_everything_it_is_the_plain_training(labels: Labels) -> None:
    plain = TrainingSet(labels, DataSettings(), 3).batch(5, 4)
    for old in (frozenset[str](), frozenset(labels.images), frozenset({"v/gone.png"})):
        same = ReplayingSet(labels, DataSettings(), 3, old=old).batch(5, 4)
        assert np.array_equal(plain.image.numpy(), same.image.numpy())
    other = ReplayingSet(labels, DataSettings(), 3, old=old_of(labels)).batch(5, 4)
    assert not np.array_equal(plain.image.numpy(), other.image.numpy())


def test_a_sample_depends_on_step_and_place_alone(labels: Labels) -> None:
    one, other = (ReplayingSet(labels, DataSettings(), 7, old=old_of(labels)) for _ in range(2))
    one.batch(0, 3)
    assert np.array_equal(one.batch(4, 3).image.numpy(), other.batch(4, 3).image.numpy())
