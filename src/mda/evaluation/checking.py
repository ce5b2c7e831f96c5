"""Whether a download of a benchmark's data set is whole: counts, every kind of file, cameras against depth."""

from collections.abc import Callable

import cv2
import numpy as np
import torch

from mda.data.check import CheckReport, depth_agreement
from mda.data.views import RawView
from mda.errors import InputError
from mda.evaluation.benchmark import Dataset, FoundDataset, Frame, FrameTruth, Scene
from mda.evaluation.layouts import rooms, video
from mda.evaluation.layouts.edges import EDGE_DATASETS
from mda.evaluation.layouts.layered import LAYERED_REAL
from mda.geometry import Cameras

# Views of the contact sheet, and camera centres of its path.
_ROWS, _CENTRES = 6, 60


def benchmark_datasets() -> dict[str, Dataset]:
    """The data sets of all benchmarks, by name; those that `mda.data` reads are among its sources."""
    datasets: dict[str, Dataset] = {}
    for dataset in (*rooms.datasets(published=True), *video.DATASETS, *EDGE_DATASETS, LAYERED_REAL):
        if dataset.title:
            datasets.setdefault(dataset.name, dataset)
    return datasets


def check_dataset(
    found: FoundDataset, *, frames: int | None = 200, progress: Callable[[], object] = lambda: None
) -> CheckReport:
    """Read frames evenly from all scenes and report what they hold, and whether their numbers are the published ones.

    Args:
        found: what is there.
        frames: how many to read; None reads all.
        progress: called after each frame.
    """
    pairs = [(scene, number) for scene in found.scenes for number in range(len(scene.frames))]
    count = len(pairs) if frames is None else min(frames, len(pairs))
    chosen = [pairs[index * len(pairs) // count] for index in range(count)]
    shown = {round(index * (count - 1) / (_ROWS - 1)) for index in range(_ROWS)}
    broken: list[str] = []
    views, depths, agreements, sizes = [], [], [], {}
    for place, (scene, number) in enumerate(chosen):
        try:
            view, truth = _view(scene, scene.frames[number])
            if truth.world_from_cam is not None and len(scene.frames) > 1:
                other, _ = _view(scene, scene.frames[number + 1 if number + 1 < len(scene.frames) else number - 1])
                agreement = depth_agreement(view, other)
                agreements += [] if agreement is None else [agreement]
        except InputError as error:
            broken.append(str(error))
        else:
            sizes[view.depth.shape] = sizes.get(view.depth.shape, 0) + 1
            depths.append([view.valid.mean(), *_percentiles(view)])
            views += [view] if place in shown else []
        progress()
    table = np.array(depths).reshape(-1, 4)
    ranges = table[table[:, 0] > 0, 1:]
    return CheckReport(
        frames=found.frames,
        scenes=len(found.scenes),
        missing=_lacking(found),
        read=len(depths),
        broken=tuple(broken),
        sizes=sizes,
        depth_range=tuple(np.median(ranges, axis=0).tolist()) if len(ranges) else None,
        valid=float(table[:, 0].mean()) if len(table) else 0.0,
        sky=0.0,
        unknown_sky=1.0,
        agreement=float(np.median(agreements)) if agreements else None,
        pairs=len(agreements),
        examples=tuple(views),
        example_scene=found.scenes[0].name,
        path=_path(found.scenes[0]),
        moving=True,  # as in Sintel and Bonn; which others do is not written down
    )


def _view(scene: Scene, frame: Frame) -> tuple[RawView, FrameTruth]:
    """A frame as the contact sheet shows it, with the image at the size of the truth.

    Raises:
        InputError: a file is missing or damaged, or it has neither a depth nor tuples of points.
    """
    truth, image = frame.read_truth(), frame.read_image()
    name = f"{scene.dataset}/{scene.name}/{frame.name}"
    if not truth.mask.any() and not len(truth.extras.get("tuples", ())):
        message = f"{name} has no pixel with a depth."
        raise InputError(message)
    height, width = truth.depth.shape
    pose = np.eye(4) if truth.world_from_cam is None else truth.world_from_cam
    intrinsics = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]])
    intrinsics = intrinsics if truth.intrinsics is None else truth.intrinsics
    view = RawView(
        image=cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=cv2.INTER_AREA),
        depth=np.where(truth.mask, truth.depth, 0).astype(np.float32),
        valid=truth.mask,
        sky=np.zeros_like(truth.mask),
        sky_labelled=np.zeros_like(truth.mask),
        camera=Cameras(
            world_from_cam=torch.from_numpy(pose).float(),
            intrinsics=torch.from_numpy(np.ascontiguousarray(intrinsics)).float(),
            image_hw=(height, width),
        ),
        name=name,
    )
    return view, truth


def _percentiles(view: RawView) -> np.ndarray:
    return np.percentile(view.depth[view.valid], [2, 50, 98]) if view.valid.any() else np.full(3, np.nan)


def _lacking(found: FoundDataset) -> tuple[str, ...]:
    """What is short of the published numbers, in words."""
    dataset, lacking = found.dataset, []
    for noun, expected, count in (
        ("scenes", dataset.scenes, len(found.scenes)),
        ("frames", dataset.frames, found.frames),
    ):
        if expected is not None and expected != count:
            lacking.append(f"{dataset.name} has {expected} {noun}, here are {count}")
    return tuple(lacking)


def _path(scene: Scene) -> np.ndarray:
    """Centres and directions of the cameras of a scene, where it has cameras."""
    cameras = []
    for frame in scene.frames[:: max(1, len(scene.frames) // _CENTRES)]:
        try:
            pose = frame.read_truth().world_from_cam
        except InputError:
            continue  # counted when its own turn comes
        cameras += [] if pose is None else [pose[:3, [3, 2]].T]
    return np.array(cameras, np.float32).reshape(-1, 2, 3)
