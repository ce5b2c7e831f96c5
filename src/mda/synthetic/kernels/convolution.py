# ruff: noqa: ANN001, ANN201 - compiled code: types are inferred, inputs are arrays
"""Weighted means around pixels."""

from typing import no_type_check

from mda.synthetic.kernels.compiled import kernel


@kernel
@no_type_check
def add_shifted(padded, weights, total):
    """Add to total[h, w, 3] the neighbours of each pixel times weights[n, n]; padded is n // 2 larger on every side."""
    height, width, _ = total.shape
    for y in range(height):
        for i in range(weights.shape[0]):
            for j in range(weights.shape[1]):
                weight = weights[i, j]
                if weight > 0:
                    for x in range(width):
                        for c in range(3):
                            total[y, x, c] += weight * padded[y + i, x + j, c]
