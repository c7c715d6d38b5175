"""What a comparison of two runs found, as a value: for programs as JSON, for people as lines."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from markerless.core.certainty import FEWEST_FRAMES
from markerless.core.change import MeanChange
from markerless.core.instance import FloatArray
from markerless.project.label_files import count

UNSEEN, NEW, SEEN = "unseen", "new", "seen"
GROUPS = (UNSEEN, NEW, SEEN)
MUCH_SHARE = 0.05  # of the animal's size: a frame whose mean error changes by more has become much better or worse
MOST_SHOWN = 5  # frames in the lines
MOST_NAMED = 3  # videos in a sentence
WORDS = {
    UNSEEN: "that neither run was trained on",
    NEW: "that are new to the run after, asked of networks that trained shorter and without them",
    SEEN: "that trained one or both runs",
}


@dataclass(frozen=True)
class Group:
    """Errors on the frames of one group.

    Attributes:
        name: "unseen", "new" or "seen".
        change: Over all points.
        per_keypoint: Keypoint -> its change; None where it is not labeled.
        per_video: Video -> its change, where there are several, else empty.
        medians_px: Median error before and after.
    """

    name: str
    change: MeanChange
    per_keypoint: Mapping[str, MeanChange | None]
    per_video: Mapping[str, MeanChange]
    medians_px: tuple[float, float]

    @property
    def doubt(self) -> str:
        """Why the frames of this group decide nothing, in words; "" when they may."""
        n = self.change.n_frames
        if self.name == SEEN:
            return "these frames were trained on: they show what was learned by heart, and say nothing of other frames"
        if not self.change.is_enough:
            return f"{count(n, 'labeled frame')}: too few to tell which run is better; label at least {FEWEST_FRAMES}"
        return ""

    def videos(self, verdict: str) -> list[str]:
        """Those that are for sure "better" or "worse"."""
        return [video for video, change in self.per_video.items() if change.verdict == verdict]

    @property
    def verdict(self) -> str:
        """ "better" or "worse" when that would hold with other frames and videos too; "partly better", "partly worse"
        or "mixed" when it is sure of some videos alone; else "unclear".
        """
        if self.doubt or self.change.verdict != "unclear":
            return "unclear" if self.doubt else self.change.verdict
        better, worse = self.videos("better"), self.videos("worse")
        if better and worse:
            return "mixed"
        return "partly better" if better else "partly worse" if worse else "unclear"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **self.change.to_json(),
            "verdict": self.verdict,
            "doubt": self.doubt or None,
            "before_median_px": self.medians_px[0],
            "after_median_px": self.medians_px[1],
            "per_keypoint": {name: each.to_json() if each else None for name, each in self.per_keypoint.items()},
            "per_video": {name: each.to_json() for name, each in self.per_video.items()},
        }


@dataclass(frozen=True)
class FrameChange:
    """One frame before and after: the means of its errors in px, and "better", "worse" or "" of a small change."""

    image: str
    group: str
    n_points: int
    before_px: float
    after_px: float
    much: str

    @property
    def change_px(self) -> float:
        return self.after_px - self.before_px

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "image": self.image,
            "group": self.group,
            "n_points": self.n_points,
            "before_px": self.before_px,
            "after_px": self.after_px,
            "change_px": self.change_px,
            "much": self.much or None,
        }


@dataclass(frozen=True)
class Comparison:
    """Two runs on the same F labeled frames.

    Attributes:
        before: Name of the earlier run.
        after: Name of the later run.
        labels: Name of the study.
        keypoints: K names that both predict.
        edges: Pairs of their places, to be drawn.
        animal_size_px: Median size of the labeled animals.
        images: F names.
        group_of: The group of each frame.
        labeled: `(F, K, 2)` px, NaN where there is no label.
        predicted: Before and after, `(F, K, 2)` px each, NaN where there is no prediction.
        errors: Before and after, `(F, K)` px each, NaN where there is no label.
        groups: Name -> figures; None of a group without labeled points.
        notes: One-line remarks for the user.
    """

    before: str
    after: str
    labels: str
    keypoints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    animal_size_px: float
    images: tuple[str, ...]
    group_of: tuple[str, ...]
    labeled: FloatArray
    predicted: tuple[FloatArray, FloatArray]
    errors: tuple[FloatArray, FloatArray]
    groups: Mapping[str, Group | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def telling(self) -> Group:
        """The group that decides: unseen frames, or new ones where those alone are enough."""
        honest = [group for name in (UNSEEN, NEW) if (group := self.groups.get(name)) is not None]
        enough = [group for group in honest if group.change.is_enough]
        if enough:
            return enough[0]
        if honest:
            return max(honest, key=lambda group: group.change.n_frames)
        seen = self.groups.get(SEEN)
        assert seen is not None  # a comparison has at least one labeled point
        return seen

    def frames(self) -> list[FrameChange]:
        """All frames with a labeled point, those that got much worse first, those that got much better last."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # frames without labels have no mean
            before, after = (np.nanmean(table, axis=1) for table in self.errors)
        points = np.isfinite(self.errors[0]).sum(axis=1)
        change = after - before
        much = MUCH_SHARE * self.animal_size_px
        rows = sorted(np.flatnonzero(points).tolist(), key=lambda row: (-change[row], self.images[row]))
        return [
            FrameChange(
                self.images[row],
                self.group_of[row],
                int(points[row]),
                float(before[row]),
                float(after[row]),
                "worse" if change[row] > much else "better" if change[row] < -much else "",
            )
            for row in rows
        ]

    def words(self) -> str:
        """The result in one sentence."""
        return f"{self.title()}: {self.why()}"

    def title(self) -> str:
        """The result in some words."""
        group = self.telling
        better, worse = (_some(group.videos(verdict), len(group.per_video)) for verdict in ("better", "worse"))
        return {
            "better": f"{self.after} is better",
            "worse": f"{self.after} is worse",
            "partly better": f"{self.after} is better in {better}",
            "partly worse": f"{self.after} is worse in {worse}",
            "mixed": f"{self.after} is better in {better}, and worse in {worse}",
            "unclear": "no clear difference",
        }[group.verdict]

    def why(self) -> str:
        """What the result rests on."""
        group = self.telling
        change = group.change
        step = f"the mean error went from {change.before_px:.2f} to {change.after_px:.2f} px"
        where = f"on {count(change.n_frames, 'frame')} {WORDS[group.name]}, {step}"
        if group.doubt or change.interval is None:
            return f"{where}; {group.doubt or 'how sure that is cannot be told'}"
        low, high = change.interval
        if group.verdict == "better":
            return f"{where} ({-high:.2f} to {-low:.2f} px less, 95 times out of 100)"
        if group.verdict == "worse":
            return f"{where} ({low:.2f} to {high:.2f} px more, 95 times out of 100)"
        others = "frames and videos" if group.per_video else "frames"
        return f"{where} (with other {others} of this kind it might be a change of {low:+.2f} to {high:+.2f} px)"

    def to_json(self) -> dict[str, Any]:
        """The object that `compare --json` prints."""
        return {
            "before": self.before,
            "after": self.after,
            "labels": self.labels,
            "animal_size_px": self.animal_size_px,
            "keypoints": list(self.keypoints),
            "told_by": self.telling.name,
            "verdict": self.telling.verdict,
            "words": self.words(),
            "title": self.title(),
            "why": self.why(),
            "much_px": MUCH_SHARE * self.animal_size_px,
            "groups": {name: group.to_json() if group else None for name, group in self.groups.items()},
            "frames": [frame.to_json() for frame in self.frames()],
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """The result for people: a sentence, a row per group, a row per keypoint, frames that changed much."""
        head = f"{'frames':<12}{'n':>5}{'points':>8}{'before px':>11}{'after px':>10}{'change px':>11}{'interval':>18}"
        rows = [self.words(), "", head]
        rows += [_row(name, group.change) for name, group in self.groups.items() if group is not None]
        group = self.telling
        rows += ["", f"by keypoint ({group.name})"]
        rows += [_row(name, each) for name, each in group.per_keypoint.items() if each is not None]
        if group.per_video:
            rows += ["", f"by video ({group.name}); intervals are wider, so that all of them hold together"]
            rows += [_row(name, each) for name, each in group.per_video.items()]
        frames = self.frames()
        for word, some in (("worse", frames), ("better", frames[::-1])):
            chosen = [frame for frame in some if frame.much == word]
            if chosen:
                each = ", ".join(f"{f.image} {f.before_px:.1f} -> {f.after_px:.1f} px" for f in chosen[:MOST_SHOWN])
                more = f" and {len(chosen) - MOST_SHOWN} more" if len(chosen) > MOST_SHOWN else ""
                rows.append(f"much {word}: {each}{more}")
        return [*rows, *(f"note: {note}" for note in self.notes)]


def _some(videos: Sequence[str], n: int) -> str:
    named = f" ({', '.join(videos)})" if len(videos) <= MOST_NAMED else ""
    return f"{len(videos)} of {count(n, 'video')}{named}"


def _row(name: str, change: MeanChange) -> str:
    interval = "-" if change.interval is None else "{:+.2f} to {:+.2f}".format(*change.interval)
    return (
        f"{name[:24]:<12}{change.n_frames:>5}{change.n_points:>8}{change.before_px:>11.2f}{change.after_px:>10.2f}"
        f"{change.change_px:>+11.2f}{interval:>18}"
    )
