"""Named networks with another mixture: number of components, family, space, sky. What ablations compare."""

import json
from dataclasses import asdict, dataclass, replace

from mda.errors import CheckpointError, ConfigError
from mda.mixtures import Decoder, Family, Space
from mda.models.da3 import AnyViewConfig, MixtureConfig
from mda.models.mini import MINI, MINI_FREE, MINI_SINGLE, MiniConfig
from mda.models.presets import (
    DA3_BASE_MOG_SKY,
    DA3_SMALL_MOG_SKY,
    MDA_MOG_SKY_L2,
    MDA_TINY,
    VGGT_MOG_L2,
    Preset,
)
from mda.models.vggt import VggtConfig

Config = MiniConfig | AnyViewConfig | VggtConfig

# Networks whose mixture may be chosen. The others have none, or weights that fit one mixture only.
_CONFIGS: dict[str, Config] = {
    "mda_mini": MINI,
    "mda_mini_free": MINI_FREE,
    "mda_mini_single": MINI_SINGLE,
    "mda_tiny": MDA_TINY,
    "da3_small_mog_sky": DA3_SMALL_MOG_SKY,
    "da3_base_mog_sky": DA3_BASE_MOG_SKY,
    "mda_mog_sky_l2": MDA_MOG_SKY_L2,
    "vggt_mog_l2": VGGT_MOG_L2,
}
# The published networks have at most this many branches to give a component each.
_MOST_COMPONENTS = 8
_FEWEST_OF_LAYERS = 3


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs from the preset; None leaves it as it is.

    Attributes:
        components: number K of components.
        family: of the components.
        space: coordinate in which they are components.
        sky: whether there is a sky logit.
        independent: weights are sigmoids of their own, for transparent surfaces.
    """

    components: int | None = None
    family: Family | None = None
    space: Space | None = None
    sky: bool | None = None
    independent: bool | None = None

    def __post_init__(self) -> None:
        """Refuse numbers of components that no head has.

        Raises:
            ConfigError: fewer than one, or more than eight.
        """
        if self.components is not None and not 1 <= self.components <= _MOST_COMPONENTS:
            message = f"A mixture has 1 to {_MOST_COMPONENTS} components, found {self.components}."
            raise ConfigError(message)

    def __bool__(self) -> bool:
        return any(value is not None for value in asdict(self).values())

    def to_json(self) -> str:
        """What is said, as text for the metadata of a weights file."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})

    @classmethod
    def from_json(cls, text: str, source: str) -> "Variant":
        """Inverse of `to_json`.

        Raises:
            CheckpointError: the text says something else; the message names `source`.
        """
        try:
            told = json.loads(text)
            family, space = told.pop("family", None), told.pop("space", None)
            return cls(
                family=None if family is None else Family(family), space=None if space is None else Space(space), **told
            )
        except (ValueError, TypeError, AttributeError, ConfigError) as error:
            message = f"{source} describes its mixture in a way that is not known here ({error}). Install a newer mda."
            raise CheckpointError(message) from error


def varied(preset: Preset, variant: Variant, *, recompute: bool = False) -> Preset:
    """The preset with another mixture.

    Args:
        preset: of a network with a mixture head.
        variant: what is to differ.
        recompute: compute transformer blocks and heads again in the backward pass, to save memory in training.

    Raises:
        ConfigError: the network has no mixture head whose kind could be chosen.
    """
    if not variant and not recompute:
        return preset
    config = _CONFIGS.get(preset.name)
    if config is None:
        message = f"The mixture of {preset.name} cannot be chosen; it can be for {', '.join(_CONFIGS)}."
        raise ConfigError(message)
    _check_layers(preset.name, _changed(config, variant))
    changed = _recomputed(_changed(config, variant)) if recompute else _changed(config, variant)
    parameters = sum(parameter.numel() for parameter in replace(preset, make=changed.build).build("meta").parameters())
    independent = bool(variant.independent)
    return replace(
        preset,
        make=changed.build,
        parameters=parameters,
        decoder=Decoder.LAYERS if independent else preset.decoder,
        transparent=independent,
        variant=variant.to_json() if variant else "",
    )


def _check_layers(name: str, config: Config) -> None:
    """Refuse independent weights of so few components that opaque pixels look transparent.

    Raises:
        ConfigError: there are fewer than three; two that sum to one are at the threshold.
    """
    mixture = config.mixture if isinstance(config, AnyViewConfig) else config
    if mixture is not None and mixture.independent and (mixture.components or 1) < _FEWEST_OF_LAYERS:
        message = f"Independent weights need {_FEWEST_OF_LAYERS} components or more; {name} would have fewer."
        raise ConfigError(message)


def _changed(config: Config, variant: Variant) -> Config:
    said = {name: value for name, value in asdict(variant).items() if value is not None}
    if isinstance(config, AnyViewConfig):
        return replace(config, mixture=replace(config.mixture or MixtureConfig(), **said))
    return replace(config, **said)


def _recomputed(config: Config) -> Config:
    """The same network, with less memory and more time in training."""
    match config:
        case AnyViewConfig():
            mixture = config.mixture and replace(config.mixture, recompute=True)
            return replace(config, backbone=replace(config.backbone, checkpoint_blocks=True), mixture=mixture)
        case VggtConfig():
            return replace(config, aggregator=replace(config.aggregator, checkpoint_blocks=True), recompute=True)
        case _:
            message = "mda_mini is too small to be worth computing twice; leave network.recompute at false."
            raise ConfigError(message)
