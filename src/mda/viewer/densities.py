"""Densities of the samples: read from the run a few pixels at a time, and decided anew by any decoder."""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from mda.errors import InputError, MdaError
from mda.io.run import Run
from mda.io.run_files import HEADERS_LOCK, TRANSPARENT, part_path
from mda.mixtures import Decoder, DepthMixture
from mda.shapes import Bool, Float32, Int, Shaped, ndarray
from mda.viewer.samples import Samples

_FIELDS = ("locs", "scales", "log_weights")
# Length of the fixed part of a local header of zip, and where in it the lengths of name and extra field stand.
_LOCAL_HEADER, _LENGTHS_AT = 30, 26
# A flying point is off both surfaces by more than this.
_OFF_SURFACE = 0.02


@dataclass(frozen=True, kw_only=True)
class Surfaces:
    """Nearest and farthest surface of samples; see `mda.mixtures.SurfaceLayers`.

    Attributes:
        front, back: [n] depths, NaN where there is no density.
        second_mass: [n] mass of the lighter of the two, 0 where there is one surface only.
        count: [n] number of surfaces, 0 where there is no density.
    """

    front: Float32[ndarray, " n"]
    back: Float32[ndarray, " n"]
    second_mass: Float32[ndarray, " n"]
    count: Int[ndarray, " n"]


class Densities:
    """Densities of samples; what was computed is kept, views without densities give NaN.

    Attributes:
        samples: the pixels.
        problems: a message for each view whose densities cannot be read.
    """

    def __init__(self, run: Run, samples: Samples) -> None:
        self.samples = samples
        self.problems: dict[int, str] = {}
        self._run = run
        self._kept: dict[str, tuple[ndarray, ...]] = {}

    def decoded(self, decoder: Decoder | str) -> tuple[Float32[ndarray, " n"], Int[ndarray, " n"]]:
        """[n] depth by that decoder, and the number of the responsible component, -1 where there is no density."""

        def decide(mixture: DepthMixture) -> tuple[ndarray, ...]:
            depth, component = mixture.decode_with_component(decoder)
            return depth.numpy(), component.numpy().astype(np.int32)

        depth, component = self._each(f"decode {decoder}", decide, (np.float32(np.nan), np.int32(-1)))
        return depth, component

    def weight(self, decoder: Decoder | str) -> Float32[ndarray, " n"]:
        """[n] weight of the component responsible for the decoded depth."""

        def weigh(mixture: DepthMixture) -> tuple[ndarray, ...]:
            _, component = mixture.decode_with_component(decoder)
            return (mixture.log_weights.gather(-1, component[:, None])[:, 0].exp().numpy(),)

        return self._each(f"weight {decoder}", weigh, (np.float32(np.nan),))[0]

    def entropy(self) -> Float32[ndarray, " n"]:
        """[n] differential entropy in nat, in the coordinate of the density."""
        return self._each("entropy", lambda mixture: (mixture.entropy().numpy(),), (np.float32(np.nan),))[0]

    def surfaces(self) -> Surfaces:
        """Nearest and farthest surface."""

        def find(mixture: DepthMixture) -> tuple[ndarray, ...]:
            layers = mixture.layers()
            second = torch.where(layers.count > 1, torch.minimum(layers.front_mass, layers.back_mass), 0.0)
            count = layers.count.numpy().astype(np.int32)
            return layers.front_depth.numpy(), layers.back_depth.numpy(), second.numpy(), count

        nothing = np.float32(np.nan)
        front, back, second, count = self._each("surfaces", find, (nothing, nothing, nothing, np.int32(0)))
        return Surfaces(front=front, back=back, second_mass=second, count=count)

    def flying(self) -> tuple[Bool[ndarray, " n"], Float32[ndarray, " n"]]:
        """[n] whether the mean lies strictly between two surfaces and on neither, and the mean."""
        mean, _ = self.decoded(Decoder.MEAN)
        found = self.surfaces()
        between = (mean > found.front * (1 + _OFF_SURFACE)) & (mean < found.back / (1 + _OFF_SURFACE))
        return between & (found.count > 1), mean

    def _each(
        self, name: str, function: Callable[[DepthMixture], tuple[ndarray, ...]], missing: tuple[np.generic, ...]
    ) -> tuple[ndarray, ...]:
        """The values of a function of densities, for all samples, view by view."""
        if name not in self._kept:
            results = tuple(np.full(len(self.samples), value, value.dtype) for value in missing)
            for position, part in _stretches(self.samples.views):
                try:
                    mixture = mixture_at(self._run, position, self.samples.pixels[part])
                except MdaError as error:
                    self.problems[position] = str(error)
                    continue
                if mixture is None:
                    continue
                good = _usable(mixture)
                index = np.arange(part.start, part.stop)[good]
                for result, values in zip(results, function(mixture[torch.from_numpy(good)]), strict=True):
                    result[index] = values
            self._kept[name] = results
        return self._kept[name]


def has_densities(run: Run) -> bool:
    """Whether densities of any view were kept."""
    return any(part_path(run.path, "mixture", number).exists() for number in run.numbers)


def mixture_at(run: Run, position: int, pixels: Int[ndarray, " n"]) -> DepthMixture | None:
    """Density of some pixels of a view, batch shape [n]; None where it was not kept.

    Only these pixels are read where the file allows it, as ours do: they are not compressed.

    Raises:
        InputError: the file is damaged, leads out of the run, or is of another size than the depth.
    """
    path = part_path(run.path, "mixture", run.numbers[position])
    mapped = None
    if path.exists() and path.resolve().is_relative_to(run.path.resolve()):
        mapped = _mapped(path)
    if mapped is None:
        whole = run.mixture(position)
        if whole is None:
            return None
        arrays = {name: getattr(whole, name).numpy() for name in _FIELDS}
        family, space, transparent = str(whole.family), str(whole.space), whole.transparent
    else:
        (arrays, family, space), transparent = mapped, None
    size = run.depth(position).shape
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) != 1 or next(iter(shapes))[:-1] != size:
        message = f"{path} holds densities of {sorted(shapes)}, the depth of the view is {size}; make the run again."
        raise InputError(message)
    locs, scales, log_weights = (
        torch.from_numpy(array.reshape(-1, array.shape[-1])[pixels].astype(np.float32)) for array in arrays.values()
    )
    return DepthMixture(
        locs=locs,
        scales=scales,
        log_weights=log_weights,
        family=family,
        space=space,
        transparent=None if transparent is None else transparent.reshape(-1)[torch.from_numpy(pixels)],
    )


def _stretches(views: Int[ndarray, " n"]) -> Iterator[tuple[int, slice]]:
    """Stretches of samples of one view each."""
    starts = np.flatnonzero(np.diff(views, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(views)], strict=True):
        yield int(views[start]), slice(int(start), int(stop))


def _usable(mixture: DepthMixture) -> Bool[ndarray, " n"]:
    """Pixels whose densities are numbers that make sense."""
    finite = mixture.locs.isfinite() & mixture.scales.isfinite() & (mixture.scales > 0)
    return (finite & ~mixture.log_weights.isnan()).all(-1).numpy()


def _mapped(path: Path) -> tuple[dict[str, Shaped[ndarray, "h w k"]], str, str] | None:
    """The arrays of a file of densities mapped into memory, with family and space; None where it is not as we write it.

    None leaves the file to the ordinary reader, which says what is wrong with it, and knows of transparent pixels.
    """
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file, HEADERS_LOCK:
            if f"{TRANSPARENT}.npy" in archive.namelist():
                return None
            arrays = {name: _member(path, archive, file, name) for name in _FIELDS}
            with archive.open("family.npy") as family, archive.open("space.npy") as space:
                kinds = [str(np.lib.format.read_array(member, allow_pickle=False)) for member in (family, space)]
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError):
        return None
    return arrays, kinds[0], kinds[1]


def _member(path: Path, archive: zipfile.ZipFile, file: BinaryIO, name: str) -> Shaped[ndarray, "h w k"]:
    """An array of an archive, mapped from the place in the file where it lies.

    Raises:
        ValueError: it is compressed, not an array of numbers, or does not fit in its place.
    """
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED:
        message = "compressed"
        raise ValueError(message)
    file.seek(info.header_offset + _LENGTHS_AT)
    name_length, extra_length = np.frombuffer(file.read(4), "<u2")
    start = info.header_offset + _LOCAL_HEADER + int(name_length) + int(extra_length)
    file.seek(start)
    major, _ = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read_header(file)
    here = file.tell()
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if is_fortran or dtype.kind != "f" or len(shape) != 3 or min(shape) < 1 or here + size > start + info.file_size:
        message = "not as we write it"
        raise ValueError(message)
    return np.memmap(path, dtype=dtype, mode="r", offset=here, shape=shape)
