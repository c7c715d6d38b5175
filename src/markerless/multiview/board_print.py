"""Boards as files to print at their true size: PDF of exact rectangles, or PNG with its resolution written in it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.storage import atomic_path
from markerless.errors import CalibrationError
from markerless.multiview.boards import CHARUCO, Board

SUFFIXES = (".pdf", ".png")

_DPI = 300
_INCH_MM = 25.4
_POINT_MM = _INCH_MM / 72  # the unit of PDF

Rectangle = tuple[float, float, float, float]  # left, top, width, height in mm


def page_mm(board: Board) -> tuple[float, float]:
    """Width and height of the printed page: the squares, and one square of white around them."""
    across, down = _squares(board)
    return (across + 2) * board.square_mm, (down + 2) * board.square_mm


def black(board: Board) -> list[Rectangle]:
    """Everything black on the page, from its top left corner."""
    across, down = _squares(board)
    side = board.square_mm
    # ChArUco's first square is black; a checkerboard's first inner square is, so that its order can be told
    found = [
        ((column + 1) * side, (row + 1) * side, side, side)
        for row in range(down)
        for column in range(across)
        if (row + column) % 2 == 0
    ]
    return found + (_markers(board) if board.kind == CHARUCO else [])


def write_board(board: Board, path: Path) -> None:
    """Write the board to print, atomically.

    Raises:
        CalibrationError: neither `.pdf` nor `.png`.
        StorageError: the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise CalibrationError(f"expected a board to print as .pdf or .png, got {path.name}")
    data = _pdf(board) if suffix == ".pdf" else _png(picture(board, _DPI / _INCH_MM), _DPI)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def picture(board: Board, per_mm: float) -> npt.NDArray[np.uint8]:
    """The page in gray at `per_mm` pixels a millimeter; pixel edges lie within half a pixel of the true ones."""
    width, height = (round(side * per_mm) for side in page_mm(board))
    if width * height > 400_000_000:
        raise CalibrationError(f"the board {board.name} is too large for a picture ({width}x{height}); print the .pdf")
    page = np.full((height, width), 255, dtype=np.uint8)
    for left, top, wide, high in black(board):
        x1, x2 = (round(x * per_mm) for x in (left, left + wide))
        y1, y2 = (round(y * per_mm) for y in (top, top + high))
        page[y1:y2, x1:x2] = 0
    return page


def _squares(board: Board) -> tuple[int, int]:
    return board.grid[0] + 1, board.grid[1] + 1


def _markers(board: Board) -> list[Rectangle]:
    import cv2

    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    cells = dictionary.markerSize + 2
    side, margin = board.marker_mm / cells, (board.square_mm - board.marker_mm) / 2
    white = [(r, c) for r in range(board.rows) for c in range(board.columns) if (r + c) % 2]
    if len(white) > len(dictionary.bytesList):
        raise CalibrationError(
            f"the board {board.name} needs {len(white)} markers and {board.dictionary} has "
            f"{len(dictionary.bytesList)}; name a larger dictionary"
        )
    found = []
    for marker, (row, column) in enumerate(white):
        bits = cv2.aruco.generateImageMarker(dictionary, marker, cells, borderBits=1)
        left, top = (column + 1) * board.square_mm + margin, (row + 1) * board.square_mm + margin
        found += [(left + c * side, top + r * side, side, side) for r, c in np.argwhere(bits == 0)]
    return found


def _pdf(board: Board) -> bytes:
    width, height = (side / _POINT_MM for side in page_mm(board))
    lines = ["0 g"]
    for left, top, wide, high in black(board):
        x, y = left / _POINT_MM, height - (top + high) / _POINT_MM
        lines.append(f"{x:.4f} {y:.4f} {wide / _POINT_MM:.4f} {high / _POINT_MM:.4f} re f")
    small = min(9.0, board.square_mm / _POINT_MM / 4)
    note = f"{board.name}   print at 100 %, then measure: a square must be {board.square_mm:g} mm"
    lines.append(f"0.5 g BT /F1 {small:.2f} Tf {board.square_mm / _POINT_MM:.2f} {small:.2f} Td ({note}) Tj ET")
    content = zlib.compress("\n".join(lines).encode("ascii"))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.4f} {height:.4f}] /Contents 4 0 R "
        f"/Resources << /Font << /F1 5 0 R >> >> >>".encode("ascii"),
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for index, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (index, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)


def _png(gray: npt.NDArray[np.uint8], dpi: float) -> bytes:
    import cv2

    done, encoded = cv2.imencode(".png", gray)
    if not done:
        raise CalibrationError(f"cannot make a PNG of {gray.shape[1]}x{gray.shape[0]} pixels; print the .pdf")
    data = encoded.tobytes()
    per_meter = round(dpi / _INCH_MM * 1000)
    chunk = b"pHYs" + struct.pack(">IIB", per_meter, per_meter, 1)
    resolution = struct.pack(">I", 9) + chunk + struct.pack(">I", zlib.crc32(chunk))
    header = 8 + 25  # the signature and the first chunk, which must come first
    return data[:header] + resolution + data[header:]
