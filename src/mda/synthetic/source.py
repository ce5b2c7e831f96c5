"""Procedural clips as a data source, made when asked for."""

from dataclasses import dataclass, field

import numpy as np

from mda.data.source import SceneClip
from mda.errors import ConfigError
from mda.synthetic.render import RenderOptions, render_clip


@dataclass(frozen=True, kw_only=True)
class ProceduralSource:
    """Clips of consecutive seeds.

    Attributes:
        first_seed: seed of clip 0; clip i has `first_seed` + i.
        clips: how many there are.
        views: smallest and largest number of views; drawn for each clip from its seed.
        sizes: heights and widths; one is drawn for each clip from its seed.
        options: see `RenderOptions`.
    """

    first_seed: int = 0
    clips: int = 1000
    views: tuple[int, int] = (4, 4)
    sizes: tuple[tuple[int, int], ...] = ((252, 336),)
    options: RenderOptions = field(default_factory=RenderOptions)

    def __post_init__(self) -> None:
        """Refuse ranges that hold nothing."""
        if self.clips < 1 or not 1 <= self.views[0] <= self.views[1] or not self.sizes:
            message = (
                "A procedural source needs clips >= 1, 1 <= views[0] <= views[1] and a size; "
                f"found clips={self.clips}, views={self.views}, sizes={self.sizes}."
            )
            raise ConfigError(message)

    def __len__(self) -> int:
        """Number of clips."""
        return self.clips

    def clip(self, index: int) -> SceneClip:
        """Make a clip.

        Raises:
            IndexError: there is no such clip.
        """
        if not 0 <= index < self.clips:
            raise IndexError(index)
        seed = self.first_seed + index
        # A stream of its own, so that number and size of the views do not change the scene.
        rng = np.random.default_rng([seed, 9])
        views = int(rng.integers(self.views[0], self.views[1] + 1))
        image_hw = self.sizes[int(rng.integers(len(self.sizes)))]
        return render_clip(seed, views=views, image_hw=image_hw, options=self.options)
