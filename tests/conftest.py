"""Settings of the whole test suite: shapes are checked at run time, one torch thread per worker."""

import os

import pytest
import torch
from jaxtyping import install_import_hook

# Every function of the package has the shapes in its signature checked while tests run.
install_import_hook("mda", "beartype.beartype")

# Workers of a parallel run share the cores; threads that spin would make each other many times slower.
if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
