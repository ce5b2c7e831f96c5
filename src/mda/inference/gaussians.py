"""3D Gaussians of networks that have a head for them (da3-giant)."""

from dataclasses import replace

import torch

from mda.data.batches import normalise_images
from mda.errors import ConfigError
from mda.inference.inputs import Inputs, views_of_inputs
from mda.inference.looking import images_of
from mda.inference.predictor import Predictor
from mda.io.video import DEFAULT_FPS
from mda.models.da3 import AnyViewNetwork
from mda.structures import Gaussians


def predict_gaussians(
    predictor: Predictor, inputs: Inputs, *, size: int | None = None, fps: float | None = DEFAULT_FPS, stride: int = 1
) -> Gaussians:
    """One Gaussian for each pixel of each view, in the world that the network chose; all views are looked at together.

    Write them with `mda.io.splats.write_gaussians`.

    Args:
        predictor: of a network with a head for Gaussians.
        inputs: as for `Predictor.predict`.
        size: longer side of the views in pixels; the model's own by default.
        fps: views per second taken from a video; None takes all.
        stride: every stride-th view is taken.

    Returns:
        Gaussians of one clip, on the CPU.

    Raises:
        ConfigError: the network has no such head.
        InputError: nothing could be read.
    """
    network = predictor.network
    if not isinstance(network, AnyViewNetwork) or network.gaussian_head is None:
        message = (
            f"{predictor.name} has no head for 3D Gaussians; of the published networks only da3-giant has. Splats to "
            'begin from are made from any prediction: prediction.export("splats", "splats.ply").'
        )
        raise ConfigError(message)
    reading = {"size": size or predictor.preset.long_side, "patch": network.patch, "fps": fps, "stride": stride}
    views = list(views_of_inputs(inputs, **reading, problems=[]))
    pixels = images_of(views).to(predictor.device)
    images = normalise_images(pixels.permute(0, 3, 1, 2).float() / 255)[None]
    with torch.no_grad():
        found = network(images, gaussians=True).gaussians
    names = ("means", "scales", "rotations", "harmonics", "opacities")
    return replace(found, **{name: getattr(found, name).float().cpu() for name in names})
