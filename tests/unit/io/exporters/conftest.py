"""The run that most exports are made from."""

import pytest

from tests.unit.io.exporters.scenes import turned_run


@pytest.fixture
def run(tmp_path):
    """Three views that look anywhere, with sky, confidence and mixtures."""
    return turned_run(tmp_path / "a run ü")
