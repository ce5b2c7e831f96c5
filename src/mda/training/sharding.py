"""How processes share the work: each with the whole network, or with a shard of its parameters."""

from datetime import timedelta

import torch
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy, Strategy
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from mda.errors import ConfigError
from mda.models.layers import Block
from mda.training.config import TrainConfig
from mda.training.module import DepthModule


class ShardedDepthModule(DepthModule):
    """The same training, with parameters sharded over the processes block by block (PyTorch's FSDP2)."""

    def configure_model(self) -> None:
        """Shard; Lightning calls this once the processes know each other, and again for each stage."""
        if self.device_mesh is None or getattr(self, "_is_sharded", False):
            return
        mesh = self.device_mesh["data_parallel"]
        for module in self.network.modules():
            if isinstance(module, Block):
                fully_shard(module, mesh=mesh)
        fully_shard(self.network, mesh=mesh)
        self._is_sharded = True


def find_strategy(config: TrainConfig) -> Strategy | str:
    """Lightning's strategy for the settings.

    Raises:
        ConfigError: it does not go together with other settings.
    """
    trainer = config.trainer
    timeout = timedelta(minutes=trainer.timeout_minutes)
    if trainer.strategy == "fsdp":
        if config.ema_decay > 0:
            message = "A running average needs the whole network in each process: set ema_decay=0 with fsdp."
            raise ConfigError(message)
        return ModelParallelStrategy(
            data_parallel_size=trainer.devices * trainer.nodes,
            tensor_parallel_size=1,
            save_distributed_checkpoint=False,
            timeout=timeout,
        )
    if trainer.strategy == "auto" and trainer.devices * trainer.nodes == 1:
        return "auto"
    # Which branches a loss reaches depends on what is labelled in the batch of each process.
    return DDPStrategy(find_unused_parameters=True, timeout=timeout)


def whole_state(module: nn.Module) -> dict[str, torch.Tensor]:
    """State dict of a network that may be sharded; whole in every process. All processes must ask."""
    state = module.state_dict()
    return {name: tensor.full_tensor() if isinstance(tensor, DTensor) else tensor for name, tensor in state.items()}
