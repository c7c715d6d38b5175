"""From a trained network to `model.onnx`: image in, keypoints out, everything between inside the graph."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch

from markerless.core.storage import atomic_path
from markerless.errors import RunError
from markerless.nn.deploy import deployed
from markerless.nn.model import PoseNet

CONTRACT = "1"
TRACED_SIZE = (2, 160, 192)  # batch, height, width of the example; none of them is in the exported graph


def export_onnx(model: PoseNet, keypoints: Sequence[str], path: Path) -> None:
    """Write the network as one ONNX file.

    The graph takes `image`, uint8 `(B, H, W, C)` with C 1 or 3 and any B, H, W, and gives `xy` float32 `(B, K, 2)` in
    pixels of that image and `score` float32 `(B, K)`; a calibrated network gives `expected_error` float32 `(B, K)` in
    pixels as well. Keypoint names, stride and the version of this contract are in
    its metadata.

    Raises:
        StorageError: disk full or folder not writable.
    """
    example = torch.zeros((*TRACED_SIZE, 3), dtype=torch.uint8)
    model = deployed(model)
    any_size = {"image": dict.fromkeys(range(3), torch.export.Dim.DYNAMIC)}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            model,
            (example,),
            input_names=["image"],
            output_names=["xy", "score", "expected_error"][: 3 if model.errors.is_fitted else 2],
            dynamic_shapes=any_size,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise RunError("the network could not be exported to ONNX; report this with your versions of torch and onnx")
    proto = program.model_proto
    accept_gray(proto)
    onnx.helper.set_model_props(proto, metadata(model, keypoints))
    with atomic_path(path) as temporary:
        temporary.write_bytes(proto.SerializeToString())


def metadata(model: PoseNet, keypoints: Sequence[str]) -> dict[str, str]:
    """What an exported network says of itself."""
    return {
        "markerless.contract": CONTRACT,
        "markerless.keypoints": json.dumps(list(keypoints), ensure_ascii=False),
        "markerless.net": model.backbone.display_name,
        "markerless.stride": str(model.head.stride),
    }


def accept_gray(proto: onnx.ModelProto) -> None:
    """Let the graph take one channel as well as three: taking off the mean of three channels repeats the one."""
    proto.graph.input[0].type.tensor_type.shape.dim[3].dim_param = "channels"
    del proto.graph.value_info[:]  # the shapes of three channels
