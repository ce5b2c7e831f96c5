"""`mda`: find the command, run it, and turn what goes wrong into one line and an exit code.

Exit codes: 0 done (perhaps with warnings), 1 an error that is ours, 2 input that cannot work, 130 interrupted.
"""

import argparse
import difflib
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from mda import __version__
from mda.cli import app, compare, convert, data, download, evaluate, export, models, predict, synth, train, view
from mda.cli.messages import messages_on_stderr
from mda.errors import MdaError

_COMMANDS = {
    "predict": predict,
    "view": view,
    "export": export,
    "compare": compare,
    "app": app,
    "models": models,
    "download": download,
    "convert": convert,
    "data": data,
    "synth": synth,
    "train": train,
    "evaluate": evaluate,
}
# Named by the plan and not built yet: typing one gives a straight answer instead of a list of choices.
_LATER = {
    "batch": "run `mda predict` once per clip",
}
_REPORT = "This is a fault of mda; please report it with the output of the same command and --debug."


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like every other error of the program."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (see `{self.prog} --help`)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        argv: arguments after the program's name; those of the process by default.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments or os.environ.get("MDA_DEBUG", "0") not in {"", "0"}
    if arguments and not arguments[0].startswith("-") and arguments[0] not in _COMMANDS:
        return _unknown(arguments[0])
    parser = _parser()
    try:
        parsed = parser.parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    if parsed.command is None:
        parser.print_help()
        return 0
    parsed.command_line = shlex.join(["mda", *arguments])
    return _guarded(parsed, debug=debug)


def _guarded(parsed: argparse.Namespace, *, debug: bool) -> int:
    """Run the chosen command; errors become a line on stderr."""
    with messages_on_stderr(debug=debug):
        try:
            return _COMMANDS[parsed.command].run(parsed)
        except MdaError as error:
            _complain(str(error), debug=debug)
            return 2
        except KeyboardInterrupt as stop:
            _complain(str(stop) or "Interrupted.", debug=debug, kind="stopped")
            return 130
        except BrokenPipeError:
            # The reader of our output has gone (`mda models | head`); python would complain once more on exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except Exception as error:  # noqa: BLE001 - the last door: whatever it is, the user gets a line, not a traceback
            _complain(f"{type(error).__name__}: {error}\n{_REPORT}", debug=debug)
            return 1


def _complain(message: str, *, debug: bool, kind: str = "error") -> None:
    """Print an error, after its traceback if asked."""
    if debug:
        traceback.print_exc()
    print(f"{kind}: {message}", file=sys.stderr)


def _unknown(name: str) -> int:
    """Answer to a word that is no command."""
    if name in _LATER:
        print(f"error: `mda {name}` is not built yet. Until then: {_LATER[name]}.", file=sys.stderr)
        return 2
    close = difflib.get_close_matches(name, _COMMANDS, n=1)
    hint = f"did you mean `mda {close[0]}`?" if close else f"commands are {', '.join(_COMMANDS)}."
    print(f"error: there is no command `{name}`; {hint}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    """The parser of all commands; building it imports nothing heavy."""
    parser = _Parser(
        prog="mda",
        description="Depth maps, cameras and point clouds without flying points.",
        epilog="`mda COMMAND --help` tells more. Start with: mda predict PHOTO_FOLDER",
    )
    parser.add_argument("--version", action="version", version=f"mda {__version__}")
    shared = _Parser(add_help=False)
    shared.add_argument("--debug", action="store_true", help="show tracebacks and debug messages (or MDA_DEBUG=1)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, module in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.DESCRIPTION,
            parents=[shared],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
