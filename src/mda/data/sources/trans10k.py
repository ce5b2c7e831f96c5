"""Trans10K: pictures of transparent things and of glass walls with masks."""

from mda.data.contract import SourceInfo
from mda.data.sources.pictures import PictureLayout
from mda.data.view_sampling import ViewSampling, Walk

_SPLITS = ("train", "validation", "test")

TRANS10K = SourceInfo(
    name="trans10k_glass",
    title="Trans10K (glass)",
    licence="research only, see its page",
    link="https://xieenze.github.io/projects/TransLAB/TransLAB.html",
    unit="none",
    sky="not labelled",
    layouts=(
        PictureLayout(parts=(("{split}",),), splits=_SPLITS, images="images", masks="masks", ending="_mask.png"),
        PictureLayout(
            parts=(("{split}", "easy|hard"),),
            splits=_SPLITS,
            images="images",
            masks="masks",
            ending="_mask.png",
            name="original",
        ),
    ),
    sampling=ViewSampling(walk=Walk.UNRELATED),
    cameras_known=False,
    splits=_SPLITS,
    folder="trans10k_glass",
)
