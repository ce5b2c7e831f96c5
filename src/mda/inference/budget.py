"""Windows and portions of the heads for a given memory."""

from contextlib import suppress
from dataclasses import replace

import numpy as np

from mda.errors import ConfigError
from mda.inference.memory import peak_bytes, views_within
from mda.inference.predictor import Predictor
from mda.inference.windows import DEFAULT_MAX_VIEWS, Plan
from mda.io.clips import ClipView
from mda.io.resize import CropBox, ResizedView
from mda.mixtures import Decoder
from mda.models.heads import default_chunk


def fitted_to(
    predictor: Predictor, gib: float, image_hw: tuple[int, int], decoder: Decoder | str | None = None
) -> tuple[Predictor, int]:
    """A predictor that uses so much memory of its device, and how many views of a size it can look at together then.

    Its dense heads compute one view at a time where larger portions, which are faster, would leave no room for windows
    of the usual size.

    Args:
        predictor: the model.
        gib: memory of the device in GiB, weights included.
        image_hw: height and width of the views.
        decoder: how a depth is chosen; the model's own by default.

    Raises:
        ConfigError: not even two views fit.
    """
    usual = replace(predictor, chunk=predictor.chunk or default_chunk(predictor.device))
    if usual.chunk != 1:
        with suppress(ConfigError):  # not even two views, at portions of this size
            views = _views_within(usual, gib, image_hw, decoder)
            if views >= DEFAULT_MAX_VIEWS:
                return usual, views
    one_by_one = replace(predictor, chunk=1)
    return one_by_one, _views_within(one_by_one, gib, image_hw, decoder)


def _views_within(predictor: Predictor, gib: float, image_hw: tuple[int, int], decoder: Decoder | str | None) -> int:
    """How many views of a size fit, measured on views of noise.

    Raises:
        ConfigError: not even two.
    """
    noise = np.random.default_rng(0)
    crop = CropBox(top=0, left=0, height=image_hw[0], width=image_hw[1])

    def view() -> ClipView:
        pixels = noise.integers(0, 256, (*image_hw, 3), dtype=np.uint8)
        return ClipView(name="noise", view=ResizedView(pixels=pixels, source_hw=image_hw, crop=crop))

    def peak(count: int) -> int:
        views = [view() for _ in range(count)]
        return peak_bytes(lambda: list(predictor.stream(views, plan=Plan(max_views=count), decoder=decoder)), device)

    device = predictor.device
    weights = sum(tensor.nbytes for tensor in predictor.network.state_dict().values())
    return views_within(round(gib * 2**30), weights, peak)
