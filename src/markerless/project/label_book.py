"""`LabelBook`: the labels of one folder while people click, each change safe on the disk before it is acknowledged.

Several people, tabs and processes may have the same folder open. A change says what it found and what it puts in its
place; when something else is there by now, nothing is written and the current state is given back. A change that is
sent again under the same id is taken once.
"""

from __future__ import annotations

import gc
import math
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from markerless.core.instance import Visibility
from markerless.core.video import IMAGE_SUFFIXES, natural_key
from markerless.errors import LabelsError
from markerless.project import clicks, journal, staged
from markerless.project.clicks import Entry, Said, SavedClicks
from markerless.project.journal import Key, Point
from markerless.project.keypoint_entries import names_begun
from markerless.project.label_files import DATA_FOLDER, read_folder, revision_of
from markerless.project.study import Project
from markerless.video.images import image_size

PLACED = (Visibility.OCCLUDED, Visibility.VISIBLE)
MARGIN_PX = 0.5  # a point may lie on the outer edge of an outermost pixel
MOST_CHARACTERS = 64  # of an id


@dataclass(frozen=True)
class PointChange:
    """What a person did to one keypoint in one frame.

    Attributes:
        id: Made by the client, unique; the same id is taken once.
        picture: File name of the frame in the folder.
        individual: Name of the animal.
        keypoint: Name of the body part.
        was: What the client saw there.
        to: x and y in pixels of the picture, (0, 0) the center of the top-left pixel; None to take the point away.
        visibility: Seen or hidden with a point; absent or not labeled without one.
        began: How often a keypoint had been given that name when the client asked, by `LabelBook.began`; None where
            it does not say.
    """

    id: str
    picture: str
    individual: str
    keypoint: str
    was: tuple[Point, Visibility]
    to: Point
    visibility: Visibility
    began: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a change.

    Attributes:
        id: Of the change.
        state: "done", "already there" (it had been taken before), or "conflict" (nothing was written).
        now: What is known of the point afterwards.
    """

    id: str
    state: Literal["done", "already there", "conflict"]
    now: Said


class LabelBook:
    """The labels of `labeled-data/<video>`, ready for clicks. Safe to use from several threads."""

    def __init__(self, project: Project, video: str) -> None:
        self.project, self.video = project, video
        self.folder: Path = project.root / DATA_FOLDER / video
        if video not in project.label_folders():
            raise LabelsError(f"no folder {DATA_FOLDER}/{video} in {project.root}; extract frames of that video first")
        self._path = project.journal_of(video)
        self._lock = threading.RLock()
        self._offset = 0
        self._journal = (0, 0, 0)
        self._entries: list[Entry] = []
        self._points: list[Entry] = []  # the entries that change a point
        self._clicks: dict[str, Entry] = {}  # by their ids
        self._began: dict[str, int] = {}
        self._state: dict[Key, Said] = {}
        self._rows: tuple[str, ...] = ()
        self._individuals: tuple[str, ...] = ()
        self._sizes: dict[str, tuple[int, int]] = {}
        self._pictures: tuple[str, ...] = ()
        self._signature: object = None
        self._revision = ""  # of the tables that are known
        self._n_saving = 0  # threads that write the tables just now

    @property
    def individuals(self) -> tuple[str, ...]:
        """Names of the animals, those of the project first."""
        with self._lock:
            self._refresh()
            return self._known_individuals()

    def pictures(self) -> tuple[str, ...]:
        """File names of the frames in natural order: the pictures that are there, and rows whose picture is missing."""
        with self._lock:
            self._refresh()
            with os.scandir(self.folder) as entries:
                found = (entry.name for entry in entries if entry.name.lower().endswith(IMAGE_SUFFIXES))
                names = {name for name in found if _is_text(name)}
            rows = {image.rpartition("/")[2] for image in self._rows}
            if names | rows != set(self._pictures):
                shown = {name for name in names if not name.startswith(".")} | rows
                self._pictures = tuple(sorted(shown, key=natural_key))
            return self._pictures

    def began(self) -> dict[str, int]:
        """Keypoint -> how often a keypoint has been given that name: another number stands for another keypoint."""
        with self._lock:
            self._refresh()
            return {name: self._began.get(name, 0) for name in self.project.skeleton.keypoints}

    def counts(self) -> dict[str, int]:
        """Picture -> keypoints that somebody has decided on, over all animals."""
        with self._lock:
            self._refresh()
            counts: dict[str, int] = {}
            for (image, _, _), said in self._state.items():
                name = image.rpartition("/")[2]
                counts[name] = counts.get(name, 0) + (said.visibility != Visibility.NOT_LABELED)
            return counts

    def frame(self, picture: str) -> dict[str, dict[str, Said]]:
        """Individual -> keypoint -> what is known, of one frame; what nothing is known of is left out."""
        with self._lock:
            self._refresh()
            image = self._image(picture)
            points: dict[str, dict[str, Said]] = {}
            for individual in self._known_individuals():
                for keypoint in self.project.skeleton.keypoints:
                    said = self._state.get((image, individual, keypoint))
                    if said is not None:
                        points.setdefault(individual, {})[keypoint] = said
            return points

    def known(self) -> dict[tuple[str, str], dict[str, Said]]:
        """(image, individual) -> keypoint -> what is known, of all frames; what nothing is known of is left out."""
        with self._lock:
            self._refresh()
            found: dict[tuple[str, str], dict[str, Said]] = {}
            for (image, individual, keypoint), said in self._state.items():
                if keypoint in self.project.skeleton.keypoints:
                    found.setdefault((image, individual), {})[keypoint] = said
            return found

    def apply(self, changes: Sequence[PointChange], who: str) -> list[Outcome]:
        """Take `changes` in order; when this returns, those that are "done" are on the disk.

        Raises:
            LabelsError: a change makes no sense (unknown keypoint, point outside its picture), is of a keypoint that
                had its name before, or its id was used for another one; nothing is written.
            ProjectError: the study has been given other keypoints; nothing is written.
            StorageError: the journal cannot be written; nothing is acknowledged.
        """
        self.sequence()  # takes in what is new on the disk, also without the right to write
        for change in changes:
            self._require_sensible(change)
        with self._lock, staged.writing(self.project.root, self._path):
            self.project.require_same_keypoints()
            journal.end_last_line(self._path)
            self._refresh()
            outcomes: list[Outcome] = []
            entries: list[dict[str, Any]] = []
            now: dict[Key, Said] = {}
            taken: dict[str, dict[str, Any]] = {}
            for change in changes:
                key = (self._image(change.picture), change.individual, change.keypoint)
                current = now.get(key, self._state.get(key, Said()))
                before = taken.get(change.id, self._clicks.get(change.id))
                if before is not None:
                    _require_same(change, key, before)
                    outcomes.append(Outcome(change.id, "already there", current))
                    continue
                if not _is(current, change.was):
                    outcomes.append(Outcome(change.id, "conflict", current))
                    continue
                self._require_same_name(change)
                taken[change.id] = _entry(change, key, current)
                entries += [*self._first_touch(key, now), taken[change.id]]
                now[key] = Said(change.to, change.visibility, who)
                outcomes.append(Outcome(change.id, "done", now[key]))
            journal.append_locked(self._path, entries, who)
            self._refresh()
        return outcomes

    def sequence(self) -> int:
        """How many changes of points there have been; `changes_since` goes on from here."""
        with self._lock:
            self._refresh()
            return len(self._points)

    def changes_since(self, sequence: int) -> list[tuple[Key, Said]]:
        """Image, individual, keypoint and what is known of them now, of every point changed after `sequence`."""
        with self._lock:
            self._refresh()
            keys = dict.fromkeys(journal.key_of(entry) for entry in self._points[max(sequence, 0) :])
            return [(key, self._state.get(key, Said())) for key in keys]

    def history(self, picture: str) -> list[Entry]:
        """What the journal says of the points of one frame, oldest first."""
        with self._lock:
            self._refresh()
            image = self._image(picture)
            return [entry for entry in self._entries if entry.get("image") == image and "keypoint" in entry]

    def size(self, picture: str) -> tuple[int, int]:
        """Width and height of a picture in pixels.

        Raises:
            LabelsError: there is no such picture.
            VideoError: it cannot be read.
        """
        if picture not in self._sizes:
            path = self.path(picture)
            if not path.is_file():
                raise LabelsError(f"the picture {DATA_FOLDER}/{self.video}/{picture} is missing; put it back")
            self._sizes[picture] = image_size(path)
        return self._sizes[picture]

    def path(self, picture: str) -> Path:
        """Where a picture of this folder is, whether or not it is there.

        Raises:
            LabelsError: the name is not one of a picture in this folder.
        """
        if Path(picture).name != picture or "\\" in picture or "\0" in picture or picture.startswith("."):
            raise LabelsError(f"expected the file name of a picture in {DATA_FOLDER}/{self.video}, got {picture!r}")
        if Path(picture).suffix.lower() not in IMAGE_SUFFIXES:
            raise LabelsError(f"expected a picture ({', '.join(IMAGE_SUFFIXES)}), got {picture!r}")
        return self.folder / picture

    def flush(self) -> int:
        """Write the clicks into the label tables; how many there were.

        Raises:
            LabelsError: a table is malformed.
            StorageError: a table cannot be written; the clicks stay in the journal.
        """
        with self._lock:
            self._n_saving += 1
        saved = SavedClicks()
        try:
            saved = Project(self.project.root).save_clicks(self.video)
        finally:
            with self._lock:
                self._n_saving -= 1
                self._take_in(self._read_on())
                self._know_saved(saved)
        return saved.n_clicks

    def _know_saved(self, saved: SavedClicks) -> None:
        """Spare another look into the tables that were written, unless they held something that is not known yet."""
        if saved.n_clicks and not self._n_saving and saved.before == self._revision:
            signature = self._look()
            if revision_of(self.project.label_tables(self.video)) == saved.after:
                self._signature, self._revision = signature, saved.after

    def _known_individuals(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.project.individuals, *self._individuals]))

    def _image(self, picture: str) -> str:
        self.path(picture)
        return f"{DATA_FOLDER}/{self.video}/{picture}"

    def _has_been_there(self, change: PointChange) -> bool:
        """Whether the point is or was where it is put: one from a table may lie outside its picture."""
        key = (self._image(change.picture), change.individual, change.keypoint)
        said = self._state.get(key)
        known = [] if said is None else [said.to]
        own = (entry for entry in self._points if journal.key_of(entry) == key)
        known += [journal.said_in({"to": entry.get("from")})[0] for entry in own]
        is_place = change.to is not None and all(map(math.isfinite, change.to))
        return is_place and any(journal.same_point(change.to, place) for place in known)

    def _require_sensible(self, change: PointChange) -> None:
        if not 1 <= len(change.id) <= MOST_CHARACTERS:
            raise LabelsError(f"expected an id of 1 to {MOST_CHARACTERS} characters, got {len(change.id)}")
        if change.keypoint not in self.project.skeleton.keypoints:
            known = ", ".join(self.project.skeleton.keypoints)
            raise LabelsError(f"expected one of the keypoints {known}, got {change.keypoint!r}")
        if change.individual not in self._known_individuals():
            raise LabelsError(
                f"expected one of the animals {', '.join(self._known_individuals())}, got {change.individual!r}"
            )
        if (change.to is not None) != (change.visibility in PLACED):
            raise LabelsError(f"{change.keypoint}: a seen or hidden point needs x and y, any other has none")
        size = self.size(change.picture)
        if change.to is not None and not _is_inside(change.to, size) and not self._has_been_there(change):
            raise LabelsError(
                f"{change.keypoint}: expected a point in the {size[0]} x {size[1]} px of {change.picture}, "
                f"got {change.to[0]:g}, {change.to[1]:g}"
            )

    def _require_same_name(self, change: PointChange) -> None:
        if change.began not in (None, self._began.get(change.keypoint, 0)):
            raise LabelsError(
                f"another keypoint has been given the name '{change.keypoint}' since the page was loaded; load it again"
            )

    def _first_touch(self, key: Key, now: Mapping[Key, Said]) -> list[dict[str, Any]]:
        """Entries that say of a new animal in a frame that its other keypoints are not labeled yet: a table cannot
        tell them from absent ones."""
        image, individual, keypoint = key
        others = [(image, individual, name) for name in self.project.skeleton.keypoints]
        if any(other in self._state or other in now for other in others):
            return []
        nothing = {"change": clicks.POINT, "from": None, "to": None, "visibility": int(Visibility.NOT_LABELED)}
        return [
            {**nothing, "image": image, "individual": individual, "keypoint": name}
            for _, _, name in others
            if name != keypoint
        ]

    def _refresh(self) -> None:
        """Take in what other processes have written to the journal or the tables."""
        with _without_collector():
            new = self._read_on()
            if self._n_saving and self._signature is not None:  # half of the tables may be new; they hold what is known
                self._take_in(new)
                return
            signature = self._look()
            if signature == self._signature and not any(entry.get("change") == clicks.SAVED for entry in new):
                self._take_in(new)
                return
            self._signature = signature
            self._rebuild()

    def _take_in(self, new: Sequence[Entry]) -> None:
        for entry in new:
            if entry.get("change") in journal.OF_POINTS:
                self._state[journal.key_of(entry)] = clicks.said_by(entry)

    def _read_on(self) -> Sequence[Entry]:
        """What is new in the journal; everything when it is another file, as a backup that was put back."""
        device, inode, size = journal.identity(self._path)
        if (device, inode) != self._journal[:2] or size < self._offset:
            self._offset, self._signature = 0, None
            self._entries, self._points, self._clicks, self._began = [], [], {}, {}
        self._journal = (device, inode, size)
        if size == self._offset:
            return ()
        new, self._offset = journal.read_from(self._path, self._offset)
        self._entries += new
        self._points += [entry for entry in new if entry.get("change") == clicks.POINT]
        for name in (name for entry in new for name in names_begun(entry)):
            self._began[name] = self._began.get(name, 0) + 1
        self._clicks |= {entry["id"]: entry for entry in new if clicks.is_click(entry)}
        return new

    def _look(self) -> object:
        tables = self.project.label_tables(self.video)
        paths = [path for table in tables for path in (table.h5, table.csv) if path is not None]
        return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in paths)

    def _rebuild(self) -> None:
        """What is known, from the tables and the journal: the same as what readers of labels get (`clicks.current`)."""
        tables = read_folder(self.folder, self.project.scorer, self.project.skeleton, with_notes=False)
        self._rows = tuple(frame.image for frame in tables.frames)
        self._individuals, self._revision = tables.individuals, tables.revision
        state = clicks.said_in_tables(tables, self.project.skeleton.keypoints)
        rows = set(self._rows)
        of_points = (entry for entry in self._entries if entry.get("change") in journal.OF_POINTS)
        for key, entry in {journal.key_of(entry): entry for entry in of_points}.items():
            said, there = clicks.said_by(entry), state.get(key)
            if there is not None:
                is_so = journal.same_point(said.to, there.to)
            else:  # no row, or an animal without a point in it
                is_so = said.to is None and (key[0] in rows or said.visibility == Visibility.NOT_LABELED)
            if is_so:
                state[key] = said
        _, pending = clicks.split_saved(self._entries)
        state |= {journal.key_of(entry): clicks.said_by(entry) for entry in pending}
        self._state = state


@contextmanager
def _without_collector() -> Iterator[None]:
    """Python's collector looks again and again, in vain, through the many small objects of a book that is being read;
    that took a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _is_inside(xy: tuple[float, float], size: tuple[int, int]) -> bool:
    places = zip(xy, size, strict=True)
    return all(math.isfinite(value) and -MARGIN_PX <= value <= end - 1 + MARGIN_PX for value, end in places)


def _is_text(name: str) -> bool:
    """False for a file name that no text can hold, which Linux allows."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is(current: Said, was: tuple[Point, Visibility]) -> bool:
    return journal.same_point(current.to, was[0]) and current.visibility == was[1]


def _require_same(change: PointChange, key: Key, before: Entry) -> None:
    """Refuse an id that stands for another change: to take it for that one would lose what was done."""
    if journal.key_of(before) != key or journal.said_in(before) != (change.to, change.visibility):
        raise LabelsError(f"the id {change.id!r} was used for another change; every change needs an id of its own")


def _entry(change: PointChange, key: Key, current: Said) -> dict[str, Any]:
    image, individual, keypoint = key
    return {
        "id": change.id,
        "change": clicks.POINT,
        "image": image,
        "individual": individual,
        "keypoint": keypoint,
        "from": current.to,
        "to": change.to,
        "visibility": int(change.visibility),
    }
