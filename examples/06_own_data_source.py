"""Read a data set of your own: describe its files once; checking, cutting to size and scoring then come for free.

    python examples/06_own_data_source.py my_captures/
    python examples/06_own_data_source.py                    # writes two small captures of that form first

The files: CAPTURE/NUMBER.jpg, CAPTURE/NUMBER.png (depth, 16 bits, millimetres, 0 where unknown), CAPTURE/cameras.json
({NUMBER: {"fx", "fy", "cx", "cy", "world_from_cam"}}). The readers that ship with mda (`mda data list`) look alike.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import mda
from mda.data.check import check_source
from mda.data.contract import Scene, SourceInfo, open_source
from mda.data.decode import read_colour, read_json, read_levels
from mda.data.files import Files
from mda.data.prepare import prepare_view
from mda.data.view_sampling import ViewSampling
from mda.data.views import DepthRule, FileCamera, RawView, make_view
from mda.metrics import abs_rel, align_scale
from mda.synthetic import render_clip

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("captures", type=Path, nargs="?")
parser.add_argument("--out", type=Path, default=Path("eval_results/examples/06_captures"), help="of captures made now")
parser.add_argument(
    "--image-size", type=int, nargs=2, default=(128, 160), metavar=("H", "W"), help="views are cut to it"
)
options = parser.parse_args()


class CapturesLayout:
    """How the files lie on disk. No state: loader processes share it."""

    name = "original"
    expected = "CAPTURE/{cameras.json, *.jpg, *.png}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        """One scene per capture, its frames in order of time."""
        for folder in files.folders(""):
            frames = tuple(name[:-4] for name in files.names(folder) if name.endswith(".jpg"))
            yield Scene(name=folder, folder=folder, frames=frames)

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        """Files of a frame: what is missing is found out when the data set is opened, not in the middle of training."""
        stem = f"{scene.folder}/{frame}"
        return {"image": f"{stem}.jpg", "depth": f"{stem}.png", "cameras": f"{scene.folder}/cameras.json"}

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        """Read a frame; `make_view` checks it and brings it to the conventions of mda."""
        paths = self.members(scene, frame)
        camera = read_json(files, paths["cameras"])[frame]
        intrinsics = [[camera["fx"], 0, camera["cx"]], [0, camera["fy"], camera["cy"]], [0, 0, 1]]
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=read_levels(files, paths["depth"]) * np.float32(0.001),
            camera=FileCamera(intrinsics=np.array(intrinsics), world_from_cam=np.array(camera["world_from_cam"])),
            rule=DepthRule(),  # far is just far, and nobody says what is sky
        )


CAPTURES = SourceInfo(
    name="captures",
    title="My captures",
    licence="mine",
    link="file:my_captures",
    unit="m",
    sky="not labelled",
    layouts=(CapturesLayout(),),
    sampling=ViewSampling(steps=(1, 2)),
)


def write_capture(folder: Path, seed: int) -> None:
    """A rendered clip in the files described above."""
    folder.mkdir(parents=True, exist_ok=True)
    clip, cameras = render_clip(seed, views=3, image_hw=(144, 192)), {}
    for number in range(clip.num_views):
        Image.fromarray(clip.images[number]).save(folder / f"{number:03}.jpg", quality=95)
        millimetres = np.where(clip.valid[number], clip.depth[number] * 1000, 0).clip(0, 65535)
        Image.fromarray(millimetres.astype(np.uint16)).save(folder / f"{number:03}.png")
        (fx, _, cx), (_, fy, cy), _ = clip.intrinsics[number].tolist()
        pose = clip.world_from_cam[number].tolist()
        cameras[f"{number:03}"] = {"fx": fx, "fy": fy, "cx": cx, "cy": cy, "world_from_cam": pose}
    (folder / "cameras.json").write_text(json.dumps(cameras))


if options.captures is None:
    for seed in (3, 4):
        write_capture(options.out / f"capture_{seed}", seed)
opened = open_source(CAPTURES, options.captures or options.out)
print(f"{len(opened.scenes)} captures, {opened.num_frames} complete frames, {len(opened.missing)} missing files")

# Do depth and cameras belong together? Points of one view are carried into the next.
report = check_source(opened)
agreement = "unknown" if report.agreement is None else f"{report.agreement:.0%}"
print(f"depth 2 %, 50 %, 98 %: {report.depth_range}; neighbours agree on {agreement} of the points")
for message in report.broken:
    print(f"  broken: {message}")

# Views cut to one size with their cameras, and a model scored on them.
model = mda.load("mda_mini")
for scene in opened.scenes:
    views = [prepare_view(opened.view(scene, frame), tuple(options.image_size)) for frame in scene.frames]
    found = model.predict([view.image for view in views], size=max(options.image_size)).depth
    truth, valid = (torch.from_numpy(np.stack([getattr(view, name) for view in views])) for name in ("depth", "valid"))
    print(f"{scene.name}: AbsRel {abs_rel(found * align_scale(found, truth, valid), truth, valid).mean:.1%}")
