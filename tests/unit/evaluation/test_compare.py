import json
import math
import re

import numpy as np
import pytest
import torch
from PIL import Image

from mda.errors import ConfigError, InputError, OutputError
from mda.evaluation.compare import Comparison, matched_views, statistics
from mda.evaluation.compare_sheet import CompareSettings, write_comparison
from mda.evaluation.side_views import RED, Frame, draw_points, seen_from_beside
from mda.io.archive import RunInfo, RunView, RunWriter, load_run

FRONT, BACK = 2.0, 5.0


def step(size=(60, 80), *, scale=1.0, smeared=False):
    depth = np.full(size, BACK, np.float32)
    middle = size[1] // 2
    depth[:, :middle] = FRONT
    if smeared:
        depth[:, middle - 1], depth[:, middle] = 2.8, 3.8
    return depth * np.float32(scale)


def run_of(folder, depths, *, names=None, model="one", sky=None):
    size = depths[0].shape
    with RunWriter(folder, RunInfo(model=model, decoder="mode"), resume=False, overwrite=False) as writer:
        for number, depth in enumerate(depths):
            pose = np.eye(4, dtype=np.float32)
            pose[0, 3] = number
            name = f"{number}.jpg" if names is None else names[number]
            view = RunView(
                name=name,
                color=np.full((*size, 3), 120, np.uint8),
                depth=depth,
                world_from_cam=pose,
                intrinsics=np.array([[size[1], 0, size[1] / 2], [0, size[1], size[0] / 2], [0, 0, 1]], np.float32),
                sky=sky,
            )
            writer.write_view(number, view)
        writer.finish(timings={"network": 1.5}, details={})
    return load_run(folder)


@pytest.fixture
def two(tmp_path):
    clean = run_of(tmp_path / "clean", [step(), step()])
    smeared = run_of(tmp_path / "smeared", [step(scale=3, smeared=True)] * 2, model="two")
    return Comparison(clean, smeared)


def test_the_scale_between_runs_is_taken_out(two):
    assert two.scale == pytest.approx(1 / 3)
    pair = two.pair(1)
    assert torch.allclose(pair.depths[1][:, :10], torch.tensor(FRONT))
    assert torch.allclose(pair.points[0][:, :10], pair.points[1][:, :10])


def test_numbers_tell_hanging_points_from_clean_edges(two):
    each, together = statistics(two)
    assert each["model"] == ("one", "two")
    clean, smeared = each["hanging points"]
    assert (clean, smeared) == (0, pytest.approx(2 / 80))
    assert together["pixels that differ by more than 10 %"] == pytest.approx(2 / 80)
    assert together["rotation between views differs by (degrees)"] == pytest.approx(0, abs=1e-4)
    assert math.isnan(together["sky IoU"])


def test_a_run_does_not_differ_from_itself(two):
    _, together = statistics(Comparison(two.runs[0], two.runs[0]))
    assert together["scale of B"] == 1
    assert together["mean difference of ln depth"] == 0


def test_sizes_may_differ(tmp_path):
    small, large = run_of(tmp_path / "s", [step((30, 40))]), run_of(tmp_path / "l", [step((60, 80))])
    for first, second in ((small, large), (large, small)):
        comparison = Comparison(first, second)
        pair = comparison.pair(0)
        assert pair.depths[1].shape == first.image_hw
        assert torch.equal(pair.depths[0], pair.depths[1])
        # Nearest pixels of one ray differ by at most a pixel of the smaller size.
        assert (pair.points[0] - pair.points[1]).abs().max() < 1e-5


def test_views_are_matched_by_name_and_else_by_number(tmp_path):
    first = run_of(tmp_path / "a", [step()] * 3, names=["x.jpg", "y.jpg", "z.jpg"])
    second = run_of(tmp_path / "b", [step()] * 2, names=["z.jpg", "x.jpg"])
    third = run_of(tmp_path / "c", [step()] * 2, names=["p.jpg", "q.jpg"])
    same = run_of(tmp_path / "d", [step()] * 2, names=["x.jpg", "x.jpg"])
    assert matched_views(first, second) == ((0, 1), (2, 0))
    assert matched_views(first, third) == matched_views(first, same) == ((0, 0), (1, 1))


def test_runs_without_a_common_view_are_refused(tmp_path):
    first, second = run_of(tmp_path / "a", [step()]), run_of(tmp_path / "b", [step()] * 2, names=["p", "q"])
    (tmp_path / "b" / "depth" / "000000.npy").unlink()
    with pytest.raises(InputError, match="no view in common"):
        matched_views(first, load_run(second.path))


def test_the_sheet_is_complete_and_stands_alone(two, tmp_path):
    folder = tmp_path / "sheet"
    lines = write_comparison(two, folder, CompareSettings(views=2, crops=1))
    assert any(line.startswith("hanging points\t0.00 %\t2.50 %") for line in lines)
    picture = np.asarray(Image.open(folder / "compare.png"))
    assert min(picture.shape[:2]) > 500
    assert (np.abs(picture.astype(int) - RED) < 40).all(-1).sum() > 10
    page = (folder / "compare.html").read_text()
    assert page.count("<img") == 2 * (4 + 5)
    assert not re.search(r'(src|href)="(?!data:)', page)
    content = json.loads((folder / "compare.json").read_text())
    assert content["runs"]["hanging points"] == [0, pytest.approx(2 / 80)]
    assert content["both"]["sky IoU"] is None
    with pytest.raises(OutputError, match="overwrite"):
        write_comparison(two, folder, CompareSettings())
    write_comparison(two, folder, CompareSettings(views=1, crops=0), overwrite=True)
    with pytest.raises(ConfigError, match="at least one view"):
        write_comparison(two, folder, CompareSettings(views=0), overwrite=True)


def test_names_are_escaped(tmp_path):
    run = run_of(tmp_path / "a", [step()], names=["<script>.jpg"])
    write_comparison(Comparison(run, run), tmp_path / "out", CompareSettings(views=1))
    assert "<script>" not in (tmp_path / "out" / "compare.html").read_text()


def test_flat_runs_and_skies_make_a_sheet_without_crops(tmp_path):
    sky = np.ones((60, 80), bool)
    flat = run_of(tmp_path / "a", [np.ones((60, 80), np.float32)], sky=sky)
    write_comparison(Comparison(flat, flat), tmp_path / "out", CompareSettings(views=1))
    assert (tmp_path / "out" / "compare.html").read_text().count("<img") == 4


def test_side_views_look_across_the_edge():
    points = torch.rand(6, 8, 3)
    upright = torch.zeros(6, 8)
    upright[:, 4:] = 1
    assert torch.equal(seen_from_beside(points, upright), points[..., [0, 2]])
    lying = torch.zeros(6, 8)
    lying[3:] = 1
    assert torch.equal(seen_from_beside(points, lying), points[..., [1, 2]])


def test_marked_points_are_red_and_where_they_belong():
    points = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.5, float("nan")]])
    frame = Frame(low=torch.tensor([-0.5, -0.5]), high=torch.tensor([1.5, 1.5]))
    marked = torch.tensor([False, True, True])
    picture = np.asarray(draw_points(points, torch.zeros(3, 3), marked, frame, (100, 100)))
    red = np.argwhere((picture[..., 0] > 200) & (picture[..., 1] < 60))
    assert red.mean(0) == pytest.approx((25, 75), abs=1.5)  # row from above, column
