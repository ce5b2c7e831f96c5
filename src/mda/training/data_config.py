"""What a run is trained on: procedural scenes, or a mix of data sets on disk."""

from dataclasses import dataclass, field


@dataclass(kw_only=True)
class DataConfig:
    """What all kinds of data have in common; chosen as a whole: `data=procedural` or `data=sources`.

    Attributes:
        num_views, min_views: most and fewest views of a clip.
        workers: processes that read or render ahead.
        validation_clips, validation_views, validation_size: held-out clips; their size is (height, width).
    """

    num_views: int = 4
    min_views: int = 1
    workers: int = 1
    validation_clips: int = 16
    validation_views: int = 2
    validation_size: list[int] = field(default_factory=lambda: [128, 160])


@dataclass(kw_only=True)
class ProceduralDataConfig(DataConfig):
    """Procedural scenes, rendered while training; every batch is a function of the seed and the step alone.

    Attributes:
        sizes: (height, width) of the views; one is drawn per batch.
        views_per_batch: views of a batch in all; the number of clips follows.
        seed: first scene seed; training and validation seeds never meet.
        blur: share of clips that are blurred by a random factor of 2, 4 or 8 (area down, bicubic up).
        colour: largest relative change of contrast and of each colour channel.
        photographs: some surfaces show the photographs of scikit-image.
        scenes: number of different scenes, which then come again and again; 0 for new ones all the time.
    """

    sizes: list[list[int]] = field(default_factory=lambda: [[128, 160]])
    views_per_batch: int = 12
    seed: int = 10_000_000
    blur: float = 0.15
    colour: float = 0.1
    photographs: bool = False
    scenes: int = 0


@dataclass(kw_only=True)
class SourcesConfig(DataConfig):
    """A weighted mix of data sets on disk.

    Attributes:
        root: folder that holds the data sets, see docs/data.md.
        sources: number of draws per epoch, by name of the data set; only their ratio matters for the mix.
        sizes: (height, width) of the views; one is drawn per batch, those of the first half twice as often (published).
        max_images: views of a batch in all, on each device.
        clips: clips of a batch; 0 for as many as `max_images` allows, which then says how many views they may have.
        augment_crop: zoom in by up to this many pixels (published: 16); `colour`: largest relative change of colours
            (published: 0, because the release's colour jitter was never applied).
        seed: of the order and of all draws.
    """

    root: str = "data/cut3r_data"
    sources: dict[str, int] = field(default_factory=dict)
    sizes: list[list[int]] = field(default_factory=lambda: [[378, 504]])
    max_images: int = 72
    clips: int = 0
    augment_crop: int = 16
    colour: float = 0.0
    seed: int = 420
