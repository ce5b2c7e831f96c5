"""Install the project with everything its tests need into the environment that runs this script (`make .venv`).

PyTorch comes first: where there is no NVIDIA driver, the release pinned in constraints.txt is installed by name, so
that no other package pulls in another build.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def pip(*arguments: str) -> None:
    """Run pip of this environment and stop at its first error."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *arguments], check=True, cwd=ROOT)  # noqa: S603


def pinned(name: str) -> str:
    """The requirement of the given package in constraints.txt."""
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line.startswith(f"{name}=="):
            return line.strip()
    message = f"constraints.txt does not pin {name}"
    raise SystemExit(message)


if __name__ == "__main__":
    pip(pinned("torch"))
    pip("--constraint", "constraints.txt", "--editable", ".[dev]")
