"""The views of the projects that a server has open: their settings, their cameras, and what is suggested with them.

What is kept is read again when `views.toml` or the calibration changes. How exact labels are (and, without a
calibration, where mirrors stand) is learned from the labels; again when many more have been placed.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.video import video_stem
from markerless.errors import MarkerlessError, ProjectError
from markerless.pipeline.check_study_views import OddLabel, odd_labels
from markerless.pipeline.study_views import FILE, StudyViews, read_study_views, stamp_of
from markerless.pipeline.view_labels import moments_of, rig_of
from markerless.pipeline.view_suggestions import Suggester
from markerless.project import Project
from markerless.project.clicks import Said
from markerless.project.label_book import LabelBook
from markerless.server.books import Books

_AGAIN_AFTER, _AGAIN_SHARE = 60, 0.25  # changes of points, and share of those there were, before it is learned again


@dataclass
class _Known:
    """What is known of a project's views, or why nothing is."""

    stamp: tuple[Any, ...]
    views: StudyViews | None = None
    error: MarkerlessError | None = None
    suggester: Suggester | None = None
    trouble: MarkerlessError | None = None  # with the cameras; the settings are right
    clock: int = -1  # changes of points when the suggester was made


class ViewsShelf:
    """See the module; safe to use from several threads."""

    def __init__(self) -> None:
        self._known: dict[Path, _Known] = {}
        self._lock = threading.Lock()
        self._learning = threading.Lock()  # of its own: it takes seconds, for which no other question has to wait

    def views(self, project: Project) -> StudyViews | None:
        """The views of a project; None when it has none.

        Raises:
            FormatError, CalibrationError: its settings are wrong.
        """
        return self._sound(project).views

    def suggester(self, project: Project, books: Books) -> Suggester:
        """What makes suggestions in a project that has views.

        Raises:
            CalibrationError: the cameras have to be found from labels, of which there are too few yet.
            ProjectError: it has no views, also when somebody has just taken them away.
        """
        known = self._sound(project)
        views = known.views
        if views is None:
            raise ProjectError(f"no {FILE} in {project.root}: it has no views")
        with self._learning:
            of_session = [books.of(project, name) for name in project.label_folders() if views.session_of(name)]
            clock = sum(book.sequence() for book in of_session)
            if known.clock < 0 or clock - known.clock >= _AGAIN_AFTER + _AGAIN_SHARE * known.clock:
                known.clock, known.suggester, known.trouble = clock, None, None
                individuals = of_session[0].individuals if of_session else project.individuals
                try:
                    moments = moments_of(views, _placed(of_session), individuals)
                    known.suggester = Suggester(views, rig_of(views, moments))
                except MarkerlessError as error:
                    known.trouble = error
                    known.clock = -1  # a few more labels may be enough
            if known.suggester is None:
                assert known.trouble is not None
                raise known.trouble
            return known.suggester

    def odd_labels(self, project: Project, books: Books) -> list[OddLabel]:
        """Labels that are not where the other views put them; none where there are no views, or none can be told."""
        try:
            views = self.views(project)
            if views is None:
                return []
            of_session = [books.of(project, name) for name in project.label_folders() if views.session_of(name)]
            rig, individuals = self.suggester(project, books).rig, of_session[0].individuals if of_session else ()
            return odd_labels(views, rig, moments_of(views, _placed(of_session), individuals))
        except MarkerlessError:  # the label page and `check` say why
            return []

    def version(self, project: Project, folder: str, books: Books) -> str | None:
        """Another one when labels of the other views of a folder may have changed; None without views."""
        stamp = stamp_of(project)
        if not stamp:
            return None
        words: list[Any] = [stamp]
        try:
            views = self.views(project)
            others = set(partner_folders(project, views, folder).values()) if views is not None else set()
            own = {folder} if views is not None and views.is_one_picture else set()
            for name in ((others - {folder}) | own) & set(project.label_folders()):
                book = books.of(project, name)
                words.append((name, book.sequence(), len(book.pictures())))
        except MarkerlessError as error:
            words.append(str(error))
        return hashlib.blake2s(repr(sorted(map(repr, words))).encode("utf-8", "replace"), digest_size=8).hexdigest()

    def close(self) -> None:
        """Nothing has to be written."""

    def _sound(self, project: Project) -> _Known:
        known = self._of(project)
        if known.error is not None:
            raise known.error
        return known

    def _of(self, project: Project) -> _Known:
        with self._lock:
            stamp, known = stamp_of(project), self._known.get(project.root)
            if known is None or known.stamp != stamp:
                known = self._known[project.root] = _Known(stamp)
                try:
                    known.views = read_study_views(project)
                except MarkerlessError as error:
                    known.error = error
            return known


def partner_folders(project: Project, views: StudyViews, folder: str) -> dict[int, str]:
    """View -> folder, of the session of a folder; also folders without pictures whose video is there."""
    return views.partners(folder, [*project.label_folders(), *(video_stem(path) for path in project.videos())])


def pictures_of_moment(
    project: Project, views: StudyViews, books: Books, place: tuple[str, str]
) -> dict[int, tuple[str, str | None]]:
    """View -> folder and picture of the same moment; None where there is no picture of it yet."""
    folder, picture = place
    if views.is_one_picture:
        return dict.fromkeys(range(len(views.names)), place)
    here = views.session_of(folder)
    if here is None or here[1] is None:
        return {}
    key, there = views.moment_of(here[1], picture), set(project.label_folders())
    found: dict[int, tuple[str, str | None]] = {}
    for view, name in partner_folders(project, views, folder).items():
        pictures = books.of(project, name).pictures() if name in there else ()
        same = [picture] if name == folder else [other for other in pictures if views.moment_of(view, other) == key]
        found[view] = (name, same[0] if same else None)
    return found


def placed_in(book: LabelBook, picture: str) -> dict[str, FloatArray]:
    """Animal -> `(K, 2)` px of one picture."""
    return {animal: _xy(book, said) for animal, said in book.frame(picture).items()}


def _placed(books: Iterable[LabelBook]) -> dict[tuple[str, str], dict[str, FloatArray]]:
    found: dict[tuple[str, str], dict[str, FloatArray]] = {}
    for book in books:
        for (image, animal), said in book.known().items():
            found.setdefault((book.video, image.rpartition("/")[2]), {})[animal] = _xy(book, said)
    return found


def _xy(book: LabelBook, said: Mapping[str, Said]) -> FloatArray:
    names = book.project.skeleton.keypoints
    places = [said[name].to if name in said else None for name in names]
    return np.array([(np.nan, np.nan) if place is None else place for place in places], dtype=np.float64)
