"""Expected errors on their way from the model to result files, and to what is said and drawn of these."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from make_model import color_finder, dots, expected_errors
from markerless.cli.main import main
from markerless.formats import movement
from markerless.pipeline.analyze import analyze
from markerless.pipeline.info import info
from markerless.pipeline.run_files import write_toml
from markerless.project import Project
from markerless.runtime import blocks
from markerless.runtime.blocks import BlockPrediction
from markerless.runtime.partial import Partial
from markerless.video.images import write_image
from pipeline.field import SCORER, SIZE, make_field, settings
from runtime.moving_dots import walk

N_FRAMES = 23
STRENGTHS = 180 + 3 * np.arange(N_FRAMES)
ERRORS = expected_errors(STRENGTHS)
TABLE = {"tolerance_px": 6.1, "upper_90": 2.25, "n_points": 280, "n_networks": 3}
BROKEN = 7


@pytest.fixture
def field(tmp_path: Path) -> Project:
    """A study whose run is calibrated; beside it the pictures `m1`, whose dots become stronger."""
    project = make_field(tmp_path)
    run = project.run()
    color_finder(run.model, has_error=True)
    write_toml({**run.settings, "calibration": TABLE}, run.folder / "run.toml")
    for index, frame in enumerate(dots(walk(N_FRAMES, SIZE), SIZE, STRENGTHS)):
        write_image(tmp_path / "m1" / f"img{index:02d}.png", frame)
    return Project(project.root)


def without(project: Project) -> Project:
    """The same study with a run as they were before errors were calibrated."""
    run = project.run()
    color_finder(run.model)
    tables = {name: table for name, table in run.settings.items() if name != "calibration"}
    write_toml(tables, run.folder / "run.toml")
    return Project(project.root)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def nc_of(path: Path) -> tuple[set[str], dict[str, Any]]:
    """Names of variables, and attributes."""
    with h5py.File(path) as file:
        return set(file), dict(file.attrs)


class TestResultFiles:
    def test_nc_holds_the_error_of_every_point(self, field: Project, tmp_path: Path) -> None:
        (result,) = analyze(field, [tmp_path / "m1"], settings())
        tracks = result.tracks()
        np.testing.assert_array_equal(tracks.error, ERRORS[:, None])
        np.testing.assert_array_equal(tracks.points[:, 0], walk(N_FRAMES, SIZE))
        assert movement.to_dataset(tracks)["expected_error"].dims == ("time", "keypoint", "individual")

    def test_they_say_what_the_likelihood_is(self, field: Project, tmp_path: Path) -> None:
        (result,) = analyze(field, [tmp_path / "m1"], settings())
        made = result.tracks().provenance
        assert "probability that the point lies within 6.1 px" in made["likelihood_definition"]
        assert made["calibration"] == TABLE
        _, attributes = nc_of(result.files[-1])
        assert attributes["likelihood_definition"] == made["likelihood_definition"]
        assert json.loads(attributes["calibration"]) == TABLE

    def test_tables_of_deeplabcut_have_no_more_columns(self, field: Project, tmp_path: Path) -> None:
        analyze(field, [tmp_path / "m1"], settings(), out=tmp_path / "with")
        analyze(without(field), [tmp_path / "m1"], settings(), out=tmp_path / "without")
        for suffix in (".h5", ".csv"):
            name = f"m1{SCORER}{suffix}"
            assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()

    def test_a_model_without_them_gives_none(self, field: Project, tmp_path: Path) -> None:
        (result,) = analyze(without(field), [tmp_path / "m1"], settings())
        assert result.tracks().error is None
        made = result.tracks().provenance
        assert "score map" in made["likelihood_definition"]
        assert not {"calibration", "expected_error"} & made.keys()
        variables, attributes = nc_of(result.files[-1])
        assert "expected_error" not in variables and "confidence" in variables
        assert "calibration" not in attributes

    def test_a_broken_frame_has_none(self, field: Project, tmp_path: Path) -> None:
        picture = tmp_path / "m1" / f"img{BROKEN:02d}.png"
        picture.write_bytes(picture.read_bytes()[:60])
        expected = ERRORS.copy()
        expected[BROKEN] = np.nan
        (result,) = analyze(field, [tmp_path / "m1"], settings())
        np.testing.assert_array_equal(result.tracks().error, expected[:, None])


class TestTheSameBytes:
    @pytest.fixture(autouse=True)
    def short_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(blocks, "BLOCK_FRAMES", 5)

    def test_whatever_the_number_of_threads(self, field: Project, tmp_path: Path) -> None:
        for threads in (1, 2, 3):
            analyze(field, [tmp_path / "m1"], settings(threads=threads), out=tmp_path / str(threads))
        assert contents(tmp_path / "1") == contents(tmp_path / "2") == contents(tmp_path / "3")

    def test_after_an_interruption(self, field: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        save = Partial.save
        saved: list[int] = []

        def interrupted(partial: Partial, prediction: BlockPrediction) -> None:
            if len(saved) == 2:
                raise KeyboardInterrupt
            saved.append(prediction.block.start)
            save(partial, prediction)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Partial, "save", interrupted)
            analyze(field, [tmp_path / "m1"], settings(), out=tmp_path / "stopped")
        assert len(list((tmp_path / "stopped" / f".m1{SCORER}.partial").glob("*.npz"))) == len(saved) == 2
        done: list[int] = []
        analyze(
            field,
            [tmp_path / "m1"],
            settings(threads=2),
            out=tmp_path / "stopped",
            progress=lambda n_done, total, message: done.append(n_done),
        )
        assert done[0] == 10
        analyze(field, [tmp_path / "m1"], settings(), out=tmp_path / "straight")
        assert contents(tmp_path / "stopped") == contents(tmp_path / "straight")


class TestWords:
    def test_analyze_says_how_large_they_are_also_when_nothing_is_to_do(
        self, field: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The dots lack 75, 72, ..., 9 to full strength: median 84 px of all 69, and 95 % below 271.2."""
        lacking = sorted(factor * (75 - 3 * i) for factor in (1, 2, 4) for i in range(N_FRAMES))
        place = 0.95 * (len(lacking) - 1)
        below = lacking[int(place)] + (place % 1) * (lacking[int(place) + 1] - lacking[int(place)])
        line = f"  expected error: median {lacking[34]:.1f} px, 95 % of the points below {below:.1f} px"
        words = ["analyze", str(field.root), str(tmp_path / "m1"), "--set", "analyze.engine=openvino"]
        for _ in range(2):
            assert main(words) == 0
            lines = capsys.readouterr().out.splitlines()
            assert line in lines
            assert any(text.startswith("likelihood: probability that") for text in lines)
        without(field)
        assert main(words) == 0
        assert "expected error" not in capsys.readouterr().out

    def test_info_tells_them(self, field: Project, tmp_path: Path) -> None:
        (result,) = analyze(field, [tmp_path / "m1"], settings())
        facts = info(result.files[-1]).facts
        assert facts["median_expected_error_px"] == np.median(ERRORS)
        assert facts["p95_expected_error_px"] == round(np.percentile(ERRORS, 95), 3)
        assert not [name for name in info(result.files[0]).facts if "expected_error" in name]
        assert info(field.run().folder).facts["calibration"] == TABLE
        assert any(text.startswith("expected_error") for text in info(field.run().model).facts["outputs"])
