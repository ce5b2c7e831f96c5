"""A run that is cut short and goes on is the run that was never cut."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from lightning.pytorch.loggers import Logger
from safetensors.torch import load_file

import mda
from mda.errors import CheckpointError, ConfigError, OutputError
from mda.mixtures import Family, Space
from mda.models.checkpoints import read_metadata
from mda.training import main, procedural_data
from mda.training.checkpoints import WholeFiles
from mda.training.composing import compose_config, save_config
from mda.training.main import train
from mda.training.module import DepthModule
from mda.training.resuming import refuse_other_settings
from tests.recipes.test_processes import WORDS, settings

pytestmark = pytest.mark.filterwarnings("ignore::Warning:lightning.*", "ignore::Warning:torch.*")

SHORT = ["steps=8", "accumulate=2", "checkpoint_every=3", "validate_every=4", "log_every=1", "logger=csv"]
SHORT += ["trainer.precision=BFLOAT16"]
LAST = Path("checkpoints/last.ckpt")


def equal(one: Path, other: Path) -> bool:
    a, b = load_file(one), load_file(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def checkpoint(folder: Path) -> dict:
    return torch.load(folder / LAST, weights_only=True)


def logged(folder: Path, name: str) -> list[tuple[int, float]]:
    """Steps after which something was logged, and its values, over all starts of the run."""
    found = []
    for table in sorted((folder / "csv").glob("*/metrics.csv")):
        with table.open(newline="") as file:
            found += [(int(row["step"]) + 1, float(row[name])) for row in csv.DictReader(file) if row.get(name)]
    return found


def validated(folder: Path) -> list[int]:
    """Steps after which a validation was logged."""
    return [step for step, _ in logged(folder, "val/loss")]


class Broken(Exception):  # noqa: N818 - it is no error of ours
    pass


@pytest.mark.parametrize(("broken_at", "kept"), [(9, 3), (13, 6)])
def test_a_run_that_broke_and_resumed_equals_the_uninterrupted_one(tmp_path, monkeypatch, broken_at, kept):
    whole = train(settings(tmp_path / "whole", *SHORT))
    made = procedural_data.training_batch

    def breaks(config, index):
        if index >= broken_at:
            raise Broken
        return made(config, index)

    monkeypatch.setattr(procedural_data, "training_batch", breaks)
    with pytest.raises(Broken):
        train(settings(tmp_path / "cut", *SHORT))
    assert checkpoint(tmp_path / "cut")["global_step"] == kept
    monkeypatch.setattr(procedural_data, "training_batch", made)
    resumed = train(settings(tmp_path / "cut", *SHORT))
    assert equal(whole, resumed)
    assert equal(whole.with_name("best.safetensors"), resumed.with_name("best.safetensors"))
    # And so is the state from which both would go on.
    one, other = checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "cut")
    assert one["global_step"] == other["global_step"] == 8
    for state in ("state_dict", "current_model_state"):
        assert all(torch.equal(one[state][name], other[state][name]) for name in one[state])


def test_a_validation_that_broke_off_is_made_after_going_on(tmp_path, monkeypatch):
    words = [*SHORT, "checkpoint_every=2", "validate_at_start=false"]
    whole = train(settings(tmp_path / "whole", *words))
    score = DepthModule.validation_step

    def breaks(module, batch, batch_idx):
        if module.global_step == 4 and batch_idx == 1:
            raise Broken
        score(module, batch, batch_idx)

    monkeypatch.setattr(DepthModule, "validation_step", breaks)
    with pytest.raises(Broken):
        train(settings(tmp_path / "cut", *words))
    assert checkpoint(tmp_path / "cut")["global_step"] == 2
    monkeypatch.setattr(DepthModule, "validation_step", score)
    assert equal(whole, train(settings(tmp_path / "cut", *words)))
    assert validated(tmp_path / "whole") == validated(tmp_path / "cut") == [4, 8]


class Running:
    """`mda train` in a process group of its own."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "mda.cli.main", "train", *WORDS, *words],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(mda.__file__).parents[1])},
        )

    def ended_by(self, number: signal.Signals, *, after: Path, than: float = 0.0) -> tuple[int, str]:
        """Exit code and messages, after a signal to all its processes once the file is newer than that."""
        while not (after.exists() and after.stat().st_mtime > than):
            assert self.process.poll() is None, self.process.communicate()[1]
            time.sleep(0.01)
        os.killpg(self.process.pid, number)
        _, said = self.process.communicate(timeout=120)
        return self.process.returncode, said


def test_a_run_that_was_killed_and_terminated_equals_the_uninterrupted_one(tmp_path):
    words = ["steps=40", "checkpoint_every=4", "validate_every=8", "log_every=1", "logger=csv", "data.workers=1"]
    words += ["validate_at_start=false"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    weights = train(settings(whole, *words))
    last = cut / LAST
    killed, _ = Running(*words, f"folder={cut}").ended_by(signal.SIGKILL, after=last)
    assert killed == -signal.SIGKILL
    # What a kill in the middle of writing leaves behind.
    (last.parent / ".last.ckpt.0123456789ab.partial").write_bytes(b"half")
    step = checkpoint(cut)["global_step"]
    assert step < 40
    code, said = Running(*words, f"folder={cut}").ended_by(signal.SIGTERM, after=last, than=last.stat().st_mtime)
    assert code == 130
    assert f"Going on from step {step}" in said
    stopped = checkpoint(cut)["global_step"]
    assert f"stopped: Stopped at step {stopped} of 40; the same command goes on from there." in said
    assert "fault" not in said
    assert step < stopped < 40
    assert not (cut / "weights.safetensors").exists()
    resumed = train(settings(cut, *words))
    assert equal(weights, resumed)
    assert equal(whole / "best.safetensors", cut / "best.safetensors")
    # A validation that a kill cut off is made after going on; none is lost, and only those that were lost are repeated.
    assert validated(whole) == [8, 16, 24, 32, 40]
    assert sorted(set(validated(cut))) == [8, 16, 24, 32, 40]
    assert sorted(path.name for path in last.parent.iterdir()) == ["best.ckpt", "last.ckpt"]


def test_a_finished_run_that_is_started_again_keeps_its_weights(tmp_path):
    words = ["steps=4", "checkpoint_every=2", "validate_every=2", "logger=none"]
    weights = train(settings(tmp_path / "one", *words))
    before = load_file(weights)
    again = load_file(train(settings(tmp_path / "one", *words)))
    assert all(torch.equal(before[name], again[name]) for name in before)
    fewer = load_file(train(settings(tmp_path / "one", *words, "steps=1")))
    assert all(torch.equal(before[name], fewer[name]) for name in before)
    raw = checkpoint(tmp_path / "one")["current_model_state"]
    average = checkpoint(tmp_path / "one")["state_dict"]
    assert any(not torch.equal(raw[name], average[name]) for name in raw)


def test_a_run_can_be_made_longer(tmp_path):
    words = ["checkpoint_every=50", "validate_every=0", "logger=csv", "log_every=1"]
    words += ["optimiser.warmup_steps=0", "optimiser.decay_steps=2"]
    train(settings(tmp_path / "long", *words, "steps=3"))
    assert checkpoint(tmp_path / "long")["global_step"] == 3
    long = train(settings(tmp_path / "long", *words, "steps=5"))
    # Until the rate of the shorter one begins to fall they are the same; then it learns at the rate of the longer one.
    straight = train(settings(tmp_path / "straight", *words, "steps=5"))
    a, b = load_file(long), load_file(straight)
    assert max(float((a[name] - b[name]).abs().max()) for name in a) < 2e-3
    rates = [logged(tmp_path / name, "train/rate") for name in ("long", "straight")]
    assert rates[0][3:] == rates[1][3:]
    assert rates[0][2] < rates[1][2]


def test_dropout_of_adapters_is_drawn_again_as_it_was(tmp_path):
    words = ["network.lora.rank=2", "network.lora.dropout=0.5", "checkpoint_every=1", "validate_every=0", "logger=none"]
    words += [
        "optimiser.decay_steps=1",
        "optimiser.schedule=CONSTANT",
        "optimiser.final_rate=1e-3",
        "optimiser.rate=1e-3",
    ]
    whole = train(settings(tmp_path / "whole", *words, "steps=3"))
    train(settings(tmp_path / "cut", *words, "steps=2"))
    assert equal(whole, train(settings(tmp_path / "cut", *words, "steps=3")))


def test_other_settings_are_refused_and_leave_the_run_as_it_is(tmp_path):
    words = ["steps=2", "validate_every=0", "logger=none"]
    train(settings(tmp_path, *words))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(
        ConfigError, match=r"network\.components was None and is 2; optimiser\.rate was .* resume=false"
    ):
        train(settings(tmp_path, *words, "network.components=2", "optimiser.rate=0.5"))
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    train(settings(tmp_path, *words, "network.components=2", "resume=false"))
    assert mda.load(tmp_path / "weights.safetensors").network.config.components == 2
    train(settings(tmp_path, *words, "network.components=2", "data.workers=1", "trainer.timeout_minutes=1", "steps=3"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", None])
def test_a_damaged_checkpoint_is_named_with_the_remedy(tmp_path, content):
    words = ["steps=1", "validate_every=0", "logger=none"]
    train(settings(tmp_path, *words))
    whole = (tmp_path / LAST).read_bytes()
    (tmp_path / LAST).write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(CheckpointError, match=r"cannot go on from .*last\.ckpt .*resume=false"):
        train(settings(tmp_path, *words))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["optimiser.factors.head=0.5"], "optimiser.factors was {} and is {'head': 0.5}"),
        (["trainer.strategy=ddp"], "trainer.strategy was auto and is ddp"),
        (["trainer.devices=2"], "trainer.devices was 1 and is 2"),
        (["accumulate=3"], "accumulate was 1 and is 3"),
    ],
)
def test_whatever_else_changes_is_told(tmp_path, words, said):
    begun = settings(tmp_path)
    save_config(begun, tmp_path)
    refuse_other_settings(begun, tmp_path)
    with pytest.raises(ConfigError) as refused:
        refuse_other_settings(settings(tmp_path, *words), tmp_path)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["data.sources={tartanair: 20, spring: 1}"],
            "data.sources was {'tartanair': 20} and is {'tartanair': 20, ",
        ),
        (["data.sources={tartanair: 20}", "data.splits.spring=train"], "data.splits was {} and is {'spring': 'train'}"),
        (None, " more. Choose another name="),
    ],
)
def test_other_data_are_told(tmp_path, words, said):
    words_before = ["data=sources", "data.sources={tartanair: 20}", "data.root=/one"]
    begun = compose_config(words_before)
    save_config(begun, tmp_path)
    refuse_other_settings(compose_config([*words_before, "data.root=/other", "data.workers=3"]), tmp_path)
    with pytest.raises(ConfigError) as refused:
        refuse_other_settings(compose_config([] if words is None else ["data=sources", *words]), tmp_path)
    assert said in str(refused.value)


def test_beginning_anew_sets_the_earlier_run_aside(tmp_path, monkeypatch):
    words = ["steps=2", "checkpoint_every=2", "validate_every=2", "logger=none"]
    train(settings(tmp_path, *words))
    earlier = (tmp_path / LAST).read_bytes()

    def breaks(*_):
        raise Broken

    monkeypatch.setattr(procedural_data, "training_batch", breaks)
    with pytest.raises(Broken):
        train(settings(tmp_path, *words, "optimiser.rate=1e-5", "resume=false"))
    assert not (tmp_path / LAST).exists()
    assert not (tmp_path / LAST).with_name("best.ckpt").exists()
    assert (tmp_path / LAST).with_name("last.old.ckpt").read_bytes() == earlier


def test_wandb_knows_a_run_again_that_goes_on(tmp_path, monkeypatch):
    begun = []

    class Wandb(Logger):
        name, version = "wandb", None

        def __init__(self, **told: object) -> None:
            super().__init__()
            begun.append((told["id"], told["resume"]))

        def log_metrics(self, *_: object, **__: object) -> None:
            pass

        def log_hyperparams(self, *_: object, **__: object) -> None:
            pass

    monkeypatch.setattr(main, "WandbLogger", Wandb)
    monkeypatch.setattr(main, "require", lambda *_: None)
    for words in (["steps=1"], ["steps=2"], ["steps=1", "resume=false"]):
        train(settings(tmp_path, "logger=wandb", "validate_every=0", *words))
    first, again, anew = begun
    assert first == again
    assert anew[0] != first[0]
    assert {resume for _, resume in begun} == {"allow"}


def test_checkpoints_with_adapters_do_not_say_that_they_open(tmp_path):
    train(settings(tmp_path, "network.lora.rank=2", "steps=2", "validate_every=1", "logger=none"))
    assert read_metadata(tmp_path / LAST) == {}
    assert mda.load(tmp_path / "best.safetensors").name == "mda_tiny"


def test_a_metric_that_the_run_does_not_have_is_told_with_those_it_has(tmp_path):
    absent = "best_by=val/glass_first_abs_rel_scale_aligned"
    with pytest.raises(ConfigError, match=rf"{absent}: .* val/abs_rel_scale_aligned"):
        train(settings(tmp_path, absent, "steps=2", "logger=none"))


def test_checkpoints_tell_their_network_and_the_best_is_exported(tmp_path):
    words = ["network.family=laplace", "network.space=linear", "steps=2", "validate_every=1", "logger=none"]
    train(settings(tmp_path, *words))
    for name in ("weights.safetensors", "best.safetensors", "checkpoints/last.ckpt", "checkpoints/best.ckpt"):
        config = mda.load(tmp_path / name).network.config
        assert (config.family, config.space) == (Family.LAPLACE, Space.LINEAR), name


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    WholeFiles().save_checkpoint({"step": 1}, path)

    def full(_, file):
        file.write(b"half")
        message = (
            "[enforce fail at inline_container.cc] PytorchStreamWriter failed writing file data/3: file write failed"
        )
        raise RuntimeError(message)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OutputError, match=r"Cannot write .*last\.ckpt: .*Free some space"):
        WholeFiles().save_checkpoint({"step": 2}, path)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_file_in_place_of_the_folder_is_told_before_anything_is_done(tmp_path):
    (tmp_path / "checkpoints").write_text("mine")
    with pytest.raises(OutputError, match="checkpoints"):
        train(settings(tmp_path, "steps=1"))


def test_what_is_logged_is_the_mean_since_the_last_log(tmp_path):
    words = ["steps=4", "accumulate=2", "validate_every=0", "logger=csv", "ema_decay=0"]
    train(settings(tmp_path / "each", *words, "log_every=1"))
    train(settings(tmp_path / "all", *words, "log_every=4"))
    each, whole = logged(tmp_path / "each", "train/loss"), logged(tmp_path / "all", "train/loss")
    assert whole == [(4, pytest.approx(sum(value for _, value in each) / 4, rel=1e-5))]
    # Clips count alike, however many there are in a batch.
    each, whole = (logged(tmp_path / name, "train/source/procedural") for name in ("each", "all"))
    assert min(each, key=lambda pair: pair[1])[1] < whole[0][1] < max(each, key=lambda pair: pair[1])[1]
