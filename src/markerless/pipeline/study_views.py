"""How a study says that its pictures are views of the same scene: `views.toml`, beside `config.yaml`.

Several cameras, of which each has videos of its own:

    calibration = "calibration.toml"     # cameras, in any format that `triangulate` reads; in the study's folder
    videos = "{session}_{camera}"        # names of the videos; or a list of such patterns

    [cameras]                            # where videos call a camera by another name than the calibration
    mid = "cam2"

    [offsets]                            # of cameras that did not start with the others: the frame that shows what
    side = 3                             # those show in frame 0

One camera and mirrors: the file of views that `triangulate` takes (`multiview.files.views_toml`). Without a
`calibration` its cameras are found from the study's own labels.

Pictures of one session with the same frame number, less the offset, show the same moment: the number of `img7.png`, or
the last one in another name, whose other parts have to be the same. Nothing outside of the study's folder is read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from markerless.core.camera import Calibration, Camera
from markerless.core.video import VIDEO_SUFFIXES
from markerless.errors import CalibrationError, FormatError
from markerless.multiview.calibration_file import read_calibration
from markerless.multiview.files import views_toml
from markerless.multiview.files.views_toml import ViewsFile
from markerless.multiview.in_picture import in_picture
from markerless.multiview.plausible import refuse_implausible
from markerless.pipeline.extract import PICTURE
from markerless.project.view_names import VIEWS_FILE

if TYPE_CHECKING:
    from markerless.project import Project

FILE = VIEWS_FILE
EXAMPLE = "{session}_{camera}"
KEPT = ("cameras", "offsets")
"""Tables that people write by hand, about what neither the calibration nor the names of videos say."""

_TOP = ("calibration", "videos", *KEPT)
_CAMERA, _SESSION = "{camera}", "{session}"
_MOST_BYTES, _MOST_PATTERNS, _MOST_CHARACTERS = 1_000_000, 50, 200
_MOST_FRAMES = 10**8
_VIDEO = re.compile(f"(?:{'|'.join(map(re.escape, VIDEO_SUFFIXES))})$", re.IGNORECASE)
_LAST_NUMBER = re.compile(r"\d+(?=\D*$)")

FrameKey = int | str
"""What pictures of the same moment have in common: the number of the frame; else the whole name."""


@dataclass(frozen=True)
class StudyViews:
    """The views of a study.

    Attributes:
        file: Where that was said.
        names: Of the V views.
        keypoints: B names that the views share; those of the study without what tells the views of one picture apart.
        own_keypoints: K names, those of the study.
        index: `(V, B)` index of the study's keypoint that shows it in a view; -1 where the view has none.
        calibration: The cameras, in the order of `names`; None to find them from labels.
        plan: Where the views are in a picture; None for several cameras.
        patterns: Names of videos, with groups "camera" and "session".
        texts: What stands for a camera in the names of videos -> index of the view.
        offsets: Of each view: its frame that shows what a view without an offset shows in frame 0; empty for none.
    """

    file: Path
    names: tuple[str, ...]
    keypoints: tuple[str, ...]
    own_keypoints: tuple[str, ...]
    index: npt.NDArray[np.intp]
    calibration: Calibration | None
    plan: ViewsFile | None = None
    patterns: tuple[re.Pattern[str], ...] = ()
    texts: Mapping[str, int] = field(default_factory=dict)
    offsets: tuple[int, ...] = ()

    @property
    def is_one_picture(self) -> bool:
        """Whether all views are parts of one picture."""
        return self.plan is not None

    def session_of(self, folder: str) -> tuple[str, int | None] | None:
        """Session and view of a folder of `labeled-data`; of one picture with all views the view is None.

        None for a folder that belongs to no session.
        """
        if self.is_one_picture:
            return folder, None
        for pattern in self.patterns:
            match = pattern.fullmatch(folder)
            if match is not None:
                return f"{pattern.pattern} {match.groupdict().get('session') or ''}", self.texts[match["camera"]]
        return None

    def moment_of(self, view: int, picture: str) -> FrameKey:
        """What the pictures of a moment have in common, from the name of one of them.

        Raises:
            FormatError: the view has an offset, and the name no number that it could be taken from.
        """
        key, offset = frame_key(picture), self._offset(view)
        if isinstance(key, int):
            return key - offset
        stem, suffix = Path(key).stem, Path(key).suffix
        number = _LAST_NUMBER.search(stem)
        if number is None and offset:
            raise FormatError(
                f"expected a number in the name of picture '{picture}' of camera '{self.names[view]}', whose offset is "
                f"{offset} frames; name it like img0007.png, or take the camera out of [offsets] of {self.file}"
            )
        if number is None or not any(self.offsets):
            return key
        return f"{stem[: number.start()]}{int(number[0]) - offset}{stem[number.end() :]}{suffix}"

    def frame_of(self, view: int, moment: int) -> int:
        """The frame in which a view shows a moment; negative before it started."""
        return moment + self._offset(view)

    def _offset(self, view: int) -> int:
        return self.offsets[view] if self.offsets else 0

    def partners(self, folder: str, folders: Iterable[str]) -> dict[int, str]:
        """View -> its folder, of the session of `folder`; the first of `folders` where two would fit."""
        here = self.session_of(folder)
        if here is None or here[1] is None:
            return {}
        found: dict[int, str] = {here[1]: folder}
        for other in folders:
            there = self.session_of(other)
            if there is not None and there[1] is not None and there[0] == here[0]:
                found.setdefault(there[1], other)
        return dict(sorted(found.items()))

    def require_size(self, cameras: Sequence[Camera], view: int | None, size: tuple[int, int], where: str) -> None:
        """Refuse a picture that is not the one its camera was calibrated for.

        Raises:
            CalibrationError: it has another size, or the views reach beyond it.
        """
        for camera in cameras if view is None else cameras[view : view + 1]:
            region = camera.region
            if region is None and tuple(size) != tuple(camera.size):
                raise CalibrationError(
                    f"expected pictures of {camera.size[0]} x {camera.size[1]} px of camera '{camera.name}', as in "
                    f"its calibration, got {size[0]} x {size[1]} in {where}; calibrate with the same size"
                )
            if region is not None and (region.left + region.width > size[0] or region.top + region.height > size[1]):
                raise CalibrationError(
                    f"expected view '{camera.name}' to lie in {where} of {size[0]} x {size[1]} px, it reaches beyond; "
                    f"correct its region in {self.file.name}"
                )


def frame_key(picture: str) -> FrameKey:
    """What pictures of the same moment have in common."""
    match = PICTURE.fullmatch(picture)
    return int(match[1]) if match is not None else picture


def stamp_of(project: Project) -> tuple[Any, ...]:
    """Another one when the settings or the calibration that they name may have changed; empty without settings."""
    file = project.root / FILE
    stats: list[Any] = [_stat(file)]
    if stats[0] is None:
        return ()
    try:
        named = toml_tables(file).get("calibration")
        stats.append(_stat(_inside(file, named)) if named is not None else None)
    except FormatError as error:
        stats.append(str(error))
    return (*stats, project.skeleton.keypoints)


def read_study_views(project: Project) -> StudyViews | None:
    """The views of a study; None when it does not say that it has any.

    Raises:
        FormatError: the file is malformed, or leads out of the study; the message names the key.
        CalibrationError: the cameras cannot be read, are impossible, or have other names.
    """
    file = project.root / FILE
    if not file.is_file():
        return None
    tables = toml_tables(file)
    if "views" in tables:
        return _of_one_picture(project, file, tables)
    for key in tables:
        if key not in _TOP:
            raise FormatError(f"unknown key '{key}' in {file}; known: {', '.join(_TOP)}, or tables [views.NAME]")
    if "calibration" not in tables or "videos" not in tables:
        raise FormatError(f"expected 'calibration' and 'videos', or tables [views.NAME], in {file}")
    cameras = read_calibration(_inside(file, tables["calibration"]))
    refuse_implausible(cameras)
    if len(cameras.cameras) < 2:
        raise CalibrationError(f"expected a calibration of two or more cameras in {file}, got {cameras.names[0]} alone")
    texts = _texts(tables.get("cameras", {}), cameras, file)
    keypoints = project.skeleton.keypoints
    index = np.tile(np.arange(len(keypoints)), (len(cameras.cameras), 1))
    patterns = _patterns(tables["videos"], texts, file)
    offsets = _offsets(tables.get("offsets", {}), cameras, file)
    return StudyViews(file, cameras.names, keypoints, keypoints, index, cameras, None, patterns, texts, offsets)


def _of_one_picture(project: Project, file: Path, tables: Mapping[str, Any]) -> StudyViews:
    if tables.get("calibration") is not None:
        _inside(file, tables["calibration"])
    plan = views_toml.read(file)
    names = tuple(part.name for part in plan.parts)
    for name in names:
        _require_known(plan.keypoints[name], project.skeleton.keypoints, f"[views.{name}] in {file}")
    shown = [views_toml.renamed(project.skeleton.keypoints, plan.keypoints[name]) for name in names]
    bases = dict.fromkeys(base for table in shown for base in table)
    keypoints = tuple(base for base in bases if sum(base in table for table in shown) >= 2)
    if not keypoints:
        told = "; ".join(
            f"{name}: {', '.join(list(table)[:4]) or 'none'}" for name, table in zip(names, shown, strict=True)
        )
        raise FormatError(f"expected keypoints that two views of {file} have, found none ({told})")
    index = np.array([[table.get(base, -1) for base in keypoints] for table in shown])
    calibration = None
    if plan.calibration is not None:
        whole = read_calibration(plan.calibration)
        cameras = Calibration(tuple(whole.camera(name) for name in names), whole.unit)
        calibration = in_picture(cameras, plan.parts, plan.size)
        refuse_implausible(calibration)
    return StudyViews(file, names, keypoints, project.skeleton.keypoints, index, calibration, plan)


def _require_known(table: str | Mapping[str, str], keypoints: Sequence[str], where: str) -> None:
    """Refuse a table that names a keypoint which the study has not; a pattern names none."""
    for name in () if isinstance(table, str) else table.values():
        if name not in keypoints:
            close = get_close_matches(name, keypoints, n=1)
            hint = f"did you mean '{close[0]}'? " if close else ""
            raise FormatError(f"no keypoint '{name}' of {where}; {hint}the study has {', '.join(keypoints)}")


def toml_tables(file: Path) -> dict[str, Any]:
    """What a small TOML file says.

    Raises:
        FormatError: it is another one, or damaged.
    """
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise FormatError(f"expected a file of views, got {file.stat().st_size:,} bytes in {file}")
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise FormatError(f"expected a TOML file of views, cannot read {file}: {reason}") from error


def _inside(file: Path, named: Any) -> Path:
    """The path of a file that is named in `file`, in the same folder or below it."""
    root = file.parent.resolve()
    is_text = isinstance(named, str) and named and "\0" not in named
    try:
        found = (root / named).resolve() if is_text else root
    except (OSError, RuntimeError):
        found = root
    if found == root or not found.is_relative_to(root):
        raise FormatError(
            f"expected 'calibration' to name a file in {file.parent}, got {named!r}; copy it there "
            "('markerless views PROJECT CALIBRATION' does)"
        )
    return found


def _texts(named: Any, cameras: Calibration, file: Path) -> dict[str, int]:
    """What stands for each camera in the names of videos."""
    if not isinstance(named, dict) or not all(isinstance(text, str) and text for text in named.values()):
        raise FormatError(f'expected CAMERA = "its name in videos" in [cameras] of {file}, got {named!r}')
    _require_cameras(named, cameras, f"[cameras] of {file}")
    texts = [named.get(name, name) for name in cameras.names]
    for text in texts:
        if texts.count(text) > 1:
            raise FormatError(f"expected another name of every camera in [cameras] of {file}, got '{text}' twice")
    return {text: index for index, text in enumerate(texts)}


def _require_cameras(named: Iterable[str], cameras: Calibration, where: str) -> None:
    for name in named:
        if name not in cameras.names:
            raise CalibrationError(
                f"no camera '{name}' of {where}; take it out there: the calibration has {', '.join(cameras.names)}"
            )


def _offsets(named: Any, cameras: Calibration, file: Path) -> tuple[int, ...]:
    is_table = isinstance(named, dict) and all(type(frames) is int for frames in named.values())
    if not is_table or any(abs(frames) > _MOST_FRAMES for frames in named.values()):
        raise FormatError(f"expected CAMERA = a whole number of frames in [offsets] of {file}, got {named!r}")
    _require_cameras(named, cameras, f"[offsets] of {file}")
    return tuple(named.get(name, 0) for name in cameras.names)


def _patterns(named: Any, texts: Mapping[str, int], file: Path) -> tuple[re.Pattern[str], ...]:
    patterns = [named] if isinstance(named, str) else named
    if not isinstance(patterns, list) or not 1 <= len(patterns) <= _MOST_PATTERNS:
        raise FormatError(f'expected videos = "{EXAMPLE}" or a list of such names in {file}, got {named!r}')
    return tuple(pattern_of(pattern, texts, f"'videos' of {file}") for pattern in patterns)


def pattern_of(text: Any, texts: Iterable[str], where: str) -> re.Pattern[str]:
    """The names of videos that a text with {camera}, and perhaps {session}, stands for.

    Raises:
        FormatError: it is something else.
    """
    is_pattern = isinstance(text, str) and text.count(_CAMERA) == 1 and text.count(_SESSION) <= 1
    if not is_pattern or len(text) > _MOST_CHARACTERS or set("{}") & set(_without_places(text)):
        raise FormatError(
            f'expected the name of a video with {_CAMERA} once, and {_SESSION} where it differs, such as "{EXAMPLE}", '
            f"in {where}, got {text!r}"
        )
    places = {_CAMERA: f"(?P<camera>{'|'.join(map(re.escape, sorted(texts, key=len, reverse=True)))})"}
    places[_SESSION] = "(?P<session>.+)"
    pieces = re.split(r"(\{camera\}|\{session\})", _VIDEO.sub("", text))
    return re.compile("".join(places.get(piece, re.escape(piece)) for piece in pieces))


def _without_places(text: str) -> str:
    return text.replace(_CAMERA, "").replace(_SESSION, "")


def _stat(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
