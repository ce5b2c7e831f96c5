"""`mda train`: compose a recipe, build the run, train it, export the weights."""

import logging
import secrets
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import lightning
import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from mda.errors import ConfigError
from mda.io.atomic import make_folder, remove_partial_files, write_bytes
from mda.models.converting import write_weights
from mda.optional import require
from mda.training.building import build_loss, build_network, chosen_preset
from mda.training.checking import check_machine, checked
from mda.training.checkpoints import LastCheckpoint, Stopped, WholeFiles
from mda.training.composing import compose_config, save_config
from mda.training.config import TrainConfig
from mda.training.data_config import ProceduralDataConfig, SourcesConfig
from mda.training.groups import choose_trained
from mda.training.lora import add_adapters, merged
from mda.training.module import DepthModule
from mda.training.pictures import Pictures
from mda.training.procedural_data import ProceduralData
from mda.training.resuming import Earlier, earlier_state, network_of, set_aside
from mda.training.sharding import ShardedDepthModule, find_strategy, whole_state
from mda.training.skipping import SKIPPED_FILE, SkippedBatches
from mda.training.source_data import SourceData
from mda.training.speed import Speed

logger = logging.getLogger(__name__)

WEIGHTS_FILE, BEST_FILE = "weights.safetensors", "best.safetensors"
_LAST, _BEST = Path("checkpoints/last.ckpt"), Path("checkpoints/best.ckpt")
_WANDB_ID = "wandb_id.txt"


def main(arguments: Sequence[str]) -> int:
    """Train as the recipe and overrides say, `experiment=mda_mini steps=100`; returns the exit code."""
    train(compose_config(arguments))
    return 0


def train(config: TrainConfig) -> Path:
    """Train, validate and checkpoint; return the path of the weights, <folder>/weights.safetensors.

    They are averaged where the run keeps a running average, have adapters merged, and open with `mda.load`, as does
    best.safetensors beside it, the same of the best checkpoint.

    Raises:
        ConfigError: settings contradict each other, or those that the run in the folder was begun with.
        InputError: a data set is not where it should be.
        CheckpointError: starting weights are missing or do not fit, or the last checkpoint is damaged.
        OutputError: the folder cannot be written to.
        KeyboardInterrupt: the run was interrupted or terminated; its state has been kept.
    """
    check_machine(checked(config).trainer)
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    folder = Path(config.folder or f"logs/{config.name}")
    make_folder(folder / _LAST.parent)
    earlier = earlier_state(config, folder / _LAST, folder)
    if earlier is not None and earlier.step >= config.steps:
        logger.info("That is all of the %d steps asked for.", config.steps)
        state: Mapping[str, torch.Tensor] = network_of(earlier.path)
    else:
        with _without_noise():
            state = _trained(config, folder, earlier)
    _export(folder / WEIGHTS_FILE, state, config)
    if config.validate_every > 0 and (folder / _BEST).exists():
        _export(folder / BEST_FILE, network_of(folder / _BEST), config)
    return folder / WEIGHTS_FILE


def _trained(config: TrainConfig, folder: Path, earlier: Earlier | None) -> Mapping[str, torch.Tensor]:
    """Train to the end, from the state of an earlier run if there is one; returns the tensors of the network."""
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    # Before the network, whose weights may have to be fetched: a wrong folder is told first.
    data = build_data(config)
    module = build_module(config, folder)
    if earlier is None:
        set_aside([folder / name for name in (_LAST, _BEST, SKIPPED_FILE, _WANDB_ID)])
    trainer = build_trainer(config, folder)
    if trainer.is_global_zero:
        save_config(config, folder)
        remove_partial_files(folder / _LAST.parent)
    _fit(trainer, module, data, folder / _LAST if earlier is not None else None)
    if trainer.is_global_zero and module.skipped.count:
        logger.warning("%d batches were left out, see %s", module.skipped.count, folder / SKIPPED_FILE)
    # Fitting has ended: the weights are now the running average, if there is one.
    return whole_state(module.network)


def _fit(
    trainer: lightning.Trainer, module: DepthModule, data: lightning.LightningDataModule, checkpoint: Path | None
) -> None:
    """Let Lightning train, from a checkpoint if there is one.

    Raises:
        KeyboardInterrupt: the run was told to stop.
    """
    config = module.config
    try:
        if config.validate_at_start and config.validate_every > 0 and checkpoint is None:
            trainer.validate(module, data, verbose=False)
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    except Stopped as stop:
        raise KeyboardInterrupt(str(stop)) from stop
    except SystemExit as stop:
        # Lightning makes this of an interruption.
        message = "Stopped at once; the same command goes on from the last checkpoint, if there is one yet."
        raise KeyboardInterrupt(message) from stop


@rank_zero_only
def _export(path: Path, state: Mapping[str, torch.Tensor], config: TrainConfig) -> None:
    """Write weights that `mda.load` opens."""
    if config.network.lora.rank:
        state = merged(state, config.network.lora)
    write_weights(path, state, chosen_preset(config.network))


@contextmanager
def _without_noise() -> Iterator[None]:
    """Keep advertisements, lists of absent accelerators, and warnings about Lightning's own code from people."""
    lines = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    level = lines.level
    lines.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*LeafSpec.*")
            warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
            # Scores are pooled over processes before they are logged.
            warnings.filterwarnings("ignore", message="It is recommended to use `self.log")
            yield
    finally:
        lines.setLevel(level)


def build_module(config: TrainConfig, folder: Path | None = None) -> DepthModule:
    """Network, loss and optimiser of a run; which parameters learn has been chosen."""
    network = build_network(config.network)
    learning = choose_trained(network, config.network.train, config.network.freeze)
    if config.network.lora.rank:
        layers = add_adapters(network, config.network.lora)
        learning = sum(p.numel() for p in network.parameters() if p.requires_grad)
        logger.info("%d linear layers have adapters of rank %d", len(layers), config.network.lora.rank)
    total = sum(parameter.numel() for parameter in network.parameters())
    logger.info("%.2f M of %.2f M parameters learn", learning / 1e6, total / 1e6)
    if config.trainer.compile:
        network.compile()
    kind = ShardedDepthModule if config.trainer.strategy == "fsdp" else DepthModule
    return kind(
        network,
        build_loss(config.loss),
        config,
        decoder=chosen_preset(config.network).decoder,
        skipped=SkippedBatches(folder=folder),
    )


def build_data(config: TrainConfig) -> lightning.LightningDataModule:
    """Data of a run.

    Raises:
        ConfigError: the kind of data is not known, or no data set is asked for.
        InputError: a data set is not where it should be.
    """
    match config.data:
        case ProceduralDataConfig():
            return ProceduralData(config.data)
        case SourcesConfig():
            return SourceData(config.data)
        case _:
            message = f"data is a {type(config.data).__name__}; choose data=procedural or data=sources."
            raise ConfigError(message)


def build_trainer(config: TrainConfig, folder: Path) -> lightning.Trainer:
    """Lightning's trainer for the settings."""
    validates = config.validate_every > 0
    return lightning.Trainer(
        accelerator=config.trainer.accelerator,
        devices=config.trainer.devices,
        num_nodes=config.trainer.nodes,
        strategy=find_strategy(config),
        precision=config.trainer.precision.value,
        max_steps=config.steps,
        accumulate_grad_batches=config.accumulate,
        val_check_interval=config.validate_every * config.accumulate if validates else None,
        limit_val_batches=None if validates else 0,
        check_val_every_n_epoch=None if validates else 1,
        num_sanity_val_steps=0,
        log_every_n_steps=config.log_every,
        use_distributed_sampler=False,
        callbacks=_callbacks(config, folder),
        plugins=[WholeFiles()],
        logger=_loggers(config, folder),
        enable_progress_bar=config.progress,
        enable_model_summary=False,
        default_root_dir=folder,
    )


def _loggers(config: TrainConfig, folder: Path) -> list[Logger]:
    """Loggers of the kinds that are asked for."""
    loggers: list[Logger] = []
    for kind in config.logger.kinds:
        match kind:
            case "csv":
                loggers.append(CSVLogger(folder, name="csv"))
            case "tensorboard":
                loggers.append(TensorBoardLogger(folder, name="tensorboard"))
            case "wandb":
                require("wandb", "wandb")
                settings = config.logger
                loggers.append(
                    WandbLogger(
                        name=config.name,
                        save_dir=folder,
                        project=settings.project,
                        entity=settings.entity,
                        offline=settings.offline,
                        id=_wandb_id(folder),
                        resume="allow",
                    )
                )
    return loggers


def _wandb_id(folder: Path) -> str:
    """What wandb knows the run in the folder by, however often it is started."""
    path = folder / _WANDB_ID
    if not path.exists():
        write_bytes(path, secrets.token_hex(4).encode())
    return path.read_text("ascii")


def _callbacks(config: TrainConfig, folder: Path) -> list[Callback]:
    """Running average, checkpoints (the best by validation and the last), pictures, speed, progress bar."""
    callbacks: list[Callback] = [Speed(config.log_every)] if config.logger.kinds else []
    if config.ema_decay > 0:
        callbacks.append(EMAWeightAveraging(decay=config.ema_decay))
    if config.validate_every > 0:
        # One file, overwritten in place: with Lightning's version counter a resumed run would write best-v1.ckpt.
        best = ModelCheckpoint(
            dirpath=folder / _BEST.parent, filename=_BEST.stem, monitor=config.best_by, enable_version_counter=False
        )
        callbacks += [best, Pictures(folder)]
    # After the best one, so that it knows of it.
    callbacks.append(
        LastCheckpoint(folder / _LAST, every=config.checkpoint_every, validate_every=config.validate_every)
    )
    if config.progress:
        callbacks.append(TQDMProgressBar(refresh_rate=10))
    return callbacks
