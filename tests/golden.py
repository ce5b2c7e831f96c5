"""Where the recorded numbers of the published release lie; a user's clone does not have them."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared"


def golden_dir() -> Path:
    """Folder of recorded cases: `$MDA_GOLDEN_DIR`, else `../shared/golden`."""
    return Path(os.environ.get("MDA_GOLDEN_DIR", _BESIDE / "golden"))


def golden_weights_dir() -> Path:
    """Folder of their weights and configurations: `$MDA_GOLDEN_WEIGHTS_DIR`, else the folder of the cases."""
    return Path(os.environ.get("MDA_GOLDEN_WEIGHTS_DIR", golden_dir()))


def examples_dir() -> Path:
    """Folder of example photographs: `$MDA_EXAMPLES_DIR`, else `../shared/examples`."""
    return Path(os.environ.get("MDA_EXAMPLES_DIR", _BESIDE / "examples"))


def golden_params(pattern: str) -> list:
    """Recorded files of the pattern as pytest parameters; one skipped parameter with the reason if there are none."""
    files = sorted(golden_dir().glob(pattern))
    if files:
        return [pytest.param(file, id=file.name) for file in files]
    reason = f"no {pattern} in {golden_dir()} (recorded numbers are not part of a clone; set MDA_GOLDEN_DIR)"
    return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="absent")]
