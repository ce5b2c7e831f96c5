"""Tiny data sets with a near box before a far wall, in the layouts of the edge benchmarks; and predictions for them."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

HW, FRONT, BACK = (48, 64), 2.0, 4.0
BOX = (slice(14, 36), slice(20, 46))


def box_depth(hw=HW):
    depth = np.full(hw, BACK, np.float32)
    depth[BOX] = FRONT
    return depth


def averaged(depth):
    """The mean of the two surfaces on both sides of every edge."""
    known = depth.copy()
    for axis in (0, 1):
        for step in (1, -1):
            beside = np.roll(depth, step, axis)
            known = np.where(np.abs(np.log(beside / depth)) > 0.1, (FRONT + BACK) / 2, known)
    return known.astype(np.float32)


def save_image(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(30, 255, (*HW, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def save_mask(path: Path, mask) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def write_ibims(data: Path, names=("corridor_01", "lab_01")) -> None:
    """`ibims1_core_raw`; the first four rows are invalid, the last two transparent."""
    root = data / "ibims1_core_raw"
    for number, name in enumerate(names):
        save_image(root / "rgb" / f"{name}.png", number)
        numbers = np.round(box_depth() * 65535 / 50).astype(np.uint16)
        save_mask(root / "depth" / f"{name}.png", numbers)
        valid, opaque = np.ones(HW, bool), np.ones(HW, bool)
        valid[:4], opaque[-2:] = False, False
        edges = np.zeros(HW, bool)
        edges[BOX[0], 20] = edges[BOX[0], 45] = True
        for part, mask in (("mask_invalid", valid), ("mask_transp", opaque), ("edges", edges)):
            save_mask(root / part / f"{name}.png", mask)
        (root / "calib").mkdir(exist_ok=True)
        (root / "calib" / f"{name}.txt").write_text("60.0,61.0,32.0,24.0\n")


def write_sintel(data: Path, sequences=("alley_1",), frames=2, *, cameras=True) -> None:
    """`sintel/training`, depth beyond the box wall at the top missing."""
    root = data / "sintel" / "training"
    tag = np.float32(202021.25).tobytes()
    for name in sequences:
        for number in range(1, frames + 1):
            stem = f"frame_{number:04d}"
            save_image(root / "final" / name / f"{stem}.png", number)
            (root / "depth" / name).mkdir(parents=True, exist_ok=True)
            size = np.array([HW[1], HW[0]], "<i4").tobytes()
            (root / "depth" / name / f"{stem}.dpt").write_bytes(tag + size + box_depth().astype("<f4").tobytes())
            if cameras:
                folder = root / "camdata_left" / name
                folder.mkdir(parents=True, exist_ok=True)
                matrix = np.array([[70.0, 0, 32], [0, 70, 24], [0, 0, 1]], "<f8")
                pose = np.eye(3, 4, dtype="<f8")
                (folder / f"{stem}.cam").write_bytes(tag + matrix.tobytes() + pose.tobytes())


def write_diode(data: Path, frames=2) -> None:
    """`diode/val`, one scan."""
    folder = data / "diode" / "val" / "indoors" / "scene_00019" / "scan_00183"
    for number in range(frames):
        stem = f"00019_00183_indoors_{number:03d}"
        save_image(folder / f"{stem}.png", number)
        np.save(folder / f"{stem}_depth.npy", box_depth()[..., None])
        np.save(folder / f"{stem}_depth_mask.npy", np.ones(HW, np.float32))


# Of LayeredDepth: pairs that `box_depth` orders rightly and wrongly, and through glass; a triplet; and a second surface
# that is not there.
NEAR, FAR = (30, 20), (5, 5)
FIRST_PAIRS = [[(*NEAR, 1), (*FAR, 1)], [(*FAR, 1), (*NEAR, 1)]]
ALL_PAIRS = [[(*NEAR, 1), (*NEAR, 3)]]
ALL_TRIPS = [[(*NEAR, 1), (*FAR, 1), (*FAR, 3)]]
NOT_THERE = [(*FAR, 3), (*FAR, 5)]


def write_layered(data: Path, names=("0", "1")) -> None:
    """`layered_depth_real` as the Hub has it."""
    root = data / "layered_depth_real"

    def entries(tuples, *, real=True):
        return [{"is_real": real} | {f"p{i}": point for i, point in enumerate(one, 1)} for one in tuples]

    for name in names:
        save_image(root / f"{name}.image.png", int(name))
        every = {"pairs": entries(ALL_PAIRS) + entries([NOT_THERE], real=False), "trips": entries(ALL_TRIPS)}
        content = {"layer_first": {"pairs": entries(FIRST_PAIRS), "trips": []}, "layer_all": every}
        (root / f"{name}.tuples.json").write_text(json.dumps(content))


def write_older_layered(data: Path, names=("0", "1")) -> None:
    """`layered_depth_real` as its first release was, which knows no surfaces that are not there."""
    root = data / "layered_depth_real"
    kinds = {"pairs_layer1_val": FIRST_PAIRS, "pairs_layerall_val": ALL_PAIRS, "triplets_layerall_val": ALL_TRIPS}
    for name in names:
        save_image(root / "images" / f"{name}.png", int(name))
        for kind, tuples in kinds.items():
            (root / kind).mkdir(exist_ok=True)
            (root / kind / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in tuples))


def write_predictions(folder: Path, depth, **more) -> None:
    """The same maps for every scene of these data sets."""
    places = {"ibims/corridor_01": 1, "ibims/lab_01": 1, "sintel/alley_1": 2}
    scan = "diode/indoors_scene_00019_scan_00183_00019_00183_indoors_"
    places |= {f"{scan}000": 1, f"{scan}001": 1, "layered_depth_real/0": 1, "layered_depth_real/1": 1}
    for place, views in places.items():
        path = folder / f"{place}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, depth=np.stack([depth] * views), **{k: np.stack([v] * views) for k, v in more.items()})
