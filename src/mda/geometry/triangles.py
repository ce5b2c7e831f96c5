"""Triangles between the pixels of a depth map."""

import torch

from mda.shapes import Bool, Float, Int, Tensor


def surface_triangles(
    depth: Float[Tensor, "h w"], valid: Bool[Tensor, "h w"], *, ratio: float = 0.05
) -> Int[Tensor, "n 3"]:
    """Triangles of neighbouring pixels that lie on one surface: none bridges a discontinuity.

    Each square of 2x2 pixels is cut along the diagonal whose ends are nearer in ln depth; of the two triangles those
    remain whose three pixels are valid and differ in depth by at most the factor 1 + `ratio`, the measure of
    `depth_discontinuities`. So a corner on another surface costs its square one triangle, not both.

    Returns:
        Numbers of pixels, row by row; counter-clockwise as the camera sees them.
    """
    height, width = depth.shape
    number = torch.arange(height * width, device=depth.device).reshape(height, width)
    log_depth = torch.where(valid, depth, torch.nan).double().log()
    corners = [(number[rows, columns], log_depth[rows, columns]) for rows, columns in _CORNERS]
    (a, log_a), (b, log_b), (c, log_c), (d, log_d) = corners
    # An invalid end makes its diagonal the worse one.
    falling = (log_a - log_d).abs().nan_to_num(nan=torch.inf) <= (log_b - log_c).abs().nan_to_num(nan=torch.inf)
    triangles = torch.stack(
        [
            torch.where(falling[..., None], torch.stack([a, c, d], -1), torch.stack([a, c, b], -1)),
            torch.where(falling[..., None], torch.stack([a, d, b], -1), torch.stack([b, c, d], -1)),
        ],
        dim=-2,
    ).reshape(-1, 3)
    values = log_depth.reshape(-1)[triangles]
    # Comparisons with NaN are false: triangles with an invalid pixel go.
    return triangles[values.amax(-1) - values.amin(-1) <= torch.log1p(torch.tensor(ratio, dtype=torch.float64))]


_FIRST, _SECOND = slice(None, -1), slice(1, None)
# Top left, top right, bottom left, bottom right of all squares.
_CORNERS = ((_FIRST, _FIRST), (_FIRST, _SECOND), (_SECOND, _FIRST), (_SECOND, _SECOND))
