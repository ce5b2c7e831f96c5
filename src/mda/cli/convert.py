"""`mda convert`: any weights file that can be read, as safetensors."""

import argparse
from pathlib import Path

from mda.cli.messages import amount

HELP = "write a checkpoint as safetensors under published names"
DESCRIPTION = """Write the weights of a checkpoint as safetensors, which cannot hold code and opens at once.

  mda convert DA3_MOG_Sky_LogL2.ckpt mda_mog_sky_l2.safetensors

Nothing in the checkpoint is executed. Its model is told from its content (or by
--model); every tensor must fit. Model and licence are named in the file's metadata."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add("checkpoint", metavar="CKPT", type=Path, help="weights file: .ckpt, .pt, .pth, .bin or .safetensors")
    add("out", metavar="OUT", type=Path, help="file to write, with the ending .safetensors")
    add("--model", metavar="NAME", help="see `mda models`; default: told from the content")
    add("--overwrite", action="store_true", help="replace OUT if it is there already")


def run(arguments: argparse.Namespace) -> int:
    """Convert, and say what was written.

    Raises:
        MdaError: the checkpoint cannot be used, or the file cannot be written.
    """
    from mda.models.converting import convert_weights  # noqa: PLC0415 - imports torch
    from mda.models.presets import find_preset  # noqa: PLC0415

    preset = None if arguments.model is None else find_preset(arguments.model)
    done = convert_weights(arguments.checkpoint, arguments.out, preset=preset, overwrite=arguments.overwrite)
    print(f"{amount(done.tensors, 'tensor')} of {done.preset.name}, {done.size / 1e6:,.1f} MB: {arguments.out}")
    terms = "" if done.preset.commercial else ", not for commercial use"
    print(f"Licence of the weights: {done.preset.licence_weights or 'unknown'}{terms}.")
    return 0
