"""Trajectories of videos: the verb `analyze`.

Every video is worked on in blocks whose results are kept in a hidden folder beside the result files. When the last
block is there, h5, csv and nc are written in one pass and moved into place. An interrupted analysis goes on after the
last finished block and ends with the same bytes; a finished one is skipped as long as model, video and settings are
what they were.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from pydantic import Field, field_validator

from markerless.config import Settings
from markerless.core.progress import Progress, silent
from markerless.core.tracks import Tracks
from markerless.core.video import Video, fingerprint
from markerless.errors import RunError, SettingsError, StorageError, VideoError
from markerless.pipeline.result_files import ResultFiles, refuse_twins
from markerless.runtime.engine import ENGINES, EngineOptions, Session, open_session
from markerless.runtime.partial import Partial
from markerless.runtime.stream import Block, View, blocks, predict, within
from markerless.version import VERSION
from markerless.video.listing import find_videos
from markerless.video.reader import open_video

if TYPE_CHECKING:
    from markerless.project import Project, Run
    from markerless.video.reader import VideoReader

LIKELIHOOD_DEFINITION = (
    "height of the network's score map at the keypoint, 0 to 1, shifted so that a typical labeled point has 0.95; "
    "not calibrated, no probability"
)
LISTED_FRAMES = 100
LAYOUT = 1  # raised when the same model, video and settings give other numbers than before
Crop = tuple[int, int, int, int]
Several = Sequence[Path] | list[str] | tuple[str, ...] | list[str | Path]  # and not one str, which is a sequence too


class AnalyzeSettings(Settings):
    """How videos are analyzed; `--set analyze.<name>=<value>`."""

    engine: str = Field("openvino", description="What runs the network: openvino or onnxruntime.")
    precision: Literal["auto", "f32", "bf16"] = Field(
        "auto", description="Arithmetic of the network; auto is bf16 where the processor has it, else f32."
    )
    threads: int = Field(0, ge=0, le=256, description="Processor threads; 0 takes all. Results do not depend on it.")
    batch_size: int = Field(1, ge=1, le=64, description="Frames of one request; 1 is fastest on a processor.")
    crop: Crop | None = Field(None, description="Look only at this region: x1,x2,y1,y2 in pixels.")
    start_s: float | None = Field(None, ge=0, description="Analyze from this time in seconds; rows before it are NaN.")
    stop_s: float | None = Field(None, gt=0, description="Analyze up to this time in seconds; rows from it on are NaN.")

    @field_validator("crop", mode="before")
    @classmethod
    def _crop_from_text(cls, value: object) -> object:
        return value.split(",") if isinstance(value, str) else value

    @field_validator("crop")
    @classmethod
    def _crop_is_a_region(cls, value: Crop | None) -> Crop | None:
        if value is not None and not (0 <= value[0] < value[1] and 0 <= value[2] < value[3]):
            raise ValueError("expected x1,x2,y1,y2 with 0 <= x1 < x2 and 0 <= y1 < y2")
        return value


@dataclass(frozen=True)
class Analysis:
    """What became of one video.

    Attributes:
        video: The video, or what the user named where that is no video.
        status: "analyzed"; "unchanged" when the files of an earlier analysis are up to date; "failed".
        files: Result files: h5, csv, nc; empty when it failed.
        n_frames: Rows of the result = frames of the video.
        n_broken: Frames that could not be decoded; their rows are NaN.
        notes: One line each: what the user should know.
        error: One line, "" unless it failed.
        rate: Frames per second of wall time, from opening the video to the files written; 0 when nothing was to do.
        provenance: How the result was made, as in the nc file.
    """

    video: Path
    status: Literal["analyzed", "unchanged", "failed"]
    files: tuple[Path, ...] = ()
    n_frames: int = 0
    n_broken: int = 0
    notes: tuple[str, ...] = ()
    error: str = ""
    rate: float = 0.0
    provenance: dict[str, Any] = field(default_factory=dict)

    def tracks(self) -> Tracks:
        """The trajectories, read from the nc file."""
        from markerless.formats import movement

        return movement.read(self.files[-1])


@overload
def analyze(
    source: Project | Run,
    videos: str | Path,
    settings: AnalyzeSettings | None = None,
    *,
    run: str | None = None,
    out: Path | str | None = None,
    progress: Progress = silent,
) -> Tracks: ...


@overload
def analyze(
    source: Project | Run,
    videos: Several,
    settings: AnalyzeSettings | None = None,
    *,
    run: str | None = None,
    out: Path | str | None = None,
    progress: Progress = silent,
) -> list[Analysis]: ...


def analyze(
    source: Project | Run,
    videos: str | Path | Several,
    settings: AnalyzeSettings | None = None,
    *,
    run: str | None = None,
    out: Path | str | None = None,
    progress: Progress = silent,
) -> Tracks | list[Analysis]:
    """Find every keypoint in every frame of videos, and write `<video><scorer>.h5`, `.csv` and `.nc`.

    Args:
        source: A project (its newest finished run is used, or `run`), or a run.
        videos: One video file or folder of images; or a list of files, folders and globs.
        settings: Engine, precision, threads, crop, time.
        run: Name of the project's run.
        out: Folder of the result files; default: beside each video.
        progress: Told of frames as they are finished.

    Returns:
        For one video its trajectories, in pixels of the whole frame; for a list what became of each video.

    Raises:
        RunError: no finished run, or its model is damaged.
        SettingsError: an unknown engine, an impossible precision, a crop outside of the frame.
        VideoError, StorageError: one video was given and cannot be read or its results not written. With a list that
            is a result of status "failed", and the other videos are analyzed all the same.
    """
    trained, project = _resolve(source, run)
    single = isinstance(videos, str | Path)
    paths, errors = find_videos([videos] if isinstance(videos, str | Path) else [*videos])
    if single and errors:
        raise next(iter(errors.values()))
    if single and len(paths) != 1:
        raise VideoError(
            f"expected one video, {videos} holds {len(paths)}; give a list: analyze(run, [{str(videos)!r}])"
        )
    analyst = _Analyst(trained, project, settings or AnalyzeSettings(), progress)
    targets = [ResultFiles.of(path, trained.scorer, out) for path in paths]
    refuse_twins(targets)
    results = [Analysis(path, "failed", error=str(error)) for path, error in errors.items()]
    try:
        for target in targets:
            try:
                results.append(analyst.analyze(target))
            except (VideoError, StorageError) as error:
                if single:
                    raise
                results.append(Analysis(target.video, "failed", error=str(error)))
    finally:
        analyst.close()
    return results[0].tracks() if single else results


def _resolve(source: Project | Run, run: str | None) -> tuple[Run, Project | None]:
    """The run to use and the project it belongs to; a run outside of a project has none."""
    from markerless.project import Project, Run

    if isinstance(source, Run):
        home = source.folder.parent.parent
        return source, Project(home) if (home / "config.yaml").is_file() else None
    return source.run(run), source


class _Analyst:
    """Analyzes one video after the other; keeps the model open as long as the frames have the same size."""

    def __init__(self, run: Run, project: Project | None, settings: AnalyzeSettings, progress: Progress) -> None:
        ENGINES.get(settings.engine)
        self._run = run
        self._project = project
        self._settings = settings
        self._progress = progress
        self._session: Session | None = None
        self._model_sha256 = _sha256(run.model)

    def analyze(self, target: ResultFiles) -> Analysis:
        """Everything for one video.

        Raises:
            VideoError: it cannot be read.
            StorageError: its results cannot be written.
        """
        crop = self._crop(target.video)
        identity = self._identity(target.video, crop)
        finished = _up_to_date(target, identity["analysis_fingerprint"])
        if finished is not None:
            return finished
        began = time.monotonic()
        with open_video(target.video) as reader:
            video = reader.video
            view = _view(video, crop, strict=self._settings.crop is not None)
            first, last = _wanted(reader, self._settings)
            session = self._open(view)
            provenance = {
                **identity,
                **_how(session, view),
                "analyzed_frames": [first, last],
                "video_notes": list(reader.notes),
            }
            try:
                partial = Partial(target.partial, provenance)
            except StorageError as error:
                raise StorageError(f"{error}; --out DIR writes elsewhere") from error
            todo = within(blocks(reader.key_frames, video.n_frames), first, last)
            n_predicted = self._predict(reader, session, todo, view, partial)
        tracks = self._assemble(video, todo, partial, provenance)
        target.write(tracks)
        partial.remove()
        return _analysis(target, "analyzed", tracks.provenance, n_predicted / (time.monotonic() - began))

    def close(self) -> None:
        """Free the model."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _crop(self, video: Path) -> Crop | None:
        """The region to look at: the user's, else the project's. Pictures extracted from videos are cropped already."""
        if self._settings.crop is not None or self._project is None or video.is_dir():
            return self._settings.crop
        return self._project.crop_of(video)

    def _identity(self, video: Path, crop: Crop | None) -> dict[str, Any]:
        """What the result depends on, as the user has it in hand: equal identity, equal result."""
        settings = self._settings
        identity: dict[str, Any] = {
            "layout": LAYOUT,
            "run": self._run.name,
            "scorer": self._run.scorer,
            "keypoints": list(self._run.skeleton.keypoints),
            "model_sha256": self._model_sha256,
            "video_fingerprint": _video_fingerprint(video),
            "crop": None if crop is None else list(crop),
            "settings": settings.model_dump(mode="json", exclude={"threads", "crop"}),
        }
        text = json.dumps(identity, sort_keys=True)
        return {**identity, "analysis_fingerprint": hashlib.sha256(text.encode()).hexdigest()}

    def _open(self, view: View) -> Session:
        """The model for frames of this size."""
        settings = self._settings
        options = EngineOptions(
            height=view.height,
            width=view.width,
            batch_size=settings.batch_size,
            precision=settings.precision,
            threads=settings.threads,
        )
        if self._session is None or self._session.options != options:
            self.close()
            self._session = open_session(settings.engine, self._run.model, options, self._run.skeleton.n_keypoints)
        return self._session

    def _predict(
        self, reader: VideoReader, session: Session, todo: Sequence[Block], view: View, partial: Partial
    ) -> int:
        """Predict the blocks that are not in `partial` yet, and keep them there; the number of frames."""
        total = sum(block.stop - block.start for block in todo)
        missing = [block for block in todo if partial.load(block) is None]
        n_missing = sum(block.stop - block.start for block in missing)
        done = total - n_missing
        name = reader.video.path.name
        self._progress(done, total, name)

        def on_frames(n_frames: int) -> None:
            nonlocal done
            done += n_frames
            self._progress(done, total, name)

        n_keypoints = self._run.skeleton.n_keypoints
        with closing(predict(reader, session, missing, view, n_keypoints, on_frames)) as predictions:
            for prediction in predictions:
                partial.save(prediction)
        return n_missing

    def _assemble(self, video: Video, todo: Sequence[Block], partial: Partial, provenance: dict[str, Any]) -> Tracks:
        """The finished blocks as one value; NaN in the frames that are in no block or could not be decoded."""
        n_keypoints = self._run.skeleton.n_keypoints
        points = np.full((video.n_frames, 1, n_keypoints, 2), np.nan)
        score = np.full((video.n_frames, 1, n_keypoints), np.nan)
        broken: list[int] = []
        for block in todo:
            prediction = partial.load(block)
            if prediction is None:
                raise StorageError(
                    f"expected frames {block.start} to {block.stop - 1} in {partial.folder}, they were removed "
                    "while the analysis ran (another analysis of the same video?); run the same command again"
                )
            points[block.start : block.stop, 0] = prediction.xy
            score[block.start : block.stop, 0] = prediction.score
            broken += (np.flatnonzero(~prediction.decoded) + block.start).tolist()
        counts = {
            "n_frames": video.n_frames,
            "n_broken_frames": len(broken),
            "broken_frames": broken[:LISTED_FRAMES],
        }
        return Tracks(
            self._run.skeleton,
            points,
            score,
            fps=video.fps,
            video=video.path.name,
            scorer=self._run.scorer,
            provenance={**provenance, **counts},
        )


def _how(session: Session, view: View) -> dict[str, Any]:
    """How the numbers came about, for the provenance. No times of day and no speeds: equal input gives equal bytes."""
    return {
        "software": f"markerless {VERSION}",
        "engine": session.name,
        "engine_version": session.version,
        "precision": session.precision,
        "crop_offset_px": [view.left, view.top],
        "likelihood_definition": LIKELIHOOD_DEFINITION,
    }


def _view(video: Video, crop: Crop | None, strict: bool) -> View:
    """The part of the frame to look at.

    Raises:
        SettingsError: the region reaches beyond the frame, and the user asked for it (`strict`).
        VideoError: the project's region has nothing in common with the frame.
    """
    if crop is None:
        return View.whole(video.width, video.height)
    left, right, top, bottom = crop
    frame = f"{video.path.name} is {video.width} x {video.height} pixels"
    if strict and (right > video.width or bottom > video.height):
        raise SettingsError(
            f"expected a crop x1,x2,y1,y2 inside of the frame, got {left},{right},{top},{bottom}; {frame}"
        )
    right, bottom = min(right, video.width), min(bottom, video.height)
    if left >= right or top >= bottom:
        raise VideoError(
            f"expected the project's crop x1,x2,y1,y2 to lie in the frame, got {crop}; {frame}; fix config.yaml"
        )
    return View(left, top, right - left, bottom - top)


def _wanted(reader: VideoReader, settings: AnalyzeSettings) -> tuple[int, int]:
    """First frame to analyze and the one after the last.

    Raises:
        VideoError: no frame lies between start and stop, or pictures, which have no times.
    """
    n_frames = reader.video.n_frames
    if settings.start_s is None and settings.stop_s is None:
        return 0, n_frames
    times = reader.times_s
    name = reader.video.path.name
    if not np.isfinite(times).all():
        raise VideoError(f"expected a video for --start and --stop; {name} is a folder of images, which have no times")
    first = 0 if settings.start_s is None else int(np.searchsorted(times, settings.start_s))
    last = n_frames if settings.stop_s is None else int(np.searchsorted(times, settings.stop_s))
    if first >= last:
        start, stop = settings.start_s or 0.0, "the end" if settings.stop_s is None else f"{settings.stop_s} s"
        raise VideoError(f"no frame of {name} lies between {start} s and {stop}; it lasts {times[-1]:.1f} s")
    return first, last


def _up_to_date(target: ResultFiles, analysis_fingerprint: str) -> Analysis | None:
    """The earlier result, when all its files are there and it was made of the same model, video and settings."""
    provenance = target.provenance()
    if provenance is None or provenance.get("analysis_fingerprint") != analysis_fingerprint:
        return None
    shutil.rmtree(target.partial, ignore_errors=True)
    return _analysis(target, "unchanged", provenance, 0.0)


def _analysis(
    target: ResultFiles, status: Literal["analyzed", "unchanged"], provenance: dict[str, Any], rate: float
) -> Analysis:
    n_frames, n_broken = int(provenance["n_frames"]), int(provenance["n_broken_frames"])
    return Analysis(target.video, status, target.files, n_frames, n_broken, _notes(provenance), "", rate, provenance)


def _notes(provenance: dict[str, Any]) -> tuple[str, ...]:
    """What the user should know of a result, one line each."""
    notes = list(provenance["video_notes"])
    n_frames, n_broken = provenance["n_frames"], provenance["n_broken_frames"]
    first, last = provenance["analyzed_frames"]
    if n_broken:
        listed = ", ".join(str(index) for index in provenance["broken_frames"][:10])
        more = ", ..." if n_broken > 10 else ""
        notes.append(f"frames that cannot be decoded, rows of NaN: {n_broken} ({listed}{more})")
    if (first, last) != (0, n_frames):
        notes.append(f"analyzed frames {first} to {last - 1}; the rows of the other frames are NaN")
    if provenance["crop"] is not None:
        notes.append(
            f"looked only at x1,x2,y1,y2 = {','.join(map(str, provenance['crop']))}; results are full-frame pixels"
        )
    return tuple(notes)


def _sha256(model: Path) -> str:
    try:
        with model.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunError(
            f"expected a trained network at {model}, cannot read it ({error.strerror}); "
            "train again, or choose another --run"
        ) from error


def _video_fingerprint(video: Path) -> str:
    try:
        return fingerprint(video)
    except OSError as error:
        raise VideoError(f"cannot read {video}: {error.strerror}; check the file and its permissions") from error
