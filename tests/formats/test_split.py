"""Split files: ours and DeepLabCut's shuffles."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from markerless.errors import LabelsError
from markerless.formats import dlc_labels
from markerless.formats._split import read_split

IMAGES = ["labeled-data/w/img0.png", "labeled-data/w/img1.png", "labeled-data/v/img1.png", "labeled-data/v/img2.png"]


def as_json(folder: Path, value: Any) -> Path:
    path = folder / "split.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_paths_and_unique_names(tmp_path: Path) -> None:
    entries = {"train": ["img0.png", "labeled-data\\v\\img1.png", "img0.png"], "test": ["elsewhere/img2.png"]}
    assert read_split(as_json(tmp_path, entries), IMAGES) == {
        "train": ["labeled-data/w/img0.png", "labeled-data/v/img1.png"],
        "validation": [],
        "test": ["labeled-data/v/img2.png"],
    }


@pytest.mark.data
def test_the_shared_splits(shared_data: Path) -> None:
    table = shared_data / "openfield-Pranav-2018-10-30/labeled-data/m4s1/CollectedData_Pranav.h5"
    images = dlc_labels.read(table).images
    seen: list[str] = []
    for fold in range(5):
        parts = read_split(shared_data / "splits" / f"openfield-{fold}.json", images)
        assert len(parts["train"]) + len(parts["test"]) == 93
        seen += parts["test"]
    assert sorted(seen) == sorted(images)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"train": ["img1.png"]}, ("'img1.png'", "got 2", "relative path")),
        ({"train": ["img7.png"]}, ("'img7.png'", "other labels")),
        ({"train": ["labeled-data/w/img00.png"]}, ("did you mean labeled-data/w/img0.png?",)),
        ({"train": ["img0.png"], "test": ["img0.png"]}, ("labeled-data/w/img0.png in train and test",)),
        ({"test": ["img0.png"]}, ("'train'", "none")),
        ({"train": ["img0.png"], "tests": []}, ("'tests'", "did you mean 'test'?")),
        ({"train": "img0.png"}, ("list of image names",)),
        (["img0.png"], ("an object", "list")),
    ],
)
def test_mistakes_say_what_to_do(tmp_path: Path, value: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(LabelsError) as caught:
        read_split(as_json(tmp_path, value), IMAGES)
    for word in ("split.json", *words):
        assert word in str(caught.value)


def test_no_file_and_no_json(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="check the path"):
        read_split(tmp_path / "none.json", IMAGES)
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(LabelsError, match="JSON"):
        read_split(tmp_path / "bad.json", IMAGES)


def shuffle(folder: Path, named: list[Any], train: list[int], test: list[int]) -> Path:
    path = folder / "Documentation_data-T_50shuffle1.pickle"
    data = [{"image": image, "size": np.array([3, 480, 640]), "joints": np.zeros((1, 4, 3))} for image in named]
    path.write_bytes(pickle.dumps([data, np.array(train), np.array(test), 0.5]))
    return path


def test_a_shuffle_counts_rows_of_the_sorted_table(tmp_path: Path) -> None:
    # sorted: v/img1, v/img2, w/img0, w/img1
    path = shuffle(tmp_path, ["labeled-data/v/img2.png", ("labeled-data", "w", "img1.png")], [1, 3, -1], [0, 2])
    assert read_split(path, IMAGES) == {
        "train": ["labeled-data/v/img2.png", "labeled-data/w/img1.png"],
        "validation": [],
        "test": ["labeled-data/v/img1.png", "labeled-data/w/img0.png"],
    }


def test_a_shuffle_of_an_unsorted_table(tmp_path: Path) -> None:
    path = shuffle(tmp_path, ["labeled-data\\w\\img0.png", "labeled-data\\v\\img2.png"], [0, 3], [1, 2])
    assert read_split(path, IMAGES)["test"] == ["labeled-data/w/img1.png", "labeled-data/v/img1.png"]


def test_a_shuffle_in_an_order_nobody_knows_goes_by_its_names(tmp_path: Path) -> None:
    path = shuffle(tmp_path, ["labeled-data/v/img1.png", "labeled-data/w/img0.png"], [2, 3], [0, 1])
    assert read_split(path, IMAGES)["test"] == ["labeled-data/w/img1.png", "labeled-data/v/img2.png"]


def test_a_shuffle_of_other_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="labels have changed"):
        read_split(shuffle(tmp_path, ["labeled-data/v/img1.png"], [0], [1]), IMAGES)
    path = tmp_path / "other.pickle"
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(LabelsError, match="trainIndices"):
        read_split(path, IMAGES)
