"""`transforms.json` of nerfstudio and instant-ngp, with images and a cloud to begin from.

    transforms.json    a frame for each view: intrinsics, and world from camera with axes of OpenGL
    images/NAME.png    the views; left out at the size of the originals, which the user has
    points.ply         the cloud, in the same world

https://docs.nerf.studio/quickstart/data_conventions.html. Principal points are as ours, from the corner of the image.
"""

import json
from pathlib import Path
from typing import Any

from mda.io.atomic import write_bytes
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.ply import export_ply
from mda.io.exporters.posed_images import IMAGES_FOLDER, PosedImage, posed_images, write_images
from mda.io.exporters.views import ChosenViews
from mda.io.run import Run

_POINTS_FILE = "points.ply"


def export_transforms(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write the folder.

    Raises:
        InputError: no view can be read, or the sizes of the originals are asked for and not known.
        OutputError: a file cannot be written.
    """
    views = ChosenViews(run, settings.filters)
    images = posed_images(run, [view.position for view in views], original_size=settings.original_size)
    path.mkdir()
    if not settings.original_size:
        write_images(run, path / IMAGES_FOLDER, images)
    content = {
        "camera_model": "OPENCV",
        "ply_file_path": _POINTS_FILE,
        "frames": [_frame(image) for image in images],
    }
    write_bytes(path / "transforms.json", json.dumps(content, indent=1, ensure_ascii=False).encode())
    cloud = export_ply(run, path / _POINTS_FILE, settings)
    return ExportReport(path=path, summary=f"{len(images)} cameras, {cloud.summary}", problems=views.problems)


def _frame(image: PosedImage) -> dict[str, Any]:
    (fx, _, cx), (_, fy, cy), _ = image.camera.intrinsics.tolist()
    height, width = image.camera.image_hw
    pose = image.camera.world_from_cam
    return {
        "file_path": f"{IMAGES_FOLDER}/{image.name}",
        "fl_x": fx,
        "fl_y": fy,
        "cx": cx,
        "cy": cy,
        "w": width,
        "h": height,
        # The camera's y and z axes change their sign.
        "transform_matrix": (pose * pose.new_tensor([1, -1, -1, 1])).tolist(),
    }
