"""Every program of examples/ runs at a small size and says what it promises."""

import re
import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

from mda.io.archive import load_run
from mda.io.ply import read_ply
from tests.cli.conftest import photo

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def example(tmp_path, monkeypatch, capsys):
    """Run a program by its number, in an empty folder; returns what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(number: str, *arguments: object) -> str:
        (program,) = EXAMPLES.glob(f"{number}_*.py")
        monkeypatch.setattr(sys, "argv", [str(program), *map(str, arguments)])
        capsys.readouterr()
        runpy.run_path(str(program), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder of two pictures."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2):
        photo(folder / f"{number}.jpg", seed=number)
    return folder


def picture(path: str) -> tuple[tuple[int, int], int]:
    """Size and number of colours of a picture."""
    with Image.open(path) as image:
        return image.size, len(image.convert("RGB").getcolors(1 << 20) or [])


def test_predict_a_folder(example, photos):
    said = example("01", photos, "--out", "mine", "--size", 64)
    assert "2 views of 64 x 48 pixels by mda_mini" in said
    assert "0.jpg: depth" in said
    run = load_run(Path("mine/run"))
    assert len(run) == 2
    assert run.mixture(0) is not None
    assert f"{len(run.prediction().points().positions):,} points" in said


def test_predict_renders_a_clip_where_there_are_no_photos(example):
    assert "4 views" in example("01", "--size", 64)


def test_inside_a_mixture(example, photos):
    said = example("02", photos / "0.jpg", "--size", 64, "--pixel", 20, 30, "--out", "a/curve.png")
    assert "Pixel (20, 30): 4 hypotheses" in said
    weights = [float(line.split()[3].rstrip("%")) for line in said.splitlines() if "weight" in line]
    assert sum(weights) == pytest.approx(100, abs=0.3)
    size, colours = picture("a/curve.png")
    assert size == (1120, 360)
    assert colours > 20


def test_compare_decoders(example):
    said = example("03", "--clips", 1, "--image-size", 32, 48)
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines()}
    assert rows["mean"] != rows["heaviest"]
    assert len(rows["mode"]) == 4  # three scores and the seconds
    assert picture("eval_results/examples/03_decoders.png")[0] == (7 * 48, 32)


def test_export(example, photos):
    example("01", photos, "--out", "mine", "--size", 64)
    said = example("04", "mine/run", "--format", "ply", "--out", "taken")
    left = len(read_ply(Path("taken/points.ply")).positions)
    assert f"ply: {left:,} points" in said
    assert 0 < left < len(load_run(Path("mine/run")).prediction().points().positions)


def test_own_backbone(example):
    said = example("05", "--steps", 2)
    assert "step    1   loss" in said
    assert "pyramid: depth (2, 96, 128)" in said


def test_own_data_source(example):
    said = example("06", "--image-size", 32, 48)
    assert "2 captures, 6 complete frames, 0 missing files" in said
    agreement = re.search(r"neighbours agree on (\d+)%", said)
    assert agreement
    assert int(agreement[1]) > 90
    assert "capture_3: AbsRel" in said


@pytest.mark.filterwarnings("ignore::Warning:lightning.*", "ignore::Warning:torch.*")
def test_train_mini(example):
    quick = [
        "data.sizes=[[32,48]]",
        "data.views_per_batch=2",
        "data.validation_clips=1",
        "data.validation_size=[32,48]",
    ]
    said = example("07", "--steps", 2, "--folder", "run", *quick, "validate_every=0", "progress=false")
    assert "Trained for 2 steps: run/weights.safetensors" in said
    assert "heaviest  AbsRel" in said
    assert Path("run/prediction/preview.png").exists()


def test_calibrate(example):
    said = example("08", "--clips", 2, "--image-size", 32, 48)
    factor = re.search(r"recalibration=([\d.]+)", said)
    assert factor
    assert 0.1 < float(factor[1]) < 20
    tenths = [float(share) for share in re.findall(r"F in \S+ +([\d.]+)%", said)]
    assert [sum(tenths[:10]), sum(tenths[10:])] == pytest.approx([100, 100], abs=0.6)


def test_long_clip(example, tmp_path):
    (tmp_path / "clip").mkdir()
    for number in range(5):
        photo(tmp_path / "clip" / f"{number}.jpg", seed=number)
    said = example("09", "clip", "--max-views", 3, "--size", 32)
    assert "5 views in" in said
    joints = load_run(Path("eval_results/examples/09_long_clip/run")).info.details["joints"]
    assert said.count("joint: view") == len(joints) > 0
    assert "5 of them were there before" in example("09", "clip", "--max-views", 3, "--size", 32)
