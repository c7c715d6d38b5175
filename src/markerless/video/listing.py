"""Which videos a user means: files, folders of videos, folders of images, globs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markerless.core.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES, natural_key
from markerless.errors import VideoError

# What rendering writes beside a video; a folder that is analyzed again must not grow predictions of its own drawings.
LABELED_ENDING = "_labeled"


def find_videos(inputs: Sequence[str | Path]) -> tuple[list[Path], dict[Path, VideoError]]:
    """The videos behind what a user named, in that order, each once.

    A folder stands for the videos in it, or, when it holds none, for the series of images that it is. Rendered videos
    (`..._labeled.mp4`) and hidden files in a folder are left out.

    Args:
        inputs: Files, folders, or globs such as `day1/*.mp4`.

    Returns:
        Paths; and for every input that stands for no video, why.
    """
    found: dict[Path, Path] = {}
    errors: dict[Path, VideoError] = {}
    for one in inputs:
        try:
            for path in _expand(one):
                found.setdefault(path.resolve(), path)
        except VideoError as error:
            errors[Path(one)] = error
    return list(found.values()), errors


def _expand(one: str | Path) -> list[Path]:
    path = Path(one)
    if path.is_file():
        return [path]
    if path.is_dir():
        return _in_folder(path)
    videos = [video for match in _glob(path) for video in _from_glob(match)]
    if not videos:
        what = "matches no video" if _is_glob(str(path)) else "does not exist"
        raise VideoError(f"expected a video, a folder or a glob; {one} {what}; check the path")
    return videos


def _is_glob(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _glob(pattern: Path) -> list[Path]:
    """What a pattern matches, in natural order; nothing for a path without wildcards."""
    parts = pattern.parts
    n_plain = next((place for place, part in enumerate(parts) if _is_glob(part)), len(parts))
    if n_plain == len(parts):
        return []
    return sorted(Path(*parts[:n_plain]).glob(str(Path(*parts[n_plain:]))), key=lambda path: natural_key(str(path)))


def _from_glob(path: Path) -> list[Path]:
    if path.is_dir():
        return _in_folder(path)
    return [path] if path.suffix.lower() in VIDEO_SUFFIXES else []


def _in_folder(folder: Path) -> list[Path]:
    entries = sorted(folder.iterdir(), key=lambda entry: natural_key(entry.name))
    files = [entry for entry in entries if entry.is_file() and not entry.name.startswith(".")]
    videos = [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES]
    recorded = [video for video in videos if not video.stem.endswith(LABELED_ENDING)]
    if recorded:
        return recorded
    if any(file.suffix.lower() in IMAGE_SUFFIXES for file in files):
        return [folder]
    raise VideoError(f"expected videos or images in the folder {folder}, found none; check the path")
