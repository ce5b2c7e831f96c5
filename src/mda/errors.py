"""The errors a user may meet. Each message says what went wrong, what was expected, and the remedy."""


class MdaError(Exception):
    """Base of every error that `mda` raises on purpose; the command line prints it without a traceback."""


class InputError(MdaError):
    """A file, folder or option from the user cannot be used; the message names it."""


class RemoteError(MdaError):
    """Another machine does not give what it should (connection, rights, a file replaced); the message names the URL.

    Not an `InputError`, which costs one frame: without its connection a training run stops, and goes on later.
    """


class OutputError(MdaError):
    """A result cannot be written (folder not writable, disk full, path taken); the message names the path."""


class CheckpointError(MdaError):
    """A weights file is missing, damaged, foreign, or does not fit the network."""


class ConfigError(MdaError):
    """A setting has a value that cannot work."""


class MissingExtraError(MdaError):
    """An optional dependency is not installed; the message names the extra to install."""
