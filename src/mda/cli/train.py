"""`mda train`: hands the recipe and its overrides to the training package."""

import argparse

from mda.optional import require

HELP = "train a model: experiment=mda/mini_mog_sky [any.field=value ...]"
DESCRIPTION = """Train a model by a recipe; settings follow as field=value (Hydra's grammar).

  mda train experiment=mda/mini_mog_sky                  minutes on two cores
  mda train experiment=mda/da3_mog_sky_full trainer.devices=4 data.num_views=8 logger=wandb
  mda train experiment=mda_mini steps=100 data.views_per_batch=4 folder=/tmp/run

Needs the extra: pip install "mda[train]"."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "settings", nargs=argparse.REMAINDER, metavar="FIELD=VALUE", help="the recipe and its overrides"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train.

    Raises:
        MissingExtraError: the training dependencies are not installed.
    """
    for module in ("hydra", "lightning"):
        require(module, "train")
    from mda.training.main import main  # noqa: PLC0415 - lightning takes seconds to import

    return main([setting for setting in arguments.settings if setting != "--debug"])
