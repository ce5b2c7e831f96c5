"""MVS-Synth: 120 sequences of 100 frames from a game set in a city."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import damaged, read_colour, read_exr, read_json
from mda.data.files import Files
from mda.data.sources.common import FoldersLayout, folders_like, frames_of, proper
from mda.data.sources.tables import inverse_pose
from mda.data.view_sampling import ViewSampling
from mda.data.views import DepthRule, FileCamera, RawView, make_view

# What has no surface is infinitely far; some of it is glass and cut-out leaves, so it is not called sky.
_RULE = DepthRule(far=1e4)


@dataclass(frozen=True)
class _Original:
    """As downloaded (GTAV_540, _720, _1080): pictures, EXR depth, one JSON file per camera."""

    name: str = "original"
    expected: str = "NNNN/{images/*.png, depths/*.exr, poses/*.json} (also below GTAV_*)"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        del split
        for above in ((), ("GTAV_*",)):
            for folder in folders_like(files, *above, "[0-9]*"):
                scene = Scene(name=folder, folder=folder, frames=())
                yield replace(scene, frames=frames_of(files, *self.members(scene, "*").values()))

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        return {
            "image": f"{scene.folder}/images/{frame}.png",
            "depth": f"{scene.folder}/depths/{frame}.exr",
            "camera": f"{scene.folder}/poses/{frame}.json",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        camera = read_json(files, paths["camera"])
        try:
            fx, fy, cx, cy = (float(camera[key]) for key in ("f_x", "f_y", "c_x", "c_y"))
            extrinsic = np.array(camera["extrinsic"], np.float64).reshape(4, 4)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(files, paths["camera"], error) from error
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=read_exr(files, paths["depth"]),
            camera=FileCamera(
                intrinsics=np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
                # The game's world is mirrored in some of the files.
                world_from_cam=proper(inverse_pose(extrinsic)),
                path=paths["camera"],
            ),
            rule=_RULE,
        )


MVS_SYNTH = SourceInfo(
    name="mvs_synth",
    title="MVS-Synth",
    licence="research only, see its page",
    link="https://phuang17.github.io/DeepMVS/mvs-synth.html",
    unit="unit of the game, about 1 m",
    sky="not labelled",
    layouts=(FoldersLayout(folders=("*",), images=(".jpg", ".png"), rule=_RULE), _Original()),
    sampling=ViewSampling(steps=(1, 4), video=0.5, even=0.5, block=16),
    folder="mvs_synth_cut3r",
    place_levels=-1,  # sizes of one place are folders beside each other
)
