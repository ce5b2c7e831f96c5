"""Points of runs: where they lie, what filters leave, and runs that are damaged."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mda.errors import ConfigError
from mda.geometry import Cameras, project
from mda.io.archive import load_run
from mda.io.clouds import CloudFilter, RunCloud, camera_of, kept_pixels
from tests.unit.io.runs import SIZE, prediction, view

PIXELS = SIZE[0] * SIZE[1]


@pytest.fixture
def run(tmp_path):
    torch.manual_seed(0)
    return load_run(prediction(views=4).save(tmp_path / "run"))


def test_points_project_to_their_pixels_and_depths(run) -> None:
    for cloud in RunCloud(run).views():
        seen = run.view(cloud.position)
        pixels, depth = project(torch.from_numpy(cloud.positions), camera_of(seen))
        column, row = cloud.pixels % SIZE[1], cloud.pixels // SIZE[1]
        np.testing.assert_allclose(pixels.numpy(), np.stack([column + 0.5, row + 0.5], -1), atol=1e-2)
        np.testing.assert_allclose(depth.numpy(), seen.depth[row, column], rtol=1e-4)
        np.testing.assert_array_equal(cloud.colors, seen.color[row, column])
        np.testing.assert_array_equal(cloud.confidence, seen.confidence[row, column])


def test_the_cloud_is_that_of_the_prediction(run) -> None:
    expected = run.prediction().points()
    found = RunCloud(run).cloud()
    torch.testing.assert_close(found.positions, expected.positions)
    assert torch.equal(found.colors, expected.colors)


def test_sky_is_left_out_unless_kept(run) -> None:
    sky = sum(int(run.sky(position).sum()) for position in range(4))
    assert sky > 0
    assert len(RunCloud(run)) == 4 * PIXELS - sky
    assert len(RunCloud(run, CloudFilter(keep_sky=True))) == 4 * PIXELS


def test_views_are_chosen_by_position(run) -> None:
    assert list(RunCloud(run, CloudFilter(first=1, last=3, step=2)).counts) == [1, 3]
    assert list(RunCloud(run, CloudFilter(first=2, last=99)).counts) == [2, 3]


def test_confidence_filters() -> None:
    seen = view()
    confidence = np.linspace(1, 2, PIXELS, dtype=np.float32).reshape(SIZE)
    seen = replace(seen, confidence=confidence)
    np.testing.assert_array_equal(kept_pixels(seen, CloudFilter(min_confidence=1.5)), confidence >= 1.5)
    assert kept_pixels(seen, CloudFilter(drop_percent=25.0)).mean() == pytest.approx(0.75, abs=0.01)
    assert kept_pixels(replace(seen, confidence=None), CloudFilter(drop_percent=25.0)).all()


def test_edges_are_left_out_on_both_sides() -> None:
    seen = view()
    seen.depth[:, 20:] = 1.2
    mask = kept_pixels(seen, CloudFilter(edge_ratio=0.1))
    np.testing.assert_array_equal(np.flatnonzero(~mask.all(0)), [19, 20])
    assert kept_pixels(seen, CloudFilter(edge_ratio=0.3)).all()


def test_what_is_not_a_depth_is_left_out() -> None:
    seen = view()
    seen.depth[0, :4] = [np.nan, np.inf, 0.0, -1.0]
    assert (~kept_pixels(seen, CloudFilter())).sum() == 4


@pytest.mark.parametrize("most", [1, 100, 4000])
def test_thinning_is_even_over_views_exact_and_repeatable(run, most) -> None:
    filters = CloudFilter(max_points=most, keep_sky=True)
    cloud = RunCloud(run, filters)
    assert len(cloud) == most == len(cloud.cloud().positions)
    counts = list(cloud.counts.values())
    assert max(counts) - min(counts) <= 1
    again = RunCloud(run, filters)
    for one, other in zip(cloud.views(), again.views(), strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
    everything = RunCloud(run, CloudFilter(keep_sky=True, max_points=10**9))
    assert len(everything) == 4 * PIXELS


def test_thinning_takes_from_the_whole_view(run) -> None:
    (pixels, *_) = [cloud.pixels for cloud in RunCloud(run, CloudFilter(max_points=400, keep_sky=True)).views()]
    assert pixels.mean() == pytest.approx(PIXELS / 2, rel=0.2)


def test_each_voxel_has_one_point_over_all_views(run) -> None:
    cloud = RunCloud(run, CloudFilter(voxel=0.5, keep_sky=True)).cloud()
    cells = np.floor(cloud.positions.numpy().astype(np.float64) / 0.5)
    assert len(np.unique(cells, axis=0)) == len(cells)
    everything = np.floor(RunCloud(run, CloudFilter(keep_sky=True)).cloud().positions.numpy().astype(np.float64) / 0.5)
    assert len(np.unique(everything, axis=0)) == len(cells)


def test_normals_come_on_demand(run) -> None:
    assert next(RunCloud(run).views()).normals is None
    length = np.linalg.norm(next(RunCloud(run).views(normals=True)).normals, axis=-1)
    np.testing.assert_allclose(length, 1, atol=1e-5)


def test_a_damaged_view_costs_that_view_and_is_told_once(run, caplog) -> None:
    path = run.path / "depth" / "000002.npy"
    path.write_bytes(path.read_bytes()[:200])
    cloud = RunCloud(run)
    assert list(cloud.counts) == [0, 1, 3]
    assert len(list(cloud.views())) == 3
    assert len(cloud.problems) == 1
    assert "000002.npy" in cloud.problems[0]
    assert caplog.text.count("000002.npy") == 1


def test_no_points_are_a_cloud_too(run) -> None:
    cloud = RunCloud(run, CloudFilter(min_confidence=1e9))
    assert len(cloud) == 0
    assert cloud.cloud().positions.shape == (0, 3)


@pytest.mark.parametrize(
    "wrong",
    [{"step": 0}, {"first": -1}, {"first": 3, "last": 2}, {"drop_percent": 100.0}, {"voxel": 0.0}, {"max_points": 0}],
)
def test_filters_that_make_no_sense_are_refused(wrong) -> None:
    with pytest.raises(ConfigError, match=list(wrong)[-1]):
        CloudFilter(**wrong)


def test_the_camera_of_a_view_is_that_of_its_files(run) -> None:
    assert isinstance(camera_of(run.view(0)), Cameras)
    torch.testing.assert_close(camera_of(run.view(1)).world_from_cam, run.cameras().world_from_cam[1])
