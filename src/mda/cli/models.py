"""`mda models`: what can be loaded, under which licence, and where its weights are."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mda.models.presets import Preset

HELP = "list models: backbone, parameters, size, licences, where the weights are"
DESCRIPTION = """List the models: number of parameters, size, licence of code and of weights, where the weights come
from, whether they are here, and the backbone. The size of weights that are not here is
that of 32-bit numbers."""

_TITLES = ("model", "parameters", "size", "code", "weights", "source", "here", "backbone")
_BYTES_OF_NUMBER = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--commercial", action="store_true", help="only those that may be used commercially")


def run(arguments: argparse.Namespace) -> int:
    """Print the table, then where each weights file is or comes from."""
    from mda.inference.loading import find_weights  # noqa: PLC0415 - imports torch
    from mda.models.presets import PRESETS  # noqa: PLC0415

    presets = [preset for preset in PRESETS.values() if preset.commercial or not arguments.commercial]
    files = {preset.name: find_weights(preset) for preset in presets}
    rows = [_TITLES, *(_row(preset, files[preset.name]) for preset in presets)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()
    for preset in presets:
        print(f"{preset.name}: {preset.title}.")
        print(f"    weights: {_where(preset, files[preset.name])}")
        if preset.notes:
            print(f"    {preset.notes}")
    print(
        "\nWeights that are not here: `mda download NAME` fetches them (so does the first use); or fetch the file "
        "yourself, then `mda predict INPUT --model NAME --checkpoint FILE`."
    )
    return 0


def _row(preset: "Preset", file: Path | None) -> tuple[str, ...]:
    """A line of the table."""
    return (
        preset.name,
        f"{preset.parameters / 1e6:,.1f} M",
        _size(preset, file),
        preset.licence_code,
        preset.licence_weights or "-",
        _source(preset, file),
        "no" if file is None else "yes",
        preset.backbone,
    )


def _size(preset: "Preset", file: Path | None) -> str:
    """Size of the weights file; where it is not here, about."""
    if file is not None:
        return f"{file.stat().st_size / 1e6:,.0f} MB"
    if preset.licence_weights is None:
        return "-"
    return f"~{preset.parameters * _BYTES_OF_NUMBER / 1e6:,.0f} MB"


def _source(preset: "Preset", file: Path | None) -> str:
    """Where the weights come from, in a word."""
    if preset.source is not None:
        return preset.source.repo
    return "-" if file is None else "ships with mda"


def _where(preset: "Preset", file: Path | None) -> str:
    """Where the weights are, or come from."""
    terms = "" if preset.commercial else "; not for commercial use"
    if file is not None:
        return f"{file}{terms}"
    if preset.source is None:
        return "none are published"
    return f"{preset.source.file} from https://huggingface.co/{preset.source.repo}{terms}"
