import numpy as np
import pytest
import torch

from mda.data.sources import SOURCES
from mda.errors import InputError
from mda.evaluation.benchmark import ViewSize
from mda.evaluation.edge_scores import FrameEdges
from mda.evaluation.layouts.edges import (
    EDGE_DATASETS,
    IBIMS,
    LAYERED,
    diode_scenes,
    ibims_scenes,
    sintel_scenes,
    source_dataset,
)
from mda.evaluation.layouts.layered import LAYERED_REAL, SUBSETS
from tests.unit.data.layouts import (
    hypersim_original,
    hypersim_published,
    layered_depth_published,
    spring_original,
    spring_published,
    vkitti2_original,
    vkitti2_published,
)
from tests.unit.evaluation.edge_data import (
    ALL_PAIRS,
    ALL_TRIPS,
    BACK,
    BOX,
    FIRST_PAIRS,
    FRONT,
    HW,
    NOT_THERE,
    write_diode,
    write_ibims,
    write_layered,
    write_older_layered,
    write_sintel,
)

SIZE = ViewSize(long_side=64, patch=16)


def test_ibims(tmp_path):
    write_ibims(tmp_path)
    scenes = ibims_scenes(tmp_path / IBIMS.folder, SIZE)
    assert [scene.name for scene in scenes] == ["corridor_01", "lab_01"]
    frame = scenes[0].frames[0]
    assert frame.read_image().shape == (48, 64, 3)
    truth = frame.read_truth()
    assert truth.depth[0, 0] == pytest.approx(BACK, abs=50 / 65535)
    assert truth.depth[BOX] == pytest.approx(FRONT, abs=50 / 65535)
    assert not truth.mask[:4].any()
    assert not truth.mask[-2:].any()
    assert truth.mask[4:-2].all()
    assert truth.intrinsics.tolist() == [[60, 0, 32], [0, 61, 24], [0, 0, 1]]
    assert truth.extras["edges"].sum() == 2 * 22


def test_files_that_are_missing_or_of_something_else_are_named(tmp_path):
    write_ibims(tmp_path)
    root = tmp_path / IBIMS.folder
    (root / "calib" / "lab_01.txt").write_text("60.0,61.0\n")
    with pytest.raises(InputError, match=r"lab_01\.txt holds 2 numbers"):
        ibims_scenes(root, SIZE)[1].frames[0].read_truth()
    (root / "depth" / "corridor_01.png").unlink()
    with pytest.raises(InputError, match=r"corridor_01\.png is missing"):
        ibims_scenes(root, SIZE)


def test_sintel_with_and_without_cameras(tmp_path):
    write_sintel(tmp_path, ("alley_1", "cave_2"))
    scenes = sintel_scenes(tmp_path / "sintel", SIZE)
    truth = scenes[1].frames[1].read_truth()
    assert truth.intrinsics[0].tolist() == [70, 0, 32]
    camera = tmp_path / "sintel" / "training" / "camdata_left" / "cave_2" / "frame_0002.cam"
    camera.write_bytes(b"short")
    with pytest.raises(InputError, match=r"frame_0002\.cam is not a whole"):
        scenes[1].frames[1].read_truth()
    camera.unlink()
    assert scenes[1].frames[1].read_truth().intrinsics is None


def test_diode_cameras_follow_the_size(tmp_path):
    write_diode(tmp_path)
    truth = diode_scenes(tmp_path / "diode" / "val", SIZE)[0].frames[0].read_truth()
    assert truth.depth.shape == HW
    assert truth.intrinsics[0].tolist() == pytest.approx([886.81 / 16, 0, 32])
    assert truth.intrinsics[1].tolist() == pytest.approx([0, 927.06 / 16, 24])


LAYOUTS = {
    "hypersim": (hypersim_published, hypersim_original),
    "spring": (spring_published, spring_original),
    "vkitti2": (vkitti2_published, vkitti2_original),
}


@pytest.mark.parametrize(("name", "number"), [(name, number) for name in LAYOUTS for number in (0, 1)])
def test_rendered_sources_of_training_data_are_data_sets(tmp_path, name, number):
    LAYOUTS[name][number](tmp_path)
    scenes = source_dataset(SOURCES[name]).list_scenes(tmp_path, SIZE)
    truth = scenes[0].frames[0].read_truth()
    assert truth.mask.any()
    assert np.isfinite(truth.depth[truth.mask]).all()
    assert truth.intrinsics.shape == (3, 3)
    if "sky" in truth.extras:
        assert not (truth.extras["sky"] & truth.mask).any()
    height, width = scenes[0].frames[0].read_image().shape[:2]
    assert height % 16 == width % 16 == 0
    assert FrameEdges.of(torch.from_numpy(truth.depth), torch.from_numpy(truth.mask)).edges.edge.any()


def test_every_data_set_has_a_name_of_its_own():
    names = [dataset.name for dataset in EDGE_DATASETS]
    assert len(set(names)) == len(names) == 13


def test_single_pictures_of_glass_are_scenes_of_their_own(tmp_path):
    layered_depth_published(tmp_path)
    scenes = LAYERED.list_scenes(tmp_path, SIZE)
    assert len(scenes) > 1
    assert all(len(scene.frames) == 1 for scene in scenes)
    truths = [scene.frames[0].read_truth() for scene in scenes]
    assert any(truth.extras["glass"].any() for truth in truths)
    for truth in truths:
        known = truth.extras["last_valid"] & truth.mask
        assert (truth.extras["last_depth"][known] > truth.depth[known]).all()


@pytest.mark.parametrize(("write", "tuples"), [(write_layered, 5), (write_older_layered, 4)])
def test_both_releases_of_ordered_points_are_read(write, tuples, tmp_path):
    write(tmp_path)
    scenes = LAYERED_REAL.list_scenes(tmp_path / LAYERED_REAL.folder, SIZE)
    assert [scene.name for scene in scenes] == ["0", "1"]
    truth = scenes[1].frames[0].read_truth()
    assert not truth.mask.any()
    extras = truth.extras
    assert extras["annotated_hw"].tolist() == [*HW]
    known = {
        (SUBSETS[subset], real, tuple(tuple(point) for point in points[points[:, 2] > 0].tolist()))
        for subset, real, points in zip(
            extras["tuple_subset"], extras["tuple_real"].tolist(), extras["tuples"], strict=True
        )
    }
    assert len(extras["tuples"]) == len(known) == tuples
    expected = {("layer_first", True, tuple(one)) for one in FIRST_PAIRS}
    expected |= {("layer_all", True, tuple(one)) for one in ALL_PAIRS + ALL_TRIPS}
    assert known - expected == ({("layer_all", False, tuple(NOT_THERE))} if tuples == 5 else set())
    assert expected <= known


def test_damaged_annotations_and_missing_pictures_are_named(tmp_path):
    write_layered(tmp_path)
    root = tmp_path / LAYERED_REAL.folder
    (root / "0.tuples.json").write_text('{"layer_all": {"pairs": [{"p1": [1, 2, 3]}]}}')
    scenes = LAYERED_REAL.list_scenes(root, SIZE)
    with pytest.raises(InputError, match=r"0\.tuples\.json does not hold tuples of points \(a tuple has 1 points"):
        scenes[0].frames[0].read_truth()
    (root / "1.image.png").unlink()
    with pytest.raises(InputError, match=r"1\.image\.png is missing"):
        LAYERED_REAL.list_scenes(root, SIZE)
