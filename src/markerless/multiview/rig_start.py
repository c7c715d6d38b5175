"""Where cameras stand to each other, from boards that pairs of them see: the start of the joint fit.

Every pair that shares boards is tried with every relative pose that one of them says, and the pose that explains the
others best is taken; the best pairs that join all cameras (a spanning tree) give the rig. A checkerboard that looks
the same after half a turn is turned in each picture to where the cameras agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.boards import Board
from markerless.multiview.intrinsics import LensFit, median_off
from markerless.multiview.scene import RigidBoards

_HYPOTHESES = 24  # relative poses of a pair that are tried
_BAD = 0.02  # of the picture's diagonal: a pair that disagrees by more was not looking at the same board

Pose = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class Link:
    """What a pair of cameras says.

    Attributes:
        shared: Moments in which both see the board.
        pose: From the first camera's axes to the second's.
        off_px: Median distance in the second camera's pictures.
    """

    shared: int
    pose: Pose
    off_px: float


@dataclass(frozen=True)
class RigStart:
    """A rig that is good enough to be adjusted.

    Attributes:
        cameras: With poses; the first one is the world.
        boards: In world axes; NaN where no camera sees one.
        corners: `(V, F, P, 2)` in an order that all cameras agree on.
        links: Pairs of cameras that share boards.
    """

    cameras: tuple[Camera, ...]
    boards: RigidBoards
    corners: FloatArray
    links: dict[tuple[int, int], Link]


def start_rig(board: Board, fits: Sequence[LensFit], corners: FloatArray) -> RigStart:
    """Put the cameras together.

    Args:
        board: Which they look at.
        fits: The cameras.
        corners: `(V, F, P, 2)` pixels; NaN where not seen.

    Raises:
        CalibrationError: not all cameras are joined by boards, or a pair disagrees about all of them.
    """
    if board.turns and board.columns == board.rows and len(fits) > 1:
        raise CalibrationError(
            f"a board of {board.columns}x{board.rows} corners looks the same after a quarter turn, so that cameras "
            "cannot agree on its first corner; use one with an odd and an even number of corners, or ChArUco"
        )
    links = {
        (a, b): link
        for a in range(len(fits))
        for b in range(len(fits))
        if a != b and (link := _link(board, fits[a], fits[b], corners[b])) is not None
    }
    poses = _tree([fit.camera.name for fit in fits], links, _limits(fits))
    cameras = tuple(fit.camera.moved(*pose) for fit, pose in zip(fits, poses, strict=True))
    boards, agreed = _boards(board, cameras, fits, corners)
    return RigStart(cameras, boards, agreed, links)


def turned(board: Board, pose: Pose) -> Pose:
    """The pose of the board when its last corner is taken for the first."""
    rotation, translation = pose
    return rotation @ np.diag([-1.0, -1.0, 1.0]), translation + rotation @ board.points[-1]


def after(first: Pose, second: Pose) -> Pose:
    """The pose that does `first`, then `second`."""
    return second[0] @ first[0], second[0] @ first[1] + second[1]


def inverse(pose: Pose) -> Pose:
    """The way back."""
    return pose[0].T, -pose[0].T @ pose[1]


def _pose(fit: LensFit, frame: int) -> Pose | None:
    way = fit.boards.translation[frame]
    return (fit.boards.rotation[frame], way) if np.isfinite(way).all() else None


def _either_way(board: Board, pose: Pose) -> list[Pose]:
    return [pose, turned(board, pose)] if board.turns else [pose]


def _link(board: Board, first: LensFit, second: LensFit, corners: FloatArray) -> Link | None:
    poses = [(frame, _pose(first, frame), _pose(second, frame)) for frame in range(len(corners))]
    shared = [(frame, a, b) for frame, a, b in poses if a is not None and b is not None]
    if not shared:
        return None
    step = max(1, -(-len(shared) // _HYPOTHESES))
    best: tuple[float, Pose] | None = None
    for _, a, b in shared[::step]:
        for turn in _either_way(board, b):
            relative = after(inverse(a), turn)
            offs = [
                min(
                    median_off(second.camera, board.points @ pose[0].T + pose[1], corners[frame])
                    for pose in (after(each, relative) for each in _either_way(board, seen))
                )
                for frame, seen, _ in shared
            ]
            off = float(np.median(offs))
            if best is None or off < best[0]:
                best = (off, relative)
    return None if best is None else Link(len(shared), best[1], best[0])


def _limits(fits: Sequence[LensFit]) -> list[float]:
    return [_BAD * float(np.hypot(*fit.camera.size)) for fit in fits]


def _tree(names: Sequence[str], links: dict[tuple[int, int], Link], limits: Sequence[float]) -> list[Pose]:
    """Poses from world axes, which are the first camera's."""
    poses: dict[int, Pose] = {0: (np.eye(3), np.zeros(3))}
    while len(poses) < len(names):
        open_ = [pair for pair in links if pair[0] in poses and pair[1] not in poses]
        if not open_:
            joined = ", ".join(f"'{names[i]}'" for i in sorted(poses))
            others = ", ".join(f"'{name}'" for i, name in enumerate(names) if i not in poses)
            raise CalibrationError(
                f"no board is seen at the same moment by one of {joined} and one of {others}, so that they cannot be "
                "put together; show the board where both groups see it"
            )
        pair = min(open_, key=lambda each: links[each].off_px / np.sqrt(links[each].shared))
        link = links[pair]
        if link.off_px > limits[pair[1]]:
            raise CalibrationError(
                f"cameras '{names[pair[0]]}' and '{names[pair[1]]}' disagree about where the board was in all "
                f"{link.shared} moments they share (by {link.off_px:.0f} px, as a median); check that their pictures "
                "are of the same moments, that none is flipped, and the size of the board"
            )
        poses[pair[1]] = after(poses[pair[0]], link.pose)
    return [poses[index] for index in range(len(names))]


def _boards(
    board: Board, cameras: Sequence[Camera], fits: Sequence[LensFit], corners: FloatArray
) -> tuple[RigidBoards, FloatArray]:
    """The board of every moment where the cameras that see it agree best, and their corners in its order."""
    n_frames = corners.shape[1]
    rotation, translation = np.full((n_frames, 3, 3), np.nan), np.full((n_frames, 3), np.nan)
    agreed = corners.copy()
    for frame in range(n_frames):
        best, least = None, np.inf
        for camera, fit in zip(cameras, fits, strict=True):
            pose = _pose(fit, frame)
            if pose is None:
                continue
            in_world = after(pose, inverse((camera.rotation, camera.translation)))
            offs = _offs(board, cameras, in_world, corners[:, frame])
            total = float(np.nansum(np.minimum(offs.min(axis=1), 1e6)))
            if total < least:
                best, least = in_world, total
                turn = offs.argmin(axis=1) == 1
        if best is not None:
            rotation[frame], translation[frame] = best
            agreed[turn, frame] = corners[turn, frame][:, ::-1]
    return RigidBoards(board.points, rotation, translation), agreed


def _offs(board: Board, cameras: Sequence[Camera], in_world: Pose, corners: FloatArray) -> FloatArray:
    """`(V, 1 or 2)`: how far each camera's corners are from the board, as it is and turned; 0 where it sees none."""
    offs = np.zeros((len(cameras), 2 if board.turns else 1))
    for index, camera in enumerate(cameras):
        if not np.isfinite(corners[index]).any():
            continue
        pose = after(in_world, (camera.rotation, camera.translation))
        for way, each in enumerate(_either_way(board, pose)):
            offs[index, way] = median_off(camera, board.points @ each[0].T + each[1], corners[index])
    return offs
