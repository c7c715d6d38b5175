"""Results in COCO's JSON: a list of animals, each with `image_id`, `category_id`, `keypoints` and `score`.

Such a file names neither its pictures nor its keypoints; both come from the annotations (`coco`) of the same pictures,
which have to lie in the same folder. The third number of a keypoint is its score. Read only: what we predict is tracks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.errors import FormatError
from markerless.formats import coco
from markerless.formats._json_file import MALFORMED, load_json, quick_keys

SUFFIXES = (".json",)
KIND = "labels"

HEAD_BYTES = 1 << 16
MOST_BESIDE = 50  # files of a folder that are looked through
NEEDED = ('"image_id"', '"category_id"', '"keypoints"')


def sniff(path: Path) -> float:
    """How surely the file is a list of COCO results with keypoints, 0 to 1."""
    try:
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            return 0.0
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError:
        return 0.0
    text = head.decode("utf-8", "replace")
    return 0.9 if text.startswith("[") and all(name in text for name in NEEDED) else 0.0


def read(path: Path) -> Labels:
    """The animals of all pictures of the annotations beside it; a picture without any is a frame without animals.

    Raises:
        LabelsError: malformed, or the annotations of its pictures are not beside it.
    """
    path = Path(path)
    with coco.reading("results", path):
        results = load_json(path)
        if not isinstance(results, list):
            raise FormatError(f"expected a list of COCO results: {path}")
        source, stored = _annotations(path, {result["image_id"] for result in results})
        skeleton, places = coco.skeleton_of(source, stored["categories"])
        found: dict[Any, list[Instance]] = {image["id"]: [] for image in stored["images"]}
        for number, result in enumerate(results):
            own = found[result["image_id"]]
            if not result.get("keypoints"):
                continue
            where = f"{path}, result {number}"
            own.append(_instance(where, result, skeleton, places[result["category_id"]], f"individual_{len(own)}"))
        frames = tuple(LabeledFrame(str(image["file_name"]), tuple(found[image["id"]])) for image in stored["images"])
    most = max((len(frame.instances) for frame in frames), default=0)
    names = tuple(f"individual_{n}" for n in range(max(most, 1)))
    return Labels(skeleton, frames, names, (f"{path.name}: pictures and keypoints are those of {source.name}",))


def _annotations(path: Path, images: set[Any]) -> tuple[Path, Any]:
    """The file of annotations in the same folder that knows all the pictures."""
    beside = sorted(other for other in path.absolute().parent.glob("*.json") if other.name != path.name)
    for other in beside[:MOST_BESIDE]:
        if not quick_keys(other) >= coco.KEYS:
            continue
        stored = load_json(other)
        try:
            known = {image["id"] for image in stored["images"]}
        except MALFORMED:
            continue
        if images <= known:
            return other, stored
    raise FormatError(
        f"expected COCO annotations of the same pictures beside the results {path}, got none that knows all of their "
        f"{len(images)} image ids; copy the annotations into that folder"
    )


def _instance(where: str, result: Any, skeleton: Skeleton, places: list[int], name: str) -> Instance:
    stored = np.array(result["keypoints"], dtype=np.float64)
    if stored.size != 3 * len(places):
        raise FormatError(f"{where}: expected {3 * len(places)} numbers under keypoints, got {stored.size}")
    stored = stored.reshape(-1, 3)
    if not np.isfinite(stored).all():
        raise FormatError(f"{where}: expected finite numbers under keypoints")
    xy = np.full((skeleton.n_keypoints, 2), np.nan)
    score = np.full(skeleton.n_keypoints, np.nan)
    seen = np.full(skeleton.n_keypoints, Visibility.NOT_LABELED, dtype=np.int8)
    xy[places], score[places], seen[places] = stored[:, :2], stored[:, 2], Visibility.VISIBLE
    return Instance(xy, seen, score, name, source="model")
