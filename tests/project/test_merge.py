"""Studies are merged by what is in them, and nobody's label gets lost."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from made_study import film, make_study
from markerless.core.instance import Visibility
from markerless.core.video import fingerprint
from markerless.errors import LabelsError, ProjectError, VideoError
from markerless.pipeline.merge import MergeRequest, merge
from markerless.project import Project, journal, staged
from markerless.project.keypoints import change_keypoints, plan
from markerless.project.label_book import LabelBook, PointChange
from markerless.video.images import read_image, write_image
from markerless.video.reader import open_video
from merged import NAMES, ONE, add_film, contents, empty_study, file_of_film, film_picture, label, moved, points, usual


@pytest.fixture
def ann(tmp_path: Path) -> Project:
    """Frames 0 to 3 of film 1, of which the video is there."""
    study = empty_study(tmp_path / "one", "mouse", "Ann")
    add_film(study, "day one.mp4", 1)
    label(study, "day one", range(4))
    return Project(study.root)


@pytest.fixture
def bo(tmp_path: Path) -> Project:
    """Frames 2 to 5 of the same film under another name, everything 3 px to the right."""
    study = empty_study(tmp_path / "two", "mouse", "Bo")
    add_film(study, "GOPR7.mp4", 1)
    label(study, "GOPR7", range(2, 6), place=moved(3))
    return Project(study.root)


def click(study: Project, image: str, keypoint: str, seen: Visibility, who: str) -> None:
    """Somebody says how a point is seen that is labeled already; it is in the journal alone."""
    folder, picture = image.split("/")
    book = LabelBook(study, folder)
    now = book.frame(picture)[ONE][keypoint]
    to = None if seen in (Visibility.ABSENT, Visibility.NOT_LABELED) else now.to
    change = PointChange(f"{picture} {keypoint}", picture, ONE, keypoint, (now.to, now.visibility), to, seen)
    assert book.apply([change], who)[0].state == "done"


def said(study: Project, folder: str, picture: str) -> dict[str, tuple[Visibility, str]]:
    return {name: (one.visibility, one.who) for name, one in LabelBook(study, folder).frame(picture)[ONE].items()}


def test_the_same_video_under_another_name_is_one_video(ann: Project, bo: Project) -> None:
    theirs = contents(bo.root)
    result = merge(ann, [bo])
    now = Project(ann.root)
    assert now.label_folders() == ("day one",) and [path.name for path in now.videos()] == ["day one.mp4"]
    assert [frame.rpartition("/")[2] for frame in now.labels().images] == [f"img{k:03d}.png" for k in range(6)]
    # everybody's labels, point by point, in their own table
    assert points(now, "Ann", "day one") == {
        (f"img{f:03d}.png", name): usual(f, k) for f in range(4) for k, name in enumerate(NAMES)
    }
    assert points(now, "Bo", "day one") == {
        (f"img{f:03d}.png", name): moved(3)(f, k) for f in range(2, 6) for k, name in enumerate(NAMES)
    }
    for f in range(6):
        assert np.array_equal(film_picture(1, f), read_image(ann.root / f"labeled-data/day one/img{f:03d}.png"))
    assert contents(bo.root) == theirs
    told = result.to_json()
    assert told["before"]["points_by"] == {"Ann": 12} and told["after"]["points_by"] == {"Ann": 12, "Bo": 12}
    assert told["videos"] == [{"project": bo.root.name, "video": "GOPR7", "into": "day one", "same_by": "fingerprint"}]


def test_another_video_of_the_same_name_stays_another_one(ann: Project, tmp_path: Path) -> None:
    other = empty_study(tmp_path / "two", "rat", "Bo")
    add_film(other, "day one.mp4", 2)
    label(other, "day one", range(4), film=2)
    result = merge(ann, [other.root])
    now = Project(ann.root)
    assert now.label_folders() == ("day one", "day one_2")
    assert sorted(path.name for path in now.videos()) == ["day one.mp4", "day one_2.mp4"]
    assert (ann.root / "videos" / "day one_2.mp4").read_bytes() == file_of_film(2)
    assert not result.merge.conflicts and points(now, "Ann", "day one")["img000.png", "nose"] == usual(0, 0)
    assert any("is another video" in note for note in result.merge.notes)
    key = str(ann.root / "videos" / "day one_2.mp4")
    assert key in now.video_sets()
    again = contents(ann.root)
    assert merge(ann.root, [other.root]).merge.is_nothing and contents(ann.root) == again


def test_where_a_video_cannot_be_read_the_pictures_decide(
    ann: Project, bo: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two videos are not told apart by what is unknown of one of them."""

    def of(path: Path) -> str:
        if path.is_relative_to(ann.root):
            raise VideoError(f"cannot read {path}: disk is gone")
        return fingerprint(path)

    monkeypatch.setattr("markerless.project.merge_match.fingerprint", of)
    result = merge(ann.root, [bo.root], MergeRequest(dry_run=True))
    assert [(match.into, match.by) for _, found in result.merge.matched for match in found] == [("day one", "pictures")]


def test_without_a_video_the_pictures_decide_not_the_name(ann: Project, tmp_path: Path) -> None:
    for path in (ann.root / "videos").iterdir():
        path.unlink()
    same, other = empty_study(tmp_path / "two", "a", "Bo"), empty_study(tmp_path / "three", "b", "Cy")
    label(same, "from a stick", range(3, 6))  # shares one picture
    label(other, "day one", range(3, 6), film=9)  # shares the name alone
    result = merge(ann.root, [same.root, other.root])
    by = {match.name: (match.into, match.by) for _, found in result.merge.matched for match in found}
    assert by == {"from a stick": ("day one", "pictures"), "day one": ("day one_2", "")}
    assert len(Project(ann.root).labels_of("day one")) == 6 and len(Project(ann.root).labels_of("day one_2")) == 3
    assert merge(ann.root, [same.root, other.root]).merge.is_nothing


def test_pictures_are_known_as_frames_of_the_others_video(tmp_path: Path) -> None:
    made = make_study(tmp_path / "one", n_frames=40, n_labeled=4)
    for name, seed in (("same", 5), ("another", 6)):  # pictures alone, none of which is in both studies
        scene = film(tmp_path / f"{name}.mp4", seed, n_frames=40)
        study = empty_study(tmp_path / name, name, "Bo", scene.skeleton.keypoints)
        label(study, made.video.stem, (5, 20, 33))
        with open_video(tmp_path / f"{name}.mp4") as reader:
            for k in (5, 20, 33):
                write_image(study.root / f"labeled-data/{made.video.stem}/img{k:03d}.png", reader[k])
    result = merge(made.root, list((tmp_path / "same").iterdir()) + list((tmp_path / "another").iterdir()))
    ((_, (one,)), (_, (two,))) = result.merge.matched
    assert (one.into, one.by) == (made.video.stem, "frames") and (two.into, two.by) == (f"{made.video.stem}_2", "")
    assert two.is_doubtful and any("nothing shows that" in note for note in result.merge.notes)
    assert len(Project(made.root).labels_of(made.video.stem)) == 7


def test_frames_are_matched_by_their_pictures(ann: Project, tmp_path: Path) -> None:
    other = empty_study(tmp_path / "two", "a", "Bo")
    add_film(other, "x.mp4", 1)
    label(other, "x", (0, 1, 2))
    folder = other.root / "labeled-data" / "x"
    # frame 0 as a JPEG of the same number; what is called frame 1 is another picture; 2 has more zeros in its name
    for old in folder.iterdir():
        old.unlink()
    label(other, "x", (2,))
    (table,) = Project(other.root).label_tables("x")
    write_image(folder / "img0002.png", film_picture(1, 2))
    (folder / "img002.png").unlink()
    assert table.csv is not None
    text = table.csv.read_text(encoding="utf-8").replace("img002.png", "img0002.png")
    text += text.splitlines()[-1].replace("img0002.png", "img001.png") + "\n"
    (folder / "CollectedData_Bo.csv").write_text(text, encoding="utf-8")
    (folder / "CollectedData_Bo.h5").unlink()
    write_image(folder / "img001.png", film_picture(7, 1))
    result = merge(ann.root, [other.root])
    now = Project(ann.root)
    ((_, (match,)),) = result.merge.matched
    images = {one.rpartition("/")[2]: there.rpartition("/")[2] for one, there in match.images.items()}
    assert images == {"img0002.png": "img002.png", "img001.png": "img001_2.png"}
    assert set(points(now, "Bo", "day one")) == {
        (name, keypoint) for name in ("img002.png", "img001_2.png") for keypoint in NAMES
    }
    assert merge(ann.root, [other.root]).merge.is_nothing


def test_a_picture_saved_again_with_losses_is_the_same_frame(ann: Project, tmp_path: Path) -> None:
    smooth = np.broadcast_to(np.linspace(0, 250, 48).astype(np.uint8)[None, :, None], (32, 48, 3)).copy()
    write_image(ann.root / "labeled-data/day one/img003.png", smooth)
    other = empty_study(tmp_path / "two", "a", "Bo")
    add_film(other, "x.mp4", 1)
    label(other, "x", (2, 3))
    write_image(other.root / "labeled-data/x/img003.png", np.clip(smooth.astype(int) + 2, 0, 255).astype(np.uint8))
    ((_, (match,)),) = merge(ann.root, [other.root]).merge.matched
    assert match.images["labeled-data/x/img003.png"] == "labeled-data/day one/img003.png"


def test_one_persons_two_answers_are_listed_and_kept(ann: Project, tmp_path: Path) -> None:
    other = empty_study(tmp_path / "two", "again", "Ann")
    add_film(other, "day one.mp4", 1)
    label(other, "day one", (3, 4), place=moved(5))
    result = merge(ann.root, [other.root])
    now = Project(ann.root)
    assert points(now, "Ann", "day one")["img003.png", "nose"] == usual(3, 0)
    assert points(now, "Ann", "day one")["img004.png", "nose"] == moved(5)(4, 0)
    assert [(one.what, one.kept, one.distance_px) for one in result.merge.conflicts] == [
        ("same person", "into", 5.0)
    ] * 3
    lost = [entry for entry in journal.read(now.journal_of("day one")) if entry["change"] == "merge conflict"]
    assert [tuple(entry["to"]) for entry in lost] == [moved(5)(3, k) for k in range(3)]
    assert result.table is not None
    rows = list(csv.DictReader(result.table.read_text(encoding="utf-8").splitlines()))
    assert [(row["image"], row["keypoint"], float(row["distance_px"])) for row in rows] == [
        ("labeled-data/day one/img003.png", name, 5.0) for name in NAMES
    ]
    assert (float(rows[0]["other_x"]), float(rows[0]["other_y"])) == moved(5)(3, 0)
    again = contents(ann.root)
    twice = merge(ann.root, [other.root])
    assert len(twice.merge.conflicts) == 3 and twice.merge.is_nothing and contents(ann.root) == again


def test_two_peoples_answers_are_both_in_tables(ann: Project, bo: Project) -> None:
    result = merge(ann.root, [bo.root])
    assert [(one.what, one.labelers, one.kept) for one in result.merge.conflicts] == [
        ("two people", ("Ann", "Bo"), "into")
    ] * 6
    assert all(math.isclose(one.distance_px, 3) for one in result.merge.conflicts)
    assert Project(ann.root).labels().xy()[2, 0, 0].tolist() == list(usual(2, 0))
    # the other way around Bo is the study's scorer, and is shown
    assert merge(bo.root, [ann.root]).merge.conflicts[0].kept == "into"
    assert LabelBook(Project(bo.root), "GOPR7").frame("img002.png")[ONE]["nose"].to == moved(3)(2, 0)


def test_the_studys_scorer_is_shown_even_if_only_the_other_study_has_that_table(tmp_path: Path) -> None:
    into, other = empty_study(tmp_path / "one", "a", "Ann"), empty_study(tmp_path / "two", "b", "Ann")
    label(into, "v", (0, 1), place=moved(2), scorer="Bo")
    label(other, "v", (1,))
    conflicts = merge(into.root, [other.root]).merge.conflicts
    assert [(one.labelers, one.kept) for one in conflicts] == [(("Bo", "Ann"), "other")] * 3
    assert Project(into.root).labels().xy()[0, 0, 0].tolist() == list(usual(1, 0))
    assert merge(into.root, [other.root]).merge.is_nothing


def test_keypoints_of_one_side_are_added_and_not_labeled_elsewhere(ann: Project, tmp_path: Path) -> None:
    other = empty_study(tmp_path / "two", "b", "Bo", ("nose", "tail", "left paw", "right paw"))
    other.config["skeleton"] = [["nose", "tail"]]
    other.config["mirror_pairs"] = [["left paw", "right paw"]]
    other.config["keypoint_colors"] = {"tail": "#d55e00"}
    other.save_config()
    ann.config["skeleton"] = [["left ear", "nose"]]
    ann.save_config()
    add_film(other, "x.mp4", 1)
    label(other, "x", (3, 4))
    result = merge(ann.root, [other.root])
    now = Project(ann.root)
    assert now.skeleton.keypoints == (*NAMES, "tail", "left paw", "right paw")
    assert result.to_json()["keypoints_added"] == ["tail", "left paw", "right paw"]
    assert set(now.skeleton.names_of(now.skeleton.edges)) == {("left ear", "nose"), ("nose", "tail")}
    pairs = {frozenset(pair) for pair in now.skeleton.names_of(now.skeleton.mirror_pairs)}
    assert pairs == {frozenset(("left ear", "right ear")), frozenset(("left paw", "right paw"))}
    assert now.config["keypoint_colors"] == {"tail": "#d55e00"}
    seen = {int(f.image[-7:-4]): f.instances[0].visibility.tolist() for f in now.labels().frames}
    visible, unknown = int(Visibility.VISIBLE), int(Visibility.NOT_LABELED)
    assert seen[0] == [visible] * 3 + [unknown] * 3  # nobody looked for a tail
    assert seen[4] == [visible] + [unknown] * 2 + [visible] * 3  # nobody looked for ears
    assert merge(ann.root, [other.root]).merge.is_nothing


def test_points_fill_the_gaps_of_the_same_person_but_not_what_was_looked_for(ann: Project, tmp_path: Path) -> None:
    other = empty_study(tmp_path / "two", "b", "Ann")
    add_film(other, "x.mp4", 1)
    label(other, "x", (0, 1))
    label(ann, "day one", (0, 1), place=lambda f, k: (math.nan, math.nan) if k == 2 else usual(f, k))
    click(ann, "day one/img001.png", "left ear", Visibility.ABSENT, "Ann")
    result = merge(ann.root, [other.root])
    now = Project(ann.root)
    there = points(now, "Ann", "day one")
    assert there["img000.png", "right ear"] == usual(0, 2)
    assert ("img001.png", "left ear") not in there
    assert [(one.keypoint, one.what, math.isnan(one.distance_px)) for one in result.merge.conflicts] == [
        ("left ear", "visibility", True)
    ]
    assert said(now, "day one", "img001.png")["left ear"] == (Visibility.ABSENT, "Ann")
    assert merge(ann.root, [other.root]).merge.is_nothing


def test_who_said_what_and_clicks_that_no_table_has_yet_go_along(ann: Project, bo: Project) -> None:
    click(bo, "GOPR7/img005.png", "nose", Visibility.OCCLUDED, "Cy")
    click(bo, "GOPR7/img004.png", "nose", Visibility.ABSENT, "Cy")
    click(ann, "day one/img000.png", "nose", Visibility.OCCLUDED, "Dee")
    theirs = contents(bo.root)
    merge(ann.root, [bo.root])
    now = Project(ann.root)
    assert said(now, "day one", "img005.png")["nose"] == (Visibility.OCCLUDED, "Cy")
    assert said(now, "day one", "img004.png")["nose"] == (Visibility.ABSENT, "Cy")
    assert said(now, "day one", "img000.png")["nose"] == (Visibility.OCCLUDED, "Dee")
    frame = next(frame for frame in now.labels().frames if frame.image.endswith("img005.png"))
    assert frame.instances[0].visibility[0] == Visibility.OCCLUDED and frame.labeler == "Bo"
    kept = [entry for entry in journal.read(now.journal_of("day one")) if entry["change"] == "before merging"]
    assert [(entry["did"], entry["who"], entry["id"]) for entry in kept] == [
        ("point", "Cy", "img005.png nose"),
        ("point", "Cy", "img004.png nose"),
    ]
    assert contents(bo.root) == theirs
    again = contents(ann.root)
    assert merge(ann.root, [bo.root]).merge.is_nothing and contents(ann.root) == again
    click(bo, "GOPR7/img003.png", "nose", Visibility.OCCLUDED, "Cy")  # the other study goes on
    assert not merge(ann.root, [bo.root]).merge.is_nothing and merge(ann.root, [bo.root]).merge.is_nothing


def test_removed_keypoints_come_along_and_come_back(ann: Project, bo: Project) -> None:
    change_keypoints(bo, plan(bo, remove=["left ear"]))
    change_keypoints(ann, plan(ann, remove=["nose"]))
    result = merge(ann.root, [bo.root])
    now = Project(ann.root)
    assert now.skeleton.keypoints == ("left ear", "right ear", "nose")
    assert points(now, "Ann", "day one")["img000.png", "nose"] == usual(0, 0)  # what Ann's journal has kept
    assert points(now, "Bo", "day one")["img005.png", "nose"] == moved(3)(5, 0)
    assert ("img005.png", "left ear") not in points(now, "Bo", "day one")
    assert not result.merge.is_nothing and merge(ann.root, [bo.root]).merge.is_nothing
    change_keypoints(now, plan(now, remove=["left ear"]))
    gone = Project(ann.root)
    change_keypoints(gone, plan(gone, add=["left ear"]))
    assert points(Project(ann.root), "Ann", "day one")["img000.png", "left ear"] == usual(0, 1)


def test_studies_of_one_and_of_several_animals_are_refused(ann: Project, tmp_path: Path) -> None:
    other = empty_study(tmp_path / "two", "pair", "Bo")
    other.config["multianimalproject"], other.config["bodyparts"] = True, "MULTI!"
    other.config["multianimalbodyparts"], other.config["individuals"] = list(NAMES), ["a", "b"]
    other.save_config()
    before = contents(ann.root)
    with pytest.raises(ProjectError, match="one animal in mouse-Ann-2026-03-05 and several in pair-Bo-2026-03-05"):
        merge(ann.root, [other.root])
    assert contents(ann.root) == before


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_cannot_be_merged_changes_nothing(ann: Project, bo: Project, dry_run: bool) -> None:
    request, before = MergeRequest(dry_run=dry_run), contents(ann.root)
    with pytest.raises(ProjectError, match="name each once"):
        merge(ann.root, [ann.root / "config.yaml"], request)
    with pytest.raises(ProjectError, match="name each once"):
        merge(ann.root, [bo.root, bo.root], request)
    with pytest.raises(ProjectError, match="got none"):
        merge(ann.root, [], request)
    table = bo.root / "labeled-data" / "GOPR7" / "CollectedData_Bo.h5"
    table.write_bytes(table.read_bytes()[:900])
    with pytest.raises(LabelsError) as caught:
        merge(ann.root, [bo.root], request)
    assert str(bo.root) in str(caught.value) and contents(ann.root) == before
    (bo.root / staged.PLAN).parent.mkdir(exist_ok=True)
    (bo.root / staged.PLAN).write_text("{}", encoding="utf-8")
    with pytest.raises(ProjectError, match="was interrupted"):
        merge(ann.root, [bo.root], request)


NONSENSE = (
    b'{"change": "keypoint removed", "image": "labeled-data/GOPR7/img002.png", "keypoint": "x", "table": [1]}\n'
    b'{"change": "keypoint removed", "image": ["a"], "keypoint": {"b": 1}, "to": "c", "table": "../../x"}\n'
    b'{"change": "point", "image": null, "id": "z", "to": [1], "visibility": "seen"}\n'
    b'{"change": "tables saved", "clicks": "many"}\n[1, 2]\n\xff\xfe{torn'
)


def test_nonsense_in_a_journal_and_in_an_old_table_does_no_harm(ann: Project, bo: Project) -> None:
    for study, folder in ((ann, "day one"), (bo, "GOPR7")):
        path = study.journal_of(folder)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(NONSENSE)
    (ann.root / "merge-conflicts.csv").write_bytes(b'project;\xfc\n"not closed')
    merge(ann.root, [bo.root])
    now = Project(ann.root)
    assert len(points(now, "Bo", "day one")) == 12 and len(points(now, "Ann", "day one")) == 12
    assert merge(ann.root, [bo.root]).merge.is_nothing


def test_a_dry_run_writes_nothing_into_the_study(ann: Project, bo: Project, tmp_path: Path) -> None:
    before = contents(ann.root)
    table = tmp_path / "apart.csv"
    result = merge(ann.root, [bo.root], MergeRequest(dry_run=True, conflicts=table))
    assert contents(ann.root) == before and len(result.merge.conflicts) == 6
    assert len(table.read_text(encoding="utf-8").splitlines()) == 7
    done = merge(ann.root, [bo.root])
    assert {**done.to_json(), "table": None} == {**result.to_json(), "dry_run": False, "table": None}


def test_runs_stay_where_they_are(ann: Project, bo: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Project, "runs", lambda self: ("run1",) if self.root == bo.root else ())
    result = merge(ann.root, [bo.root])
    assert any("runs of mouse-Bo-2026-03-05 stay there (run1)" in note for note in result.merge.notes)
    assert not (ann.root / "runs").exists()
