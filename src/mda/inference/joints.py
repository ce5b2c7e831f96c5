"""Where two windows of a clip meet: what both say of shared views, the transform between them, what is left over."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch

from mda.geometry import Cameras, Similarity, fit_similarity_robustly, points_from_depth, rotation_angle
from mda.shapes import Float, Tensor

# Points of a view that take part; more change nothing but the time.
_POINTS = 4096
# Pairs that are farther apart than this, relative to their depth, count as outliers in the report.
_OUTLIER = 0.1


@dataclass(frozen=True, kw_only=True)
class Anchors:
    """Views that two windows share, as one of them saw them.

    Attributes:
        numbers: of the views in the clip.
        depth: [v, h, w] decoded depth.
        trust: [v, h, w] mass of the decoded surface times the probability that there is no sky; 0 where depth is no
            positive number.
        cameras: batch shape [v].
    """

    numbers: tuple[int, ...]
    depth: Float[Tensor, "v h w"]
    trust: Float[Tensor, "v h w"]
    cameras: Cameras

    def __getitem__(self, index: slice) -> "Anchors":
        """Some of the views."""
        return Anchors(
            numbers=self.numbers[index], depth=self.depth[index], trust=self.trust[index], cameras=self.cameras[index]
        )

    @classmethod
    def of(
        cls,
        numbers: Sequence[int],
        depth: Float[Tensor, "v h w"],
        mass: Float[Tensor, "v h w"],
        p_sky: Float[Tensor, "v h w"] | None,
        cameras: Cameras,
    ) -> "Anchors":
        """From what was decoded: `mass` of the component that the depth belongs to, probability of sky or None."""
        trust = mass if p_sky is None else mass * (1 - p_sky)
        usable = depth.isfinite() & (depth > 0) & trust.isfinite()
        return cls(numbers=tuple(numbers), depth=depth, trust=torch.where(usable, trust, 0), cameras=cameras)

    def joined(self, other: "Anchors") -> "Anchors":
        """These views and then the others, in one record."""
        return Anchors(
            numbers=self.numbers + other.numbers,
            depth=torch.cat([self.depth, other.depth]),
            trust=torch.cat([self.trust, other.trust]),
            cameras=Cameras.joined([self.cameras, other.cameras]),
        )

    def moved(self, similarity: Similarity) -> "Anchors":
        """The same in another world."""
        return Anchors(
            numbers=self.numbers,
            depth=self.depth * similarity.scale,
            trust=self.trust,
            cameras=similarity.apply_to(self.cameras),
        )


@dataclass(frozen=True, kw_only=True)
class Joint:
    """What a window was moved by, and how well it then fits: the drift report of a run.

    Attributes:
        view: number of the first new view of the window.
        anchors: number of shared views.
        scale, rotation_degrees, translation: of the transform; translation in units of the anchors' median depth.
        residual_points: median distance of corresponding points after it, relative to their depth.
        residual_scale: largest median change of depth of an anchor, relative.
        residual_rotation_degrees: largest angle between the two cameras of an anchor.
        residual_translation: largest distance between them, in units of the anchors' median depth.
        inliers: share of points, by trust, nearer than a tenth of their depth.
    """

    view: int
    anchors: int
    scale: float
    rotation_degrees: float
    translation: float
    residual_points: float
    residual_scale: float
    residual_rotation_degrees: float
    residual_translation: float
    inliers: float

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, for `run.json`."""
        return {name: round(value, 6) for name, value in asdict(self).items()}


def join(known: Anchors, seen: Anchors, view: int) -> tuple[Similarity, Joint]:
    """The similarity that takes the world of a new window to the known one.

    It is fitted to the points of all shared pixels, so depth and cameras both have a say; each pair counts by the
    trust in both of its depths, its distance is measured relative to its depth, and pairs that disagree with the
    others lose their say. Where no pixel can be trusted it is the transform between the cameras at equal scale.

    Args:
        known: the anchors in the known world.
        seen: the same views as the new window saw them.
        view: number of the window's first new view, for the report.
    """
    step = max(1, round((known.depth[0].numel() / _POINTS) ** 0.5))
    part = (slice(None), slice(step // 2, None, step), slice(step // 2, None, step))
    trust = (known.trust * seen.trust).sqrt()[part].flatten().double()
    if not bool((trust > 0).any()):
        found = _between_cameras(seen.cameras[0], known.cameras[0])
        return found, _report(known, seen, found, torch.zeros(1).double(), torch.ones(1).double(), view)
    keep = trust > 0
    target, source = (
        points_from_depth(anchors.depth, anchors.cameras)[part].reshape(-1, 3)[keep].double()
        for anchors in (known, seen)
    )
    size = known.depth[part].flatten()[keep].double()
    found, residual = fit_similarity_robustly(source, target, trust[keep], size)
    return found, _report(known, seen, found, residual, trust[keep], view)


def _between_cameras(source: Cameras, target: Cameras) -> Similarity:
    """The rigid motion that takes one camera to another."""
    motion = (target.world_from_cam @ source.cam_from_world).double()
    return Similarity(scale=1.0, rotation=motion[:3, :3], translation=motion[:3, 3])


def _report(known: Anchors, seen: Anchors, found: Similarity, residual: Tensor, trust: Tensor, view: int) -> Joint:
    moved = seen.moved(found)
    both = (known.trust > 0) & (seen.trust > 0)
    unit = float(known.depth[both].median()) if bool(both.any()) else 1.0
    change = [
        float((known.depth[i][both[i]] / moved.depth[i][both[i]]).log().median().abs().expm1())
        if both[i].any()
        else 0.0
        for i in range(len(both))
    ]
    turns = known.cameras.world_from_cam[:, :3, :3].mT @ moved.cameras.world_from_cam[:, :3, :3]
    shifts = (known.cameras.centers - moved.cameras.centers).norm(dim=-1)
    return Joint(
        view=view,
        anchors=len(known.numbers),
        scale=found.scale,
        rotation_degrees=float(rotation_angle(found.rotation)),
        translation=float(found.translation.norm()) / unit,
        residual_points=float(residual.median()),
        residual_scale=max(change),
        residual_rotation_degrees=float(rotation_angle(turns).max()),
        residual_translation=float(shifts.max()) / unit,
        inliers=float(trust[residual < _OUTLIER].sum() / trust.sum()),
    )


_JOINT_FIELDS = tuple(field.name for field in fields(Joint))


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a clip is done, all that is needed to go on with its next window.

    Attributes:
        next_view: number of the first view that was not looked at.
        anchors: views that the next window shares.
        joints: report of every joint so far.
    """

    next_view: int
    anchors: Anchors
    joints: tuple[Joint, ...] = ()

    def as_arrays(self) -> dict[str, np.ndarray]:
        """The content as arrays, to be written to a file."""
        anchors = self.anchors
        return {
            "next_view": np.array(self.next_view),
            "numbers": np.array(anchors.numbers),
            "depth": anchors.depth.numpy(),
            "trust": anchors.trust.numpy(),
            "world_from_cam": anchors.cameras.world_from_cam.numpy(),
            "intrinsics": anchors.cameras.intrinsics.numpy(),
            "joints": np.array([list(asdict(joint).values()) for joint in self.joints]).reshape(-1, len(_JOINT_FIELDS)),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Progress":
        """From `as_arrays`.

        Raises:
            KeyError, ValueError: an array is missing or of another shape.
        """
        depth = torch.from_numpy(arrays["depth"])
        cameras = Cameras(
            world_from_cam=torch.from_numpy(arrays["world_from_cam"]),
            intrinsics=torch.from_numpy(arrays["intrinsics"]),
            image_hw=(depth.shape[-2], depth.shape[-1]),
        )
        anchors = Anchors(
            numbers=tuple(arrays["numbers"].tolist()),
            depth=depth,
            trust=torch.from_numpy(arrays["trust"]),
            cameras=cameras,
        )
        joints = [dict(zip(_JOINT_FIELDS, row, strict=True)) for row in arrays["joints"].tolist()]
        return cls(
            next_view=int(arrays["next_view"]),
            anchors=anchors,
            joints=tuple(
                Joint(**{**joint, "view": int(joint["view"]), "anchors": int(joint["anchors"])}) for joint in joints
            ),
        )
