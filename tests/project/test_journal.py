"""The journal of labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import Timeout

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import Labels
from markerless.errors import StorageError
from markerless.project import journal


def with_point(labels: Labels, frame: int, k: int, xy: tuple[float, float], visibility: int = 2) -> Labels:
    frames = list(labels.frames)
    old = frames[frame].instances[0]
    points, flags = old.xy.copy(), old.visibility.copy()
    points[k], flags[k] = xy, visibility
    frames[frame] = replace(frames[frame], instances=(Instance(points, flags, old.score),))
    return replace(labels, frames=tuple(frames))


def test_every_change_is_one_entry(labels_for: Callable[..., Labels]) -> None:
    before = labels_for("v")
    after = with_point(with_point(before, 0, 1, (5.5, 6.5)), 2, 3, (np.nan, np.nan), Visibility.ABSENT)
    after = replace(after, frames=after.frames[:3])
    entries = journal.changes(before, after)
    assert entries[0] == {"change": "frame removed", "image": "labeled-data/v/img03.png"}
    moved, absent, *removed = entries[1:]
    assert moved == {
        "change": "point",
        "image": "labeled-data/v/img00.png",
        "individual": "individual_0",
        "keypoint": "left ear",
        "from": (2.0, 13.0),
        "to": (5.5, 6.5),
        "visibility": 2,
    }
    assert (absent["keypoint"], absent["from"], absent["to"], absent["visibility"]) == ("tail", (8.0, 17.0), None, 3)
    assert [entry["to"] for entry in removed] == [None] * 4
    assert journal.changes(before, before) == []


def test_the_visibility_people_gave_comes_back_while_the_point_stays(
    tmp_path: Path, labels_for: Callable[..., Labels]
) -> None:
    plain = labels_for("v")
    hidden = with_point(plain, 1, 0, (1.0, 11.0), Visibility.OCCLUDED)
    path = journal.journal_path(tmp_path, "v")
    journal.append(path, journal.changes(plain, hidden), "Ann")
    again = journal.with_visibility(plain, journal.read(path))
    assert again.frames[1].instances[0].visibility.tolist() == [1, 2, 2, 2]
    elsewhere = with_point(plain, 1, 0, (3.0, 10.0))
    assert journal.with_visibility(elsewhere, journal.read(path)).frames[1].instances[0].visibility[0] == 2


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal" / "v.jsonl"
    journal.append(path, [{"change": "frame added", "image": "a"}], "Ann")
    with path.open("ab") as file:
        file.write(b'{"change": "frame ad')
    journal.append(path, [{"change": "frame added", "image": "b"}], "Bo")
    assert [(entry["who"], entry["image"]) for entry in journal.read(path)] == [("Ann", "a"), ("Bo", "b")]


def test_nothing_changed_writes_nothing(tmp_path: Path) -> None:
    journal.append(tmp_path / "journal" / "v.jsonl", [], "Ann")
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal" / "v.jsonl"
    journal.append(path, [{"image": "img\udcff.png"}, {"image": "M\u00e4use"}], "Ann")
    assert [entry["image"] for entry in journal.read(path)] == ["img\udcff.png", "M\u00e4use"]
    assert "M\u00e4use".encode() in path.read_bytes()


def test_entries_that_make_no_sense_say_nothing(tmp_path: Path, labels_for: Callable[..., Labels]) -> None:
    labels = labels_for("v")
    where = {"change": "point", "image": labels.images[0], "individual": "individual_0", "keypoint": "nose"}
    for nonsense in ({"to": [1]}, {"to": "ab"}, {"to": [0, 10], "visibility": "x"}, {"to": [0, 10], "visibility": []}):
        again = journal.with_visibility(labels, [{**where, **nonsense}])
        assert again.frames[0].instances[0].visibility.tolist() == [2, 2, 2, 2]


def test_the_end_of_a_torn_line_is_added_once(tmp_path: Path) -> None:
    path = tmp_path / "journal" / "v.jsonl"
    journal.end_last_line(path)
    assert not path.exists()
    journal.append(path, [{"image": "a"}], "Ann")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    for _ in range(2):
        journal.end_last_line(path)
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(13, "Permission denied", "table.h5"), r"cannot write table\.h5"),
        (OSError(28, "No space left on device"), r"no space left to write .*v\.jsonl"),
        (Timeout("another.lock"), "another.lock"),
    ],
)
def test_an_error_under_the_lock_names_its_own_file(tmp_path: Path, error: OSError, says: str) -> None:
    path = tmp_path / "journal" / "v.jsonl"
    kind = Timeout if isinstance(error, Timeout) else StorageError
    with pytest.raises(kind, match=says), journal.locked(path):
        raise error
    journal.append(path, [{"image": "a"}], "Ann")  # the lock has been given back
    assert [entry["image"] for entry in journal.read(path)] == ["a"]


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"a file")
    with pytest.raises(StorageError, match=r"cannot write .*v\.jsonl"), journal.locked(tmp_path / "journal/v.jsonl"):
        pytest.fail("nothing has been locked")
