"""Tiny data sets in the layouts of the benchmarks, read and scored from end to end."""

import numpy as np
import pytest

from mda.errors import InputError
from mda.evaluation.benchmark import ViewSize, find_datasets
from mda.evaluation.boundary import boundary
from mda.evaluation.layouts import rooms, video
from mda.evaluation.layouts.files import read_fitted, read_sintel_depth, read_whole_numbers
from mda.evaluation.predicting import predict_scenes
from mda.evaluation.report import Report
from mda.evaluation.scoring import score_scenes
from mda.evaluation.video_depth import video_depth
from tests.eval_goldens import FakeModel
from tests.unit.evaluation.tiny_layouts import (
    DEPTH,
    SIZE,
    big,
    image_of,
    write_bonn,
    write_diode,
    write_image,
    write_kitti,
    write_nrgbd,
    write_nyu,
    write_png,
    write_sintel,
)


class SmallModel(FakeModel):
    view_size = SIZE


VIDEO = [
    (video.SINTEL, write_sintel, 2, 4, 4 * DEPTH.size),
    (video.BONN, write_bonn, 1, 2, 2 * DEPTH.size),
    (video.KITTI, write_kitti, 1, 2, 2 * DEPTH.size),
    (video.DIODE, write_diode, 2, 2, DEPTH.size + (DEPTH > 2).sum()),
    (video.DIODE_SCAN, write_diode, 1, 2, DEPTH.size + (DEPTH > 2).sum()),
    (video.NYU, write_nyu, 2, 2, 2 * DEPTH.size),
]


@pytest.mark.parametrize(
    ("dataset", "write", "scenes", "frames", "pixels"), VIDEO, ids=lambda v: getattr(v, "name", "")
)
def test_video_layouts_run_end_to_end(tmp_path, dataset, write, scenes, frames, pixels):
    write(tmp_path / "data" / dataset.folder)
    benchmark = video_depth(protocol="corrected", alignments=["scale"])
    found = [f for f in find_datasets(benchmark, tmp_path / "data", SIZE, partial=True) if f.dataset is dataset]
    assert (len(found[0].scenes), found[0].frames) == (scenes, frames)
    predict_scenes(benchmark, found[0].scenes, SmallModel(), tmp_path / "predictions")
    scores = score_scenes(benchmark, found[0].scenes, tmp_path / "predictions", tmp_path, model="fake")
    report = Report(benchmark=benchmark, model="fake", found=found, scores=scores)
    metrics = report.summaries[0].metrics
    assert metrics["abs_rel"].count == pixels
    assert metrics["abs_rel"].value < 0.1
    assert metrics["delta1"].value > 0.9


def test_frames_that_are_missing_are_refused(tmp_path):
    write_kitti(tmp_path)
    (tmp_path / "image_gathered" / "drive" / "0000000001.png").unlink()
    with pytest.raises(InputError, match="has 1 images and 2 depth maps"):
        video.kitti_scenes(tmp_path, SIZE)
    write_diode(tmp_path / "diode")
    (tmp_path / "diode" / "indoors" / "scene_1" / "scan_2" / "a_0_depth.npy").unlink()
    with pytest.raises(InputError, match=r"a_0_depth.npy is missing"):
        video.diode_scenes(tmp_path / "diode", SIZE, per_scan=True)


@pytest.mark.parametrize(
    ("hw", "size", "expected"),
    [
        ((436, 1024), (504, 14), (210, 504)),
        ((352, 1216), (504, 14), (140, 504)),
        ((480, 640), (504, 14), (378, 504)),
        ((640, 480), (504, 14), (504, 378)),
        ((300, 300), (504, 14), (504, 504)),
        ((480, 640), (256, 16), (192, 256)),
    ],
)
def test_images_are_prepared_at_the_published_sizes(tmp_path, hw, size, expected):
    write_image(tmp_path / "a.png", np.zeros((*hw, 3), dtype=np.uint8))
    assert read_fitted(tmp_path / "a.png", ViewSize(long_side=size[0], patch=size[1])).shape[:2] == expected


def test_depth_files_that_are_not_are_refused(tmp_path):
    write_image(tmp_path / "eight.png", np.full((4, 4), 200, dtype=np.uint8))
    with pytest.raises(InputError, match=r"eight.png holds numbers up to 200; expected a 16-bit depth map"):
        read_whole_numbers(tmp_path / "eight.png")
    (tmp_path / "text.png").write_text("no")
    with pytest.raises(InputError, match=r"text.png cannot be decoded"):
        read_whole_numbers(tmp_path / "text.png")
    (tmp_path / "cut.dpt").write_bytes(np.array([202021.25, 1, 1], "<f4").tobytes())
    with pytest.raises(InputError, match=r"cut.dpt is not a whole Sintel depth file"):
        read_sintel_depth(tmp_path / "cut.dpt")


def test_nrgbd_takes_every_second_half_and_turns_axes(tmp_path):
    lines = write_nrgbd(tmp_path, frames=5)
    (scene,) = rooms.nrgbd(tmp_path, SIZE, published=True)
    assert [frame.name for frame in scene.frames] == ["img0.png", "img2.png", "img4.png"]
    pose = scene.frames[1]
    lines[8:12] = ["nan nan nan nan"] * 4
    (tmp_path / "room" / "poses.txt").write_text("\n".join(lines))
    (published,) = rooms.nrgbd(tmp_path, SIZE, published=True)
    (corrected,) = rooms.nrgbd(tmp_path, SIZE, published=False)
    assert len(published.frames) == 3
    assert [frame.name for frame in corrected.frames] == ["img0.png", "img4.png"]
    assert pose.name == "img2.png"


def test_rooms_give_depth_and_cameras_of_the_network_size(tmp_path):
    root = tmp_path / "7scenes"
    (root / "chess").mkdir(parents=True)
    (root / "chess" / "TestSplit.txt").write_text("sequence3\n")
    depth = np.round(1000 * big(DEPTH)).astype(np.uint16)
    depth[:5], depth[5:10], depth[10:15] = 65535, 12_000, 0
    for number in range(3):
        stem = root / "chess" / "seq-03" / f"frame-{number:06d}"
        write_image(stem.with_name(f"{stem.name}.color.png"), image_of(big(DEPTH)))
        write_image(stem.with_name(f"{stem.name}.depth.proj.png"), depth)
        np.savetxt(stem.with_name(f"{stem.name}.pose.txt"), np.eye(4))
    (scene,) = rooms.seven_scenes(root, ViewSize())
    assert (scene.name, [frame.name for frame in scene.frames]) == ("chess/seq-03", ["frame-000000.color.png"])
    truth = scene.frames[0].read_truth()
    assert truth.depth.shape == scene.frames[0].read_image().shape[:2] == (378, 504)
    assert not truth.mask[:11].any()
    assert truth.mask[13:].all()
    assert sorted(np.unique(truth.depth[truth.mask])) == [1.5, 3.0]
    assert truth.intrinsics[0, 0] == pytest.approx(525 * 504 / 640, rel=1e-6)
    with pytest.raises(InputError, match=r"TestSplit.txt is missing"):
        rooms.seven_scenes(tmp_path, ViewSize())


def test_hiroom_leaves_out_mixed_pixels_and_turns_poses(tmp_path):
    (tmp_path / "selected_scene_list_val.txt").write_text("set/room\n\n")
    folder = tmp_path / "data" / "set" / "room"
    bad = np.zeros(big(DEPTH).shape, dtype=np.uint8)
    bad[200:240] = 255
    pose = np.eye(4)
    pose[:3, 3] = [1, 2, 3]
    for number in range(2):
        write_image(folder / "image" / f"{number}.jpg", image_of(big(DEPTH)))
        write_png(folder / "depth" / f"{number}.png", big(DEPTH), 655.35)
        write_image(folder / "aliasing_mask" / f"{number}.png", bad)
    (folder / "pose").mkdir()
    np.save(folder / "pose" / "0.npy", pose)  # the other has no pose, so it is no frame
    np.save(folder / "cam_K.npy", np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]))
    (scene,) = rooms.hiroom(tmp_path, ViewSize())
    assert (scene.name, len(scene.frames)) == ("set_room", 1)
    truth = scene.frames[0].read_truth()
    assert truth.depth.shape == (504, 504)
    assert truth.world_from_cam[:3, 3].tolist() == [-1, -2, -3]
    assert not truth.mask[212:250].any()
    assert truth.depth[truth.mask].min() == pytest.approx(1.5, abs=1e-3)


def test_boundary_runs_end_to_end_in_both_protocols(tmp_path):
    root = tmp_path / "data" / "neural_rgbd"
    lines = []
    for number in range(2):
        write_image(root / "room" / "images" / f"img{number}.png", image_of(big(DEPTH)))
        write_png(root / "room" / "depth" / f"depth{number}.png", big(DEPTH), 1000)
        lines += ["1 0 0 0", "0 1 0 0", "0 0 1 0", "0 0 0 1"]
    (root / "room" / "poses.txt").write_text("\n".join(lines))
    for protocol in ("published", "corrected"):
        benchmark = boundary(protocol=protocol, factors=[1, 2])
        found = find_datasets(benchmark, tmp_path / "data", ViewSize(long_side=112), partial=True)
        model = FakeModel()
        predict_scenes(benchmark, found[0].scenes, model, tmp_path / "predictions")
        scores = score_scenes(benchmark, found[0].scenes, tmp_path / "predictions", tmp_path / protocol, model="fake")
        report = Report(benchmark=benchmark, model="fake", found=found, scores=scores)
        settings = [(s.setting["mask"], s.setting["blur"]) for s in report.summaries]
        assert settings == [("all", "1"), ("pooled", "1"), ("per_view", "1"), ("blur", "1"), ("blur", "2")]
        values = {s.setting["mask"]: s.metrics["acc"].value for s in report.summaries}
        assert 0 < values["all"] < 0.1 < values["pooled"]
        report.write(tmp_path / protocol)
