"""Which pictures of the board are of the same moment: never two that are not, whatever cameras are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from markerless.pipeline.board_recordings import find_recordings

Pairs = list[tuple[str, ...]]


def put(folder: Path, names: Mapping[str, Sequence[str]]) -> Path:
    for camera, pictures in names.items():
        (folder / camera).mkdir(parents=True)
        for name in pictures:
            (folder / camera / name).write_bytes(b"")
    return folder


def paired(folder: Path) -> Pairs:
    """Names of the pictures of each moment that every camera has, in order."""
    found = [recording.pictures for recording in find_recordings(folder)]
    shared = [moment for moment in found[0] if all(moment in other for other in found)]
    return sorted(tuple(pictures[moment].name for pictures in found) for moment in shared)


def test_a_camera_called_by_a_digit_is_not_cut_out_of_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for trial in range(40):
        numbers = sorted(rng.choice(600, int(rng.integers(8, 25)), replace=False))
        names = [f"img{number:04d}.png" for number in numbers]
        folder = put(tmp_path / str(trial), {"1": names, "2": names})
        assert paired(folder) == [(name, name) for name in names]


@pytest.mark.parametrize("cameras", [("1", "2"), ("0", "1"), ("cam1", "cam2"), ("A", "B")])
def test_pictures_of_the_same_name_are_of_the_same_moment_also_where_one_is_missing(
    tmp_path: Path, cameras: tuple[str, str]
) -> None:
    names = [f"{number}.png" for number in range(1, 21)]
    folder = put(tmp_path, dict(zip(cameras, (names, names[:-1]), strict=True)))
    assert paired(folder) == sorted((name, name) for name in names[:-1])


@pytest.mark.parametrize(
    ("cameras", "name"),
    [
        (("1", "2"), "{camera}_{number:04d}.png"),
        (("1", "2"), "{number:04d}-{camera}.png"),
        (("1", "2"), "cam{camera}_{number:04d}.png"),
        (("cam1", "cam2"), "{number:04d}{camera}.png"),
        (("cam1", "cam2"), "{camera}{number:04d}.png"),
        (("cam1", "cam2"), "{number:04d}_web{camera}.png"),
        (("Side", "top"), "board {number} {camera}.png"),
        (("top", "top2"), "{camera}img{number}.png"),
    ],
)
def test_the_cameras_name_in_the_names_of_its_pictures_does_not_matter(
    tmp_path: Path, cameras: tuple[str, str], name: str
) -> None:
    numbers = [1, 2, 3, 5, 10, 12, 21, 112]
    named = {camera: [name.format(camera=camera.lower(), number=number) for number in numbers] for camera in cameras}
    folder = put(tmp_path, {cameras[0]: named[cameras[0]][:-1], cameras[1]: named[cameras[1]][1:]})
    expected = list(zip(named[cameras[0]][1:-1], named[cameras[1]][1:-1], strict=True))
    assert paired(folder) == sorted(expected)


def test_a_picture_called_like_its_camera_is_not_paired_with_one_called_like_the_other(tmp_path: Path) -> None:
    folder = put(tmp_path, {"1": ["1.png", "3.png", "4.png"], "2": ["2.png", "3.png", "4.png"]})
    assert paired(folder) == [("3.png", "3.png"), ("4.png", "4.png")]
