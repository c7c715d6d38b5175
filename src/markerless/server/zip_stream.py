"""A ZIP archive of files, made while it is sent: nothing is kept in memory or on the disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

PART = 1 << 20  # bytes read at once
PACKED = {".csv", ".html"}  # the others are packed already


class _Sink(io.RawIOBase):
    """Takes what is written, until it is taken out."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self.parts.append(part)
        return len(part)

    def taken(self) -> bytes:
        whole = b"".join(self.parts)
        self.parts.clear()
        return whole


def zip_stream(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """The archive in parts.

    Args:
        files: Name in the archive and path of each; a file that is gone by now is left out.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, path in files:
            try:
                info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
                source = path.open("rb")
            except OSError:
                continue
            info.compress_type = zipfile.ZIP_DEFLATED if path.suffix.lower() in PACKED else zipfile.ZIP_STORED
            # without knowing what comes: more than 4 GB, perhaps
            with source, archive.open(info, "w", force_zip64=True) as entry:
                while part := source.read(PART):
                    entry.write(part)
                    yield sink.taken()
    yield sink.taken()
