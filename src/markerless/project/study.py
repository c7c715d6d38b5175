"""A study on disk, opened in place: `Project`.

A project is a DeepLabCut folder. Opening and reading it writes nothing, so read-only media will do, and nothing
absolute in it is believed: pictures are found from the folder, videos by name in `videos/`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES, natural_key, video_stem
from markerless.errors import LabelsError, MarkerlessError, ProjectError, RevisionError, RunError
from markerless.project import clicks, config_file, journal, staged
from markerless.project.clicks import Entry, SavedClicks
from markerless.project.config_file import Crop
from markerless.project.find_config import find_config
from markerless.project.label_files import (
    DATA_FOLDER,
    FolderLabels,
    LabelTable,
    count,
    find_tables,
    label_folders,
    labeler_of,
    read_folder,
    revision_of,
    table_name,
)
from markerless.project.label_writing import of_known, require_own_images, write_folder
from markerless.project.run import RUN_FILE, Run, check_run_name, scorer_name

RUNS_FOLDER = "runs"
VIDEOS_FOLDER = "videos"
ONE_ANIMAL = ("individual_0",)
MOST_TRIES = 5  # to read tables that are being written all the time
_saving = threading.Lock()  # several browser tabs save through one process


class Project:
    """A study folder laid out as DeepLabCut lays it out.

    Attributes:
        root: The folder, absolute.
        config_path: Its `config.yaml`.
        config: The keys and values of `config.yaml`; comments and unknown keys are kept when it is saved.
        notes: One-line remarks about the folder for the user, none of which stops the work.
    """

    def __init__(self, path: Path | str, finish: bool = True) -> None:
        """Open the project at `path`, its folder or its `config.yaml`.

        Args:
            path: Where it is.
            finish: Finish a change of many files that was interrupted, the one case in which opening writes.

        Raises:
            ProjectError: there is no project, or its `config.yaml` cannot be used.
        """
        self.config_path = find_config(Path(path).expanduser().absolute())
        self.root = self.config_path.parent
        self.notes: list[str] = []
        if finish and staged.finish(self.root):
            self.notes.append("a change of many files that was interrupted has been finished")
        self._config_seen = self._look_at_config()  # before it is read
        self.config = config_file.load_config(self.config_path)
        self._seen: dict[str, str] = {}  # video -> revision of the labels this object has read
        self.name = self._text("Task", lambda: self.root.name.split("-")[0])
        self.scorer = self._text("scorer", self._scorer_of_tables)
        self.date = self._text("date", str)
        self.skeleton = self._read_skeleton()

    def __repr__(self) -> str:
        return f"Project({str(self.root)!r})"

    @property
    def is_multi_animal(self) -> bool:
        """True when `config.yaml` says that there are several animals."""
        return config_file.is_yes(self.config.get("multianimalproject")) or self._bodyparts == config_file.MULTI

    @property
    def individuals(self) -> tuple[str, ...]:
        """Names of the animals by `config.yaml`."""
        names = config_file.texts(self.config.get("individuals"))
        return names if self.is_multi_animal and names else ONE_ANIMAL

    def labels(self) -> Labels:
        """All labeled frames of the study, folder by folder, keypoints in the order of `config.yaml`.

        Raises:
            LabelsError: a table is malformed, or there is no label at all.
        """
        labels = self.combine([self.folder_labels(video) for video in self.label_folders()])
        if labels.n_points == 0:
            rows = f" ({count(len(labels), 'row')} without a point)" if len(labels) else ""
            raise LabelsError(
                f"no labels in {self.root / DATA_FOLDER}{rows}: expected <video>/{table_name(self.scorer or 'NAME')}.h5"
                f" or .csv; label some frames with 'markerless app'"
            )
        return labels

    def labels_of(self, video: str) -> Labels:
        """The labeled frames of `labeled-data/<video>`; no frames when there are none yet.

        Raises:
            LabelsError: a table is malformed.
        """
        return self.combine([self.folder_labels(video)])

    def folder_labels(self, video: str) -> FolderLabels:
        """What the label tables of one folder hold, with remarks on them.

        Raises:
            LabelsError: a table is malformed.
        """
        path = self.journal_of(video)
        entries, end = journal.read_from(path, 0)
        for _ in range(MOST_TRIES):
            tables = self._tables_of(video)
            new, end = journal.read_from(path, end)
            entries += new
            if not any(entry.get("change") == clicks.SAVED for entry in new):
                break  # else the tables may be from before the clicks that count as saved now
        _, pending = clicks.split_saved(entries)
        self._seen[video] = _revision_with(tables.revision, pending)
        return self._with_journal(tables, entries, pending)

    def _tables_of(self, video: str, more_keypoints: Sequence[str] = ()) -> FolderLabels:
        return read_folder(self._data_folder(video), self.scorer, self._skeleton_with(more_keypoints))

    def _skeleton_with(self, more_keypoints: Sequence[str]) -> Skeleton:
        return Skeleton((*self.skeleton.keypoints, *more_keypoints)) if more_keypoints else self.skeleton

    def _with_journal(self, tables: FolderLabels, entries: Sequence[Entry], pending: Sequence[Entry]) -> FolderLabels:
        return clicks.current(tables, entries, pending, self.skeleton, self.scorer)

    def journal_of(self, video: str) -> Path:
        """Where the changes of the labels of `video` are kept."""
        return journal.journal_path(self.root, self._data_folder(video).name)

    def combine(self, folders: Sequence[FolderLabels]) -> Labels:
        """The labels of several folders as one value; no labels when there are none."""
        return self._combined(folders, self.skeleton)

    def _combined(self, folders: Sequence[FolderLabels], skeleton: Skeleton) -> Labels:
        frames: dict[str, LabeledFrame] = {}
        notes: list[str] = []
        in_files = [name for folder in folders for name in folder.individuals]
        # A config may still hold the names DeepLabCut starts with; then the tables know better.
        from_config = self.is_multi_animal and (not in_files or not set(in_files).isdisjoint(self.individuals))
        individuals = list(dict.fromkeys([*(self.individuals if from_config else ()), *in_files]))
        for folder in folders:
            notes += [f"{note.where}: {note.message}" for note in folder.notes]
            for frame in folder.frames:
                if frame.image in frames:
                    notes.append(f"{frame.image} is labeled in two folders; the labels of the first are used")
                frames.setdefault(frame.image, frame)
        labels = Labels(skeleton, tuple(frames.values()), tuple(individuals) or self.individuals, tuple(notes))
        return replace(labels, notes=(*notes, *_never_labeled(labels))) if labels.n_points else labels

    def label_folders(self) -> tuple[str, ...]:
        """Names of the folders in `labeled-data`, in natural order."""
        return tuple(folder.name for folder in label_folders(self.root))

    def label_tables(self, video: str) -> tuple[LabelTable, ...]:
        """The label files of `labeled-data/<video>`, those of the project's scorer first."""
        return find_tables(self._data_folder(video), self.scorer)

    def revision(self, video: str) -> str:
        """Names the state of the labels of a video as they are now; empty when there are none."""
        _, pending = clicks.split_saved(journal.read(self.journal_of(video)))
        return _revision_with(revision_of(self.label_tables(video)), pending)

    def write_labels(self, video: str, labels: Labels, *, revision: str | None = None, who: str = "") -> str:
        """Save all labels of one video as h5 and CSV, and every change in the journal.

        Frames of other people's tables stay in those tables while they are unchanged; a changed one goes to the
        table of the project's scorer, a frame that is no longer in `labels` leaves all of them.

        Args:
            video: Name of the folder in `labeled-data`.
            labels: Every frame of that video; their `image` lies in its folder.
            revision: Revision the labels were loaded with; by default the last one this object has read.
            who: Name for the journal, by default the project's scorer.

        Returns:
            The new revision.

        Raises:
            RevisionError: the label files have changed since they were loaded. Nothing is written.
            ProjectError: `config.yaml` names no scorer, or one that names no file, or other keypoints than
                when this object was made.
            LabelsError: an image does not lie in the video's folder.
            StorageError: a file cannot be written.
        """
        self._data_folder(video)
        config_file.require_scorer(self.scorer, self.config_path)
        require_own_images(labels, video)
        if labels.skeleton.keypoints != self.skeleton.keypoints:
            labels = labels.matching(self.skeleton)
        path = self.journal_of(video)
        with staged.writing(self.root, path, "tables"), _saving:
            expected = self._seen.get(video, "") if revision is None else revision
            known = journal.read_from(path, 0)  # once: clicks that come from now on stay pending and are not touched
            entries: Sequence[Entry] = known[0]
            pending = clicks.split_saved(entries)[1]
            is_as_known = _revision_with(revision_of(self.label_tables(video)), pending) == expected
            if is_as_known:
                self.require_same_keypoints()
                entries = [*entries, *self._save_pending(video, known).gaps]
            # `labels` cannot hold clicks on keypoints unknown to the project; loaded again, they are in the tables
            if not is_as_known or clicks.unknown_keypoints(pending, self.skeleton.keypoints):
                raise RevisionError(
                    f"the labels of {DATA_FOLDER}/{video} have changed on disk since they were loaded; "
                    "load them again and repeat the change"
                )
            before = self.combine([self._with_journal(self._tables_of(video), entries, ())])
            removed = frozenset(before.images) - frozenset(labels.images)
            labels = of_known(labels, before)
            journal.append(path, journal.changes(before, labels), who or self.scorer)
            journal.append_open(path, labels, known)
            write_folder(self.root, self.scorer, (before, labels), video, removed)
            self._seen[video] = revision_of(self.label_tables(video))
        return self._seen[video]

    def save_clicks(self, video: str) -> SavedClicks:
        """Bring the label tables of `video` up to date with the clicks in its journal.

        Raises:
            ProjectError: `config.yaml` names no scorer, or one that names no file, or other keypoints than
                when this object was made.
            LabelsError: a table is malformed.
            StorageError: a file cannot be written; the clicks stay in the journal.
        """
        path = self.journal_of(video)
        if not clicks.split_saved(journal.read(path))[1]:
            return SavedClicks()
        with staged.writing(self.root, path, "tables"), _saving:
            self.require_same_keypoints()
            return self.save_clicks_alone(video)

    def save_clicks_alone(self, video: str) -> SavedClicks:
        """`save_clicks` for who has kept everybody else from writing labels."""
        config_file.require_scorer(self.scorer, self.config_path)
        return self._save_pending(video, journal.read_from(self.journal_of(video), 0))

    def require_same_keypoints(self) -> None:
        """For who may write labels now: they must be of the keypoints that the study has, not of those it had.

        Raises:
            ProjectError: `config.yaml` names others than when this object was made, or cannot be read any more.
        """
        now = self._look_at_config()
        if now == self._config_seen:
            return
        if Project(self.config_path, finish=False).skeleton.keypoints != self.skeleton.keypoints:
            raise ProjectError(f"the keypoints of {self.root} have been changed since it was opened; open it again")
        self._config_seen = now

    def _look_at_config(self) -> object:
        try:
            stat = self.config_path.stat()
        except OSError:  # whoever reads it says so
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _save_pending(self, video: str, known: tuple[Sequence[Entry], int]) -> SavedClicks:
        """The clicks of a journal, `known` by `journal.read_from`, that the tables lack, for who holds the lock."""
        entries = known[0]
        n_clicks, pending = clicks.split_saved(entries)
        if not pending:
            return SavedClicks()
        # clicks on a keypoint that was renamed are kept as tables keep unknown keypoints: in columns of their own
        unknown = clicks.unknown_keypoints(pending, self.skeleton.keypoints)
        skeleton, tables = self._skeleton_with(unknown), self._tables_of(video, unknown)
        before, after = (
            self._combined([clicks.current(tables, entries, some, skeleton, self.scorer)], skeleton)
            for some in ((), pending)
        )
        gaps = journal.append_open(self.journal_of(video), after, known)
        write_folder(self.root, self.scorer, (before, after), video)
        revision = revision_of(self.label_tables(video))
        over = clicks.overridden(tables, pending, skeleton.keypoints)
        journal.append(self.journal_of(video), [*over, clicks.saved_mark(n_clicks)], self.scorer)
        return SavedClicks(len(pending), tables.revision, revision, tuple(gaps))

    def videos(self) -> tuple[Path, ...]:
        """Videos of the study that are there: those of `config.yaml` first, then others in `videos/`."""
        found = [path for path in self.video_sets().values() if path is not None]
        folder = self.root / VIDEOS_FOLDER
        entries = sorted(folder.iterdir(), key=lambda entry: natural_key(entry.name)) if folder.is_dir() else []
        found += [entry for entry in entries if entry not in found and _is_source_video(entry, entries)]
        return tuple(dict.fromkeys(found))

    def video_sets(self) -> dict[str, Path | None]:
        """The keys of `video_sets` and where each video is, None for one that is not found.

        A video is looked for by name in `videos/`, then at the key itself. A text that is no path to a video, such
        as DeepLabCut's placeholder sentence, is left out.
        """
        return {
            key: self._find_video(key)
            for key in config_file.video_sets(self.config)
            if self._find_video(key) or _looks_like_video(key)
        }

    def crop_of(self, video: Path) -> Crop | None:
        """Rectangle `(x1, x2, y1, y2)` in pixels that analysis is confined to; None for the whole frame.

        Only when `cropping` is true in `config.yaml`. The crop of the video itself wins, unless it is the whole
        frame, which DeepLabCut writes for every video.

        Raises:
            ProjectError: the numbers are not a rectangle.
        """
        if not config_file.is_yes(self.config.get("cropping")):
            return None
        for key, settings in config_file.video_sets(self.config).items():
            if config_file.stem(key) == video_stem(video) or self._find_video(key) == video:
                crop = config_file.parse_crop(settings.get("crop"), f"crop of {config_file.file_name(key)}")
                if crop is not None and not _is_whole_frame(crop, video):
                    return crop
        corners = [self.config.get(key) for key in ("x1", "x2", "y1", "y2")]
        if any(value is None for value in corners):
            raise ProjectError(
                f"expected x1, x2, y1, y2 in {self.config_path} because cropping is true, got {corners}; "
                "give them or set cropping: false"
            )
        return config_file.parse_crop(corners, f"x1, x2, y1, y2 of {self.config_path.name}")

    def runs(self) -> tuple[str, ...]:
        """Names of the finished runs, oldest first."""
        folder = self.root / RUNS_FOLDER
        finished = []
        for entry in folder.iterdir() if folder.is_dir() else ():
            try:
                if Run.open(entry).finished:
                    finished.append(((entry / RUN_FILE).stat().st_mtime_ns, natural_key(entry.name), entry.name))
            except RunError:
                continue  # another folder, or a run that `run(name)` reports on when it is asked for
        return tuple(name for _, _, name in sorted(finished))

    def run(self, name: str | None = None) -> Run:
        """A finished run, by default the newest.

        Raises:
            RunError: there is none of that name, or it is unfinished or damaged.
        """
        known = self.runs()
        if name is None:
            if not known:
                raise RunError(f"no finished run in {self.root / RUNS_FOLDER}; train one with 'markerless train'")
            return Run.open(self.run_folder(known[-1]))
        folder = self.run_folder(name)
        if not folder.is_dir():
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean '{close[0]}'? " if close else ""
            raise RunError(
                f"no run '{name}' in {self.root / RUNS_FOLDER}; {hint}finished runs: {', '.join(known) or 'none'}"
            )
        run = Run.open(folder)
        if not run.finished:
            raise RunError(f"run '{name}' is not finished; 'markerless train PROJECT --run {name}' goes on with it")
        return run

    def run_folder(self, name: str) -> Path:
        """Where the run called `name` is or will be.

        Raises:
            RunError: no run can have that name.
        """
        return self.root / RUNS_FOLDER / check_run_name(name)

    def run_scorer(self, net: str, run: str) -> str:
        """Name of a run in result files, such as `DLC_EfficientnetLite0_openfieldOct30_run1`."""
        return scorer_name(net, self.name, self.date, run)

    def save_config(self) -> None:
        """Write `config` back to `config.yaml`.

        Raises:
            StorageError: the file cannot be written.
        """
        config_file.save_config(self.config_path, self.config)

    @property
    def _bodyparts(self) -> object:
        return self.config.get("bodyparts")

    def _text(self, key: str, fallback: Callable[[], str]) -> str:
        value = self.config.get(key)
        if value is None or str(value).strip() == "":
            default = fallback()
            self.notes.append(f"{self.config_path.name}: no {key}" + (f"; '{default}' is used" if default else ""))
            return default
        return str(value).strip()

    def _scorer_of_tables(self) -> str:
        """Whose labels there are, by the names of the tables."""
        tables = [table for folder in label_folders(self.root) for table in find_tables(folder, "")]
        names = sorted({labeler_of(table.name) for table in tables} - {""})
        return names[0] if len(names) == 1 else ""

    def _read_skeleton(self) -> Skeleton:
        if "camera_names" in self.config and self._bodyparts is None:
            raise ProjectError(
                f"expected a project with bodyparts, got a 3D project of DeepLabCut in {self.root}; "
                "give the 2D project of each camera"
            )
        names: Sequence[str] = config_file.texts(self._bodyparts)
        where = "bodyparts"
        if self.is_multi_animal and self._bodyparts in (config_file.MULTI, None, ""):
            where = "multianimalbodyparts"
            unique = config_file.texts(self.config.get("uniquebodyparts", self.config.get("unique_bodyparts")))
            names = [*config_file.texts(self.config.get("multianimalbodyparts")), *unique]
        if not names:
            raise ProjectError(
                f"expected a list of names at '{where}' in {self.config_path}, got none; add the body parts to measure"
            )
        try:
            skeleton = Skeleton(tuple(names))
        except LabelsError as error:
            raise ProjectError(f"{where} in {self.config_path}: {error}") from error
        pairs = config_file.edges(self.config.get("skeleton"))
        unknown = sorted({name for pair in pairs for name in pair if name not in skeleton.keypoints})
        if unknown:
            self.notes.append(
                f"{self.config_path.name}: skeleton names {', '.join(unknown)}, not among the {where}; left out"
            )
        skeleton = skeleton.with_edges(pairs)
        chosen = config_file.mirror_pairs(self.config)
        return skeleton.with_guessed_mirror_pairs() if chosen is None else skeleton.with_mirror_pairs(chosen)

    def _data_folder(self, video: str) -> Path:
        if video in ("", ".", "..") or Path(video).name != video or "\\" in video:
            raise LabelsError(f"expected the name of a folder in {DATA_FOLDER}, got {video!r}")
        return self.root / DATA_FOLDER / video

    def _find_video(self, key: str) -> Path | None:
        try:
            inside = self.root / VIDEOS_FOLDER / config_file.file_name(key)
            if inside.exists():
                return inside
            outside = self.root / key
            return outside if outside.exists() and outside != self.root else None
        except OSError:  # a placeholder sentence may be longer than a file name can be
            return None


def _revision_with(tables: str, pending: Sequence[Entry]) -> str:
    return f"{tables}+{pending[-1]['id']}" if pending else tables


def _looks_like_video(key: str) -> bool:
    return key.lower().endswith(VIDEO_SUFFIXES)


def _is_source_video(entry: Path, entries: Sequence[Path]) -> bool:
    """False for the labeled videos that analysis leaves beside their sources, hidden files and everything else."""
    if entry.name.startswith("."):
        return False
    if entry.is_dir():
        return any(child.suffix.lower() in IMAGE_SUFFIXES for child in entry.iterdir())
    if entry.suffix.lower() not in VIDEO_SUFFIXES or not entry.exists():
        return False
    others = {other.stem for other in entries if other != entry and other.suffix.lower() in VIDEO_SUFFIXES}
    made = entry.stem.endswith(("_labeled", "_full"))
    return not (made and ("DLC_" in entry.stem or any(entry.stem.startswith(stem) for stem in others)))


def _is_whole_frame(crop: Crop, video: Path) -> bool:
    if (crop[0], crop[2]) != (0, 0):
        return False
    from markerless.video.reader import open_video

    try:
        with open_video(video) as reader:
            return crop[1] >= reader.video.width and crop[3] >= reader.video.height
    except MarkerlessError:
        return False


def _never_labeled(labels: Labels) -> list[str]:
    placed = np.isfinite(labels.xy()).all(axis=-1).reshape(-1, labels.skeleton.n_keypoints)
    never = [name for k, name in enumerate(labels.skeleton.keypoints) if not placed[:, k].any()]
    return (
        [f"never labeled: {', '.join(never)}; label them or remove them from the bodyparts of config.yaml"]
        if never
        else []
    )
