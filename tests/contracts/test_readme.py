"""What the README shows runs as shown.

Fences opened with ```bash run or ```python run are run one after the other in one new folder that holds what a reader
is supposed to have: `my_photos/`, `a.jpg`, `b.jpg`, `holiday.mp4`, and the environment as `.venv`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import photo
from tests.cli.test_bad_input import video
from tests.contracts.fences import Fence, runnable_fences

README = Path(__file__).resolve().parents[2] / "README.md"
SECONDS = 240


def run_fence(fence: Fence, folder: Path) -> subprocess.CompletedProcess:
    commands = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(  # noqa: S603
        [*commands[fence.language], fence.code],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def reader_has(folder: Path) -> None:
    """What the README takes for granted."""
    (folder / "my_photos").mkdir()
    for number in range(3):
        photo(folder / "my_photos" / f"{number}.jpg", hw=(96, 128), seed=number)
    for number, name in enumerate(("a.jpg", "b.jpg")):
        photo(folder / name, hw=(96, 128), seed=number)
    video(folder / "holiday.mp4", frames=8)
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])


def test_what_the_readme_shows_runs(tmp_path):
    fences = runnable_fences(README.read_text(encoding="utf-8"))
    assert fences, "README.md has no fence marked as runnable"
    reader_has(tmp_path)
    for fence in fences:
        done = run_fence(fence, tmp_path)
        where = f"README.md line {fence.line}:\n{fence.code}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, where


def test_fences_are_found():
    text = "a\n```bash run\nmda --help\n```\n```bash\nrm -r /\n```\nb\n```python run\nx = 1\n\ny = 2\n```\n"
    assert runnable_fences(text) == [
        Fence("bash", "mda --help\n", 2),
        Fence("python", "x = 1\n\ny = 2\n", 9),
    ]


@pytest.mark.parametrize(
    ("language", "good", "bad"), [("bash", "mda --version", "false; true"), ("python", "import mda", "1 / 0")]
)
def test_a_fence_that_fails_is_noticed(tmp_path, language, good, bad):
    assert run_fence(Fence(language, good, 1), tmp_path).returncode == 0
    assert run_fence(Fence(language, bad, 1), tmp_path).returncode != 0
