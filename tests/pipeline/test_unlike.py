"""When a video looks unlike the training frames: which frames are looked at, what is compared, and what is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from make_model import COLORS, color_finder, dots, random_places
from markerless.config import load
from markerless.core.familiar import QUANTITIES, Familiar, Span, Sureness
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import RunError
from markerless.pipeline.analyze import Analysis, AnalyzeSettings, analyze
from markerless.pipeline.unlike import KEY, compare, in_words, named, places
from markerless.project import Run
from markerless.project.familiar import FAMILIAR_FILE, write
from markerless.video.images import write_image
from markerless.video.reader import FolderReader
from markerless.video.writer import VideoWriter

SIZE = (64, 48)
DARK = Familiar(20, 4, {  # black frames with small dots, as `dots` draws them
    "brightness": Span(0, 0, -40, 40),
    "contrast": Span(2, 6, 1, 7),
    "warmth": Span(0, 0, -0.2, 0.2),
    "tint": Span(0, 0, -0.2, 0.2),
}, Sureness(0.6, 0.05))  # fmt: skip


class TestPlaces:
    def test_key_frames_spread_over_the_video(self) -> None:
        keys = list(range(0, 10_000, 100))
        rows = places(keys, 0, 10_000)
        assert len(rows) == 100
        assert set(rows) <= set(keys)

    def test_one_look_for_twenty_frames_at_most(self) -> None:
        assert len(places(range(1000), 0, 1000)) == 50
        assert len(places(range(100), 0, 100)) == 12
        assert places(range(3), 0, 3) == [0, 1, 2]

    def test_only_what_is_analyzed(self) -> None:
        rows = places([0, 100, 200, 300], 150, 250)
        assert rows[0] == 150
        assert 200 in rows
        assert max(rows) < 250

    def test_where_key_frames_are_rare_it_is_not_decoded_far_behind_one(self) -> None:
        rows = places([0], 0, 100_000)
        assert rows == [0, 64]
        assert places([0], 0, 40) == [0, 10, 20, 29, 39]


def tracks(score: np.ndarray) -> Tracks:
    """`score (T,)` of both keypoints."""
    both = np.repeat(score[:, None, None], 2, axis=2).astype(np.float64)
    return Tracks(Skeleton(("nose", "tail")), np.zeros((len(score), 1, 2, 2)), both)


class Reader(FolderReader):
    """A video of which only times and names are known."""

    def __init__(self, times_s: np.ndarray) -> None:
        self._times = times_s

    @property
    def times_s(self) -> np.ndarray:
        return self._times

    def name_of(self, row: int) -> str:
        return f"img{row}.png"


SURE = tracks(np.full(100, 0.9))
USUAL = [0.0, 4.0, 0.0, 0.0]


class TestCompare:
    def test_what_is_usual_is_not_mentioned(self) -> None:
        found = compare(DARK, np.array([USUAL] * 12), SURE)
        assert found == {"n_looked_at": 12, "differences": []}
        assert in_words(found, "old") == []
        assert in_words({}, "old") == []

    @pytest.mark.parametrize(("quantity", "value", "word"), [
        (0, 90.0, "brighter"), (0, -90.0, "darker"), (1, 9.0, "more contrast"), (1, 0.5, "less contrast"),
        (2, 0.5, "warmer in color"), (2, -0.5, "colder in color"), (3, 0.5, "greener"), (3, -0.5, "more purple"),
    ])  # fmt: skip
    def test_each_way_of_being_different_has_its_word(self, quantity: int, value: float, word: str) -> None:
        seen = np.array([USUAL] * 12)
        seen[:9, quantity] = value
        found = named(compare(DARK, seen, SURE), Reader(np.arange(100) / 20))
        assert [(one["what"], one["share"]) for one in found["differences"]] == [(QUANTITIES[quantity], 0.75)]
        assert f"{word} than any of them in 75 % of the frames" in in_words(found, "old")[0]

    def test_a_few_odd_frames_are_no_reason(self) -> None:
        seen = np.array([USUAL] * 12)
        seen[:5, 0] = 90
        assert compare(DARK, seen, SURE)["differences"] == []

    def test_where_nothing_could_be_looked_at_nothing_is_said_of_it(self) -> None:
        found = compare(DARK, np.empty((0, 4)), SURE)
        assert found == {"n_looked_at": 0, "differences": []}

    def test_the_network_is_unsure(self) -> None:
        score = np.full(100, 0.9)
        score[:40] = 0.5
        found = named(compare(DARK, np.array([USUAL]), tracks(score)), Reader(np.arange(100) / 20))
        (one,) = found["differences"]
        assert (one["what"], one["share"]) == ("sureness", 0.4)
        said = in_words(found, "old")
        assert "unsure in 40 % of the frames in which it finds the animal, on training frames" in said[0]
        assert said[0].endswith("in 5 %")
        assert "train PROJECT --from old" in said[1]
        without = replace(DARK, sureness=None)
        assert compare(without, np.array([USUAL]), tracks(score))["differences"] == []

    def test_frames_without_an_animal_are_not_held_against_the_network(self) -> None:
        score = np.full(100, 0.9)
        score[:60] = 0.02
        assert compare(DARK, np.array([USUAL]), tracks(score))["differences"] == []
        assert compare(DARK, np.array([USUAL]), tracks(np.full(5, 0.02)))["differences"] == []

    def test_but_that_there_is_hardly_one_is_said(self) -> None:
        score = np.full(100, 0.02)
        score[:3] = 0.9
        found = named(compare(DARK, np.array([USUAL]), tracks(score)), Reader(np.arange(100) / 20))
        assert "finds the animal in only 3 % of the frames" in in_words(found, "old")[0]

    def test_frames_to_label_are_named_with_their_times_or_names(self) -> None:
        found = compare(DARK, np.array([[90, *USUAL[1:]]]), SURE)
        rows = found["frames_to_label"]
        assert len(rows) == 10
        film = named(found, Reader(np.arange(100) / 20))
        assert film["times_s"] == [row / 20 for row in rows]
        assert f"{rows[1]} (0:{rows[1] / 20:04.1f}), {rows[2]} " in in_words(film, "old")[-1]
        pictures = named(found, Reader(np.full(100, np.nan)))
        assert pictures["pictures"] == [f"img{row}.png" for row in rows]
        assert f"img{rows[1]}.png, img{rows[2]}.png" in in_words(pictures, "old")[-1]
        usual = compare(DARK, np.array([USUAL]), SURE)
        assert named(usual, Reader(np.zeros(100))) == usual

    def test_where_no_frame_has_points_none_is_named(self) -> None:
        found = compare(DARK, np.array([[90, *USUAL[1:]]]), tracks(np.full(100, np.nan)))
        assert found["frames_to_label"] == []
        said = in_words(named(found, Reader(np.arange(100) / 20)), "old")
        assert said[-1] == (
            "points may be farther off than stated; label frames of it, then 'markerless train PROJECT --from old' "
            "adapts the network in 3 minutes"
        )

    def test_everything_is_plain(self) -> None:
        found = compare(DARK, np.array([[90.0] * 4]), tracks(np.full(100, 0.5)))
        assert json.loads(json.dumps(found)) == found


class TestAnalysis:
    """From a run with `familiar.json` to the notes and the provenance."""

    @pytest.fixture
    def run(self, tmp_path: Path) -> Run:
        folder = tmp_path / "study" / "runs" / "run1"
        folder.mkdir(parents=True)
        color_finder(folder / "model.onnx")
        (folder / "run.toml").write_text(
            f'[run]\nname = "run1"\nfinished = true\nscorer = "S"\n[skeleton]\nkeypoints = {json.dumps(COLORS)}\n',
            encoding="utf-8",
        )
        (folder / "split.json").write_text('{"train": []}', encoding="utf-8")
        write(replace(DARK, sureness=None), folder / FAMILIAR_FILE)
        return Run.open(folder)

    @staticmethod
    def film(path: Path, n_frames: int, light: int) -> Path:
        pictures = np.maximum(dots(random_places(n_frames, SIZE, seed=1), SIZE), light).astype(np.uint8)
        if path.suffix:
            with VideoWriter(path, 20.0, SIZE) as writer:
                for picture in pictures:
                    writer.write(picture)
        else:
            path.mkdir()
            for i, picture in enumerate(pictures):
                write_image(path / f"img{i:03d}.png", picture)
        return path

    @staticmethod
    def analyzed(run: Run, video: Path) -> Analysis:
        settings = {"threads": 1, "engine": "onnxruntime", "precision": "f32", "region": "off", "batch_size": 1}
        return analyze(run, [video], load("analyze", AnalyzeSettings, settings))[0]

    @pytest.mark.parametrize("name", ["m1.mp4", "m1"])
    def test_the_light_of_videos_and_of_pictures_is_compared(self, run: Run, tmp_path: Path, name: str) -> None:
        usual = self.analyzed(run, self.film(tmp_path / name, 30, 0))
        assert usual.provenance[KEY]["differences"] == []
        assert usual.provenance[KEY]["n_looked_at"] >= 5
        assert usual.notes == ()
        other = self.analyzed(run, self.film(tmp_path / f"light_{name}", 30, 120))
        assert [one["what"] for one in other.provenance[KEY]["differences"]] == ["brightness"]
        assert "brighter than any of them in 100 % of the frames" in other.notes[0]
        assert "label them, then 'markerless train PROJECT --from run1'" in other.notes[1]
        again = self.analyzed(run, tmp_path / f"light_{name}")
        assert (again.status, again.notes) == ("unchanged", other.notes)
        before = other.files[-1].read_bytes()
        other.files[0].unlink()
        assert self.analyzed(run, tmp_path / f"light_{name}").status == "analyzed"
        assert other.files[-1].read_bytes() == before

    def test_runs_of_earlier_versions_say_nothing(self, run: Run, tmp_path: Path) -> None:
        (run.folder / FAMILIAR_FILE).unlink()
        result = self.analyzed(run, self.film(tmp_path / "m1", 30, 120))
        assert KEY not in result.provenance
        assert result.notes == ()

    def test_a_damaged_file_is_one_line(self, run: Run, tmp_path: Path) -> None:
        (run.folder / FAMILIAR_FILE).write_text("{", encoding="utf-8")
        with pytest.raises(RunError, match=r"cannot read .*familiar\.json .* delete it"):
            self.analyzed(run, self.film(tmp_path / "m1", 3, 0))
