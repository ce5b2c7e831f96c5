"""In which arithmetic a backbone runs."""

from contextlib import AbstractContextManager
from enum import StrEnum

import torch


class Precision(StrEnum):
    """Arithmetic of the backbone; heads and cameras always run in the precision of their weights."""

    AUTO = "auto"
    """bfloat16 on CUDA, float32 elsewhere."""
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"

    def autocast(self, device: torch.device) -> AbstractContextManager:
        """Context in which the backbone runs on that device."""
        half = self is Precision.BFLOAT16 or (self is Precision.AUTO and device.type == "cuda")
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=half)
