"""Boards found in recordings: every picture, or the frames of videos that show the most of the view, and sharply."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.progress import Progress
from markerless.core.video import natural_key
from markerless.errors import CalibrationError, VideoError
from markerless.multiview.board_size import board_that_fits, looks_mirrored
from markerless.multiview.boards import CHARUCO, Board
from markerless.multiview.calibrate import BoardViews
from markerless.multiview.detection import Gray, find_board
from markerless.multiview.intrinsics import FEWEST_BOARDS
from markerless.pipeline.board_recordings import Recording
from markerless.video.images import read_image
from markerless.video.reader import VideoReader, open_video

LOOKED_AT = 150  # frames of each video in which the board is looked for, at the same moments in all
TAKEN = 50  # of them, at most, are fitted
_SHOWN = 4  # pictures in which another board is looked for when the named one is not there
_CELLS = 8  # of the picture across, and down: what a frame adds is counted in them
_SHARP_SHARE = 0.5  # of the usual sharpness: less is a board that moved


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        views: Boards of all cameras.
        notes: What was odd, one line each.
    """

    views: BoardViews
    notes: tuple[str, ...]


def find_boards(board: Board, recordings: Sequence[Recording], progress: Progress) -> Found:
    """Look for the board in all recordings.

    Raises:
        CalibrationError: pictures of one camera differ in size; or the board is in too few of them, with the reason
            where it can be told: another size, or a mirror image.
        VideoError: a file cannot be read.
    """
    for recording in recordings:
        _refuse_another_size(board, recording)
    look = _in_videos if recordings[0].video else _in_pictures
    found = look(board, recordings, progress)
    for recording, corners in zip(recordings, found.views.corners, strict=True):
        _refuse_too_few(board, recording, corners)
    return found


def _in_pictures(board: Board, recordings: Sequence[Recording], progress: Progress) -> Found:
    moments = sorted({moment for each in recordings for moment in each.pictures}, key=natural_key)
    corners = np.full((len(recordings), len(moments), board.n_corners, 2), np.nan)
    place = {moment: index for index, moment in enumerate(moments)}
    sizes, done, total = [], 0, sum(len(recording.pictures) for recording in recordings)
    for index, recording in enumerate(recordings):
        first: tuple[Path, tuple[int, int]] | None = None
        for moment, path in recording.pictures.items():
            gray = _gray(read_image(path))
            size = (gray.shape[1], gray.shape[0])
            first = first or (path, size)
            if size != first[1]:
                raise CalibrationError(
                    f"expected all pictures of camera '{recording.camera}' to be of one size, got "
                    f"{first[1][0]}x{first[1][1]} in {first[0].name} and {size[0]}x{size[1]} in {path.name}; "
                    "leave out the others"
                )
            corners[index, place[moment]] = find_board(board, gray)
            done += 1
            progress(done, total, f"{recording.camera} {path.name}")
        if first is None:
            raise CalibrationError(f"expected pictures of camera '{recording.camera}', found none")
        _refuse_too_few(board, recording, corners[index])
        sizes.append(first[1])
    names = tuple(recording.camera for recording in recordings)
    return Found(BoardViews(names, tuple(sizes), tuple(moments), corners), ())


def _in_videos(board: Board, recordings: Sequence[Recording], progress: Progress) -> Found:
    with ExitStack() as stack:
        readers = [stack.enter_context(open_video(str(recording.video))) for recording in recordings]
        lengths = [len(reader) for reader in readers]
        frames = np.unique(np.linspace(0, min(lengths) - 1, min(LOOKED_AT, min(lengths))).round().astype(int))
        corners = np.full((len(readers), len(frames), board.n_corners, 2), np.nan)
        sharpness = np.zeros((len(readers), len(frames)))
        for index, (reader, recording) in enumerate(zip(readers, recordings, strict=True)):
            for place, frame in enumerate(frames):
                gray = _frame(reader, int(frame))
                if gray is not None:
                    corners[index, place] = find_board(board, gray)
                    sharpness[index, place] = _sharpness(gray, corners[index, place])
                done = index * len(frames) + place + 1
                progress(done, len(readers) * len(frames), f"{recording.camera} frame {frame}")
            _refuse_too_few(board, recording, corners[index])
        sizes = tuple((reader.video.width, reader.video.height) for reader in readers)
    notes = []
    if len(set(lengths)) > 1:
        said = ", ".join(f"{each.camera} {n}" for each, n in zip(recordings, lengths, strict=True))
        notes.append(f"the videos differ in length (frames: {said}); they are taken to begin at the same moment")
    corners = _sharp(corners, sharpness)
    chosen = choose_moments(corners, sizes, TAKEN)
    names = tuple(recording.camera for recording in recordings)
    notes.append(f"took {len(chosen)} of {len(frames)} frames looked at, those that show most of the views, sharply")
    return Found(BoardViews(names, sizes, tuple(str(frames[i]) for i in chosen), corners[:, chosen]), tuple(notes))


def choose_moments(corners: FloatArray, sizes: Sequence[tuple[int, int]], most: int) -> npt.NDArray[np.intp]:
    """The moments `(n,)`, in order, that together show the board in the most places, shared by the most cameras.

    Args:
        corners: `(V, F, P, 2)` pixels, NaN where not seen.
        sizes: Of the pictures.
        most: So many at most.
    """
    seen: npt.NDArray[np.bool_] = np.asarray(np.isfinite(corners[..., 0]).any(axis=-1))
    covers = np.zeros((corners.shape[1], len(sizes), _CELLS, _CELLS), dtype=bool)
    for camera, size in enumerate(sizes):
        cell = np.floor((corners[camera] + 0.5) / np.array(size) * _CELLS)
        frame, point = np.nonzero(np.isfinite(cell).all(axis=-1))
        x, y = np.clip(cell[frame, point].astype(int), 0, _CELLS - 1).T
        covers[frame, camera, y, x] = True
    open_ = list(np.flatnonzero(seen.any(axis=0)))
    times = np.zeros(covers.shape[1:])
    chosen: list[int] = []
    while open_ and len(chosen) < most:
        # a cell seen n times before is worth 1 / (n + 1); several cameras at once are worth more than the sum
        worth = (covers[open_] / (times + 1)).sum(axis=(1, 2, 3)) * seen[:, open_].sum(axis=0)
        best = open_.pop(int(worth.argmax()))
        times += covers[best]
        chosen.append(int(best))
    return np.array(sorted(chosen), dtype=np.intp)


def _frame(reader: VideoReader, index: int) -> Gray | None:
    try:
        return _gray(reader[index])
    except VideoError:  # one broken frame of many
        return None


def _gray(rgb: npt.NDArray[np.uint8]) -> Gray:
    import cv2

    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _sharpness(gray: Gray, corners: FloatArray) -> float:
    """Contrast from pixel to pixel on the board, as a share of its contrast; 0 without a board."""
    import cv2

    known = corners[np.isfinite(corners).all(axis=1)]
    if not len(known):
        return 0.0
    (left, top), (right, bottom) = np.floor(known.min(axis=0)).astype(int), np.ceil(known.max(axis=0)).astype(int)
    part = gray[max(top, 0) : bottom + 1, max(left, 0) : right + 1].astype(np.float32)
    return float(np.abs(cv2.Laplacian(part, cv2.CV_32F)).max() / max(float(np.ptp(part)), 1.0))


def _sharp(corners: FloatArray, sharpness: FloatArray) -> FloatArray:
    """Corners without those of pictures much less sharp than is usual in the camera."""
    usual = [np.median(row[row > 0]) if (row > 0).any() else 0.0 for row in sharpness]
    blurred = sharpness < _SHARP_SHARE * np.array(usual)[:, None]
    return np.where(blurred[..., None, None], np.nan, corners)


def _some_pictures(recording: Recording) -> list[Gray]:
    if recording.video is None:
        paths = list(recording.pictures.values())
        return [_gray(read_image(paths[i])) for i in _even(len(paths))]
    with open_video(str(recording.video)) as reader:
        frames = [_frame(reader, i) for i in _even(len(reader))]
    return [gray for gray in frames if gray is not None]


def _refuse_another_size(board: Board, recording: Recording) -> None:
    """Look at a few pictures first: a board of another size would be looked for in vain in all of them, for long."""
    pictures = _some_pictures(recording)
    fits = board_that_fits(board, pictures)
    if fits is None or fits == board:
        return
    # a ChArUco board of a few rows less gives right corners, though not all; one of more rows has no more to give
    more = board.kind == CHARUCO and fits.columns * fits.rows > board.columns * board.rows
    if more or not any(np.isfinite(find_board(board, gray)).any() for gray in pictures):
        raise CalibrationError(
            f"the board in the pictures of camera '{recording.camera}' is not {board.name}; "
            f"this fits: --board {fits.name}"
        )


def _even(n: int) -> list[int]:
    return sorted({int(i) for i in np.linspace(0, n - 1, min(_SHOWN, n)).round()})


def _refuse_too_few(board: Board, recording: Recording, corners: FloatArray) -> None:
    """Asked camera by camera: the user need not wait for the others, where no board is found slowly."""
    n = int(np.isfinite(corners[..., 0]).any(axis=-1).sum())
    if n < FEWEST_BOARDS:
        raise CalibrationError(_why_so_few(board, recording, n))


def _why_so_few(board: Board, recording: Recording, n: int) -> str:
    if board.kind == CHARUCO and looks_mirrored(board, _some_pictures(recording)):
        return (
            f"camera '{recording.camera}' shows the board mirrored: its pictures are flipped, or the board was printed "
            "the wrong way round; flip the pictures, or print the board again"
        )
    where = recording.video or next(iter(recording.pictures.values())).parent
    what = "the board was not found" if n == 0 else f"expected it in at least {FEWEST_BOARDS}, found it in {n}"
    return (
        f"{board.name}: {what} in the pictures of camera '{recording.camera}' ({where}); check the kind of the board, "
        "its size and dictionary, and that it is sharp, evenly lit, and whole"
    )
