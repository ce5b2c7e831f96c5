"""Writers of tiny data sets in the layouts of the benchmarks."""

import numpy as np
from PIL import Image

from mda.evaluation.benchmark import ViewSize

DEPTH = np.full((48, 64), 3.0, dtype=np.float32)
DEPTH[12:36, 20:44] = 1.5
SIZE = ViewSize(long_side=56, patch=14)


def image_of(depth):
    """Red tells depth, as the fake model expects."""
    grey = np.round(255 * depth / 4)
    return np.stack([grey, np.full_like(grey, 90), 255 - grey], axis=-1).astype(np.uint8)


def write_image(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_png(path, depth, units):
    write_image(path, np.round(depth * units).astype(np.uint16))


def write_sintel(root):
    for sequence in ("alley_1", "alley_2"):
        for number in (1, 2):
            write_image(root / "training" / "final" / sequence / f"frame_{number:04d}.png", image_of(DEPTH))
            file = root / "training" / "depth" / sequence / f"frame_{number:04d}.dpt"
            file.parent.mkdir(parents=True, exist_ok=True)
            head = np.array([202021.25], "<f4").tobytes() + np.array([64, 48], "<i4").tobytes()
            file.write_bytes(head + DEPTH.astype("<f4").tobytes())


def write_bonn(root):
    for number in (1, 2):
        folder = root / "rgbd_bonn_crowd2"
        write_image(folder / "rgb_110" / f"15{number}.25.png", image_of(DEPTH))
        write_png(folder / "depth_110" / f"15{number}.27.png", DEPTH, 5000)


def write_kitti(root):
    for number in range(2):
        write_image(root / "image_gathered" / "drive" / f"{number:010d}.png", image_of(DEPTH))
        write_png(root / "groundtruth_depth_gathered" / "drive" / f"{number:010d}.png", DEPTH, 256)


def write_diode(root):
    for number in range(2):
        file = root / "indoors" / "scene_1" / "scan_2" / f"a_{number}.png"
        write_image(file, image_of(DEPTH))
        np.save(file.with_name(f"a_{number}_depth.npy"), DEPTH[..., None])
        if number:
            np.save(file.with_name(f"a_{number}_depth_mask.npy"), (DEPTH > 2).astype(np.float32))


def write_nyu(root):
    for number in range(2):
        write_image(root / "nyu_images" / f"{number}.png", image_of(DEPTH))
        (root / "nyu_depths").mkdir(exist_ok=True)
        np.save(root / "nyu_depths" / f"{number}.npy", DEPTH)


def write_nrgbd(root, frames=4):
    lines = []
    for number in range(frames):
        write_image(root / "room" / "images" / f"img{number}.png", image_of(DEPTH))
        write_png(root / "room" / "depth" / f"depth{number}.png", DEPTH, 1000)
        pose = np.eye(4)
        pose[0, 3] = number
        lines += [" ".join(map(str, row)) for row in pose]
    (root / "room" / "poses.txt").write_text("\n".join(lines))
    return lines


def big(array):
    """Eight times as large, so that the fixed intrinsics of 640 x 480 fit."""
    return np.kron(array, np.ones((10, 10), dtype=array.dtype))
