"""torch.compile; by its own stand-in for a compiler, because the real one takes minutes on a processor."""

import os
import subprocess
import sys
from pathlib import Path

import mda

# In a process of its own: the checks of shapes that tests run under cannot be traced.
SCRIPT = """
import torch
from mda.training.building import build_network
from mda.training.config import NetworkConfig

torch.manual_seed(0)
network = build_network(NetworkConfig(preset="mda_tiny")).eval()
names, images = list(network.state_dict()), torch.rand(1, 2, 3, 32, 48)
expected = network(images)
network.compile(backend="eager")
found = network(images)
print("keys", list(network.state_dict()) == names)
print("same", torch.allclose(found.mixture.locs, expected.mixture.locs, atol=1e-5))
found.mixture.locs.sum().backward()
print("learns", any(parameter.grad is not None for parameter in network.parameters()))
"""


def test_a_compiled_network_is_the_same_network():
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(mda.__file__).parents[1])},
    )
    assert done.stdout.splitlines() == ["keys True", "same True", "learns True"], done.stderr
