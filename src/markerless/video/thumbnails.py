"""Frames so small and gray that hundreds of them can be compared at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

from markerless.core.progress import Progress, silent
from markerless.core.view import View
from markerless.video.reader import VideoReader

WIDTH = 40  # px
PLAIN = 2.0  # standard deviation of gray values, of 255, below which a picture may show nothing
PLAINER = 0.5  # than the others: a white fly on black is plain, and so are all pictures of it

Thumbnail = npt.NDArray[np.float32]


def thumbnails(
    reader: VideoReader, indices: Iterable[int], view: View | None = None, progress: Progress = silent
) -> Iterator[tuple[int, Thumbnail]]:
    """(index, (h, `WIDTH`) gray) of the frames that can be decoded, ascending, so that nothing is decoded twice.

    Only the part `view` of a frame is looked at, None for all of it.
    """
    wanted = sorted(set(indices))
    for done, index in enumerate(wanted, 1):
        ((_, raw),) = reader.raw_frames(index, index + 1)
        progress(done, len(wanted), "looking")
        if raw is not None:
            yield index, small(raw.gray(view)[:, :, 0])


def small(gray: npt.NDArray[np.uint8]) -> Thumbnail:
    """`gray (H, W)` as a thumbnail of the same shape."""
    height = max(1, round(gray.shape[0] * WIDTH / gray.shape[1]))
    return np.asarray(cv2.resize(gray, (WIDTH, height), interpolation=cv2.INTER_AREA), np.float32)


def least_contrast(contrasts: Iterable[float]) -> float:
    """The standard deviation from which a thumbnail shows something, in a video whose thumbnails have `contrasts`."""
    known = list(contrasts)
    return min(PLAIN, PLAINER * float(np.percentile(known, 90))) if known else 0.0
