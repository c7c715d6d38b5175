from __future__ import annotations

import io
import zipfile
from pathlib import Path

from markerless.server import zip_stream as module
from markerless.server.zip_stream import zip_stream


def test_the_archive_holds_the_files_under_any_name(tmp_path: Path) -> None:
    csv, video = tmp_path / "a.csv", tmp_path / "b.mp4"
    csv.write_bytes(b"1,2,3\n" * 1000)
    video.write_bytes(bytes(range(256)) * 20)
    parts = list(zip_stream([("Mäuse/käfig é.csv", csv), ("gone.csv", tmp_path / "no"), ("b.mp4", video)]))
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["Mäuse/käfig é.csv", "b.mp4"]
        assert archive.read("Mäuse/käfig é.csv") == csv.read_bytes()
        assert archive.read("b.mp4") == video.read_bytes()
        packed, stored = archive.infolist()
    assert packed.compress_size < 0.2 * packed.file_size
    assert stored.compress_type == zipfile.ZIP_STORED


def test_it_comes_in_parts_no_larger_than_what_is_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "large.h5"
    file.write_bytes(b"x" * (3 * module.PART + 5))
    sizes = [len(part) for part in zip_stream([("large.h5", file)])]
    assert len(sizes) > 3
    assert max(sizes) < module.PART + 200


def test_nothing_makes_an_empty_archive() -> None:
    assert zipfile.ZipFile(io.BytesIO(b"".join(zip_stream([])))).namelist() == []
