"""Results in COCO's JSON are read with the annotations of their pictures beside them, and refused without."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError
from markerless.formats import coco, coco_results
from markerless.formats._sniff import open_any

RESULTS: list[dict[str, Any]] = [
    {"image_id": 2, "category_id": 1, "keypoints": [1.5, 2, 0.9, 3, 4, 0.25], "score": 0.8},
    {"image_id": 2, "category_id": 1, "keypoints": [5, 6, 0.5, 7, 8, 0.75], "score": 0.7},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    instance = Instance.from_xy([[1.0, 1.0], [2.0, 2.0]])
    frames = tuple(LabeledFrame(f"img{k}.png", (instance,)) for k in range(2))
    coco.write(Labels(Skeleton(("nose", "tail"), ((0, 1),)), frames), tmp_path / "annotations.json")
    return tmp_path


def written(folder: Path, results: object) -> Path:
    path = folder / "results.json"
    path.write_text(json.dumps(results), encoding="utf-8")
    return path


def test_points_and_scores_come_with_pictures_and_names_from_beside(folder: Path) -> None:
    name, found = open_any(written(folder, RESULTS))
    assert name == "coco_results" and isinstance(found, Labels)
    assert found.images == ("img0.png", "img1.png") and found.skeleton == Skeleton(("nose", "tail"), ((0, 1),))
    assert found.frames[0].instances == () and found.individuals == ("individual_0", "individual_1")
    one, two = found.frames[1].instances
    assert one.xy.tolist() == [[1.5, 2.0], [3.0, 4.0]] and one.score.tolist() == [0.9, 0.25]
    assert two.xy.tolist() == [[5.0, 6.0], [7.0, 8.0]] and two.source == "model"
    assert open_any(folder / "annotations.json")[0] == "coco"


@pytest.mark.parametrize(
    ("results", "says"),
    [
        ([{**RESULTS[0], "image_id": 77}], "got none that knows all of their 1 image ids"),
        ([{**RESULTS[0], "keypoints": [1, 2, 3]}], "result 0: expected 6 numbers under keypoints, got 3"),
        ([{**RESULTS[0], "category_id": 9}], "damaged"),
        ([{**RESULTS[0], "keypoints": [float("nan")] * 6}], "finite"),
        ([{"image_id": [1], "category_id": 1, "keypoints": []}], "damaged"),
    ],
)
def test_what_does_not_fit_is_one_line(results: object, says: str, folder: Path) -> None:
    path = written(folder, results)
    with pytest.raises(LabelsError, match=says) as caught:
        coco_results.read(path)
    assert "results.json" in str(caught.value) and "\n" not in str(caught.value)


def test_without_annotations_it_says_what_is_missing(folder: Path) -> None:
    (folder / "annotations.json").unlink()
    with pytest.raises(LabelsError, match="copy the annotations into that folder"):
        open_any(written(folder, RESULTS))


def test_a_damaged_file_beside_does_not_hide_the_annotations(folder: Path) -> None:
    whole = (folder / "annotations.json").read_text(encoding="utf-8")
    (folder / "a.json").write_text(whole[:-2], encoding="utf-8")
    found = coco_results.read(written(folder, RESULTS))
    assert found.images == ("img0.png", "img1.png") and "annotations.json" in found.notes[0]


def test_real_annotations_given_back_as_results_are_the_same_points(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "interop" / "coco" / "macaque" / "test_macaque.json"
    shutil.copyfile(source, tmp_path / "truth.json")
    stored = json.loads(source.read_text(encoding="utf-8"))
    keys = ("image_id", "category_id", "keypoints")
    results = [{key: one[key] for key in keys} | {"score": 1.0} for one in stored["annotations"]]
    found, truth = coco_results.read(written(tmp_path, results)), coco.read(source)
    assert found.images == truth.images
    for mine, theirs in zip(found.frames, truth.frames, strict=True):
        for one, other in zip(mine.instances, theirs.instances, strict=True):
            known = np.isfinite(other.xy)
            assert known.any()
            np.testing.assert_array_equal(one.xy[known], other.xy[known])
