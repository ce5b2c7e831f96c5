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
        colour: largest change of each colour channel and of brightness; of contrast and saturation twice as much.
        glass: number of glass panes in front of each scene.
        photographs: some surfaces show the photographs of scikit-image.
        scenes: number of different scenes, which then come again and again; 0 for new ones all the time.
    """

    sizes: list[list[int]] = field(default_factory=lambda: [[128, 160]])
    views_per_batch: int = 12
    seed: int = 10_000_000
    blur: float = 0.15
    colour: float = 0.1
    glass: int = 0
    photographs: bool = False
    scenes: int = 0


@dataclass(kw_only=True)
class SourcesConfig(DataConfig):
    """A weighted mix of data sets on disk, see docs/data.md and `mda.data.mix.MixConfig`.

    Attributes:
        root: folder that holds the data sets, or the URL of one on another machine.
        sources: clips per epoch, by name of the data set (`mda data list`); 0 leaves one out.
        folders: where a data set lies, below `root`, absolute or a URL, by name; by default the published folder.
        splits: part of a data set to use, by name; all of it, test included, where not said.
        sizes: (height, width) of the views; one is drawn per batch, those of the first half twice as often (published).
        max_images: views of a batch in all, on each device.
        clips_per_batch: clips of a batch, of no more than `max_images` views; 0 for as many as that allows.
        zoom: views are enlarged by up to so many pixels; shuffle: share of clips whose later views are put in random
            order; colour: see `Augmentation`; blur: share of blurred clips. Published: 16, 0.25, 0 (the
            release's colour jitter was never applied) and 0.
        held_out: share of the places of each data set (of its single pictures) that are kept for validation.
        seed: of the order and of all draws.
    """

    root: str = "data/cut3r_data"
    sources: dict[str, int] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    sizes: list[list[int]] = field(default_factory=lambda: [[378, 504]])
    max_images: int = 72
    clips_per_batch: int = 0
    zoom: int = 16
    shuffle: float = 0.25
    colour: float = 0.0
    blur: float = 0.0
    held_out: float = 0.02
    seed: int = 420
