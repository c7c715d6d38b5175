"""Analyzes one video after the other: what `analyze` does with each."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.progress import Progress
from markerless.core.tracks import Tracks
from markerless.core.video import Video, fingerprint
from markerless.core.view import View
from markerless.errors import StorageError, VideoError
from markerless.pipeline import unlike
from markerless.pipeline.analyze_settings import AnalyzeSettings, Crop
from markerless.pipeline.calibration import calibration, likelihood_definition, spread
from markerless.pipeline.instrument import Instrument
from markerless.pipeline.method import Method, choose_method
from markerless.pipeline.result_files import ResultFiles, load_writers
from markerless.pipeline.scene import Scene, crop_of, model_sha256, scene_of
from markerless.runtime.blocks import Block, blocks, within
from markerless.runtime.engine import ENGINES
from markerless.runtime.partial import Partial
from markerless.version import VERSION
from markerless.video.reader import open_video

if TYPE_CHECKING:
    from markerless.project import Project, Run
    from markerless.video.reader import VideoReader

LISTED_FRAMES = 100
LAYOUT = 5  # raised when the same model, video and settings give other numbers than before


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
        speed_up: How many times as fast as whole frames the region was when it was measured (`Method.speed_up`).
        measuring_s: How long it was measured beforehand what is fastest; NaN when that was known.
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
    speed_up: float = math.nan
    measuring_s: float = math.nan

    @property
    def fallback_share(self) -> float:
        """Share of the analyzed frames that were looked at whole."""
        first, last = self.provenance.get("analyzed_frames", (0, 0))
        return float(self.provenance.get("n_whole_frames", 0) / max(last - first, 1))

    def tracks(self) -> Tracks:
        """The trajectories, read from the nc file."""
        from markerless.formats import movement

        return movement.read(self.files[-1])


class Analyst:
    """Analyzes one video after the other; keeps the model open as long as the frames have the same size."""

    def __init__(self, run: Run, project: Project | None, settings: AnalyzeSettings, progress: Progress) -> None:
        if settings.engine != "auto":
            ENGINES.get(settings.engine)
        self._run = run
        self._project = project
        self._settings = settings
        self._progress = progress
        self._instrument: Instrument | None = None
        self._measuring_s = math.nan
        self._model_sha256 = model_sha256(run)
        self._familiar = unlike.familiar_of(run)

    def analyze(self, target: ResultFiles) -> Analysis:
        """Everything for one video.

        Raises:
            VideoError: it cannot be read.
            StorageError: its results cannot be written.
        """
        crop = crop_of(target.video, self._project, self._settings)
        identity = self._identity(target.video, crop)
        finished = _up_to_date(target, identity["analysis_fingerprint"])
        if finished is not None:
            return finished
        began = time.monotonic()
        with open_video(target.video) as reader:
            video = reader.video
            scene = scene_of(self._run, self._project, reader, self._settings)
            first, last = _wanted(reader, self._settings)
            method = choose_method(scene, self._settings, self._progress)
            writers = load_writers()  # while the network is opened a core is idle; not before, when it is measured
            instrument = self._open(scene, method)
            provenance = {
                **identity,
                **_how(instrument, scene),
                "analyzed_frames": [first, last],
                "video_notes": list(reader.notes),
            }
            try:
                partial = Partial(target.partial, provenance)
            except StorageError as error:
                raise StorageError(f"{error}; --out DIR writes elsewhere") from error
            todo = within(blocks(reader.key_frames, video.n_frames), first, last)
            with ThreadPoolExecutor(1) as beside:
                looking = beside.submit(self._look, reader, scene.view, first, last)
                n_predicted = self._predict(reader, instrument, todo, partial)
            seen = looking.result()
        writers.join()
        tracks = self._assemble(video, todo, partial, provenance, instrument.session.has_expected_error)
        if self._familiar is not None and seen is not None:
            found = unlike.named(unlike.compare(self._familiar, seen, tracks), reader)
            tracks = replace(tracks, provenance={**tracks.provenance, unlike.KEY: found})
        target.write(tracks)
        partial.remove()
        result = _analysis(target, "analyzed", tracks.provenance, n_predicted / (time.monotonic() - began))
        return replace(result, speed_up=instrument.method.speed_up, measuring_s=self._measuring_s)

    def _look(self, reader: VideoReader, view: View, first: int, last: int) -> FloatArray | None:
        """How some frames look, where it is known how the training frames do; for another thread than the reader's."""
        if self._familiar is None:
            return None
        with reader.again() as own:
            return unlike.looks(own, view, first, last)

    def close(self) -> None:
        """Free the model."""
        if self._instrument is not None:
            self._instrument.close()
            self._instrument = None

    def _identity(self, video: Path, crop: Crop | None) -> dict[str, Any]:
        """What the result depends on, as the user has it in hand: equal identity, equal result."""
        settings = self._settings
        identity: dict[str, Any] = {
            "layout": LAYOUT,
            "run": self._run.name,
            "scorer": self._run.scorer,
            "keypoints": list(self._run.skeleton.keypoints),
            "model_sha256": self._model_sha256,
            "video_fingerprint": fingerprint(video),
            "crop": None if crop is None else list(crop),
            "settings": settings.model_dump(mode="json", exclude={"threads", "crop"}),
        }
        text = json.dumps(identity, sort_keys=True)
        return {**identity, "analysis_fingerprint": hashlib.sha256(text.encode()).hexdigest()}

    def _open(self, scene: Scene, method: Method) -> Instrument:
        """The network, open for the frames of this video; the same one as long as their size stays."""
        self._measuring_s = method.measuring_s
        if self._instrument is None or not self._instrument.fits(scene, method):
            self.close()
            self._instrument = Instrument(scene, method, self._settings.threads)
        return self._instrument

    def _predict(self, reader: VideoReader, instrument: Instrument, todo: Sequence[Block], partial: Partial) -> int:
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

        with closing(instrument.predict(reader, missing, on_frames)) as predictions:
            for prediction in predictions:
                partial.save(prediction)
        return n_missing

    def _assemble(
        self, video: Video, todo: Sequence[Block], partial: Partial, provenance: dict[str, Any], has_error: bool
    ) -> Tracks:
        """The finished blocks as one value; NaN in the frames that are in no block or could not be decoded."""
        n_keypoints = self._run.skeleton.n_keypoints
        points = np.full((video.n_frames, 1, n_keypoints, 2), np.nan)
        score = np.full((video.n_frames, 1, n_keypoints), np.nan)
        error = np.full_like(score, np.nan) if has_error else None
        broken: list[int] = []
        n_whole = 0
        for block in todo:
            prediction = partial.load(block)
            if prediction is None:
                raise StorageError(
                    f"expected frames {block.start} to {block.stop - 1} in {partial.folder}, they were removed "
                    "while the analysis ran (another analysis of the same video?); run the same command again"
                )
            points[block.start : block.stop, 0] = prediction.xy
            score[block.start : block.stop, 0] = prediction.score
            if error is not None:
                error[block.start : block.stop, 0] = prediction.expected_error
            n_whole += int(prediction.whole.sum())
            broken += (np.flatnonzero(~prediction.decoded) + block.start).tolist()
        counts: dict[str, Any] = {
            "n_frames": video.n_frames,
            "n_broken_frames": len(broken),
            "broken_frames": broken[:LISTED_FRAMES],
            "n_whole_frames": n_whole,
        }
        errors = None if error is None else spread(error)
        if errors is not None:
            counts["expected_error"] = errors
        return Tracks(
            self._run.skeleton,
            points,
            score,
            error,
            fps=video.fps,
            video=video.path.name,
            scorer=self._run.scorer,
            provenance={**provenance, **counts},
        )


def _how(instrument: Instrument, scene: Scene) -> dict[str, Any]:
    """How the numbers came about, for the provenance.

    No times of day, and no speeds but those that were measured once and kept: equal input gives equal bytes.
    """
    table = calibration(scene.run)
    return {
        "software": f"markerless {VERSION}",
        **instrument.how(),
        "crop_offset_px": [scene.view.left, scene.view.top],
        "likelihood_definition": likelihood_definition(scene.run),
        **({} if table is None else {"calibration": table}),
    }


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
    return (*notes, *unlike.in_words(provenance.get(unlike.KEY, {}), provenance["run"]))
