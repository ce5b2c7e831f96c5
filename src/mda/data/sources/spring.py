"""Spring: scenes of an animated film, with fine detail."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import as_float32, damaged, frame_number, read_colour, read_hdf5, read_mask
from mda.data.files import Files
from mda.data.sources.common import FoldersLayout, folders_like, frames_of
from mda.data.sources.tables import inverse_pose, number_table
from mda.data.view_sampling import ViewSampling
from mda.data.views import DepthRule, FileCamera, RawView, make_view

_RULE = DepthRule()
# Between the two cameras, in metres; disparity is stored for the corners of pixels, twice as many across and down.
_BASELINE, _STEP = 0.065, 2


@dataclass(frozen=True)
class _Original:
    """As downloaded: disparity in HDF5, cameras of a scene in two tables; sky maps are used where they are there."""

    name: str = "original"
    expected: str = (
        "SCENE/{frame_left/frame_left_*.png, disp1_left/disp1_left_*.dsp5, cam_data/{intrinsics,extrinsics}.txt} "
        "(also below train or spring/train)"
    )

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        del split
        for above in ((), ("train",), ("spring", "train")):
            for folder in folders_like(files, *above, "[0-9]*"):
                scene = Scene(name=folder, folder=folder, frames=())
                paths = self.members(scene, "*")
                yield replace(scene, frames=frames_of(files, paths["image"], paths["depth"]))

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        return {
            "image": f"{scene.folder}/frame_left/frame_left_{frame}.png",
            "depth": f"{scene.folder}/disp1_left/disp1_left_{frame}.dsp5",
            "intrinsics": f"{scene.folder}/cam_data/intrinsics.txt",
            "poses": f"{scene.folder}/cam_data/extrinsics.txt",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        number = frame_number(files, paths["image"], frame) - 1  # frames count from one
        inner, outer = number_table(files, paths["intrinsics"], 4), number_table(files, paths["poses"], 16)
        if not 0 <= number < min(len(inner), len(outer)):
            raise damaged(files, paths["poses"], f"it has no camera for frame {frame}")
        fx, fy, cx, cy = inner[number]
        corners = read_hdf5(files, paths["depth"], "disparity")
        if corners.ndim != 2:
            raise damaged(files, paths["depth"], f"its shape is {corners.shape}, expected (height, width)")
        disparity = np.abs(corners[::_STEP, ::_STEP])
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = as_float32(fx * _BASELINE / disparity)
        sky = None
        folder, picture = f"{scene.folder}/maps/skymap_left", f"skymap_left_{frame}.png"
        if picture in files.names(folder):
            sky = read_mask(files, f"{folder}/{picture}")[::_STEP, ::_STEP] > 0
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=depth,
            camera=FileCamera(
                intrinsics=np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
                world_from_cam=inverse_pose(outer[number].reshape(4, 4)),
                path=paths["poses"],
            ),
            rule=_RULE,
            sky=sky,
        )


SPRING = SourceInfo(
    name="spring",
    title="Spring",
    licence="CC BY 4.0",
    link="https://spring-benchmark.org",
    unit="m",
    sky="its sky maps in the original layout, else not labelled",
    layouts=(FoldersLayout(folders=("*",), images=(".png",), rule=_RULE), _Original()),
    sampling=ViewSampling(steps=(1, 16)),
    moving=True,
    folder="processed_spring/train",
    place_levels=-1,
)
