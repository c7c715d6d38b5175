"""Keypoint annotations in COCO's JSON: `images`, `annotations`, `categories`.

Every annotation is an animal; its name is ours where we wrote one, else its number within the picture. The flag of a
keypoint is 0 not labeled, 1 occluded, 2 visible. Categories with different keypoints are united by name. A picture
without annotations is a frame without animals. Boxes, areas and masks are left out; written boxes are those around the
keypoints. COCO's origin is taken as ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.storage import write_text
from markerless.errors import FormatError, LabelsError
from markerless.formats._json_file import MALFORMED, load_json, quick_keys
from markerless.formats._writable import require_suffix

SUFFIXES = (".json",)
KIND = "labels"

KEYS = {"images", "annotations", "categories"}


def sniff(path: Path) -> float:
    """How surely the file is COCO annotations, 0 to 1."""
    return 0.9 if quick_keys(path) >= KEYS else 0.0


@contextmanager
def reading(what: str, path: Path) -> Iterator[None]:
    """Whatever values stumble over inside, for one is missing or of another type, becomes one line about the file.

    Raises:
        LabelsError: it did, or something else was found wrong with the file.
    """
    try:
        yield
    except MALFORMED as error:
        reason = " ".join(str(error).split())[:200]
        raise LabelsError(
            f"expected COCO {what}, got damaged ones: {path} ({type(error).__name__}: {reason})"
        ) from error
    except FormatError as error:
        raise LabelsError(" ".join(str(error).split())) from error


def read(path: Path) -> Labels:
    """The labels of all pictures, in the order of `images`.

    Raises:
        LabelsError: malformed, or annotations without keypoints (boxes and masks alone).
    """
    path = Path(path)
    with reading("annotations", path):
        stored = load_json(path)
        if not isinstance(stored, dict) or not stored.keys() >= KEYS:
            raise FormatError(f"expected COCO annotations with the keys {', '.join(sorted(KEYS))}: {path}")
        skeleton, places = skeleton_of(path, stored["categories"])
        animals = _animals(path, stored, skeleton, places)
        labeler = str((stored.get("info") or {}).get("contributor") or "")
        frames = tuple(
            LabeledFrame(str(image["file_name"]), tuple(animals.get(image["id"], ())), labeler)
            for image in stored["images"]
        )
    used = dict.fromkeys(instance.individual for frame in frames for instance in frame.instances)
    names = tuple(sorted(used, key=_natural)) if used else ("individual_0",)
    return Labels(skeleton, frames, names, _notes(path, stored))


def write(labels: Labels, path: Path) -> None:
    """Write labels as COCO annotations of one category, "animal".

    Sizes of pictures are written where the pictures are at hand.

    Raises:
        LabelsError: a suffix other than .json.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    require_suffix(path, SUFFIXES, LabelsError)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, frame in enumerate(labels.frames, start=1):
        images.append({"id": number, "file_name": frame.image, **_size(frame)})
        for instance in frame.instances:
            annotations.append(_annotation(len(annotations) + 1, number, instance))
    category = {
        "id": 1,
        "name": "animal",
        "supercategory": "animal",
        "keypoints": list(labels.skeleton.keypoints),
        "skeleton": [[a + 1, b + 1] for a, b in labels.skeleton.edges],
    }
    labeler = next((frame.labeler for frame in labels.frames if frame.labeler), "")
    value = {
        "info": {"description": "keypoints written by markerless", "contributor": labeler},
        "images": images,
        "annotations": annotations,
        "categories": [category],
    }
    write_text(path, json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")


def skeleton_of(path: Path, categories: Any) -> tuple[Skeleton, dict[Any, list[int]]]:
    """All keypoints, and for every category the places of its own among them."""
    names: dict[str, int] = {}
    places: dict[Any, list[int]] = {}
    edges: dict[tuple[int, int], None] = {}
    for category in categories:
        own = [str(name) for name in category.get("keypoints") or ()]
        if len(set(own)) != len(own):
            raise FormatError(f"{path}: expected every keypoint once in category {category['name']}, got one twice")
        for name in own:
            names.setdefault(name, len(names))
        places[category["id"]] = [names[name] for name in own]
        for a, b in category.get("skeleton") or ():
            if 1 <= int(a) <= len(own) and 1 <= int(b) <= len(own):
                edges[names[own[int(a) - 1]], names[own[int(b) - 1]]] = None
    if not names:
        raise FormatError(f"expected categories with keypoints in {path}, got none; boxes and masks alone are no poses")
    return Skeleton(tuple(names), tuple(edges)), places


def _animals(path: Path, stored: Any, skeleton: Skeleton, places: dict[Any, list[int]]) -> dict[Any, list[Instance]]:
    """The animals of every picture's id."""
    known = {image["id"] for image in stored["images"]}
    found: dict[Any, list[Instance]] = {}
    for annotation in stored["annotations"]:
        if not annotation.get("keypoints"):
            continue
        image = annotation["image_id"]
        if image not in known:
            raise FormatError(f"{path}: expected annotations of the {len(known)} images, got one of image {image}")
        own = found.setdefault(image, [])
        name = str(annotation.get("individual") or f"individual_{len(own)}")
        if any(other.individual == name for other in own):
            raise FormatError(f"{path}: expected every animal once in an image, got {name} twice in image {image}")
        own.append(_instance(path, annotation, skeleton.n_keypoints, places[annotation["category_id"]], name))
    return found


def _instance(path: Path, annotation: Any, n_keypoints: int, places: list[int], name: str) -> Instance:
    stored = np.array(annotation["keypoints"], dtype=np.float64)
    if stored.size != 3 * len(places):
        raise FormatError(
            f"{path}, annotation {annotation.get('id')}: expected {3 * len(places)} numbers under keypoints, "
            f"got {stored.size}"
        )
    stored = stored.reshape(-1, 3)
    placed = stored[:, 2] > 0
    if not np.isfinite(stored[placed]).all():
        raise FormatError(f"{path}, annotation {annotation.get('id')}: expected finite numbers under keypoints")
    xy = np.full((n_keypoints, 2), np.nan)
    visibility = np.full(n_keypoints, Visibility.NOT_LABELED, dtype=np.int8)
    xy[places] = np.where(placed[:, None], stored[:, :2], np.nan)
    flags = np.where(stored[:, 2] == 1, Visibility.OCCLUDED, Visibility.VISIBLE)
    visibility[places] = np.where(placed, flags, Visibility.NOT_LABELED).astype(np.int8)
    return Instance(xy, visibility, np.where(np.isnan(xy[:, 0]), np.nan, 1.0), name)


def _annotation(number: int, image: int, instance: Instance) -> dict[str, Any]:
    placed = np.asarray(np.isfinite(instance.xy).all(axis=-1))
    corner = instance.xy[placed].min(axis=0) if placed.any() else np.zeros(2)
    extent = instance.xy[placed].max(axis=0) - corner if placed.any() else np.zeros(2)
    keypoints: list[float] = []
    for (x, y), is_placed, visibility in zip(
        instance.xy.tolist(), placed.tolist(), instance.visibility.tolist(), strict=True
    ):
        flag = 1 if visibility == Visibility.OCCLUDED else 2
        keypoints += [x, y, flag] if is_placed else [0, 0, 0]
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "individual": instance.individual,
        "keypoints": keypoints,
        "num_keypoints": int(placed.sum()),
        "bbox": [*corner.tolist(), *extent.tolist()],
        "area": float(np.prod(extent)),
        "iscrowd": 0,
    }


def _size(frame: LabeledFrame) -> dict[str, int]:
    if frame.path is None:
        return {}
    from markerless.video.images import image_size

    width, height = image_size(frame.path)
    return {"width": width, "height": height}


def _natural(name: str) -> tuple[str, int, str]:
    """individual_10 after individual_9."""
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    return stem, int(digits) if digits else -1, name


def _notes(path: Path, stored: Any) -> tuple[str, ...]:
    notes = []
    without = sum(not annotation.get("keypoints") for annotation in stored["annotations"])
    if without:
        notes.append(f"{path.name}: {without} annotations left out that have no keypoints")
    names = [str(category.get("name")) for category in stored["categories"]]
    if len(names) > 1:
        notes.append(f"{path.name}: the kinds of animals ({', '.join(names)}) are left out, labels have none")
    return tuple(notes)
