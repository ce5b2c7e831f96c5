"""A run is the same however it is cut: into processes, micro-batches, or by a crash."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import mda
from mda.mixtures import Family
from mda.training import procedural_data
from mda.training.composing import compose_config
from mda.training.config import TrainConfig
from mda.training.main import train
from tests.unit.data import layouts

pytestmark = pytest.mark.filterwarnings("ignore::Warning:lightning.*", "ignore::Warning:torch.*")

WORDS = [
    "experiment=mda/mini_mog_sky",
    "network.trunk=null",
    "data.sizes=[[32,48]]",
    "data.validation_size=[32,48]",
    "data.validation_clips=2",
    "data.workers=0",
    "data.views_per_batch=2",
    "optimiser.warmup_steps=3",
    "trainer.accelerator=cpu",
    "trainer.threads=1",
    "progress=false",
]


def settings(folder: Path, *words: str) -> TrainConfig:
    return compose_config([*WORDS, f"folder={folder}", *words])


def largest_difference(one: Path, other: Path) -> float:
    """Largest difference of two weights files, relative to the largest weight of each tensor (at least one)."""
    a, b = load_file(one), load_file(other)
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).abs().max() / a[name].abs().max().clamp_min(1)) for name in a)


def in_two_processes(program: list[str], folder: Path, *words: str) -> str:
    """What a training run with two processes says."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, *program, "train", *WORDS, *words, f"folder={folder}", "trainer.devices=2"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(mda.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_equal_one_with_the_same_global_batch(tmp_path, strategy):
    words = ["steps=20", "ema_decay=0", "validate_every=0", "logger=none"]
    one = train(settings(tmp_path / "one", *words, "accumulate=2"))
    said = in_two_processes(["-m", "mda.cli.main"], tmp_path / "two", *words, f"trainer.strategy={strategy}")
    assert "2/2" in said
    assert largest_difference(one, tmp_path / "two" / one.name) < 1e-5


def test_a_sharded_run_goes_on(tmp_path):
    words = ["ema_decay=0", "validate_every=0", "logger=none", "checkpoint_every=2", "trainer.strategy=fsdp"]
    # One rate throughout, so that the last step of a shorter run is like any other.
    words += ["optimiser.warmup_steps=0", "optimiser.decay_steps=1", "optimiser.rate=1e-3", "optimiser.final_rate=1e-3"]
    program = ["-m", "mda.cli.main"]
    in_two_processes(program, tmp_path / "whole", *words, "steps=4")
    in_two_processes(program, tmp_path / "cut", *words, "steps=3")
    said = in_two_processes(program, tmp_path / "cut", *words, "steps=4")
    assert "Going on from step 3" in said
    whole, cut = (tmp_path / name / "weights.safetensors" for name in ("whole", "cut"))
    assert largest_difference(whole, cut) == 0


# `mda train`, but every image of the batch of that index, which the second process sees, is NaN.
SPOILT = """
from dataclasses import replace
from mda.cli.main import main
from mda.training import procedural_data

made = procedural_data.training_batch

def spoilt(config, index):
    batch = made(config, index)
    return replace(batch, images=batch.images * float("nan")) if index == 3 else batch

procedural_data.training_batch = spoilt
raise SystemExit(main())
"""


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_what_one_process_cannot_learn_from_is_left_out_by_all(tmp_path, monkeypatch, strategy):
    words = ["ema_decay=0", "validate_every=0", "logger=none"]
    script = tmp_path / "spoilt.py"
    script.write_text(SPOILT)
    in_two_processes([str(script)], tmp_path / "two", *words, "steps=4", f"trainer.strategy={strategy}")
    made = procedural_data.training_batch
    names = " ".join(made(settings(tmp_path).data, 3).names)
    (line,) = (tmp_path / "two" / "skipped.csv").read_text().splitlines()[1:]
    assert line == f"1,1,prediction is not finite,{names}"
    # The same as if both batches of that step had been left out.
    monkeypatch.setattr(
        procedural_data,
        "training_batch",
        lambda config, index: (
            replace(made(config, index), images=made(config, index).images * torch.nan)
            if index in {2, 3}
            else made(config, index)
        ),
    )
    one = train(settings(tmp_path / "one", *words, "steps=4", "accumulate=2"))
    assert largest_difference(one, tmp_path / "two" / one.name) < 1e-5


def test_batches_that_are_not_finite_teach_nothing_and_are_named(tmp_path, monkeypatch):
    made = procedural_data.training_batch

    def spoilt(config, index):
        batch = made(config, index)
        return replace(batch, images=batch.images * torch.nan) if index == 3 else batch

    words = ["steps=3", "accumulate=2", "ema_decay=0", "validate_every=0", "logger=csv", "log_every=1"]
    monkeypatch.setattr(procedural_data, "training_batch", spoilt)
    weights = train(settings(tmp_path, *words))
    assert all(tensor.isfinite().all() for tensor in load_file(weights).values())
    header, line = (tmp_path / "skipped.csv").read_text().splitlines()
    assert header == "step,rank,reason,clips"
    assert line == f"1,0,prediction is not finite,{' '.join(made(settings(tmp_path).data, 3).names)}"


def test_a_step_without_a_finite_batch_changes_neither_weights_nor_moments(tmp_path, monkeypatch):
    made = procedural_data.training_batch
    words = ["ema_decay=0", "validate_every=0", "logger=none", "checkpoint_every=1", "optimiser.decay_steps=1"]

    def spoilt(config, index):
        batch = made(config, index)
        return batch if index == 0 else replace(batch, images=batch.images * torch.nan)

    monkeypatch.setattr(procedural_data, "training_batch", spoilt)
    one = load_file(train(settings(tmp_path / "one", *words, "steps=1")))
    three = load_file(train(settings(tmp_path / "three", *words, "steps=3")))
    assert all(torch.equal(one[name], three[name]) for name in one)
    first, last = (
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True)["optimizer_states"][0]["state"]
        for name in ("one", "three")
    )
    assert all(torch.equal(first[key]["exp_avg"], last[key]["exp_avg"]) for key in first)
    assert {float(value["step"]) for value in last.values()} == {1.0}


def test_the_weights_of_a_run_open_with_their_mixture(tmp_path):
    words = ["network.components=2", "network.family=laplace", "network.space=linear", "network.lora.rank=2"]
    weights = train(settings(tmp_path, *words, "steps=2", "validate_every=0", "logger=none"))
    model = mda.load(weights)
    assert (model.preset.name, model.network.config.components) == ("mda_tiny", 2)
    assert model.network.config.family is Family.LAPLACE
    assert compose_config(["experiment=mda/mini_mog_sky"]).steps == 400
    told = (tmp_path / "config.yaml").read_text()
    assert "rank: 2" in told
    assert "steps: 2" in told


def test_data_sets_on_disk_are_trained_on_and_a_resumed_run_goes_on_with_the_next_batch(tmp_path):
    layouts.tartanair_published(tmp_path / "data" / "tartanair")
    layouts.vkitti2_published(tmp_path / "data" / "vkitti2")
    words = [
        "data=sources",
        f"data.root={tmp_path / 'data'}",
        "data.sources={tartanair: 20, vkitti2: 10}",
        "data.folders={tartanair: tartanair, vkitti2: vkitti2}",
        "data.sizes=[[32,48],[48,32]]",
        "data.validation_size=[32,48]",
        "data.num_views=2",
        "data.max_images=4",
        "data.held_out=0.0",
        "data.validation_clips=2",
        "data.workers=0",
        "network.preset=mda_tiny",
        "trainer.accelerator=cpu",
        "trainer.threads=1",
        "progress=false",
        "logger=csv",
        "log_every=1",
        "validate_every=0",
        "optimiser.decay_steps=1",
        "ema_decay=0",
        "checkpoint_every=1",
    ]

    def run(name: str, steps: int) -> Path:
        return train(compose_config([*words, f"folder={tmp_path / name}", f"steps={steps}"]))

    whole = run("whole", 4)
    run("cut", 2)
    assert largest_difference(whole, run("cut", 4)) == 0
    rows = (tmp_path / "whole" / "csv" / "version_0" / "metrics.csv").read_text()
    assert "train/source/tartanair" in rows.splitlines()[0]
