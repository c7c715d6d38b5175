"""A study's file of views when keypoints are renamed or removed: its tables follow, and nothing falls out silently."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from markerless.errors import ProjectError
from markerless.project import Project
from markerless.project.keypoints import change_keypoints, plan
from markerless.project.view_names import VIEWS_FILE
from rekeyed import contents

TABLES = """# the box of June, "nose" first
known_length = ["snout", 'end', 25.0]

[views.side]
region = [0, 0, 20, 10]
keypoints = { snout = "nose", "end" = 'tail' }  # seen from the side

[views.below]
region = [0, 10, 20, 10]
mirrored = true
[views.below.keypoints]
snout = "left ear"
end = "right ear"
"""
PATTERNS = """known_length = ["nose", "tail", 25.0]
[views.side]
region = [0, 0, 20, 10]
[views.below]
region = [0, 10, 20, 10]
keypoints = "below {}"
"""


def with_views(study: Project, text: str) -> Path:
    path = study.root / VIEWS_FILE
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def notes(study: Project, **steps: Any) -> list[str]:
    done = change_keypoints(study, plan(study, **steps))
    return [note for note in done.notes if VIEWS_FILE in note]


def test_tables_follow_renamed_keypoints_and_all_else_stays(study: Project) -> None:
    path = with_views(study, TABLES)
    assert notes(study, rename={"nose": 'my "nose"', "left ear": "right ear", "right ear": "left ear"}) == []
    expected = TABLES.replace('"nose"', r'"my \"nose\""')  # also where a comment calls it so
    expected = expected.replace('"left ear"', "?").replace('"right ear"', '"left ear"').replace("?", '"right ear"')
    assert path.read_text(encoding="utf-8") == expected
    assert tomllib.loads(expected)["views"]["side"]["keypoints"]["snout"] == 'my "nose"'


def test_a_removed_keypoint_of_a_table_is_refused(study: Project) -> None:
    with_views(study, TABLES)
    before = contents(study.root)
    with pytest.raises(ProjectError, match=r"'tail' is one of \[views.side\] in views.toml; take it out there"):
        change_keypoints(study, plan(study, remove=["tail"]))
    assert contents(study.root) == before


def test_a_table_that_is_written_otherwise_is_refused(study: Project) -> None:
    with_views(study, TABLES.replace("'tail'", '"""tail"""'))
    before = contents(study.root)
    with pytest.raises(ProjectError, match=r"new names there, then rename again"):
        change_keypoints(study, plan(study, rename={"tail": "rump"}))
    assert contents(study.root) == before
    with_views(study, TABLES.replace("'tail'", '"rump"'))
    assert notes(study, rename={"tail": "rump"}) == []


def test_what_patterns_no_longer_bring_together_is_told(study: Project) -> None:
    change_keypoints(study, plan(study, rename={"left ear": "below nose", "right ear": "below tail"}))
    study = Project(study.root)
    path = with_views(study, PATTERNS)
    assert notes(study, rename={"nose": "snout", "below nose": "below snout"}) == []
    assert path.read_text(encoding="utf-8") == PATTERNS.replace('"nose"', '"snout"')  # the known length follows
    one, two = notes(Project(study.root), rename={"tail": "rump"})
    assert one.startswith("no longer in two views: rump, below tail;")
    assert two.startswith("known_length of views.toml names tail, which views no longer share")


def test_a_file_of_several_cameras_and_a_damaged_one_stay(study: Project) -> None:
    path = with_views(study, 'calibration = "nose"\nvideos = "{camera}"\n')
    assert notes(study, rename={"nose": "snout"}) == []
    assert path.read_text(encoding="utf-8") == 'calibration = "nose"\nvideos = "{camera}"\n'
    with_views(study, TABLES.replace("region = [0, 0, 20, 10]", "region = [0]"))
    (note,) = notes(Project(study.root), rename={"snout": "nose"})
    assert note.startswith("views.toml was left as it is: expected 4 whole numbers")
