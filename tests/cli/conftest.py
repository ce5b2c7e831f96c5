"""The command line in this process, with random weights that are loaded once."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import mda.inference
from mda.cli.main import main
from mda.models.presets import build


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """Random weights of mda_mini."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file({name: value.contiguous() for name, value in build("mda_mini").state_dict().items()}, file)
    return file


@pytest.fixture(scope="session")
def cached_load():
    return functools.cache(mda.inference.load)


@pytest.fixture
def command(capsys, monkeypatch, tmp_path, cached_load):
    """Run `mda ...` in this process, in an empty folder."""
    monkeypatch.setattr(mda.inference, "load", cached_load)
    monkeypatch.delenv("MDA_DEBUG", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def predict(command, weights):
    """Run `mda predict ...` at a small size with random weights."""
    return lambda *arguments: command("predict", *arguments, "--checkpoint", weights, "--size", 64)


def photo(path: Path, *, hw: tuple[int, int] = (48, 64), seed: int = 0) -> Path:
    """A picture with something in it."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    coarse.resize((hw[1], hw[0]), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder of four pictures."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        photo(folder / f"{number}.jpg", seed=number)
    return folder


def pose_of(run: Path, stem: str) -> np.ndarray:
    """The pose of a view, of which the intrinsics are checked."""
    with np.load(run / "camera" / f"{stem}.npz") as camera:
        assert camera["intrinsics"].shape == (3, 3)
        return camera["pose"]


def views_in(run: Path) -> list[str]:
    """Stems of the views of a run, each with all its files."""
    stems = [path.stem for path in sorted((run / "depth").glob("*.npy"))]
    for stem in stems:
        depth = np.load(run / "depth" / f"{stem}.npy")
        assert depth.dtype == np.float32
        assert np.isfinite(depth).all()
        with Image.open(run / "color" / f"{stem}.png") as color:
            assert color.size == depth.shape[::-1]
        assert pose_of(run, stem).shape == (4, 4)
        assert np.load(run / "conf" / f"{stem}.npy").shape == depth.shape
        assert np.load(run / "sky" / f"{stem}.npy").dtype == bool
    return stems
