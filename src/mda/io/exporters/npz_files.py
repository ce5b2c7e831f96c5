"""Archives of arrays that NumPy reads, written part after part."""

import zipfile
from collections.abc import Iterable

import numpy as np

from mda.shapes import Shaped, ndarray


class NpzWriter:
    """Arrays in an archive, under names that NumPy finds."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(
        self, name: str, dtype: type[np.generic], shape: tuple[int, ...], parts: Iterable[Shaped[ndarray, "..."]]
    ) -> None:
        """Add an array of that shape, part after part."""
        # A fixed date, so that equal arrays make equal files.
        entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
        head = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
        with self._archive.open(entry, "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, head)
            for part in parts:
                file.write(part.astype(dtype).tobytes())

    def add_whole(self, name: str, values: Shaped[ndarray, "..."]) -> None:
        """Add an array."""
        entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
        with self._archive.open(entry, "w", force_zip64=True) as file:
            np.lib.format.write_array(file, values, allow_pickle=False)
