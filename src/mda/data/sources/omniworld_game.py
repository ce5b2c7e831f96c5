"""OmniWorld-Game: clips of many games with estimated cameras and the depth of the engine."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import damaged, read_colour, read_json, read_levels
from mda.data.files import Files
from mda.data.sources.common import folders_like
from mda.data.sources.tables import inverse_pose, json_table, pose_of, rotation_from_quaternion
from mda.data.view_sampling import ViewSampling, Walk
from mda.data.views import DepthRule, FileCamera, RawView, make_view
from mda.errors import InputError
from mda.shapes import Float32, ndarray

_RULE = DepthRule(far_is_sky=True, sky_known=True)
# 16 bits of a reversed depth buffer: below the first share lies the player's own body, above the second the far plane.
_NEAR, _FAR = 0.0015, 65500 / 65535


@dataclass(frozen=True)
class _Layout:
    """As downloaded, which is also what the published pipeline reads."""

    name: str = "published"
    expected: str = "SCENE/{split_info.json, camera/split_N.json, color/*.png, depth/*.png}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        del split
        for folder in folders_like(files, "*"):
            if "split_info.json" not in files.names(folder):
                if {"color", "depth"} & set(files.folders(folder)):
                    yield Scene(name=folder, folder=folder, frames=())  # nothing says which frames make up a clip
                continue
            try:
                clips = read_json(files, f"{folder}/split_info.json")["split"]
                frames = [tuple(f"{int(frame):06d}" for frame in clip) for clip in clips]
            except (KeyError, TypeError, ValueError) as error:
                raise damaged(files, f"{folder}/split_info.json", error) from error
            for number, clip in enumerate(frames):
                yield Scene(name=f"{folder}/split_{number}", folder=folder, frames=clip)

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        return {
            "image": f"{scene.folder}/color/{frame}.png",
            "depth": f"{scene.folder}/depth/{frame}.png",
            "camera": f"{scene.folder}/camera/{scene.name.rpartition('/')[2]}.json",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        number = int(scene.name.rpartition("_")[2])
        levels = read_levels(files, paths["depth"], deep=True)
        if levels.max() > 65535:
            raise damaged(files, paths["depth"], "its pixels have more than 16 bits")
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=_depths()[levels],
            camera=_camera(files, paths["camera"], _position(files, scene.folder, number, frame)),
            rule=_RULE,
        )


@functools.cache
def _depths() -> Float32[ndarray, "65536"]:
    """Depth of each of the 65536 levels: 0 where it is too near to be trusted, infinite on the far plane."""
    share = np.arange(65536) / 65535
    depth = share / (1000 - 999 * share) / 0.004
    depth[share < _NEAR] = 0
    depth[share > _FAR] = np.inf
    return depth.astype(np.float32)


def _position(files: Files, folder: str, clip: int, frame: str) -> int:
    """Where a frame stands in its clip."""
    try:
        return json_table(files, f"{folder}/split_info.json")["split"][clip].index(int(frame))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise damaged(files, f"{folder}/split_info.json", error) from error


def _camera(files: Files, path: str, position: int) -> FileCamera:
    content = json_table(files, path)
    try:
        focal, cx, cy = float(content["focals"][position]), float(content["cx"]), float(content["cy"])
        quaternion, shift = content["quats"][position], np.array(content["trans"][position], np.float64)
        cam_from_world = pose_of(rotation_from_quaternion(*map(float, quaternion)), shift)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise damaged(files, path, error) from error
    if cam_from_world.shape != (4, 4):
        message = f"{files.place}/{path}: the pose of frame {position} is none; download it again."
        raise InputError(message)
    return FileCamera(
        intrinsics=np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1]]),
        world_from_cam=inverse_pose(cam_from_world),
        path=path,
    )


OMNIWORLD_GAME = SourceInfo(
    name="omniworld_game",
    title="OmniWorld-Game",
    licence="CC BY-NC-SA 4.0",
    link="https://huggingface.co/datasets/InternRobotics/OmniWorld",
    unit="unit of the game",
    sky="the far plane; the farthest 2 % of a clip are unknown",
    layouts=(_Layout(),),
    sampling=ViewSampling(walk=Walk.EVEN_STEPS, steps=(5, 15)),
    moving=True,
    folder="OmniWorld_game",
    trusted_share=0.98,
)
