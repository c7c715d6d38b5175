"""The body parts of an animal: ordered names, edges between them, left/right pairs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from markerless.errors import LabelsError


@dataclass(frozen=True)
class Skeleton:
    """Ordered keypoint names with edges and mirror pairs, both as index pairs.

    Attributes:
        keypoints: Unique names; a keypoint's index is its place here.
        edges: Pairs of indices to draw a line between.
        mirror_pairs: Pairs of indices that change places when an image is flipped left to right.
    """

    keypoints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...] = ()
    mirror_pairs: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for name in self.keypoints:
            if name in seen:
                raise LabelsError(
                    f"expected every keypoint name once, got '{name}' twice in {', '.join(self.keypoints)}"
                )
            seen.add(name)
        for pair in (*self.edges, *self.mirror_pairs):
            if not all(0 <= place < len(self.keypoints) for place in pair):
                raise LabelsError(f"expected pairs of keypoints 0 to {len(self.keypoints) - 1}, got {pair}")

    @property
    def n_keypoints(self) -> int:
        return len(self.keypoints)

    def index(self, name: str) -> int:
        """Index of the keypoint called `name`.

        Raises:
            LabelsError: no keypoint has that name.
        """
        try:
            return self.keypoints.index(name)
        except ValueError:
            raise LabelsError(f"no keypoint '{name}'; known: {', '.join(self.keypoints)}") from None

    def mirror_permutation(self) -> npt.NDArray[np.int64]:
        """`(K,)` index array `p` such that `xy[p]` are the keypoints of a flipped animal in their own order."""
        order = np.arange(self.n_keypoints, dtype=np.int64)
        for a, b in self.mirror_pairs:
            order[a], order[b] = b, a
        return order

    def with_edges(self, pairs: Iterable[Sequence[str]]) -> Skeleton:
        """The same skeleton with edges given by names; pairs with an unknown name are left out."""
        known = [
            (self.keypoints.index(a), self.keypoints.index(b))
            for a, b in pairs
            if a in self.keypoints and b in self.keypoints
        ]
        return Skeleton(self.keypoints, tuple(known), self.mirror_pairs)

    def with_mirror_pairs(self, pairs: Iterable[Sequence[str]]) -> Skeleton:
        """The same skeleton with left/right pairs given by names; pairs with an unknown name are left out."""
        return Skeleton(self.keypoints, self.edges, self.with_edges(pairs).edges)

    def names_of(self, pairs: Iterable[tuple[int, int]]) -> tuple[tuple[str, str], ...]:
        """Index pairs as pairs of names."""
        return tuple((self.keypoints[a], self.keypoints[b]) for a, b in pairs)

    def with_guessed_mirror_pairs(self) -> Skeleton:
        """The same skeleton with left/right pairs guessed from the names: leftear/rightear, paw_L/paw_R, pawL/pawR."""
        pairs = []
        for a, name in enumerate(self.keypoints):
            twin = _other_side(name)
            if twin is not None and twin in self.keypoints and twin != name:
                pairs.append((a, self.keypoints.index(twin)))
        return Skeleton(self.keypoints, self.edges, tuple(pairs))


def _other_side(name: str) -> str | None:
    """The right-hand name of a left-hand one; None when the name has no left side."""
    for left, right in (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT")):
        if left in name:
            return name.replace(left, right, 1)
    for left, right in (("L", "R"), ("l", "r")):
        match = re.fullmatch(rf"(.*[_\-. ]){left}|{left}([_\-. ].*)|(.*[_\-. ]){left}([_\-. ].*)", name)
        if match:
            before = match[1] or match[3] or ""
            after = match[2] or match[4] or ""
            return f"{before}{right}{after}"
    match = re.fullmatch(r"(.*[a-z0-9])L(\d*)", name)  # wingL, pawL2
    return f"{match[1]}R{match[2]}" if match else None
