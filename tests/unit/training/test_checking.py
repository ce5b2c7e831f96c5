"""Settings that cannot work are refused when they are composed, and again where a run starts from Python."""

from dataclasses import replace

import pytest
import torch

from mda.errors import ConfigError
from mda.mixtures import Decoder
from mda.training.building import build_network
from mda.training.checking import check_machine, checked
from mda.training.composing import compose_config
from mda.training.config import NetworkConfig, OptimiserConfig, TrainConfig, TrainerConfig
from mda.training.data_config import DataConfig, ProceduralDataConfig, SourcesConfig
from mda.training.main import train
from mda.training.validation import metric_names

WRONG = [
    *("steps=0", "steps=-5", "accumulate=0", "accumulate=-1", "ema_decay=-0.5", "ema_decay=1.0", "ema_decay=nan"),
    *("validate_every=-1", "log_every=0", "log_every=-1", "checkpoint_every=0", "checkpoint_every=-3", "seed=-1"),
    *("optimiser.rate=0", "optimiser.rate=-1", "optimiser.rate=nan", "optimiser.rate=inf", "optimiser.final_rate=-1"),
    *("optimiser.weight_decay=-1", "optimiser.clip=-1", "optimiser.layer_decay=-1", "optimiser.trunk_factor=-1"),
    *("optimiser.warmup_steps=-5", "optimiser.decay_steps=-1", "optimiser.warmup_rate=-1"),
    *("optimiser.betas=[0.9]", "optimiser.betas=[0.9,0.95,0.99]", "optimiser.betas=[0.9,1.5]"),
    *("loss.sky=-1", "loss.depth=nan", "network.lora.rank=-3", "network.lora.dropout=2", "network.lora.alpha=-1"),
    *("network.tell_cameras=-1", "network.tell_cameras=2", "network.scaled_cameras=2"),
    *("trainer.devices=0", "trainer.devices=-1", "trainer.nodes=0", "trainer.threads=-1"),
    *(
        "trainer.timeout_minutes=-1",
        "trainer.accelerator=foo",
        "trainer.strategy=foo",
        "logger.kinds=[foo]",
        "best_by=loss",
    ),
    *(
        "best_by=val/nonsense",
        "data.num_views=0",
        "data.min_views=5",
        "data.min_views=0",
        "data.sizes=[]",
        "data.sizes=[[64]]",
    ),
    *("data.sizes=[[0,64]]", "data.sizes=[[-64,64]]", "data.validation_size=[128]", "data.validation_views=0"),
    *("data.workers=-1", "data.views_per_batch=0", "data.blur=3", "data.blur=-1", "data.colour=5", "data.glass=-1"),
    *("data.scenes=-1", "data.validation_clips=0", "data.validation_clips=-1", "data.seed=1000"),
]


@pytest.mark.parametrize("override", WRONG)
def test_a_value_that_cannot_work_is_refused_by_its_name(override):
    with pytest.raises(ConfigError, match=override.partition("=")[0].replace(".", r"\.")):
        compose_config([override])


@pytest.mark.parametrize(
    "override",
    [
        *("data.sources.tartanair=-5", "data.max_images=0", "data.clips_per_batch=-1", "data.zoom=-1"),
        *("data.shuffle=2", "data.held_out=1.0", "data.colour=-1", "data.blur=2", "data.seed=-1"),
    ],
)
def test_the_same_goes_for_data_sets_on_disk(override):
    with pytest.raises(ConfigError, match=override.partition("=")[0].replace(".", r"\.")):
        compose_config(["data=sources", override])


def test_clips_of_a_batch_keep_to_its_budget_of_views():
    words = ["data=sources", "data.num_views=16", "data.max_images=72"]
    assert compose_config([*words, "data.clips_per_batch=4"]).data.clips_per_batch == 4
    with pytest.raises(ConfigError, match=r"data\.clips_per_batch=5 of up to data\.num_views=16.*data\.max_images=72"):
        compose_config([*words, "data.clips_per_batch=5"])


def test_a_factor_is_named_with_its_group():
    with pytest.raises(ConfigError, match=r"optimiser\.factors\.head is -1\.0; expected a number of at least 0"):
        checked(TrainConfig(optimiser=OptimiserConfig(factors={"head": -1.0})))


def test_a_run_without_data_is_refused():
    with pytest.raises(ConfigError, match="choose data=procedural or data=sources"):
        checked(TrainConfig(data=DataConfig()))


def test_the_ends_of_the_ranges_are_allowed():
    none = ["optimiser.clip=0", "optimiser.decay_steps=0", "ema_decay=0", "validate_every=0", "data.validation_clips=0"]
    assert compose_config(none).optimiser.clip == 0
    checked(TrainConfig(data=SourcesConfig(sources={"tartanair": 0})))


def test_a_run_from_python_is_checked_before_anything_is_built(tmp_path):
    config = TrainConfig(folder=str(tmp_path / "run"), data=ProceduralDataConfig(num_views=0))
    with pytest.raises(ConfigError, match=r"data\.num_views is 0"):
        train(config)
    assert not (tmp_path / "run").exists()


def test_what_this_machine_lacks_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_machine(TrainerConfig(accelerator="gpu", devices=2))
    check_machine(TrainerConfig(accelerator="cpu", devices=4))
    with pytest.raises(ConfigError, match="torch finds 2"):
        check_machine(TrainerConfig(accelerator="gpu", devices=3))


def test_a_metric_of_a_similar_name_is_suggested():
    with pytest.raises(ConfigError, match="val/abs_rel_scale_aligned"):
        compose_config(["best_by=val/abs_rel"])
    for name in ("val/loss/depth", "val/mode/abs_rel_scale_aligned", "val/calibration_error"):
        assert compose_config([f"best_by={name}"]).best_by == name
    for name in ("val/mode/delta1_scale_aligned", "val/coverage/90", "val/glass_iou"):  # the lowest is not the best
        with pytest.raises(ConfigError, match="best_by"):
            compose_config([f"best_by={name}"])
    assert len(metric_names()) == len(set(metric_names()))
    assert all(f"{decoder.value}/flying_own_surfaces" in metric_names() for decoder in (Decoder.MODE, Decoder.LAYERS))


def test_a_plain_network_is_not_for_networks_that_have_none():
    with pytest.raises(ConfigError, match=r"network\.plain is not for mda_tiny.*network\.single"):
        build_network(replace(NetworkConfig(), preset="mda_tiny", plain="mda_mini"))
