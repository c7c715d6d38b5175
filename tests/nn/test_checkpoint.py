from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from markerless.core.storage import write_text
from markerless.errors import RunError, StorageError
from markerless.nn import checkpoint as checkpoints
from markerless.nn.checkpoint import Checkpoint

LITTLE_SPACE = """
import resource, sys
from pathlib import Path
import torch
from markerless.errors import StorageError
from markerless.nn import checkpoint as checkpoints
from markerless.nn.checkpoint import Checkpoint

resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    checkpoints.save(Checkpoint({"a": torch.ones(100_000)}, {}, {}, {"step": 2}), Path(sys.argv[1]))
except StorageError as error:
    print(error)
"""


def test_checkpoints_are_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "a new folder" / "c.safetensors"
    whole = {"a.b": torch.arange(24.0).reshape(2, 3, 2, 2), "count": torch.tensor(7), "half": torch.ones(3).bfloat16()}
    channels_last = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    state = {"step": 4, "total": 9, "keypoints": ["Schnauze", "żółw"], "nested": {"lr": 0.002, "none": None}}
    one = Checkpoint(whole, {"a.b": channels_last}, {"a.b/step": torch.tensor(4.0)}, state)
    checkpoints.save(one, path)
    back = checkpoints.load(path)
    for group in checkpoints.GROUPS:
        ours, theirs = getattr(back, group), getattr(one, group)
        assert ours.keys() == theirs.keys()
        for name in theirs:
            assert ours[name].dtype == theirs[name].dtype
            assert torch.equal(ours[name], theirs[name])
    assert back.state == state
    checkpoints.save(back, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_equal_tensors_may_share_their_memory(tmp_path: Path) -> None:
    """The weights and their average begin as the same tensors, which safetensors refuses to write twice."""
    value = torch.ones(4)
    checkpoints.save(Checkpoint({"a": value}, {"a": value}, {"a/b": value[:2]}, {}), tmp_path / "c.safetensors")
    assert torch.equal(checkpoints.load(tmp_path / "c.safetensors").average["a"], value)


def test_a_missing_or_damaged_checkpoint_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    with pytest.raises(RunError, match="no checkpoint"):
        checkpoints.load(path)
    checkpoints.save(Checkpoint({"a": torch.ones(50)}, {}, {}, {"step": 1}), path)
    whole = path.read_bytes()
    for damaged in (b"", b"not a checkpoint", b"\xff" * 400, whole[:-1], whole[: len(whole) // 2], whole[:9]):
        path.write_bytes(damaged)
        with pytest.raises(RunError, match=r"c\.safetensors: the checkpoint is damaged") as caught:
            checkpoints.load(path)
        assert "\n" not in str(caught.value)


def test_tensors_of_another_program_are_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    for metadata in (None, {"state": "{}"}, {"state": "{"}):
        save_file({"layer.weight": torch.ones(2)}, path, metadata=metadata)
        with pytest.raises(RunError, match="damaged"):
            checkpoints.load(path)


def test_a_full_disk_is_one_line_and_keeps_the_old_file(tmp_path: Path) -> None:
    """Where a file may not grow beyond 20 kB, as on a full disk."""
    pytest.importorskip("resource", reason="file size limits exist on Unix only")
    path = tmp_path / "c.safetensors"
    checkpoints.save(Checkpoint({"a": torch.zeros(3)}, {}, {}, {"step": 1}), path)
    before = path.read_bytes()
    said = subprocess.run([sys.executable, "-c", LITTLE_SPACE, str(path)], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith(f"no space left to write {path}")
    assert said.stdout.count("\n") == 1
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["c.safetensors"]


def test_a_place_that_cannot_be_written_is_told_from_a_full_disk(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "in the way")
    one = Checkpoint({"a": torch.zeros(3)}, {}, {}, {})
    with pytest.raises(StorageError, match=r"cannot write .*choose a writable folder"):
        checkpoints.save(one, tmp_path / "file" / "c.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(StorageError, match="cannot write"):
        checkpoints.save(one, tmp_path / "folder.safetensors")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder.safetensors"]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("Error while serializing: I/O error: Permission denied (os error 13)", "cannot write c: Permission denied"),
        ('Error while serializing: IoError(Os { code: 28, kind: StorageFull, message: "x" })', "no space left"),
        ("Error while serializing: something new", "cannot write c: Error while serializing: something new"),
    ],
)
def test_what_safetensors_hides_is_found(monkeypatch: pytest.MonkeyPatch, told: str, expected: str) -> None:
    """Its versions word the operating system's error in two ways."""

    def refuse(*_: object, **__: object) -> None:
        raise checkpoints.SafetensorError(told)

    monkeypatch.setattr(checkpoints, "save_file", refuse)
    with pytest.raises(StorageError) as caught:
        checkpoints.save(Checkpoint({}, {}, {}, {}), Path("c"))
    assert expected in str(caught.value)


def test_the_optimizer_remembers(tmp_path: Path) -> None:
    """Two steps, saved and put into a fresh optimizer, then one more: equal to three in a row."""

    def layer() -> torch.nn.Conv2d:
        torch.manual_seed(0)
        made = torch.nn.Conv2d(3, 4, 3)
        made.weight.data = made.weight.data.contiguous(memory_format=torch.channels_last)
        return made

    def step(layer: torch.nn.Conv2d, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        layer(torch.ones(1, 3, 8, 8)).square().sum().backward()
        optimizer.step()

    straight, first, second = layer(), layer(), layer()
    optimizers = [torch.optim.AdamW(each.parameters(), lr=0.1) for each in (straight, first, second)]
    for _ in range(3):
        step(straight, optimizers[0])
    for _ in range(2):
        step(first, optimizers[1])
    memory = checkpoints.optimizer_tensors(optimizers[1], {p: name for name, p in first.named_parameters()})
    assert {name.split("/")[1] for name in memory} == {"step", "exp_avg", "exp_avg_sq"}
    checkpoints.save(Checkpoint(first.state_dict(), {}, memory, {}), tmp_path / "c.safetensors")
    saved = checkpoints.load(tmp_path / "c.safetensors")
    second.load_state_dict(saved.weights)
    names = {p: name for name, p in second.named_parameters()}
    checkpoints.restore_optimizer(optimizers[2], names, saved.optimizer)
    step(second, optimizers[2])
    assert torch.equal(second.weight, straight.weight)


def test_the_memory_goes_where_the_parameters_are() -> None:
    """A checkpoint is read on the CPU; only the count of steps stays there."""
    first, second = torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(3, 4, 3, device="meta")
    optimizers = [torch.optim.AdamW(layer.parameters()) for layer in (first, second)]
    first(torch.ones(1, 3, 8, 8)).sum().backward()
    optimizers[0].step()
    memory = checkpoints.optimizer_tensors(optimizers[0], {p: name for name, p in first.named_parameters()})
    checkpoints.restore_optimizer(optimizers[1], {p: name for name, p in second.named_parameters()}, memory)
    restored = optimizers[1].state[second.weight]
    assert {quantity: value.device.type for quantity, value in restored.items()} == {
        "step": "cpu",
        "exp_avg": "meta",
        "exp_avg_sq": "meta",
    }
    second(torch.ones(1, 3, 8, 8, device="meta")).sum().backward()
    optimizers[1].step()
    assert int(restored["step"]) == 2
