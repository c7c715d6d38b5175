"""Results of the accuracy benchmark count for what gave them; trained once on a toy study."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import accuracy
import studies
from accuracy import Setup, chosen, find, is_commit, main, parse, run_here, setup_of, stored, train_and_measure
from accuracy_table import Result, tables
from benchmarks.test_accuracy_table import measured, result
from make_model import color_finder
from markerless.errors import RunError, SettingsError
from markerless.project import Project
from studies import STUDIES, Code, Study, Task

MICE = Task(Study("mice", "dots", ("mice-0.json",)), 0)
CODE = Code("abc123456", "s")
FEW = (
    *("train.steps=2", "train.batch_size=2", "train.precision=f32", "net.weights=none", "net.width=16", "data.crop=64"),
)


def setup(out: Path = Path("out"), **changed: object) -> Setup:
    return replace(Setup(out, Path("data"), CODE), **changed)


def some(fold: int = 0, **changed: object) -> Result:
    return Result(result(fold, measured([[1.0, 3.0]], ["a-1"]), **changed))


def test_a_result_counts_for_its_commit_and_no_other() -> None:
    mine, other = some(), some(commit="fff000000")
    assert find(MICE, setup(), [other]) is None
    assert find(MICE, setup(), [other, mine]) is mine
    assert find(MICE, setup(also="fff000"), [other]) is other
    assert find(MICE, setup(also="fff000"), [other, mine]) is mine, "its own come first"
    assert find(MICE, setup(also="eee000"), [other]) is None


def test_a_result_counts_for_its_files_settings_fold_and_seed() -> None:
    steps = setup(assignments=("train.steps=400",))
    assert find(MICE, setup(), [some(source="changed since")]) is None
    assert find(MICE, setup(), [some(how="1a2b3c")]) is None
    assert find(MICE, steps, [some()]) is None
    assert find(MICE, steps, [some(how=steps.how)]) is not None
    assert find(MICE, setup(), [some(fold=1)]) is None
    assert find(MICE, setup(assignments=("train.seed=1",)), [some()]) is None
    assert find(MICE, setup(assignments=("train.seed=1",)), [some(seed=1)]) is not None


@pytest.mark.parametrize(
    ("commit", "wanted", "same"),
    [
        ("abc123456", "abc123456", True),
        ("abc123456", "abc12345600112233", True),
        ("abc123456", "abc1", True),
        ("abc123456", "abc", False),
        ("abc123456-dirty", "abc123456", False),
        ("abc123456-dirty", "abc123456-dirty", True),
        ("abc123456", "abc123457", False),
    ],
)
def test_a_commit_may_be_cut_short_but_a_changed_tree_has_to_be_named(commit: str, wanted: str, same: bool) -> None:
    assert is_commit(commit, wanted) is same


def test_names_differ_where_results_do() -> None:
    setups = [
        setup(),
        setup(code=Code("abc123456-dirty", "s")),
        setup(minutes=2.0),
        setup(assignments=("train.steps=400",)),
        setup(assignments=("train.seed=1",)),
    ]
    assert len({s.path(MICE) for s in setups}) == len({s.run_name(MICE) for s in setups}) == len(setups)
    assert setup().path(MICE).name == "mice_fold0_seed0_abc123456.json"
    assert setup().run_name(MICE) != setup(code=Code("abc123456", "changed")).run_name(MICE)
    assert all(len(s.run_name(MICE)) <= 24 for s in setups)
    assert setup(assignments=("a=1", "b=2")).how == setup(assignments=("b=2", "a=1")).how != ""


def test_words_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy, "code_here", lambda: CODE)
    out = ["--out", "x"]
    assert len(chosen(parse(out))) == len(chosen(parse(["--protocol", *out]))) == 23
    quick = parse(["--quick", *out])
    assert len(chosen(quick)) == 12
    assert setup_of(quick).assignments == ("train.steps=600",)
    assert setup_of(parse(["--quick", "--set", "train.steps=50", *out])).assignments == ("train.steps=50",)
    assert [task.name for task in chosen(parse(["reaching", "--folds", "1,2", *out]))] == [
        "reaching_fold1",
        "reaching_fold2",
    ]
    for words in (["reaching", "--protocol"], ["reaching", "--folds", "a"], ["nothing"]):
        with pytest.raises(SettingsError):
            chosen(parse([*words, *out]))
    with pytest.raises(SettingsError, match="whole number"):
        setup_of(parse(["--set", "train.seed=a", *out]))


def test_only_what_is_there_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accuracy, "code_here", lambda: CODE)
    words = ["reaching", "--table", "--out", str(tmp_path)]
    assert main(words) == 2
    for fold, commit in ((0, "abc123456"), (1, "fff000000")):
        values = result(fold, measured([[1.0, 3.0]], [f"a-{fold}"]), study="reaching", commit=commit)
        name = f"reaching_fold{fold}_seed0_{commit}.json"
        (tmp_path / name).write_text(json.dumps(values), encoding="utf-8")
    assert main(words) == 0
    told = capsys.readouterr()
    assert "mean over 1 fold |" in told.out
    assert "2 of 3 not there at abc123456: reaching_fold1, reaching_fold2; there are results of other" in told.err
    assert "fff000000" in told.err
    assert main([*words, "--commit", "fff000000"]) == 0
    assert capsys.readouterr().out.count("### reaching") == 2
    (tmp_path / "reaching_fold2_seed0_abc123456.json").write_text("{}", encoding="utf-8")
    assert main(words) == 2
    assert "error: expected a result of this benchmark" in capsys.readouterr().err


@pytest.fixture
def toy(dot_study: Callable[..., Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a study of eight pictures and two splits, "old" and, adapted from it, "new"."""
    data = tmp_path / "data"
    project = dot_study(8, "dots")
    (data / "splits").mkdir(parents=True)
    shutil.move(project.root, data / "dots")
    names = [image.rsplit("/", 1)[-1] for image in Project(data / "dots").labels().images]
    for name, train, test in (("old", names[:3], names[3:5]), ("new", names[5:7], names[7:])):
        (data / "splits" / f"{name}.json").write_text(json.dumps({"train": train, "test": test}), encoding="utf-8")
    for study in (Study("old", "dots", ("old.json",)), Study("new", "dots", ("new.json",), starts_from="old")):
        monkeypatch.setitem(STUDIES, study.name, study)

    def export(model: object, keypoints: object, path: Path) -> None:
        color_finder(path)

    monkeypatch.setattr("markerless.pipeline.train.export_onnx", export)  # it takes ten seconds
    monkeypatch.setattr(accuracy, "code_here", lambda: CODE)
    return data


def test_a_network_is_trained_measured_and_adapted(toy: Path, tmp_path: Path) -> None:
    """The color finder's error is known: it finds the topmost pixel of a circle of radius 5, 5 px above its center."""
    how = Setup(tmp_path / "out", toy, CODE, assignments=FEW)
    old, new = Task(STUDIES["old"], 0), Task(STUDIES["new"], 0)
    with pytest.raises(RunError, match="expected a result of old to start from"):
        run_here(new, how)
    run_here(old, how)
    run_here(new, how)
    first, second = (find(task, how, stored(how.out)) for task in (old, new))
    assert first is not None and second is not None
    assert first.steps == 2
    assert first.values["whole_s"] >= first.values["train_s"] > 0
    assert first.values["peak_memory_mb"] > 50
    assert first.values["settings"]["train"]["seed"] == 0
    test = first.measured["test"]
    assert test.error.shape == (2, 3)
    np.testing.assert_allclose(test.error, 5, atol=1)
    assert test.errors["mean_px"] == pytest.approx(test.error.mean(), abs=1e-3)
    assert test.stated is None
    assert list(second.measured) == ["test", "test, before", "old, before", "old, after"]
    assert second.values["start"] == {"run": first.run, "commit": CODE.commit}
    assert len(second.measured["test, before"].images) == 1
    assert second.measured["old, after"].images == test.images
    assert first.run != second.run
    replayed = first.values["n_train"]
    assert any(line.startswith(f"### new: {2 + replayed} training frames") for line in tables([second]))


def test_seconds_of_a_training_that_was_gone_on_with_are_not_told(toy: Path, tmp_path: Path) -> None:
    how = Setup(tmp_path / "out", toy, CODE, assignments=FEW)
    first = train_and_measure(Task(STUDIES["old"], 0), how)
    again = train_and_measure(Task(STUDIES["old"], 0), how)
    assert first["train_s"] is not None
    assert again["train_s"] is again["whole_s"] is None
    assert again["measured"] == first["measured"]


def test_a_result_of_code_that_was_changed_meanwhile_is_not_kept(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = Setup(tmp_path / "out", toy, CODE, assignments=FEW)
    monkeypatch.setattr(accuracy, "train_and_measure", lambda *_: {})
    run_here(Task(STUDIES["old"], 0), how)
    how.path(Task(STUDIES["old"], 0)).unlink()
    monkeypatch.setattr(accuracy, "code_here", lambda: Code(CODE.commit, "changed"))
    with pytest.raises(RunError, match="were changed while old_fold0 was trained"):
        run_here(Task(STUDIES["old"], 0), how)
    assert stored(how.out) == []


def test_half_a_copy_of_a_study_is_never_taken(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(studies.shutil, "copytree", fail)
        with pytest.raises(OSError, match="disk full"):
            studies.open_study(STUDIES["old"], toy, tmp_path / "copies")
    project = studies.open_study(STUDIES["old"], toy, tmp_path / "copies")
    assert len(project.labels()) == 8
    assert studies.open_study(STUDIES["new"], toy, tmp_path / "copies").root == project.root
