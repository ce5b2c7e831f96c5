"""Array types for signatures: `Float[Tensor, "*b h w"]` is a floating tensor of that shape.

The names of axes mean the same everywhere: `*b` any leading axes, `v` views, `h` rows, `w` columns, `k` mixture
components (always last). They are checked at run time under pytest only.
"""

from jaxtyping import Bool, Float, Float32, Int, Shaped, UInt8
from numpy import ndarray
from torch import Tensor

__all__ = ["Bool", "Float", "Float32", "Int", "Shaped", "Tensor", "UInt8", "ndarray"]
