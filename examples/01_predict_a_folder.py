"""Depth, cameras and a point cloud from a folder of photos, or from a video.

    python examples/01_predict_a_folder.py my_photos/ --out my_run
    python examples/01_predict_a_folder.py                 # no photos at hand? renders a small clip first

`mda predict my_photos/ --out my_run` does the same from the command line.
"""

import argparse
from pathlib import Path

import mda
from mda.synthetic import write_scenes

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("photos", type=Path, nargs="?", help="folder of photos of one place, or a video")
parser.add_argument("--out", type=Path, default=Path("eval_results/examples/01_predict"), help="folder of the run")
parser.add_argument("--model", default="mda_mini", help="see `mda models`")
parser.add_argument("--size", type=int, help="longer side of the views in pixels; default: the model's own")
options = parser.parse_args()

photos = options.photos
if photos is None:
    scene = write_scenes(options.out / "scene", clips=1, views=4, image_hw=(192, 256), seed=7)[0]
    photos = scene / "color"

model = mda.load(options.model)
prediction = model.predict(photos, size=options.size)

# Everything is a tensor with the views first. Depth is z along the optical axis, in an unknown but common unit.
views, height, width = prediction.depth.shape
print(f"{views} views of {width} x {height} pixels by {prediction.model}, decoder {prediction.decoder}")
for number, name in enumerate(prediction.names):
    depth, camera = prediction.depth[number], prediction.cameras[number]
    sky = "" if prediction.sky is None else f", sky {prediction.sky[number].float().mean():.0%}"
    x, y, z = camera.world_from_cam[:3, 3].tolist()
    print(
        f"  {name}: depth {depth.min():.2f} to {depth.max():.2f}{sky}, "
        f"focal length {camera.intrinsics[0, 0]:.0f} px, camera at ({x:+.2f}, {y:+.2f}, {z:+.2f})"
    )

cloud = prediction.points()  # sky is left out
print(f"{len(cloud.positions):,} points: positions {tuple(cloud.positions.shape)}, colours {tuple(cloud.colors.shape)}")

# A run is a folder of plain files: .npy depth, .png colours, .npz cameras. docs/archive.md tells them all.
run = prediction.save(options.out / "run", save_mixture=True, overwrite=True)
print(f"Saved as {run}; look at {run / 'preview.png'} first.")
