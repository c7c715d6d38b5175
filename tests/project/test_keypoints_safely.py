"""Other keypoints for a study: settings stay, mistakes change nothing, crashes and other people lose nothing."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from markerless.core.instance import Visibility
from markerless.errors import LabelsError, ProjectError, RevisionError, StorageError
from markerless.project import Project, config_file, journal, skeleton_settings, staged
from markerless.project.keypoints import Plan, change_keypoints, plan
from markerless.project.label_book import LabelBook, PointChange
from markerless.project.skeleton_settings import Drawn
from rekeyed import ONE, VIDEO, changed, contents, points, say, seen_in


def test_comments_and_unknown_keys_of_the_config_stay(study: Project) -> None:
    text = study.config_path.read_text(encoding="utf-8")
    text = text.replace("- nose\n", "- nose  # of the mouse\n").replace("skeleton: []", "skeleton:\n- - nose\n  - tail")
    study.config_path.write_text(text + "mine: 3\n", encoding="utf-8")
    after = changed(Project(study.root), rename={"tail": "tip"}, add=["paw"])
    lines = after.config_path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        line for line in text.splitlines() if line.startswith("#")
    ]
    assert "- nose  # of the mouse" in lines and lines[-1] != "" and after.config["mine"] == 3
    at = lines.index("- paw")
    assert lines[at + 1 : at + 4] == [
        "",
        "",
        "# Part of each video that frames are extracted from, and how many frames",
    ]
    assert after.skeleton.names_of(after.skeleton.edges) == (("nose", "tip"),)
    without = changed(after, remove=["tip"])
    assert without.skeleton.edges == () and "# Drawing" in without.config_path.read_text(encoding="utf-8")
    again = Project(study.root)
    assert [again.config[key] for key in ("skeleton_color", "start", "pcutoff")] == ["black", 0, 0.6]


ODD_NAMES = (
    r"no¦Yes¦y¦null¦~¦1¦1.0¦1e5¦.5¦0x1F¦12:30:45¦2026-01-01¦nan¦-¦=¦<<¦é¦naß 😀¦a: b¦a #c¦#c¦'q'¦" + '"¦'
    r"a\b¦[x]¦{y}¦- z¦*al¦&an¦!tag¦%d¦@at¦`bt`¦| p¦> g¦? q¦=SUM(1)¦x¦likelihood¦coords¦scorer¦bodyparts¦individuals"
).split("¦")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_stay_texts_in_every_file_and_for_every_reader(study: Project, name: str) -> None:
    before = points(study, "tail")
    after = changed(study, rename={"tail": name}, add=["paw"])
    drawn = Drawn(((name, "nose"),), (("paw", name),), {name: "#010203"})
    change_keypoints(after, Plan(after.skeleton.keypoints, after.skeleton.keypoints), drawn)
    after = Project(study.root)
    assert after.skeleton.keypoints == (*study.skeleton.keypoints[:3], name, "paw")
    assert (after.skeleton.edges, after.skeleton.mirror_pairs) == (((3, 0),), ((4, 3),))
    assert config_file.keypoint_colors(after.config) == {name: "#010203"}
    old = YAML(typ="safe", pure=True)
    old.version = (1, 1)  # which napari's plug-in reads
    config = old.load(after.config_path.read_text(encoding="utf-8"))
    assert config["bodyparts"][3] == config["skeleton"][0][0] == next(iter(config["keypoint_colors"])) == name
    assert points(after, name) == before
    (table,) = after.label_tables(VIDEO)
    assert table.h5 is not None
    table.h5.unlink()
    assert points(Project(study.root), name) == before
    again = changed(changed(Project(study.root), remove=[name]), add=[name])
    assert points(again, name) == before


def test_a_name_that_could_not_be_chosen_is_no_reason_to_refuse_changes_of_others(study: Project) -> None:
    text = study.config_path.read_text(encoding="utf-8").replace("- nose\n", '- "nose, of the mouse"\n')
    study.config_path.write_text(text, encoding="utf-8")
    after = changed(Project(study.root), rename={"tail": "tip"})
    assert after.skeleton.keypoints[0] == "nose, of the mouse" and np.isfinite(points(after, "tip")).all()


@pytest.mark.parametrize(
    "style", ["[nose, left ear, right ear, tail]", "[\"nose\", 'left ear', right ear, tail] # of it"]
)
def test_the_style_of_the_config_stays(study: Project, style: str) -> None:
    text = study.config_path.read_text(encoding="utf-8")
    start, end = text.index("bodyparts:"), text.index("\n\n", text.index("bodyparts:"))
    study.config_path.write_text(f"{text[:start]}bodyparts: {style}{text[end:]}", encoding="utf-8")
    after = changed(Project(study.root), rename={"tail": "tip"}, add=["paw"])
    assert after.skeleton.keypoints == ("nose", "left ear", "right ear", "tip", "paw")
    assert f"bodyparts: {style.replace('tail', 'tip, paw')}\n" in after.config_path.read_text(encoding="utf-8")


def test_pairs_that_stay_keep_their_comments(study: Project) -> None:
    with study.config_path.open("a", encoding="utf-8") as file:
        file.write("mirror_pairs:\n- [left ear, right ear]  # seen from behind\nmine: 3\n")
    after = changed(Project(study.root), rename={"nose": "snout"})
    assert "- [left ear, right ear]  # seen from behind\n" in after.config_path.read_text(encoding="utf-8")


def test_mirror_pairs_that_the_new_names_do_not_tell_are_written_down(study: Project) -> None:
    assert study.skeleton.mirror_pairs == ((1, 2),)
    after = changed(study, rename={"left ear": "earA", "right ear": "earB"})
    assert after.skeleton.mirror_pairs == ((1, 2),)
    assert after.config["mirror_pairs"] == [["earA", "earB"]]
    told = changed(study.__class__(study.root), rename={"earA": "ear left", "earB": "ear right"})
    assert told.config["mirror_pairs"] == [["ear left", "ear right"]]


def test_a_pair_comes_back_with_its_keypoint_where_pairs_were_chosen(study: Project) -> None:
    same = Plan(study.skeleton.keypoints, study.skeleton.keypoints)
    change_keypoints(study, same, Drawn((), (("left ear", "right ear"),)))
    after = changed(changed(Project(study.root), remove=["left ear"]), add=["left ear"])
    assert after.skeleton.names_of(after.skeleton.mirror_pairs) == (("left ear", "right ear"),)
    change_keypoints(after, Plan(after.skeleton.keypoints, after.skeleton.keypoints), Drawn((), ()))
    assert changed(Project(study.root), add=["paw"]).skeleton.mirror_pairs == ()  # that was chosen, too


def test_edges_pairs_and_colors_of_ones_own(study: Project) -> None:
    same = Plan(study.skeleton.keypoints, study.skeleton.keypoints)
    drawn = Drawn((("nose", "tail"), ("nose", "left ear")), (), {"tail": "#00ff00"})
    before = contents(study.root)
    change_keypoints(study, same, drawn)
    after = Project(study.root)
    assert after.skeleton.edges == ((0, 3), (0, 1)) and after.skeleton.mirror_pairs == ()
    assert config_file.keypoint_colors(after.config) == {"tail": "#00ff00"}
    others = {name for name, content in contents(study.root).items() if before.get(name) != content}
    assert others == {"config.yaml"}  # labels were not touched
    change_keypoints(after, same, Drawn())
    assert Project(study.root).skeleton.mirror_pairs == ((1, 2),)  # guessed again


def test_lines_and_colors_come_back_with_their_keypoint(study: Project) -> None:
    same = Plan(study.skeleton.keypoints, study.skeleton.keypoints)
    edges = (("nose", "tail"), ("nose", "left ear"), ("left ear", "right ear"))
    change_keypoints(study, same, Drawn(edges, (), {"tail": "#00ff00", "left ear": "#0000ff"}))
    gone = changed(Project(study.root), remove=["left ear", "tail"])
    assert gone.skeleton.names_of(gone.skeleton.edges) == ()
    assert config_file.keypoint_colors(gone.config) == {}
    renamed = changed(gone, rename={"nose": "snout"})
    half = changed(renamed, add=["tail"])
    assert half.skeleton.names_of(half.skeleton.edges) == (("snout", "tail"),)
    back = changed(half, add=["left ear"])
    expected = {("snout", "tail"), ("snout", "left ear"), ("left ear", "right ear")}
    assert set(back.skeleton.names_of(back.skeleton.edges)) == expected
    assert config_file.keypoint_colors(back.config) == {"tail": "#00ff00", "left ear": "#0000ff"}
    assert "removed_keypoints" not in back.config


def test_a_line_that_was_taken_away_does_not_come_back(study: Project) -> None:
    names = study.skeleton.keypoints
    change_keypoints(study, Plan(names, names), Drawn((("nose", "tail"),)))
    change_keypoints(Project(study.root), Plan(names, names), Drawn())
    assert changed(changed(Project(study.root), remove=["tail"]), add=["tail"]).skeleton.edges == ()


@pytest.mark.parametrize("value", ["text", [1], {"skeleton": 3, "mirror_pairs": "a", "keypoint_colors": [[]]}])
def test_what_makes_no_sense_among_removed_keypoints_is_left_out(study: Project, value: object) -> None:
    with study.config_path.open("a", encoding="utf-8") as config:
        config.write(f"\nremoved_keypoints: {json.dumps(value)}\n")
    assert skeleton_settings.removed(Project(study.root)) == Drawn((), ())


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({"remove": ["nos"]}, "no keypoint 'nos'; did you mean 'nose'"),
        ({"rename": {"x": "y"}}, "no keypoint 'x'"),
        ({"add": ["nose"]}, "'nose' twice"),
        ({"rename": {"nose": "tail"}}, "'tail' twice"),
        ({"add": ["a,b"]}, "without commas"),
        ({"add": [" a"]}, "blanks around"),
        ({"add": ["single"]}, "a meaning of its own"),
        ({"add": ["Unnamed: 0"]}, "a meaning of its own"),
        ({"remove": ["nose", "left ear", "right ear", "tail"]}, "at least one keypoint"),
        ({"order": ["nose", "tail"]}, "all keypoints in their new order"),
    ],
)
def test_senseless_steps_change_nothing(study: Project, steps: dict[str, Any], says: str) -> None:
    before = contents(study.root)
    with pytest.raises(ProjectError, match=says):
        changed(study, **steps)
    assert contents(study.root) == before


@pytest.mark.parametrize(
    ("drawn", "says"),
    [
        (Drawn((("nose", "x"),)), "no keypoint 'x'"),
        (Drawn((("nose", "nose"),)), "two different keypoints"),
        (Drawn((), (("nose", "tail"), ("tail", "left ear"))), "one mirror pair at most"),
        (Drawn((), None, {"nose": "red"}), "expected a color like"),
    ],
)
def test_senseless_drawings_change_nothing(study: Project, drawn: Drawn, says: str) -> None:
    before = contents(study.root)
    with pytest.raises(ProjectError, match=says):
        change_keypoints(study, Plan(study.skeleton.keypoints, study.skeleton.keypoints), drawn)
    assert contents(study.root) == before


def test_a_csv_that_is_newer_and_differs_is_settled_first(study: Project) -> None:
    (table,) = study.label_tables(VIDEO)
    assert table.csv is not None and table.h5 is not None
    text = table.csv.read_text(encoding="utf-8")
    table.csv.write_text(text.replace("11.0", "12.0", 1), encoding="utf-8")
    later = table.h5.stat().st_mtime + 10
    os.utime(table.csv, (later, later))
    before = contents(study.root)
    with pytest.raises(LabelsError, match="settle it with"):
        changed(study, add=["paw"])
    assert contents(study.root) == before


class Killed(BaseException):
    """As if the computer had stopped."""


def test_wherever_the_computer_stops_all_is_old_or_all_is_new(
    study: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(study, "img02.png", "nose", (5, 6), Visibility.OCCLUDED, "c1")
    study.save_clicks(VIDEO)
    old = study.root
    steps: dict[str, Any] = {"rename": {"nose": "snout"}, "remove": ["tail"]}
    stops = ("write_text", "_replace", "_append", "_remove")
    kept: dict[str, int] = {"old": 0, "new": 0}
    for name in stops:
        for after_n in range(4):
            root = shutil.copytree(old, tmp_path / f"{name}{after_n}")
            with monkeypatch.context() as patch:
                real, calls = getattr(staged, name), iter(range(100))

                def stop(*args: Any, real: Any = real, calls: Any = calls, after_n: int = after_n) -> None:
                    if next(calls) == after_n:
                        raise Killed
                    real(*args)

                patch.setattr(staged, name, stop)
                with contextlib.suppress(Killed):
                    change_keypoints(Project(root), plan(Project(root), **steps))
            found = Project(root)
            is_new = found.skeleton.keypoints == ("snout", "left ear", "right ear")
            kept["new" if is_new else "old"] += 1
            assert is_new or found.skeleton.keypoints == study.skeleton.keypoints
            assert points(found, "snout" if is_new else "nose") == points(study, "nose")
            assert seen_in(found, "img02.png")["snout" if is_new else "nose"] == Visibility.OCCLUDED
            if is_new:
                again = changed(found, add=["tail"])
                assert points(again, "tail") == points(study, "tail")
            assert not (root / staged.PLAN).exists()
            assert not [path for path in root.rglob(f"{staged.PREFIX}*") if is_new]
    assert kept["old"] == 1 and kept["new"] == 15  # the plan itself is what decides


def test_a_plan_of_somebody_elses_making_reaches_nothing_outside(study: Project, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine", encoding="utf-8")
    for path in ("../victim", str(tmp_path / "victim")):
        plan_ = {"version": 1, "moves": [], "appends": [], "removals": [path]}
        (study.root / staged.PLAN).write_text(json.dumps(plan_), encoding="utf-8")
        with pytest.raises(ProjectError, match="expected files of the project"):
            Project(study.root)
    assert (tmp_path / "victim").read_text(encoding="utf-8") == "mine"


def test_somebody_who_opened_the_study_before_cannot_write_old_names(study: Project) -> None:
    (study.root / "labeled-data" / "new").mkdir()
    shutil.copy(study.root / "labeled-data" / VIDEO / "img00.png", study.root / "labeled-data" / "new")
    stale, book = Project(study.root), LabelBook(Project(study.root), VIDEO)
    changed(study, rename={"nose": "tail", "tail": "nose"})
    labels = replace(stale.labels_of(VIDEO), frames=())
    with pytest.raises(ProjectError, match="open it again"):
        stale.write_labels("new", labels)
    click = PointChange("c1", "img00.png", ONE, "nose", ((0, 10), Visibility.VISIBLE), (9, 9), Visibility.VISIBLE)
    with pytest.raises(ProjectError, match="open it again"):
        book.apply([click], "Bo")
    assert not [entry for entry in journal.read(study.journal_of(VIDEO)) if entry.get("id") == "c1"]


def test_who_writes_labels_first_finishes_what_was_interrupted(study: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, book = Project(study.root), LabelBook(Project(study.root), VIDEO)
    before = points(study, "nose")

    def stop(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(staged, "_replace", stop)
        change_keypoints(study, plan(study, rename={"nose": "snout"}))
    assert staged.is_under_way(study.root)
    click = PointChange("c1", "img00.png", ONE, "tail", ((6, 17), Visibility.VISIBLE), (9, 9), Visibility.VISIBLE)
    with pytest.raises(ProjectError, match="open it again"):
        book.apply([click], "Bo")
    assert not staged.is_under_way(study.root)
    with pytest.raises(RevisionError):
        opened.write_labels(VIDEO, opened.labels_of(VIDEO), revision="x")
    assert points(Project(study.root), "snout") == before


def test_a_program_that_was_killed_before_anything_was_decided_keeps_nobody_from_labeling(study: Project) -> None:
    (study.root / staged.MARK).touch()
    say(study, "img00.png", "nose", (5, 5), Visibility.VISIBLE, "c1")
    assert not (study.root / staged.MARK).exists()
    assert points(study, "nose")[0] == [5, 5]


def test_more_folders_than_files_may_be_open(study: Project) -> None:
    resource = pytest.importorskip("resource")
    for k in range(60):
        folder = study.root / "labeled-data" / f"v{k}"
        folder.mkdir()
        journal.append(study.journal_of(folder.name), [{"change": "point"}], "Ann")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 40, hard))
    try:
        changed(study, rename={"nose": "snout"})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_full_disk_changes_nothing_and_leaves_nothing(study: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(study.root)

    def full(*_: object) -> None:
        raise StorageError("no space left")

    monkeypatch.setattr(staged, "write_text", full)
    with pytest.raises(StorageError):
        changed(study, rename={"nose": "snout"})
    assert contents(study.root) == before


def test_pages_that_know_the_old_names_cannot_save_over_the_new_ones(study: Project) -> None:
    labels = study.labels()
    changed(study, rename={"nose": "snout"})
    with pytest.raises(RevisionError):
        study.write_labels(VIDEO, labels)


def test_the_journal_keeps_every_name(study: Project) -> None:
    changed(study, rename={"nose": "snout"}, remove=["tail"])
    entries = list(journal.read(study.journal_of(VIDEO)))
    (told,) = [entry for entry in entries if entry["change"] == "keypoints"]
    assert told["keypoints"] == ["snout", "left ear", "right ear"] and told["removed"] == ["tail"]
    assert told["was"] == ["nose", "left ear", "right ear"] and told["who"] == "Ann"
