"""The label books of a server, one for each folder that somebody labels in; tables are written in quiet moments."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from markerless.errors import MarkerlessError
from markerless.project import Project
from markerless.project.label_book import LabelBook

LOG = logging.getLogger("markerless.server")
QUIET_S = 1.0  # after the last change before the tables are written
LONGEST_S = 10.0  # that tables lie behind while somebody goes on clicking
AGAIN_S, LONGEST_AGAIN_S = 5.0, 300.0  # after a table could not be written (open in Excel?); twice as long each time


class Books:
    """See the module; safe to use from several threads."""

    def __init__(self) -> None:
        self._books: dict[tuple[Path, str], LabelBook] = {}
        self._due: dict[LabelBook, tuple[float, float]] = {}  # when the first and the last change were made
        self._failures: dict[LabelBook, int] = {}
        self._lock = threading.Condition()  # reentrant
        self._ends = False
        self._thread: threading.Thread | None = None

    def of(self, project: Project, folder: str) -> LabelBook:
        """The book of `labeled-data/<folder>`; a new one when the keypoints of the project have changed.

        Raises:
            LabelsError: there is no such folder.
        """
        with self._lock:
            key = (project.root, folder)
            book = self._books.get(key)
            if book is None or book.project.skeleton != project.skeleton or book.project.scorer != project.scorer:
                book = self._books[key] = LabelBook(project, folder)
                self.changed(book)  # clicks may wait since the last server was killed
            return book

    def changed(self, book: LabelBook) -> None:
        """Have the tables of `book` written soon."""
        now = time.monotonic()
        with self._lock:
            first, _ = self._due.get(book, (now, now))
            self._due[book] = (first, now)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_when_quiet, name="labels", daemon=True)
                self._thread.start()
            self._lock.notify()

    def close(self) -> None:
        """Write what is due and end."""
        with self._lock:
            self._ends = True
            self._lock.notify()
        if self._thread is not None:
            self._thread.join()

    def _write_when_quiet(self) -> None:
        while True:
            with self._lock:
                ready = self._ready()
                while not ready:
                    if self._ends:
                        return
                    self._lock.wait(QUIET_S / 4 if self._due else None)
                    ready = self._ready()
                for book in ready:
                    del self._due[book]
            for book in ready:
                self._write(book)

    def _ready(self) -> list[LabelBook]:
        now = time.monotonic()
        return [
            book
            for book, (first, last) in self._due.items()
            if self._ends or now - last >= QUIET_S or now - first >= LONGEST_S
        ]

    def _write(self, book: LabelBook) -> None:
        try:
            book.flush()
            self._failures.pop(book, None)
        except (MarkerlessError, OSError) as error:
            # nothing is lost: the clicks are in the journal, and reading labels takes them from there
            LOG.warning("labels of %s are in the journal, but not in the tables yet: %s", book.video, error)
            n_failures = self._failures[book] = self._failures.get(book, 0) + 1
            with self._lock:
                if not self._ends:
                    later = time.monotonic() + min(AGAIN_S * 2 ** (n_failures - 1), LONGEST_AGAIN_S)
                    self._due.setdefault(book, (later, later))
