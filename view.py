"""`python view.py --data_dir DIR`: `mda view` behind the flags of the published release's viewer."""

import argparse
import sys
from collections.abc import Sequence

from mda.cli.main import main as mda


def main(argv: Sequence[str] | None = None) -> int:
    """Translate the flags and run `mda view`; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, epilog="`mda view --help` knows more.")
    parser.add_argument("--data_dir", required=True, help="a run, a folder of runs, or a folder of scenes with runs")
    parser.add_argument("--method", help="only runs whose folder has this name")
    parser.add_argument("--port", default="8080", help="default 8080")
    parser.add_argument("--initial_max_points", default="1500000", help="points to load; default 1500000")
    parser.add_argument("--screenshot_dir", help="folder for screenshots and videos; default: downloads")
    parser.add_argument("--up_direction", default="-y", help="--up_direction=-y (default), +z ...")
    flags = parser.parse_args(argv)
    command = ["view", flags.data_dir, "--port", flags.port, "--max-points", flags.initial_max_points]
    command += [f"--up={flags.up_direction}"]
    if flags.method:
        command += ["--method", flags.method]
    if flags.screenshot_dir:
        command += ["--out", flags.screenshot_dir]
    return mda(command)


if __name__ == "__main__":
    sys.exit(main())
