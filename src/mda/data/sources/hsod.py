"""HSOD: pictures of glass in homes with masks (Yu et al., "Progressive Glass Segmentation", IEEE TIP 2022)."""

from mda.data.contract import SourceInfo
from mda.data.sources.pictures import PictureLayout
from mda.data.view_sampling import ViewSampling, Walk

_SPLITS = ("train", "test")

HSOD = SourceInfo(
    name="hsod_glass",
    title="HSOD (glass)",
    licence="research only, see its page",
    link="Yu et al., Progressive Glass Segmentation, IEEE TIP 2022",
    unit="none",
    sky="not labelled",
    layouts=(PictureLayout(parts=(("{split}",),), splits=_SPLITS, images="image", masks="mask", ending=".png"),),
    sampling=ViewSampling(walk=Walk.UNRELATED),
    cameras_known=False,
    splits=_SPLITS,
    folder="hsod_glass",
)
