"""`mda predict` with every named network: the same kinds of parts, only smaller, in a file of the published layout."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mda.io.archive import load_run
from mda.mixtures import Family, Space
from mda.models.adapters import to_published
from mda.models.backbones import AggregatorConfig
from mda.models.da3 import MixtureConfig, MonoConfig
from mda.models.mini import MiniConfig
from mda.models.presets import MDA_MOG_SKY_L2, PRESETS
from mda.models.vggt import VggtConfig
from tests.cli.conftest import photo
from tests.unit.io.videos import write_video
from tests.unit.models.networks import BACKBONE, CONFIG

SMALL = {"features": 16, "channels": (8, 12, 16, 20)}
MINI = MiniConfig(width=32, heads=2, blocks=2, channels=(8, 8, 8, 8), head_channels=8)
AGGREGATOR = AggregatorConfig(dim=32, heads=2, encoder_depth=1, depth=4, out_layers=(0, 1, 2, 3), grid=5)
MONO = MonoConfig(backbone=replace(BACKBONE, special_start=None, join_local=False), **SMALL)
VGGT = VggtConfig(aggregator=AGGREGATOR, **SMALL, camera_heads=4, camera_blocks=2)
SMALLER = {
    "mda_mini": replace(MINI, cells=(4, 8)),
    "mda_mini_free": MINI,
    "mda_mini_single": replace(MINI, components=1, family=Family.LAPLACE, space=Space.LINEAR),
    "mda_tiny": MINI,
    "da3_small_mog_sky": replace(CONFIG, mixture=MixtureConfig(), reference_view=MDA_MOG_SKY_L2.reference_view),
    "da3_base_mog_sky": replace(CONFIG, mixture=MixtureConfig(), reference_view=MDA_MOG_SKY_L2.reference_view),
    "da3-small": CONFIG,
    "da3-base": CONFIG,
    "da3-large": CONFIG,
    "da3-giant": replace(CONFIG, gaussians=True),
    "da3mono-large": MONO,
    "da3metric-large": MONO,
    "mda_mog_sky_l2": replace(CONFIG, mixture=MixtureConfig(), reference_view=MDA_MOG_SKY_L2.reference_view),
    "vggt": VGGT,
    "vggt-commercial": VGGT,
    "vggt_mog_l2": replace(VGGT, components=4, points=False),
}


@pytest.fixture(params=list(PRESETS))
def named(request, monkeypatch, tmp_path):
    """A network's name and a file with random weights of a smaller one of its kind."""
    preset = replace(PRESETS[request.param], make=SMALLER[request.param].build)
    monkeypatch.setitem(PRESETS, preset.name, preset)
    torch.manual_seed(0)
    state = {name: value.clone() for name, value in to_published(preset.build().state_dict(), preset.scheme).items()}
    file = tmp_path / ("weights.safetensors" if preset.source is None else preset.source.file)
    if file.suffix == ".safetensors":
        save_file(state, file)
    elif file.suffix == ".ckpt":
        torch.save({"state_dict": {f"net.net.{name}": value for name, value in state.items()}, "epoch": 1}, file)
    else:
        torch.save(state, file)
    return preset, file


def test_a_folder_a_video_and_an_image_become_runs(command, named, tmp_path) -> None:
    preset, file = named
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        photo(folder / f"{number}.png", seed=number)
    video = write_video(tmp_path / "clip.mp4", [0, 500, 1000, 1500], size=(48, 64))
    for source, views in ((folder, 3), (video, 4), (folder / "0.png", 1)):
        out = tmp_path / f"run of {source.name}"
        options = ("--model", preset.name, "--checkpoint", file, "--size", 2 * preset.patch, "--fps", 2, "--out", out)
        result = command("predict", source, *options, "--save-mixture")
        assert result.code == 0, result.err
        run = load_run(out)
        assert len(run) == views
        assert run.info.model == preset.name
        for number in range(views):
            view = run.view(number)
            assert np.isfinite(view.depth).all()
            assert (view.depth > 0).mean() > 0.5
            assert view.mixture is not None
