"""Front and back surfaces, as arrays and as GLB."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

from mda.errors import InputError
from mda.io.archive import load_run
from mda.io.clouds import CloudFilter, camera_of, kept_pixels
from mda.io.exporters import ExportSettings, export_run
from mda.mixtures import DepthMixture
from tests.unit.io.exporters.scenes import turned_prediction
from tests.unit.io.runs import SIZE

FRONT, BACK = 2.0, 5.0


@pytest.fixture
def layered(tmp_path):
    """Two surfaces in columns 10 to 19, of which the front has mass 0.7; elsewhere the back alone."""
    made = turned_prediction(2)
    both = torch.zeros(2, *SIZE, dtype=torch.bool)
    both[..., 10:20] = True
    weights = torch.where(both[..., None], torch.tensor([0.7, 0.3]), torch.tensor([0.001, 0.999]))
    locs = torch.tensor([FRONT, BACK]).expand(2, *SIZE, 2)
    mixture = DepthMixture(
        locs=locs, scales=torch.full_like(locs, 0.05), log_weights=weights.log(), family="normal", space="linear"
    )
    depth = torch.where(both, FRONT, BACK)
    run = replace(made, mixture=mixture, depth=depth, sky_log_odds=torch.full((2, *SIZE), -9.0))
    return load_run(run.save(tmp_path / "a run ü", save_mixture=True))


def test_surfaces_and_masses_as_arrays(layered, tmp_path) -> None:
    filters = CloudFilter(drop_percent=10.0)
    report = export_run(layered, "ldi", tmp_path / "a.npz", ExportSettings(filters=filters))
    assert "second surface" in report.summary
    both = np.zeros(SIZE, bool)
    both[:, 10:20] = True
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        for position in range(2):
            keep = kept_pixels(layered.view(position), filters)
            here = {name: arrays[name][position] for name in arrays if arrays[name].shape[:3] == (2, *SIZE)}
            np.testing.assert_array_equal(np.isfinite(here["front_depth"]), keep)
            np.testing.assert_array_equal(np.isfinite(here["back_depth"]), keep & both)
            np.testing.assert_array_equal(here["count"], np.where(keep, 1 + both, 0))
            np.testing.assert_allclose(here["front_depth"][keep & both], FRONT, rtol=1e-3)
            np.testing.assert_allclose(here["front_depth"][keep & ~both], BACK, rtol=1e-3)
            np.testing.assert_allclose(here["back_depth"][keep & both], BACK, rtol=1e-3)
            np.testing.assert_allclose(here["front_mass"][keep & both], 0.7, atol=1e-3)
            np.testing.assert_allclose(here["back_mass"][keep & both], 0.3, atol=1e-3)
            assert (here["back_mass"][~(keep & both)] == 0).all()
            np.testing.assert_array_equal(here["image"], layered.color(position))
        assert arrays["names"].tolist() == list(layered.names)
        np.testing.assert_allclose(arrays["world_from_cam"][1], layered.camera(1)[0], atol=1e-6)


def test_both_surfaces_lie_on_the_rays_of_their_pixels(layered, tmp_path) -> None:
    export_run(layered, "layers-glb", tmp_path / "a.glb")
    scene = trimesh.load_scene(tmp_path / "a.glb")
    for position in range(2):
        camera = camera_of(layered.view(position))
        for group, pixels, at in (("front", SIZE[0] * SIZE[1], None), ("back", 10 * SIZE[0], BACK)):
            name = f"{group} {position:06d} photo ü {position}.jpg"
            (node,) = scene.graph.geometry_nodes[name]
            vertices = trimesh.transform_points(scene.geometry[name].vertices, scene.graph.get(node)[0])
            assert len(vertices) == pixels
            local = (vertices * [1, -1, -1] - camera.centers.numpy()) @ camera.world_from_cam[:3, :3].numpy()
            image = local @ camera.intrinsics.numpy().T
            np.testing.assert_allclose((image[:, :2] / image[:, 2:]) % 1, 0.5, atol=0.05)
            if at is not None:
                np.testing.assert_allclose(local[:, 2], at, rtol=1e-3)


def test_a_run_without_densities_is_told_how_to_get_them(layered, tmp_path) -> None:
    (layered.path / "mixture" / "000001.npz").unlink()
    report = export_run(layered, "ldi", tmp_path / "a.npz")
    assert len(report.problems) == 1
    (layered.path / "mixture" / "000000.npz").unlink()
    for name in ("ldi", "layers-glb"):
        with pytest.raises(InputError, match="--save-mixture"):
            export_run(layered, name, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a run ü", "a.npz"]
