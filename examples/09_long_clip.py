"""A clip with more views than fit in memory: windows that overlap, joined to one world, resumable at any view.

    python examples/09_long_clip.py holiday.mp4 --fps 5 --max-views 16
    python examples/09_long_clip.py                       # renders a clip of twelve views, looked at four at a time

`mda predict holiday.mp4 --memory 8` does the same and chooses the size of the windows itself.
"""

import argparse
from pathlib import Path

import mda
from mda.inference.runs import RunSettings, predict_to_run
from mda.io.archive import load_run
from mda.io.clips import list_inputs
from mda.io.clouds import CloudFilter, RunCloud
from mda.synthetic import write_scenes

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("clip", type=Path, nargs="?", help="video, or folder of images in order")
parser.add_argument("--out", type=Path, default=Path("eval_results/examples/09_long_clip"))
parser.add_argument("--fps", type=float, default=5.0, help="views per second of a video")
parser.add_argument("--max-views", type=int, default=4, help="views looked at together")
parser.add_argument("--overlap", type=int, help="views that a window shares with those before; default: a quarter")
parser.add_argument("--size", type=int, help="longer side of the views in pixels; default: the model's own")
options = parser.parse_args()

path = options.clip
if path is None:
    path = write_scenes(options.out / "scene", clips=1, views=12, image_hw=(96, 128), seed=11)[0] / "color"
clip = list_inputs([path]).clips[0]

# `model.predict` keeps everything in memory. This writes view by view: memory does not grow with the clip, and the same
# call goes on where it was stopped.
settings = RunSettings(
    size=options.size, fps=options.fps, max_views=options.max_views, overlap=options.overlap, order="sequence"
)
done = 0


def show(count: int) -> None:
    """Say how far it is."""
    global done  # noqa: PLW0603 - the state of a program of one page
    done += count
    print(f"  {done} views")


report = predict_to_run(mda.load("mda_mini"), clip, options.out / "run", settings, on_progress=show)
print(f"{report.views} views in {report.seconds:.1f} s, {report.kept} of them were there before: {report.folder}")

# How well do the windows fit together? Each joint tells what both windows said of the views they share.
run = load_run(report.folder)
for joint in run.info.details.get("joints", []):
    print("  joint: " + ", ".join(f"{name} {value:.4g}" for name, value in joint.items()))

# Views are read one at a time here, too.
travelled = run.cameras().world_from_cam[:, :3, 3].diff(dim=0).norm(dim=-1).sum()
print(f"The camera travelled {travelled:.2f} in units of the clip.")
print(f"One point per cube of side 0.02 leaves {len(RunCloud(run, CloudFilter(voxel=0.02))):,} points.")
