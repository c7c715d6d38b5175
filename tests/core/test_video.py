"""Natural order and fingerprints, without decoding."""

from __future__ import annotations

from pathlib import Path

import pytest

from markerless.core.video import FINGERPRINT_BYTES, fingerprint, natural_key
from markerless.errors import VideoError


def test_natural_order_counts_numbers() -> None:
    names = ["img10.png", "img2.png", "IMG1.png", "a.png", "img02b.png"]
    assert sorted(names, key=natural_key) == ["a.png", "IMG1.png", "img2.png", "img02b.png", "img10.png"]


def test_a_name_that_begins_with_a_digit_can_be_compared_with_one_that_does_not() -> None:
    assert sorted(["b1", "1b", "10b", "2b"], key=natural_key) == ["1b", "2b", "10b", "b1"]


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


def test_a_video_that_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"gone\.mp4: No such file.*; check the file") as told:
        fingerprint(tmp_path / "gone.mp4")
    assert "\n" not in str(told.value)
