"""Writers of tiny data sets, one for each layout of each source, with the conventions of its authors."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.unit.data.little_world import Frame, frames

NED_FROM_CV = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])


@dataclass(frozen=True)
class Written:
    """What a writer wrote, and what a reader should make of it.

    Attributes:
        frames: of the first scene.
        scenes: names of all scenes.
        image, depth, camera: files of the second frame of the first scene.
        sky_known: whether valid pixels are labelled not-sky.
        sky: whether the sky is labelled; else it is unknown.
        loss: largest relative error of depth.
        mirrored: the world of the poses is mirrored or turned; only relative poses count anyway.
    """

    frames: list[Frame]
    scenes: list[str]
    image: Path
    depth: Path
    camera: Path
    sky_known: bool = True
    sky: bool = True
    loss: float = 1e-5
    exact_image: bool = True


def save_image(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **({"quality": 95} if path.suffix == ".jpg" else {}))


def save_npy(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)


def save_npz(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)


def save_text(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")


def numbers(values):
    return " ".join(repr(float(value)) for value in np.ravel(values))


def integer_centres(matrix):
    return matrix - np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])


def vkitti2_published(root):
    made = frames()
    for number, one in enumerate(made):
        stem = root / "Scene01" / "clone" / "Camera_0" / f"{number:05d}"
        save_image(stem.with_name(f"{stem.name}_rgb.jpg"), one.image)
        save_image(stem.with_name(f"{stem.name}_depth.png"), centimetres(one))
        matrix = integer_centres(one.intrinsics).astype(np.float32)
        save_npz(stem.with_name(f"{stem.name}_cam.npz"), camera_intrinsics=matrix, camera_pose=one.pose.astype("f4"))
    folder = root / "Scene01" / "clone" / "Camera_0"
    files = (folder / f"00001_{end}" for end in ("rgb.jpg", "depth.png", "cam.npz"))
    return Written(made, ["Scene01/clone/Camera_0"], *files, loss=5e-3, exact_image=False)


def vkitti2_original(root):
    made = frames()
    scene = root / "Scene02" / "15-deg-left"
    inner, outer = ["frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]"], ["frame cameraID r1,1 r1,2 ..."]
    for number, one in enumerate(made):
        matrix = integer_centres(one.intrinsics)
        for camera in (0, 1):
            save_image(scene / f"frames/rgb/Camera_{camera}/rgb_{number:05d}.jpg", one.image)
            save_image(scene / f"frames/depth/Camera_{camera}/depth_{number:05d}.png", centimetres(one))
            inner.append(f"{number} {camera} {numbers(matrix[[0, 1, 0, 1], [0, 1, 2, 2]])}")
            outer.append(f"{number} {camera} {numbers(np.linalg.inv(one.pose))}")
    save_text(scene / "intrinsic.txt", inner)
    save_text(scene / "extrinsic.txt", outer)
    return Written(
        made,
        [f"Scene02/15-deg-left/Camera_{camera}" for camera in (0, 1)],
        scene / "frames/rgb/Camera_0/rgb_00001.jpg",
        scene / "frames/depth/Camera_0/depth_00001.png",
        scene / "extrinsic.txt",
        loss=5e-3,
        exact_image=False,
    )


def centimetres(one):
    return np.where(one.sky, 65535, np.round(np.where(one.sky, 0, one.depth) * 100)).astype(np.uint16)


def tartanair_published(root):
    made = frames()
    scenes = ["office/Easy/P001", "office/Hard/P000"]
    for scene in [*scenes, "amusement/Easy/P000"]:
        for number, one in enumerate(made):
            stem = root / scene / f"{number:03d}"
            save_image(stem.with_name(f"{stem.name}_rgb.png"), one.image)
            depth = np.where(one.sky, 20000.0 if number % 2 else np.inf, one.depth).astype(np.float32)
            save_npy(stem.with_name(f"{stem.name}_depth.npy"), depth)
            save_npz(stem.with_name(f"{stem.name}_cam.npz"), camera_intrinsics=one.intrinsics, camera_pose=one.pose)
    folder = root / scenes[0]
    return Written(made, scenes, *(folder / f"001_{end}" for end in ("rgb.png", "depth.npy", "cam.npz")))


def tartanair_original(root):
    hw = (480, 640)
    matrix = np.array([[320.0, 0, 320], [0, 320, 240], [0, 0, 1]])
    made = frames(3, matrix=matrix, hw=hw)
    scene = root / "office" / "office" / "Hard" / "P004"
    rows = []
    for number, one in enumerate(made):
        save_image(scene / "image_left" / f"{number:06d}_left.png", one.image)
        depth = np.where(one.sky, 1e4, one.depth).astype(np.float32)
        save_npy(scene / "depth_left" / f"{number:06d}_left_depth.npy", depth)
        rotation = NED_FROM_CV @ one.pose[:3, :3] @ NED_FROM_CV.T
        w, x, y, z = quaternion(rotation)
        rows.append(numbers([*(NED_FROM_CV @ one.pose[:3, 3]), x, y, z, w]))
    save_text(scene / "pose_left.txt", rows)
    return Written(
        made,
        ["office/office/Hard/P004"],
        scene / "image_left/000001_left.png",
        scene / "depth_left/000001_left_depth.npy",
        scene / "pose_left.txt",
    )


def quaternion(rotation):
    """(w, x, y, z) of a rotation by less than 180 degrees."""
    w = np.sqrt(max(0, 1 + np.trace(rotation))) / 2
    a = rotation - rotation.T
    return w, a[2, 1] / (4 * w), a[0, 2] / (4 * w), a[1, 0] / (4 * w)


WRITERS: dict[tuple[str, str], Callable[[Path], Written]] = {
    ("vkitti2", "published"): vkitti2_published,
    ("vkitti2", "original"): vkitti2_original,
    ("tartanair", "published"): tartanair_published,
    ("tartanair", "original"): tartanair_original,
}
