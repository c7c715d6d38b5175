"""Where a study stands between two trainings: what is new since the last run, and frames taken from videos for it.

The loop is: suspicious frames are taken out of analyzed videos, a person corrects them, the last run is trained on with
them, and both runs are compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from markerless.core.tracks import Tracks
from markerless.errors import LabelsError, SettingsError, StorageError, VideoError
from markerless.pipeline.compare import parent_of, trained_on
from markerless.pipeline.extract import extract_frames, extracted_frames
from markerless.pipeline.machine_labels import write_machine_labels
from markerless.project import Project, Run
from markerless.project.label_book import LabelBook
from markerless.project.label_files import DATA_FOLDER
from markerless.project.run import RUN_FILE
from markerless.video.images import image_size
from markerless.video.reader import open_video

MOST_FRAMES = 500  # taken at once
Decided = Mapping[str, int]  # image -> number of keypoints
Version = tuple[tuple[str, int, int], ...]  # of files: name, time of change, size


@dataclass(frozen=True)
class Standing:
    """A study since its last run.

    Attributes:
        run: The last finished run; None before the first one.
        before: The run that it was started from, else the one before it; None where there is none.
        n_labeled: Pictures in which somebody has decided on a keypoint.
        fresh: Labeled images that the last run knows nothing of, newest first.
        changed: Images it was trained or tested on whose labels were changed since it was finished.
        waiting: Pictures without a label, newest first.
    """

    run: Run | None
    before: Run | None
    n_labeled: int
    fresh: tuple[str, ...]
    changed: tuple[str, ...]
    waiting: tuple[str, ...]


@dataclass(frozen=True)
class TakenFrames:
    """Pictures that were taken out of a video.

    Attributes:
        folder: Name in `labeled-data`.
        pictures: Their names, in the order of the video; those that were there already too.
        n_new: How many were not.
        notes: What was odd, one line each.
    """

    folder: str
    pictures: tuple[str, ...]
    n_new: int
    notes: tuple[str, ...] = ()


def standing(project: Project, decided: Decided | None = None) -> Standing:
    """What has happened since the last training.

    A label that is moved while a training runs is not told, as the run does not say when it read the labels.

    Args:
        project: The study.
        decided: Of every picture how many keypoints somebody has decided on, where that is known already.

    Raises:
        LabelsError: a label table is malformed.
        RunError: the last run is damaged.
    """
    decided = decided_in(project) if decided is None else decided
    labeled = [image for image, n in decided.items() if n]
    waiting = _newest_first(project, [image for image, n in decided.items() if not n])
    names = project.runs()
    if not names:
        return Standing(None, None, len(labeled), (), (), waiting)
    run = project.run(names[-1])
    parent = parent_of(project, run)
    if parent is None or not parent.finished:
        parent = project.run(names[-2]) if len(names) > 1 else None
    known = trained_on(project, run).union(*run.split.values())
    fresh = _newest_first(project, [image for image in labeled if image not in known])
    moved = _moved_since(project, (run.folder / RUN_FILE).stat().st_mtime)
    changed = tuple(image for image in labeled if image in known and image in moved)
    return Standing(run, parent, len(labeled), fresh, changed, waiting)


def decided_in(project: Project, open_book: Callable[[str], LabelBook] | None = None) -> Decided:
    """Image -> keypoints that somebody has decided on, of every picture in `labeled-data`.

    Args:
        project: The study.
        open_book: Gives the book of a folder; by default a new one, which reads all labels.

    Raises:
        LabelsError: a label table is malformed.
    """
    found: dict[str, int] = {}
    for folder in project.label_folders():
        book = open_book(folder) if open_book is not None else LabelBook(project, folder)
        counts = book.counts()
        found.update({f"{DATA_FOLDER}/{folder}/{name}": counts.get(name, 0) for name in book.pictures()})
    return found


def labels_version(project: Project) -> Version:
    """What changes when a label of the study does; quick, as no file is read."""
    found = []
    for folder in project.label_folders():
        paths = [path for table in project.label_tables(folder) for path in (table.h5, table.csv) if path is not None]
        for path in (*paths, project.journal_of(folder)):
            if path.is_file():
                state = path.stat()
                found.append((f"{folder}/{path.name}", state.st_mtime_ns, state.st_size))
    return tuple(found)


def take_frames(project: Project, video: Path, frames: Sequence[int], tracks: Tracks | None = None) -> TakenFrames:
    """Put frames of a video into `labeled-data`, with what is predicted there as starting labels.

    Args:
        project: The study.
        video: One of its videos.
        frames: Indices; a frame whose picture is there already is left as it is, and gets no starting labels when the
            picture has another size than the video's frames, as it was cropped or scaled.
        tracks: Predictions of the whole video; None gives no starting labels.

    Raises:
        SettingsError: no frame, or very many.
        VideoError: the video cannot be read, has no such frame, or is broken all around it.
        StorageError: a picture cannot be written.
    """
    wanted = sorted(set(frames))
    if not 0 < len(wanted) <= MOST_FRAMES:
        raise SettingsError(f"expected 1 to {MOST_FRAMES} frames to take out of {video.name}, got {len(wanted)}")
    done = extract_frames(project, video, wanted)
    known = extracted_frames(project, video)
    pictures = {frame: known[frame] for frame in sorted({*wanted, *done.frames}) if frame in known}
    predicted = {frame: name for frame, name in pictures.items() if tracks is not None and frame < tracks.n_frames}
    older = {frame: done.folder / name for frame, name in predicted.items() if frame not in done.frames}
    unlike, notes = _unlike_frames(video, older)
    predicted = {frame: name for frame, name in predicted.items() if frame not in unlike}
    if tracks is not None and predicted:
        write_machine_labels(project, done.folder.name, tracks, predicted)
    return TakenFrames(done.folder.name, tuple(pictures.values()), len(done.frames), (*done.notes, *notes))


def folder_and_picture(image: str) -> tuple[str, str]:
    """Both names of an image such as "labeled-data/m4s1/img0000.png".

    Raises:
        LabelsError: it is not such a path.
    """
    parts = PurePosixPath(image).parts
    if len(parts) != 3 or parts[0] != DATA_FOLDER or ".." in parts:
        raise LabelsError(f"expected {DATA_FOLDER}/<video>/<picture>, got {image!r}")
    return parts[1], parts[2]


def _unlike_frames(video: Path, pictures: Mapping[int, Path]) -> tuple[set[int], tuple[str, ...]]:
    """Frames whose pictures have not the pixels of the video's frames, and a note on them where there are some."""
    if not pictures:
        return set(), ()
    with open_video(video) as reader:
        expected = _size_words((reader.video.width, reader.video.height))
    sizes = {frame: _size_of(picture) for frame, picture in pictures.items()}
    unlike = [frame for frame, size in sizes.items() if size != expected]
    if not unlike:
        return set(), ()
    first = unlike[0]
    others = f" and {len(unlike) - 1} more" if len(unlike) > 1 else ""
    note = (
        f"no starting labels for {pictures[first].name}{others}, there already: expected {expected} as the frames of "
        f"{video.name} have, got {sizes[first]} (cropped or scaled?); label by hand on the Label page"
    )
    return set(unlike), (note,)


def _size_of(picture: Path) -> str:
    try:
        return _size_words(image_size(picture))
    except VideoError:
        return "a picture that cannot be read"


def _size_words(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]} px"


def _newest_first(project: Project, images: Sequence[str]) -> tuple[str, ...]:
    def age(image: str) -> tuple[int, str]:
        try:
            return -(project.root / image).stat().st_mtime_ns, image
        except OSError:
            return 0, image

    return tuple(sorted(images, key=age))


def _moved_since(project: Project, seconds: float) -> set[str]:
    """Images with a change in the journal after that time."""
    since = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    found = set()
    for folder in project.label_folders():
        path = project.journal_of(folder)
        try:
            lines = path.read_bytes().split(b"\n") if path.stat().st_mtime >= seconds else []
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageError(f"cannot read {path}: {error.strerror}") from error
        for line in reversed(lines):  # only ever appended to, so that the newest are last
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if not isinstance(entry, dict) or entry.get("change") != "point":
                continue
            # both times are UTC in the same form, so that their order is that of the texts
            if str(entry.get("time", "")) <= since:
                break
            found.add(str(entry.get("image")))
    return found
