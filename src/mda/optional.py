"""Import of optional dependencies with a message that tells how to install them."""

import importlib
from types import ModuleType

from mda.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Import `module`, which belongs to the optional dependencies `extra`.

    Raises:
        MissingExtraError: the module is not installed; the message holds the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # Only the asked-for package being absent means "extra not installed"; a failure inside it is a real error.
        if error.name is None or error.name.split(".")[0] != module.split(".", maxsplit=1)[0]:
            raise
        message = f'`{module}` is needed for this and is not installed. Install it with: pip install "mda[{extra}]"'
        raise MissingExtraError(message) from error
