"""Raw parameters of one 3D Gaussian per pixel (Depth Anything 3 giant)."""

from collections.abc import Sequence

from torch import nn

from mda.models.heads.chunks import in_chunks
from mda.models.heads.dense import Branch, DenseTrunk, run_branches
from mda.shapes import Float, Tensor

_RAW = 37


class GaussianHead(nn.Module):
    """37 linear channels and a density in 0..1 per pixel; the image itself joins in at full resolution."""

    def __init__(self, dim: int, *, features: int, channels: Sequence[int], patch: int = 14) -> None:
        super().__init__()
        self.trunk = DenseTrunk(dim, features=features, channels=channels, patch=patch, norm=False)
        layers: list[nn.Module] = []
        width = 3
        for divisor in (8, 4, 2):
            layers += [nn.Conv2d(width, features // divisor, 3, padding=1), nn.GELU()]
            width = features // divisor
        self.image_branch = nn.Sequential(*layers)
        self.raw = Branch(self.trunk.out_dim, _RAW + 1)

    def forward(
        self, levels: Sequence[Float[Tensor, "n p d"]], images: Float[Tensor, "n 3 h w"], *, chunk: int | None = None
    ) -> tuple[Float[Tensor, "n h w 37"], Float[Tensor, "n h w"]]:
        """Raw channels and density of n views; `chunk` are computed at a time, without effect on the result."""
        image_hw = (images.shape[-2], images.shape[-1])

        def run(image: Tensor, *part: Tensor) -> tuple[Tensor, ...]:
            full = self.trunk.full_map(self.trunk.maps(part, image_hw), image_hw, self.image_branch(image))
            raw = run_branches(full, [self.raw]).permute(0, 2, 3, 1)
            return raw[..., :_RAW], raw[..., _RAW].sigmoid()

        raw, density = in_chunks(run, [images, *levels], chunk)
        return raw, density
