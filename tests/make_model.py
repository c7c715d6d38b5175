"""Small ONNX models of the runtime's contract whose right answer is known without them.

`color_finder`: keypoints red, green, blue are the pixels where that color is strongest. `blob_finder`: a convolution
and an average weighted by its response, so that arithmetic in bf16 shows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

COLORS = ("red", "green", "blue")
ERROR_WEIGHTS = (1, 2, 4)  # expected errors of `color_finder` are so many times what a color lacks to full strength
OPSET, IR_VERSION = 17, 9
BLOB_SIGMA_PX = 1.5
BLOB_REACH_PX = 3


class Graph:
    """Collects nodes; every method gives the name of what it made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: object, dtype: type = np.int64) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def column(self, shape: str, axis: int) -> str:
        return self.op("Gather", shape, self.constant(axis))

    def save(self, path: Path, keypoints: tuple[str, ...], metadata: dict[str, str] | None = None) -> Path:
        n_keypoints = len(keypoints)
        shapes = {"xy": ["B", n_keypoints, 2], "score": ["B", n_keypoints], "expected_error": ["B", n_keypoints]}
        made = {name for node in self.nodes for name in node.output}
        graph = helper.make_graph(
            self.nodes,
            "test",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["B", "H", "W", "C"])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in shapes.items()
                if name in made
            ],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        known = {"markerless.contract": "1", "markerless.keypoints": json.dumps(keypoints), "markerless.net": "test"}
        helper.set_model_props(model, known if metadata is None else metadata)
        onnx.checker.check_model(model)
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, path)
        return path


def color_finder(path: Path, metadata: dict[str, str] | None = None, has_error: bool = False) -> Path:
    """Three keypoints at the first pixel of the strongest red, green and blue; score = strength / 255.

    With `has_error` it is as a network whose errors are calibrated: see `expected_errors`.
    """
    graph = Graph()
    image = graph.op("Transpose", graph.op("Cast", "image", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    flat = graph.op("Reshape", image, graph.constant([0, 0, -1]))
    width = graph.column(graph.op("Shape", image), 3)
    strongest = graph.op("ArgMax", flat, axis=2, keepdims=1)
    x = graph.op("Mod", strongest, width)
    y = graph.op("Div", strongest, width)
    graph.op("Cast", graph.op("Concat", x, y, axis=2), output="xy", to=TensorProto.FLOAT)
    highest = graph.op("ReduceMax", flat, axes=[2], keepdims=0)
    graph.op("Div", highest, graph.constant(255, np.float32), output="score")
    if has_error:
        lacking = graph.op("Sub", graph.constant(255, np.float32), highest)
        graph.op("Mul", lacking, graph.constant(ERROR_WEIGHTS, np.float32), output="expected_error")
    return graph.save(path, COLORS, metadata)


def expected_errors(strength: npt.ArrayLike) -> np.ndarray:
    """`(..., 3)` px that `color_finder` expects where all colors have this strength `(...)`, exactly."""
    return (255.0 - np.asarray(strength))[..., None] * np.array(ERROR_WEIGHTS)


def blob_finder(path: Path) -> Path:
    """Three keypoints: the center of the smooth bump in each color, to a fraction of a pixel; score = response."""
    graph = Graph()
    offsets = np.arange(-BLOB_REACH_PX, BLOB_REACH_PX + 1)
    bump = np.exp(-(offsets**2) / (2 * BLOB_SIGMA_PX**2))
    kernel = np.outer(bump, bump) / bump.sum() ** 2
    weights = graph.constant(np.eye(3)[:, :, None, None] * kernel, np.float32)
    image = graph.op("Transpose", graph.op("Cast", "image", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    image = graph.op("Div", image, graph.constant(255, np.float32))
    size = [2 * BLOB_REACH_PX + 1] * 2
    response = graph.op("Conv", image, weights, kernel_shape=size, pads=[BLOB_REACH_PX] * 4)
    shape = graph.op("Shape", response)
    flat = graph.op("Reshape", response, graph.constant([0, 0, -1]))
    graph.op("ReduceMax", flat, output="score", axes=[2], keepdims=0)
    sharp = graph.op("Softmax", graph.op("Mul", flat, graph.constant(200, np.float32)), axis=2)
    width, height = graph.column(shape, 3), graph.column(shape, 2)
    cells = graph.op("Range", graph.constant(0), graph.op("Mul", width, height), graph.constant(1))
    columns = graph.op("Cast", graph.op("Mod", cells, width), to=TensorProto.FLOAT)
    rows = graph.op("Cast", graph.op("Div", cells, width), to=TensorProto.FLOAT)
    x = graph.op("ReduceSum", graph.op("Mul", sharp, columns), graph.constant([2]), keepdims=1)
    y = graph.op("ReduceSum", graph.op("Mul", sharp, rows), graph.constant([2]), keepdims=1)
    graph.op("Concat", x, y, output="xy", axis=2)
    return graph.save(path, COLORS)


def dots(places: np.ndarray, size: tuple[int, int], strength: int | np.ndarray = 250) -> np.ndarray:
    """`(T, H, W, 3)` uint8: black frames with a red, a green and a blue pixel.

    Args:
        places: `(T, 3, 2)` whole-number x, y of each dot.
        size: Width and height.
        strength: Value of the dots, of all or `(T,)` of each frame.
    """
    width, height = size
    frames = np.zeros((len(places), height, width, 3), dtype=np.uint8)
    rows = np.arange(len(places))
    for color in range(3):
        frames[rows, places[:, color, 1], places[:, color, 0], color] = strength
    return frames


def random_places(n_frames: int, size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """`(T, 3, 2)` whole-number x, y inside of frames of that size."""
    return np.random.default_rng(seed).integers(0, size, (n_frames, 3, 2))
