"""Natural order and fingerprints, without decoding."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from markerless.core.video import FINGERPRINT_BYTES, PICTURE_BYTES, fingerprint, natural_key, pictures_in
from markerless.errors import VideoError


def test_natural_order_counts_numbers() -> None:
    names = ["img10.png", "img2.png", "IMG1.png", "a.png", "img02b.png"]
    assert sorted(names, key=natural_key) == ["a.png", "IMG1.png", "img2.png", "img02b.png", "img10.png"]


def test_a_name_that_begins_with_a_digit_can_be_compared_with_one_that_does_not() -> None:
    assert sorted(["b1", "1b", "10b", "2b"], key=natural_key) == ["1b", "2b", "10b", "b1"]


def test_digits_of_any_script_count_and_those_that_are_no_numbers_do_not_fail() -> None:
    arabic_2, arabic_10 = "img\u0662.png", "img\u0661\u0660.png"
    assert sorted([arabic_10, arabic_2], key=natural_key) == [arabic_2, arabic_10]
    names = ["arena10\u00b2", "arena2\u00b2", "arena\u2460", "arena\u0f33", "arena\u4e09", "\u00b2"]
    in_order = sorted(names, key=natural_key)
    assert in_order.index("arena2\u00b2") < in_order.index("arena10\u00b2")


def test_hidden_files_are_no_pictures(tmp_path: Path) -> None:
    for name in ("img10.png", "img2.PNG", "._img2.PNG", ".img3.png", ".png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in pictures_in(tmp_path)] == ["img2.PNG", "img10.png"]


def test_fingerprint_follows_content_not_name(tmp_path: Path) -> None:
    a, b, c = tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "c.mp4"
    a.write_bytes(b"frames")
    b.write_bytes(b"frames")
    c.write_bytes(b"Frames")
    assert fingerprint(a) == fingerprint(b) != fingerprint(c)


def test_fingerprint_sees_the_ends_and_the_length_of_a_long_file(tmp_path: Path) -> None:
    content = bytearray(3 * FINGERPRINT_BYTES)
    video = tmp_path / "long.mp4"
    video.write_bytes(content)
    first = fingerprint(video)
    content[-1] = 1
    video.write_bytes(content)
    second = fingerprint(video)
    content.append(0)
    video.write_bytes(content)
    assert len({first, second, fingerprint(video)}) == 3


def test_fingerprint_of_a_folder_follows_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "img1.png").write_bytes(b"1")
    before = fingerprint(tmp_path)
    (tmp_path / "notes.txt").write_text("not a picture", encoding="utf-8")
    assert fingerprint(tmp_path) == before
    (tmp_path / "img2.png").write_bytes(b"2")
    assert fingerprint(tmp_path) != before


@pytest.mark.parametrize("size", [6, PICTURE_BYTES + 1, 5 * PICTURE_BYTES])
@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_fingerprint_of_a_folder_sees_pictures_that_were_overwritten(tmp_path: Path, size: int, place: float) -> None:
    """Pictures that are not compressed keep their size."""
    content = bytearray(size)
    for name in ("img1.bmp", "img2.bmp"):
        (tmp_path / name).write_bytes(content)
    before = fingerprint(tmp_path)
    content[round(place * (size - 1))] = 1
    (tmp_path / "img2.bmp").write_bytes(content)
    assert fingerprint(tmp_path) != before


def test_fingerprint_of_a_file_stays_what_it_was(tmp_path: Path) -> None:
    """Results of earlier versions are still up to date."""
    video = tmp_path / "a.mp4"
    video.write_bytes(b"frames")
    assert fingerprint(video) == hashlib.sha256(b"6frames").hexdigest()[:32]


def test_a_video_that_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"gone\.mp4: No such file.*; check the file") as told:
        fingerprint(tmp_path / "gone.mp4")
    assert "\n" not in str(told.value)
