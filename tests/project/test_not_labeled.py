"""A keypoint that nobody has looked for is not labeled, also after a table has been written that says "absent"."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from markerless.core.instance import Visibility
from markerless.core.labels import Labels
from markerless.pipeline.merge import merge
from markerless.project import Project, config_file, journal
from markerless.project.clicks import is_click
from markerless.project.keypoints import change_keypoints, plan
from markerless.project.label_book import LabelBook, PointChange
from markerless.project.label_files import FolderLabels
from markerless.video.images import write_image
from merged import empty_study, label

VIDEO, ONE = "day one", "individual_0"
OPEN, SEEN, GONE = (int(one) for one in (Visibility.NOT_LABELED, Visibility.VISIBLE, Visibility.ABSENT))
_ids = itertools.count()


def with_keypoint(study: Project, name: str = "ear") -> Project:
    """Somebody adds a keypoint to `config.yaml` by hand."""
    study.config["bodyparts"] = [*study.skeleton.keypoints, name]
    config_file.save_config(study.config_path, study.config)
    return Project(study.root)


def changed(labels: Labels, frame: int, k: int, to: tuple[float, float] | None, seen: int) -> Labels:
    frames = list(labels.frames)
    instance = frames[frame].instances[0]
    xy, visibility = instance.xy.copy(), instance.visibility.copy()
    xy[k], visibility[k] = (np.nan, np.nan) if to is None else to, seen
    frames[frame] = replace(frames[frame], instances=(replace(instance, xy=xy, visibility=visibility),))
    return replace(labels, frames=tuple(frames))


def seen(study: Project) -> list[list[int]]:
    """Frame -> how its keypoints are seen."""
    return [frame.instances[0].visibility.tolist() for frame in Project(study.root).labels_of(VIDEO).frames]


def click(
    study: Project, to: tuple[float, float] | None, how: int, keypoint: str = "nose", picture: str = "img00.png"
) -> None:
    book = LabelBook(Project(study.root), VIDEO)
    now = book.frame(picture)[ONE][keypoint]
    change = PointChange(f"n{next(_ids)}", picture, ONE, keypoint, (now.to, now.visibility), to, Visibility(how))
    assert [outcome.state for outcome in book.apply([change], "Bo")] == ["done"]


def lines(study: Project) -> list[dict[str, Any]]:
    return list(journal.read(study.journal_of(VIDEO)))


@pytest.mark.parametrize("clicks", [False, True])
def test_a_keypoint_added_by_hand_is_not_absent_once_something_else_is_saved(study: Project, clicks: bool) -> None:
    project = with_keypoint(study)
    if clicks:
        click(project, (9.0, 9.0), SEEN)
        assert LabelBook(project, VIDEO).flush() == 1
    else:
        project.write_labels(VIDEO, changed(project.labels(), 0, 0, (9.0, 9.0), SEEN))
    assert seen(project) == [[SEEN] * 4 + [OPEN]] * 4
    assert LabelBook(project, VIDEO).frame("img03.png")[ONE]["ear"].visibility == OPEN


def test_a_keypoint_added_by_hand_is_not_absent_once_others_are_renamed(study: Project) -> None:
    project = with_keypoint(study)
    change_keypoints(project, plan(project, rename={"nose": "snout"}))
    assert seen(project) == [[SEEN] * 4 + [OPEN]] * 4


@pytest.mark.parametrize("into_has_it", [False, True])
def test_a_keypoint_added_by_hand_is_not_absent_once_studies_are_merged(tmp_path: Path, into_has_it: bool) -> None:
    into, other = empty_study(tmp_path / "one", "a", "Ann"), empty_study(tmp_path / "two", "b", "Ann")
    label(into, VIDEO, (0, 1))
    label(other, VIDEO, (1, 2))
    if into_has_it:
        with_keypoint(into)
    else:
        click(with_keypoint(other), (6.0, 9.0), SEEN, picture="img001.png")  # its tables lack it, and will lack it
    merge(into.root, [other.root])
    assert seen(into) == [[SEEN] * 3 + [OPEN]] * 3
    assert merge(into.root, [other.root]).merge.is_nothing


def test_every_gap_is_written_down_once(study: Project) -> None:
    project = with_keypoint(study)
    project.write_labels(VIDEO, changed(project.labels(), 0, 0, (9.0, 9.0), SEEN))
    n_lines = len(lines(project))
    project.write_labels(VIDEO, project.labels())
    assert len(lines(project)) == n_lines
    click(project, (10.0, 9.0), SEEN)
    LabelBook(project, VIDEO).flush()
    assert [entry["change"] for entry in lines(project)[n_lines:]] == ["point", "tables saved"]


def test_gaps_are_no_changes_of_who_saves_labels_beside_clicks_that_wait(study: Project) -> None:
    n_lines = len(lines(study))
    click(with_keypoint(study), (9.0, 9.0), SEEN)
    project = Project(study.root)
    project.write_labels(VIDEO, changed(project.labels(), 1, 0, (8.0, 8.0), SEEN), who="Cy")
    new = lines(project)[n_lines:]
    assert sorted(entry["change"] for entry in new) == [*["gap"] * 4, "point", "point", "tables saved"]
    assert [entry["who"] for entry in new if entry["change"] == "point"] == ["Bo", "Cy"]


def test_a_gap_of_a_table_stays_absent(study: Project) -> None:
    """By DeepLabCut's rule: whoever labels with other programs leaves gaps where there is nothing."""
    project = Project(study.root)
    labels = changed(changed(project.labels(), 1, 2, None, GONE), 2, 2, None, GONE)
    project.write_labels(VIDEO, labels)
    project.journal_of(VIDEO).unlink()
    project = Project(study.root)
    project.write_labels(VIDEO, changed(project.labels(), 0, 0, (9.0, 9.0), SEEN))
    assert [one[2] for one in seen(project)] == [SEEN, GONE, GONE, SEEN]
    assert len(lines(project)) == 1


def test_what_is_not_labeled_beside_something_absent_stays_so_when_a_point_is_placed(study: Project) -> None:
    write_image(study.root / "labeled-data" / VIDEO / "img04.png", np.zeros((48, 64, 3), np.uint8))
    labels = study.labels()
    image = f"labeled-data/{VIDEO}/img04.png"
    nothing = journal.nothing_known(ONE, 4)
    labels = replace(labels, frames=(*labels.frames, replace(labels.frames[0], image=image, instances=(nothing,))))
    study.write_labels(VIDEO, changed(labels, 4, 0, None, GONE))
    assert seen(study)[4] == [GONE, OPEN, OPEN, OPEN]
    again = Project(study.root)
    again.write_labels(VIDEO, changed(again.labels(), 4, 3, (5.0, 6.0), SEEN))
    assert seen(study)[4] == [GONE, OPEN, OPEN, SEEN]


class ClickedMeanwhile(Project):
    """Somebody looks for the ear in vain while the labels of the folder are being read."""

    def _tables_of(self, video: str, *more: Any) -> FolderLabels:
        tables = super()._tables_of(video, *more)
        if not any(is_click(entry) and entry["keypoint"] == "ear" for entry in lines(self)):
            click(self, None, GONE, "ear", "img03.png")
        return tables


@pytest.mark.parametrize("clicks", [False, True])
def test_a_click_while_gaps_are_written_down_counts(study: Project, clicks: bool) -> None:
    project = with_keypoint(study)
    labels = changed(project.labels(), 0, 0, (9.0, 9.0), SEEN)
    other = ClickedMeanwhile(study.root)
    if clicks:
        click(project, (9.0, 9.0), SEEN)
        other.save_clicks(VIDEO)
    else:
        other.write_labels(VIDEO, labels, revision=project.revision(VIDEO))
    assert [one[4] for one in seen(study)] == [OPEN, OPEN, OPEN, GONE]
    Project(study.root).save_clicks(VIDEO)
    assert [one[4] for one in seen(study)] == [OPEN, OPEN, OPEN, GONE]
