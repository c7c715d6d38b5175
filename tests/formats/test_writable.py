"""What formats refuse to write, in one wording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from markerless.core.labels import Labels
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import FormatError, LabelsError
from markerless.formats import registry

WRITERS = [name for name in registry.names() if hasattr(registry.get(name), "write") and name != "movement"]


def some_tracks(n_individuals: int, n_axes: int) -> Tracks:
    shape = (2, n_individuals, 1)
    names = tuple(f"mouse {n}" for n in range(n_individuals))
    return Tracks(Skeleton(("nose",)), np.ones((*shape, n_axes)), np.ones(shape), individuals=names)


@pytest.mark.parametrize("name", WRITERS)
def test_another_ending_is_refused(name: str, tmp_path: Path) -> None:
    module = registry.get(name)
    value = Labels(Skeleton(("nose",)), ()) if module.KIND == "labels" else some_tracks(1, getattr(module, "NEEDS", 2))
    error = LabelsError if module.KIND == "labels" else FormatError
    with pytest.raises(error, match=rf"ends in \{module.SUFFIXES[0]}.*, got a\.xyz; rename it"):
        module.write(value, tmp_path / "a.xyz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "n_individuals", "n_axes", "message"),
    [
        ("sleap", 1, 3, "a SLEAP file holds points in 2D, got 3D; write movement's netCDF instead"),
        ("sleap_analysis", 1, 3, "a SLEAP file holds points in 2D, got 3D; write movement's netCDF instead"),
        ("anipose", 1, 2, "holds one animal in 3D, got 1 in 2D; write DeepLabCut's format or tidy instead"),
        ("anipose", 2, 3, "holds one animal in 3D, got 2 in 3D"),
        ("lightning_pose", 2, 2, "holds one animal in 2D, got 2 in 2D; write DeepLabCut's format instead"),
        ("lightning_pose", 1, 3, "holds one animal in 2D, got 1 in 3D"),
    ],
)
def test_what_a_format_has_no_place_for_is_refused(
    name: str, n_individuals: int, n_axes: int, message: str, tmp_path: Path
) -> None:
    module = registry.get(name)
    with pytest.raises(FormatError) as caught:
        module.write(some_tracks(n_individuals, n_axes), tmp_path / f"a{module.SUFFIXES[0]}")
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())
