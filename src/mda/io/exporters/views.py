"""What exporters share: reading views, the cameras of a run in double precision, names of files."""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import torch

from mda.errors import InputError
from mda.geometry import Cameras, matrix_from_quaternion, quaternion_from_matrix
from mda.io.clouds import CloudFilter
from mda.io.images import IMAGE_EXTENSIONS
from mda.io.run import Run
from mda.io.run_files import RunView
from mda.shapes import Bool, Float32, ndarray

_LOGGER = logging.getLogger(__name__)
_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 80


@dataclass(frozen=True, kw_only=True)
class NumberedView:
    """A view, its position in the run, and its camera in double precision."""

    position: int
    view: RunView
    camera: Cameras


class ChosenViews:
    """The views of a run that filters choose, read one at a time; those that cannot be read are told and left out.

    Attributes:
        problems: a message for each view that cannot be read, once they have been gone through.
    """

    def __init__(self, run: Run, filters: CloudFilter, *, mixture: bool = False) -> None:
        self.problems: tuple[str, ...] = ()
        self._run = run
        self._filters = filters
        self._mixture = mixture

    def __iter__(self) -> Iterator[NumberedView]:
        """Read the views.

        Raises:
            InputError: none can be read.
        """
        problems, read = [], 0
        for position in self._filters.positions(self._run):
            try:
                view = self._run.view(position, mixture=self._mixture)
                camera = exact_camera(self._run, position)
            except InputError as error:
                if str(error) not in self.problems:
                    _LOGGER.warning("%s The view is left out.", error)
                problems.append(str(error))
                continue
            read += 1
            yield NumberedView(position=position, view=view, camera=camera)
        self.problems = tuple(problems)
        if problems and not read:
            message = f"Of {self._run.path} not one view can be read. {problems[0]}"
            raise InputError(message)


def exact_camera(run: Run, position: int) -> Cameras:
    """The camera of a view in double precision, with a rotation that is one to the last digit.

    Raises:
        InputError: the files are damaged.
    """
    pose, intrinsics = (torch.from_numpy(values).double() for values in run.camera(position))
    pose[:3, :3] = matrix_from_quaternion(quaternion_from_matrix(pose[:3, :3]))
    height, width = run.depth(position).shape
    return Cameras(world_from_cam=pose, intrinsics=intrinsics, image_hw=(height, width))


def solid_pixels(depth: Float32[ndarray, "h w"], sky: Bool[ndarray, "h w"] | None) -> Bool[ndarray, "h w"]:
    """Pixels with a depth that is one, and no sky."""
    solid = np.isfinite(depth) & (depth > 0)
    return solid if sky is None else solid & ~sky


def file_names(names: Sequence[str]) -> list[str]:
    """Names for files, one for each view, without an ending: what the sources are called, made safe and different."""
    stems = [_safe(name) for name in names]
    counts = Counter(stem.casefold() for stem in stems)
    return [
        stem if stem and counts[stem.casefold()] == 1 else f"{position:06d}{'_' if stem else ''}{stem}"
        for position, stem in enumerate(stems)
    ]


def _safe(name: str) -> str:
    last = PurePosixPath(name.replace("\\", "/")).name
    stem, dot, ending = last.rpartition(".")
    return _UNSAFE.sub("_", stem if dot + ending.lower() in IMAGE_EXTENSIONS else last).strip("._")[:_LONGEST_NAME]
