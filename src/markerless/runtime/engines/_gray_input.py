"""The first layers of a network for gray frames, where OpenVINO would compute three equal channels.

A network takes the mean off each channel, divides, and adds the channels up in its first convolution. Where mean and
divisor are those of every channel, one channel does, with weights that are the sums over channels.
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
    gray = new.subtract(node.input_value(0), new.constant(mean))
    summed = (weights.sum(1, keepdims=True) / divisor).astype(np.float32)
    layout = convolution.get_attributes()
    names = ("strides", "pads_begin", "pads_end", "dilations")
    replacement = new.convolution(gray, new.constant(summed), *(list(layout[name]) for name in names))
    for target in convolution.output(0).get_target_inputs():
        target.replace_source_output(replacement.output(0))
    model.validate_nodes_and_infer_types()
    return True


def _same_for_all_channels(node: Any) -> np.float32 | None:
    values = _constant(node)
    return None if values is None or len(np.unique(values)) != 1 else np.float32(values.flat[0])


def _constant(node: Any) -> NDArray[np.float32] | None:
    return np.asarray(node.data, dtype=np.float32) if node.get_type_name() == "Constant" else None
