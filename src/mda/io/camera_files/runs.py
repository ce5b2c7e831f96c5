"""Cameras of one of our runs (`mda.io.archive`), stated for the original images where the run knows them."""

from pathlib import Path

import torch

from mda.geometry import Cameras
from mda.io.camera_files.known import KnownCamera, KnownCameras, known_camera
from mda.io.resize import CropBox, cameras_in_source
from mda.io.run import Run, load_run


def read_run_cameras(folder: Path) -> KnownCameras:
    """Read the cameras of a run.

    Where `run.json` says which part of which image a view shows, the intrinsics are those of that whole image;
    otherwise (runs of the published release) they are those of the saved views.

    Raises:
        InputError: the folder is no run, or a camera is damaged.
    """
    run = load_run(folder)
    return KnownCameras(source=str(folder), cameras=tuple(_camera(run, position) for position in range(len(run))))


def _camera(run: Run, position: int) -> KnownCamera:
    pose, intrinsics = (torch.from_numpy(values).double() for values in run.camera(position))
    height, width = run.depth(position).shape
    camera = Cameras(world_from_cam=pose, intrinsics=intrinsics, image_hw=(height, width))
    view = run.info.views.get(run.numbers[position])
    if view is not None and view.crop is not None and view.source_hw is not None:
        top, left, crop_height, crop_width = view.crop
        crop = CropBox(top=top, left=left, height=crop_height, width=crop_width)
        camera = cameras_in_source(camera, crop, view.source_hw)
    return known_camera(
        run.path / "camera",
        run.names[position],
        world_from_cam=camera.world_from_cam,
        intrinsics=camera.intrinsics,
        image_hw=camera.image_hw,
        time=None if view is None else view.time,
    )
