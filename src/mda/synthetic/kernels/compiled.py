"""How the inner loops are compiled.

Machine code is kept on disk, so a process compiles nothing that an earlier one has compiled.

Kernels are marked `@typing.no_type_check` too, because wrappers that check types at run time cannot be compiled.
"""

import functools
from contextlib import suppress
from pathlib import Path

from numba import njit

# No fast-math: the same clip must come out on every machine.
kernel = njit(cache=True, nogil=True, error_model="numpy")


@functools.cache
def forget_stale_code() -> None:
    """Remove machine code older than the newest source file of the kernels; to be called before the first of them.

    Numba compares machine code only with the file its kernel stands in, not with those of the kernels it calls, and
    would go on using code with an old version of them inside.
    """
    folder = Path(__file__).parent
    newest = max(path.stat().st_mtime for path in (*folder.glob("*.py"), folder.parent / "layout.py"))
    for index in (folder / "__pycache__").glob("*.nbi"):
        # Another process may be doing the same; where nothing can be removed there is no cache to be stale either.
        with suppress(OSError):
            if index.stat().st_mtime < newest:
                index.unlink()
