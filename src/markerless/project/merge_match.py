"""Which video and which picture of one study is which of another: by what is in them, not by what they are called.

Two videos are one when their fingerprints are equal. Where one of them is not there, the pictures decide: those that
both studies have, or those of one that are frames of the other's video; then the labels. A name alone is no evidence:
`mouse1.mp4` of two laboratories are two videos.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from markerless.core.file_names import on_any_disk
from markerless.core.progress import Progress, silent
from markerless.core.video import fingerprint
from markerless.errors import VideoError
from markerless.project import journal
from markerless.project.label_files import DATA_FOLDER
from markerless.project.merge_journal import mark_of_merge
from markerless.project.merge_side import Folder, Side
from markerless.video.images import read_image
from markerless.video.reader import open_video

SAME_SHADE = 32.0  # of 255: a picture that was saved as JPEG, or decoded by another program, differs by less
ALL_BUT = 99.9  # percent of its pixels
ENOUGH = 4  # pictures that are compared with the frames of a video
NUMBERED = re.compile(r"img(\d+)\.\w+")  # as frames are named that were extracted
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Matched:
    """Where a video of one study is in the other.

    Attributes:
        name: Of the video or the folder, as the study that is merged has it.
        into: The name there.
        by: "fingerprint", "pictures", "frames", "labels": how it was recognized; "" for one that is new there.
        is_doubtful: True for a new one that has the name of another, of which nothing is known that could be compared.
        images: Image -> the image there.
    """

    name: str
    into: str
    by: str
    images: Mapping[str, str]
    is_doubtful: bool = False


@dataclass(frozen=True)
class _Look:
    digest: bytes
    is_blank: bool  # of one color: it may be of any video


@dataclass(frozen=True)
class _Target:
    """The names and pictures of a folder that images are merged into."""

    name: str
    names: tuple[str, ...]
    pictures: Mapping[str, Path]

    @classmethod
    def of(cls, folder: Folder) -> _Target:
        return cls(folder.name, tuple(PurePosixPath(image).name for image in folder.images), folder.pictures)

    def with_images(self, folder: Folder, images: Mapping[str, str]) -> _Target:
        """With those of `folder`, which are called as `images` says here."""
        names = {PurePosixPath(image).name: PurePosixPath(new).name for image, new in images.items()}
        pictures = {names[name]: path for name, path in folder.pictures.items() if name in names}
        return _Target(self.name, (*self.names, *names.values()), {**pictures, **self.pictures})


class Matcher:
    """Compares videos and pictures; each is read once."""

    def __init__(self, progress: Progress = silent) -> None:
        self._looks: dict[Path, _Look | None] = {}
        self._fingerprints: dict[Path, str | None] = {}
        self._progress, self._total = progress, 0

    def expect(self, n_pictures: int) -> None:
        """How many pictures there are to look at, for the progress."""
        self._total = n_pictures

    def match(self, into: Side, other: Side, taken: Collection[str] = ()) -> list[Matched]:
        """Every video and folder of `other` with its place in `into`.

        Args:
            into: The study that takes everything in.
            other: The study that is merged into it.
            taken: More names that no new video can have.
        """
        names = [*into.folders, *into.videos, *taken]
        found: list[Matched] = []
        for name in dict.fromkeys([*other.videos, *other.folders]):
            folder = other.folders.get(name, Folder(name))
            if name not in other.videos and not (folder.images or folder.entries):
                continue  # an empty folder, as DeepLabCut makes for every video
            target, by = self._place(into, folder, other)
            if not by:
                target = _free(name, names)
            names.append(target)
            there = _Target.of(into.folders.get(target, Folder(target)) if by else Folder(target))
            for earlier in found:  # two folders of the other one may be of one video
                if earlier.into == target and earlier.name in other.folders:
                    there = there.with_images(other.folders[earlier.name], earlier.images)
            is_doubtful = target != name and not by and not (name in other.videos and name in into.videos)
            found.append(Matched(name, target, by, self._images(folder, there), is_doubtful))
        return found

    def _place(self, into: Side, folder: Folder, other: Side) -> tuple[str, str]:
        video, mark = other.videos.get(folder.name), mark_of_merge(other.name, folder.name)
        # a study may have two folders of one video: each goes where it went before
        before = {name for name, there in into.folders.items() if _has(there, mark)}
        mine = None if video is None else self._fingerprint(video)
        if mine is not None:
            same = [name for name, path in into.videos.items() if self._fingerprint(path) == mine]
            if same:
                return max(same, key=lambda name: (name in before, name == folder.name)), "fingerprint"
        looks: tuple[tuple[str, Callable[[Folder, Folder], int]], ...] = (
            ("pictures", self._n_shared),
            ("frames", lambda one, there: _n_frames(one, into.videos.get(there.name)) or _n_frames(there, video)),
            ("labels", self._n_equal),
        )
        for by, count in looks:
            scores = {
                name: count(folder, there)
                for name, there in into.folders.items()
                if mine is None or self._is_unknown(into, name)  # else their fingerprints have said that they differ
            }
            likely = [name for name in scores if scores[name]]
            if likely:
                return max(likely, key=lambda name: (name in before, scores[name], name == folder.name)), by
        return "", ""

    def _images(self, folder: Folder, there: _Target) -> dict[str, str]:
        """Image of `folder` -> image of the folder `there` that it is merged into."""
        by_digest: dict[bytes, list[str]] = {}
        for other, seen in self._of(there.pictures).items() if folder.pictures else ():
            if not seen.is_blank:
                by_digest.setdefault(seen.digest, []).append(other)
        by_number = {_number(name): name for name in there.names} | {name: name for name in there.names}
        used, found = set(by_number.values()), {}
        left = set(used)  # one picture is not two
        for image in folder.images:
            name = PurePosixPath(image).name
            look = self._look(folder.pictures[name]) if name in folder.pictures else None
            same = [other for other in by_digest.get(look.digest, ()) if other in left] if look is not None else []
            target = name if name in same else same[0] if same else None
            if target is None:
                number = by_number.get(name, by_number.get(_number(name)))
                target = number if number in left and self._may_be(folder, name, there, number) else _free(name, used)
            used.add(target)
            left.discard(target)
            found[image] = f"{DATA_FOLDER}/{there.name}/{target}"
        return found

    def _may_be(self, folder: Folder, name: str, there: _Target, other_name: str) -> bool:
        """Whether the frame of an equal number does not look like another one."""
        one, other = folder.pictures.get(name), there.pictures.get(other_name)
        return one is None or other is None or self._look_alike(one, other)

    def _look_alike(self, one: Path, other: Path) -> bool:
        left, right = self._look(one), self._look(other)
        if left is None or right is None or left.digest == right.digest:
            return True
        return _alike(read_image(one), read_image(other))

    def _n_shared(self, folder: Folder, there: Folder) -> int:
        """Pictures that two folders share."""
        mine = {look.digest for look in self._of(folder.pictures).values() if not look.is_blank}
        return len(mine & {look.digest for look in self._of(there.pictures).values()}) if mine else 0

    def _n_equal(self, folder: Folder, there: Folder) -> int:
        """Labeled rows of `folder`, if all are in `there` with equal points and no picture differs; else 0."""
        mine, others = _points(folder), _points(there)
        if any(others.get(key) is None or not journal.same_point(others[key], to) for key, to in mine.items()):
            return 0
        names = {name for name, _, _ in mine}
        both = [name for name in names if name in folder.pictures and name in there.pictures]
        is_same = all(self._look_alike(folder.pictures[name], there.pictures[name]) for name in both)
        return len(names) if is_same else 0

    def _of(self, pictures: Mapping[str, Path]) -> dict[str, _Look]:
        looks = {name: self._look(path) for name, path in pictures.items()}
        return {name: look for name, look in looks.items() if look is not None}

    def _look(self, path: Path) -> _Look | None:
        """None for a picture that cannot be read: `check` says so."""
        if path not in self._looks:
            self._progress(len(self._looks), self._total, "pictures compared")
            self._looks[path] = _look_at(path)
        return self._looks[path]

    def _is_unknown(self, into: Side, name: str) -> bool:
        """Whether there is no video of a folder, or one that cannot be read."""
        video = into.videos.get(name)
        return video is None or self._fingerprint(video) is None

    def _fingerprint(self, path: Path) -> str | None:
        """None of a video that cannot be read."""
        if path not in self._fingerprints:
            try:
                self._fingerprints[path] = fingerprint(path)
            except VideoError:
                self._fingerprints[path] = None
        return self._fingerprints[path]


def _has(folder: Folder, mark: Mapping[str, object]) -> bool:
    """Whether the journal says that a folder of another study came here."""
    return any(all(entry.get(key) == value for key, value in mark.items()) for entry in folder.entries)


def _look_at(path: Path) -> _Look | None:
    try:
        rgb = read_image(path)
    except VideoError:
        return None
    # by pixels, so that a copy saved anew is found as well
    digest = hashlib.blake2b(rgb.tobytes() + str(rgb.shape).encode("ascii"), digest_size=16).digest()
    return _Look(digest, bool((rgb == rgb[0, 0]).all()))


def _alike(one: Image, other: Image) -> bool:
    if one.shape != other.shape:
        return False
    apart = np.abs(one.astype(np.int16) - other).mean(axis=-1)
    return float(np.percentile(apart, ALL_BUT)) <= SAME_SHADE


def _n_frames(folder: Folder, video: Path | None) -> int:
    """How many pictures of a folder are the frames of a video that their numbers say; 0 if one of them is not."""
    numbered = [(int(found[1]), path) for name, path in folder.pictures.items() if (found := NUMBERED.fullmatch(name))]
    if video is None or not numbered:
        return 0
    chosen = numbered[:: max(1, len(numbered) // ENOUGH)][:ENOUGH]
    n_same = 0
    try:
        with open_video(video) as reader:
            for number, path in chosen:
                picture = read_image(path)
                if number >= reader.video.n_frames or not _alike(picture, reader[number]):
                    return 0
                n_same += not bool((picture == picture[0, 0]).all())
    except VideoError:
        return 0
    return n_same


def _points(folder: Folder) -> dict[tuple[str, str, str], tuple[float, float]]:
    return {
        (PurePosixPath(image).name, individual, keypoint): said.to
        for (image, individual), points in folder.known.items()
        for keypoint, said in points.items()
        if said.to is not None
    }


def _number(name: str) -> str:
    """The name of a picture without suffix and leading zeros: img012.png and img0012.jpg are one frame of a video."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", PurePosixPath(name).stem, count=1)


def _free(name: str, names: Collection[str]) -> str:
    """`name`, or one with a number that nobody has; a picture keeps its suffix."""
    known = {on_any_disk(other) for other in names}
    stem, dot, suffix = name.rpartition(".") if re.search(r"\.(png|jpe?g|bmp|tiff?)$", name, re.I) else (name, "", "")
    number, new = 2, name
    while on_any_disk(new) in known:
        new, number = f"{stem}_{number}{dot}{suffix}", number + 1
    return new
