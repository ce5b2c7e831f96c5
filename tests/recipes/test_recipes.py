from dataclasses import replace
from importlib import resources

import pytest
import torch

from mda.data.sources import find_source
from mda.errors import CheckpointError, ConfigError, InputError
from mda.geometry import points_from_depth
from mda.losses import Compat, LossWeights, TrainingLoss
from mda.mixtures import Family, Space
from mda.models.loading import preset_of_file
from mda.models.mini import MiniConfig, MiniNetwork
from mda.training.building import build_loss, build_network, chosen_preset
from mda.training.composing import compose_config, recipes
from mda.training.config import LossSettings, NetworkConfig, Precision, Schedule, TrainConfig, TrainerConfig
from mda.training.data_config import ProceduralDataConfig, SourcesConfig
from mda.training.groups import choose_trained
from mda.training.main import build_trainer, train
from mda.training.module import DepthModule
from mda.training.procedural_data import VALIDATION_SEED, TrainingBatches, ValidationClips, training_batch
from mda.training.validation import metric_names

SMALL = ProceduralDataConfig(
    sizes=[[32, 48]],
    min_views=1,
    num_views=2,
    views_per_batch=2,
    validation_clips=1,
    validation_size=[32, 48],
    workers=0,
)
PUBLISHED = ("mda/da3_mog_sky_full", "mda/da3_mog_sky_full_l1", "mda/vggt_mog_full")


@pytest.mark.parametrize("recipe", recipes())
def test_every_recipe_composes_and_all_its_parts_can_be_built(recipe, tmp_path):
    config = compose_config([f"experiment={recipe}"])
    assert isinstance(config, TrainConfig)
    preset = chosen_preset(config.network)
    network = preset.build("meta")
    assert choose_trained(network, config.network.train, config.network.freeze) > 0
    assert all(side % network.patch == 0 for size in config.data.sizes for side in size)
    assert all(side % network.patch == 0 for side in config.data.validation_size)
    module = DepthModule(network, build_loss(config.loss), config, decoder=preset.decoder)
    rates = {group["lr"] for group in module.configure_optimizers()["optimizer"].param_groups}
    assert max(rates) <= config.optimiser.rate
    trainer = build_trainer(replace(config, trainer=replace(config.trainer, accelerator="cpu")), tmp_path)
    assert trainer.max_steps == config.steps


@pytest.mark.parametrize("recipe", recipes())
def test_data_sets_and_parts_of_every_recipe_exist(recipe):
    data = compose_config([f"experiment={recipe}"]).data
    if isinstance(data, SourcesConfig):
        parts = {name: find_source(name).splits for name in data.sources}
        assert all(part in parts[name] for name, part in data.splits.items())
        assert sum(data.sources.values()) > 0


def test_the_published_recipes_have_the_published_values():
    da3, laplace, vggt = (compose_config([f"experiment={name}"]) for name in PUBLISHED)
    for config in (da3, laplace, vggt):
        optimiser = config.optimiser
        assert (optimiser.rate, optimiser.final_rate, optimiser.warmup_rate) == (3e-5, 1e-6, 3e-5)
        assert (optimiser.betas, optimiser.weight_decay, optimiser.clip) == ([0.9, 0.95], 0.05, 3.0)
        assert (config.seed, config.data.max_images, config.data.min_views) == (420, 72, 4)
        assert config.network.train == ["head", "camera_decoder"]
        assert config.data.splits == {"dynamic_replica": "train", "pointodyssey": "train"}
        assert chosen_preset(config.network).build("meta").mixture_head.recompute
        loss = build_loss(config.loss).config
        assert (loss.weights, loss.compat) == (LossWeights(), Compat())
    assert [config.accumulate for config in (da3, laplace, vggt)] == [2, 2, 4]
    assert [config.data.num_views for config in (da3, laplace, vggt)] == [16, 16, 24]
    assert [len(config.data.sizes) for config in (da3, laplace, vggt)] == [9, 10, 12]
    assert [sum(config.data.sources.values()) for config in (da3, laplace, vggt)] == [885680, 885680, 82968]
    shown = chosen_preset(laplace.network).build("meta").config.mixture
    assert (shown.components, shown.family, shown.space, shown.sky) == (4, Family.LAPLACE, Space.LINEAR, True)


def test_the_published_recipes_say_that_their_loss_is_corrected():
    folder = resources.files("mda.recipes") / "experiment"
    for name in PUBLISHED:
        values = compose_config([f"experiment={name}", "loss.published=true"])
        assert build_loss(values.loss).config.compat == Compat.published()
    said = (folder / "mda" / "da3_mog_sky_full.yaml").read_text()
    assert "loss.published=true repeats them" in said.replace("\n# ", " ")


@pytest.mark.parametrize("network", ["da3", "da3_base", "da3_small", "vggt"])
def test_the_paper_recipes_differ_where_paper_and_release_do(network):
    recipe = {"vggt": "vggt_mog_paper", "da3": "da3_mog_sky_paper"}.get(network, f"{network}_mog_sky")
    paper = compose_config([f"experiment=mda/{recipe}", "trainer.devices=4"])
    assert (paper.optimiser.rate, paper.steps) == (1e-4, 10_000)
    assert paper.trainer.devices * paper.accumulate * paper.data.clips_per_batch == 48
    assert paper.data.clips_per_batch * paper.data.num_views <= paper.data.max_images == 72
    assert paper.data.sources["spring"] == 0 < paper.data.sources["mvs_synth"]


def test_ablations_differ_in_one_thing_each():
    base = compose_config(["experiment=mda/ablation/base"])
    told = (base.network.components, base.network.family, base.network.space, base.network.sky)
    assert told == (4, "normal", "log", True)
    differing = {"normal_linear", "laplace_log", "laplace_linear", "k1", "k2", "k8", "no_sky", "no_clamp"}
    assert {name.removeprefix("mda/ablation/") for name in recipes() if "ablation" in name} == differing | {"base"}
    for name in differing:
        config = compose_config([f"experiment=mda/ablation/{name}"])
        assert replace(config, network=base.network, loss=base.loss, name=base.name) == base
        assert (config.network != base.network) != (config.loss != base.loss)


def test_the_baseline_differs_from_the_mixture_in_the_network_alone():
    mixture, single = (compose_config([f"experiment={name}"]) for name in ("mda_mini", "mda_mini_single"))
    assert (mixture.data, mixture.optimiser, mixture.steps) == (single.data, single.optimiser, single.steps)
    assert (mixture.loss, mixture.network.trunk) == (single.loss, single.network.trunk)


def test_overrides_reach_the_typed_settings():
    config = compose_config(["experiment=mda_mini", "steps=3", "data.sizes=[[64,96]]", "loss.fov=0.5"])
    assert (config.steps, config.data.sizes) == (3, [[64, 96]])
    weights = build_loss(config.loss).config.weights
    assert weights == replace(LossWeights(), fov=0.5, rotation=3.0, edges=6.0)


def test_the_settings_of_the_documents_work_as_typed():
    words = ["experiment=mda/da3_mog_sky_full", "trainer.devices=4", "data.num_views=8", "logger=wandb"]
    config = compose_config(words)
    assert (config.trainer.devices, config.data.num_views, config.logger.kinds) == (4, 8, ["csv", "wandb"])
    assert isinstance(config.data, SourcesConfig)


@pytest.mark.parametrize(
    "override",
    ["stepps=3", "experiment=nothing", "steps=many", "data.blurr=1", "loss.rotations=5", "network.lora.rang=3", "+a=1"],
)
def test_a_wrong_override_is_one_clear_error(override):
    with pytest.raises(ConfigError, match=override.split("=", maxsplit=1)[0].split(".")[-1].removeprefix("+")):
        compose_config([override])


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("threads=1", "trainer.threads"),
        ("stepps=1", "steps"),
        ("data.numviews=1", "data.num_views"),
        ("experiment=mda/da3_mog", "mda/da3_mog_sky_full"),
    ],
)
def test_a_wrong_name_is_answered_with_what_may_have_been_meant(override, hint):
    with pytest.raises(ConfigError, match=hint):
        compose_config([override])


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        (
            "optimiser.rate=abc",
            r"override optimiser\.rate=abc: Value 'abc' of type 'str' could not be converted to Float",
        ),
        ("optimiser.schedule=linear", r"Invalid value 'linear', expected one of \[CONSTANT, COSINE\]"),
        ("steps=null", "field 'steps' is not Optional"),
        ("optimiser.factors={head: abc}", r"override optimiser\.factors={head: abc}: Value 'abc'"),
        ("network.train=head", r"str is not a ListConfig, list or tuple\.$"),
    ],
)
def test_a_wrong_value_is_answered_with_the_reason(override, reason):
    with pytest.raises(ConfigError, match=reason):
        compose_config([override])


@pytest.mark.parametrize("override", ["~steps", "~network", "~data.blur", "~loss.sky=1.0"])
def test_settings_cannot_be_deleted(override):
    with pytest.raises(ConfigError, match=f"{override} would delete a setting"):
        compose_config([override])


@pytest.mark.parametrize("override", ["data=null", "experiment=null", "logger=null", "experiment="])
def test_nothing_is_no_choice(override):
    with pytest.raises(ConfigError, match=f"{override} chooses nothing"):
        compose_config([override])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("mda_mini", r"'mda_mini' is no setting: expected NAME=VALUE\. Did you mean experiment=mda_mini\?$"),
        ("mini_mog_sky", r"Did you mean experiment=mda/mini_mog_sky\?$"),
        ("--help-me", r"'--help-me' is no setting: expected NAME=VALUE\.$"),
        (
            "experiment=mda/da3_mog",
            r"^There is no recipe experiment=mda/da3_mog\. Did you mean mda/da3_mog_sky_\w+ or .* Recipes: ",
        ),
        ("logger=wand", r"(?s)Could not find 'logger/wand'.*tensorboard\n\twandb$"),
    ],
)
def test_a_wrong_choice_is_answered_in_our_words(override, message):
    with pytest.raises(ConfigError, match=message):
        compose_config([override])


def test_choices_may_be_told_by_name_or_value():
    for schedule in ("cosine", "COSINE"):
        assert compose_config([f"optimiser.schedule={schedule}"]).optimiser.schedule is Schedule.COSINE
    for precision in ("bf16-mixed", "bfloat16", "BFLOAT16"):
        assert compose_config([f"trainer.precision={precision}"]).trainer.precision is Precision.BFLOAT16


def test_an_unknown_field_of_a_whole_record_is_named():
    with pytest.raises(ConfigError, match=r"Key 'ratee' not in 'OptimiserConfig'\.\nDid you mean optimiser\.rate"):
        compose_config(["optimiser={ratee: 1}"])


def test_fields_of_another_kind_of_data_are_refused():
    with pytest.raises(ConfigError, match="photographs"):
        compose_config(["experiment=mda/da3_mog_sky_full", "data.photographs=true"])


@pytest.mark.parametrize(
    "network",
    [{"family": "gauss"}, {"space": "cubic"}, {"components": 0}, {"preset": "da3-large", "sky": False}],
)
def test_a_mixture_that_cannot_be_is_refused(network):
    with pytest.raises(ConfigError):
        chosen_preset(NetworkConfig(**network))


def test_options_of_the_loss_are_those_of_the_settings():
    config = build_loss(LossSettings(clamp_log_weights=False, point_depth="mean", published=True)).config
    assert not config.clamp_log_weights
    assert config.compat.raw_quaternion
    with pytest.raises(ConfigError, match="chosen_detached"):
        build_loss(LossSettings(point_depth="median"))


def test_two_starting_points_contradict_each_other():
    with pytest.raises(ConfigError, match=r"network\.weights and network\.plain"):
        build_network(NetworkConfig(weights="a", plain="b"))
    for other in ("weights", "single"):
        mini = compose_config(["experiment=mda_mini", f"network.{other}=a.safetensors"])
        with pytest.raises(ConfigError, match=rf"network\.{other} and network\.trunk .* network\.trunk=null"):
            build_network(mini.network)
    with pytest.raises(ConfigError, match=r"network\.trunk is for mda_mini"):
        build_network(NetworkConfig(preset="da3_small_mog_sky", trunk="imagenet"))


def test_missing_weights_of_the_plain_network_can_be_given_as_a_file():
    words = ["experiment=mda/da3_small_mog_sky", "network.recompute=false"]
    with pytest.raises(CheckpointError, match=r"pass it as network\.plain=FILE; ") as told:
        build_network(compose_config(words).network)
    assert "--checkpoint" not in str(told.value)


def test_data_that_are_missing_are_told_before_weights_are_looked_for(tmp_path):
    words = ["experiment=mda/da3_small_mog_sky", f"data.root={tmp_path}", f"folder={tmp_path / 'run'}"]
    with pytest.raises(InputError, match="OmniWorld"):
        train(compose_config([*words, "trainer.accelerator=cpu"]))


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


def test_an_unknown_trunk_is_refused():
    with pytest.raises(ConfigError, match="imagenet"):
        build_network(NetworkConfig(trunk="imagenette"))


def test_the_loss_of_one_scene_falls_tenfold():
    torch.manual_seed(0)
    config = MiniConfig(width=48, heads=2, blocks=2, channels=(32, 32, 32, 32), head_channels=32, frozen_blocks=0)
    network = MiniNetwork(config)
    one = replace(SMALL, min_views=2, blur=0.0, colour=0.0)
    batch, loss = training_batch(one, 2), TrainingLoss()
    module = DepthModule(network, loss, TrainConfig())
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    totals = []
    for _ in range(80):
        report = loss(module(batch), batch.targets)
        optimiser.zero_grad()
        report.total.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        totals.append(report.total.item())
    assert min(totals[-5:]) < 0.1 * totals[0]
    assert sum(totals[-5:]) / 5 < 0.1 * totals[0]


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
            trainer=TrainerConfig(accelerator="cpu"),
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


@pytest.mark.filterwarnings("ignore::Warning:lightning.*", "ignore::Warning:torch.*")
@pytest.mark.parametrize("recipe", ["mini_mog_sky", "mini_single", "mini_layers", "mini_finetune"])
def test_a_step_of_the_small_recipes(recipe, tmp_path):
    words = [
        *("steps=1", "validate_every=1", "validate_at_start=false", "optimiser.warmup_steps=1", "logger=csv"),
        *("data.sizes=[[32,48]]", "data.validation_size=[32,48]", "data.validation_clips=1", "data.views_per_batch=2"),
        *("data.workers=0", "log_every=1", "trainer.accelerator=cpu", "trainer.threads=1", "progress=false"),
    ]
    config = compose_config([f"experiment=mda/{recipe}", *words, f"folder={tmp_path}"])
    preset = preset_of_file(train(config))
    assert preset.variant == chosen_preset(config.network).variant
    rows = (tmp_path / "csv" / "version_0" / "metrics.csv").read_text()
    logged = {name for name in rows.splitlines()[0].split(",") if name.startswith("val/")}
    assert config.best_by in logged
    # Names that settings are checked against are those that there are.
    assert logged <= {f"val/{name}" for name in metric_names()}
