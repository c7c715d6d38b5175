"""The first layers of a network for gray frames, where OpenVINO would compute three equal channels.

A network takes the mean off each channel, divides, and adds the channels up in its first convolution. Where mean and
divisor are those of every channel, one channel does, with weights that are the sums over channels.

A network that shrinks its input averages squares of pixels before that. The convolution can do it as well, and does it
faster where it finds the pixels of a row side by side as channels: a tenth off the network in bf16
(benchmarks/RESULTS.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from markerless.runtime.openvino_quietly import openvino

BEFORE = ("Divide", "Subtract")  # the convolution, the last first


def take_one_channel(model: openvino.Model) -> bool:
    """Change a model reshaped to one channel; False, and nothing is changed, where it is made in another way."""
    convolution = next((node for node in model.get_ordered_ops() if node.get_type_name() == "Convolution"), None)
    if convolution is None:
        return False
    node, numbers = convolution, []
    for kind in BEFORE:
        node = node.input_value(0).get_node()
        if node.get_type_name() != kind:
            return False
        numbers.append(_same_for_all_channels(node.input_value(1).get_node()))
    divisor, mean = numbers
    weights = _constant(convolution.input_value(1).get_node())
    if divisor is None or mean is None or weights is None:
        return False
    if node.input_value(0).get_partial_shape()[1] != 1:  # an earlier node repeats the channel
        return False
    new = openvino.opset8
    summed = (weights.sum(1, keepdims=True) / divisor).astype(np.float32)
    replacement = _of_rows(node.input_value(0).get_node(), mean, summed, convolution)
    if replacement is None:
        gray = new.subtract(node.input_value(0), new.constant(mean))
        layout = convolution.get_attributes()
        names = ("strides", "pads_begin", "pads_end", "dilations")
        replacement = new.convolution(gray, new.constant(summed), *(list(layout[name]) for name in names))
    for target in convolution.output(0).get_target_inputs():
        target.replace_source_output(replacement.output(0))
    model.validate_nodes_and_infer_types()
    return True


def _of_rows(average: Any, mean: np.float32, weights: NDArray[np.float32], convolution: Any) -> Any | None:
    """The convolution of an average of squares as one of the pixels themselves, None where `average` is none.

    Squares of `side` pixels and steps of `stride` squares: the window begins at a multiple of `side * stride` pixels.
    So many neighbors in a row become channels, and the window is one of few blocks of them instead of many pixels.

    Args:
        average: The layer before the mean is taken off.
        mean: What is taken off.
        weights: `(C, 1, k, k)` of the convolution.
        convolution: The layer itself.
    """
    side = _side_of_squares(average)
    layout = convolution.get_attributes()
    stride, size = layout["strides"][0], weights.shape[-1]
    is_plain = {*layout["strides"], *weights.shape[2:]} == {stride, size} and {*layout["pads_begin"]} == {0}
    if side is None or not is_plain or {*layout["dilations"]} != {1}:
        return None
    n_images, _, height, width = average.input_value(0).get_shape()
    step, reach = side * stride, side * size
    if width % step:
        return None
    n_blocks = -(-reach // step)
    of_pixels = np.repeat(np.repeat(weights, side, 2), side, 3) / side**2
    padded = np.pad(of_pixels, ((0, 0), (0, 0), (0, 0), (0, n_blocks * step - reach)))
    of_blocks = padded[:, 0].reshape(-1, reach, n_blocks, step).transpose(0, 3, 1, 2)
    new = openvino.opset8
    rows = new.reshape(average.input_value(0), np.array([n_images, height, width // step, step]), False)
    blocks = new.subtract(new.transpose(rows, np.array([0, 3, 1, 2])), new.constant(mean))
    below = side * layout["pads_end"][0]
    beside = convolution.output(0).get_shape()[3] + n_blocks - 1 - width // step
    return new.convolution(blocks, new.constant(of_blocks.copy()), [step, 1], [0, 0], [below, beside], [1, 1])


def _side_of_squares(node: Any) -> int | None:
    """Pixels on a side of the squares that a layer averages, none left out; None for another layer."""
    if node.get_type_name() != "AvgPool":
        return None
    layout = node.get_attributes()
    side = int(layout["kernel"][0])
    whole = not any(length % side for length in node.input_value(0).get_shape()[2:])
    unpadded = not any((*layout["pads_begin"], *layout["pads_end"]))
    return side if whole and unpadded and {*layout["kernel"], *layout["strides"]} == {side} else None


def _same_for_all_channels(node: Any) -> np.float32 | None:
    values = _constant(node)
    return None if values is None or len(np.unique(values)) != 1 else np.float32(values.flat[0])


def _constant(node: Any) -> NDArray[np.float32] | None:
    return np.asarray(node.data, dtype=np.float32) if node.get_type_name() == "Constant" else None
