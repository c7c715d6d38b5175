"""From a trained network to the one that runs: batch norm folded, weights rounded to bf16.

Rounding costs accuracy once, whatever computes: the mean error on 19 test images went from 2.07 to 2.09 px in f32, 1 %.
In return a processor that computes in bf16 uses the very weights that others use in f32, and their results differ by
0.072 px instead of 0.106, the median (benchmarks/RESULTS.md).
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from markerless.nn.model import PoseNet


def deployed(model: PoseNet) -> PoseNet:
    """A copy of a trained network as every engine runs it, on the CPU; the network itself stays as it is."""
    model = copy.deepcopy(model).to("cpu").eval()
    for parent in list(model.modules()):
        if isinstance(parent, nn.Sequential):
            _fold_batch_norm(parent)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.copy_(module.weight.to(torch.bfloat16).float())
    return model


def _fold_batch_norm(layers: nn.Sequential) -> None:
    """Fold each batch norm into the convolution before it; its place is taken by an identity."""
    for i in range(1, len(layers)):
        before, norm = layers[i - 1], layers[i]
        if isinstance(before, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            layers[i - 1], layers[i] = fuse_conv_bn_eval(before, norm), nn.Identity()
