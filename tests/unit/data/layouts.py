"""Writers of tiny data sets, one for each layout of each source, with the conventions of its authors."""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mda.data.sources.aria_lens import DEVICE_FROM_UPRIGHT, pinhole_view
from tests.unit.data import little_world
from tests.unit.data.little_world import Frame, frames, intrinsics

NED_FROM_CV = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
CV_FROM_GL = np.diag([1.0, -1, -1, 1])
SWAP_XY = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


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
        exact_image: whether pictures are stored without loss.
        depth_known: whether there is depth; pictures of glass have none.
        dropped: pixels [h, w] per frame whose depth the source does not trust, or None.
        glass: masks of the frames, where the source has them.
        outliers: share of pixels whose depth may be that of the pixel beside, because the source is resampled.
    """

    frames: list[Frame]
    scenes: list[str]
    image: Path
    depth: Path
    camera: Path | None
    sky_known: bool = True
    sky: bool = True
    loss: float = 1e-5
    exact_image: bool = True
    depth_known: bool = True
    dropped: list[np.ndarray] | None = None
    glass: list[np.ndarray] | None = None
    outliers: float = 0.0


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


def save_hdf5(path, **arrays):
    import h5py  # noqa: PLC0415 - an optional package

    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for key, values in arrays.items():
            file.create_dataset(key, data=values, compression="gzip")
    path.write_bytes(buffer.getvalue())


def numbers(values):
    return " ".join(repr(float(value)) for value in np.ravel(values))


def integer_centres(matrix):
    return matrix - np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])


def ray_lengths(one):
    """How much longer the ray through each pixel's centre is than its depth."""
    height, width = one.depth.shape
    x = (np.arange(width) + 0.5 - one.intrinsics[0, 2]) / one.intrinsics[0, 0]
    y = (np.arange(height) + 0.5 - one.intrinsics[1, 2]) / one.intrinsics[1, 1]
    return np.sqrt(x**2 + y[:, None] ** 2 + 1)


def finite(one, far=0.0):
    return np.where(one.sky, far, one.depth).astype(np.float32)


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
    return np.where(one.sky, 65535, np.round(finite(one) * 100)).astype(np.uint16)


def flat(root, scenes, made, *, depths, camera, keys, poses=None, between="_"):
    """Pictures, .npy depth and .npz cameras of some scenes, each in one folder."""
    for scene in scenes:
        for number, one in enumerate(made):
            stem = f"{number:03d}"
            save_image(root / scene / f"{stem}{between}rgb.png", one.image)
            save_npy(root / scene / f"{stem}{between}depth.npy", depths[number])
            pose = one.pose if poses is None else poses[number]
            save_npz(root / scene / f"{stem}{camera}", **dict(zip(keys, (one.intrinsics, pose), strict=True)))
    folder = root / scenes[0]
    return folder / f"001{between}rgb.png", folder / f"001{between}depth.npy", folder / f"001{camera}"


def tartanair_published(root):
    made, scenes = frames(), ["office/Easy/P001", "office/Hard/P000"]
    depths = [finite(one, far) for one, far in zip(made, [20000.0, np.inf] * 3, strict=True)]
    keys = ("camera_intrinsics", "camera_pose")
    files = flat(root, [*scenes, "amusement/Easy/P000"], made, depths=depths, camera="_cam.npz", keys=keys)
    return Written(made, scenes, *files)


def tartanair_original(root):
    matrix = np.array([[320.0, 0, 320], [0, 320, 240], [0, 0, 1]])
    made = frames(3, matrix=matrix, hw=(480, 640))
    scene = root / "office" / "office" / "Hard" / "P004"
    rows = []
    for number, one in enumerate(made):
        save_image(scene / "image_left" / f"{number:06d}_left.png", one.image)
        save_npy(scene / "depth_left" / f"{number:06d}_left_depth.npy", finite(one, 1e4))
        w, x, y, z = quaternion(NED_FROM_CV @ one.pose[:3, :3] @ NED_FROM_CV.T)
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


def hypersim_published(root):
    made = frames()
    depths = [finite(one, np.nan) for one in made]
    keys = ("intrinsics", "pose")
    files = flat(root, ["ai_001_001/cam_00"], made, depths=depths, camera="_cam.npz", keys=keys)
    return Written(made, ["ai_001_001/cam_00"], *files, sky_known=False, sky=False)


def hypersim_original(root, scale=0.02):
    focal = little_world.HW[1] / 2 / np.tan(np.pi / 6)  # 60 degrees across
    matrix = np.array([[focal, 0, little_world.HW[1] / 2], [0, focal, little_world.HW[0] / 2], [0, 0, 1]])
    made = frames(matrix=matrix)
    scene = root / "ai_002_003"
    for number, one in enumerate(made):
        images = scene / "images"
        save_image(images / "scene_cam_01_final_preview" / f"frame.{number:04d}.tonemap.jpg", one.image)
        length = finite(one, np.nan) * ray_lengths(one).astype(np.float32)
        save_hdf5(
            images / "scene_cam_01_geometry_hdf5" / f"frame.{number:04d}.depth_meters.hdf5",
            dataset=length.astype(np.float16 if number == 5 else np.float32),
        )
    detail = scene / "_detail"
    save_text(detail / "metadata_scene.csv", ["parameter_name,parameter_value", f"meters_per_asset_unit,{scale}"])
    save_hdf5(
        detail / "cam_01/camera_keyframe_positions.hdf5", dataset=np.stack([one.pose[:3, 3] / scale for one in made])
    )
    save_hdf5(
        detail / "cam_01/camera_keyframe_orientations.hdf5",
        dataset=np.stack([(one.pose @ CV_FROM_GL)[:3, :3] for one in made]),
    )
    return Written(
        made,
        ["ai_002_003/cam_01"],
        scene / "images/scene_cam_01_final_preview/frame.0001.tonemap.jpg",
        scene / "images/scene_cam_01_geometry_hdf5/frame.0001.depth_meters.hdf5",
        detail / "cam_01/camera_keyframe_orientations.hdf5",
        sky_known=False,
        sky=False,
        loss=1e-3,
        exact_image=False,
    )


def folders(root, scene, made, *, ending, depths, keys=("intrinsics", "pose")):
    """Pictures, .npy depth and .npz cameras in three folders of a scene."""
    for number, one in enumerate(made):
        save_image(root / scene / "rgb" / f"{number:05d}{ending}", one.image)
        save_npy(root / scene / "depth" / f"{number:05d}.npy", depths[number])
        save_npz(root / scene / "cam" / f"{number:05d}.npz", **dict(zip(keys, (one.intrinsics, one.pose), strict=True)))
    names = (f"rgb/00001{ending}", "depth/00001.npy", "cam/00001.npz")
    return (root / scene / name for name in names)


def mvs_synth_published(root):
    made = frames()
    files = folders(root, "0000", made, ending=".jpg", depths=[finite(one, np.inf) for one in made])
    return Written(made, ["0000"], *files, sky_known=False, sky=False, exact_image=False)


def mvs_synth_original(root):
    import OpenEXR  # noqa: PLC0415 - an optional package

    made = frames()
    scene = root / "GTAV_540" / "0007"
    for number, one in enumerate(made):
        save_image(scene / "images" / f"{number:04d}.png", one.image)
        (scene / "depths").mkdir(exist_ok=True)
        header = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION}
        OpenEXR.File(header, {"Y": finite(one, np.inf)}).write(str(scene / "depths" / f"{number:04d}.exr"))
        fx, fy, cx, cy = one.intrinsics[[0, 1, 0, 1], [0, 1, 2, 2]]
        extrinsic = np.linalg.inv(SWAP_XY @ one.pose).tolist()
        content = {"f_x": fx, "f_y": fy, "c_x": cx, "c_y": cy, "extrinsic": extrinsic}
        save_text(scene / "poses" / f"{number:04d}.json", [json.dumps(content)])
    names = ("images/0001.png", "depths/0001.exr", "poses/0001.json")
    return Written(made, ["GTAV_540/0007"], *(scene / name for name in names), sky_known=False, sky=False)


def aria_published(root):
    matrix = intrinsics()
    made = frames(sky=False, matrix=matrix)
    scene = root / "12"
    dropped = []
    for number, one in enumerate(made):
        save_image(scene / "color" / f"{number:06d}.jpg", one.image)
        length = np.round(one.depth * ray_lengths(one) * 1000).astype(np.uint16)
        length[:2, :3] = 25000  # beyond what an interior can have
        length[5, 7] = 0
        missing = np.zeros(little_world.HW, bool)
        missing[:2, :3] = missing[5, 7] = True
        dropped.append(missing)
        save_image(scene / "depth" / f"{number:06d}.png", length)
        save_text(scene / "pose" / f"{number:06d}.txt", [numbers(row) for row in one.pose])
    save_text(scene / "intrinsic" / "intrinsic_color.txt", [numbers(row) for row in integer_centres(matrix)])
    names = ("color/000001.jpg", "depth/000001.png", "pose/000001.txt")
    return Written(made, ["12"], *(scene / name for name in names), loss=1e-3, exact_image=False, dropped=dropped)


def aria_original(root):
    side = max(128, *little_world.HW)  # a square, and large enough for the nearest of its pixels to be near
    view = pinhole_view(side)
    made = frames(sky=False, matrix=view.intrinsics, hw=(view.side, view.side))
    scene, rays = root / "12", fisheye_rays(side)
    # The upright camera's rays, whose axes to the right and down are the sensor's up and right.
    upright = np.stack([-rays[..., 1], rays[..., 0], rays[..., 2]], -1)
    rows = ["graph_uid,tracking_timestamp_us,utc_timestamp_ns,tx_world_device,...,qw_world_device,quality_score"]
    for number, one in enumerate(made):
        image, length = little_world.seen(number, upright, sky=False)
        length = np.where(np.isfinite(rays[..., 0]), length * 1000, 65535)
        save_image(scene / "rgb" / f"vignette{number:07d}.jpg", image)
        save_image(scene / "depth" / f"depth{number:07d}.png", length.round().astype(np.uint16))
        device = one.pose @ np.linalg.inv(DEVICE_FROM_UPRIGHT)
        w, x, y, z = quaternion(device[:3, :3])
        place = ",".join(repr(float(value)) for value in (*device[:3, 3], x, y, z, w))
        rows.append(f"7d0c-{number},{number * 100},-1,{place},1.0")
    save_text(scene / "trajectory.csv", rows)
    names = ("rgb/vignette0000001.jpg", "depth/depth0000001.png", "trajectory.csv")
    files = (scene / name for name in names)
    return Written(made, ["12"], *files, loss=4e-2, exact_image=False, outliers=0.02)


def fisheye_rays(side):
    """Unit rays of the pixels of the fisheye lens, NaN outside its circle: its projection inverted by iteration."""
    column, row = np.meshgrid(np.arange(side), np.arange(side))
    at = (np.stack([column, row], -1) + 0.5) * 704 / side - 0.5
    bent = (at - [357.6599197217746, 349.1922497127481]) / 297.6375381033778
    e, q = np.array([0.0008005198595407136, -0.000294237814554143]), bent
    for _ in range(20):
        q = bent - 2 * (q @ e)[..., None] * q - (q * q).sum(-1, keepdims=True) * e
    angle, radius = np.linspace(0, 1.2, 100_000), 0.0
    for power, k in enumerate([1, 0.36508904, -0.17380824, -0.75349455, 2.43478888, -2.57786220, 0.87884835]):
        radius = radius + k * angle ** (2 * power + 1)
    length = np.linalg.norm(q, axis=-1)
    theta = np.interp(length, radius, angle, right=np.nan)
    sideways = q / np.maximum(length, 1e-12)[..., None]
    return np.concatenate([sideways * np.sin(theta)[..., None], np.cos(theta)[..., None]], -1)


def omniworld_game_published(root):
    made, scene = frames(), root / "b04f88d1f85a"
    cameras: dict[str, list] = {"focals": [], "quats": [], "trans": []}
    dropped = []
    for number, one in enumerate(made):
        frame = 10 + number
        save_image(scene / "color" / f"{frame:06d}.png", one.image)
        z = 0.004 * finite(one)
        share = 1000 * z / (1 + 999 * z)
        levels = np.where(one.sky, 65535, np.round(share * 65535)).astype(np.uint16)
        levels[-1, :4] = 50  # nearer than is trusted
        missing = np.zeros(little_world.HW, bool)
        missing[-1, :4] = True
        dropped.append(missing)
        save_image(scene / "depth" / f"{frame:06d}.png", levels)
        inverse = np.linalg.inv(one.pose)
        cameras["focals"].append(one.intrinsics[0, 0])
        cameras["quats"].append([float(value) for value in quaternion(inverse[:3, :3])])
        cameras["trans"].append(inverse[:3, 3].tolist())
    content = {**cameras, "cx": made[0].intrinsics[0, 2], "cy": made[0].intrinsics[1, 2]}
    save_text(scene / "camera" / "split_0.json", [json.dumps(content)])
    save_text(scene / "split_info.json", [json.dumps({"scene_name": "x", "split": [list(range(10, 16))]})])
    names = ("color/000011.png", "depth/000011.png", "camera/split_0.json")
    return Written(made, ["b04f88d1f85a/split_0"], *(scene / name for name in names), loss=2e-3, dropped=dropped)


def pointodyssey_published(root):
    made = frames()
    files = folders(root, "train/ani", made, ending=".jpg", depths=[finite(one, 2000.0) for one in made])
    return Written(made, ["train/ani"], *files, sky_known=False, sky=False, exact_image=False)


def pointodyssey_original(root):
    made, scene = frames(), root / "val" / "dancing"
    for number, one in enumerate(made):
        save_image(scene / "rgbs" / f"rgb_{number:05d}.jpg", one.image)
        levels = np.where(one.sky, 65535, np.round(finite(one) / 1000 * 65535)).astype(np.uint16)
        save_image(scene / "depths" / f"depth_{number:05d}.png", levels)
    save_npz(
        scene / "anno.npz",
        intrinsics=np.stack([one.intrinsics for one in made]).astype(np.float32),
        extrinsics=np.stack([np.linalg.inv(one.pose) for one in made]).astype(np.float32),
        trajs_2d=np.zeros((6, 3, 2)),
    )
    names = ("rgbs/rgb_00001.jpg", "depths/depth_00001.png", "anno.npz")
    files = (scene / name for name in names)
    return Written(made, ["val/dancing"], *files, sky_known=False, sky=False, loss=8e-3, exact_image=False)


def dynamic_replica_published(root):
    made = frames(sky=False)
    files = folders(root, "train/room/left", made, ending=".png", depths=[one.depth.astype("f4") for one in made])
    return Written(made, ["train/room/left"], *files)


def dynamic_replica_original(root, unit="ndc_isotropic"):
    made, part = frames(sky=False), root / "valid"
    p3d_from_cv, half = np.diag([-1.0, -1, 1]), np.array([little_world.HW[1], little_world.HW[0]]) / 2
    scale = np.full(2, min(little_world.HW) / 2) if unit == "ndc_isotropic" else half
    entries = []
    for number, one in enumerate(made):
        image, depth = f"seq_left/images/seq-{number:04d}.png", f"seq_left/depths/seq_{number:04d}.geometric.png"
        save_image(part / image, one.image)
        save_image(part / depth, one.depth.astype(np.float16).view(np.uint16))
        inverse = np.linalg.inv(one.pose)
        entries.append(
            {
                "sequence_name": "seq_left",
                "camera_name": "left",
                "frame_number": number,
                "image": {"path": image, "size": list(little_world.HW)},
                "depth": {"path": depth, "scale_adjustment": 1.0},
                "viewpoint": {
                    "R": (p3d_from_cv @ inverse[:3, :3]).T.tolist(),
                    "T": (p3d_from_cv @ inverse[:3, 3]).tolist(),
                    "focal_length": (one.intrinsics[[0, 1], [0, 1]] / scale).tolist(),
                    "principal_point": ((half - one.intrinsics[[0, 1], [2, 2]]) / scale).tolist(),
                    "intrinsics_format": unit,
                },
            }
        )
    table = part / "frame_annotations_valid.jgz"
    table.write_bytes(gzip.compress(json.dumps(entries[::-1]).encode()))
    return Written(
        made,
        ["valid/seq_left/left"],
        part / entries[1]["image"]["path"],
        part / entries[1]["depth"]["path"],
        table,
        loss=1e-3,
    )


def unrealstereo4k_published(root):
    made = frames()
    keys, depths = ("intrinsics", "cam2world"), [finite(one, 5000.0) for one in made]
    poses = [SWAP_XY @ one.pose for one in made]
    files = flat(root, ["00003/0", "00003/1"], made, depths=depths, camera=".npz", keys=keys, poses=poses)
    return Written(made, ["00003/0", "00003/1"], *files)


def unrealstereo4k_original(root, baseline=0.4, *, inverse=True):
    made, scene = frames(), root / "00001"
    for number, one in enumerate(made):
        right = one.pose.copy()
        right[:3, 3] += one.pose[:3, 0] * baseline
        for side, pose in enumerate((one.pose, right)):
            save_image(scene / f"Image{side}" / f"{number:05d}.png", one.image)
            disparity = np.where(one.sky, 0, one.intrinsics[0, 0] * baseline / np.where(one.sky, 1, one.depth))
            save_npy(scene / f"Disp{side}" / f"{number:05d}.npy", disparity.astype(np.float32))
            outer = (np.linalg.inv(pose) if inverse else pose)[:3]
            rows = [numbers(one.intrinsics), numbers(outer)]
            save_text(scene / f"Extrinsics{side}" / f"{number:05d}.txt", rows)
    names = ("Image0/00001.png", "Disp0/00001.npy", "Extrinsics0/00001.txt")
    return Written(made, ["00001/0", "00001/1"], *(scene / name for name in names))


def spring_published(root):
    made = frames()
    files = folders(root, "0001", made, ending=".png", depths=[finite(one, np.inf) for one in made])
    return Written(made, ["0001"], *files, sky_known=False, sky=False)


def spring_original(root):
    made, scene = frames(), root / "spring" / "train" / "0005"
    for number, one in enumerate(made):
        save_image(scene / "frame_left" / f"frame_left_{number + 1:04d}.png", one.image)
        disparity = np.where(one.sky, np.nan, one.intrinsics[0, 0] * 0.065 / np.where(one.sky, 1, one.depth))
        twice = disparity.repeat(2, 0).repeat(2, 1).astype(np.float32)
        save_hdf5(scene / "disp1_left" / f"disp1_left_{number + 1:04d}.dsp5", disparity=twice)
        sky = (255 * one.sky.repeat(2, 0).repeat(2, 1)).astype(np.uint8)
        save_image(scene / "maps" / "skymap_left" / f"skymap_left_{number + 1:04d}.png", sky)
    save_text(scene / "cam_data/intrinsics.txt", [numbers(one.intrinsics[[0, 1, 0, 1], [0, 1, 2, 2]]) for one in made])
    save_text(scene / "cam_data/extrinsics.txt", [numbers(np.linalg.inv(one.pose)) for one in made])
    names = ("frame_left/frame_left_0002.png", "disp1_left/disp1_left_0002.dsp5", "cam_data/extrinsics.txt")
    return Written(made, ["spring/train/0005"], *(scene / name for name in names))


def dl3dv_published(root):
    made, scene = frames(), "1K/0a1b2c"
    depths = [finite(one) for one in made]
    files = folders(root, f"{scene}/dense", made, ending=".png", depths=depths, keys=("intrinsic", "pose"))
    dropped = []
    for number, one in enumerate(made):
        outliers = np.zeros(little_world.HW, bool)
        outliers[20, 30] = True
        grown = np.zeros(little_world.HW, bool)
        grown[18:23, 28:33] = True
        surface = depths[number][~one.sky & ~grown]
        dropped.append(grown & ~one.sky | ~one.sky & (depths[number] > np.quantile(surface, 0.98)))
        for kind, mask in (("sky_mask", one.sky), ("outlier_mask", outliers)):
            save_image(root / scene / "dense" / kind / f"{number:05d}.png", (255 * mask).astype(np.uint8))
    return Written(made, [scene], *files, dropped=dropped)


def glass_masks(made):
    """A window in each picture."""
    masks = []
    for number in range(len(made)):
        mask = np.zeros(little_world.HW, bool)
        mask[10:20, 5 + number : 25] = True
        masks.append(mask)
    return masks


def layered_depth_published(root):
    made = frames(sky=False)
    masks = glass_masks(made)
    for number, one in enumerate(made):
        folder = root / "train" / str(number)
        save_image(folder / "image.png", one.image)
        first = np.round(one.depth * 4000).astype(np.uint16)
        save_image(folder / "depth_1.png", first)
        save_image(folder / "depth_2.png", np.where(masks[number], first + 1000, first).astype(np.uint16))
        save_image(folder / "depth_3.png", np.where(masks[number], first + 3000, 0).astype(np.uint16))
    (root / "train" / "9").mkdir()
    save_image(root / "train" / "9" / "image.png", made[0].image)
    usable = [{"scene_name": str(number)} for number in range(len(made))]
    save_text(root / "trainset_valid_samples.json", [json.dumps(usable)])
    folder = root / "train" / "1"
    return Written(
        made,
        ["train"],
        folder / "image.png",
        folder / "depth_1.png",
        None,
        sky_known=False,
        sky=False,
        loss=1e-3,
        glass=masks,
    )


def glass_set(made, scenes, image, mask, *, exact=False):
    return Written(
        made, scenes, image, mask, None, sky_known=False, sky=False, exact_image=exact, depth_known=False,
        glass=glass_masks(made),
    )  # fmt: skip


def ade20k_objects(names):
    return [
        {"id": 0, "name": "wall", "attributes": [], **names(0)},
        {"id": 1, "name": "windowpane, window", "attributes": "open", **names(1)},
        {"id": 2, "name": "door", "attributes": ["closed", "Glass"], **names(2)},
    ]


def ade20k_glass_published(root):
    made, part = frames(sky=False), root / "training"
    for number, (one, mask) in enumerate(zip(made, glass_masks(made), strict=True)):
        stem = f"ADE_train_{number:08d}"
        save_image(part / "images" / f"{stem}.jpg", one.image)
        description = {"annotation": {"object": ade20k_objects(lambda _: {})}}
        save_text(part / "meta" / f"{stem}.json", [json.dumps(description)])
        left, right = halves(mask)
        for index, shown in enumerate((np.ones(little_world.HW, bool), left, right)):
            save_image(part / "instances" / stem / f"inst_{index:03d}.png", (255 * shown).astype(np.uint8))
    stem = "ADE_train_00000001"
    return glass_set(made, ["training"], part / f"images/{stem}.jpg", part / f"meta/{stem}.json")


def ade20k_glass_original(root):
    made, folder = frames(sky=False), root / "images/ADE/training/home_or_hotel/bedroom"
    for number, (one, mask) in enumerate(zip(made, glass_masks(made), strict=True)):
        stem = f"ADE_train_{number:08d}"
        save_image(folder / f"{stem}.jpg", one.image)
        found = ade20k_objects(lambda i, stem=stem: {"instance_mask": f"{stem}/instance_{i:03d}_{stem}.png"})
        found[0]["name"] = "caf\xe9 wall"
        content = json.dumps({"annotation": {"object": found}}, ensure_ascii=False).encode("latin-1")
        (folder / f"{stem}.json").write_bytes(content)
        left, right = halves(mask)
        for index, shown in enumerate((np.ones(little_world.HW, bool), left, right)):
            levels = np.where(shown, 255, 0).astype(np.uint8)
            levels[0, 0] = 128  # hidden by something
            save_image(folder / stem / f"instance_{index:03d}_{stem}.png", levels)
    stem = "ADE_train_00000001"
    scene = "images/ADE/training/home_or_hotel/bedroom"
    return glass_set(made, [scene], folder / f"{stem}.jpg", folder / f"{stem}.json")


def halves(mask):
    left = mask.copy()
    left[:, 15:] = False
    return left, mask & ~left


def masked_pictures(root, scene, images, masks, ending):
    made = frames(sky=False)
    for number, (one, mask) in enumerate(zip(made, glass_masks(made), strict=True)):
        save_image(root / scene / images / f"{number}.jpg", one.image)
        pixels = (255 * mask).astype(np.uint8)
        if number % 2:
            pixels = np.stack([pixels, np.zeros_like(pixels), np.zeros_like(pixels)], -1)  # red, as Trans10K has them
        save_image(root / scene / masks / f"{number}{ending}", pixels)
    return glass_set(made, [scene], root / scene / images / "1.jpg", root / scene / masks / f"1{ending}")


WRITERS: dict[tuple[str, str], Callable[[Path], Written]] = {
    ("vkitti2", "published"): vkitti2_published,
    ("vkitti2", "original"): vkitti2_original,
    ("tartanair", "published"): tartanair_published,
    ("tartanair", "original"): tartanair_original,
    ("hypersim", "published"): hypersim_published,
    ("hypersim", "original"): hypersim_original,
    ("mvs_synth", "published"): mvs_synth_published,
    ("mvs_synth", "original"): mvs_synth_original,
    ("aria", "published"): aria_published,
    ("aria", "original"): aria_original,
    ("omniworld_game", "published"): omniworld_game_published,
    ("pointodyssey", "published"): pointodyssey_published,
    ("pointodyssey", "original"): pointodyssey_original,
    ("dynamic_replica", "published"): dynamic_replica_published,
    ("dynamic_replica", "original"): dynamic_replica_original,
    ("unrealstereo4k", "published"): unrealstereo4k_published,
    ("unrealstereo4k", "original"): unrealstereo4k_original,
    ("spring", "published"): spring_published,
    ("spring", "original"): spring_original,
    ("dl3dv", "published"): dl3dv_published,
    ("layered_depth", "published"): layered_depth_published,
    ("ade20k_glass", "published"): ade20k_glass_published,
    ("ade20k_glass", "original"): ade20k_glass_original,
    ("hsod_glass", "published"): lambda root: masked_pictures(root, "train", "image", "mask", ".png"),
    ("trans10k_glass", "published"): lambda root: masked_pictures(root, "train", "images", "masks", "_mask.png"),
    ("trans10k_glass", "original"): lambda root: masked_pictures(root, "test/easy", "images", "masks", "_mask.png"),
}
