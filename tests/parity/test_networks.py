"""Every recorded call of a published network, computed again: largest error <= 2e-5 of the largest value.

The folder of recorded numbers is read by pattern: each `<net>.case_<name>.safetensors` is one call, and every output in
it is either compared or named in `NOT_THE_NETWORK`. `ARCHITECTURES` tells how the configuration of each family becomes
a network.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mda.geometry import Cameras, cameras_from_encoding, rigid_inverse
from mda.mixtures import DepthMixture
from mda.models import DepthNetwork
from mda.models.adapters import Scheme, load_strictly
from mda.models.backbones import AggregatorConfig, AttentionMode, BackboneOutput, DinoConfig, ReferenceView
from mda.models.da3 import AnyViewConfig, AnyViewNetwork, MixtureConfig, MonoConfig, MonoNetwork
from mda.models.heads import fill_sky
from mda.models.layers import FeedForward, resize_position_embedding
from mda.models.vggt import VggtConfig, VggtNetwork
from mda.shapes import Tensor
from mda.structures import NetworkOutput
from tests.golden import golden_params, golden_weights_dir

TOLERANCE = 2e-5
# Recorded Gaussians are every 37th.
GAUSSIAN_STRIDE = 37
# Outputs that a network does not make, with the reason; names are beginnings.
NOT_THE_NETWORK = {
    "mode_index_": "the slot of the published search, which has midpoints between components",
    "mode_depth_": "decoded depth: compared by density in test_decoded_mode_is_at_least_as_dense",
    "final_depth_": "decoded depth after the wrapper's sky fill",
    "raypose_": "cameras from rays by random sampling (RANSAC)",
}


def dino_config(config: dict) -> DinoConfig:
    start = config["alt_start"]
    return DinoConfig(
        dim=config["embed_dim"],
        depth=config["depth"],
        heads=config["num_heads"],
        feed_forward=FeedForward.SWIGLU if config["ffn_layer"].startswith("swiglu") else FeedForward.MLP,
        special_start=None if start == -1 else start,
        out_layers=tuple(config["out_layers"]),
        join_local=config.get("cat_token", True),
    )


def any_view(config: dict) -> AnyViewConfig:
    experts = config.get("num_experts")
    return AnyViewConfig(
        backbone=dino_config(config),
        features=config["features"],
        channels=tuple(config["out_channels"]),
        mixture=None if experts is None else MixtureConfig(components=experts),
        gaussians=config.get("gs_head", False),
        reference_view=ReferenceView.SADDLE_BALANCED if experts is None else ReferenceView.FIRST,
        encoder_heads=config["cam_enc_heads"],
    )


def mono(config: dict) -> MonoConfig:
    return MonoConfig(backbone=dino_config(config), features=config["features"], channels=tuple(config["out_channels"]))


def vggt(config: dict) -> VggtConfig:
    aggregator = AggregatorConfig(
        dim=config["embed_dim"],
        heads=config["num_heads"],
        encoder_depth=config["vit_depth"],
        depth=config["depth"],
        out_layers=tuple(config["intermediate_layer_idx"]),
    )
    mixture = config["network"].startswith("vggt_mog")
    return VggtConfig(
        aggregator=aggregator,
        features=config["features"],
        channels=tuple(config["out_channels"]),
        components=config["num_experts"] if mixture else None,
        points=not mixture,
        camera_heads=config["camera_head_heads"],
        camera_blocks=config["camera_head_trunk_depth"],
    )


# Beginning of the network's name -> (configuration, naming of its weights); the first that fits.
ARCHITECTURES: dict[str, tuple[Callable, Scheme]] = {
    "da3_mono": (mono, Scheme.DA3_MONO),
    "da3": (any_view, Scheme.DA3),
    "vggt": (vggt, Scheme.VGGT),
}


@cache
def network_of(name: str, mode: str | None = None) -> DepthNetwork:
    configure, scheme = next(entry for start, entry in ARCHITECTURES.items() if name.startswith(start))
    config = configure(configuration_of(name))
    if mode is not None:
        config = replace(config, aggregator=replace(config.aggregator, mode=AttentionMode(mode)))
    network = config.build()
    load_strictly(network, load_file(golden_weights_dir() / f"{name}.weights.safetensors"), scheme)
    return network.eval()


def configuration_of(name: str) -> dict:
    """The recorded configuration; that of `vggt_tiny` serves all of its family."""
    own = golden_weights_dir() / f"{name}.config.json"
    path = own if own.is_file() else golden_weights_dir() / "vggt_tiny.config.json"
    return {**json.loads(path.read_text()), "network": name}


def relative_error(ours: Tensor, recorded: Tensor) -> float:
    assert ours.shape == recorded.shape
    return float((ours - recorded).abs().max() / recorded.abs().max().clamp_min(1e-12))


class Call:
    """One recorded call, computed by us."""

    def __init__(self, path: Path) -> None:
        net, case = path.name.removesuffix(".safetensors").split(".case_")
        # VGGT's cases begin with the attention mode.
        self.network = network_of(net, case.split("_")[0] if net.startswith("vggt") else None)
        record = load_file(path)
        self.recorded = {name.removeprefix("out."): value for name, value in record.items() if name.startswith("out.")}
        self.images = record["in.image"]
        self.cameras = None
        if "in.extrinsics" in record:
            hw = (self.images.shape[-2], self.images.shape[-1])
            poses = rigid_inverse(record["in.extrinsics"])
            self.cameras = Cameras(world_from_cam=poses, intrinsics=record["in.intrinsics"], image_hw=hw)
        self.reference = next((view for view in ReferenceView if case.endswith(view.value)), None)
        self.extra = tuple(int(n.removeprefix("aux_feat_")) for n in self.recorded if n.startswith("aux_feat_"))

    def outputs(self) -> dict[str, Tensor]:
        """Everything that the network makes, under the recorded names."""
        with torch.no_grad():
            if isinstance(self.network, MonoNetwork):
                return self._mono(self.network)
            if isinstance(self.network, VggtNetwork):
                return self._vggt(self.network)
            assert isinstance(self.network, AnyViewNetwork)
            return self._any_view(self.network)

    def _features(self, features: BackboneOutput) -> dict[str, Tensor]:
        outputs = {"ref_view_index": features.reference}
        for index, (patches, token) in enumerate(zip(features.features, features.camera_tokens, strict=True)):
            outputs |= {f"feat_{index}": patches, f"camtok_{index}": token}
        return outputs | {f"aux_feat_{layer}": value for layer, value in zip(self.extra, features.extra, strict=True)}

    def _mono(self, network: MonoNetwork) -> dict[str, Tensor]:
        features = network.backbone(self.images)
        levels = [level.flatten(0, 1) for level in features.features]
        sky = network.head(levels, tuple(self.images.shape[-2:])).sky.unflatten(0, self.images.shape[:2])
        output = network(self.images)
        depth = output.mixture.hypotheses[..., 0]
        assert torch.equal(output.sky, sky >= 0.3)
        return self._features(features) | {
            "depth": depth,
            "sky": sky,
            "depth_sky_processed": fill_sky(depth, output.sky),
        }

    def _any_view(self, network: AnyViewNetwork) -> dict[str, Tensor]:
        tokens = None if self.cameras is None else network.camera_encoder(self.cameras)
        reference = self.reference or network.config.reference_view
        features = network.backbone(self.images, tokens, reference_view=reference, extra_layers=self.extra)
        gaussians = any(name.startswith("gs_") for name in self.recorded)
        output = network(self.images, self.cameras, reference_view=self.reference, rays=True, gaussians=gaussians)
        outputs = self._features(features) | self._gaussians(network, features, output)
        if tokens is not None:
            outputs["cam_token"] = tokens
        assert output.cameras is not None
        assert output.rays is not None
        outputs |= {
            "pose_enc": output.pose_encoding,
            "extrinsics": output.cameras.cam_from_world[..., :3, :],
            "intrinsics": output.cameras.intrinsics,
            "fov": output.cameras.fov,
            "ray": output.rays.rays,
            "ray_conf": output.rays.confidence,
        }
        depths, confidence = output.mixture.hypotheses, output.mixture.confidence
        if output.mixture.num_components == 1:
            return outputs | {"depth": depths[..., 0], "depth_conf": confidence[..., 0]}
        for index in range(output.mixture.num_components):
            outputs |= {f"depth_{index}": depths[..., index], f"depth_conf_{index}": confidence[..., index]}
        return outputs | {
            "mog_weight": output.mixture.log_weights,
            "mog_weight_full": output.log_weights_with_sky,
            "sky_mask": output.sky.float(),
        }

    def _vggt(self, network: VggtNetwork) -> dict[str, Tensor]:
        images, settings = self.images, network.config.aggregator
        output = network(images, points=network.point_head is not None)
        assert output.cameras is not None
        outputs = {
            "dino_patch_tokens": network.aggregator.encoder(images.flatten(0, 1)),
            "pose_enc_list": output.pose_encoding,
            "extrinsics": output.cameras.cam_from_world[..., :3, :],
            "intrinsics": output.cameras.intrinsics,
        }
        levels = network.aggregator(images)
        outputs |= {f"agg_{layer}": level for layer, level in zip(settings.out_layers, levels, strict=True)}
        mask = settings.mode.mask(images.shape[1], settings.window, images.device)
        rounds = network.camera_head(levels[-1][:, :, 0], mask)
        outputs |= {f"cam_iter_{index}": encoding for index, encoding in enumerate(rounds)}
        outputs["pose_enc_w2c"] = rounds[-1]
        depths, confidence = output.mixture.hypotheses, output.mixture.confidence
        if output.points is not None:
            outputs |= {"world_points": output.points.positions, "world_points_conf": output.points.confidence}
            return outputs | {"depth": depths, "depth_conf": confidence[..., 0]}
        for index in range(output.mixture.num_components):
            outputs |= {f"depth_{index}": depths[..., index], f"depth_conf_{index}": confidence[..., index]}
        return outputs | {"mog_weight": output.mixture.log_weights}

    def _gaussians(self, network: AnyViewNetwork, features: BackboneOutput, output: NetworkOutput) -> dict[str, Tensor]:
        if output.gaussians is None:
            return {}
        levels = [level.flatten(0, 1) for level in features.features]
        raw, density = network.gaussian_head(levels, self.images.flatten(0, 1))
        clips = self.images.shape[:2]
        fields = ("means", "scales", "rotations", "harmonics", "opacities")
        splats = {f"gs_{name}": getattr(output.gaussians, name)[:, ::GAUSSIAN_STRIDE] for name in fields}
        return splats | {"gs_raw": raw.unflatten(0, clips), "gs_raw_conf": density.unflatten(0, clips)}


def check_decoding(call: Call) -> None:
    """The recorded intrinsics and poses are what we make of the recorded encoding."""
    recorded = call.recorded
    cameras = cameras_from_encoding(recorded["pose_enc"], tuple(call.images.shape[-2:]))
    assert relative_error(cameras.intrinsics, recorded["intrinsics"]) <= TOLERANCE
    assert relative_error(cameras.cam_from_world[..., :3, :], recorded["extrinsics"]) <= TOLERANCE


@pytest.mark.parametrize("path", golden_params("*.case_*.safetensors"))
def test_network_agrees_with_published(path: Path) -> None:
    call = Call(path)
    outputs = call.outputs()
    wanted = [name for name in call.recorded if not name.startswith(tuple(NOT_THE_NETWORK))]
    assert set(wanted) <= set(outputs), "a recorded output is neither made nor listed as not the network's"
    assert len(wanted) > 5
    recorded = dict(call.recorded)
    if "pose_enc" in recorded:
        check_decoding(call)
        # The focal length of a field of view near zero amplifies rounding without bound (one recorded call has a focal
        # length of 11115 px, 4.5e-5 away from its value in float64), so cameras are compared by their fields of view.
        wanted = ["fov" if name == "intrinsics" else name for name in wanted]
        recorded["fov"] = recorded["pose_enc"][..., 7:]
    errors = {name: relative_error(outputs[name], recorded[name]) for name in wanted if name != "fov"}
    if "fov" in wanted:
        # Radians; relative to the largest number of the encoding, of which they are a part.
        errors["fov"] = float((outputs["fov"] - recorded["fov"]).abs().max() / recorded["pose_enc"].abs().max())
    assert {name: error for name, error in errors.items() if not error <= TOLERANCE} == {}


@pytest.mark.parametrize("path", golden_params("vggt*.case_causal_*.safetensors"))
def test_a_stream_gives_the_recorded_numbers_of_the_masked_batch(path: Path) -> None:
    call = Call(path)
    assert isinstance(call.network, VggtNetwork)
    stream = call.network.stream()
    outputs = [stream.push(view) for view in call.images.unbind(1)]
    for index in range(outputs[0].mixture.num_components):
        depth = torch.cat([output.mixture.hypotheses[..., index] for output in outputs], 1)
        confidence = torch.cat([output.mixture.confidence[..., index] for output in outputs], 1)
        assert relative_error(depth, call.recorded[f"depth_{index}"]) <= TOLERANCE
        assert relative_error(confidence, call.recorded[f"depth_conf_{index}"]) <= TOLERANCE
    weights = torch.cat([output.mixture.log_weights for output in outputs], 1)
    assert relative_error(weights, call.recorded["mog_weight"]) <= TOLERANCE
    poses = torch.cat([output.pose_encoding for output in outputs], 1)
    assert relative_error(poses, call.recorded["pose_enc_list"]) <= TOLERANCE


# Published loss types -> family and space of the density that they search.
SEARCHED = {"logl2": ("normal", "log"), "l2": ("normal", "linear"), "l1": ("laplace", "linear")}


@pytest.mark.parametrize("path", golden_params("*.case_*.safetensors"))
def test_decoded_mode_is_at_least_as_dense(path: Path) -> None:
    call = Call(path)
    kinds = {name.removeprefix("mode_depth_") for name in call.recorded if name.startswith("mode_depth_")}
    if not kinds & set(SEARCHED):
        pytest.skip("no searched mode recorded in this call")
    with torch.no_grad():
        published = call.network(call.images, call.cameras).mixture
    for kind in sorted(kinds & set(SEARCHED)):
        family, space = SEARCHED[kind]
        mixture = DepthMixture.from_confidence(
            depths=published.hypotheses,
            confidence=published.confidence,
            log_weights=published.log_weights,
            family=family,
            space=space,
        )
        # The published search decodes only the first clip of a batch.
        recorded = call.recorded[f"mode_depth_{kind}"]
        gain = (mixture.log_prob(mixture.decode("mode")))[: len(recorded)] - mixture[: len(recorded)].log_prob(recorded)
        assert float(gain.min()) >= -1e-5


@pytest.mark.parametrize("path", golden_params("*_pos_embed_cases.safetensors"))
def test_position_embedding_of_any_grid(path: Path) -> None:
    vggt = path.name.startswith("vggt")
    name, key = (
        ("vggt_mog_tiny", "aggregator.patch_embed.pos_embed")
        if vggt
        else ("da3_mog_sky_tiny", "backbone.pretrained.pos_embed")
    )
    stored = load_file(golden_weights_dir() / f"{name}.weights.safetensors")[key]
    cases = load_file(path)
    assert cases
    for case, recorded in cases.items():
        rows, columns = (int(size) for size in case.removeprefix("pos_").split("x"))
        ours = resize_position_embedding(stored, (rows, columns), offset=None if vggt else 0.1, antialias=vggt)
        assert relative_error(ours, recorded) <= TOLERANCE, case
