"""The contract of a data source: a sequence of clips, each a few views of one scene with ground truth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mda.data.clips import LayerClip
from mda.shapes import Bool, Float32, Int, UInt8, ndarray


@dataclass(frozen=True, kw_only=True)
class SceneClip:
    """Views of one static scene with ground truth at every pixel.

    Depth is z along the optical axis, met by the ray through the pixel's centre. Nothing is NaN or infinite.

    Attributes:
        images: sRGB.
        depth: z-depth of the pixel centre in the scene's unit (metres where procedural); 0 where nothing is hit.
        valid: pixels whose depth is to be trusted (hit, and not beyond the largest depth of the source).
        sky: pixels whose centre shows sky.
        edge: pixels with a depth discontinuity between two finite surfaces in their footprint or 3x3 neighbourhood.
        skyline: pixels with both sky and a surface in their footprint or 3x3 neighbourhood.
        front_depth, back_depth: z-depth of the nearer and the farther of the two surfaces at `edge` pixels, else 0.
        surface: number of the surface at the pixel centre, -1 for sky; equal numbers within a clip are one surface.
        world_from_cam: OpenCV poses; the world is the scene's own frame.
        intrinsics: in pixels, the centre of the top-left pixel at (0.5, 0.5).
        name: for messages and file names.
        seed: number the scene was made from, or -1.
        layers: transparent surfaces, where the scene has them; `depth` is then that of the nearest one.
        info: what else is known of how the clip was made (plain numbers and strings, as in JSON).
    """

    images: UInt8[ndarray, "v h w 3"]
    depth: Float32[ndarray, "v h w"]
    valid: Bool[ndarray, "v h w"]
    sky: Bool[ndarray, "v h w"]
    edge: Bool[ndarray, "v h w"]
    skyline: Bool[ndarray, "v h w"]
    front_depth: Float32[ndarray, "v h w"]
    back_depth: Float32[ndarray, "v h w"]
    surface: Int[ndarray, "v h w"]
    world_from_cam: Float32[ndarray, "v 4 4"]
    intrinsics: Float32[ndarray, "v 3 3"]
    name: str
    seed: int = -1
    layers: LayerClip | None = None
    info: Mapping[str, object] = field(default_factory=dict)

    @property
    def num_views(self) -> int:
        """Number of views."""
        return self.depth.shape[0]

    @property
    def image_hw(self) -> tuple[int, int]:
        """Height and width of the views."""
        return self.depth.shape[1], self.depth.shape[2]


class Source(Protocol):
    """A sequence of clips that are read or made when asked for.

    Sources are picklable and hold no open files, so that loader processes can share them.
    """

    def __len__(self) -> int:
        """Number of clips."""
        ...

    def clip(self, index: int) -> SceneClip:
        """The clip of the given number.

        Raises:
            IndexError: there is no such clip.
            InputError: its files are missing or damaged; the message names the file.
        """
        ...
