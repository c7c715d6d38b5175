"""Where `kinematics` writes: no table, figure or page over another."""

from __future__ import annotations

from pathlib import Path

import pytest

from markerless.errors import SettingsError
from markerless.pipeline.kinematics_files import KinematicsFiles

VIDEOS = Path("videos")


def folders_of(*given: tuple[str, str]) -> list[str]:
    """Names of the folders of figures of sources and their videos, in that order."""
    taken: list[KinematicsFiles] = []
    for source, video in given:
        taken.append(KinematicsFiles.of(VIDEOS / source, VIDEOS / video, None).beside(taken))
    return [files.plots.name for files in taken]


def test_figures_have_a_folder_of_their_own_in_whatever_order_sources_come() -> None:
    first, copy = ("mouseDLC.nc", "mouse.mp4"), ("mouse.nwb", "mouse.mp4")
    assert folders_of(first, copy) == ["mouse", "mouse_2"]
    assert folders_of(copy, first) == ["mouse", "mouseDLC"]
    assert folders_of(first, copy, ("mouse_2.nc", "mouse.mp4")) == ["mouse", "mouse_2", "mouse_2_2"]


def test_names_that_some_disks_do_not_tell_apart_are_one() -> None:
    assert folders_of(("mouseDLC.nc", "mouse.mp4"), ("Mouse_a.nc", "Mouse.mp4")) == ["mouse", "Mouse_a"]
    with pytest.raises(SettingsError, match="files of different names"):
        folders_of(("mouseDLC.nc", "mouse.mp4"), ("MouseDLC.nc", "Mouse.mp4"))
