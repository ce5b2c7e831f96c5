"""The notebook runs from top to bottom in a fresh kernel."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.event_loops import closed_loops

TOUR = Path(__file__).resolve().parents[2] / "examples" / "tour.ipynb"


@pytest.mark.filterwarnings("default")  # kernel and client have warnings of their own
def test_tour(tmp_path, monkeypatch):
    monkeypatch.setenv("MDA_TOUR_SIZE", "64")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    notebook = nbformat.read(TOUR, as_version=4)
    with closed_loops():
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "".join(output.get("text", "") for output in outputs)
    assert "depth (3, 48, 64), decoder heaviest" in said
    assert "flying points" in said
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 4
    assert (tmp_path / "tour_run" / "exports" / "points.ply").exists()


def test_the_notebook_is_committed_without_outputs():
    notebook = nbformat.read(TOUR, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
