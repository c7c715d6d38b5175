"""The network that runs computes what the trained one does, up to the rounding of its weights."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from markerless.nn import model as networks
from markerless.nn.deploy import deployed
from markerless.nn.heads import score_map
from markerless.nn.model import NetSettings, PoseNet

SETTINGS = {
    "lite": NetSettings(weights="none", width=16),
    "small": NetSettings(weights="none", width=16, kernel=3, stages=3, shrink=2, stride=4),
    "resnet": NetSettings(backbone="resnet", weights="none", width=16, stages=2),
}


@pytest.fixture(params=SETTINGS)
def net(request: pytest.FixtureRequest) -> PoseNet:
    """A network whose batch norms have seen something, so that folding them is no small change."""
    model = networks.build(3, SETTINGS[request.param], score_map.Config(), seed=2)
    generator = torch.Generator().manual_seed(5)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            shape = module.running_mean.shape if module.running_mean is not None else torch.Size()
            for value in (module.running_mean, module.bias.data):
                assert value is not None
                value.copy_(0.2 * torch.randn(shape, generator=generator))
            for value in (module.running_var, module.weight.data):
                assert value is not None
                value.copy_(0.5 + torch.rand(shape, generator=generator))
    nn.init.normal_(model.head.score.weight, std=1.0)
    return model


def maps(model: PoseNet) -> Tensor:
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3), dtype=np.uint8))
    with torch.no_grad():
        return torch.cat(model.maps(image), 1)


def rounded(value: Tensor) -> Tensor:
    return value.to(torch.bfloat16).float()


def test_gives_what_the_trained_network_gives_up_to_rounding(net: PoseNet) -> None:
    """Eight binary digits of weights are 0.2 % each; without the norms the maps are others altogether."""
    trained = maps(copy.deepcopy(net).eval())
    span = float(trained.std())
    assert float((maps(deployed(net)) - trained).std()) < 0.03 * span
    without = copy.deepcopy(net).eval()
    for module in without.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    assert float((maps(without) - trained).std()) > 0.1 * span


def test_has_no_batch_norm_and_weights_of_bf16_alone(net: PoseNet) -> None:
    assert any(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    weights = [module.weight for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert any(not torch.equal(weight, rounded(weight)) for weight in weights)
    model = deployed(net)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    weights = [module.weight for module in model.modules() if isinstance(module, nn.Conv2d)]
    assert len(weights) > 10
    assert all(torch.equal(weight, rounded(weight)) for weight in weights)


def test_the_trained_network_stays_as_it_is(net: PoseNet) -> None:
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    model = deployed(net)
    assert not model.training
    assert net.training
    after = net.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    owned = {value.data_ptr() for value in net.state_dict().values()}
    assert not owned & {value.data_ptr() for value in model.state_dict().values()}


def test_deployed_twice_is_deployed_once(net: PoseNet) -> None:
    once = deployed(net)
    torch.testing.assert_close(maps(deployed(once)), maps(once), rtol=0, atol=0)
