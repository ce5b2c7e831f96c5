"""Settings of the whole test suite: shapes are checked at run time, one torch thread per worker."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

from tests.local_hub import LocalHub

# Every function of the package has the shapes in its signature checked while tests run.
install_import_hook("mda", "beartype.beartype")

# Workers of a parallel run share the cores; threads that spin would make each other many times slower.
if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _offline(monkeypatch) -> None:
    """No test reaches for the network."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch) -> Iterator[LocalHub]:
    """A Hub on this machine that the library talks to, with an empty cache."""
    constants = pytest.importorskip("huggingface_hub.constants")
    utils = pytest.importorskip("huggingface_hub.utils")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    # The local server speaks the older of the Hub's two ways to upload.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    # What has come of the last piece is lost when a connection is cut; files of tests are smaller than a usual piece.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100_000)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub_cache"))
    monkeypatch.setenv("HF_TOKEN", LocalHub.TOKEN)
    utils.close_session()
    with LocalHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub
    utils.close_session()
