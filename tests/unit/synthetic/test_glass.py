from pathlib import Path

import numpy as np
import pytest
import torch

from mda.data.batches import collate
from mda.data.folder import read_clip, write_clip
from mda.errors import ConfigError
from mda.geometry import Cameras, dilate, points_from_depth
from mda.synthetic import RenderOptions, render_clip

SEED, SIZE = 8, (96, 128)


@pytest.fixture(scope="module")
def clips():
    """The same clip behind glass and without it."""
    return (
        render_clip(SEED, views=2, image_hw=SIZE, options=RenderOptions(glass=1)),
        render_clip(SEED, views=2, image_hw=SIZE),
    )


def test_behind_the_glass_is_the_scene_without_it(clips):
    glazed, plain = clips
    glass = glazed.layers.glass
    assert 0.05 < glass.mean() < 0.9
    known = glass & glazed.layers.last_valid
    assert np.array_equal(known, glass & plain.valid)
    assert np.allclose(glazed.layers.last_depth[known], plain.depth[known], rtol=1e-6)
    assert (glazed.depth[known] < plain.depth[known]).all()
    assert not glazed.layers.last_depth[~glass].any()


def test_elsewhere_nothing_but_the_frame_changes(clips):
    glazed, plain = clips
    panes = glazed.surface > plain.surface.max()
    assert np.array_equal(glazed.depth[~panes], plain.depth[~panes])
    assert not glazed.sky[panes].any()
    assert glazed.valid[panes].all()
    assert np.array_equal(glazed.sky[~panes], plain.sky[~panes])
    assert (panes & ~glazed.layers.glass).any()


def test_a_pane_is_flat_and_the_same_in_all_views(clips):
    glazed, _ = clips
    cameras = Cameras(
        world_from_cam=torch.from_numpy(glazed.world_from_cam).double(),
        intrinsics=torch.from_numpy(glazed.intrinsics).double(),
        image_hw=SIZE,
    )
    points = points_from_depth(torch.from_numpy(glazed.depth).double(), cameras)[torch.from_numpy(glazed.layers.glass)]
    thickness = torch.linalg.svdvals(points - points.mean(0))[2] / len(points) ** 0.5
    assert thickness < 1e-5


def test_edges_are_at_the_border_of_a_pane_and_not_within(clips):
    glazed, _ = clips
    glass = glazed.layers.glass
    inner = ~dilate(torch.from_numpy(~glass), 1).numpy()
    assert not (glazed.edge & inner).any()
    assert (glazed.edge & glass).any() or (glazed.edge & ~glass).any()
    ratio = glazed.back_depth[glazed.edge] / glazed.front_depth[glazed.edge]
    assert (ratio > 1.04).all()


def test_glass_shows_in_the_picture_and_lets_the_scene_through(clips):
    glazed, plain = clips
    glass = glazed.layers.glass
    shown, bare = glazed.images[glass].mean(-1), plain.images[glass].mean(-1)
    assert not np.array_equal(shown, bare)
    assert np.corrcoef(shown, bare)[0, 1] > 0.8


def test_scenes_with_glass_are_read_back(clips, tmp_path: Path):
    glazed, plain = clips
    for name, clip in (("glazed", glazed), ("plain", plain)):
        write_clip(tmp_path / name, clip)
    back = read_clip(tmp_path / "glazed").layers
    assert all(np.array_equal(getattr(back, key), getattr(glazed.layers, key)) for key in ("glass", "last_depth"))
    assert read_clip(tmp_path / "plain").layers is None
    assert "glass" not in RenderOptions().as_dict()


def test_batches_hold_both_layers_at_one_scale(clips):
    glazed, plain = clips
    assert collate([plain]).layers is None
    batch = collate([glazed])
    scale = batch.targets.depth[0] / torch.from_numpy(glazed.depth)
    known = batch.layers.last_valid[0]
    assert torch.allclose(
        batch.layers.last_depth[0][known], torch.from_numpy(glazed.layers.last_depth)[known] * scale[known]
    )


def test_a_negative_number_of_panes_is_refused():
    with pytest.raises(ConfigError, match="-1"):
        RenderOptions(glass=-1)
