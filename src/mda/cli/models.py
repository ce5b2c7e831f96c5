"""`mda models`: what can be loaded, under which licence, and where its weights are."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mda.models.presets import Preset

HELP = "list models: backbone, parameters, licences, where the weights are"
DESCRIPTION = (
    "List the models: number of parameters, licence of code and of weights, backbone, and where the weights are."
)

_TITLES = ("model", "parameters", "code", "weights", "here", "backbone")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def run(arguments: argparse.Namespace) -> int:  # noqa: ARG001 - the signature of every command
    """Print the table, then where each weights file is or comes from."""
    from mda.inference.loading import find_weights  # noqa: PLC0415 - imports torch
    from mda.models.presets import PRESETS  # noqa: PLC0415

    files = {preset.name: find_weights(preset) for preset in PRESETS.values()}
    rows = [_TITLES, *(_row(preset, files[preset.name]) for preset in PRESETS.values())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()
    for preset in PRESETS.values():
        print(f"{preset.name}: {preset.title}.")
        print(f"    weights: {_where(preset, files[preset.name])}")
        if preset.notes:
            print(f"    {preset.notes}")
    print("\nWeights that are not here: fetch the file, then `mda predict INPUT --model NAME --checkpoint FILE`.")
    return 0


def _row(preset: "Preset", file: Path | None) -> tuple[str, ...]:
    """A line of the table."""
    return (
        preset.name,
        f"{preset.parameters / 1e6:,.1f} M",
        preset.licence_code,
        preset.licence_weights or "-",
        "no" if file is None else "yes",
        preset.backbone,
    )


def _where(preset: "Preset", file: Path | None) -> str:
    """Where the weights are, or come from."""
    terms = "" if preset.commercial else "; not for commercial use"
    if file is not None:
        return f"{file}{terms}"
    if preset.source is None:
        return "none are published"
    return f"{preset.source.file} from https://huggingface.co/{preset.source.repo}{terms}"
