"""Which recording is shown for the points of a camera."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.formats import dlc
from markerless.formats._movement_parts import SpaceFile
from markerless.pipeline.space_seen import Search, seen_of


def test_tracks_that_name_no_video_have_none_of_a_shorter_number(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    tracks = Tracks(Skeleton(("nose",)), np.ones((3, 1, 1, 2)), np.ones((3, 1, 1)), individuals=("mouse",))
    dlc.write(tracks, tmp_path / "m10DLC_x.csv")
    provenance = {"sources": {"left": {"file": "m10DLC_x.csv"}}}
    result = SpaceFile(
        tmp_path / "S.nc", 3, ("nose",), (), ("mouse",), ("left",), math.nan, "mm", provenance, _parts={}
    )
    one, ten = (tmp_path / "videos" / name for name in ("m1.mp4", "m10.mp4"))
    one.touch()
    seen = seen_of(result, ["left"], Search([one]))["left"]
    assert (seen.note, seen.has_points, seen.video) == ("", True, None)
    ten.touch()
    assert seen_of(result, ["left"], Search([one, ten]))["left"].video == ten
