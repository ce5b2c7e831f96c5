"""A clip with a step and a strip of sky, and a network that knows its depth."""

import numpy as np
import torch

from mda.data.source import SceneClip
from mda.geometry import Cameras
from mda.metrics import EdgeTruth
from mda.mixtures import DepthMixture
from mda.models import DepthNetwork
from mda.structures import NetworkOutput

VIEWS, HEIGHT, WIDTH, SKY_ROWS, STEP = 2, 32, 32, 6, 16
FRONT, BACK = 2.0, 5.0


def step_clip(name: str = "step") -> SceneClip:
    """Sky above; below it a near surface on the left and a far one on the right, seen from two places."""
    depth = np.full((VIEWS, HEIGHT, WIDTH), BACK, np.float32)
    depth[..., :STEP] = FRONT
    sky = np.zeros(depth.shape, bool)
    sky[:, :SKY_ROWS] = True
    depth[sky] = 0
    truth = EdgeTruth.from_depth(torch.from_numpy(depth), torch.from_numpy(~sky), sky=torch.from_numpy(sky))
    edge = truth.edge.numpy()
    poses = np.eye(4, dtype=np.float32)[None].repeat(VIEWS, 0)
    poses[1, 0, 3] = 0.5
    return SceneClip(
        images=(np.minimum(depth / BACK, 1)[..., None] * np.ones(3) * 255).astype(np.uint8),
        depth=depth,
        valid=~sky,
        sky=sky,
        edge=edge,
        skyline=truth.skyline.numpy(),
        front_depth=np.where(edge, truth.front.numpy(), 0),
        back_depth=np.where(edge, truth.back.numpy(), 0),
        surface=np.where(sky, -1, depth > FRONT).astype(np.int32),
        world_from_cam=poses,
        intrinsics=np.array([[40, 0, WIDTH / 2], [0, 40, HEIGHT / 2], [0, 0, 1]], np.float32)[None].repeat(VIEWS, 0),
        name=name,
    )


class Oracle(DepthNetwork):
    """Gives both surfaces as components at edges, the right one heavier, up to scale; perfect sky and cameras."""

    patch = 1

    def __init__(self, clip: SceneClip, *, components: int = 2) -> None:
        super().__init__()
        self.clip = clip
        self.components = components
        self.seen: list[torch.Tensor] = []

    def forward(self, images: torch.Tensor, cameras: Cameras | None = None) -> NetworkOutput:  # noqa: ARG002
        self.seen.append(images)
        clip = self.clip
        depth = torch.from_numpy(np.where(clip.sky, 50, clip.depth))
        other = torch.where(torch.from_numpy(clip.edge), FRONT * BACK / depth, depth)
        mixture = DepthMixture(
            locs=(0.1 + 10 * torch.stack([depth, other], dim=-1)[None, ..., : self.components]).log(),
            scales=torch.full((1, *depth.shape, self.components), 0.01),
            log_weights=torch.tensor([0.2, 0.0][: self.components]).log_softmax(0).expand(1, *depth.shape, -1),
        )
        odds = torch.from_numpy(np.where(clip.sky, 9.0, -9.0).astype(np.float32))[None]
        poses = torch.from_numpy(clip.world_from_cam).clone()
        poses[:, :3, 3] *= 10
        known = Cameras(world_from_cam=poses, intrinsics=torch.from_numpy(clip.intrinsics), image_hw=(HEIGHT, WIDTH))
        return NetworkOutput(mixture=mixture, sky_log_odds=odds, cameras=known[None])
