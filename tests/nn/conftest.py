"""Labels of pictures with three dots, for everything that trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from make_model import COLORS, random_places
from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.video.images import write_image

SIZE = (96, 64)


@pytest.fixture
def dot_labels(tmp_path: Path) -> Callable[[int], Labels]:
    """`n` labeled pictures of a red, a green and a blue dot; green and blue are a left/right pair."""

    def make(n: int) -> Labels:
        places = random_places(n, SIZE, seed=3)
        frames = []
        for i, xy in enumerate(places):
            path = tmp_path / f"img{i}.png"
            channels = [cv2.circle(np.zeros(SIZE[::-1], np.uint8), place.tolist(), 5, 250, -1) for place in xy]
            write_image(path, np.stack(channels, axis=-1))
            frames.append(LabeledFrame(f"v/img{i}.png", (Instance.from_xy(places[i].astype(float)),), path=path))
        return Labels(Skeleton(COLORS, mirror_pairs=((1, 2),)), tuple(frames))

    return make
