"""Take a run into other programs: the same filters for every format, and nothing is ever overwritten by accident.

    python examples/04_export.py my_run --format ply
    python examples/04_export.py                     # predicts a rendered clip first

`mda export my_run --format ply --edges 0.1` does the same from the command line.
"""

import argparse
from pathlib import Path

import mda
from mda.io.archive import load_run
from mda.io.clouds import CloudFilter, RunCloud
from mda.io.exporters import FORMATS, ExportSettings, export_run
from mda.synthetic import render_clip

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("run", type=Path, nargs="?", help="folder that `mda predict` wrote")
parser.add_argument("--format", nargs="+", default=["ply"], choices=list(FORMATS), metavar="NAME")
parser.add_argument("--out", type=Path, default=Path("eval_results/examples/04_export"))
parser.add_argument("--size", type=int, help="longer side of the views of a run made now")
options = parser.parse_args()

folder = options.run
if folder is None:
    images = list(render_clip(7, views=3, image_hw=(192, 256)).images)
    folder = mda.load("mda_mini").predict(images, size=options.size).save(options.out / "run", overwrite=True)

# A run is opened, not loaded: views are read when they are needed, so a run of any length fits in memory.
run = load_run(folder)
print(f"{len(run)} views by {run.info.model}")

# Which points are worth taking? Each filter says what it costs before anything is written.
for what, filters in {
    "all points but sky": CloudFilter(),
    "without the pixels at jumps of depth by more than 10 %": CloudFilter(edge_ratio=0.1),
    "without the 30 % of least confidence": CloudFilter(drop_percent=30.0),
    "one point per cube of side 0.05": CloudFilter(voxel=0.05),
    "20,000 points, evenly from all views": CloudFilter(max_points=20_000),
}.items():
    print(f"  {len(RunCloud(run, filters)):>9,}  {what}")

settings = ExportSettings(filters=CloudFilter(edge_ratio=0.1, drop_percent=10.0), normals=True)
for name in options.format:
    place = options.out / FORMATS[name].place
    report = export_run(run, name, place, settings, overwrite=True)
    print(f"{name}: {report.summary}: {report.path}")
    for problem in report.problems:
        print(f"  left out: {problem}")

print("All formats:")
for known in FORMATS.values():
    print(f"  {known.name:12} {known.what}" + (f' (pip install "mda[{known.extra}]")' if known.extra else ""))
