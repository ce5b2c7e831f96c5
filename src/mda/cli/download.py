"""`mda download`: weights from the Hugging Face Hub into its cache."""

import argparse

HELP = "fetch weights from the Hugging Face Hub into its cache"
DESCRIPTION = """Fetch the weights of a model from the Hugging Face Hub into its cache, where all commands find them.

  mda download mda_mog_sky_l2
  mda download owner/name

A stopped download goes on where it stopped; the checksum is checked at the end.
HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are respected.

Needs the extra: pip install "mda[hub]"."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add("model", metavar="NAME", help="see `mda models`, or a repository owner/name that push_to_hub wrote")
    add("--commercial", action="store_true", help="refuse weights that may not be used commercially")
    add("--update", action="store_true", help="look for a newer version even if the weights are here")


def run(arguments: argparse.Namespace) -> int:
    """Fetch the weights, and say where they are and under which licence.

    Raises:
        MdaError: there is no such model, or it cannot be fetched.
        KeyboardInterrupt: stopped by the user; the message says how to go on.
    """
    from mda.inference.loading import check_commercial, find_model  # noqa: PLC0415 - imports torch

    try:
        model = find_model(arguments.model, update=arguments.update, announce=print)
        if arguments.commercial:
            check_commercial(model.preset)
        file = model.weights()
    except KeyboardInterrupt as stop:
        message = "Interrupted. What came so far is kept; the same command goes on from there."
        raise KeyboardInterrupt(message) from stop
    print(file)
    terms = "" if model.preset.commercial else ", not for commercial use"
    print(f"Licence of the weights: {model.preset.licence_weights or 'unknown'}{terms}.")
    print(f"Use them: mda predict INPUT --model {arguments.model}")
    return 0
