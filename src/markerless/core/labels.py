"""What people annotated: labeled frames of a study, as values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np

from markerless.core.instance import FloatArray, Instance
from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError

NO_ANIMAL_SIZE_SHARE = 0.1  # of the frame's diagonal, when an animal has fewer than two keypoints


@dataclass(frozen=True)
class LabeledFrame:
    """One annotated image.

    Attributes:
        image: Relative POSIX path as label files name it ("labeled-data/m4s1/img0000.png"); the frame's identity.
        instances: The animals in it; empty when a person looked and found none.
        labeler: Who labeled it (DeepLabCut's scorer).
        path: Where the picture is on this machine; None when it was not found.
    """

    image: str
    instances: tuple[Instance, ...]
    labeler: str = ""
    path: Path | None = None

    @property
    def video(self) -> str:
        """Name of the video the image came from: the folder's name."""
        return PurePosixPath(self.image).parent.name

    @property
    def n_points(self) -> int:
        return sum(instance.n_points for instance in self.instances)

    @property
    def picture(self) -> Path:
        """Where the picture is.

        Raises:
            LabelsError: it was not found on this machine.
        """
        if self.path is None:
            raise LabelsError(f"the picture of {self.image} is missing; put it back or delete its row from the labels")
        return self.path


@dataclass(frozen=True)
class Labels:
    """Labeled frames that share a skeleton.

    Attributes:
        skeleton: Names and order of the keypoints.
        frames: In the order of the label files; `image` is unique.
        individuals: Names of the animals, in the order of the file; one name for single-animal studies.
        notes: One-line remarks of the readers ("labels of scorer X used"), for the user.
    """

    skeleton: Skeleton
    frames: tuple[LabeledFrame, ...]
    individuals: tuple[str, ...] = ("individual_0",)
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for frame in self.frames:
            if frame.image in seen:
                raise LabelsError(f"expected every image once, got two rows for {frame.image}; delete one of them")
            seen.add(frame.image)

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def images(self) -> tuple[str, ...]:
        return tuple(frame.image for frame in self.frames)

    @property
    def n_points(self) -> int:
        """Number of placed keypoints over all frames and animals."""
        return sum(frame.n_points for frame in self.frames)

    @property
    def is_multi_animal(self) -> bool:
        return len(self.individuals) > 1

    def xy(self) -> FloatArray:
        """`(F, N, K, 2)` pixels, NaN where there is no point; N in the order of `individuals`."""
        n_frames, n_individuals = len(self.frames), len(self.individuals)
        points = np.full((n_frames, n_individuals, self.skeleton.n_keypoints, 2), np.nan)
        for f, frame in enumerate(self.frames):
            for instance in frame.instances:
                points[f, self.individuals.index(instance.individual)] = instance.xy
        return points

    def select(self, images: Iterable[str]) -> Labels:
        """The frames named in `images`, in that order.

        Raises:
            LabelsError: an image is not among the labels.
        """
        by_image = {frame.image: frame for frame in self.frames}
        chosen = []
        for image in images:
            if image not in by_image:
                raise LabelsError(f"image {image} is not among the {len(self.frames)} labeled frames")
            chosen.append(by_image[image])
        return replace(self, frames=tuple(chosen))

    def matching(self, skeleton: Skeleton) -> Labels:
        """The same labels in another skeleton's order, matched by name; names that are not here become unlabeled.

        Raises:
            LabelsError: no name is shared.
        """
        source = [
            self.skeleton.keypoints.index(name) if name in self.skeleton.keypoints else -1
            for name in skeleton.keypoints
        ]
        if max(source, default=-1) < 0:
            raise LabelsError(
                f"no keypoint name is shared: expected some of {', '.join(skeleton.keypoints)}, "
                f"got {', '.join(self.skeleton.keypoints)}"
            )
        frames = tuple(
            replace(frame, instances=tuple(_reorder(i, source) for i in frame.instances)) for frame in self.frames
        )
        return replace(self, skeleton=skeleton, frames=frames)

    def animal_size_px(self, frame_diagonal: float = float("nan")) -> float:
        """Median diagonal of the box around an animal's labeled points, in pixels.

        Args:
            frame_diagonal: Median diagonal of the images in pixels, used (10 % of it) when no animal has two points.
        """
        diagonals = []
        for frame in self.frames:
            for instance in frame.instances:
                if instance.n_points >= 2:
                    extent = np.nanmax(instance.xy, axis=0) - np.nanmin(instance.xy, axis=0)
                    diagonals.append(float(np.hypot(*extent)))
        size = float(np.median(diagonals)) if diagonals else 0.0
        return size if size > 0 else NO_ANIMAL_SIZE_SHARE * frame_diagonal

    def animal_extents_px(self) -> FloatArray:
        """`(n, 2)` width and height of the box around each labeled animal of two points or more, in pixels."""
        placed = [i.xy[np.isfinite(i.xy).all(-1)] for frame in self.frames for i in frame.instances if i.n_points >= 2]
        return np.array([np.ptp(points, axis=0) for points in placed]).reshape(-1, 2)


def _reorder(instance: Instance, source: Sequence[int]) -> Instance:
    """Keypoints taken from the places `source`; -1 gives a keypoint that is not labeled."""
    index = np.array(source)
    known = index >= 0
    xy = np.where(known[:, None], instance.xy[index], np.nan)
    visibility = np.where(known, instance.visibility[index], 0).astype(np.int8)
    return replace(instance, xy=xy, visibility=visibility, score=np.where(known, instance.score[index], np.nan))
