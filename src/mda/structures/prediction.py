"""What a person gets for a clip: decoded depth, cameras, sky, and the density behind them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from mda.geometry import Cameras, points_from_depth
from mda.mixtures import DepthMixture, TransparentLayers
from mda.shapes import Bool, Float, Tensor, UInt8
from mda.structures.network_output import is_sky


@dataclass(frozen=True, kw_only=True)
class PointCloud:
    """Coloured points in the world.

    Attributes:
        positions: [n, 3].
        colors: [n, 3] RGB.
        confidence: [n], or None.
    """

    positions: Float[Tensor, "n 3"]
    colors: UInt8[Tensor, "n 3"]
    confidence: Float[Tensor, "n"] | None = None


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Depth, cameras and sky of one clip.

    Attributes:
        images: [v, h, w, 3] RGB, the images that the network saw.
        names: source name of each view.
        depth: [v, h, w] z-depth chosen by `decoder`; defined everywhere, also at sky.
        cameras: batch shape [v].
        confidence: [v, h, w] raw confidence c > 1 of the component that the decoded depth belongs to; the width of
            that component is 0.2 / c (Laplace scale, or Normal variance) in the coordinate of the mixture.
        mixture: density of batch shape [v, h, w], or None where it was not kept.
        sky_log_odds: [v, h, w], or None where the model does not know sky.
        layers: first and last surface, [v, h, w] each, or None where the model does not know transparent surfaces.
        decoder: name of the decoder.
        model: name of the model.
        licence: licence of the weights.
        details: anything worth recording in `run.json` (sizes of the originals, timings).
    """

    images: UInt8[Tensor, "v h w 3"]
    names: tuple[str, ...]
    depth: Float[Tensor, "v h w"]
    cameras: Cameras
    confidence: Float[Tensor, "v h w"]
    mixture: DepthMixture | None
    sky_log_odds: Float[Tensor, "v h w"] | None
    decoder: str
    model: str
    licence: str
    details: dict[str, Any] = field(default_factory=dict)
    layers: TransparentLayers | None = None

    @property
    def p_sky(self) -> Float[Tensor, "v h w"] | None:
        """Probability of sky, or None."""
        return None if self.sky_log_odds is None else self.sky_log_odds.sigmoid()

    @property
    def sky(self) -> Bool[Tensor, "v h w"] | None:
        """Sky pixels: sky outweighs every finite component (p_sky > 1/2 where the mixture was not kept); or None."""
        if self.sky_log_odds is None:
            return None
        return self.sky_log_odds > 0 if self.mixture is None else is_sky(self.sky_log_odds, self.mixture.log_weights)

    def points(self, *, min_confidence: float = 0.0) -> PointCloud:
        """Coloured world points of all views; sky, non-finite and (if asked) unsure pixels are left out."""
        positions = points_from_depth(self.depth, self.cameras)
        keep = positions.isfinite().all(-1) & (self.depth > 0) & (self.confidence >= min_confidence)
        if self.sky is not None:
            keep = keep & ~self.sky
        return PointCloud(positions=positions[keep], colors=self.images[keep], confidence=self.confidence[keep])

    def save(self, path: str | Path, *, save_mixture: bool = False, overwrite: bool = False) -> Path:
        """Write the run archive to the folder `path` and return it (see `mda.io.archive`)."""
        from mda.io.archive import save_prediction  # noqa: PLC0415 - io lies above structures; only this door knows it

        return save_prediction(self, Path(path), save_mixture=save_mixture, overwrite=overwrite)

    def export(self, name: str, path: str | Path, *, overwrite: bool = False, **options: Any) -> Path:  # noqa: ANN401
        """Write the prediction in a format of other programs, such as "ply", "glb" or "colmap", and return the path.

        Args:
            name: of the format; `mda export --list` and docs/exports.md have all.
            path: file or folder to write.
            overwrite: replace what is there.
            options: fields of `mda.io.exporters.ExportSettings` (such as `normals=True`) and of
                `mda.io.clouds.CloudFilter` (such as `edge_ratio=0.05`).

        Raises:
            ConfigError: there is no such format or option, or the format needs a mixture that was not kept.
            OutputError: the place is taken, or cannot be written to.
            MissingExtraError: the format needs an extra that is not installed.
        """
        from mda.io.exporters import export_prediction  # noqa: PLC0415 - as above

        return export_prediction(self, name, Path(path), overwrite=overwrite, **options).path

    def cpu(self) -> "Prediction":
        """The same prediction in main memory."""
        cpu = torch.device("cpu")
        return Prediction(
            images=self.images.to(cpu),
            names=self.names,
            depth=self.depth.to(cpu),
            cameras=self.cameras.to(cpu),
            confidence=self.confidence.to(cpu),
            mixture=None if self.mixture is None else self.mixture.to(cpu),
            sky_log_odds=None if self.sky_log_odds is None else self.sky_log_odds.to(cpu),
            decoder=self.decoder,
            model=self.model,
            licence=self.licence,
            details=self.details,
            layers=None if self.layers is None else self.layers.to(cpu),
        )
