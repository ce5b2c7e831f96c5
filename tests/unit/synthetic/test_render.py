import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from mda.errors import ConfigError
from mda.geometry import Cameras, depth_discontinuities, points_from_depth
from mda.synthetic import CAMERA_EFFECTS, Effects, RenderOptions, render_clip
from mda.synthetic.families import FAMILIES
from mda.synthetic.patterns import pattern_bank

HW = (60, 80)
ARRAYS = (
    "images",
    "depth",
    "valid",
    "sky",
    "edge",
    "skyline",
    "front_depth",
    "back_depth",
    "surface",
    "world_from_cam",
    "intrinsics",
)


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ARRAYS)


@pytest.fixture(scope="module", params=list(FAMILIES))
def clip(request):
    return render_clip(11, views=3, image_hw=HW, options=RenderOptions(family=request.param))


def test_records_hold_what_they_promise(clip):
    assert clip.images.shape == (3, *HW, 3)
    assert clip.num_views == 3
    assert clip.image_hw == HW
    for name in ("depth", "front_depth", "back_depth", "world_from_cam", "intrinsics"):
        assert getattr(clip, name).dtype == np.float32
        assert np.isfinite(getattr(clip, name)).all()
    assert not (clip.valid & clip.sky).any()
    assert (clip.depth[clip.valid] > 0).all()
    assert not clip.depth[clip.sky].any()
    assert np.array_equal(clip.surface < 0, clip.sky)
    assert not (clip.edge & ~clip.valid).any()
    rotation = clip.world_from_cam[:, :3, :3]
    assert np.allclose(rotation @ rotation.transpose(0, 2, 1), np.eye(3), atol=1e-6)
    assert np.allclose(np.linalg.det(rotation), 1, atol=1e-5)
    assert np.allclose(clip.intrinsics[:, 0, 2], HW[1] / 2)
    assert np.allclose(clip.intrinsics[:, 1, 2], HW[0] / 2)


def test_edges_hold_the_own_depth_and_a_gap(clip):
    front, back, own = (getattr(clip, name)[clip.edge] for name in ("front_depth", "back_depth", "depth"))
    assert len(own)
    assert (np.log(back / front) > 0.0499).all()
    assert np.minimum(np.abs(own / front - 1), np.abs(own / back - 1)).max() < 1e-6
    assert not clip.front_depth[~clip.edge].any()
    assert not clip.back_depth[~clip.edge].any()


def test_big_jumps_between_neighbours_of_different_things_are_edges(clip):
    """An independent look: a pixel with a factor of 2 to a neighbour is an edge, except on very slanted surfaces."""
    depth, valid = torch.from_numpy(clip.depth), torch.from_numpy(clip.valid)
    jumps = depth_discontinuities(depth, valid, ratio=1.0).numpy()
    assert (clip.edge & jumps).sum() >= 0.9 * jumps.sum()


def test_skylines_run_where_the_mask_changes(clip):
    sky = clip.sky
    border = np.zeros_like(sky)
    border[:, 1:] |= sky[:, 1:] != sky[:, :-1]
    border[:, :, 1:] |= sky[:, :, 1:] != sky[:, :, :-1]
    assert (clip.skyline & border).sum() == border.sum()


def test_views_agree_on_the_surfaces_they_share(clip):
    """A point seen in view 0, brought into view 1, has the depth seen there, unless something else hides it."""
    height, width = HW
    cameras = Cameras(
        world_from_cam=torch.from_numpy(clip.world_from_cam).double(),
        intrinsics=torch.from_numpy(clip.intrinsics).double(),
        image_hw=HW,
    )
    world = points_from_depth(torch.from_numpy(clip.depth).double(), cameras)[0].reshape(-1, 3)
    cam_from_world = torch.linalg.inv(cameras.world_from_cam[1])
    there = world @ cam_from_world[:3, :3].T + cam_from_world[:3, 3]
    uv = there @ cameras.intrinsics[1].T
    uv = uv[:, :2] / uv[:, 2:]
    inside = (there[:, 2] > 0) & (uv >= 0).all(-1) & (uv[:, 0] < width) & (uv[:, 1] < height)
    inside &= torch.from_numpy(clip.valid[0]).reshape(-1)
    # Inverse depth is linear in the image on planes: read between the four pixel centres around the point.
    x, y, z = uv[inside, 0] - 0.5, uv[inside, 1] - 0.5, there[inside, 2]
    left, top = x.floor().long().clamp(0, width - 2), y.floor().long().clamp(0, height - 2)
    surface, inverse = torch.from_numpy(clip.surface), 1 / torch.from_numpy(clip.depth)[1].double()
    own = surface[0].reshape(-1)[inside]
    total, same = torch.zeros_like(z), torch.ones_like(own, dtype=torch.bool)
    for row in (0, 1):
        for column in (0, 1):
            weight = (1 - (y - top - row).abs()) * (1 - (x - left - column).abs())
            total += weight * inverse[top + row, left + column].clamp(max=1e6)
            same &= surface[1][top + row, left + column] == own
    assert same.sum() > 100
    error = (total * z - 1).abs()[same]
    assert error.median() < 1e-4
    assert error.quantile(0.9) < 0.02
    # Whatever else is seen there, away from edges, hides the point, so it is nearer.
    column, row = uv[inside, 0].long(), uv[inside, 1].long()
    at_edge = torch.from_numpy(clip.edge | clip.skyline)[1][row, column]
    seen = 1 / inverse[row, column]
    other = (surface[1][row, column] != own) & ~at_edge & ((seen / z - 1).abs() > 0.3)
    assert (seen[other] < z[other]).all()


@pytest.mark.parametrize("seed", range(3))
def test_views_overlap_and_nothing_is_in_front_of_the_lens(seed):
    clip = render_clip(seed, views=4, image_hw=(48, 64))
    for view in range(4):
        depth = clip.depth[view][~clip.sky[view]]
        assert len(depth) > 0.25 * clip.depth[view].size
        assert depth.min() > 0.01 * np.median(depth)


def test_the_same_seed_gives_the_same_clip_in_another_process():
    code = (
        "from mda.synthetic import render_clip, RenderOptions, CAMERA_EFFECTS; import hashlib\n"
        "clip = render_clip(5, views=2, image_hw=(40, 56), options=RenderOptions(effects=CAMERA_EFFECTS))\n"
        f"parts = [getattr(clip, name).tobytes() for name in {ARRAYS}]\n"
        "print(hashlib.sha256(b''.join(parts)).hexdigest())"
    )
    command = [sys.executable, "-c", code]
    there = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - our own code
    clip = render_clip(5, views=2, image_hw=(40, 56), options=RenderOptions(effects=CAMERA_EFFECTS))
    here = hashlib.sha256(b"".join(getattr(clip, name).tobytes() for name in ARRAYS)).hexdigest()
    assert here == there


def test_seeds_differ_and_equal_seeds_do_not():
    clips = [render_clip(seed, views=1, image_hw=(24, 32)) for seed in (1, 2, 3, 1)]
    assert same(clips[0], clips[3])
    assert len({clip.images.tobytes() for clip in clips}) == 3
    assert len({clip.name for clip in clips}) == 3


def test_about_a_third_to_a_half_of_the_clips_show_sky():
    shows = [render_clip(seed, views=1, image_hw=(18, 24)).sky.mean() > 0.02 for seed in range(30)]
    assert 0.25 < np.mean(shows) < 0.7


def test_effects_change_pictures_only():
    plain = render_clip(4, views=2, image_hw=HW)
    effects = Effects(lens_blur=1.5, motion_blur=3.0, noise=0.02, jpeg=60)
    changed = render_clip(4, views=2, image_hw=HW, options=RenderOptions(effects=effects))
    assert not np.array_equal(plain.images, changed.images)
    for name in ARRAYS[1:]:
        assert np.array_equal(getattr(plain, name), getattr(changed, name))
    assert changed.info["effects"] == effects.as_dict()


def test_hits_beyond_the_largest_depth_are_neither_valid_nor_sky():
    options = RenderOptions(family="street", max_depth=20.0)
    clip = render_clip(0, views=1, image_hw=HW, options=options)
    beyond = ~clip.valid & ~clip.sky
    assert beyond.any()
    assert (clip.depth[beyond] > 20).all()
    assert (clip.depth[clip.valid] <= 20).all()


def test_the_principal_point_may_be_off_centre():
    clip = render_clip(0, views=1, image_hw=HW, options=RenderOptions(off_centre=0.2))
    offset = clip.intrinsics[0, :2, 2] / [HW[1], HW[0]] - 0.5
    assert (np.abs(offset) <= 0.2).all()
    assert np.abs(offset).max() > 0.01


@pytest.mark.parametrize(("views", "image_hw", "seed"), [(0, HW, 0), (1, (4, 80), 0), (1, HW, -1)])
def test_impossible_wishes_are_refused(views, image_hw, seed):
    with pytest.raises(ConfigError, match="found seed"):
        render_clip(seed, views=views, image_hw=image_hw)


def test_unknown_families_are_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"moon.*street"):
        RenderOptions(family="moon")


def test_photographs_are_used_only_if_asked_for():
    plain, again, photographs = (
        render_clip(2, views=1, image_hw=HW, options=RenderOptions(family="layers", photographs=wish))
        for wish in (False, False, True)
    )
    assert same(plain, again)
    assert not np.array_equal(plain.images, photographs.images)


def test_photographs_without_scikit_image_are_refused(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    pattern_bank.cache_clear()
    with pytest.raises(ConfigError, match="pip install scikit-image"):
        render_clip(0, views=1, image_hw=HW, options=RenderOptions(photographs=True))
