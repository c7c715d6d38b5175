"""What accuracy is measured on: fixed splits of real studies, and which code does it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import markerless
from markerless.errors import ProjectError, SettingsError
from markerless.pipeline.new import NewRequest, new
from markerless.project import LabelSource, NewProject, Project

OPENFIELD = "openfield-Pranav-2018-10-30"
REACHING = "Reaching-Mackenzie-2018-08-30"
MIRROR_MOUSE = "mirror-mouse/CollectedData.csv"
BEES = "bee-lighting/CollectedData_apic.csv"
QUICK_FOLDS = (0, 1)
QUICK_STEPS = 600


@dataclass(frozen=True)
class Study:
    """A set with its splits.

    Attributes:
        name: What it is called here and in result files.
        source: A DeepLabCut project, or a label table to make one of, below the data folder.
        splits: File of each fold below `splits/`.
        video_ends_at: What in an image's name follows the name of its video, where all pictures are in one folder; ""
            where folders tell the videos apart.
        starts_from: Study whose network is adapted; "" to start as usual.
    """

    name: str
    source: str
    splits: tuple[str, ...]
    video_ends_at: str = ""
    starts_from: str = ""

    def video(self, image: str) -> str:
        """The video an image is of, as far as names tell."""
        if not self.video_ends_at:
            return image.rpartition("/")[0]
        name = image.rpartition("/")[2]
        found = name.find(self.video_ends_at)
        return name[:found] if found > 0 else name.rpartition("-")[0] or name


def _folds(pattern: str, n_folds: int) -> tuple[str, ...]:
    return tuple(pattern.format(fold) for fold in range(n_folds))


STUDIES = {
    study.name: study
    for study in (
        Study("openfield-n10", OPENFIELD, _folds("openfield-{}-n10.json", 5)),
        Study("openfield-n25", OPENFIELD, _folds("openfield-{}-n25.json", 5)),
        Study("openfield", OPENFIELD, _folds("openfield-{}.json", 5)),
        Study("reaching", REACHING, _folds("reaching-{}.json", 3)),
        Study("mirror-mouse", MIRROR_MOUSE, _folds("mirror-mouse-{}.json", 3)),
        Study("bee-lighting-old-light", BEES, ("bee-lighting-old-light.json",), video_ends_at="_bee_"),
        Study(
            "bee-lighting-new-light",
            BEES,
            ("bee-lighting-new-light.json",),
            video_ends_at="_bee_",
            starts_from="bee-lighting-old-light",
        ),
    )
}


@dataclass(frozen=True)
class Task:
    """One network to train."""

    study: Study
    fold: int

    @property
    def name(self) -> str:
        return f"{self.study.name}_fold{self.fold}"

    @property
    def split(self) -> str:
        return self.study.splits[self.fold]


def tasks_of(names: Sequence[str], folds: Sequence[int] | None = None) -> list[Task]:
    """What has to be trained, the starts of others first.

    Args:
        names: Names of studies.
        folds: Only these; None for all. A study of one split is its fold 0.

    Raises:
        SettingsError: no such study, or none has such a fold.
    """
    unknown = [name for name in names if name not in STUDIES]
    if unknown:
        raise SettingsError(f"expected sets out of {', '.join(STUDIES)}, got '{unknown[0]}'")
    chosen = {*names, *(STUDIES[name].starts_from for name in names)}
    tasks = [
        Task(study, fold)
        for study in STUDIES.values()
        if study.name in chosen
        for fold in range(len(study.splits))
        if folds is None or fold in folds
    ]
    if not tasks:
        raise SettingsError(f"expected folds that {', '.join(names)} has (they are counted from 0), got {folds}")
    return tasks


def task_named(name: str) -> Task:
    """The task of `Task.name`."""
    study, _, fold = name.rpartition("_fold")
    return Task(STUDIES[study], int(fold))


def open_study(study: Study, data: Path, folder: Path) -> Project:
    """A writable project of a study in `folder`, shared by all studies of that source."""
    source = data / study.source
    if not source.exists():
        raise ProjectError(f"expected a study at {source}, got none; give the folder of the data with --data")
    made = folder / Path(study.source).parts[0]
    if made.is_dir():
        return Project(made)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:  # half a copy is never taken for a whole one
        if source.is_file():
            project = new(NewProject(made.name), NewRequest(Path(temporary), labels=LabelSource(source))).root
        else:
            project = Path(temporary) / made.name
            project.mkdir()
            shutil.copyfile(source / "config.yaml", project / "config.yaml")
            shutil.copytree(source / "labeled-data", project / "labeled-data", copy_function=shutil.copyfile)
        project.rename(made)
    return Project(made)


@dataclass(frozen=True)
class Code:
    """Which code gives a result.

    Attributes:
        commit: Short hash, with "-dirty" when the tree is changed.
        source: Digest of the package's files, as they are now.
    """

    commit: str
    source: str


def code_here() -> Code:
    """The code that is imported.

    Raises:
        ProjectError: it is not that of this benchmark, or not under git.
    """
    package = Path(markerless.__file__).resolve().parent
    root = Path(__file__).resolve().parents[1]
    if root not in package.parents:
        raise ProjectError(f"expected markerless of {root}, got that of {package}; run with PYTHONPATH={root / 'src'}")
    return Code(commit_of(root), source_digest(package))


def commit_of(root: Path) -> str:
    """Short hash of the commit; "-dirty" is added when a tracked file differs, or `src` has files that are not in it.

    Raises:
        ProjectError: not a git repository, or git is not installed.
    """
    commit = _git(root, "rev-parse", "--short=9", "HEAD").strip()
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    added = _git(root, "status", "--porcelain", "--", "src")
    return f"{commit}-dirty" if changed or added else commit


def source_digest(package: Path) -> str:
    """Digest of all modules below a folder, names and contents."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ProjectError(
            f"expected a git repository at {root}, to tell results of different code apart ({error})"
        ) from error
