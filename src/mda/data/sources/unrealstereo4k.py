"""UnrealStereo4K: stereo pairs of eight rendered places at 3840 x 2160."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import as_float32, damaged, read_colour, read_npy
from mda.data.files import Files
from mda.data.sources.common import FlatLayout, folders_like, frames_of, proper
from mda.data.sources.tables import inverse_pose
from mda.data.view_sampling import ViewSampling
from mda.data.views import DepthRule, FileCamera, RawView, make_view
from mda.shapes import Float, ndarray

_RULE = DepthRule(far=1000.0, far_is_sky=True, sky_known=True)
# A camera this far off the axis between the two, relative to their distance, means that the poses are read wrongly.
_OFF_AXIS = 0.05


@dataclass(frozen=True)
class _Original:
    """As downloaded: disparity, and per camera a text file with nine intrinsics and twelve extrinsics."""

    name: str = "original"
    expected: str = "SCENE/{Image0,Image1}/*.png, {Disp0,Disp1}/*.npy, {Extrinsics0,Extrinsics1}/*.txt"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        del split
        for folder in folders_like(files, "*"):
            for side in (0, 1):
                frames = frames_of(files, f"{folder}/Image{side}/*.png", f"{folder}/Disp{side}/*.npy")
                yield Scene(name=f"{folder}/{side}", folder=folder, frames=frames)

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        side = scene.name[-1]
        return {
            "image": f"{scene.folder}/Image{side}/{frame}.png",
            "depth": f"{scene.folder}/Disp{side}/{frame}.npy",
            "left": f"{scene.folder}/Extrinsics0/{frame}.txt",
            "right": f"{scene.folder}/Extrinsics1/{frame}.txt",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths, side = self.members(scene, frame), int(scene.name[-1])
        cameras = [_camera(files, paths[key]) for key in ("left", "right")]
        poses = _poses([extrinsics for _, extrinsics in cameras])
        if poses is None:
            raise damaged(files, paths["right"], "its camera does not stand to the right of the left one")
        intrinsics = cameras[side][0]
        baseline = np.linalg.norm(poses[1][:3, 3] - poses[0][:3, 3])
        disparity = np.abs(read_npy(files, paths["depth"]))
        with np.errstate(divide="ignore"):
            depth = as_float32(intrinsics[0, 0] * baseline / disparity)
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=depth,
            camera=FileCamera(
                intrinsics=intrinsics, world_from_cam=proper(poses[side]), path=paths[("left", "right")[side]]
            ),
            rule=_RULE,
        )


def _camera(files: Files, path: str) -> tuple[Float[ndarray, "3 3"], Float[ndarray, "4 4"]]:
    try:
        numbers = np.array(files.read(path).decode("utf-8", "replace").replace(",", " ").split(), np.float64)
    except ValueError as error:
        raise damaged(files, path, error) from error
    if numbers.shape != (21,):
        raise damaged(files, path, f"it holds {len(numbers)} numbers, expected 9 intrinsics and 12 extrinsics")
    return numbers[:9].reshape(3, 3), np.vstack([numbers[9:].reshape(3, 4), [0, 0, 0, 1]])


def _poses(extrinsics: list[Float[ndarray, "4 4"]]) -> list[Float[ndarray, "4 4"]] | None:
    """Poses of the left and the right camera, whichever way the matrices go: the right one must stand to the right."""
    for candidates in ([inverse_pose(matrix) for matrix in extrinsics], extrinsics):
        left, right = candidates
        step = left[:3, :3].T @ (right[:3, 3] - left[:3, 3])
        if step[0] > 0 and np.abs(step[1:]).max() < _OFF_AXIS * step[0]:
            return candidates
    return None


UNREALSTEREO4K = SourceInfo(
    name="unrealstereo4k",
    title="UnrealStereo4K",
    licence="see its page (research)",
    link="https://github.com/fabiotosi92/SMD-Nets",
    unit="m",
    sky="depth >= 1000 m",
    layouts=(
        FlatLayout(
            folders=("*", "0|1"),
            image="_rgb.png",
            depth="_depth.npy",
            camera=".npz",
            intrinsics="intrinsics",
            pose="cam2world",
            rule=_RULE,
        ),
        _Original(),
    ),
    sampling=ViewSampling(steps=(1, 2), video=0.5, even=0.5),
    folder="UnrealStereo4K_cut3r",
)
