"""Known cameras from files: a COLMAP model, `transforms.json`, or one of our runs.

`read_cameras` finds out which of them a path is. All give `KnownCameras`: a pose (`world_from_cam`, OpenCV axes) and
intrinsics (in pixels of a stated image size) for each name. Nothing is unpickled.
"""

from pathlib import Path

from mda.errors import InputError
from mda.io.camera_files.colmap import colmap_model_in, read_colmap
from mda.io.camera_files.known import KnownCamera, KnownCameras
from mda.io.camera_files.runs import read_run_cameras
from mda.io.camera_files.transforms import TRANSFORMS_FILE, read_transforms
from mda.io.run_info import RUN_FILE

__all__ = ["KnownCamera", "KnownCameras", "read_cameras", "read_colmap", "read_run_cameras", "read_transforms"]

_EXPECTED = f"a COLMAP model folder (cameras and images, .bin or .txt), a {TRANSFORMS_FILE}, or a run of mda"


def read_cameras(path: Path | str) -> KnownCameras:
    """Read the cameras at a path.

    Args:
        path: a COLMAP model folder (or a project folder with `sparse/0`), a `transforms.json` or the folder that it is
            in, or the folder of a run. A file of a model or of a run stands for its folder.

    Raises:
        InputError: it is none of them, or it is damaged; the message names the file and the remedy.
    """
    path = Path(path)
    if not path.exists():
        message = f"{path} does not exist; give {_EXPECTED}."
        raise InputError(message)
    if path.is_file():
        if path.suffix.lower() == ".json" and path.name != RUN_FILE:
            return read_transforms(path)
        if path.name != RUN_FILE and colmap_model_in(path.parent) != path.parent:
            message = f"{path} holds no cameras that can be read; give {_EXPECTED}."
            raise InputError(message)
        path = path.parent
    if (path / RUN_FILE).is_file() or ((path / "depth").is_dir() and (path / "camera").is_dir()):
        return read_run_cameras(path)
    if (path / TRANSFORMS_FILE).is_file():
        return read_transforms(path / TRANSFORMS_FILE)
    model = colmap_model_in(path)
    if model is None:
        message = f"{path} holds no cameras that can be read; give {_EXPECTED}."
        raise InputError(message)
    return read_colmap(model)
