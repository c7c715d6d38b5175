"""Does a video look unlike the frames that trained the network? In plain words, and which of its frames would help.

Looked at are a few frames (light and color, at key frames, where decoding is cheap) and the probabilities of all
predicted points. What is usual was learned from the training frames: `analysis.appearance`, `familiar.json` of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from markerless.analysis.appearance import describe
from markerless.core.familiar import QUANTITIES, Familiar, Span
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.core.view import View
from markerless.pipeline.frames_to_label import frames_to_label
from markerless.project import Run
from markerless.project.familiar import FAMILIAR_FILE, read
from markerless.video.reader import VideoReader

KEY = "unlike_training"  # of the provenance
MOST_LOOKS, FEWEST_LOOKS = 100, 12
FRAMES_PER_LOOK = 20  # a look costs about as much as a frame of the analysis
FEWEST_PLACES, STRIDE = 5, 64  # so far from a key frame, where there are fewer of them than places
MOST_FRAMES = 1 / 2  # of those looked at: from here on most of the video is unlike
UNSURE = 1 / 3  # of the frames in which an animal is found
SEEN_SCORE = 0.3  # of its best point: below that no animal is found
FEWEST_FOUND = 5
RARELY, LONG = 0.1, 50  # an animal in fewer than a tenth of at least 50 frames
WORDS = {
    "brightness": ("darker", "brighter"),
    "contrast": ("of less contrast", "of more contrast"),
    "warmth": ("colder in color", "warmer in color"),
    "tint": ("more purple", "greener"),
}


def familiar_of(run: Run) -> Familiar | None:
    """What the network of a run is familiar with; None for a run of an earlier version.

    Raises:
        RunError: the file is damaged.
    """
    return read(run.folder / FAMILIAR_FILE)


def looks(reader: VideoReader, view: View, first: int, last: int) -> FloatArray:
    """How some frames from `first` to `last - 1` look: `(n, 4)` of `describe`; broken ones are left out."""
    found = []
    for row in places(reader.key_frames, first, last):
        raw = next(iter(reader.raw_frames(row, row + 1)))[1]
        if raw is not None:
            found.append(describe(raw.rgb(view)))
    return np.array(found).reshape(-1, len(QUANTITIES))


def places(key_frames: Sequence[int], first: int, last: int) -> list[int]:
    """Frames to look at, spread over `first` to `last - 1`: key frames, or not far behind one where these are rare."""
    n_looks = min(max((last - first) // FRAMES_PER_LOOK, FEWEST_LOOKS), MOST_LOOKS, last - first)
    spread = np.linspace(first, last - 1, n_looks).round().astype(int)
    keys = np.array([first, *(key for key in key_frames if first < key < last)])

    def before(rows: np.ndarray) -> np.ndarray:
        return np.asarray(keys[np.searchsorted(keys, rows, side="right") - 1])

    chosen = set(before(spread).tolist())
    if len(chosen) < FEWEST_PLACES:
        few = np.unique(np.linspace(first, last - 1, FEWEST_PLACES).round().astype(int))
        key = before(few)
        chosen |= set((key + np.minimum(few - key, STRIDE)).tolist())
    return sorted(chosen)


def compare(familiar: Familiar, seen: FloatArray, tracks: Tracks) -> dict[str, Any]:
    """What is unlike the training frames, in plain values for the provenance.

    Args:
        familiar: What the network is familiar with.
        seen: `(n, 4)` of `looks`.
        tracks: What the network found.
    """
    looked = [_look(name, familiar.spans[name], seen[:, i]) for i, name in enumerate(QUANTITIES)] if len(seen) else []
    differences = [one for one in (*looked, _sureness(familiar, tracks.score)) if one]
    found: dict[str, Any] = {"n_looked_at": len(seen), "differences": differences}
    if differences:
        found["frames_to_label"] = frames_to_label(tracks)
    return found


def named(found: Mapping[str, Any], reader: VideoReader) -> dict[str, Any]:
    """What `compare` found, with the times of the frames to label, or the file names of pictures."""
    rows = found.get("frames_to_label", ())
    if not rows:
        return dict(found)
    times = reader.times_s[rows]
    if np.isfinite(times).all():
        return {**found, "times_s": [round(float(time), 3) for time in times]}
    return {**found, "pictures": [reader.name_of(row) for row in rows]}


def _look(name: str, span: Span, values: FloatArray) -> dict[str, Any] | None:
    above, below = float(np.mean(values > span.high)), float(np.mean(values < span.low))
    share = max(above, below)
    if share < MOST_FRAMES:
        return None
    return {
        "what": name,
        "is": "above" if above > below else "below",
        "share": round(share, 4),
        "median": round(float(np.median(values)), 4),
        "limits": [span.low, span.high],
    }


def _sureness(familiar: Familiar, score: FloatArray) -> dict[str, Any] | None:
    """Of the frames in which an animal is found: in how many is the network unsure? `score (T, N, K)`."""
    if familiar.sureness is None:
        return None
    per_frame = score[np.isfinite(score).all((1, 2))]
    is_found = per_frame.max((1, 2)) >= SEEN_SCORE if len(per_frame) else np.zeros(0, dtype=np.bool_)
    if len(per_frame) >= LONG and is_found.mean() < RARELY:
        return {"what": "presence", "is": "below", "share": round(float(is_found.mean()), 4)}
    sureness = per_frame[is_found].mean((1, 2))
    share = float(np.mean(sureness < familiar.sureness.low)) if len(sureness) >= FEWEST_FOUND else 0.0
    if share < UNSURE:
        return None
    return {
        "what": "sureness",
        "is": "below",
        "share": round(share, 4),
        "median": round(float(np.median(sureness)), 4),
        "limits": [familiar.sureness.low, 1.0],
        "share_on_training_frames": familiar.sureness.share,
    }


def in_words(found: Mapping[str, Any], run: str) -> list[str]:
    """What `compare` found, a line each; none where nothing is unlike the training frames.

    Args:
        found: What `compare` gave; empty where nothing was compared.
        run: Name of the run.
    """
    differences = found.get("differences", ())
    if not differences:
        return []
    lines = []
    looks_unlike = [one for one in differences if one["what"] in QUANTITIES]
    if looks_unlike:
        said = "; ".join(_look_in_words(one) for one in looks_unlike)
        lines.append(f"this video looks unlike the frames that trained run '{run}': it is {said}")
    lines += [_unsure_in_words(one) for one in differences if one["what"] not in QUANTITIES]
    places = _places_in_words(found)
    most = (
        f"labels in these frames would help most: {', '.join(places)}; label them" if places else "label frames of it"
    )
    lines.append(
        f"points may be farther off than stated; {most}, then 'markerless train PROJECT --from {run}' adapts the "
        "network in 3 minutes"
    )
    return lines


def _places_in_words(found: Mapping[str, Any]) -> list[str]:
    """Frames to label by number and time, or by the name of the picture; none where no frame has points."""
    rows = found["frames_to_label"]
    if not rows:
        return []
    if "pictures" in found:
        return list(found["pictures"])
    return [f"{row} ({_clock(time)})" for row, time in zip(rows, found["times_s"], strict=True)]


def _look_in_words(one: Mapping[str, Any]) -> str:
    word = WORDS[one["what"]][one["is"] == "above"]
    return f"{word} than any of them in {_percent(one['share'])} of the frames looked at"


def _unsure_in_words(one: Mapping[str, Any]) -> str:
    if one["what"] == "presence":
        return f"the network finds the animal in only {_percent(one['share'])} of the frames"
    return (
        f"the network is unsure in {_percent(one['share'])} of the frames in which it finds the animal, on training "
        f"frames that it had not seen in {_percent(one['share_on_training_frames'])}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _clock(time_s: float) -> str:
    minutes, seconds = divmod(time_s, 60)
    return f"{minutes:.0f}:{seconds:04.1f}"
