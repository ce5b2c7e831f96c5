"""Densities of samples: the same as those of the whole run, read a few pixels at a time, whatever the file is like."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from mda.errors import InputError
from mda.io.archive import load_run
from mda.mixtures import Decoder
from mda.viewer import densities as module
from mda.viewer.densities import Densities, has_densities, mixture_at
from mda.viewer.inspecting import inspect_pixel
from mda.viewer.scene import Scene
from tests.unit.io.runs import prediction
from tests.unit.viewer.walls import BACK, FRONT, SIZE, border, write_run

PIXELS = np.array([0, 5, 700, 1175])


@pytest.fixture
def random_run(tmp_path):
    torch.manual_seed(1)
    return load_run(prediction(views=2).save(tmp_path / "random", save_mixture=True))


@pytest.fixture
def walls(tmp_path):
    run = load_run(write_run(tmp_path / "walls", 2))
    return Densities(run, Scene(run).load(10**6))


def test_some_pixels_are_those_of_the_whole(random_run):
    whole, part = random_run.mixture(1), mixture_at(random_run, 1, PIXELS)
    for name in ("locs", "scales", "log_weights"):
        torch.testing.assert_close(getattr(part, name), getattr(whole, name).flatten(0, 1)[PIXELS])
    assert (part.family, part.space) == (whole.family, whole.space)


def test_our_files_are_mapped_and_others_are_read(random_run, monkeypatch):
    mapped = []
    original = module._mapped
    monkeypatch.setattr(module, "_mapped", lambda path: mapped.append(original(path)) or mapped[-1])
    expected = mixture_at(random_run, 0, PIXELS)
    assert isinstance(mapped[-1][0]["locs"], np.memmap)
    path = random_run.path / "mixture" / "000000.npz"
    with np.load(path) as arrays:
        content = dict(arrays)
    np.savez_compressed(path, **content)
    torch.testing.assert_close(mixture_at(random_run, 0, PIXELS).locs, expected.locs)
    assert mapped[-1] is None


@pytest.mark.parametrize("decoder", list(Decoder))
def test_decoders_agree_with_the_mixture(random_run, decoder):
    samples = Scene(random_run).load(500)
    depth, component = Densities(random_run, samples).decoded(decoder)
    for view in (0, 1):
        mine = samples.views == view
        whole, index = random_run.mixture(view).decode_with_component(decoder)
        np.testing.assert_array_equal(depth[mine], whole.flatten().numpy()[samples.pixels[mine]])
        np.testing.assert_array_equal(component[mine], index.flatten().numpy()[samples.pixels[mine]])


def test_transparent_pixels_are_known(tmp_path):
    made = prediction(views=1)
    mask = torch.rand(made.mixture.batch_shape) > 0.5
    run = load_run(
        replace(made, mixture=replace(made.mixture, transparent=mask)).save(tmp_path / "glass", save_mixture=True)
    )
    part = mixture_at(run, 0, PIXELS)
    assert torch.equal(part.transparent, mask.flatten()[PIXELS])
    assert torch.equal(part.decode("layers"), run.mixture(0).decode("layers").flatten()[PIXELS])
    assert "layers" in inspect_pixel(run, 0, 0, 0).decoded
    assert "layers" not in inspect_pixel(load_run(made.save(tmp_path / "opaque", save_mixture=True)), 0, 0, 0).decoded


def test_surfaces_of_the_walls(walls):
    found, two = walls.surfaces(), border().reshape(-1)[walls.samples.pixels]
    np.testing.assert_array_equal(found.count, np.where(two, 2, 1))
    np.testing.assert_allclose(found.front[two], FRONT, atol=1e-3)
    np.testing.assert_allclose(found.back[two], BACK, atol=1e-3)
    np.testing.assert_allclose(found.second_mass, np.where(two, 0.5, 0.0), atol=1e-3)


def test_the_mean_flies_at_the_border_only(walls):
    flying, mean = walls.flying()
    two = border().reshape(-1)[walls.samples.pixels]
    np.testing.assert_array_equal(flying, two)
    np.testing.assert_allclose(mean[flying], 0.5 * FRONT + 0.5 * BACK, rtol=1e-3)


def test_weight_and_entropy(walls):
    two = border().reshape(-1)[walls.samples.pixels]
    np.testing.assert_allclose(walls.weight("heaviest"), 0.5, atol=1e-6)
    entropy = walls.entropy()
    # Two equal peaks that do not overlap have ln 2 nat more than one.
    assert entropy[two].mean() - entropy[~two].mean() == pytest.approx(np.log(2), abs=1e-2)


def test_values_are_computed_once(walls, monkeypatch):
    first = walls.entropy()
    monkeypatch.setattr(module, "mixture_at", None)
    assert walls.entropy() is first


def test_a_view_without_densities_has_none(tmp_path):
    run = load_run(write_run(tmp_path / "run", 2))
    (run.path / "mixture" / "000001.npz").unlink()
    densities = Densities(run, Scene(run).load(100))
    depth, component = densities.decoded("mode")
    without = densities.samples.views == 1
    assert np.isnan(depth[without]).all()
    assert np.isfinite(depth[~without]).all()
    assert (component[without] == -1).all()
    assert not densities.problems
    assert has_densities(run)
    assert not has_densities(load_run(write_run(tmp_path / "plain", 1, mixture=False)))


def rewrite(path, **changes):
    with np.load(path) as arrays:
        content = {**arrays, **changes}
    np.savez(path, **content)


def test_damaged_densities_are_told_and_cost_that_view_only(tmp_path):
    run = load_run(write_run(tmp_path / "run", 4))
    folder = run.path / "mixture"
    (folder / "000000.npz").write_bytes((folder / "000000.npz").read_bytes()[:3000])
    rewrite(folder / "000001.npz", locs=np.zeros((5, 5, 3), np.float32))
    rewrite(folder / "000002.npz", locs=np.array([{"a": 1}], dtype=object))
    densities = Densities(run, Scene(run).load(400))
    depth, _ = densities.decoded("mode")
    assert sorted(densities.problems) == [0, 1, 2]
    assert np.isfinite(depth[densities.samples.views == 3]).all()
    assert np.isnan(depth[densities.samples.views < 3]).all()


def test_parameters_that_are_no_numbers_give_no_depth(tmp_path):
    run = load_run(write_run(tmp_path / "run", 1))
    path = run.path / "mixture" / "000000.npz"
    with np.load(path) as arrays:
        locs, scales, weights = arrays["locs"], arrays["scales"], arrays["log_weights"]
    locs[0, 0], scales[0, 1], weights[0, 2] = np.nan, 0.0, np.nan
    rewrite(path, locs=locs, scales=scales, log_weights=weights)
    depth, _ = Densities(run, Scene(run).load(10**6)).decoded("mode")
    assert np.isnan(depth[:3]).all()
    assert np.isfinite(depth[3:]).all()


def test_a_header_that_lies_about_the_size_is_not_believed(tmp_path):
    run = load_run(write_run(tmp_path / "run", 1))
    path = run.path / "mixture" / "000000.npz"
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["locs.npy"] = content["locs.npy"].replace(f"({SIZE[0]}, {SIZE[1]}, 3)".encode(), b"(99, 99, 3)")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    with pytest.raises(InputError, match=r"000000\.npz"):
        mixture_at(run, 0, PIXELS)


def test_a_link_out_of_the_run_is_not_followed(tmp_path):
    run, other = load_run(write_run(tmp_path / "run", 1)), write_run(tmp_path / "other", 1)
    path = run.path / "mixture" / "000000.npz"
    path.unlink()
    path.symlink_to(other / "mixture" / "000000.npz")
    with pytest.raises(InputError, match="leads out of the run"):
        mixture_at(run, 0, PIXELS)
