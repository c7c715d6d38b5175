"""Which files show the board to which camera: sub-folders, a pattern of file names, or one video of each camera."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markerless.core.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES, natural_key
from markerless.errors import CalibrationError

PICTURE_FOLDERS = ("calibration_images", "calibration")  # inside a camera's folder, beside its other files
_HOLDERS = {"camera": r"(?P<camera>[^/]+?)", "index": r"(?P<index>\d+)"}
_PATTERN_HELP = "for example --pattern '{camera}{index}.jpg'"


@dataclass(frozen=True)
class Recording:
    """What one camera recorded of the board.

    Attributes:
        camera: Its name.
        pictures: Moment -> file, in order; empty when it is a video.
        video: The video; None when it is pictures.
    """

    camera: str
    pictures: dict[str, Path]
    video: Path | None = None


def find_recordings(folder: Path, pattern: str | None = None, cameras: Sequence[str] = ()) -> list[Recording]:
    """The recordings of all cameras in a folder, in natural order of the cameras' names.

    Args:
        folder: Where they are.
        pattern: Of paths in the folder, with `{camera}` and `{index}`; without it sub-folders are cameras.
        cameras: Only these; all when none is named.

    Raises:
        CalibrationError: nothing is found, a camera is unknown, or pictures cannot be paired.
    """
    if not folder.is_dir():
        raise CalibrationError(f"expected a folder of pictures or videos of the board, found none at {folder}")
    found = _by_pattern(folder, pattern) if pattern is not None else _by_place(folder, cameras)
    unknown = [name for name in cameras if name not in {recording.camera for recording in found}]
    if unknown:
        names = ", ".join(recording.camera for recording in found)
        raise CalibrationError(f"unknown camera '{unknown[0]}' in {folder}; cameras found: {names}")
    chosen = [recording for recording in found if not cameras or recording.camera in cameras]
    if len({recording.video is None for recording in chosen}) > 1:
        kinds = ", ".join(f"{each.camera}: {'video' if each.video else 'pictures'}" for each in chosen)
        raise CalibrationError(f"expected all cameras of {folder} to have pictures, or all a video; got {kinds}")
    return sorted(chosen, key=lambda recording: natural_key(recording.camera))


def _by_pattern(folder: Path, pattern: str) -> list[Recording]:
    holders = re.findall(r"\{(\w*)\}", pattern)
    if sorted(holders) not in (["camera"], ["index"], ["camera", "index"]):
        raise CalibrationError(
            f"expected {{camera}} and {{index}} once each in the pattern '{pattern}', {_PATTERN_HELP}"
        )
    parts = re.split(r"\{\w+\}", pattern)
    text = "".join(re.escape(a) + _HOLDERS.get(b, "") for a, b in zip(parts, [*holders, ""], strict=True))
    shape = re.compile(text)
    found: dict[str, dict[str, Path]] = {}
    for path in _files(folder, IMAGE_SUFFIXES + VIDEO_SUFFIXES, deep=True):
        match = shape.fullmatch(path.relative_to(folder).as_posix())
        if match is not None:
            groups = match.groupdict()
            camera, index = groups.get("camera", folder.resolve().name), groups.get("index", "")
            moment = str(int(index)) if index else ""
            other = found.setdefault(camera, {}).setdefault(moment, path)
            if other != path:
                raise CalibrationError(
                    f"expected one file of camera '{camera}' with index {moment or '(none)'} in {folder}, got "
                    f"{other.name} and {path.name}; number them differently, or change the pattern '{pattern}'"
                )
    if not found:
        raise CalibrationError(f"no picture or video in {folder} is named like '{pattern}', {_PATTERN_HELP}")
    return [_recording(camera, files) for camera, files in found.items()]


def _recording(camera: str, files: dict[str, Path]) -> Recording:
    videos = [path for path in files.values() if path.suffix.lower() in VIDEO_SUFFIXES]
    if not videos:
        return Recording(camera, files)
    if len(files) > 1:
        raise CalibrationError(
            f"expected one video of camera '{camera}', or pictures, got {len(files)} files such as {videos[0].name}"
        )
    return Recording(camera, {}, videos[0])


def _by_place(folder: Path, cameras: Sequence[str]) -> list[Recording]:
    lists: dict[str, list[Path]] = {}
    videos: list[Recording] = []
    for sub in sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")):
        pictures = _pictures_of(sub)
        if pictures:
            lists[sub.name] = pictures
        elif (inside := _files(sub, VIDEO_SUFFIXES)) and (not cameras or sub.name in cameras):
            videos.append(_only_video(sub, inside))
    if lists or videos:
        return _paired(folder, lists) + videos
    files = _files(folder, VIDEO_SUFFIXES)
    if files:
        return [Recording(name, {}, path) for name, path in zip(_short_names(files), files, strict=True)]
    what = "pictures lie in it, but nothing says of which camera" if _files(folder, IMAGE_SUFFIXES) else "found nothing"
    raise CalibrationError(
        f"expected a sub-folder of pictures of each camera, or a video of each, in {folder}; {what}; name the files "
        f"with a pattern, {_PATTERN_HELP}"
    )


def _only_video(folder: Path, videos: list[Path]) -> Recording:
    if len(videos) > 1:
        raise CalibrationError(
            f"expected one video of the board in {folder}, got {len(videos)} ({videos[0].name}, ...); keep that of the "
            "board alone there, name it with --pattern, or name the cameras to take with --cameras"
        )
    return Recording(folder.name, {}, videos[0])


def _pictures_of(folder: Path) -> list[Path]:
    for place in (*(folder / name for name in PICTURE_FOLDERS), folder):
        if place.is_dir() and (pictures := _files(place, IMAGE_SUFFIXES)):
            return pictures
    return []


def _files(folder: Path, suffixes: tuple[str, ...], deep: bool = False) -> list[Path]:
    entries = folder.rglob("*") if deep else folder.iterdir()
    kept = [e for e in entries if e.suffix.lower() in suffixes and not e.name.startswith(".") and e.is_file()]
    return sorted(kept, key=lambda entry: natural_key(entry.name))


def _paired(folder: Path, lists: dict[str, list[Path]]) -> list[Recording]:
    """Pictures of sub-folders by moment: by their names, these without the camera's, their last number, or by order."""
    ways: tuple[Callable[[str, list[Path]], list[str]], ...] = (_stems, _names_alone, _last_numbers, _names_cut)
    best: dict[str, dict[str, Path]] = {}
    most = 0
    for way in ways:
        named = {camera: dict(zip(way(camera, paths), paths, strict=True)) for camera, paths in lists.items()}
        if any(len(named[camera]) < len(paths) for camera, paths in lists.items()):
            continue  # two pictures of a camera would be the same moment
        seen = Counter(moment for moments in named.values() for moment in moments)
        shared = sum(count > 1 for count in seen.values())
        if shared > most or not best:
            best, most = named, shared
    if len(lists) > 1 and not most:
        counts = {camera: len(paths) for camera, paths in lists.items()}
        if len(set(counts.values())) > 1:
            raise CalibrationError(
                f"the pictures in {folder} cannot be paired: their names have nothing in common, and their numbers "
                f"differ ({', '.join(f'{camera}: {n}' for camera, n in counts.items())}); give pictures of the same "
                "moment the same number"
            )
        best = {camera: {str(i): path for i, path in enumerate(paths)} for camera, paths in lists.items()}
    return [Recording(camera, pictures) for camera, pictures in best.items()]


def _stems(camera: str, paths: list[Path]) -> list[str]:  # the same signature as the other ways
    return [path.stem for path in paths]


def _names_alone(camera: str, paths: list[Path]) -> list[str]:
    """Names without the camera's, where most have it: picture 1 of camera "1" is not named after its camera."""
    return _without(_word(camera), camera, paths)


def _names_cut(camera: str, paths: list[Path]) -> list[str]:
    """Names without the camera's wherever it stands, as in cam10007 of cam1; numbers alone stand in other numbers."""
    if camera.isdigit():
        return _stems(camera, paths)
    return _without(re.compile(re.escape(camera), re.IGNORECASE), camera, paths)


def _without(word: re.Pattern[str], camera: str, paths: list[Path]) -> list[str]:
    if 2 * sum(word.search(path.stem) is not None for path in paths) <= len(paths):
        return _stems(camera, paths)
    return [word.sub("", path.stem, count=1).strip(" -_.") for path in paths]


def _word(camera: str) -> re.Pattern[str]:
    """A camera's name as a whole word: it is no part of a longer number, nor of a longer run of letters."""
    kinds = (r"\d", r"[^\W\d_]")
    before = next((f"(?<!{kind})" for kind in kinds if re.match(kind, camera)), "")
    after = next((f"(?!{kind})" for kind in kinds if re.match(kind, camera[-1:])), "")
    return re.compile(before + re.escape(camera) + after, re.IGNORECASE)


def _last_numbers(camera: str, paths: list[Path]) -> list[str]:
    found = [re.findall(r"\d+", name) for name in _names_alone(camera, paths)]
    return [str(int(numbers[-1])) if numbers else path.stem for numbers, path in zip(found, paths, strict=True)]


def _short_names(files: Sequence[Path]) -> list[str]:
    """Names of videos without the words that all of them begin and end with."""
    words = [re.split(r"[-_ .]+", path.stem) for path in files]
    least = min(len(each) for each in words) - 1
    first = next((i for i in range(least) if len({each[i] for each in words}) > 1), least) if len(files) > 1 else 0
    words = [each[first:] for each in words]
    least = min(len(each) for each in words) - 1
    last = next((i for i in range(least) if len({each[-1 - i] for each in words}) > 1), least) if len(files) > 1 else 0
    short = ["_".join(each[: len(each) - last]) for each in words]
    return short if len(set(short)) == len(short) else [path.stem for path in files]
