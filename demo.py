"""`python demo.py INPUT`: `mda predict` behind the flags of the published release's demo."""

import argparse
import importlib.util
import sys
from collections.abc import Sequence

from mda.cli.main import main as mda
from mda.cli.predict import DEFAULT_MODEL


def main(argv: Sequence[str] | None = None) -> int:
    """Translate the flags and run `mda predict`; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, epilog="`mda predict --help` knows more.")
    parser.add_argument("input_path", metavar="INPUT", help="folder of images, video, or image")
    parser.add_argument("--output_dir", default="", help="default eval_results/demo/<input name>")
    parser.add_argument("--fps", default="15", help="views per second taken from a video; default 15")
    parser.add_argument("--image_stride", default="1", help="take every n-th view; default 1")
    parser.add_argument("--model_name", default=DEFAULT_MODEL, help=f"default {DEFAULT_MODEL}; also mda_mog_sky_l2 ...")
    parser.add_argument("--size", help="longer side of the views; default: the model's own")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier run")
    parser.add_argument(
        "--viewer", action=argparse.BooleanOptionalAction, default=True, help="open the viewer at the end"
    )
    parser.add_argument("--viewer_port", default="8080", help="port of the viewer; default 8080")
    parser.add_argument("--viewer_up_direction", default="-y", help="--viewer_up_direction=-y (default), +z ...")
    flags = parser.parse_args(argv)
    command = [
        "predict",
        flags.input_path,
        "--fps",
        flags.fps,
        "--stride",
        flags.image_stride,
        "--model",
        flags.model_name,
    ]
    if flags.output_dir:
        command += ["--out", f"{flags.output_dir.rstrip('/')}/{flags.model_name}"]
    if flags.size:
        command += ["--size", flags.size]
    if flags.overwrite:
        command += ["--overwrite"]
    if flags.viewer and importlib.util.find_spec("viser") is None:
        print('The viewer needs `pip install "mda[viewer]"`; going on without it (as with --no-viewer).')  # noqa: T201
    elif flags.viewer:
        command += ["--view", f"--view-port={flags.viewer_port}", f"--view-up={flags.viewer_up_direction}"]
    return mda(command)


if __name__ == "__main__":
    sys.exit(main())
