"""Files in the layouts of the releases, at full size in names and shapes (each tensor repeats one number on disk)."""

import collections
import functools
import sys
from dataclasses import replace
from pathlib import Path, PosixPath

import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file

from mda.errors import CheckpointError
from mda.inference import load
from mda.models.adapters import published_shapes, to_published
from mda.models.converting import convert_weights
from mda.models.loading import load_network, preset_of_file
from mda.models.presets import PRESETS
from mda.models.remains import promised_shapes
from tests.unit.models.networks import mixture_network, released

COUNTERS = {name: torch.zeros(()) for name in ("epoch_fraction", "train_total_samples", "train_total_images")}


def trainer_file(state: dict[str, torch.Tensor], path: Path) -> Path:
    """A checkpoint of the published training: Lightning's dictionary, with the settings of the run as objects."""
    settings = OmegaConf.create({"net": {"name": "mog", "sizes": [1, {"k": 4}], "same": "${net.name}"}, "lr": 1e-4})
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(3))])
    content = {
        "epoch": 3,
        "global_step": 1000,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {**{f"net.net.{name}": tensor for name, tensor in state.items()}, **COUNTERS},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [{"kind": torch.optim.lr_scheduler.LinearLR, "step": 3}],
        "callbacks": {"ModelCheckpoint": {"dirpath": PosixPath("/somewhere"), "best": torch.tensor(0.1)}},
        "loops": {"fit_loop": collections.OrderedDict(state=collections.defaultdict(int, a=1))},
        "hparams_name": "kwargs",
        "hyper_parameters": {
            "net": settings.net,
            "sizes": settings.net.sizes,
            "optimizer": functools.partial(torch.optim.AdamW, lr=1e-4, betas=(0.9, 0.95)),
        },
    }
    torch.save(content, path)
    return path


def thin_file(name: str, path: Path) -> Path:
    """A file of the full-size network of that name, of which each tensor is one number, repeated."""
    preset = PRESETS[name]
    shapes = published_shapes(preset.build("meta"), preset.scheme)
    state = {key: torch.zeros(1).expand(shape) if shape else torch.zeros(()) for key, shape in shapes.items()}
    return trainer_file(state, path)


def test_a_checkpoint_of_the_published_training_becomes_a_network(tmp_path, monkeypatch) -> None:
    network = mixture_network()
    file = trainer_file(released(network), tmp_path / "DA3_MOG_Sky_LogL2.ckpt")
    small = replace(PRESETS["mda_mog_sky_l2"], make=mixture_network)
    monkeypatch.setitem(PRESETS, small.name, small)
    loaded = load(small.name, checkpoint=file, device="cpu")
    images = torch.randn(1, 2, 3, 28, 42, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found, expected = loaded.network(images), network(images)
    assert torch.equal(found.mixture.locs, expected.mixture.locs)
    assert torch.equal(found.sky_log_odds, expected.sky_log_odds)
    assert convert_weights(file, tmp_path / "w.safetensors", preset=small).tensors == len(released(network))


@pytest.mark.parametrize("name", ["mda_mog_sky_l2", "vggt_mog_l2"])
def test_published_mixtures_load_at_full_size_and_tell_their_name(name, tmp_path) -> None:
    file = thin_file(name, tmp_path / "w.ckpt")
    assert file.stat().st_size < 10e6
    assert preset_of_file(file).name == name
    network = load_network(PRESETS[name], file)
    assert sum(parameter.numel() for parameter in network.parameters()) == PRESETS[name].parameters


def test_weights_of_another_network_are_told_by_name(tmp_path) -> None:
    file = thin_file("vggt_mog_l2", tmp_path / "w.ckpt")
    with pytest.raises(CheckpointError, match=r"(?s)w\.ckpt.*missing.*looks like the weights of vggt_mog_l2"):
        load_network(PRESETS["mda_mog_sky_l2"], file)


@pytest.mark.parametrize("kind", ["ckpt", "safetensors"])
def test_a_cut_file_tells_what_it_was(kind, tmp_path) -> None:
    name = "da3-small"
    whole = thin_file(name, tmp_path / "whole.ckpt")
    if kind == "safetensors":
        shapes = published_shapes(PRESETS[name].build("meta"), PRESETS[name].scheme)
        state = {f"model.{key}": torch.zeros(shape, dtype=torch.bool) for key, shape in shapes.items()}
        save_file(state, whole := tmp_path / "whole.safetensors")
    cut = tmp_path / f"cut.{kind}"
    cut.write_bytes(whole.read_bytes()[: int(0.9 * whole.stat().st_size)])
    with pytest.raises(CheckpointError, match=rf"cut\.{kind}.*Fetch it again.*looks like the weights of da3-small"):
        load_network(PRESETS["vggt"], cut)


def test_the_beginning_of_a_file_tells_shapes_and_never_more(tmp_path) -> None:
    state = {
        "a.weight": torch.ones(2, 3),
        "a.bias": torch.ones(2),
        "b.table": torch.ones(2, 3, 4, 5),
        "b.s": torch.ones(()),
    }
    expected = {name: tuple(tensor.shape) for name, tensor in state.items()}
    torch.save({"state_dict": state}, tmp_path / "w.ckpt")
    save_file(state, tmp_path / "w.safetensors")
    assert promised_shapes(tmp_path / "w.ckpt") == promised_shapes(tmp_path / "w.safetensors") == expected
    for number, content in enumerate((b"", b"PK\x03\x04", b"\xff" * 100, b"PK\x03\x04" + bytes(200), b"{}", bytes(50))):
        (tmp_path / str(number)).write_bytes(content)
        assert promised_shapes(tmp_path / str(number)) == {}
    assert promised_shapes(tmp_path / "absent") == {}


def private_bytes() -> int:
    """Memory of this process that is not a mapped file."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


@pytest.mark.skipif(sys.platform != "linux", reason="private memory is told by /proc")
@pytest.mark.parametrize("kind", ["ckpt", "safetensors"])
def test_weights_are_mapped_and_not_copied(kind, tmp_path) -> None:
    preset = PRESETS["da3-small"]
    network = preset.build()
    state = {name: tensor.clone() for name, tensor in to_published(network.state_dict(), preset.scheme).items()}
    file = tmp_path / f"w.{kind}"
    save_file(state, file) if kind == "safetensors" else trainer_file(state, file)
    del network, state
    before = private_bytes()
    loaded = load_network(preset, file)
    total = sum(float(parameter.detach().sum()) for parameter in loaded.parameters())  # every page is touched
    assert total == total  # noqa: PLR0124 - not nan
    assert private_bytes() - before < 0.2 * file.stat().st_size
