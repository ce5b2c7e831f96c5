"""Images with cameras, as photogrammetry and radiance fields want them: names, sizes, and copies of the views."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from mda.errors import InputError
from mda.geometry import Cameras
from mda.io.exporters.views import exact_camera, file_names
from mda.io.images import write_png
from mda.io.resize import CropBox, cameras_in_source
from mda.io.run import Run
from mda.shapes import Float, Int, Tensor, ndarray

IMAGES_FOLDER = "images"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class PosedImage:
    """An image and its camera.

    Attributes:
        position: of the view in the run.
        name: file name of the image.
        camera: in double precision, for the size of the image.
        view_width: columns of the view.
        from_view: [2, 3] affine map from pixels of the view (x, y, 1) to pixels of the image.
    """

    position: int
    name: str
    camera: Cameras
    view_width: int
    from_view: Float[Tensor, "2 3"]

    def places(self, pixels: Int[ndarray, " n"]) -> Float[ndarray, "n 2"]:
        """Where the centres of the view's pixels, given by their numbers row by row, lie in the image."""
        ones = np.ones(len(pixels))
        centers = np.stack([pixels % self.view_width + 0.5, pixels // self.view_width + 0.5, ones], axis=-1)
        return centers @ self.from_view.numpy().T


def posed_images(run: Run, positions: Iterable[int], *, original_size: bool) -> list[PosedImage]:
    """Images of views: the views themselves as PNG, or the images in their files under the names they have there.

    Raises:
        InputError: a camera is damaged; the run does not say which part of which image a view shows; or two images that
            are told apart by name have the same.
    """
    stems = file_names(run.names)
    named = original_size and not any(_CONTROL.search(name) for name in run.names)
    images = []
    for position in positions:
        own = exact_camera(run, position)
        camera = _source_camera(run, position, own) if original_size else own
        # Both cameras look the same way, so pixels go from one to the other by intrinsics alone.
        from_view = (camera.intrinsics @ own.intrinsics.inverse())[:2]
        own_name = PurePosixPath(run.names[position]).name
        name = own_name if named and own_name.strip(".") and _is_file(run, position) else f"{stems[position]}.png"
        images.append(
            PosedImage(position=position, name=name, camera=camera, view_width=own.image_hw[1], from_view=from_view)
        )
    seen: set[str] = set()
    for image in images:
        if image.name in seen:
            message = (
                f"Two images of {run.path} are called {image.name}; leave --original-size out to get names that differ."
            )
            raise InputError(message)
        seen.add(image.name)
    return images


def write_images(run: Run, folder: Path, images: Iterable[PosedImage]) -> None:
    """Write the views themselves.

    Raises:
        InputError: an image of the run is damaged.
        OutputError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for image in images:
        write_png(folder / image.name, run.color(image.position))


def _source_camera(run: Run, position: int, own: Cameras) -> Cameras:
    """The camera of a view for the whole image in its file."""
    info = run.info.views.get(run.numbers[position])
    if info is None or info.crop is None or info.source_hw is None:
        message = (
            f"{run.path} does not say how large the original of {run.names[position]} is; leave --original-size out."
        )
        raise InputError(message)
    top, left, height, width = info.crop
    return cameras_in_source(own, CropBox(top=top, left=left, height=height, width=width), info.source_hw)


def _is_file(run: Run, position: int) -> bool:
    """Whether a view is from an image of its own, not from a video."""
    info = run.info.views.get(run.numbers[position])
    return info is not None and info.time is None
