from dataclasses import replace
from importlib import resources

import pytest
import torch

from mda.errors import ConfigError
from mda.geometry import points_from_depth
from mda.losses import LossWeights, TrainingLoss
from mda.models.mini import MiniConfig, MiniNetwork
from mda.models.presets import PRESETS
from mda.training.config import NetworkConfig, ProceduralDataConfig, TrainConfig
from mda.training.main import build_loss, build_network, compose_config, train
from mda.training.module import DepthModule, parameter_groups
from mda.training.procedural_data import VALIDATION_SEED, TrainingBatches, ValidationClips, training_batch

RECIPES = sorted(
    file.name.removesuffix(".yaml")
    for file in (resources.files("mda.recipes") / "experiment").iterdir()
    if file.name.endswith(".yaml")
)
SMALL = ProceduralDataConfig(
    sizes=[[32, 48]], views=[1, 2], views_per_batch=2, validation_clips=1, validation_size=[32, 48], workers=0
)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_composes_and_names_a_network_that_builds(recipe):
    config = compose_config([f"experiment={recipe}"])
    assert isinstance(config, TrainConfig)
    assert PRESETS[config.network.preset].build("meta").patch > 0
    assert all(side % PRESETS[config.network.preset].patch == 0 for size in config.data.sizes for side in size)


def test_the_baseline_differs_from_the_mixture_in_the_network_alone():
    mixture, single = (compose_config([f"experiment={name}"]) for name in ("mda_mini", "mda_mini_single"))
    assert (mixture.data, mixture.optimiser, mixture.steps) == (single.data, single.optimiser, single.steps)
    assert (mixture.loss, mixture.network.trunk) == (single.loss, single.network.trunk)


def test_overrides_reach_the_typed_settings():
    config = compose_config(["experiment=mda_mini", "steps=3", "data.sizes=[[64,96]]", "loss.fov=0.5"])
    assert (config.steps, config.data.sizes) == (3, [[64, 96]])
    weights = build_loss(config.loss).config.weights
    assert weights == replace(LossWeights(), fov=0.5)


@pytest.mark.parametrize("override", ["stepps=3", "experiment=nothing", "steps=many", "data.blurr=1"])
def test_a_wrong_override_is_one_clear_error(override):
    with pytest.raises(ConfigError, match=override.split("=", maxsplit=1)[0]):
        compose_config([override])


def test_weights_of_the_loss_are_the_published_ones_except_where_told():
    weights = build_loss({"rotation": 5.0}).config.weights
    assert weights == replace(LossWeights(), rotation=5.0)
    with pytest.raises(ConfigError, match="no term rotations; the terms are depth,"):
        build_loss({"rotations": 5.0})


def test_photographs_reach_the_scenes():
    plain, pictured = (training_batch(replace(SMALL, photographs=wanted), 4).images for wanted in (False, True))
    assert not torch.equal(plain, pictured)


def test_a_batch_is_a_function_of_its_number():
    one, again, other = (training_batch(SMALL, number) for number in (5, 5, 6))
    assert torch.equal(one.images, again.images)
    assert torch.equal(one.targets.depth, again.targets.depth)
    assert one.names != other.names


def test_ranks_and_workers_see_different_batches():
    first = next(iter(TrainingBatches(SMALL, first_step=3, rank=0, world_size=2)))
    second = next(iter(TrainingBatches(SMALL, first_step=3, rank=1, world_size=2)))
    assert not set(first.names) & set(second.names)


def test_validation_scenes_are_never_trained_on():
    assert VALIDATION_SEED + SMALL.validation_clips < SMALL.seed
    assert len(ValidationClips(SMALL)) == 1
    with pytest.raises(IndexError):
        ValidationClips(SMALL)[1]


def test_the_scale_of_a_batch_is_normalised():
    targets = training_batch(SMALL, 1).targets
    distance = points_from_depth(targets.depth, targets.cameras).norm(dim=-1)
    mean = (distance * targets.valid).sum((1, 2, 3)) / targets.valid.sum((1, 2, 3))
    assert torch.allclose(mean, torch.ones_like(mean), atol=1e-4)


def test_parameters_are_grouped_by_decay_and_trunk():
    network = MiniNetwork(MiniConfig(width=32, heads=2, blocks=2, channels=(16, 16, 16, 16), head_channels=16))
    config = TrainConfig()
    groups = parameter_groups(network.named_parameters(), config.optimiser)
    assert sum(len(group["params"]) for group in groups) == sum(p.requires_grad for p in network.parameters())
    for group in groups:
        assert (group["weight_decay"] > 0) == all(p.ndim > 1 for p in group["params"])
    assert {group["lr"] for group in groups} == {
        config.optimiser.rate,
        config.optimiser.rate * config.optimiser.trunk_factor,
    }


def test_frozen_names_stay_as_they_are():
    network = MiniNetwork(MiniConfig(width=32, heads=2, blocks=2, channels=(16, 16, 16, 16), head_channels=16))
    DepthModule(network, TrainingLoss(), TrainConfig(network=NetworkConfig(freeze=["trunk.", "norm."])))
    learning = {name.split(".")[0] for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert "trunk" not in learning
    assert "norm" not in learning
    assert "head" in learning


def test_an_unknown_trunk_is_refused():
    with pytest.raises(ConfigError, match="imagenet"):
        build_network(NetworkConfig(trunk="imagenette"))


def test_the_loss_falls_on_one_scene():
    torch.manual_seed(0)
    network = MiniNetwork(MiniConfig(width=32, heads=2, blocks=2, channels=(32, 32, 32, 32), head_channels=32))
    batch, loss = training_batch(SMALL, 2), TrainingLoss()
    module = DepthModule(network, loss, TrainConfig())
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    totals = []
    for _ in range(30):
        report = loss(module(batch), batch.targets)
        optimiser.zero_grad()
        report.total.backward()
        optimiser.step()
        totals.append(report.total.item())
    assert sum(totals[-5:]) / 5 < 0.7 * totals[0]


@pytest.mark.filterwarnings("ignore::Warning:lightning.*", "ignore::Warning:torch.*")
def test_a_run_trains_writes_weights_and_resumes(tmp_path):
    def run(steps: int) -> None:
        config = TrainConfig(
            folder=str(tmp_path),
            steps=steps,
            data=SMALL,
            validate_every=2,
            checkpoint_every=2,
            log_every=1,
            progress=False,
            accelerator="cpu",
        )
        train(config)

    run(2)
    first = (tmp_path / "weights.safetensors").read_bytes()
    run(4)
    assert (tmp_path / "weights.safetensors").read_bytes() != first
    rows = [file.read_text().splitlines() for file in sorted((tmp_path / "csv").rglob("metrics.csv"))]
    steps = [[int(line.split(",")[lines[0].split(",").index("step")]) for line in lines[1:]] for lines in rows]
    assert max(steps[0]) == 1
    assert min(steps[1]) == 2
    # A third run begins where the second ended, not at an older file beside it.
    assert {file.name for file in (tmp_path / "checkpoints").iterdir()} == {"last.ckpt", "best.ckpt"}
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 4
