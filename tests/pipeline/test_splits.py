from __future__ import annotations

import numpy as np
import pytest

from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.pipeline.splits import default_split


def labels(**frames_of: int) -> Labels:
    """Labels with so many frames of each video."""
    points = np.zeros((2, 2))
    frames = [
        LabeledFrame(f"labeled-data/{video}/img{i}.png", (Instance.from_xy(points),))
        for video, n in frames_of.items()
        for i in range(n)
    ]
    return Labels(Skeleton(("a", "b")), tuple(frames))


@pytest.mark.parametrize("seed", range(5))
def test_every_frame_is_in_one_part(seed: int) -> None:
    for made in (labels(a=50), labels(a=10, b=20, c=5, d=30), labels(a=7)):
        split = default_split(made, seed)
        assert sorted(split["train"] + split["validation"] + split["test"]) == sorted(made.images)


@pytest.mark.parametrize("seed", range(5))
def test_blocks_are_contiguous_in_natural_order(seed: int) -> None:
    split = default_split(labels(a=50), seed)
    assert [len(split[part]) for part in ("train", "validation", "test")] == [40, 5, 5]
    for part in ("validation", "test"):
        numbers = [int(image.rsplit("img", 1)[1][:-4]) for image in split[part]]
        assert numbers == list(range(numbers[0], numbers[0] + 5))


@pytest.mark.parametrize("seed", range(5))
def test_whole_videos_are_held_out_when_there_are_four(seed: int) -> None:
    split = default_split(labels(a=10, b=10, c=10, d=10, e=10, f=10), seed)
    videos = {part: {image.split("/")[1] for image in images} for part, images in split.items()}
    assert len(videos["test"]) == len(videos["validation"]) == 1
    assert not videos["train"] & (videos["test"] | videos["validation"])
    assert not videos["test"] & videos["validation"]


def test_a_video_that_holds_most_frames_always_trains() -> None:
    for seed in range(5):
        split = default_split(labels(big=100, b=6, c=6, d=6), seed)
        assert sum("big" in image for image in split["train"]) == 100


def test_few_frames_all_train() -> None:
    assert default_split(labels(a=19), 0) == {"train": list(labels(a=19).images), "validation": [], "test": []}
    assert default_split(labels(a=20), 0)["test"]


def test_the_seed_decides() -> None:
    splits = [default_split(labels(a=50), seed)["test"] for seed in range(8)]
    assert default_split(labels(a=50), 3)["test"] == splits[3]
    assert len({tuple(split) for split in splits}) > 1
