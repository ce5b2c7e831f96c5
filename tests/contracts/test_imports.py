"""Importing is cheap, and nothing optional is needed unless it is used."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import mda

SOURCE = Path(mda.__file__).parent
# Top-level modules of what only an extra (or the tests) brings along.
OPTIONAL = (
    "aiohttp",
    "hydra",
    "omegaconf",
    "lightning",
    "tensorboard",
    "viser",
    "gradio",
    "scipy",
    "small_gicp",
    "ray",
    "huggingface_hub",
    "beartype",
    "pytest",
)


def python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(  # noqa: S603
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def cpu_seconds(*arguments: str) -> float:
    """User and system time of a process, which other work on the machine hardly changes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = python(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_help_takes_less_than_a_second():
    assert cpu_seconds("-m", "mda.cli.main", "--help") < 1


def test_importing_mda_brings_no_heavy_library():
    heavy = {"torch", "numpy", "PIL", "av", "numba", "jaxtyping", "safetensors", "plyfile"}
    code = f"import sys, mda; mda.__version__; dir(mda); sys.exit(', '.join({heavy!r} & set(sys.modules)) or None)"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command", ["predict", "view", "models", "download", "convert", "synth", "train", "app", "export"]
)
def test_help_of_a_command_brings_no_heavy_library(command):
    code = (
        "import sys\nfrom mda.cli.main import main\n"
        f"main([{command!r}, '--help'])\n"
        "sys.exit(', '.join({'torch', 'numpy', 'PIL', 'av', 'numba'} & set(sys.modules)) or None)"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr


def modules() -> list[str]:
    names = [
        ".".join(["mda", *path.relative_to(SOURCE).with_suffix("").parts]).removesuffix(".__init__")
        for path in sorted(SOURCE.rglob("*.py"))
    ]
    # The homes of Lightning and Hydra, viser, and ray.
    homes = ("mda.training", "mda.viewer", "mda.batch")
    return [name for name in names if not name.startswith(homes)]


def test_without_extras_everything_but_training_can_be_imported():
    code = f"""
import importlib, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {OPTIONAL!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
for name in {modules()!r}:
    importlib.import_module(name)
from mda.cli.main import main
assert main(["--help"]) == 0
sys.exit(main(["train", "experiment=mda_mini"]))
"""
    done = python("-c", code)
    assert done.returncode == 2, done.stderr
    assert 'pip install "mda[train]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_the_console_script_is_there():
    script = Path(sys.executable).with_name("mda")
    if not script.exists():
        pytest.skip("mda is not installed in this environment, only on the path")
    done = subprocess.run([str(script), "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == f"mda {mda.__version__}\n"
