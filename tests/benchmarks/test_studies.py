"""What the accuracy benchmark measures on, and how it tells code apart."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from markerless.errors import ProjectError, SettingsError
from markerless.formats._split import read_split
from markerless.pipeline.label_source import labels_of
from studies import QUICK_FOLDS, STUDIES, Task, code_here, commit_of, source_digest, task_named, tasks_of


def test_the_protocol_is_about_two_dozen_networks() -> None:
    tasks = tasks_of([*STUDIES])
    counts = Counter(task.study.name for task in tasks)
    assert counts == {
        "openfield-n10": 5, "openfield-n25": 5, "openfield": 5, "reaching": 3, "mirror-mouse": 3,
        "bee-lighting-old-light": 1, "bee-lighting-new-light": 1,
    }  # fmt: skip
    assert len({task.name for task in tasks}) == 23
    assert all(task_named(task.name) == task for task in tasks)
    assert len(tasks_of([*STUDIES], QUICK_FOLDS)) == 12


def test_a_network_to_start_from_comes_first() -> None:
    assert [task.name for task in tasks_of(["bee-lighting-new-light"])] == [
        "bee-lighting-old-light_fold0",
        "bee-lighting-new-light_fold0",
    ]


def test_what_is_asked_for_exists() -> None:
    assert [task.fold for task in tasks_of(["reaching"], [0, 2, 7])] == [0, 2]
    with pytest.raises(SettingsError, match=r"counted from 0.*got \[3\]"):
        tasks_of(["reaching"], [3])
    with pytest.raises(SettingsError, match="got 'open-field'"):
        tasks_of(["open-field"])


def test_videos_are_told_by_names_where_all_pictures_are_in_one_folder() -> None:
    bees, mice = STUDIES["bee-lighting-old-light"], STUDIES["openfield"]
    assert bees.video("labeled-data/bee-lighting/video_1536_bee_id3_f0126.png") == "video_1536"
    assert bees.video("labeled-data/bee-lighting/swe-252.jpeg") == "swe"
    assert bees.video("labeled-data/bee-lighting/odd.png") == "odd.png"
    assert mice.video("labeled-data/m4s1/img0001.png") == "labeled-data/m4s1"


def test_every_split_fits_its_study_and_no_fold_tests_a_frame_twice(shared_data: Path) -> None:
    """Test frames of the folds of a study are disjoint, and those of n10, n25 and all are the same."""
    tested: dict[str, set[str]] = {}
    for study in STUDIES.values():
        images = labels_of(shared_data / study.source).images
        parts = [read_split(shared_data / "splits" / Task(study, f).split, images) for f in range(len(study.splits))]
        seen = [image for part in parts for image in part["test"]]
        assert len(seen) == len(set(seen)) > 0
        tested[study.name] = set(seen)
        if study.name.endswith(("n10", "n25")):
            assert {len(part["train"]) for part in parts} == {int(study.name[-2:])}
    assert tested["openfield-n10"] == tested["openfield-n25"] == tested["openfield"]
    assert len(tested["openfield"]) == 93
    assert not tested["bee-lighting-new-light"] & tested["bee-lighting-old-light"]


def test_a_changed_tree_is_called_dirty(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    with pytest.raises(ProjectError, match="expected a git repository"):
        commit_of(tmp_path)
    module = tmp_path / "src" / "module.py"
    module.parent.mkdir()
    module.write_text("x = 1\n", encoding="utf-8")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    clean = commit_of(tmp_path)
    assert len(clean) == 9
    assert "-" not in clean
    (tmp_path / "results.json").write_text("{}", encoding="utf-8")
    assert commit_of(tmp_path) == clean, "results beside the code do not change it"
    (tmp_path / "src" / "plugin.py").write_text("x = 2\n", encoding="utf-8")
    assert commit_of(tmp_path) == f"{clean}-dirty", "a module that is in no commit"
    (tmp_path / "src" / "plugin.py").unlink()
    module.write_text("x = 2\n", encoding="utf-8")
    assert commit_of(tmp_path) == f"{clean}-dirty"
    git("commit", "-q", "-a", "-m", "second")
    assert commit_of(tmp_path) not in (clean, f"{clean}-dirty")


def test_the_digest_tells_sources_apart(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    first = source_digest(tmp_path)
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    assert source_digest(tmp_path) == first
    (tmp_path / "b.py").write_text("", encoding="utf-8")
    assert source_digest(tmp_path) != first
    (tmp_path / "b.py").unlink()
    (tmp_path / "a.py").rename(tmp_path / "c.py")
    assert source_digest(tmp_path) != first


def test_only_the_code_beside_the_benchmark_is_measured(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if (repository / ".git").exists():
        assert code_here().source == source_digest(repository / "src" / "markerless")
    monkeypatch.setattr("studies.markerless.__file__", "/elsewhere/markerless/__init__.py")
    with pytest.raises(ProjectError, match="got that of"):
        code_here()
