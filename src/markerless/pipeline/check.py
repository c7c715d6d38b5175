"""What is wrong with a study: the verb `check` looks at config, labels, pictures, videos and runs, and changes nothing.

`take_labels` settles a CSV and an h5 that differ; suspects, when they are asked for, are shown in a page.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from markerless.analysis.label_checks import Finding, Level, count_levels, label_findings
from markerless.analysis.label_suspects import WHOLE, Suspect
from markerless.analysis.label_suspects import suspects as suspects_of_labels
from markerless.core.labels import Labels
from markerless.core.progress import Progress, silent
from markerless.core.video import IMAGE_SUFFIXES, natural_key
from markerless.errors import LabelsError, MarkerlessError, RunError, VideoError
from markerless.pipeline.check_study_views import view_findings
from markerless.pipeline.label_agreement import Labelers, compare_labelers
from markerless.pipeline.suspects import Ranking, SuspectRequest, rank_suspects
from markerless.project import Project, Run
from markerless.project.config_file import file_name, is_yes, stem, video_sets
from markerless.project.label_files import DATA_FOLDER, FolderLabels, compare_csv, count
from markerless.project.label_writing import take
from markerless.project.study import RUNS_FOLDER
from markerless.video.images import read_image
from markerless.video.reader import open_video

LABEL_FILE, SAME_IMAGE = "label file", "same image"
MOST_SINGLE = 3  # more equal pictures in the same two folders make one finding
NOBODY = Labelers(())


@dataclass(frozen=True)
class CheckReport:
    """What `check` has found.

    Attributes:
        project: The project's folder.
        n_frames: Labeled frames with at least one point.
        n_points: Labeled points.
        n_videos: Videos that were found.
        keypoints: Names, in order.
        findings: Errors first, then warnings, then notes.
        suspects: Likely label mistakes, the most suspicious first.
        ranking: More about them, when they were asked for.
        labelers: How far apart people are who have labeled the same frames.
    """

    project: Path
    n_frames: int
    n_points: int
    n_videos: int
    keypoints: tuple[str, ...]
    findings: tuple[Finding, ...]
    suspects: tuple[Suspect, ...]
    ranking: Ranking | None = None
    labelers: Labelers = NOBODY

    @property
    def counts(self) -> dict[str, int]:
        """Number of errors, warnings and notes."""
        return {f"{level}s": number for level, number in count_levels(self.findings).items()}

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "project": str(self.project),
            "n_frames": self.n_frames,
            "n_points": self.n_points,
            "n_videos": self.n_videos,
            "keypoints": list(self.keypoints),
            **self.counts,
            "findings": [asdict(finding) for finding in self.findings],
            "suspects": [asdict(suspect) for suspect in self.suspects],
            **(self.ranking.to_json() if self.ranking is not None else {}),
            **self.labelers.to_json(),
        }


def check(
    project: Project | Path | str,
    progress: Progress = silent,
    suspects: SuspectRequest | None = None,
    labelers: bool = False,
) -> CheckReport:
    """Look for everything that is suspicious in a study; nothing is written but pages that are asked for.

    Args:
        project: The study, its folder or its config.yaml.
        progress: Told of every picture that has been looked at.
        suspects: Rank likely label mistakes with the predictions of a run, and show them in a page.
        labelers: Write a page and tables of people who have labeled the same frames.

    Raises:
        ProjectError: the project cannot be opened at all.
        RunError: the run of `suspects` is missing or damaged.
    """
    study = project if isinstance(project, Project) else Project(project)
    folders, findings = _read_folders(study)
    labels = study.combine(folders)
    sizes, of_pictures = _pictures(study, labels, progress)
    diagonals = {image: float(np.hypot(*size)) for image, size in sizes.items()}
    by_shape = suspects_of_labels(labels, diagonals)
    ranking = rank_suspects(study, labels, sizes, suspects, progress) if suspects is not None else None
    people = compare_labelers(study, write=labelers)
    findings += [
        *_config(study),
        *of_pictures,
        *_unlabeled_pictures(study, folders),
        *(_of_labels(labels, sizes, of_pictures) if labels.frames else _no_labels(findings)),
        *_suspicious(by_shape),
        *view_findings(study, labels),
        *_labelers(people),
        *_videos(study),
        *_runs(study),
    ]
    order = ("error", "warning", "note")
    findings.sort(key=lambda finding: order.index(finding.level))
    return CheckReport(
        project=study.root,
        n_frames=sum(frame.n_points > 0 for frame in labels.frames),
        n_points=labels.n_points,
        n_videos=len(study.videos()),
        keypoints=study.skeleton.keypoints,
        findings=tuple(findings),
        suspects=ranking.suspects if ranking is not None else tuple(by_shape),
        ranking=ranking,
        labelers=people,
    )


def take_labels(project: Project | Path | str, source: Literal["csv", "h5"]) -> list[Finding]:
    """Where CSV and h5 differ, rewrite the other one from `source`; a missing one is made.

    Returns:
        One note for every file that was written.

    Raises:
        LabelsError: a source file is malformed.
        StorageError: a file cannot be written.
    """
    study = project if isinstance(project, Project) else Project(project)
    written = []
    for video in study.label_folders():
        for table in study.label_tables(video):
            n_points = take(study.root, table, source, study.scorer)
            if n_points is not None:
                target = "h5" if source == "csv" else "csv"
                where = f"{DATA_FOLDER}/{video}/{table.name}.{target}"
                message = (
                    f"rewritten from the {source}, {count(n_points, 'point')} changed"
                    if n_points
                    else f"written from the {source}"
                )
                written.append(Finding("note", "taken", where, message))
    return written


def _read_folders(study: Project) -> tuple[list[FolderLabels], list[Finding]]:
    """Labels of every folder that can be read, and what is odd about their tables."""
    folders: list[FolderLabels] = []
    findings: list[Finding] = []
    for video in study.label_folders():
        try:
            folder = study.folder_labels(video)
        except LabelsError as error:
            findings.append(Finding("error", "label table", f"{DATA_FOLDER}/{video}", _inside(study, error)))
            continue
        folders.append(folder)
        findings += [Finding("warning", LABEL_FILE, note.where, note.message) for note in folder.notes]
        findings += _tables(study, video)
    return folders, findings


def _tables(study: Project, video: str) -> list[Finding]:
    """Label files without their twin, twins that differ, tables of other names."""
    findings = []
    tables = study.label_tables(video)
    for table in tables:
        if table.h5 is None:
            message = "no h5 beside it: DeepLabCut reads only the h5; 'markerless check PROJECT --take csv' makes it"
            findings.append(Finding("note", "no h5", table.where, message))
        elif table.csv is not None and not table.csv_is_newer:  # a newer one is among the notes of the folder
            note = compare_csv(table, table.read())
            if note is not None:
                findings.append(Finding("warning", "csv differs", note.where, note.message))
    used = {path for table in tables for path in (table.h5, table.csv)}
    for path in _files(study.root / DATA_FOLDER / video, (".csv", ".h5")):
        if path not in used:
            what = (
                "a network's labels, not yet refined"
                if path.name.lower().startswith("machine")
                else "not a label file by its name"
            )
            message = f"{what}; not used: label files are named CollectedData_<scorer>"
            findings.append(Finding("note", "other table", f"{DATA_FOLDER}/{video}/{path.name}", message))
    return findings


def _no_labels(earlier: Sequence[Finding]) -> list[Finding]:
    if any(finding.level == "error" for finding in earlier):
        return []
    message = "no labels; label some frames with 'markerless app'"
    return [Finding("error", "no labels", DATA_FOLDER, message)]


def _config(study: Project) -> list[Finding]:
    """Oddities of config.yaml that do not keep the project from opening."""
    name = study.config_path.name
    findings = [Finding("warning", "config", name, note.removeprefix(f"{name}: ")) for note in study.notes]
    sets = video_sets(study.config)
    found = study.video_sets()
    strange = [key for key in sets if key not in found]
    if strange:
        message = f"'{strange[0]}' in video_sets is no path to a video; harmless here, DeepLabCut wants one"
        findings.append(Finding("note", "placeholder", name, message))
    for key, place in found.items():
        if place is None:
            message = "neither in videos/ nor at its path in video_sets; only extracting frames from it needs it"
            findings.append(Finding("note", "video not found", file_name(key), message))
    if not strange:
        known = {stem(key) for key in sets}
        for video in study.label_folders():
            if video not in known and study.label_tables(video):
                message = "no video of this name in video_sets of config.yaml: used here, DeepLabCut would skip it"
                findings.append(Finding("note", "folder without video", f"{DATA_FOLDER}/{video}", message))
    return findings + _crops(study)


def _crops(study: Project) -> list[Finding]:
    """What `cropping` in the config means for the videos."""
    if not is_yes(study.config.get("cropping")):
        return []
    findings = []
    for video in study.videos():
        try:
            crop = study.crop_of(video)
        except MarkerlessError as error:
            findings.append(Finding("error", "crop", video.name, _inside(study, error)))
            continue
        if crop is not None:
            message = f"cropping is true: analysis is confined to x1, x2, y1, y2 = {', '.join(map(str, crop))}"
            findings.append(Finding("note", "crop", video.name, message))
    return findings


def _pictures(study: Project, labels: Labels, progress: Progress) -> tuple[dict[str, tuple[int, int]], list[Finding]]:
    """Sizes of the labeled pictures that can be read; what is wrong with pictures, labeled or not."""
    sizes: dict[str, tuple[int, int]] = {}
    findings: list[Finding] = []
    equal: dict[bytes, list[str]] = defaultdict(list)
    pictures = {frame.image: frame.path for frame in labels.frames}
    for video in study.label_folders():
        for path in _files(study.root / DATA_FOLDER / video, IMAGE_SUFFIXES):
            pictures.setdefault(f"{DATA_FOLDER}/{video}/{path.name}", path)
    for done, (image, place) in enumerate(pictures.items()):
        progress(done, len(pictures), "")
        if place is None:
            message = "labeled, but there is no such picture; put it back, or delete the row"
            findings.append(Finding("error", "missing image", image, message))
            continue
        try:
            rgb = read_image(place)
        except VideoError as error:
            findings.append(Finding("error", "unreadable image", image, _inside(study, error)))
            continue
        sizes[image] = (rgb.shape[1], rgb.shape[0])
        # by pixels, so that a copy saved anew is found as well
        digest = hashlib.blake2b(rgb.tobytes() + str(rgb.shape).encode("ascii"), digest_size=16)
        equal[digest.digest()].append(image)
    return sizes, findings + _same_pictures(
        [images for images in equal.values() if len(images) > 1], set(labels.images)
    )


def _same_pictures(groups: Sequence[Sequence[str]], labeled: set[str]) -> list[Finding]:
    """One finding for every picture that is there twice; one for many of the same two folders."""
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for first, *others in groups:
        for other in others:
            pairs[str(PurePosixPath(first).parent), str(PurePosixPath(other).parent)].append((first, other))
    findings = []
    for (one, two), same in pairs.items():
        both = [pair for pair in same if labeled.issuperset(pair)]
        effect = "their labels count twice, and a split may train on what it tests" if both else "not all are labeled"
        level: Level = "warning" if both else "note"
        if one != two and len(same) > MOST_SINGLE:
            message = f"{len(same)} pictures are also in {one} (first {PurePosixPath(same[0][1]).name}): {effect}"
            findings.append(Finding(level, SAME_IMAGE, two, message))
        else:
            findings += [Finding(level, SAME_IMAGE, b, f"the same picture as {a}: {effect}") for a, b in same]
    return findings


def _of_labels(labels: Labels, sizes: dict[str, tuple[int, int]], of_pictures: Sequence[Finding]) -> list[Finding]:
    """What the labels alone tell; equal labels on pictures already known to be equal are no news."""
    same = tuple(finding.where for finding in of_pictures if finding.kind == SAME_IMAGE)
    found = label_findings(labels, sizes)
    return [
        finding
        for finding in found
        if not (same and finding.kind == "repeated labels" and finding.where.startswith(same))
    ]


def _inside(study: Project, error: Exception) -> str:
    """The error's line with paths as seen from the project, whose folder the user knows."""
    return str(error).replace(f"{study.root}{os.sep}", "")


def _unlabeled_pictures(study: Project, folders: Sequence[FolderLabels]) -> list[Finding]:
    """Folders without labels, pictures without a row."""
    findings = []
    rows = {frame.path for folder in folders for frame in folder.frames}
    for folder in folders:
        where = f"{DATA_FOLDER}/{folder.folder.name}"
        pictures = _files(folder.folder, IMAGE_SUFFIXES)
        without = [path for path in pictures if path not in rows]
        if not pictures and not folder.frames:
            findings.append(
                Finding("note", "empty folder", where, "no pictures yet; extract frames with 'markerless extract'")
            )
        elif not folder.revision:
            message = f"{count(len(pictures), 'picture')}, no label file: not labeled yet"
            findings.append(Finding("warning", "no label file", where, message))
        elif without:
            message = (
                f"{len(without)} of {count(len(pictures), 'picture')} without a label row, first {without[0].name}"
            )
            findings.append(Finding("note", "images without rows", where, message))
    return findings


def _suspicious(ranked: Sequence[Suspect]) -> list[Finding]:
    """Exchanged points as warnings; that there are other suspects, as a note."""
    findings = [Finding("warning", f"{s.kind} labels", s.image, s.message) for s in ranked if s.kind in WHOLE]
    others = len(ranked) - len(findings)
    if others:
        message = f"unusual labels: {others}; '--suspects' ranks them"
        findings.append(Finding("note", "suspects", "labels", message))
    return findings


def _labelers(people: Labelers) -> list[Finding]:
    """That people can be compared, and how far apart they are."""
    apart = people.distances_px
    if not len(apart):
        return []
    message = (
        f"{count(people.n_frames, 'frame')} labeled more than once, {np.median(apart):.1f} px apart (median); "
        "'--labelers' compares them"
    )
    return [Finding("note", "labelers", "labels", message)]


def _videos(study: Project) -> list[Finding]:
    """Videos that cannot be read, and what the reader has to say about the others."""
    findings = []
    for path in study.videos():
        where = f"videos/{path.name}" if path.parent == study.root / "videos" else str(path)
        try:
            with open_video(path) as reader:
                reader[0]
                findings += [Finding("note", "video", where, note) for note in reader.notes]
        except VideoError as error:
            findings.append(Finding("warning", "unreadable video", where, _inside(study, error)))
    return findings


def _runs(study: Project) -> list[Finding]:
    """Training results that are damaged or unfinished."""
    folder = study.root / RUNS_FOLDER
    findings = []
    entries = sorted(folder.iterdir(), key=lambda entry: natural_key(entry.name)) if folder.is_dir() else []
    for entry in entries:
        if not entry.is_dir() or entry.name.startswith("."):
            continue
        where = f"{RUNS_FOLDER}/{entry.name}"
        try:
            run = Run.open(entry)
        except RunError as error:
            findings.append(Finding("warning", "run", where, _inside(study, error)))
            continue
        if not run.finished:
            findings.append(Finding("note", "run", where, "not finished; 'markerless train' goes on with it"))
    return findings


def _files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Visible files of these kinds in a folder, in natural order."""
    if not folder.is_dir():
        return []
    chosen = [p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith((".", "~$"))]
    return sorted(chosen, key=lambda path: natural_key(path.name))
