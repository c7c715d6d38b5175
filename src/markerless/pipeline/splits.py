"""Which labeled frames train, which validate, which test, when the user does not say."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from markerless.core.labels import Labels
from markerless.core.video import natural_key

FEWEST_FOR_TEST = 20  # labeled frames; below, all of them train
FEWEST_VIDEOS = 4  # from here on whole videos are held out
HELD_OUT = 0.1  # of the frames, for validation and for test each
LARGEST_HELD_OUT = 1 / 3  # of the frames: a larger video always trains
BLOCKS = 10

Split = dict[str, list[str]]


def default_split(labels: Labels, seed: int) -> Split:
    """About 80 % train, 10 % validation, 10 % test, without neighbors in time on both sides.

    Whole videos are held out when there are four or more; else contiguous blocks of frames. Fewer than 20 frames all
    train.
    """
    frames = sorted(labels.frames, key=lambda frame: natural_key(frame.image))
    images = [frame.image for frame in frames]
    if len(images) < FEWEST_FOR_TEST:
        return {"train": images, "validation": [], "test": []}
    groups: dict[str, list[str]] = {}
    for frame in frames:
        groups.setdefault(frame.video, []).append(frame.image)
    rng = np.random.default_rng(seed)
    if len(groups) >= FEWEST_VIDEOS:
        return _deal(list(groups.values()), len(images), rng)
    edges = np.linspace(0, len(images), BLOCKS + 1).astype(int)
    blocks = [images[a:b] for a, b in pairwise(edges)]
    validation, test = rng.choice(BLOCKS, 2, replace=False)
    train = [image for i, block in enumerate(blocks) if i not in (validation, test) for image in block]
    return {"train": train, "validation": blocks[validation], "test": blocks[test]}


def _deal(groups: Sequence[list[str]], n_images: int, rng: np.random.Generator) -> Split:
    """Whole groups to test and validation until each holds a tenth, none of more than a third; the rest trains."""
    split: Split = {"train": [], "validation": [], "test": []}
    for i in rng.permutation(len(groups)):
        group = groups[i]
        wanting = [part for part in ("test", "validation") if len(split[part]) < HELD_OUT * n_images]
        part = wanting[0] if wanting and len(group) <= LARGEST_HELD_OUT * n_images else "train"
        split[part] += group
    return split
