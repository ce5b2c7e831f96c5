import collections
import functools
import pickle

import pytest
import torch
from safetensors.torch import save_file

from mda.errors import CheckpointError
from mda.models.checkpoints import read_state_dict

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4)}


def equal(state):
    return set(state) == set(STATE) and all(torch.equal(state[name], STATE[name]) for name in STATE)


def test_safetensors_and_torch_files(tmp_path) -> None:
    save_file(STATE, tmp_path / "w.safetensors")
    torch.save(STATE, tmp_path / "w.pt")
    torch.save({"state_dict": STATE, "epoch": 3}, tmp_path / "w.ckpt")
    assert all(equal(read_state_dict(tmp_path / name)) for name in ("w.safetensors", "w.pt", "w.ckpt"))


def test_safetensors_under_another_name(tmp_path) -> None:
    save_file(STATE, tmp_path / "weights.bin")
    assert equal(read_state_dict(tmp_path / "weights.bin"))


class Settings:
    """Stands for the classes of a trainer that pickles its settings."""

    def __init__(self) -> None:
        self.rate = 3


class AttributeDict(dict):
    """A dictionary of a foreign class, as trainers have them."""


class Registry(dict):
    """One whose name does not tell that it is a dictionary."""


def test_checkpoint_of_a_trainer_with_foreign_objects(tmp_path) -> None:
    extra = {
        "optimizer": functools.partial(torch.optim.AdamW, lr=1e-3),
        "settings": Settings(),
        "counts": collections.Counter("abc"),
        "attributes": AttributeDict(x=Settings()),
        "ranks": collections.defaultdict(list, a=[1]),
    }
    torch.save({"state_dict": STATE, "hyper_parameters": extra, "epoch": 3}, tmp_path / "last.ckpt")
    assert equal(read_state_dict(tmp_path / "last.ckpt"))


def test_objects_that_cannot_be_left_out_are_refused_with_a_remedy(tmp_path) -> None:
    torch.save({"state_dict": STATE, "extra": Registry(x=3)}, tmp_path / "last.ckpt")
    with pytest.raises(CheckpointError, match=r"last\.ckpt .* convert it to safetensors"):
        read_state_dict(tmp_path / "last.ckpt")


@pytest.mark.parametrize("kind", ["safetensors", "pt"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_truncated_file_is_named(tmp_path, kind, share) -> None:
    whole, cut = tmp_path / f"whole.{kind}", tmp_path / f"cut.{kind}"
    save_file(STATE, whole) if kind == "safetensors" else torch.save(STATE, whole)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CheckpointError, match=rf"cut\.{kind}.*Fetch it again"):
        read_state_dict(cut)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"hello, these are not weights\n", "text file"),
        (b"<!DOCTYPE html><html>not found</html>", "text file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a file of weights"),
    ],
)
def test_foreign_file_is_told(tmp_path, content, kind) -> None:
    (tmp_path / "w.ckpt").write_bytes(content)
    with pytest.raises(CheckpointError, match=kind):
        read_state_dict(tmp_path / "w.ckpt")


def test_missing_file(tmp_path) -> None:
    with pytest.raises(CheckpointError, match=r"no weights file .*w\.pt"):
        read_state_dict(tmp_path / "w.pt")


@pytest.mark.parametrize(
    "content", [[1, 2], {"a": 3}, {"a": torch.ones(1), 3: torch.ones(1)}, {"state_dict": {}}, {}, torch.ones(2)]
)
def test_file_without_a_state_dict(tmp_path, content) -> None:
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="state dict"):
        read_state_dict(tmp_path / "w.pt")


def test_old_style_pickle_is_refused(tmp_path) -> None:
    (tmp_path / "w.pt").write_bytes(pickle.dumps({"a": 1}))
    torch.save(STATE, tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    for name in ("w.pt", "legacy.pt"):
        with pytest.raises(CheckpointError, match="could run code"):
            read_state_dict(tmp_path / name)
