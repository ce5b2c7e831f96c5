"""`mda data check` on data sets of the benchmarks."""

import numpy as np
import pytest
from PIL import Image

from mda.cli.main import main
from mda.evaluation.benchmark import FoundDataset
from mda.evaluation.checking import benchmark_datasets, check_dataset
from mda.evaluation.layouts import rooms, video
from mda.evaluation.layouts.layered import LAYERED_REAL
from tests.unit.evaluation.edge_data import write_layered
from tests.unit.evaluation.tiny_layouts import SIZE, big, image_of, write_image, write_kitti, write_png, write_sintel


def found(dataset, root):
    return FoundDataset(dataset=dataset, scenes=tuple(dataset.list_scenes(root, SIZE)))


def test_every_benchmark_says_where_to_get_its_data():
    datasets = benchmark_datasets()
    assert {"nrgbd", "7scenes", "hiroom", "sintel", "bonn", "kitti", "diode", "nyu", "ibims"} <= set(datasets)
    for dataset in datasets.values():
        assert dataset.link.startswith("http"), dataset.name
        assert dataset.licence, dataset.name


def test_counts_that_are_not_the_published_ones_are_told(tmp_path):
    write_sintel(tmp_path)
    report = check_dataset(found(video.SINTEL, tmp_path))
    assert not report.whole
    assert report.missing == ("sintel has 23 scenes, here are 2", "sintel has 1064 frames, here are 4")
    assert (report.read, report.sizes) == (4, {(48, 64): 4})
    assert report.depth_range == pytest.approx((1.5, 3.0, 3.0))


def test_broken_files_are_named(tmp_path):
    write_kitti(tmp_path)
    depth = tmp_path / "groundtruth_depth_gathered" / "drive" / "0000000001.png"
    depth.write_bytes(depth.read_bytes()[:60])
    report = check_dataset(found(video.KITTI, tmp_path))
    assert (report.read, len(report.broken)) == (1, 1)
    assert "0000000001.png" in report.broken[0]


def test_pictures_with_points_instead_of_depth_are_whole(tmp_path):
    write_layered(tmp_path)
    report = check_dataset(found(LAYERED_REAL, tmp_path / LAYERED_REAL.folder))
    assert report.whole
    assert (report.read, report.depth_range, report.valid) == (2, None, 0.0)


def room(root, depth, *, wrong=False):
    """Four frames of NRGBD of a camera that moves sideways before a wall, with poses that are right or not."""
    lines = []
    for number in range(4):
        write_image(root / "room" / "images" / f"img{number}.png", image_of(big(depth)))
        write_png(root / "room" / "depth" / f"depth{number}.png", big(depth), 1000)
        pose = np.eye(4)
        pose[2, 3] = 2.0 * number * wrong
        lines += [" ".join(map(str, row)) for row in pose]
    (root / "room" / "poses.txt").write_text("\n".join(lines))


@pytest.mark.parametrize("wrong", [False, True])
def test_cameras_are_held_against_depth(tmp_path, wrong):
    room(tmp_path, np.full((48, 64), 4.0), wrong=wrong)
    report = check_dataset(found(rooms.datasets(published=True)[0], tmp_path))
    assert report.agreement == pytest.approx(0.0 if wrong else 1.0)
    assert len(report.path) == 2


def test_the_command_prints_and_draws(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    room(tmp_path / "all" / "neural_rgbd", np.full((48, 64), 4.0))
    assert main(["data", "check", "all", "--source", "nrgbd"]) == 0
    out = capsys.readouterr().out
    assert "Neural RGB-D: 2 frames, 1 scene" in out
    assert "100% of points agree" in out
    assert "whole" in out
    with Image.open(tmp_path / "data_check" / "nrgbd.png") as sheet:
        assert sheet.size[0] > 900
    assert main(["data", "check", "all", "--source", "nrgbd"]) == 2  # the sheet is there
    assert main(["data", "check", "all", "--source", "no_such"]) == 2
    assert "hiroom" in capsys.readouterr().err
    assert main(["data", "list"]) == 0
    assert "kitti" in capsys.readouterr().out
