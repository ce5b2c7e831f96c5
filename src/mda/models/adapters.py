"""Names of parameters in published files and in our modules, and the strict way from one to the other.

A scheme tells, for each of our parameter names, the names under which published files hold it. Loading and writing are
derived from that, so every key is accounted for in both directions; nothing is skipped silently.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TypeVar

import torch
from torch import nn

from mda.errors import CheckpointError
from mda.shapes import Tensor

logger = logging.getLogger(__name__)

StateDict = dict[str, Tensor]
Shapes = Mapping[str, tuple[int, ...]]
_Entry = TypeVar("_Entry")

# Wrappers around a network: compiled modules anywhere in a name, then at most one of the prefixes, tried in this order.
_COMPILED = "_orig_mod."
_PREFIXES = ("model.", "net.net.", "net.", "network.")
# Names that a message lists before it only counts.
_LISTED = 8


def _branch(theirs: str, ours: str) -> tuple[tuple[str, str], ...]:
    """A small output branch; ReLU has the number 1 in the published sequence."""
    return (f"scratch.{theirs}.0.", f"{ours}.hidden."), (f"scratch.{theirs}.2.", f"{ours}.out.")


# Published dense heads (DPT): (published, ours) beginnings of names, to be joined with the name of the head.
_DENSE_HEAD = (
    ("norm.", "trunk.pyramid.norm."),
    *((f"projects.{level}.", f"trunk.pyramid.levels.{level}.project.") for level in range(4)),
    *((f"resize_layers.{level}.", f"trunk.pyramid.levels.{level}.resize.") for level in range(4)),
    *((f"scratch.layer{level + 1}_rn.", f"trunk.pyramid.levels.{level}.lateral.") for level in range(4)),
    *(
        (f"scratch.refinenet{level + 1}{aux}.{theirs}.", f"{chain}.blocks.{level}.{ours}.")
        for level in range(4)
        for aux, chain in (("", "trunk.fusion"), ("_aux", "ray_fusion"))
        for theirs, ours in (("resConfUnit1", "lateral_unit"), ("resConfUnit2", "unit"), ("out_conv", "out_conv"))
    ),
    ("scratch.output_conv1.", "trunk.narrow."),
)
_DUAL_HEAD = (
    *_DENSE_HEAD,
    *_branch("output_conv2", "depth"),
    ("scratch.output_conv1_aux.", "ray_narrow."),
    *((f"scratch.output_conv2_aux.{level}.0.", f"ray_outputs.{level}.hidden.") for level in range(4)),
    # One layer norm that the published module holds at four places: a file may have any of its copies.
    *((f"scratch.output_conv2_aux.{level}.2.", "ray_norm.") for level in range(4)),
    *((f"scratch.output_conv2_aux.{level}.5.", f"ray_outputs.{level}.out.") for level in range(4)),
)
_MIXTURE_HEAD = (
    *_DENSE_HEAD,
    *_branch("output_conv2", "components.0"),
    *(pair for index in range(1, 8) for pair in _branch(f"output_conv2_{index + 1}", f"components.{index}")),
    *_branch("output_conv2_sky", "sky"),
)
_MONO_HEAD = (*_DENSE_HEAD, *_branch("output_conv2", "depth"), *_branch("sky_output_conv2", "sky"))
_PLAIN_HEAD = (*_DENSE_HEAD, *_branch("output_conv2", "branch"))
_GAUSSIAN_HEAD = (*_DENSE_HEAD, ("images_merger.", "image_branch."), *_branch("output_conv2", "raw"))
_CAMERA_DECODER = (
    ("cam_dec.backbone.", "camera_decoder.hidden."),
    ("cam_dec.fc_t.", "camera_decoder.translation."),
    ("cam_dec.fc_qvec.", "camera_decoder.quaternion."),
    ("cam_dec.fc_fov.0.", "camera_decoder.fov."),
)


def _below(theirs: str, ours: str, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((f"{theirs}.{published}", f"{ours}.{name}") for published, name in pairs)


class Scheme(StrEnum):
    """Naming of a family of published files."""

    NATIVE = "native"
    """Our own names."""
    DA3 = "da3"
    """Depth Anything 3 any-view networks and the mixture networks made from them."""
    DA3_MONO = "da3_mono"
    VGGT = "vggt"
    """VGGT, STream3R and the mixture networks made from them."""

    @property
    def renames(self) -> tuple[tuple[str, str], ...]:
        """(published, ours) beginnings of names; names that begin with none of them are the same."""
        return _RENAMES[self]

    @property
    def may_drop(self) -> tuple[str, ...]:
        """Beginnings of published names of parts that our networks may lack; a file may hold them."""
        return _MAY_DROP[self]

    def published(self, name: str) -> tuple[str, ...]:
        """Names in published files of our parameter `name`: one, or several for a module held at several places."""
        return _published(self, name)


@cache
def _published(scheme: Scheme, name: str) -> tuple[str, ...]:
    """`Scheme.published`, remembered: a table is long and asked for the same names again and again."""
    names = [theirs + name[len(ours) :] for theirs, ours in scheme.renames if name.startswith(ours)]
    return tuple(names) or (name,)


_RENAMES: dict[Scheme, tuple[tuple[str, str], ...]] = {
    Scheme.NATIVE: (),
    Scheme.DA3: (
        ("backbone.pretrained.", "backbone."),
        ("cam_enc.", "camera_encoder."),
        *_CAMERA_DECODER,
        *_below("head", "head", _DUAL_HEAD),
        *_below("head_mog", "mixture_head", _MIXTURE_HEAD),
        *_below("gs_head", "gaussian_head", _GAUSSIAN_HEAD),
    ),
    Scheme.DA3_MONO: (("backbone.pretrained.", "backbone."), *_below("head", "head", _MONO_HEAD)),
    Scheme.VGGT: (
        ("aggregator.patch_embed.", "aggregator.encoder."),
        ("camera_head.empty_pose_tokens", "camera_head.first_pose"),
        ("camera_head.poseLN_modulation.1.", "camera_head.modulation."),
        ("camera_head.trunk.", "camera_head.blocks."),
        ("camera_head.trunk_norm.", "camera_head.norm."),
        *_below("depth_head", "depth_head", _PLAIN_HEAD),
        *_below("point_head", "point_head", _PLAIN_HEAD),
        *_below("depth_head_mog", "mixture_head", _MIXTURE_HEAD),
    ),
}
# Heads that a published file may hold beside what a network needs, and counters of the training framework.
_COUNTERS = ("epoch_fraction", "train_total_samples", "train_total_images")
_MAY_DROP: dict[Scheme, tuple[str, ...]] = {
    Scheme.NATIVE: _COUNTERS,
    Scheme.DA3: ("gs_head.", "gs_adapter.", *_COUNTERS),
    Scheme.DA3_MONO: _COUNTERS,
    Scheme.VGGT: ("track_head.", "point_head.", *_COUNTERS),
}


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """Why a state dict does not fit: names as in published files; nothing in all of them means that it fits."""

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    misshaped: tuple[str, ...] = ()
    unequal: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.misshaped or self.unequal)

    def __str__(self) -> str:
        lines = []
        for title, names in (
            ("missing", self.missing),
            ("unexpected", self.unexpected),
            ("of another shape", self.misshaped),
            ("unequal copies of one tensor", self.unequal),
        ):
            if names:
                rest = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
                lines.append(f"  {title} ({len(names)}): {', '.join(names[:_LISTED])}{rest}")
        return "\n".join(lines)


def strip_wrappers(state: Mapping[str, _Entry]) -> dict[str, _Entry]:
    """Entries by name without the prefixes of compiled modules, trainers and wrappers around the network.

    Raises:
        CheckpointError: two keys would get the same name.
    """
    stripped: dict[str, _Entry] = {}
    for key, tensor in state.items():
        name = key.replace(_COMPILED, "")
        prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), "")
        name = name.removeprefix(prefix)
        if name in stripped:
            message = f"Two tensors of the weights file would both be called {name!r} (one of them is {key!r})."
            raise CheckpointError(message)
        stripped[name] = tensor
    return stripped


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Our parameter names and shapes of a network (which may be on the meta device)."""
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def published_shapes(network: nn.Module, scheme: Scheme) -> dict[str, tuple[int, ...]]:
    """Names and shapes that the network has in a published file."""
    return {name: shape for ours, shape in shapes_of(network).items() for name in scheme.published(ours)}


def to_published(state: Mapping[str, Tensor], scheme: Scheme) -> StateDict:
    """State dict under published names; copies of a tensor held at several places are all written."""
    return {name: tensor for ours, tensor in state.items() for name in scheme.published(ours)}


def from_published(state: Mapping[str, Tensor], shapes: Shapes, scheme: Scheme) -> tuple[StateDict, Mismatch]:
    """State dict under our names, and what does not fit.

    Our own names are understood too, so that weights trained here load the same way.

    Args:
        state: under published names, without wrappers (see `strip_wrappers`).
        shapes: what the network needs, under our names.
        scheme: naming of the file.
    """
    left = dict(state)
    found: StateDict = {}
    missing, misshaped, unequal = [], [], []
    for name, shape in shapes.items():
        aliases = scheme.published(name)
        copies = {alias: left.pop(alias) for alias in dict.fromkeys((*aliases, name)) if alias in left}
        if not copies:
            missing.append(aliases[0])
            continue
        tensor, *others = copies.values()
        found[name] = tensor
        for alias, copy in copies.items():
            if tuple(copy.shape) != shape:
                misshaped.append(f"{alias} {list(copy.shape)} instead of {list(shape)}")
        if any(other is not tensor and not _equal(other, tensor) for other in others):
            unequal.append(" = ".join(copies))
    dropped = [name for name in left if name.startswith(scheme.may_drop)]
    if dropped:
        logger.info("Left out %d tensors of parts that this network does not have.", len(dropped))
    unexpected = tuple(name for name in left if name not in dropped)
    return found, Mismatch(
        missing=tuple(missing), unexpected=unexpected, misshaped=tuple(misshaped), unequal=tuple(unequal)
    )


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one, other)


def fitted(
    state: Mapping[str, Tensor],
    shapes: Shapes,
    scheme: Scheme,
    *,
    source: str = "the weights",
    hint: Callable[[Mapping[str, Tensor]], str] = lambda _: "",
) -> StateDict:
    """Weights under our names, if they are exactly those that a network needs.

    Args:
        state: tensors under published or our names, possibly with wrappers.
        shapes: what the network needs, under our names.
        scheme: naming of the file.
        source: where the weights come from, for the message.
        hint: remedy for weights that do not fit, from the stripped state dict.

    Raises:
        CheckpointError: keys are missing, unexpected, of another shape, or copies of one tensor differ; all are listed.
    """
    stripped = strip_wrappers(state)
    found, mismatch = from_published(stripped, shapes, scheme)
    if mismatch:
        message = f"{source} does not fit this network:\n{mismatch}\n{hint(stripped)}".rstrip()
        raise CheckpointError(message)
    return found


def load_strictly(
    network: nn.Module,
    state: Mapping[str, Tensor],
    scheme: Scheme,
    *,
    source: str = "the weights",
    hint: Callable[[Mapping[str, Tensor]], str] = lambda _: "",
) -> None:
    """Put published weights into a network; tensors are taken over without a copy where their type is right.

    Args:
        network: target; may be on the meta device.
        state: tensors under published or our names, possibly with wrappers.
        scheme: naming of the file.
        source: where the weights come from, for the message.
        hint: remedy for weights that do not fit, from the stripped state dict.

    Raises:
        CheckpointError: keys are missing, unexpected, of another shape, or copies of one tensor differ; all are listed.
    """
    found = fitted(state, shapes_of(network), scheme, source=source, hint=hint)
    wanted = network.state_dict()
    cast = {name: tensor.to(wanted[name].dtype) for name, tensor in found.items()}
    network.load_state_dict(cast, strict=True, assign=True)
