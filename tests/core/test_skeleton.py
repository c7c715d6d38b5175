"""Skeletons: names, edges, left/right pairs."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (("snout", "leftear", "rightear", "tailbase"), ((1, 2),)),
        (("rightear", "leftear"), ((1, 0),)),
        (("Left_ear", "Right_ear"), ((0, 1),)),
        (("LEFT paw", "RIGHT paw"), ((0, 1),)),
        (("paw_L", "paw_R", "nose"), ((0, 1),)),
        (("paw_l", "paw_r"), ((0, 1),)),
        (("L_paw", "R_paw"), ((0, 1),)),
        (("ear_L_tip", "ear_R_tip"), ((0, 1),)),
        (("paw-L", "paw-R", "ear.L", "ear.R"), ((0, 1), (2, 3))),
        (("hindleft", "hindright", "foreleft", "foreright"), ((0, 1), (2, 3))),
        (("wingL", "wingR", "leg1L", "leg1R", "pawL2", "pawR2"), ((0, 1), (2, 3), (4, 5))),
    ],
)
def test_mirror_pairs_are_guessed_from_names(names: tuple[str, ...], pairs: tuple[tuple[int, int], ...]) -> None:
    assert Skeleton(names).with_guessed_mirror_pairs().mirror_pairs == pairs


@pytest.mark.parametrize(
    "names",
    [
        ("nose", "tail"),
        ("leftear", "nose"),
        ("paw_L", "ear_R"),
        ("left", "up"),
        ("elbow", "erbow"),
        ("pearl", "pearr"),
        ("NL", "NR"),
        ("wingL", "legR"),
    ],
)
def test_no_pair_is_guessed_where_there_is_none(names: tuple[str, ...]) -> None:
    assert Skeleton(names).with_guessed_mirror_pairs().mirror_pairs == ()


def test_mirror_permutation_swaps_pairs_and_is_its_own_inverse() -> None:
    skeleton = Skeleton(("snout", "leftear", "rightear", "tail"), mirror_pairs=((1, 2),))
    order = skeleton.mirror_permutation()
    assert order.tolist() == [0, 2, 1, 3]
    np.testing.assert_array_equal(order[order], np.arange(4))


def test_edges_by_name_leave_out_unknown_names() -> None:
    skeleton = Skeleton(("a", "b", "c")).with_edges([("a", "c"), ("a", "x"), ("c", "b")])
    assert skeleton.edges == ((0, 2), (2, 1))


def test_index_of_a_name() -> None:
    skeleton = Skeleton(("a", "b"))
    assert skeleton.index("b") == 1
    with pytest.raises(LabelsError, match=r"no keypoint 'x'; known: a, b"):
        skeleton.index("x")


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(LabelsError, match="'a' twice"):
        Skeleton(("a", "b", "a"))


@pytest.mark.parametrize("pair", [(0, 2), (-1, 0)])
def test_pairs_are_of_keypoints_there_are(pair: tuple[int, int]) -> None:
    with pytest.raises(LabelsError, match="expected pairs of keypoints 0 to 1, got"):
        Skeleton(("a", "b"), edges=(pair,))
    with pytest.raises(LabelsError, match="expected pairs of keypoints 0 to 1, got"):
        Skeleton(("a", "b"), mirror_pairs=(pair,))
