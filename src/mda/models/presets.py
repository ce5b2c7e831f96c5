"""Named networks: architecture, weights, licences, and how a predictor should use them.

To add a network, add a `Preset` to `PRESETS`: anything that can be called to get a `DepthNetwork` will do as `make`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch

from mda.errors import ConfigError
from mda.mixtures import Decoder
from mda.models.adapters import Scheme, Shapes, published_shapes
from mda.models.backbones import DinoConfig, ReferenceView
from mda.models.da3 import AnyViewConfig, MixtureConfig, MonoConfig
from mda.models.layers import FeedForward
from mda.models.mini import MINI, MINI_FREE, MINI_SINGLE, MiniConfig
from mda.models.network import DepthNetwork
from mda.models.vggt import VggtConfig
from mda.shapes import Tensor

_APACHE = "Apache-2.0"
_CC_BY_NC = "CC-BY-NC-4.0"
_VGGT_COMMERCIAL = "LicenseRef-VGGT-AUP"
# Share of a file's tensors that must fit a preset in name and shape for it to be named in a message.
_LIKENESS = 0.8


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """A file of a repository on the Hugging Face Hub.

    Attributes:
        repo: owner/name.
        file: name in it.
        release_name: name that the published release has for it, in its folder `checkpoints`; None where it is that of
            the file in a folder called like the repository.
    """

    repo: str
    file: str
    release_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named network.

    Attributes:
        name, title: short name, and one line for people.
        family: which networks it belongs with.
        backbone: one phrase about what looks at the images.
        make: builds the network with fresh weights (on the current default device).
        parameters: number of parameters.
        licence_code, licence_weights: SPDX names; None where there are no weights.
        commercial: whether the licence of the weights allows commercial use.
        source: where the weights are, or None (shipped with the package, or none).
        scheme: naming of parameters in its weights file.
        long_side: default size of the longer image side in pixels; `patch`: sides are multiples of it.
        decoder: default way from density to depth.
        transparent: knows transparent surfaces (decoder `layers`).
        any_view: looks at all views of a clip together and predicts cameras.
        recalibration: factor on the scales of all components, as `mda evaluate calibration` fits it.
        takes_cameras: can be told cameras; `rescales_cameras`: then in units of their median distance.
        notes: what one should know, e.g. on the licence.
        variant: how its mixture differs from the named network's (`Variant.to_json`), or nothing.
    """

    name: str
    title: str
    family: str
    backbone: str
    make: Callable[[], DepthNetwork]
    parameters: int
    licence_code: str = _APACHE
    licence_weights: str | None
    commercial: bool
    source: HubFile | None
    scheme: Scheme
    long_side: int = 504
    patch: int = 14
    decoder: Decoder = Decoder.COMPONENT
    transparent: bool = False
    recalibration: float = 1.0
    any_view: bool = True
    takes_cameras: bool = True
    rescales_cameras: bool = True
    notes: str = ""
    variant: str = ""

    def build(self, device: torch.device | str | None = None) -> DepthNetwork:
        """The network with fresh weights; on the device "meta" it has shapes but no memory."""
        if device is None:
            return self.make()
        with torch.device(device):
            return self.make()


def _small_to_large(dim: int, depth: int, heads: int, start: int, out_layers: tuple[int, int, int, int]) -> DinoConfig:
    return DinoConfig(dim=dim, depth=depth, heads=heads, special_start=start, out_layers=out_layers)


_LARGE_CHANNELS = (256, 512, 1024, 1024)
_GIANT_BACKBONE = DinoConfig(
    dim=1536, depth=40, heads=24, feed_forward=FeedForward.SWIGLU, special_start=13, out_layers=(19, 27, 33, 39)
)
_MONO_BACKBONE = DinoConfig(dim=1024, depth=24, heads=16, out_layers=(4, 11, 17, 23), join_local=False)

DA3_SMALL = AnyViewConfig(
    backbone=_small_to_large(384, 12, 6, 4, (5, 7, 9, 11)), features=64, channels=(48, 96, 192, 384)
)
DA3_BASE = AnyViewConfig(
    backbone=_small_to_large(768, 12, 12, 4, (5, 7, 9, 11)), features=128, channels=(96, 192, 384, 768)
)
DA3_SMALL_MOG_SKY = replace(DA3_SMALL, mixture=MixtureConfig(), reference_view=ReferenceView.FIRST)
DA3_BASE_MOG_SKY = replace(DA3_BASE, mixture=MixtureConfig(), reference_view=ReferenceView.FIRST)
DA3_LARGE = AnyViewConfig(
    backbone=_small_to_large(1024, 24, 16, 8, (11, 15, 19, 23)), features=256, channels=_LARGE_CHANNELS
)
DA3_GIANT = AnyViewConfig(backbone=_GIANT_BACKBONE, features=256, channels=_LARGE_CHANNELS, gaussians=True)
MDA_MOG_SKY_L2 = AnyViewConfig(
    backbone=_GIANT_BACKBONE,
    features=256,
    channels=_LARGE_CHANNELS,
    mixture=MixtureConfig(),
    reference_view=ReferenceView.FIRST,
)
VGGT = VggtConfig()
VGGT_MOG_L2 = VggtConfig(components=4, points=False)
# For ablations and tests: minutes on one core.
MDA_TINY = MiniConfig(width=48, heads=2, blocks=2, channels=(32, 24, 24, 24), head_channels=24, frozen_blocks=16)
DA3_MONO_LARGE = MonoConfig(backbone=_MONO_BACKBONE, features=256, channels=_LARGE_CHANNELS)


def _da3(size: str, config: AnyViewConfig, *, parameters: int, free: bool) -> Preset:
    feed_forward = config.backbone.feed_forward.value
    return Preset(
        name=f"da3-{size}",
        title=f"Depth Anything 3 {size}: depth, rays and cameras of any number of views",
        family="da3",
        backbone=f"DINOv2 {size} ({config.backbone.depth} blocks of width {config.backbone.dim}, {feed_forward})",
        make=config.build,
        parameters=parameters,
        licence_weights=_APACHE if free else _CC_BY_NC,
        commercial=free,
        source=HubFile(repo=f"depth-anything/DA3-{size.upper()}", file="model.safetensors"),
        scheme=Scheme.DA3,
    )


def _da3_mixture(size: str, config: AnyViewConfig, *, parameters: int) -> Preset:
    return replace(
        _da3(size, config, parameters=parameters, free=True),
        name=f"da3_{size}_mog_sky",
        title=f"Mixture-density depth on Depth Anything 3 {size}, trained from da3-{size}; no weights are published",
        licence_weights=None,
        source=None,
        decoder=Decoder.MODE,
        rescales_cameras=False,
    )


def _mono(kind: str, title: str) -> Preset:
    return Preset(
        name=f"da3{kind}-large",
        title=title,
        family="da3_mono",
        backbone="DINOv2 large (24 blocks of width 1024, mlp), single views",
        make=DA3_MONO_LARGE.build,
        parameters=334_171_394,
        licence_weights=_APACHE,
        commercial=True,
        source=HubFile(repo=f"depth-anything/DA3{kind.upper()}-LARGE", file="model.safetensors"),
        scheme=Scheme.DA3_MONO,
        any_view=False,
        takes_cameras=False,
    )


def _vggt(
    name: str, title: str, config: VggtConfig, *, parameters: int, licence: str, source: HubFile, notes: str = ""
) -> Preset:
    return Preset(
        name=name,
        title=title,
        family="vggt",
        backbone="DINOv2 large and 24 rounds of attention within and across views (width 1024)",
        make=config.build,
        parameters=parameters,
        licence_weights=licence,
        commercial=licence == _VGGT_COMMERCIAL,
        source=source,
        scheme=Scheme.VGGT,
        long_side=518,
        decoder=Decoder.COMPONENT if config.components is None else Decoder.MODE,
        takes_cameras=False,
        notes=notes,
    )


def _mini(name: str, title: str, config: MiniConfig, *, parameters: int, ships: bool = False) -> Preset:
    tiny = config is MDA_TINY
    return Preset(
        name=name,
        title=title,
        family="mini",
        backbone="EfficientNet-Lite0 (ImageNet start, never trained) and 2 attention blocks of width 48"
        if tiny
        else "EfficientNet-Lite0 (ImageNet start) and 6 attention blocks of width 192",
        make=config.build,
        parameters=parameters,
        licence_weights=_APACHE if ships else None,
        commercial=True,
        source=None,
        scheme=Scheme.NATIVE,
        long_side=128 if tiny else 256,
        patch=16,
        decoder=Decoder.HEAVIEST if config.components > 1 else Decoder.COMPONENT,
        takes_cameras=False,
    )


_ALL = (
    _mini(
        "mda_mini",
        "Small mixture network for laptops: mixture, sky and cameras of any number of views; ships with mda",
        MINI,
        parameters=6_522_037,
        ships=True,
    ),
    _mini(
        "mda_mini_single",
        "Single-depth baseline of mda_mini, for training and comparison only; no weights are shipped",
        MINI_SINGLE,
        parameters=6_494_625,
    ),
    _mini(
        "mda_mini_free",
        "mda_mini with components that are free at every pixel, for comparison only; no weights are shipped",
        MINI_FREE,
        parameters=6_515_397,
    ),
    _mini(
        "mda_tiny",
        "Tiny mixture network for ablations and trials of training; no weights are shipped",
        MDA_TINY,
        parameters=3_113_261,
    ),
    _da3("small", DA3_SMALL, parameters=34_299_463, free=True),
    _da3("base", DA3_BASE, parameters=135_366_599, free=True),
    _da3("large", DA3_LARGE, parameters=410_941_767, free=False),
    _da3("giant", DA3_GIANT, parameters=1_355_674_125, free=False),
    _da3_mixture("small", DA3_SMALL_MOG_SKY, parameters=37_269_524),
    _da3_mixture("base", DA3_BASE_MOG_SKY, parameters=147_144_980),
    _mono("mono", "Depth Anything 3 mono: relative depth and sky of single views"),
    _mono(
        "metric",
        "Depth Anything 3 metric: depth and sky of single views; metres = depth x focal (pixels) / 300",
    ),
    Preset(
        name="mda_mog_sky_l2",
        title="Mixture-density depth on Depth Anything 3 giant: mixture, sky and cameras of any number of views",
        family="da3",
        backbone="DINOv2 giant (40 blocks of width 1536, swiglu)",
        make=MDA_MOG_SKY_L2.build,
        parameters=1_355_733_780,
        licence_weights=_CC_BY_NC,
        commercial=False,
        source=HubFile(repo="sy000/MDA", file="DA3_MOG_Sky_LogL2.ckpt"),
        scheme=Scheme.DA3,
        decoder=Decoder.MODE,
        rescales_cameras=False,
        notes=(
            "The published card says Apache-2.0, but the weights were trained from DA3-GIANT, which is CC-BY-NC-4.0; "
            "they are treated as non-commercial here. This is no legal advice."
        ),
    ),
    _vggt(
        "vggt",
        "VGGT-1B: depth, points and cameras of any number of views",
        VGGT,
        parameters=1_190_596_120,
        licence=_CC_BY_NC,
        source=HubFile(repo="facebook/VGGT-1B", file="model.pt", release_name="vggt_1b_model.pt"),
    ),
    _vggt(
        "vggt-commercial",
        "VGGT-1B-Commercial: the same network with weights that may be used commercially",
        VGGT,
        parameters=1_190_596_120,
        licence=_VGGT_COMMERCIAL,
        source=HubFile(repo="facebook/VGGT-1B-Commercial", file="vggt_1B_commercial.pt"),
        notes=(
            "The weights are given out on request, under an acceptable-use policy that forbids military use. "
            "Read it before you use them; this is no legal advice."
        ),
    ),
    _vggt(
        "vggt_mog_l2",
        "Mixture-density depth on VGGT-1B: mixture and cameras of any number of views (no sky)",
        VGGT_MOG_L2,
        parameters=1_158_052_510,
        licence=_CC_BY_NC,
        source=HubFile(repo="sy000/MDA", file="VGGT_MOG_LogL2.ckpt"),
        notes=(
            "The published card says Apache-2.0, but the weights were trained from VGGT-1B, which is non-commercial; "
            "they are treated as non-commercial here. This is no legal advice."
        ),
    ),
)
PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}


def find_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        ConfigError: there is none; the message lists those that exist.
    """
    if name not in PRESETS:
        message = f"There is no network called {name!r}. Known: {', '.join(PRESETS)}."
        raise ConfigError(message)
    return PRESETS[name]


def build(name: str, device: torch.device | str | None = None) -> DepthNetwork:
    """A named network with fresh weights; on the device "meta" it has shapes but no memory."""
    return find_preset(name).build(device)


def guess_preset(state: Mapping[str, Tensor]) -> Preset | None:
    """The preset whose published file this state dict (without wrappers) most looks like, or None."""
    return guess_by_shapes({name: tuple(tensor.shape) for name, tensor in state.items()})


def guess_by_shapes(shapes: Shapes) -> Preset | None:
    """The preset whose published file most looks like one of tensors of these names and shapes, or None."""
    have = set(shapes.items())
    best, best_share = None, _LIKENESS
    for preset in PRESETS.values():
        want = set(published_shapes(preset.build("meta"), preset.scheme).items())
        share = len(have & want) / max(len(have | want), 1)
        if share > best_share:
            best, best_share = preset, share
    return best
