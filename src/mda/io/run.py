"""Reading runs: ours, and those of the published release, which have no `run.json`."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from mda.errors import ConfigError, InputError
from mda.geometry import Cameras
from mda.io import run_files
from mda.io.run_files import RunView, view_numbers
from mda.io.run_info import RunInfo, Status, read_run_info
from mda.mixtures import DepthMixture, TransparentLayers
from mda.shapes import Bool, Float32, UInt8, ndarray
from mda.structures import Prediction


class Run:
    """A run on disk; views are read when asked for, depth stays on disk until it is used.

    Positions 0 .. len - 1 count the views that are there; `numbers` tells the numbers of their files.
    """

    def __init__(self, path: Path, info: RunInfo, stems: dict[int, str]) -> None:
        self.path = path
        self.info = info
        self.numbers = tuple(stems)
        self._stems = tuple(stems.values())
        # A run of the published release writes sky only for views that show some; a view without is then without sky.
        self.knows_sky = (path / "sky").is_dir() and any((path / "sky").glob("*.npy"))

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def names(self) -> tuple[str, ...]:
        """Source name of each view; the stem of its files where nobody wrote it down."""
        views = self.info.views
        return tuple(
            views[number].name if number in views else stem
            for number, stem in zip(self.numbers, self._stems, strict=True)
        )

    def depth(self, position: int) -> Float32[ndarray, "h w"]:
        """[h, w] z-depth, mapped from disk and read-only.

        Raises:
            InputError: the file is damaged.
        """
        path = self._file(position, "depth")
        depth = run_files.read_array(path)
        if depth.ndim != 2 or not np.issubdtype(depth.dtype, np.floating):
            message = f"{path} holds {depth.dtype} of shape {depth.shape}; expected float32 of shape (h, w)."
            raise InputError(message)
        return depth if depth.dtype == np.float32 else depth.astype(np.float32)

    def color(self, position: int) -> UInt8[ndarray, "h w 3"]:
        """[h, w, 3] RGB.

        Raises:
            InputError: the file is missing or damaged.
        """
        return run_files.read_color(self._file(position, "color"))

    def camera(self, position: int) -> tuple[Float32[ndarray, "4 4"], Float32[ndarray, "3 3"]]:
        """`world_from_cam` and intrinsics.

        Raises:
            InputError: the file is missing or damaged.
        """
        return run_files.read_camera(self._file(position, "camera"))

    def sky(self, position: int) -> Bool[ndarray, "h w"] | None:
        """[h, w] sky mask, or None where the run does not know sky.

        Raises:
            InputError: the file is damaged.
        """
        if not self.knows_sky:
            return None
        path = self._file(position, "sky")
        if not path.exists():
            return np.zeros(self.depth(position).shape, dtype=bool)
        return run_files.read_array(path, in_memory=True).astype(bool)

    def confidence(self, position: int) -> Float32[ndarray, "h w"] | None:
        """[h, w] raw confidence, or None.

        Raises:
            InputError: the file is damaged.
        """
        path = self._file(position, "conf")
        return run_files.read_array(path).astype(np.float32) if path.exists() else None

    @property
    def knows_confidence(self) -> bool:
        """Whether every view has a confidence."""
        return all(self._path(position, "conf").exists() for position in range(len(self)))

    def mixture(self, position: int) -> DepthMixture | None:
        """Density of batch shape [h, w], or None where it was not kept.

        Raises:
            InputError: the file is damaged.
        """
        path = self._file(position, "mixture")
        return run_files.read_mixture(path) if path.exists() else None

    def layers(self, position: int) -> TransparentLayers | None:
        """First and last surface, [h, w] each, or None where the model does not know transparent surfaces.

        Raises:
            InputError: the file is damaged.
        """
        path = self._file(position, "layers")
        return run_files.read_layers(path) if path.exists() else None

    def view(self, position: int, *, mixture: bool = True) -> RunView:
        """All parts of a view; the density, which is large, only if asked for.

        Raises:
            InputError: a file is missing or damaged.
        """
        world_from_cam, intrinsics = self.camera(position)
        try:
            return RunView(
                name=self.names[position],
                color=self.color(position),
                depth=self.depth(position),
                world_from_cam=world_from_cam,
                intrinsics=intrinsics,
                sky=self.sky(position),
                confidence=self.confidence(position),
                mixture=self.mixture(position) if mixture else None,
                layers=self.layers(position),
            )
        except ConfigError as error:
            message = f"{self.path} is damaged: {error} Make the run again, or copy it completely."
            raise InputError(message) from error

    @property
    def image_hw(self) -> tuple[int, int]:
        """Size of the views."""
        height, width = self.depth(0).shape
        return height, width

    def cameras(self) -> Cameras:
        """Cameras of all views, batch shape [v].

        Raises:
            InputError: a file is missing or damaged.
        """
        poses, intrinsics = zip(*(self.camera(position) for position in range(len(self))), strict=True)
        return Cameras(
            world_from_cam=torch.from_numpy(np.stack(poses)),
            intrinsics=torch.from_numpy(np.stack(intrinsics)),
            image_hw=self.image_hw,
        )

    def prediction(self) -> Prediction:
        """The whole run in memory, as the model gave it.

        The archive holds the decision about sky, not its odds: these come back as infinite. Where a run has no
        confidence (published release), it is one everywhere.

        Raises:
            InputError: a file is missing or damaged, or the views differ in size.
        """
        views = [self.view(position) for position in range(len(self))]
        if len({view.depth.shape for view in views}) > 1:
            message = f"The views of {self.path} differ in size and do not fit one prediction; read them one by one."
            raise InputError(message)
        return Prediction(
            images=torch.from_numpy(np.stack([view.color for view in views])),
            names=self.names,
            depth=torch.from_numpy(np.stack([view.depth for view in views])),
            cameras=self.cameras(),
            confidence=torch.from_numpy(np.stack([_confidence_or_one(view) for view in views])),
            mixture=_stacked([view.mixture for view in views]),
            layers=_joined_layers([view.layers for view in views]),
            sky_log_odds=_sky_log_odds(views),
            decoder=self.info.decoder,
            model=self.info.model,
            licence=self.info.licence,
            details={
                **self.info.details,
                "sizes": dict(self.info.sizes),
                "timings": dict(self.info.timings),
                "sources": self._sources(),
            },
        )

    def _sources(self) -> list[dict[str, Any]]:
        """Where each view comes from, as in the details of a fresh prediction; None for what is not known."""
        views = [self.info.views.get(number) for number in self.numbers]
        return [
            {
                "name": name,
                "source_hw": None if view is None else view.source_hw,
                "crop": None if view is None else view.crop,
                "seconds": None if view is None else view.time,
                "source_intrinsics": None if view is None else view.source_intrinsics,
            }
            for name, view in zip(self.names, views, strict=True)
        ]

    def _file(self, position: int, part: str) -> Path:
        """Path of a part of a view.

        Raises:
            InputError: it is a link that leads out of the run, to files that are none of its business.
        """
        path = self._path(position, part)
        if (path.is_symlink() or path.parent.is_symlink()) and not path.resolve().is_relative_to(self.path.resolve()):
            message = f"{path} is a link that leads out of the run and is not followed; copy the file it leads to."
            raise InputError(message)
        return path

    def _path(self, position: int, part: str) -> Path:
        return self.path / part / f"{self._stems[position]}{run_files.PARTS[part]}"


def load_run(path: Path | str) -> Run:
    """Open a run. Nothing but `run.json` and the list of files is read until a view is asked for.

    Raises:
        InputError: the folder is not a run, holds no view, or its `run.json` is damaged.
    """
    path = Path(path)
    if not path.is_dir():
        message = f"{path} is not a folder; give the folder of a run, as `mda predict --out` writes it."
        raise InputError(message)
    info = read_run_info(path)
    stems = view_numbers(path)
    if not stems:
        found = "the run was interrupted before its first view" if info else "it has no depth/000000.npy"
        message = f"{path} holds no view: {found}. Give the folder of a run, as `mda predict --out` writes it."
        raise InputError(message)
    unknown = RunInfo(model=path.name, status=Status.COMPLETE, versions={}, created="unknown")
    return Run(path, info or unknown, stems)


def _confidence_or_one(view: RunView) -> ndarray:
    return np.ones(view.depth.shape, dtype=np.float32) if view.confidence is None else view.confidence


def _sky_log_odds(views: list[RunView]) -> torch.Tensor | None:
    """Infinite log odds that say what the masks say."""
    masks = [view.sky for view in views if view.sky is not None]
    if len(masks) < len(views):
        return None
    return torch.from_numpy(np.where(np.stack(masks), np.inf, -np.inf).astype(np.float32))


def _stacked(mixtures: list[DepthMixture | None]) -> DepthMixture | None:
    """One mixture of batch shape [v, h, w], or None unless every view has one."""
    present = [mixture for mixture in mixtures if mixture is not None]
    if not present or len(present) < len(mixtures):
        return None
    return DepthMixture.joined([mixture[None] for mixture in present])


def _joined_layers(layers: list[TransparentLayers | None]) -> TransparentLayers | None:
    """Layers [v, h, w], or None unless every view has them."""
    present = [part[None] for part in layers if part is not None]
    return TransparentLayers.joined(present) if present and len(present) == len(layers) else None
