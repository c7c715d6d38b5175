"""What a page may have done: a closed list of verbs, each with checked parameters, turned into words of the command
line. No word comes from a page unchecked: names match a pattern, paths are files below the allowed folders, settings
are of a closed list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from markerless.errors import ProjectError, SettingsError
from markerless.pipeline.run_files import free_name
from markerless.pipeline.training_outlook import INSTALL, missing_libraries
from markerless.project import Project
from markerless.server.job_record import Order
from markerless.server.workspace import Workspace

RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,24}$")]
PathText = Annotated[str, Field(min_length=1, max_length=4096)]
Minutes = Annotated[float, Field(ge=0.5, le=7 * 24 * 60, allow_inf_nan=False)]


class Asked(BaseModel):
    """Base of what is asked for: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class TrainChoices(Asked):
    """Settings of a training that the page offers; what is not given is left to markerless."""

    size: Literal["auto", "small", "large"] | None = None
    variant: Literal["lite0", "lite1", "lite2"] | None = None
    weights: Literal["imagenet", "none"] | None = None
    width: Annotated[int, Field(ge=8, le=1024)] | None = None
    steps: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=256)] | None = None
    crossfits: Annotated[int, Field(ge=0, le=10)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    crop: Annotated[int, Field(ge=32, le=4096)] | None = None
    flip: Literal["auto", "on", "off"] | None = None

    def words(self) -> list[str]:
        """As options of the command line."""
        given = self.model_dump(exclude_none=True)
        return [word for key, value in given.items() for word in ("--set", f"{GROUP_OF[key]}.{key}={value}")]


GROUP_OF = {
    "size": "net",
    "variant": "net",
    "weights": "net",
    "width": "net",
    "steps": "train",
    "batch_size": "train",
    "crossfits": "train",
    "seed": "train",
    "crop": "data",
    "flip": "data",
}


class Train(Asked):
    """A training; without `run` a new one, else the one of that name, gone on with where it is unfinished."""

    kind: Literal["train"]
    run: RunName | None = None
    start_from: RunName | None = Field(None, alias="from")
    minutes: Minutes | None = None
    split: Literal["default", "all"] = "default"
    choices: TrainChoices = TrainChoices()

    def order(self, project: Project, workspace: Workspace, taken: frozenset[str]) -> Order:
        """Raises:
        SettingsError: something that trains is not installed.
        RunError: the run to begin from does not exist or is not finished.
        """
        missing = missing_libraries()
        if missing:
            raise SettingsError(f"training needs {', '.join(missing)}, not installed here; run: {INSTALL}")
        if self.start_from is not None:
            project.run(self.start_from)
        run = self.run or free_name(project.root, taken)
        words = ["train", str(project.root), f"--run={run}"]
        words += [f"--from={self.start_from}"] if self.start_from else []
        words += ["--minutes", f"{self.minutes:g}"] if self.minutes is not None else []
        words += ["--all"] if self.split == "all" else []
        title = f"training {run}" + (f" from {self.start_from}" if self.start_from else "")
        return _order("train", title, project, [*words, *self.choices.words()], run)


class Evaluate(Asked):
    """The errors of a run."""

    kind: Literal["evaluate"]
    run: RunName

    def order(self, project: Project, workspace: Workspace, taken: frozenset[str]) -> Order:
        """Raises:
        RunError: the run does not exist or is not finished.
        """
        project.run(self.run)
        words = ["evaluate", str(project.root), f"--run={self.run}"]
        return _order("evaluate", f"evaluating {self.run}", project, words, self.run)


class Analyze(Asked):
    """Trajectories of videos."""

    kind: Literal["analyze"]
    videos: Annotated[list[PathText], Field(min_length=1, max_length=200)]
    run: RunName | None = None

    def order(self, project: Project, workspace: Workspace, taken: frozenset[str]) -> Order:
        """Raises:
        ProjectError: a video is none of the project.
        RunError: the run does not exist or is not finished.
        """
        run = project.run(self.run)
        videos = [_own_video(text, project) for text in self.videos]
        words = ["analyze", str(project.root), *map(str, videos), f"--run={run.name}"]
        what = videos[0].name if len(videos) == 1 else f"{len(videos)} videos"
        return _order("analyze", f"analyzing {what}", project, words, run.name)


class Draw(Asked):
    """A labeled video, or figures, of trajectories."""

    kind: Literal["render", "plot"]
    video: PathText
    tracks: PathText | None = None

    def order(self, project: Project, workspace: Workspace, taken: frozenset[str]) -> Order:
        """Raises:
        ProjectError: the video is none of the project, or the tracks are not there or not to be seen.
        """
        video = _own_video(self.video, project)
        tracks = ["--tracks", str(_file(self.tracks, project, workspace))] if self.tracks is not None else []
        return _order(self.kind, f"{DRAWN[self.kind]} of {video.name}", project, [self.kind, str(video), *tracks])


DRAWN = {"render": "drawing the labeled video", "plot": "drawing figures"}
AnyJob = Annotated[Train | Evaluate | Analyze | Draw, Field(discriminator="kind")]


def _order(kind: str, title: str, project: Project, words: list[str], run: str = "") -> Order:
    return Order(kind, title, str(project.root), tuple(words), run)


def _own_video(text: str, project: Project) -> Path:
    """The video of the project that is named, by its name or its path.

    Raises:
        ProjectError: there is none.
    """
    for video in project.videos():
        if text in (video.name, str(video)):
            return video
    raise ProjectError(f"expected a video of this project, got {text!r}; add it to the project first")


def _file(text: str, project: Project, workspace: Workspace) -> Path:
    """The absolute path of a file or folder that is there; a relative one is of the project.

    Raises:
        ProjectError: it is not there, or outside of the allowed folders.
    """
    given = Path(text)
    path = workspace.within(given if given.is_absolute() else project.root / given)
    if not path.exists():
        raise ProjectError(f"expected a file, got none at {path}; load the page again")
    return path
