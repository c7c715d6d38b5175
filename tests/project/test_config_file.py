"""config.yaml: read safely, kept as it is, made new."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from markerless.core.video import video_stem
from markerless.errors import ProjectError
from markerless.project import config_file

OLD = """\
# Project definitions (do not edit)
Task: openfield
scorer: "Pranav"
date: Oct30

video_sets:
  D:\\lab\\videos\\m3 v1.avi:
    crop: 0, 640, 0, 480

# below the videos
bodyparts: # in order
- snout
- tailbase
skeleton: ''
corner2move2: !!python/tuple
- 50
- 50
my_key: {a: [1, 2]}  # mine
"""


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def test_a_config_comes_back_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path, OLD)
    config_file.save_config(path, config_file.load_config(path))
    assert path.read_text(encoding="utf-8") == OLD


def test_a_python_tuple_is_a_list(tmp_path: Path) -> None:
    assert list(config_file.load_config(write(tmp_path, OLD))["corner2move2"]) == [50, 50]


def test_no_python_object_is_built(tmp_path: Path) -> None:
    marker = tmp_path / "made"
    config = config_file.load_config(
        write(tmp_path, f'bodyparts: [a]\nevil: !!python/object/apply:pathlib.Path.touch ["{marker}"]\n')
    )
    assert config_file.texts(config["bodyparts"]) == ("a",)
    assert not marker.exists()


def test_a_long_path_stays_on_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, "bodyparts: [a]\n")
    config = config_file.load_config(path)
    config["project_path"] = "/a folder/" + "with a name/" * 30
    config_file.save_config(path, config)
    assert config["project_path"] in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Task: [a\nb: : c", "line 2"),
        ("Task: a\n\tb: c", "line 2"),
        ("Task: a\nTask: b", "duplicate key"),
        ("", "got nothing"),
        ("- a\n- b", "got a"),
        (bytes(range(32)), "expected YAML"),
    ],
)
def test_what_is_no_config_is_one_line(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(ProjectError, match=words) as caught:
        config_file.load_config(write(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_an_old_windows_code_page_is_read(tmp_path: Path) -> None:
    assert config_file.load_config(write(tmp_path, "scorer: Jürgen\n".encode("cp1252")))["scorer"] == "Jürgen"


@pytest.mark.parametrize(
    ("value", "names"),
    [("", ()), (None, ()), ("snout", ("snout",)), (["a", " b ", None, ""], ("a", "b")), ([1, "x"], ("1", "x"))],
)
def test_lists_of_names_in_every_form(value: object, names: tuple[str, ...]) -> None:
    assert config_file.texts(value) == names


def test_edges_are_pairs_and_chains() -> None:
    assert config_file.edges([["a", "b"], ["c", "d", "e"], [], "x"]) == [("a", "b"), ("c", "d"), ("d", "e")]
    assert config_file.edges("") == []
    assert config_file.edges(None) == []


def test_paths_of_both_systems() -> None:
    assert config_file.stem(r"D:\lab\videos\m3 v1.avi") == "m3 v1"
    assert config_file.stem("/lab/m3.v1.avi") == config_file.stem("/lab/m3.v1.AVI") == "m3.v1"


@pytest.mark.parametrize("name", ["mouse.v1", "2024.05.01", "mouse"])
def test_a_folder_of_pictures_has_no_suffix(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    assert config_file.stem(str(tmp_path / name)) == video_stem(tmp_path / name) == name


@pytest.mark.parametrize("name", ["x.flv", "x.MTS", "x.mp4"])
def test_a_video_file_of_any_format_has_one(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert config_file.stem(str(tmp_path / name)) == video_stem(tmp_path / name) == "x"


@pytest.mark.parametrize("value", ["10, 630, 20, 470", [10, 630, 20, 470], "10 630 20 470", "(10.0, 630, 20, 470)"])
def test_crop_is_x1_x2_y1_y2(value: object) -> None:
    assert config_file.parse_crop(value, "here") == (10, 630, 20, 470)


@pytest.mark.parametrize("value", ["0, 640, 480", "a, b, c, d", "640, 0, 0, 480", "-1, 5, 0, 5", 7])
def test_an_impossible_crop_is_refused(value: object) -> None:
    with pytest.raises(ProjectError, match="here: expected"):
        config_file.parse_crop(value, "here")


def test_the_short_date_is_english_and_without_zero() -> None:
    assert config_file.short_date(date(2018, 8, 3)) == "Aug3"
    assert config_file.short_date(date(2018, 10, 30)) == "Oct30"


def test_a_new_config_has_every_key_of_deeplabcut() -> None:
    config = config_file.new_config("t", "s", date(2026, 1, 2), ["a"])
    expected = """Task scorer date multianimalproject identity project_path engine video_sets bodyparts start stop
        numframes2pick skeleton skeleton_color pcutoff dotsize alphavalue colormap TrainingFraction iteration
        default_net_type default_augmenter snapshotindex detector_snapshotindex batch_size detector_batch_size
        cropping x1 x2 y1 y2 corner2move2 move2corner"""
    assert list(config) == expected.split()
    assert (config["Task"], config["date"], list(config["TrainingFraction"])) == ("t", "Jan2", [0.95])


def test_several_animals_in_a_config() -> None:
    config = config_file.new_config("t", "s", date(2026, 1, 2), ["a", "b"])
    config_file.make_multi_animal(config, ["m1", "m2"], ["a"], ["b"])
    assert config["bodyparts"] == "MULTI!"
    assert config["multianimalproject"] is True
    assert [list(config[key]) for key in ("individuals", "multianimalbodyparts", "uniquebodyparts")] == [
        ["m1", "m2"],
        ["a"],
        ["b"],
    ]


@pytest.mark.parametrize("scorer", ["Ann/Bob", "../Bob", "Ann\\Bob", "..", "/Ann", "Ann\0"])
def test_labels_are_not_written_for_a_scorer_whose_table_would_lie_elsewhere(scorer: str) -> None:
    with pytest.raises(
        ProjectError, match=r"expected a name without / or \\ at 'scorer' in .*config\.yaml, got '"
    ) as told:
        config_file.require_scorer(scorer, Path("mouse/config.yaml"))
    assert repr(scorer) in str(told.value)


def test_labels_are_written_for_anybody_else() -> None:
    for scorer in ("Ann", "Ann B. Smith", "A..B", "Jos\u00e9", "a:b"):
        config_file.require_scorer(scorer, Path("config.yaml"))
    with pytest.raises(ProjectError, match=r"expected the name of who labels at 'scorer' in config\.yaml, got none"):
        config_file.require_scorer("", Path("config.yaml"))
