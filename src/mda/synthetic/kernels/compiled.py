"""How the inner loops are compiled.

Machine code is kept on disk, so a process compiles nothing that an earlier one has compiled. Numba looks only at the
file a kernel stands in, not at the kernels it calls: after editing one, remove the `*.nbi` files of this package.

Kernels are marked `@typing.no_type_check` too, because wrappers that check types at run time cannot be compiled.
"""

from numba import njit

# No fast-math: the same clip must come out on every machine.
kernel = njit(cache=True, nogil=True, error_model="numpy")
