"""Changes of many files on disks that are not one, and in folders where something is in the way."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from markerless.errors import StorageError
from markerless.pipeline.merge import MergeRequest, merge
from markerless.project import Project, staged
from markerless.project.staged import Staged
from merged import add_film, contents, empty_study, label, moved, points


def every_folder_is_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system answers where `labeled-data` or `videos` is a link to another disk."""
    replace = Path.replace

    def refusing(self: Path, target: Path) -> Path:
        if self.parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(self))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refusing)


def test_a_study_may_lie_on_several_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    into, other = empty_study(tmp_path / "one", "a", "Ann"), empty_study(tmp_path / "two", "b", "Bo")
    label(into, "v", (0, 1))
    label(other, "w", (2, 3), film=2)
    add_film(other, "w.mp4", 2)
    frames = other.root / "videos" / "frames"  # a video that is a folder of pictures
    frames.mkdir()
    (frames / "0.png").write_bytes((other.root / "labeled-data/w/img002.png").read_bytes())
    every_folder_is_a_disk(monkeypatch)
    with pytest.raises(OSError, match="cross-device"):
        (tmp_path / "one").replace(tmp_path / "two" / "one")
    before = points(other, "Bo", "w")
    merge(into.root, [other.root], MergeRequest(copy=True))
    now = Project(into.root)
    assert now.label_folders() == ("v", "w") and points(now, "Bo", "w") == before
    assert (into.root / "videos/w.mp4").read_bytes() == (other.root / "videos/w.mp4").read_bytes()
    assert not list(into.root.rglob(f"{staged.PREFIX}*")) and not (into.root / staged.PLAN).exists()
    assert merge(into.root, [other.root]).merge.is_nothing


@pytest.mark.parametrize("way", ["a file", "a folder"])
def test_what_is_in_the_way_is_told_before_anything_changes(way: str, tmp_path: Path) -> None:
    into, other = empty_study(tmp_path / "one", "a", "Ann"), empty_study(tmp_path / "two", "b", "Ann")
    label(into, "v", (0, 1))
    label(other, "v", (0, 1), place=moved(3))
    label(other, "w", (2, 3), film=2)
    obstacle = into.root / ("labeled-data/w" if way == "a file" else "merge-conflicts.csv")
    if way == "a file":
        obstacle.write_text("notes", encoding="utf-8")
    else:
        obstacle.mkdir()
    before = contents(into.root)
    with pytest.raises(StorageError, match=f"got {way}; rename or move it"):
        merge(into.root, [other.root])
    assert contents(into.root) == before
    if way == "a file":
        obstacle.unlink()
    else:
        obstacle.rmdir()
    assert merge(into.root, [other.root]).merge.conflicts and Project(into.root).label_folders() == ("v", "w")


def test_a_move_between_disks_that_was_interrupted_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every_folder_is_a_disk(monkeypatch)
    staging = Staged(tmp_path)
    target = tmp_path / "labeled-data" / "v" / "img1.png"
    staging.file_for(target).write_bytes(b"new")
    with monkeypatch.context() as patch:
        patch.setattr(staged, "_move", lambda new, target: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        with pytest.raises(StorageError, match="no space left"):
            staging.commit()
    (target.parent / f"{staged.PREFIX}img1.png").write_bytes(b"ha")  # half of a copy
    assert staged.finish(tmp_path) and target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["img1.png"]


def test_a_full_disk_is_that_of_the_project_that_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    into, other = empty_study(tmp_path / "one", "a", "Ann"), empty_study(tmp_path / "two", "b", "Bo")
    label(other, "w", (2, 3), film=2)
    before = contents(into.root)

    copyfile = shutil.copyfile

    def full(source: Path, target: Path, **options: bool) -> Path:  # as shutil tells it
        if not Path(target).is_relative_to(into.root):
            return copyfile(source, target, **options)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source), None, str(target))

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", full)
        with pytest.raises(StorageError, match="no space left") as caught:
            merge(into.root, [other.root])
    assert str(into.root) in str(caught.value) and str(other.root) not in str(caught.value)
    assert contents(into.root) == before


def test_what_does_not_fit_on_another_disk_is_told_before_anything_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into, other = empty_study(tmp_path / "one", "a", "Ann"), empty_study(tmp_path / "two", "b", "Bo")
    label(other, "w", (2, 3), film=2)
    before = contents(into.root)
    real = os.lstat

    def elsewhere(path: Path) -> os.stat_result:
        state = real(path)
        return os.stat_result((*state[:2], state.st_dev + 1, *state[3:]))

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", elsewhere)
        patch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=1000))
        with pytest.raises(StorageError, match="no space left"):
            merge(into.root, [other.root])
    assert contents(into.root) == before
    assert not merge(into.root, [other.root]).merge.is_nothing
