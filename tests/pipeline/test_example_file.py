"""`examples.jsonl`: read back as written, also half written; nothing of steps that are trained again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from markerless.pipeline.example_file import ExampleFrame, Examples, Look, append, begin, read_examples

NAN = float("nan")
LABELS = np.array([[[1.25, 2.0], [NAN, NAN]], [[3.0, 4.0], [5.0, 6.5]]])
FRAMES = tuple(ExampleFrame(f"labeled-data/m1/bär{i}.png", (96, 64), label) for i, label in enumerate(LABELS))
EXAMPLES = Examples("validation", ("snout", "tail"), FRAMES)


def look(step: int) -> Look:
    return Look(step, step / 2, LABELS + step, np.full((2, 2), 0.125))


def steps(path: Path) -> list[int]:
    found = read_examples(path)
    assert found is not None
    return [one.step for one in found.looks]


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    begin(path, EXAMPLES, 0)
    append(path, look(3))
    append(path, Look(7, NAN, LABELS, np.zeros((2, 2))))
    found = read_examples(path)
    assert found is not None
    assert (found.part, found.keypoints) == ("validation", ("snout", "tail"))
    assert [(frame.image, frame.size) for frame in found.frames] == [(f.image, f.size) for f in FRAMES]
    np.testing.assert_array_equal(np.stack([frame.label for frame in found.frames]), LABELS)
    assert [one.step for one in found.looks] == [3, 7]
    assert found.looks[0].mean_px == 1.5 and np.isnan(found.looks[1].mean_px)
    np.testing.assert_array_equal(found.looks[0].xy, LABELS + 3)
    np.testing.assert_array_equal(found.looks[0].score, np.full((2, 2), 0.125))


def test_looks_after_the_step_that_is_resumed_from_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    begin(path, EXAMPLES, 0)
    for step in (1, 5, 9):
        append(path, look(step))
    begin(path, EXAMPLES, 5)
    assert steps(path) == [1, 5]
    begin(path, Examples("train", EXAMPLES.keypoints, FRAMES), 5)
    assert steps(path) == [], "looks at other frames"
    append(path, look(5))
    begin(path, Examples("train", EXAMPLES.keypoints, FRAMES), 0)
    assert steps(path) == [], "a training from the start"


@pytest.mark.parametrize("rest", ['{"step": 9, "mean_px": 1.0, "xy": [[[1,', "[]\n", '{"step": 9}\n', "{}\n"])
def test_half_a_line_and_nonsense_are_left_out(tmp_path: Path, rest: str) -> None:
    path = tmp_path / "examples.jsonl"
    begin(path, EXAMPLES, 0)
    append(path, look(1))
    with path.open("a", encoding="utf-8") as file:
        file.write(rest)
    assert steps(path) == [1]


@pytest.mark.parametrize("text", ["", "\n", "{}\n", '{"version": 2}\n', "[1]\n", '{"version": 1, "frames": 3}\n'])
def test_a_file_that_is_none_reads_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_text(text, encoding="utf-8")
    assert read_examples(path) is None
    assert read_examples(tmp_path / "gone.jsonl") is None
