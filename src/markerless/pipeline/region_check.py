"""Whether a region of interest gives what the whole frame gives: on labeled frames, and on a stretch of the video."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.view import View
from markerless.errors import MarkerlessError
from markerless.pipeline.calibration import seen_from
from markerless.project import Project, Run
from markerless.runtime.engine import EngineOptions, Session, open_session
from markerless.runtime.follow import FollowingModel, Found, Sessions, shrunk_size
from markerless.runtime.region import Region, padded, smallest_side
from markerless.video.images import read_image
from markerless.video.raw import RawFrame, RgbFrame
from markerless.video.reader import VideoReader

MARGINS = (0.1, 0.2, 0.3, 0.37, 0.45, 0.6, 0.8)  # around the animal, as a share of its size
TOGETHER = (1, 2, 4)
SHRINKS = (4, 3, 2)
MOST_STILLS = 40
STRETCHES, FRAMES_OF_STRETCH, FEWEST_OF_STRETCH = 4, 96, 8
STRETCH_BYTES = 192 << 20  # of decoded frames that are held at once
SAME_SHARE = 0.99  # of those points have to be in the same place
SAME_PX = 1.0
SAME_SHARE_OF_ANIMAL = 0.008
MOST_LOSS = 1.02  # mean error in the region against that in the whole frame
LOCATED_SHARE = 0.98


@dataclass(frozen=True)
class Still:
    """A labeled frame.

    Attributes:
        frame: The picture.
        xy: `(K, 2)` its labels, NaN where there is none.
        is_unseen: It did not train the run.
    """

    frame: RawFrame
    xy: FloatArray
    is_unseen: bool = True


@dataclass(frozen=True)
class Model:
    """A network, and what the region around an animal depends on.

    Attributes:
        run: The network.
        engine: What runs it.
        options: For whole frames, with the precision that was chosen.
        view: The part of the frame that is analyzed.
    """

    run: Run
    engine: str
    options: EngineOptions
    view: View

    def open(self, width: int, height: int, together: int = 1, inline: bool = False) -> Session:
        """The network for images of a size."""
        o = self.options
        options = EngineOptions(height, width, o.channels, together, o.precision, o.threads, inline)
        return open_session(self.engine, self.run.model, options, self.run.skeleton.n_keypoints)

    def open_small(self, region: Region) -> Session | None:
        """The network for frames made smaller; None where the animal is looked for in the frame as it is."""
        if region.shrink == 1:
            return None
        return self.open(*shrunk_size(self.view.width, self.view.height, region.shrink))

    def open_region(self, region: Region) -> Session:
        """The network for images of the region, for one thread."""
        return self.open(region.width, region.height, region.together, inline=True)

    def following(self, region: Region, sessions: Sessions) -> FollowingModel:
        """The network looking at a region, for one thread."""
        return FollowingModel(sessions, region, self.view, self.run.skeleton.n_keypoints)


def stills(run: Run, project: Project | None, view: View, most: int = MOST_STILLS) -> list[Still]:
    """Labeled frames of the view's size that did not train the run; where there are none, those that did."""
    if project is None:
        return []
    try:
        labels = project.labels().matching(run.skeleton)
    except MarkerlessError:
        return []
    unseen = _stills_among([*run.split["test"], *run.split["validation"]], labels, view, most)
    return unseen or [
        replace(still, is_unseen=False) for still in _stills_among(run.split["train"], labels, view, most)
    ]


def _stills_among(images: Sequence[str], labels: Labels, view: View, most: int) -> list[Still]:
    by_image = {frame.image: frame for frame in labels.frames}
    found: list[Still] = []
    for image in images:
        frame = by_image.get(image)
        if frame is None or frame.path is None or not frame.instances or len(found) >= most:
            continue
        try:
            rgb = read_image(frame.path)
        except MarkerlessError:
            continue
        if rgb.shape[:2] == (view.height, view.width) and view.left == view.top == 0:
            found.append(Still(RgbFrame(rgb), frame.instances[0].xy))
    return found


def grid_of(run: Run) -> int:
    """Pixels between places where the network's maps lie as in the whole frame."""
    return int(run.settings.get("data", {}).get("grid_px", 32))


def stride_of(run: Run) -> int:
    """Pixels of a frame along a side of a cell of the network's maps."""
    net = run.settings.get("net", {})
    return int(net.get("shrink", 1)) * int(net.get("stride", 8))


def candidates(run: Run, project: Project, view: View) -> list[Region]:
    """Regions to try, the smallest first: the largest labeled animals with more and more around them."""
    try:
        labels = project.labels()
    except MarkerlessError:
        return []  # labels that cannot be read are for `check`
    extents = labels.animal_extents_px()
    if not len(extents):
        return []
    box = np.percentile(extents, 98, axis=0)
    size = labels.animal_size_px()
    found: dict[tuple[int, int], Region] = {}
    for margin in MARGINS:
        width, height = box + 2 * margin * size
        region = explicit_region(run, (math.ceil(width), math.ceil(height))).fitted(view.width, view.height)
        if region.is_smaller_than(view.width, view.height):
            found.setdefault((region.width, region.height), region)
    return list(found.values())


def explicit_region(run: Run, size: tuple[int, int]) -> Region:
    """A region of at least that width and height, and no smaller than the network takes."""
    grid = grid_of(run)
    least = smallest_side(grid, stride_of(run))
    width, height = (max(padded(side, grid), least) for side in size)
    return Region(width, height, grid, edge=max(grid // 4, 4), seen_from=seen_from(run))


def stretch(reader: VideoReader | None) -> list[list[RawFrame]]:
    """Some frames in a row, from several places of the video; nothing where there is none."""
    if reader is None:
        return []
    keys = reader.key_frames or (0,)
    starts = sorted({keys[round(place)] for place in np.linspace(0, len(keys) - 1, STRETCHES + 2)[1:-1]})
    fitting = STRETCH_BYTES // (3 * reader.video.width * reader.video.height * STRETCHES)
    n_frames = min(max(fitting, FEWEST_OF_STRETCH), FRAMES_OF_STRETCH)
    return [[raw for _, raw in islice(reader.raw_frames(start), n_frames) if raw is not None] for start in starts]


class RegionCheck:
    """The whole frame's answers, and how those of a region compare with them."""

    def __init__(self, model: Model, labeled: Sequence[Still], stretches: Sequence[Sequence[RawFrame]]) -> None:
        """Look at every whole frame once.

        Args:
            model: The network.
            labeled: Labeled frames.
            stretches: Frames of the video.
        """
        self._model = model
        self._labeled = labeled
        self._stretches = stretches
        self._whole = model.open(model.view.width, model.view.height, inline=True)
        everywhere = FollowingModel(
            Sessions(self._whole, self._whole), _NO_REGION, model.view, model.run.skeleton.n_keypoints
        )
        self._of_stills = [everywhere.look_everywhere(still.frame) for still in labeled]
        self._of_stretches, self._ms_whole = _timed(
            stretches, lambda frames: [everywhere.look_everywhere(frame) for frame in frames]
        )

    def close(self) -> None:
        """Free the network."""
        self._whole.close()

    def _following(self, region: Region, stack: ExitStack) -> FollowingModel:
        """The network looking at a region; its sessions are closed with `stack`."""
        small = self._model.open_small(region)
        if small is not None:
            stack.enter_context(closing(small))
        own = stack.enter_context(closing(self._model.open_region(region)))
        return self._model.following(region, Sessions(self._whole, own, small))

    def shrink(self, region: Region) -> int:
        """How much smaller a frame may be for the animal to be found in it; 1 when it has to be looked for as it is."""
        view = self._model.view
        least = smallest_side(region.grid, stride_of(self._model.run))
        for shrink in SHRINKS:
            trial = replace(region, together=1, shrink=shrink)
            side = padded(min(shrunk_size(view.width, view.height, shrink)), region.grid)
            if not self._labeled or side < least:
                continue
            with ExitStack() as stack:
                following = self._following(trial, stack)
                places = [following.locate(still.frame) for still in self._labeled]
            inside = [_holds(place, still.xy) for place, still in zip(places, self._labeled, strict=True)]
            if np.mean(inside) >= LOCATED_SHARE:
                return shrink
        return 1

    def compare(self, region: Region) -> dict[str, Any]:
        """How a region does, in plain values; `passes` says whether it is as accurate as the whole frame."""
        with ExitStack() as stack:
            following = self._following(region, stack)
            error, error_whole = self._errors(following)
            found, ms_per_frame = _timed(self._stretches, following.predict, region.together, following.restart)
        same, n_sure = self._same_share(found)
        whole = [one.whole for some in found for one in some]
        passes = n_sure > 0 and same >= SAME_SHARE and not error > MOST_LOSS * error_whole
        return {
            "size_px": [region.width, region.height],
            "together": region.together,
            "shrink": region.shrink,
            "passes": bool(passes),
            "same_share": round(same, 4),
            "same_px": round(self._same_px(), 2),
            "error_px": _rounded(error),
            "error_whole_px": _rounded(error_whole),
            "n_labeled": len(self._labeled),
            "labeled_are_unseen": all(still.is_unseen for still in self._labeled),
            "n_frames": len(whole),
            "fallback_share": round(float(np.mean(whole)) if whole else 1.0, 4),
            "ms_per_frame": round(ms_per_frame, 3),
            "ms_per_whole_frame": round(self._ms_whole, 3),
        }

    def _errors(self, following: FollowingModel) -> tuple[float, float]:
        """Mean distance to the labels in px: in the region around where the whole frame shows the animal, and there."""
        errors, errors_whole = [], []
        for still, whole in zip(self._labeled, self._of_stills, strict=True):
            following.restart()
            following.start(whole)
            found = following.predict([still.frame])[0]
            errors.append(np.linalg.norm(found.xy - still.xy, axis=-1))
            errors_whole.append(np.linalg.norm(whole.xy - still.xy, axis=-1))
        if not errors:
            return math.nan, math.nan
        return float(np.nanmean(errors)), float(np.nanmean(errors_whole))

    def _same_share(self, found: Sequence[Sequence[Found]]) -> tuple[float, int]:
        """Share of the points the whole frame is sure of that are in the same place, and how many those are."""
        same: list[bool] = []
        sure = seen_from(self._model.run)
        for some, whole in zip(found, self._of_stretches, strict=True):
            for one, other in zip(some, whole, strict=True):
                distance = np.linalg.norm(one.xy - other.xy, axis=-1)
                same += (distance <= self._same_px())[other.score > sure].tolist()
        return (float(np.mean(same)) if same else 0.0), len(same)

    def _same_px(self) -> float:
        """How far apart the same place may be: 1 px, or a share of the animal where it is large."""
        return max(SAME_PX, SAME_SHARE_OF_ANIMAL * self._model.run.settings.get("data", {}).get("animal_size_px", 0.0))


_NO_REGION = Region(0, 0, 1, 0)


def _timed(
    stretches: Sequence[Sequence[RawFrame]],
    look: Callable[[Sequence[RawFrame]], list[Found]],
    together: int = 1,
    restart: Callable[[], None] = lambda: None,
) -> tuple[list[list[Found]], float]:
    """What is found in every stretch, and how many ms a frame takes; 0 without any.

    Args:
        stretches: Frames of the video.
        look: What finds the animal in frames in a row.
        together: How many of them it is given at once.
        restart: Called before each stretch.
    """
    found: list[list[Found]] = []
    took: dict[bool, list[float]] = {False: [], True: []}  # ms for a frame: in the region, and where all was looked at
    for frames in stretches:
        restart()
        found.append([])
        for some in _together(frames, together):
            began = time.perf_counter()
            answers = look(some)
            ms = 1000 * (time.perf_counter() - began) / len(some)
            took[any(answer.whole for answer in answers)].append(ms)
            found[-1] += answers
    n_looks = sum(map(len, took.values()))
    # of each kind the median: while another program is busy for a moment, a few frames take long
    return found, sum(float(np.median(ms)) * len(ms) / n_looks for ms in took.values() if ms)


def _together(frames: Sequence[RawFrame], together: int) -> Iterator[Sequence[RawFrame]]:
    for start in range(0, len(frames), together):
        yield frames[start : start + together]


def _holds(place: View | None, xy: FloatArray) -> bool:
    """Whether all labeled points lie in the view."""
    if place is None:
        return False
    points = xy[np.isfinite(xy).all(-1)]
    low = np.array([place.left, place.top])
    return bool(((points >= low) & (points <= low + np.array([place.width - 1, place.height - 1]))).all())


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
